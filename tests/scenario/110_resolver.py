#!/usr/bin/env python3
"""Debian's unbound and BIND in front of gslbd: client subnets forwarded, scopes cached, names minimised and in mixed case, TC over TCP."""
import ipaddress, re, subprocess

from lab import FIRST_SESSION, TOR, Failed, free_port, main, until
from references import bind_start, die_with_the_lab, need
import wire

ZONE, WWW = "gslb.example.com", "www.gslb.example.com"
EU, US = "193.0.6.0/24", "8.8.8.0/24"
ADDRESS = {EU: ["198.51.100.1"], US: ["203.0.113.1"]}

STATIC = f"""
INSERT INTO record(zone, name, type, data) VALUES
    ('{ZONE}', 'host', 'A', '192.0.2.10'), ('{ZONE}', 'host', 'AAAA', '2001:db8::10'), ('{ZONE}', 'host', 'TXT', '"one two" "three"'),
    ('{ZONE}', 'alias', 'CNAME', 'host'), ('{ZONE}', 'steer', 'CNAME', 'www'), ('{ZONE}', '@', 'MX', '10 host'),
    ('{ZONE}', 'a.b.c.d.e', 'A', '192.0.2.11'),
    ('{ZONE}', '*.wild', 'A', '192.0.2.12'), ('{ZONE}', 'old', 'DNAME', 'new'), ('{ZONE}', 'x.new', 'A', '192.0.2.13'),
    ('{ZONE}', '_sip._tcp', 'SRV', '1 2 5060 host'), ('{ZONE}', 'host', 'TYPE65280', '\\# 3 0a0b0c');
INSERT INTO record(zone, name, type, data) VALUES
    {",".join(f"('{ZONE}', 'big', 'A', '198.18.{i // 250}.{i % 250}')" for i in range(500))};
"""

UNBOUND = """server:
  interface: 127.0.0.1
  port: {port}
  access-control: 127.0.0.0/8 allow
  do-daemonize: no
  num-threads: 1
  username: ""
  chroot: ""
  directory: "{dir}"
  pidfile: ""
  use-syslog: no
  verbosity: 1
  do-ip6: no
  do-not-query-localhost: no
  module-config: "subnetcache iterator"
  send-client-subnet: 127.0.0.1
  client-subnet-always-forward: yes
  max-client-subnet-ipv4: 24
  max-client-subnet-ipv6: 56
  qname-minimisation: yes
  qname-minimisation-strict: yes
  use-caps-for-id: yes
  edns-buffer-size: 1232
remote-control:
  control-enable: no
stub-zone:
  name: {zone}
  stub-addr: 127.0.0.1@{ours}
"""


class Resolver:
    def __init__(self, lab):
        self.lab, self.port = lab, free_port()
        path = lab.dir / "unbound"
        path.mkdir()
        (path / "unbound.conf").write_text(UNBOUND.format(port=self.port, dir=path, zone=ZONE, ours=lab.port))
        self.process = lab.start("unbound", ["/usr/sbin/unbound", "-d", "-p", "-c", path / "unbound.conf"],
                                 preexec_fn=die_with_the_lab)
        until("unbound answers", lambda: self.alive() and "status: " in self.dig("version.bind", "TXT", "CH"), 20)

    def alive(self):
        if not self.process.running():
            raise Failed(f"unbound ended: {self.process.log()}")
        return True

    def dig(self, *words):
        argv = ["dig", "@127.0.0.1", "-p", str(self.port), "+tries=1", "+time=5", *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=15).stdout

    def answer(self, name, qtype="A", subnet=None):
        # Names come in lower case: what is left of unbound's 0x20 is not ours to compare.
        lines = self.dig("+short", name, qtype, *([f"+subnet={subnet}"] if subnet else [])).split("\n")[:-1]
        return sorted(lines if qtype in ("TXT", "TYPE65280") else map(str.lower, lines))

    def status(self, name, qtype="A"):
        found = re.search(r"status: (\w+)", self.dig(name, qtype))
        return found.group(1) if found else None


