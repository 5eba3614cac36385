#!/usr/bin/env python3
"""Published attack packets: each gets its rcode or silence, in few bytes, and costs nobody anything."""
import collections, os, re, socket, ssl, struct, subprocess, threading, time

import references, wire
from hostile import HEADERS, RECORDS, SHORT, STREAMS, TLVS, ZONE, ZONE_FILE, attacks, framed
from lab import Failed, free_port, main, until

GROWTH_MAX = 22  # bytes by which a reply without records may be longer than its query
LOG_LINES_MAX = 6  # a line a minute for each kind of abuse (server/control/abuse.h)
PAUSE_S = 0.03
IDENT, SENTINEL_IDENT = 0x1234, 0xffff
RCODES = {**dict(enumerate(wire.RCODES)), 16: "BADVERS", 23: "BADCOOKIE"}
SENTINEL = wire.stamped(wire.query(wire.name_wire(f"host.{ZONE}"), 1), SENTINEL_IDENT)
PROXY = b"\r\n\r\n\0\r\nQUIT\n" + b"\x21\x12\0\x0c" + bytes([192, 0, 2, 1, 192, 0, 2, 2]) + b"\x10\0\0\x35"


# The server under attack ------------------------------------------------------------------------------------


def certificate(lab):
    cert, key = lab.dir / "dot.crt", lab.dir / "dot.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "90",
                    "-subj", "/CN=ns1.example", "-out", cert, "-keyout", key], check=True, capture_output=True)
    os.chmod(key, 0o600)
    return cert, key


def zone_import(lab):
    path = lab.dir / "import"
    path.write_text(ZONE_FILE)
    lab.init()
    lab.ctl("import", path, "--zone", ZONE)


def serve(lab, *more):
    """gslbd with listeners of each kind."""
    zone_import(lab)
    (cert, key), lab.tls, lab.proxy = certificate(lab), free_port(), free_port()
    lab.serve("--listen-tls", f"127.0.0.1@{lab.tls}", "--tls-cert", cert, "--tls-key", key, "--listen-proxy",
              f"127.0.0.1@{lab.proxy}",
              "--proxy-from", "127.0.0.1/32", *more)
    lab.workers = lab.server.named("gslbd:worker")
    lab.lines = lab.server.log().count("\n")


def metrics(lab):
    return {series: int(float(value)) for series, value in re.findall(r"^(gslbd_\S+) (\S+)$", lab.metrics(), re.M)}


def unharmed(lab):
    """No worker has died, and the log has not been written full."""
    assert lab.server.named("gslbd:worker") == lab.workers, "a worker died"
    lines = lab.server.log().count("\n") - lab.lines
    assert lines <= LOG_LINES_MAX, f"{lines} lines of log:\n{lab.server.log()[-2000:]}"


# Exchanges --------------------------------------------------------------------------------------------------


def stamped(packet):
    return wire.stamped(packet, IDENT) if len(packet) >= 12 else packet


class Udp:
    """An exchange is a packet and a query behind it, whose reply says that there is none to the packet."""

    def __init__(self, port, head=b"", source=0, address="127.0.0.1"):
        self.head, self.sock = head, socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(3)
        self.sock.bind((address, source))
        self.sock.connect(("127.0.0.1", port))

    def exchange(self, packet):
        room = 65507 - len(self.head)
        self.sock.send(self.head + packet[:room])
        self.sock.send(self.head + SENTINEL)
        replies = []
        while not replies or replies[-1][:2] != SENTINEL[:2]:
            replies.append(self.sock.recv(65535))
        assert len(replies) <= 2, f"{len(replies) - 1} replies to one packet"
        return replies[0] if len(replies) == 2 else None


