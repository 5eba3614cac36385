#!/usr/bin/env python3
"""UDP and TCP, IPv4 and IPv6, every type, truncation, client subnet in and out: what a resolver meets."""
import contextlib, socket, struct, subprocess, threading, time

import wire
from lab import FIRST_SESSION, TOR, free_port, main, until

WWW, EU = "www.gslb.example.com", "193.0.6.0/24"
ZONE = "gslb.example.com"


def static(lab):
    lab.init()
    lab.sql(FIRST_SESSION)
    lab.sql(f"""INSERT INTO record(zone, name, type, data) VALUES
        ('{ZONE}', 'host', 'A', '192.0.2.10'), ('{ZONE}', 'host', 'AAAA', '2001:db8::10'), ('{ZONE}', 'host', 'TXT', '"one two" "three"'),
        ('{ZONE}', 'alias', 'CNAME', 'host'), ('{ZONE}', 'far', 'CNAME', 'elsewhere.example.net.'), ('{ZONE}', '@', 'MX', '10 host'),
        ('{ZONE}', 'steer', 'CNAME', 'www'), ('{ZONE}', '_sip._tcp', 'SRV', '1 2 5060 host'),
        ('{ZONE}', 'host', 'TYPE65280', '\\# 3 0a0b0c'), ('{ZONE}', '@', 'CAA', '0 issue "ca.example.net"'),
        ('{ZONE}', 'www', 'TXT', '"beside a service"'), ('{ZONE}', 'a.b.c', 'A', '192.0.2.11'),
        ('{ZONE}', '*.wild', 'A', '192.0.2.12'), ('{ZONE}', 'sub', 'NS', 'ns.sub'), ('{ZONE}', 'ns.sub', 'A', '192.0.2.13');""")
    rows = ",".join(f"('{ZONE}', 'big', 'A', '198.18.{i // 250}.{i % 250}')" for i in range(500))
    lab.sql(f"INSERT INTO record(zone, name, type, data) VALUES {rows}")


def every_kind_of_static_answer_is_right(lab):
    static(lab)
    lab.serve(geoip=TOR)
    assert lab.answer(f"host.{ZONE}") == ["192.0.2.10"] and lab.answer(f"host.{ZONE}", "AAAA") == ["2001:db8::10"]
    assert lab.answer(f"host.{ZONE}", "TXT") == ['"one two" "three"']
    assert lab.answer(f"alias.{ZONE}") == ["192.0.2.10", f"host.{ZONE}."]
    assert lab.answer(f"far.{ZONE}") == ["elsewhere.example.net."]
    assert lab.answer(ZONE, "MX") == [f"10 host.{ZONE}."]
    assert lab.answer(f"_sip._tcp.{ZONE}", "SRV") == [f"1 2 5060 host.{ZONE}."]
    assert lab.answer(f"host.{ZONE}", "TYPE65280") == ["\\# 3 0A0B0C"]
    assert lab.answer(ZONE, "CAA") == ['0 issue "ca.example.net"']
    assert lab.answer(WWW, "TXT") == ['"beside a service"']
    assert lab.answer(f"steer.{ZONE}", "A", EU) == ["198.51.100.1", f"{WWW}."]
    assert lab.query(f"b.c.{ZONE}") == "NOERROR" and lab.answer(f"b.c.{ZONE}") == []
    assert lab.query(f"x.c.{ZONE}") == "NXDOMAIN"
    assert lab.answer(f"x.y.wild.{ZONE}") == ["192.0.2.12"]
    assert "ANSWER: 0, AUTHORITY: 1, ADDITIONAL: 2" in lab.dig(f"deep.sub.{ZONE}") # a referral, with its glue
    assert lab.query("example.org") == "REFUSED"
    assert "SOA" in lab.dig(f"host.{ZONE}", "MX") and lab.query(f"host.{ZONE}", "MX") == "NOERROR"
    assert "60 IN SOA" in " ".join(lab.dig(f"nothere.{ZONE}").split())
    assert f"HoSt.{ZONE}." in lab.dig(f"HoSt.{ZONE}")