CAA_COUNT = 'gslbd_queries_by_type_total{type="CAA"}'


def counted(lab, transport):
    """Queries that have reached gslbd. A CAA query of our own goes last, so that what is before it has been counted with it."""
    marks = lab.metric(CAA_COUNT) or 0
    lab.dig(ZONE, "CAA")

    def caught_up():
        text = lab.fetch("/metrics")[1]
        return text if (lab.metric(CAA_COUNT, text) or 0) > marks else None

    text = until("the mark is counted", caught_up, 10)
    own = lab.metric(CAA_COUNT, text) if transport == "udp" else 0
    return (lab.metric(f'gslbd_queries_total{{transport="{transport}"}}', text) or 0) - own


def begin(lab):
    lab.init()
    lab.sql(FIRST_SESSION)
    lab.sql(STATIC)
    lab.serve(geoip=TOR)
    return Resolver(lab)


def resolver_finds_every_kind_of_static_name(lab):
    resolver = begin(lab)
    expected = {("host", "A"): ["192.0.2.10"], ("host", "AAAA"): ["2001:db8::10"], ("host", "TXT"): ['"one two" "three"'],
                ("alias", "A"): ["192.0.2.10", f"host.{ZONE}."], ("a.b.c.d.e", "A"): ["192.0.2.11"], ("x.y.wild", "A"): ["192.0.2.12"],
                ("x.old", "A"): ["192.0.2.13", f"new.{ZONE}.", f"x.new.{ZONE}."], ("_sip._tcp", "SRV"): [f"1 2 5060 host.{ZONE}."],
                ("host", "TYPE65280"): ["\\# 3 0A0B0C"], ("HoSt", "A"): ["192.0.2.10"]}
    for (name, qtype), answer in expected.items():
        assert resolver.answer(f"{name}.{ZONE}", qtype) == answer, (name, qtype, resolver.dig(f"{name}.{ZONE}", qtype))
    assert resolver.answer(ZONE, "MX") == [f"10 host.{ZONE}."] and resolver.answer(ZONE, "NS") == [f"ns1.{ZONE}."]
    for name, qtype, status in (("nothere", "A", "NXDOMAIN"), ("x.nothere", "A", "NXDOMAIN"), ("b.c.d.e", "A", "NOERROR"),
                                ("c.d.e", "MX", "NOERROR"),
                                ("host", "MX", "NOERROR"), ("x.b.c.d.e", "A", "NXDOMAIN"), ("alias", "MX", "NOERROR")):
        assert resolver.status(f"{name}.{ZONE}", qtype) == status, (name, qtype, resolver.dig(f"{name}.{ZONE}", qtype))


def other_of_the_scope(lab):
    """A subnet that the scope of EU's answer covers too, in other bits than EU's."""
    scope = lab.scope(WWW, EU)
    assert 1 <= scope <= 23, f"the scope of {EU} is {scope}: no other /24 shares it"
    covered = ipaddress.ip_network(EU).supernet(new_prefix=scope)
    return next(str(net) for net in covered.subnets(new_prefix=24) if str(net) != EU)