class Stream:
    """The same on a connection, or where the server closes it, on the next one."""

    def __init__(self, port, head=b"", secure=False):
        self.port, self.head, self.secure = port, head, secure
        self.open()

    def open(self):
        self.got = b""
        self.sock = socket.create_connection(("127.0.0.1", self.port), 3)
        if self.secure:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.sock = context.wrap_socket(self.sock)
        self.sock.sendall(self.head)

    def reply(self):
        """The next one, or None when the server has closed."""
        while len(self.got) < 2 or len(self.got) < 2 + struct.unpack_from(">H", self.got)[0]:
            more = self.sock.recv(65537)
            if not more:
                return None
            self.got += more
        end = 2 + struct.unpack_from(">H", self.got)[0]
        reply, self.got = self.got[2:end], self.got[end:]
        return reply

    def exchange(self, packet):
        replies = []
        try:
            self.sock.sendall(framed(packet) + framed(SENTINEL))
            while (reply := self.reply()) is not None:
                replies.append(reply)
                if reply[:2] == SENTINEL[:2]:
                    assert len(replies) <= 2, f"{len(replies) - 1} replies to one packet"
                    return replies[0] if len(replies) == 2 else None
        except (ConnectionError, ssl.SSLError):
            pass
        assert not replies, "the connection ended behind a reply"
        self.sock.close()
        self.open()
        self.sock.sendall(framed(SENTINEL))
        assert self.reply(), "the server does not answer the next connection"
        return None


# What has to be ---------------------------------------------------------------------------------------------


def outcome_text(reply):
    if reply is None:
        return None
    rcode = wire.Reply(reply).rcode
    return RCODES.get(rcode, str(rcode))


def len_max(packet, reply):
    """Bytes that a reply over UDP may have."""
    edns = wire.Reply(packet).edns
    limit = max(512, min(1232, edns["size"])) if edns else 512
    return limit if reply.counts[1] + reply.counts[2] > 0 else min(max(limit, len(packet)),
                                                                   len(packet) + GROWTH_MAX)


def reply_check(packet, raw, datagram):
    """What every reply is, whatever it was a reply to. Returns what is wrong."""
    reply = wire.Reply(raw)
    wrong = list(reply.damage)
    if raw[:2] != packet[:2] or not reply.flag(wire.QR) or (raw[2] ^ packet[2]) & 0x78 or reply.flags & 0x70:
        wrong.append(f"a header of {raw[:12].hex()}")
    if reply.question not in (b"", packet[12:12 + len(reply.question)]):
        wrong.append("another question")
    if datagram and len(raw) > len_max(packet, reply):
        wrong.append(f"{len(raw)} bytes for {len(packet)}")
    return wrong


def attacked(way, table, datagram):
    """Send all of it. Returns what went wrong, how many got each outcome, and the replies."""
    bad, seen, replies = [], collections.Counter(), []
    for attack in table:
        packet, expected = stamped(attack.packet), attack.outcome if datagram else attack.stream
        raw = way.exchange(packet)
        outcome = outcome_text(raw)
        seen[outcome] += 1
        wrong = reply_check(packet, raw, datagram) if raw else []
        replies += [raw] if raw else []
        if outcome != expected:
            wrong.append(f"{outcome}, not {expected}")
        if wrong:
            bad.append(f"{attack.source}: {attack.what}: {'; '.join(wrong)}\n        {packet[:120].hex()}")
    return bad, seen, replies


def counted(lab, before, seen):
    """Each packet is in exactly one counter: of an rcode, or of what is dropped. NOERROR has sentinels too."""
    def moved():
        now = metrics(lab)
        return {series: now[series] - before[series] for series in now if now[series] != before.get(series)}
    def is_all():
        drops = sum(count for series, count in moved().items() if series.startswith("gslbd_drops_total"))
        rcodes = {name: moved().get(f'gslbd_replies_total{{rcode="{name}"}}', 0) for name in seen if name}
        sentinels = rcodes.pop("NOERROR") - seen["NOERROR"]
        return drops == seen[None] and sentinels >= sum(seen.values()) \
            and all(seen[name] == count for name, count in rcodes.items())
    until(f"counters have {dict(seen)}", is_all, 3, 0.1)


def report(bad):
    for text in bad[:60]:
        print(f"     {text}")
    assert not bad, f"{len(bad)} are not as they should be"


def every_attack_has_its_outcome_on_every_transport(lab):
    serve(lab)
    table, bad = list(attacks()), []
    for name, way in (("udp", Udp(lab.port)), ("tcp", Stream(lab.port)),
                      ("tls", Stream(lab.tls, secure=True)),
                      ("proxied udp", Udp(lab.proxy, PROXY)), ("proxied tcp", Stream(lab.proxy, PROXY))):
        before = metrics(lab)
        found, seen, _ = attacked(way, table, isinstance(way, Udp))
        bad += [f"{name}: {text}" for text in found]
        print(f"     {name}: " + ", ".join(f"{count} {outcome or 'silent'}" for outcome,
                                           count in sorted(seen.items(), key=str)))
        if not bad:
            counted(lab, before, seen)
        unharmed(lab)
    report(bad)


