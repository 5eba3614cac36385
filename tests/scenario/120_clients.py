#!/usr/bin/env python3
"""dig, kdig, drill, delv and dnspython read our replies, say nothing against them, and agree on every record with the bytes we sent."""
import json, pathlib, re, socket, subprocess

import wire, zonemake
from lab import FIRST_SESSION, TOR, Failed, main
from references import need

HERE = pathlib.Path(__file__).resolve().parent
COMPLAINTS = re.compile(r"warn|malformed|bad packet|extra|unexpected|(?<!NO)error|mismatch|failed|trailing|not recursive|timed out", re.I)
QUIET = re.compile(r"recursion requested but not available|recursion not available|truncated reply from .*, retrying over TCP", re.I)

NAMES = [(f"{name}.example.com", qtype) for name, qtypes in {
    "host": "A AAAA TXT MX", "HoSt.MiXeD": "A", "b.c.d": "A", "nothere": "A", "x.y.wild": "A TXT", "sub.wild": "A TXT", "x.mx": "MX",
    "types": "HINFO RP AFSDB LOC SRV NAPTR KX SSHFP TLSA SVCB HTTPS EUI48 URI CAA PTR TYPE65280 TYPE731 A", "_sip._tcp": "SRV",
    "https": "HTTPS",
    "alias3": "A", "tonone": "A", "tonodata": "MX", "tocut": "A", "tonet": "A", "toorg": "A", "loop1": "A", "x.aliasloop": "A",
    "cut": "DS NS A", "www.cut": "A", "noglue": "A", "nested": "DS", "www.nested": "A", "x.old": "A", "host.old": "A",
    "x.outdn": "AAAA", "x.longdn": "A",
    r"a\.b": "A", r"a\000b": "A", r"\255\200.o": "A", r"sp\032ace": "TXT", r"back\\slash": "A",
    r"\@": "A", r"tobyte": "A", "l" * 63: "A"}.items()
    for qtype in qtypes.split()] + [("example.com", qtype) for qtype in ("SOA", "NS", "MX", "CAA", "ANY", "A")] + [
    ("a300.big.example", "A"), ("a28.big.example", "A"), ("mx.big.example", "MX"), ("x65000.big.example", "TXT"), ("example.org", "A")]
STEERED = [("www.gslb.example.com", "A", "193.0.6.0/24"), ("www.gslb.example.com", "A", "8.8.8.0/24"),
           ("www.gslb.example.com", "A", "2001:67c:2e8::/48"),
           ("www.gslb.example.com", "AAAA", "193.0.6.0/24")]


class Dnspython:
    """The program dnspython.py, asked a line at a time."""

    def __init__(self, *words):
        self.popen = subprocess.Popen(["/usr/bin/python3", HERE / "dnspython.py", *map(str, words)],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, asked):
        self.popen.stdin.write(json.dumps(asked) + "\n")
        self.popen.stdin.flush()
        line = self.popen.stdout.readline()
        if not line:
            raise Failed(f"dnspython does not take {asked}")
        return json.loads(line)

    def close(self):
        self.popen.stdin.close()
        self.popen.stdout.close()
        return self.popen.wait(10)


def run(argv):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20)
    return done.stdout + done.stderr


def complaints(text):
    """Lines of a client that are neither a record nor what it says every time."""
    return [line for line in text.splitlines() if line.startswith(";") and COMPLAINTS.search(line) and not QUIET.search(line)]


def records(text):
    """[owner, ttl, type, rdata] of each line that is a record."""
    rows = []
    for line in text.splitlines():
        found = re.match(r"(\S+)\s+(\d+)\s+IN\s+(\S+)(?:\s+(.*))?$", line)
        if found and not line.startswith(";"):
            rows.append([found.group(1), int(found.group(2)), found.group(3), found.group(4) or ""])
    return rows


def sent(lab, name, qtype, subnet):
    """What we send, by wire.py: the records of each section, as dnspython gives them."""
    extra = wire.opt(options=subnet_option(subnet) if subnet else b"")
    packet = wire.query(wire.name_wire(name), wire.type_number(qtype), 1, extra)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.sendto(packet, ("127.0.0.1", lab.port))
        reply = wire.Reply(sock.recv(65535))
    if reply.flag(wire.TC):
        reply = wire.Reply(wire.tcp_ask(("127.0.0.1", lab.port), packet))
    assert not reply.damage, f"{name} {qtype}: {reply.damage}"
    return [sorted([rr.owner.hex(), rr.ttl, rr.type, rr.rdata.hex()] for rr in section) for section in reply.sections]