def steered_name_is_cached_by_our_scope(lab):
    resolver = begin(lab)
    second = other_of_the_scope(lab)
    assert resolver.answer(WWW, "A", EU) == ADDRESS[EU]
    before = counted(lab, "udp")
    assert resolver.answer(WWW, "A", EU) == ADDRESS[EU]
    assert resolver.answer(WWW, "A", second) == ADDRESS[EU]
    assert counted(lab, "udp") == before, f"{second} is in the scope of {EU} and was asked again"
    assert resolver.answer(WWW, "A", US) == ADDRESS[US]
    assert counted(lab, "udp") > before, "another region's client was answered from the cache"
    assert resolver.answer(WWW, "A", EU) == ADDRESS[EU]
    # Beyond a CNAME, the scope is that of the whole chain.
    assert resolver.answer(f"steer.{ZONE}", "A", EU) == sorted([f"{WWW}."] + ADDRESS[EU])
    assert resolver.answer(f"steer.{ZONE}", "A", US) == sorted([f"{WWW}."] + ADDRESS[US])
    # A static name has scope 0: one answer for everybody.
    assert resolver.answer(f"host.{ZONE}", "A", EU) == ["192.0.2.10"]
    before = counted(lab, "udp")
    assert resolver.answer(f"host.{ZONE}", "A", US) == ["192.0.2.10"]
    assert counted(lab, "udp") == before, "a static name was asked again for another client"


def drain_reaches_the_resolvers_clients_after_the_ttl(lab):
    resolver = begin(lab)
    lab.sql(f"UPDATE service SET ttl = 1 WHERE name = '{WWW}'")
    until("the TTL is one second", lambda: re.search(rf"{WWW}\.\s+1\s", lab.dig(WWW, f"+subnet={EU}")), 5)
    assert resolver.answer(WWW, "A", EU) == ADDRESS[EU]
    lab.sql("UPDATE region SET state = 'drain' WHERE name = 'eu'")
    until("Europe goes to us", lambda: resolver.answer(WWW, "A", EU) == ADDRESS[US], 5)


def large_answer_comes_over_tcp(lab):
    resolver = begin(lab)
    assert " tc" in lab.dig(f"big.{ZONE}", "+ignore").split("flags:")[1].split(";")[0]
    before = counted(lab, "tcp")
    assert len(set(line.split()[-1] for line in resolver.dig("+tcp", "+noall", "+answer", f"big.{ZONE}").splitlines())) == 500
    assert counted(lab, "tcp") == before + 1, "the resolver did not turn to TCP, or more than once"


def bind_resolves_through_us_and_finds_no_fault(lab):
    """BIND forwards: it sends cookies, takes NXDOMAIN and NODATA for what they are, and logs whatever it does not like."""
    lab.init()
    lab.sql(FIRST_SESSION)
    lab.sql(STATIC)
    lab.serve(geoip=TOR)
    zone = f'zone "{ZONE}" {{ type forward; forward only; forwarders port {lab.port} {{ 127.0.0.1; }}; }};'
    address = bind_start(lab, zone, wire.query(wire.name_wire("version.bind"), 16, 3), "recursion yes; max-records-per-type 0;")

    def dig(*words):
        argv = ["dig", f"@{address[0]}", "-p", str(address[1]), "+tries=1", "+time=5", *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=15).stdout
    for name, qtype in (("host", "A"), ("host", "TXT"), ("alias", "A"), ("steer", "A"), ("www", "A"), ("x.y.wild", "A"), ("x.old", "A"),
                        ("host", "TYPE65280")):
        expected = lab.answer(f"{name}.{ZONE}", qtype)
        assert expected and sorted(dig("+short", f"{name}.{ZONE}", qtype).split("\n")[:-1]) == expected, (name, qtype)
    for name, status in (("nothere", "NXDOMAIN"), ("b.c.d.e", "NOERROR")):
        assert f"status: {status}" in dig(f"{name}.{ZONE}"), name
    assert dig("+tcp", "+noall", "+answer", f"big.{ZONE}").count("198.18.") == 500 # it came to us over TCP
    assert not re.findall(r"^.*(?:format error|FORMERR|SERVFAIL|lame|unexpected|broken|timed out).*$",
                          (lab.dir / "named.log").read_text(), re.M)


need("/usr/sbin/named", "/usr/sbin/unbound")
main(resolver_finds_every_kind_of_static_name, steered_name_is_cached_by_our_scope, drain_reaches_the_resolvers_clients_after_the_ttl,
     large_answer_comes_over_tcp, bind_resolves_through_us_and_finds_no_fault)