def nothing_goes_round_in_circles(lab):
    """No reply of ours gets another one (CVE-2024-2169), and what answers everything gets none (CVE-1999-0103)."""
    serve(lab)
    way, before = Udp(lab.port), metrics(lab)
    replies = attacked(way, list(attacks()), True)[2]
    assert len(replies) > 150
    for raw in replies:
        assert way.exchange(raw) is None, raw.hex()
    for packet in SHORT:
        assert way.exchange(packet) is None and Udp(lab.proxy, PROXY).exchange(packet) is None, packet
    line = bytes(range(0x21, 0x21 + 72)) + b"\r\n"
    assert outcome_text(way.exchange(line)) == "NOTIMP" # as it is for who asks from another port
    for port in (7, 11, 13, 17, 19, 37) if os.geteuid() == 0 else ():
        from_port = Udp(lab.port, source=port)
        for packet in (line, SENTINEL):
            from_port.sock.send(packet)
        from_port.sock.settimeout(0.05)
        try:
            assert not from_port.sock.recv(512), port
        except TimeoutError:
            pass
    series = 'gslbd_drops_total{reason="response"}'
    until("each is counted", lambda: metrics(lab)[series] >= before[series] + len(replies), 3, 0.1)
    unharmed(lab)


def end_of(sock, seconds):
    """Whether the server closes within that time; what it sends is thrown away."""
    sock.settimeout(seconds)
    try:
        while sock.recv(65536):
            pass
        return "closed"
    except TimeoutError:
        return "waiting"
    except ConnectionError:
        return "closed"


def stream_sent(port, data, seconds):
    """Send it, see whether it is closed, and reset what is not."""
    with socket.create_connection(("127.0.0.1", port), 3) as sock:
        try:
            sock.sendall(data)
        except ConnectionError:
            pass
        end = end_of(sock, seconds)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return end


def every_stream_is_closed_or_waited_for(lab):
    serve(lab)
    bad = []
    def expect(name, what, port, data, expected):
        found = stream_sent(port, data, 3 if expected == "closed" else 0.2)
        if found != expected:
            bad.append(f"{name}: {what}: {found}, not {expected}")
        assert Udp(lab.port).exchange(b"") is None # the server answers
    for source, what, data, expected in STREAMS:
        expect("tcp", f"{source}: {what}", lab.port, data, expected)
        expect("proxied", f"{source}: {what}", lab.proxy, PROXY + data, expected)
    for source, what, data in RECORDS:
        expect("tls", f"{source}: {what}", lab.tls, data, "closed")
    for what, data, expected in HEADERS:
        expect("PROXY v2 2", what, lab.proxy, data, expected)
    report(bad)
    assert outcome_text(Udp(lab.proxy, TLVS).exchange(b"\0" * 12)) == "FORMERR" # what TLVs claim is not read
    pipelined_thousands_cost_nobody(lab)
    renegotiation_is_refused(lab)
    until("no connection is left (CVE-2022-0396)", lambda: metrics(lab)["gslbd_tcp_open"] == 0, 5, 0.1)
    counts = metrics(lab)
    assert counts['gslbd_drops_total{reason="long"}'] >= 12 and counts['gslbd_drops_total{reason="short"}'] >= 6
    assert counts["gslbd_proxy_refused_total"] >= 8
    assert counts["gslbd_tls_handshakes_failed_total"] >= len(RECORDS)
    unharmed(lab)


def pipelined_thousands_cost_nobody(lab):
    """Queries whose replies nobody reads, and a reset (CVE-2019-6477, CVE-2024-0760)."""
    many = framed(wire.query(wire.name_wire(f"big.{ZONE}"), 16)) * 3000
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", lab.port), 3) as sock:
            sock.setblocking(False)
            try:
                sock.send(many)
            except BlockingIOError:
                pass
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        begin = time.monotonic()
        Udp(lab.port).exchange(b"")
        assert time.monotonic() - begin < 1


def renegotiation_is_refused(lab):
    """CVE-2011-1473, CVE-2021-3449."""
    argv = ["openssl", "s_client", "-connect", f"127.0.0.1:{lab.tls}", "-tls1_2"]
    client = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True)
    client.stdin.write("R\n")
    client.stdin.flush()
    try:
        said = client.communicate(timeout=5)[0]
    except subprocess.TimeoutExpired:
        client.kill()
        said = client.communicate()[0]
    assert "RENEGOTIATING" in said and "no renegotiation" in said, said[-500:]