def subnet_option(subnet):
    address, bits = subnet.split("/")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    size = (int(bits) + 7) // 8
    return wire.subnet(2 if ":" in address else 1, int(bits), 0, socket.inet_pton(family, address)[:size])


def argvs(lab, name, qtype, subnet):
    """client -> its command line. drill and delv have no option for a client subnet."""
    port, more = str(lab.port), [f"+subnet={subnet}"] if subnet else []
    found = {"dig": ["dig", "@127.0.0.1", "-p", port, "+tries=1", "+norec", "+nocookie", "+nosplit", name, qtype, *more],
             "kdig": ["kdig", "@127.0.0.1", "-p", port, "+retry=0", "+norec", "+edns", "+bufsize=1232", name, qtype, *more]}
    if not subnet:
        found["drill"] = ["drill", "-a", "-o", "rd", "-b", "1232", "-p", port, f"{name}.", "@127.0.0.1", qtype]
    return found


def flat(sections):
    return sorted(row for section in sections for row in section)


def begin(lab):
    lab.init()
    lab.sql(FIRST_SESSION)
    for zone, text in zonemake.zones(1).items():
        path = lab.dir / f"{zone}import"
        path.write_text(zonemake.zone_file(zone, text, 1), encoding="latin-1")
        lab.ctl("import", path, "--zone", zone.rstrip("."))
    lab.serve(geoip=TOR)


def differing(lab, wired, asking, name, qtype, subnet):
    """A sentence for each client that reads something else than we sent, or complains."""
    expected = flat(sent(lab, name, qtype, subnet))
    if flat(asking.ask([name, qtype, subnet])) != expected:
        yield f"{name} {qtype} {subnet}: dnspython reads something else"
    for client, argv in argvs(lab, name, qtype, subnet).items():
        text = run(argv)
        if complaints(text):
            yield f"{name} {qtype}: {client} says {complaints(text)}"
        found = sorted(wired.ask(records(text)))
        if found != expected:
            yield f"{name} {qtype}: {client} reads {found}, sent was {expected}\n{text}"


def every_client_reads_what_we_send(lab):
    begin(lab)
    wired, asking = Dnspython("wire"), Dnspython("ask", lab.port)
    bad = [sentence for name, qtype, subnet in [(*row, None) for row in NAMES] + STEERED
           for sentence in differing(lab, wired, asking, name, qtype, subnet)]
    assert wired.close() == 0 and asking.close() == 0
    assert not bad, "\n".join(bad)


def delv_takes_every_answer_as_unsigned(lab):
    """delv resolves rather than shows: it asks us as its resolver, with validation off, and prints what it would use."""
    begin(lab)
    wired = Dnspython("wire")
    for name, qtype in (("host.example.com", "A"), ("host.example.com", "AAAA"), ("example.com", "SOA"), ("example.com", "MX"),
                        ("x.y.wild.example.com", "TXT"),
                        ("types.example.com", "SVCB"), ("_sip._tcp.example.com", "SRV"),
                        ("www.gslb.example.com", "A"), ("cut.example.com", "DS")):
        text = run(["delv", "@127.0.0.1", "-p", str(lab.port), "-i", "+nosplit", name, qtype])
        found, answer = sorted(wired.ask(records(text))), sent(lab, name, qtype, None)[0]
        assert found == answer and found and not complaints(text), f"{name} {qtype}: {text}"
    assert "ncache nxdomain" in run(["delv", "@127.0.0.1", "-p", str(lab.port), "-i", "nothere.example.com", "A"])
    assert "ncache nxrrset" in run(["delv", "@127.0.0.1", "-p", str(lab.port), "-i", "host.example.com", "CAA"])
    assert wired.close() == 0


need("/usr/bin/kdig", "/usr/bin/drill", "/usr/bin/delv", "/usr/lib/python3/dist-packages/dns")
main(every_client_reads_what_we_send, delv_takes_every_answer_as_unsigned)
