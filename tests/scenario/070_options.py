#!/usr/bin/env python3
"""What stands in a reply besides its records, asked for with dig and kdig: cookies, NSID, errors, keepalive; names of
class CHAOS; limits."""
import os, re, shutil, signal, socket, subprocess, time

import wire
from lab import FIRST_SESSION, TOR, free_port, main, until
from references import bind_start

WWW = "www.gslb.example.com"
ONE, TWO = "00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100"


def cookie_of(text):
    """The cookie of a reply as dig prints it, and its word on it ("good", "echoed")."""
    found = re.search(r"COOKIE: ([0-9a-f]+) \((\w+)\)", text)
    return found.groups() if found else (None, None)


def kdig(lab, *words):
    argv = ["kdig", "@127.0.0.1", "-p", str(lab.port), "+retry=0", "+time=2", *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=20).stdout


def secrets(lab, *lines):
    path = lab.dir / "secrets"
    path.touch(0o600)
    path.write_text("\n".join(lines) + "\n")
    return path


def plain(lab, *more):
    lab.init()
    lab.sql(FIRST_SESSION)
    return lab.serve(*more, geoip=TOR)


def cookies_are_given_and_known_again(lab):
    plain(lab)
    cookie, word = cookie_of(lab.dig(WWW, "+cookie=0123456789abcdef"))
    assert word == "good" and cookie.startswith("0123456789abcdef01000000") and len(cookie) == 48
    assert cookie_of(lab.dig(WWW, f"+cookie={cookie}")) == (cookie, "good")
    assert cookie_of(lab.dig(WWW, "+tcp", f"+cookie={cookie}")) == (cookie, "good")
    bad = cookie[:-1] + ("0" if cookie[-1] != "0" else "1")
    assert cookie_of(lab.dig(WWW, f"+cookie={bad}"))[0] != bad and lab.query(WWW, "A", "IN", None, f"+cookie={bad}") == "NOERROR"
    assert "COOKIE" not in lab.dig(WWW, "+nocookie")
    assert lab.query(WWW, "A", "IN", None, "+nocookie", "+ednsopt=10:0011") == "FORMERR"
    assert "status: BADCOOKIE" in lab.dig("+header-only", "+nobadcookie", f"+cookie={bad}")
    assert "status: NOERROR" in lab.dig("+header-only", f"+cookie={cookie}")


def a_shared_secret_rolls_over_on_sighup(lab):
    path = secrets(lab, ONE)
    server = plain(lab, "--cookie-secrets", path)
    first, _ = cookie_of(lab.dig(WWW, "+cookie=0123456789abcdef"))
    secrets(lab, TWO, ONE)
    os.kill(server.pid, signal.SIGHUP)
    second = until("a cookie of the new secret",
                   lambda: next((c for c, _ in [cookie_of(lab.dig(WWW, f"+cookie={first}"))] if c != first), None))
    assert cookie_of(lab.dig(WWW, f"+cookie={second}"))[0] == second
    secrets(lab, "nonsense")
    os.kill(server.pid, signal.SIGHUP)
    until("the bad file is in the log", lambda: "secrets:1: not a secret" in server.log())
    assert cookie_of(lab.dig(WWW, f"+cookie={second}"))[0] == second, "the last good secrets stay"
    path.chmod(0o644)
    server.stop()
    bad = lab.start("refused", [*server.argv[:-1], path])
    assert bad.popen.wait(10) == 1 and "option --cookie-secrets: " in bad.log() and "chmod 600" in bad.log()


KNOT = """server:
  rundir: {dir}
  listen: 127.0.0.1@{port}
database:
  storage: {dir}/knot
mod-cookies:
  - id: shared
    secret: 0x{secret}
template:
  - id: default
    storage: {dir}
    global-module: mod-cookies/shared
zone:
  - domain: example.com
    file: example.zone
"""
NSD = """server:
  ip-address: 127.0.0.1@{port}
  username: ""
  zonesdir: {dir}
  pidfile: {dir}/nsd.pid
  xfrdfile: {dir}/nsd.xfrd
  zonelistfile: {dir}/nsd.list
  answer-cookie: yes
  cookie-secret: {secret}
remote-control:
  control-enable: no
zone:
  name: example.com
  zonefile: example.zone
"""


BIND = """recursion no;
  cookie-algorithm siphash24;
  cookie-secret "{secret}";
  require-server-cookie yes;"""


def peer(lab, name, argv, config):
    """Start another make of server with the secret; returns its port."""
    port = free_port()
    (lab.dir / f"{name}.conf").write_text(config.format(dir=lab.dir, port=port, secret=ONE))
    lab.start(name, [*argv, "-c", lab.dir / f"{name}.conf"])
    until(f"{name} answers", lambda: asked(port, "0123456789abcdef")[0], 20)
    return port


def shown(port, cookie):
    argv = ["dig", "@127.0.0.1", "-p", str(port), "+tries=1", "+time=2", "+nobadcookie", "example.com", "SOA", f"+cookie={cookie}"]
    return subprocess.run(argv, capture_output=True, text=True, timeout=20).stdout


def asked(port, cookie):
    return cookie_of(shown(port, cookie))


def example_zone(lab):
    path = lab.dir / "example.zone"
    path.write_text("@ 300 SOA ns hm 1 2 3 4 5\n@ 300 NS ns\nns 300 A 192.0.2.1\n")
    return path