# Floods -----------------------------------------------------------------------------------------------------


class Flood(threading.Thread):
    """A second of queries, each another, from an address whose network has a limit."""

    def __init__(self, port, make, seconds=1.0):
        super().__init__()
        self.way, self.make, self.seconds = Udp(port, source=0, address="127.0.5.5"), make, seconds
        self.sent = self.sent_bytes = self.got_bytes = 0
        self.got = collections.Counter()

    def take(self):
        self.way.sock.setblocking(False)
        try:
            while True:
                raw = self.way.sock.recv(4096)
                self.got[outcome_text(raw) + (" TC" if raw[2] & 2 else "")] += 1
                self.got_bytes += len(raw)
        except BlockingIOError:
            pass

    def run(self):
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            packet = self.make(self.sent)
            self.way.sock.send(packet)
            self.sent, self.sent_bytes = self.sent + 1, self.sent_bytes + len(packet)
            self.take()
        time.sleep(0.1)
        self.take()


def floods_get_little_and_others_get_all(lab):
    """Random subdomains ("water torture", 2014), ANY (RFC 8482), names that are refused, and cookies."""
    rate = 50
    serve(lab, "--rate-limit", str(rate))
    any_name = wire.name_wire(ZONE)
    cookie = wire.opt(options=wire.option(10, b"12345678"))
    makes = {"random subdomains": lambda i: wire.query(wire.name_of([b"r%d" % i]) [:-1] + any_name, 1),
             "ANY": lambda i: wire.query(any_name, 255, extra=wire.opt(4096)),
             "refused names": lambda i: wire.query(wire.name_wire(f"r{i}.example"), 1),
             "a client's cookie": lambda i: wire.query(any_name, 255, extra=cookie)}
    for what, make in makes.items():
        flood, lost, asked = Flood(lab.port, make), 0, 0
        flood.start()
        while flood.is_alive():
            try:
                asked += 1
                Udp(lab.port, source=0, address="127.0.9.1").exchange(b"")
            except TimeoutError:
                lost += 1
            time.sleep(0.04) # 25 a second: below the rate
        whole = sum(count for name,
                    count in flood.got.items() if not name.endswith("TC") and name != "BADCOOKIE")
        print(f"     {what}: {flood.sent} queries, {flood.sent_bytes} bytes; {dict(flood.got)}, {flood.got_bytes} bytes")
        assert asked > 10 and lost == 0, f"{lost} of {asked} of another client's got no reply"
        assert flood.sent > 20 * rate and whole <= rate * (flood.seconds + 1) + 1, (flood.sent, flood.got)
        assert flood.got_bytes < flood.sent_bytes + whole * 512, "more bytes than the attacker has sent"
        unharmed(lab)
    counts = metrics(lab)
    assert counts['gslbd_drops_total{reason="rate"}'] > 0 and counts["gslbd_rate_truncated_total"] > 0


def theirs(address, table):
    """The outcomes at another server, which may send an old reply again behind a packet that it drops."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(address)
        for i, attack in enumerate(table):
            (raw,), _ = wire.udp_batch(sock, [attack.packet[:65507]], 1 + i, SENTINEL, PAUSE_S)
            found.append(outcome_text(raw))
    return found


def every_outcome_that_knot_and_nsd_do_not_have_has_its_clause(lab):
    zone_import(lab)
    table, files = list(attacks()), {f"{ZONE}.": ZONE_FILE}
    knot = theirs(references.knot_start(lab, files, SENTINEL), table)
    nsd = theirs(references.nsd_start(lab, files, SENTINEL), table)
    bad, alone = [], 0
    for attack, *others in zip(table, knot, nsd):
        differs = attack.outcome not in others
        alone += differs
        if differs != bool(attack.reason):
            bad.append(f"{attack.what}: ours {attack.outcome}, Knot and NSD {others}; reason: {attack.reason}")
    print(f"     {len(table)} packets, {alone} outcomes that neither Knot nor NSD has")
    report(bad)


if __name__ == "__main__":
    references.need("/usr/sbin/knotd", "/usr/sbin/nsd")
    main(every_attack_has_its_outcome_on_every_transport, nothing_goes_round_in_circles,
         every_stream_is_closed_or_waited_for,
         floods_get_little_and_others_get_all, every_outcome_that_knot_and_nsd_do_not_have_has_its_clause)