def client_subnet_goes_in_and_its_scope_comes_out(lab):
    static(lab)
    lab.serve(geoip=TOR)
    assert 1 <= lab.scope(WWW, EU) <= 24
    assert lab.scope(f"host.{ZONE}", EU) == 0
    assert lab.scope(WWW, "10.1.2.0/24") == 24 # private: for nobody else
    assert lab.scope(WWW, "0.0.0.0/0") == 0
    assert "CLIENT-SUBNET" not in lab.dig(WWW)
    assert 1 <= lab.scope(WWW, "2001:67c:2e8::/48") <= 48
    # Whoever shares the scope's bits gets the same answer.
    scope = lab.scope(WWW, EU)
    first = 193 << 24 | 6 << 8
    for step in range(0, 1 << (32 - scope), max(1, (1 << (32 - scope)) // 16)):
        at = (first >> (32 - scope) << (32 - scope)) + step
        assert lab.answer(WWW, "A", socket.inet_ntoa(struct.pack(">I", at)) + "/32") == ["198.51.100.1"]


def too_long_for_udp_is_truncated_and_whole_over_tcp(lab):
    static(lab)
    lab.serve(geoip=TOR)
    udp = lab.dig(f"big.{ZONE}", "+ignore")
    assert " tc" in udp and "ANSWER: 0" in udp
    assert len(lab.answer(f"big.{ZONE}")) == 500
    assert len(lab.answer(f"big.{ZONE}", "A", None, "+tcp")) == 500


def tcp_pipelines_and_survives_slow_and_broken_peers(lab):
    static(lab)
    lab.serve(geoip=TOR)
    name = b"".join(bytes([len(x)]) + x.encode() for x in f"host.{ZONE}".split(".")) + b"\0"
    ask = lambda number: (lambda m: struct.pack(">H", len(m)) + m)(struct.pack(">6H", number, 0, 1, 0, 0, 0) + name + b"\0\1\0\1")
    def take(stream, count):
        ids = set()
        for _ in range(count):
            size = struct.unpack(">H", stream.read(2))[0]
            ids.add(struct.unpack(">H", stream.read(size)[:2])[0])
        return ids
    with socket.create_connection(("127.0.0.1", lab.port), 5) as s:
        s.sendall(b"".join(ask(i) for i in range(100)))
        assert take(s.makefile("rb"), 100) == set(range(100))
    with socket.create_connection(("127.0.0.1", lab.port), 5) as s: # a byte at a time
        for byte in ask(7):
            s.send(bytes([byte]))
            time.sleep(0.002)
        assert take(s.makefile("rb"), 1) == {7}
    broken = [socket.create_connection(("127.0.0.1", lab.port), 5) for _ in range(20)]
    for s in broken:
        s.send(b"\xff")
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close() # reset
    assert lab.answer(f"host.{ZONE}", "A", None, "+tcp") == ["192.0.2.10"]


def ipv6_listens_beside_ipv4(lab):
    static(lab)
    port = free_port()
    lab.serve("--listen", f"::1@{port}", geoip=TOR)
    for transport in ("+notcp", "+tcp"):
        out = subprocess.run(["dig", "@::1", "-p", str(port), transport, "+short", "+tries=1", "+time=2", f"host.{ZONE}"],
                             capture_output=True, text=True)
        assert out.stdout == "192.0.2.10\n", out


def hostile_packets_do_no_harm(lab):
    static(lab)
    server = lab.serve(geoip=TOR)
    workers = server.named("gslbd:worker")
    import random
    rng = random.Random(7)
    opt = bytes.fromhex("00002904d000000000000b0008000700011800c10006")
    good = struct.pack(">6H", 1, 0, 1, 0, 0, 1) + b"\3www\4gslb\7example\3com\0\0\1\0\1" + opt
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("127.0.0.1", lab.port))
        for number in range(20000):
            packet = bytearray(good)
            for _ in range(rng.randrange(1, 6)):
                packet[rng.randrange(len(packet))] = rng.randrange(256)
            s.send(bytes(packet[: rng.randrange(len(packet) + 1)]) if number % 3 else bytes(packet))
    assert lab.answer(f"host.{ZONE}") == ["192.0.2.10"]
    assert server.named("gslbd:worker") == workers, "a worker died"


@contextlib.contextmanager
def queries_without_a_pause(port):
    """More than a worker answers, as long as the block lasts; nobody reads the replies. Yields a list of one number: how many were sent."""
    sent, over = [0], threading.Event()
    packet = wire.query(wire.name_wire(f"host.{ZONE}"), 1)

    def send():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", port))
            while not over.is_set():
                sock.send(packet)
                sent[0] += 1

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield sent
    finally:
        over.set()
        thread.join()


def udp_ask(port, name):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        sock.sendto(wire.query(wire.name_wire(f"{name}.{ZONE}"), 1), ("127.0.0.1", port))
        return wire.Reply(sock.recv(4096))


def a_busy_socket_leaves_the_others_their_turns(lab):
    static(lab)
    other = free_port()
    lab.serve("--listen", f"127.0.0.1@{other}")
    for i in range(2): # it is quiet and busy in turn
        with queries_without_a_pause(lab.port) as sent:
            until("it is busy", lambda: sent[0] > 10000)
            for _ in range(20):
                assert udp_ask(other, "host").sections[0], "no answer at the other address"
                assert wire.tcp_ask(("127.0.0.1", lab.port), wire.query(wire.name_wire(f"host.{ZONE}"), 1)), "no answer over TCP"
            lab.sql(f"INSERT INTO record(zone, name, type, data) VALUES ('{ZONE}', 'new{i}', 'A', '192.0.2.20')")
            until("a commit is answered", lambda: udp_ask(other, f"new{i}").sections[0])
        assert lab.answer(f"new{i}.{ZONE}") == ["192.0.2.20"], "no answer where it was busy"


main(every_kind_of_static_answer_is_right, client_subnet_goes_in_and_its_scope_comes_out,
     too_long_for_udp_is_truncated_and_whole_over_tcp, tcp_pipelines_and_survives_slow_and_broken_peers,
     ipv6_listens_beside_ipv4, hostile_packets_do_no_harm, a_busy_socket_leaves_the_others_their_turns)