def knot_and_nsd_make_and_take_the_same_cookies(lab):
    example_zone(lab)
    plain(lab, "--cookie-secrets", secrets(lab, ONE))
    ports = {"gslbd": lab.port, "knot": peer(lab, "knot", ["knotd"], KNOT), "nsd": peer(lab, "nsd", ["nsd", "-d"], NSD)}
    made = {name: asked(port, "0123456789abcdef")[0] for name, port in ports.items()}
    time.sleep(1.1) # a cookie that is made anew now is another one
    for maker, cookie in made.items():
        for name, port in ports.items():
            assert asked(port, cookie)[0] == cookie, f"{name} does not take {maker}'s cookie"


def bind_takes_our_cookies_and_we_take_those_of_bind(lab):
    """BIND makes a new cookie for every reply; that it takes one shows in that it does not ask for a better one."""
    plain(lab, "--cookie-secrets", secrets(lab, ONE))
    zone = f'zone "example.com" {{ type primary; file "{example_zone(lab)}"; }};'
    _, port = bind_start(lab, zone, wire.query(wire.name_wire("example.com"), 6), BIND.format(secret=ONE))
    ours, theirs = asked(lab.port, "0123456789abcdef")[0], asked(port, "0123456789abcdef")[0]
    time.sleep(1.1) # a cookie that is made anew now is another one
    assert "status: NOERROR" in shown(port, ours), shown(port, ours)
    assert asked(lab.port, theirs)[0] == theirs, "we do not take BIND's cookie"
    for cookie in ("0123456789abcdef", ours[:-1] + ("0" if ours[-1] != "0" else "1")):
        assert "status: BADCOOKIE" in shown(port, cookie), shown(port, cookie)


def options_are_answered_as_asked(lab):
    plain(lab, "--nsid", "ams1", "--identity", "a.gslb.example.com")
    assert '("ams1")' in lab.dig(WWW, "+nsid") and "NSID" not in lab.dig(WWW)
    assert "EDE: 20 (Not Authoritative)" in lab.dig("example.org")
    assert "EDE: 21 (Not Supported)" in lab.dig("gslb.example.com", "MAILB")
    assert "EDE" not in lab.dig(WWW) and "EDE" not in lab.dig("example.org", "+noedns")
    assert "KEEPALIVE: 30.0" in lab.dig(WWW, "+tcp", "+keepalive")
    assert "KEEPALIVE" not in lab.dig(WWW, "+notcp", "+keepalive")
    shown = kdig(lab, WWW, "+nsid", "+cookie", "+padding=100")
    assert "ams1" in shown and "COOKIE: " in shown and "PADDING" not in shown, shown


def the_server_tells_who_it_is(lab):
    plain(lab, "--identity", "a.gslb.example.com")
    for name, text in (("version.bind", '"gslbd '), ("version.server", '"gslbd '), ("hostname.bind", '"a.gslb.example.com"'),
                       ("id.server", '"a.gslb.example.com"')):
        assert lab.dig("+short", name, "TXT", "CH").startswith(text), name
    assert lab.query("authors.bind", "TXT", "CH") == "REFUSED"
    assert lab.query("version.bind", "TXT", "IN") == "REFUSED"


def a_server_may_keep_it_to_itself(lab):
    plain(lab, "--version-text", "none")
    for name in ("version.bind", "version.server", "hostname.bind", "id.server"):
        assert lab.query(name, "TXT", "CH") == "REFUSED"


def who_is_over_the_limit_proves_itself(lab):
    plain(lab, "--rate-limit", "5", "--rate-limit-slip", "1")
    cookie, _ = cookie_of(lab.dig(WWW, "+cookie=0123456789abcdef"))
    shown = [lab.dig(WWW, "+nocookie", "+ignore") for _ in range(40)]
    assert any("flags: qr aa tc" in text and "ANSWER: 0" in text for text in shown)
    assert any("status: BADCOOKIE" in lab.dig(WWW, "+cookie=0123456789abcdef", "+nobadcookie") for _ in range(40))
    assert "198.51.100.1\n203.0.113.1\n".find(lab.dig("+short", WWW, "+cookie=0123456789abcdef", "+badcookie")) >= 0
    for _ in range(20):
        assert lab.query(WWW, "A", "IN", None, f"+cookie={cookie}") == "NOERROR"
        assert lab.query(WWW, "A", "IN", None, "+tcp", "+nocookie") == "NOERROR"


def abuse_is_logged_in_a_line_and_not_in_one_a_packet(lab):
    server = plain(lab, "--rate-limit", "5")
    nothere = wire.query(wire.name_wire("nothere.gslb.example.com"), 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.connect(("127.0.0.1", lab.port))
        for round in range(50): # in rounds, so that none is lost on the way
            for packet in [b"short"] * 60 + [nothere] * 10:
                stranger.send(packet)
            lab.query(WWW, "A", "IN", None, "+tcp")
    told = lambda event: re.findall(rf"^.* event={event} (.*)$", server.log(), re.M)
    until("both are told", lambda: told("rate-limit") and told("abuse"), 12, 0.1)
    limited, short = told("rate-limit"), told("abuse")
    assert len(limited) == 1 and re.fullmatch(r"class=nxdomain replies=[1-9]\d\d seconds=\d+ last=127.0.0.0/24", limited[0]), limited
    assert len(short) == 1 and re.fullmatch(r"kind=short count=[1-9]\d{3} seconds=\d+", short[0]), short
    assert server.log().count("\n") < 60


peers = [knot_and_nsd_make_and_take_the_same_cookies] if shutil.which("knotd") and shutil.which("nsd") else []
peers += [bind_takes_our_cookies_and_we_take_those_of_bind] if shutil.which("named") else []
main(cookies_are_given_and_known_again, a_shared_secret_rolls_over_on_sighup, *peers, options_are_answered_as_asked,
     the_server_tells_who_it_is, a_server_may_keep_it_to_itself, who_is_over_the_limit_proves_itself,
     abuse_is_logged_in_a_line_and_not_in_one_a_packet)
