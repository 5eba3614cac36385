#!/usr/bin/env python3
"""TCP under load: idle connections go the sooner the more there are, slow peers cost nobody, ten thousand fit."""
import pathlib, resource, socket, struct, threading, time

from lab import FIRST_SESSION, HOST_AND_BIG, closed_within, main, until
import wire

ZONE = "gslb.example.com"


def serve(lab, connections, **more):
    lab.init()
    lab.sql(FIRST_SESSION)
    lab.sql(HOST_AND_BIG)
    return lab.serve("--tcp-connections", connections, **more)


def query(name, qtype=1):
    return wire.framed(wire.query(wire.name_wire(f"{name}.{ZONE}"), qtype))


def connect(lab, source="127.0.0.1"):
    return socket.create_connection(("127.0.0.1", lab.port), 5, (source, 0))


def ask(sock, seconds=3):
    sock.settimeout(seconds)
    sock.sendall(query("host"))
    got = b""
    while len(got) < 2 or len(got) < 2 + struct.unpack_from(">H", got)[0]:
        more = sock.recv(4096)
        if not more:
            raise OSError("closed")
        got += more


def who_does_not_go_on_is_closed_when_it_is_crowded(lab):
    serve(lab, 8) # from seven on two seconds
    writer = connect(lab) # the oldest, so the first to go
    others = [connect(lab, "127.0.0.2") for _ in range(5)]
    busy = connect(lab)
    ask(busy)
    stop = threading.Event()
    def trickle():
        for byte in query("host") * 100: # a byte now and then, and never a whole query in time
            if stop.wait(0.15):
                return
            try:
                writer.send(bytes([byte]))
            except OSError:
                return
    thread = threading.Thread(target=trickle)
    thread.start()
    begin = time.monotonic()
    try:
        while time.monotonic() - begin < 1.5: # who asks stays
            ask(busy)
            time.sleep(0.1)
        until("the slow writer is closed", lambda: closed(writer), 2)
    finally:
        stop.set()
        thread.join()
    ask(busy)
    assert not all(closed(sock) for sock in others) # those that are left have ten seconds
    ask(connect(lab, "127.0.0.3"))


def closed(sock):
    sock.setblocking(False)
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def who_does_not_read_is_closed_and_others_are_not(lab):
    serve(lab, 8)
    keep = [connect(lab, "127.0.0.2") for _ in range(5)]
    quick, slow = connect(lab), connect(lab)
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.setblocking(False)
    try:
        while True: # more replies than the kernel takes
            slow.send(query("big", 16) * 50)
    except BlockingIOError:
        pass
    begin = time.monotonic()
    while time.monotonic() - begin < 4: # it is cut off, whatever it goes on to send
        before = time.monotonic()
        ask(quick)
        assert time.monotonic() - before < 1
        for sock in keep:
            try:
                ask(sock)
            except OSError:
                pass
        time.sleep(0.1)
    assert closed_within(slow, 3) < 3
    ask(quick)


def who_does_not_read_takes_no_room_from_who_does(lab):
    serve(lab, 256)
    stalled = []
    for _ in range(80): # more than CONNECTION_SPARES_MAX
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.bind(("127.0.0.2", 0))
        sock.connect(("127.0.0.1", lab.port))
        sock.setblocking(False)
        sock.send(query("big", 16) * 500)
        stalled.append(sock)
    reader = connect(lab)
    reader.sendall(query("big", 16) * 400)
    left = 400 * 300 * 61 # their texts alone
    while left > 0:
        got = len(reader.recv(65536))
        assert got > 0
        left -= got
        time.sleep(0.0005) # the kernel does not take all at once


def one_client_leaves_room_for_others(lab):
    serve(lab, 40)
    mine = [connect(lab) for _ in range(40)]
    def held():
        return sum(not closed(sock) for sock in mine)
    until("three quarters are held", lambda: held() == 30, 3)
    for source in ("127.0.0.2", "127.0.0.3"):
        ask(connect(lab, source))
    assert held() == 30


def resident_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])


def ten_thousand_idle_connections_fit_100_mb(lab):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(10000, hard - 500)
    server = serve(lab, 16000)
    pid, = server.named("gslbd:worker")
    before = resident_kib(pid)
    held = []
    try:
        for i in range(count):
            held.append(connect(lab, f"127.0.{i // 5000}.7"))
            ask(held[-1])
        after = resident_kib(pid)
        print(f"     {count} connections: {after} KiB, {(after - before) * 1024 // count} bytes each")
        assert after < 100000 * count // 10000, (before, after)
        ask(held[-1])
    finally:
        for sock in held:
            sock.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def clients_leave_room_for_the_next_world(lab):
    """Every image of a world comes as a descriptor, beside those of the connections."""
    lab.init()
    lab.sql("BEGIN;" + "".join(f"""INSERT INTO zone(name, mname, rname) VALUES ('z{i}.test', 'ns.z{i}.test', 'h@z.test');
        INSERT INTO record(zone, name, type, data) VALUES ('z{i}.test', '@', 'NS', 'ns.z{i}.test.'), ('z{i}.test', 'a', 'A', '192.0.2.1');"""
                               for i in range(400)) + "COMMIT;")
    start = lab.start
    lab.start = lambda name, argv: start(name, argv, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (260, 260)))
    server = lab.serve("--tcp-connections", 256)
    assert "event=descriptors tcp_connections=256 fitting=34 limit=260" in server.log(), server.log()
    worker = server.named("gslbd:worker")
    held = [connect(lab) for _ in range(192)]
    try:
        lab.sql("UPDATE record SET data = '192.0.2.2' WHERE type = 'A'")
        until("the new world", lambda: lab.answer("a.z7.test") == lab.answer("a.z399.test") == ["192.0.2.2"], 20)
        assert server.named("gslbd:worker") == worker, server.log()
    finally:
        for sock in held:
            sock.close()


if __name__ == "__main__":
    main(who_does_not_go_on_is_closed_when_it_is_crowded, who_does_not_read_is_closed_and_others_are_not,
         who_does_not_read_takes_no_room_from_who_does, one_client_leaves_room_for_others, clients_leave_room_for_the_next_world,
         ten_thousand_idle_connections_fit_100_mb)
