"""tests/scenario/130_transfer.py - zones go to standard secondaries: AXFR, IXFR, TSIG, NOTIFY, with kdig, dig, BIND, Knot and NSD."""
import re, signal, socket, struct, subprocess, time

import wire
from lab import FIRST_SESSION, Failed, Lab, free_port, main, until
from references import bind_start, need

ZONE, WWW = "gslb.example.com", "www.gslb.example.com"
SECRET, WRONG = "AAECAwQFBgcICQoLDA0ODw==", "BAECAwQFBgcICQoLDA0ODw=="
KEY, KEY5 = f"hmac-sha256:k.example:{SECRET}", f"hmac-sha512:k5.example:{SECRET}"


def start(lab, *rows):
    lab.init()
    lab.sql(FIRST_SESSION)
    lab.sql(f"""INSERT INTO record(zone, name, type, ttl, data) VALUES ('{ZONE}', '@', 'MX', 7, '10 ns1.{ZONE}.'), ('{ZONE}', 'alias', 'CNAME', NULL, '{WWW}.'),
        ('{ZONE}', 'sub', 'NS', NULL, 'ns.sub.{ZONE}.'), ('{ZONE}', 'ns.sub', 'A', NULL, '192.0.2.13'), ('{ZONE}', '*.wild', 'TXT', 5, '"x y" "z"'),
        ('{ZONE}', 'www', 'TXT', NULL, '"beside a service"'), ('{ZONE}', 'a.b.c', 'TYPE65280', NULL, '\\# 3 0a0b0c'),
        ('{ZONE}', 'ns1', 'AAAA', NULL, '2001:db8::53');
        INSERT INTO tsig_key(name, secret) VALUES ('k.example', '{SECRET}');
        INSERT INTO tsig_key(name, algorithm, secret) VALUES ('k5.example', 'hmac-sha512', '{SECRET}');""")
    for row in rows:
        lab.sql(row)
    lab.serve()
    return lab


def may(**columns):
    names, values = ", ".join(columns), ", ".join(f"'{value}'" for value in columns.values())
    return f"INSERT INTO transfer(zone, {names}) VALUES ('{ZONE}', {values});"


def kdig(lab, *words, key=None):
    argv = ["kdig", "@127.0.0.1", "-p", str(lab.port), "+tcp", "+time=3", "+retry=0", *(["-y", key] if key else []), *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr


def records(text):
    """(owner, TTL, type, data) of the records in kdig's output, in order; not the TSIG."""
    rows = [line.split(None, 4) for line in text.split("\n") if line and not line.startswith(";")]
    return [(row[0], int(row[1]), row[3], row[4]) for row in rows if row[3] != "TSIG"]


def serial(lab):
    return int(lab.answer(ZONE, "SOA")[0].split()[2])


def nobody_may_copy_a_zone_by_default(lab):
    start(lab)
    for words in (("AXFR",), ("IXFR=1",)):
        assert "REFUSED" in kdig(lab, ZONE, *words) and not records(kdig(lab, ZONE, *words))
    assert "BADKEY" in kdig(lab, ZONE, "AXFR", key=KEY) # nothing of this zone uses it
    assert "REFUSED" in kdig(lab, ZONE, "AXFR", "+notcp") and "REFUSED" in kdig(lab, ZONE, "IXFR=1", "+notcp")
    assert "NOTAUTH" in kdig(lab, WWW, "AXFR") and "NOTAUTH" in kdig(lab, "example.org", "AXFR")
    assert "gslbd_transfers_refused_total" in lab.metrics()


def who_is_refused_is_named_in_one_line(lab):
    start(lab, may(key="k.example"))
    def told(kind):
        return re.findall(rf"^.* event=abuse kind={kind} (.*)$", lab.server.log(), re.M)
    for _ in range(20):
        assert "REFUSED" in kdig(lab, ZONE, "AXFR", "-b", "127.0.0.3")
        assert "BADKEY" in kdig(lab, ZONE, "SOA", "-b", "127.0.0.4", key=KEY5)
    until("both are told", lambda: told("transfer") and told("tsig"), 12, 0.1)
    for kind, address in (("transfer", "127.0.0.3"), ("tsig", "127.0.0.4")):
        lines = told(kind)
        assert len(lines) == 1 and re.fullmatch(rf"count=\d+ seconds=\d+ last={address} zone={ZONE}", lines[0]), lines


def keys_and_networks_open_a_zone(lab):
    start(lab, may(key="k.example"))
    whole = records(kdig(lab, ZONE, "AXFR", key=KEY))
    assert whole and whole[0] == whole[-1] and whole[0][2] == "SOA"
    assert "verif" not in kdig(lab, ZONE, "AXFR", key=KEY) # kdig has checked every signature
    for key, words in ((None, "REFUSED"), (KEY5, "BADKEY"), (f"hmac-sha256:k.example:{WRONG}", "BADSIG"),
                       (f"hmac-sha384:k.example:{SECRET}", "BADKEY")):
        text = kdig(lab, ZONE, "AXFR", key=key)
        assert words in text and not records(text), (key, text)
    lab.sql("DELETE FROM transfer;" + may(net="127.0.0.0/8", key="k5.example"))
    until("the other key", lambda: records(kdig(lab, ZONE, "AXFR", key=KEY5)))
    assert "REFUSED" in kdig(lab, ZONE, "AXFR") # the network alone is not enough
    lab.sql("DELETE FROM transfer;" + may(net="192.0.2.0/24"))
    until("another network", lambda: "REFUSED" in kdig(lab, ZONE, "AXFR"))
    lab.sql(may(net="127.0.0.1"))
    until("this address", lambda: records(kdig(lab, ZONE, "AXFR")) == whole)


def every_algorithm_is_one_that_kdig_knows(lab):
    start(lab, may(key="k.example"))
    for algorithm in ("hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"):
        lab.sql(f"UPDATE tsig_key SET algorithm = '{algorithm}' WHERE name = 'k.example'")
        until(algorithm, lambda: records(kdig(lab, ZONE, "AXFR", key=f"{algorithm}:k.example:{SECRET}")))
        assert "verif" not in kdig(lab, ZONE, "AXFR", key=f"{algorithm}:k.example:{SECRET}")


def signed_queries_get_signed_replies(lab):
    start(lab, may(key="k.example"))
    for transport in ("+tcp", "+notcp"):
        text = kdig(lab, f"ns1.{ZONE}", "A", transport, key=KEY)
        assert "192.0.2.53" in text and "NOERROR" in text and "verif" not in text, text
        assert "NXDOMAIN" in kdig(lab, f"nothere.{ZONE}", "A", transport, key=KEY)
        bad = kdig(lab, f"ns1.{ZONE}", "A", transport, key=f"hmac-sha256:k.example:{WRONG}")
        assert "BADSIG" in bad and "192.0.2.53" not in bad
    assert "Couldn't verify" not in lab.dig("-y", KEY, ZONE, "SOA")


def what_is_copied_is_what_is_exported_and_the_defaults(lab):
    start(lab, may(net="127.0.0.1"), """UPDATE rule SET tier = 1 WHERE client = 'default';
        INSERT INTO endpoint(service, region, address) VALUES ('www.gslb.example.com', 'eu', '2001:db8::1');""")
    (lab.dir / "copy.zone").write_text(lab.dig("AXFR", ZONE, "+onesoa"))
    store, lab.store = lab.store, lab.dir / "copy.db"
    lab.init()
    lab.ctl("import", lab.dir / "copy.zone", "--zone", ZONE)
    copy, lab.store = lab.ctl("export", "--zone", ZONE), store
    plain = lambda text: {re.sub(r"\s+", " ", re.sub(r"^(\S+)\t(\d+\t)?", r"\1 ", line)) for line in text.split("\n")
                          if line and line[0] not in ";$" and "SOA" not in line}
    ours = plain(lab.ctl("export", "--zone", ZONE))
    extra = {"www IN A 198.51.100.1", "www IN A 203.0.113.1", "www IN AAAA 2001:db8::1"}
    assert plain(copy) == ours | extra, plain(copy) ^ (ours | extra)
    assert {(owner, ttl) for owner, ttl, kind, data in records(kdig(lab, WWW.split(".", 1)[1], "AXFR")) if kind == "AAAA"} == \
        {(f"{WWW}.", 30), (f"ns1.{ZONE}.", 300)}
    lab.sql("DELETE FROM endpoint; DELETE FROM record WHERE name = 'www';"
            f"INSERT INTO endpoint(service, region, address) VALUES ('{WWW}', 'us', 'cdn.example.net');")
    until("a host name", lambda: (f"{WWW}.", 30, "CNAME", "cdn.example.net.") in records(kdig(lab, ZONE, "AXFR")))


def an_ixfr_is_the_whole_zone_or_one_soa(lab):
    start(lab, may(net="127.0.0.1"))
    now, whole = serial(lab), records(kdig(lab, ZONE, "AXFR"))
    assert records(kdig(lab, ZONE, f"IXFR={now - 1}")) == whole # a serial that no journal knows
    for current in (now, now + 1):
        assert [row[2] for row in records(kdig(lab, ZONE, f"IXFR={current}"))] == ["SOA"]
    assert lab.dig(ZONE, f"IXFR={now - 1}", "+notcp", "+ignore").count("SOA") >= 1
    with socket.create_connection(("127.0.0.1", lab.port), 5) as s:
        s.sendall(message(251)) # without the client's serial
        assert take(s.makefile("rb"))[3] & 15 == 1


def edit(lab, sql):
    """In one transaction. Returns the serials before and after."""
    before = serial(lab)
    lab.sql(f"BEGIN; {sql}; COMMIT;")
    until("the edit", lambda: serial(lab) != before)
    return before, serial(lab)


def crash(lab):
    """All of gslbd is gone from one moment to the next, and its ports are free."""
    lab.server.stop(signal.SIGKILL)

    def free(port):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", port))
            return True
    until("its children have followed", lambda: free(lab.port) and free(lab.control))


def deltas(rows):
    """[(serial before, records that went, serial after, records that came)] of an incremental answer (RFC 1995 4)."""
    number = lambda row: int(row[3].split()[2])
    assert rows[0] == rows[-1] and len(rows) > 3 and rows[0][2] == rows[1][2] == "SOA", rows
    found, side = [], None
    for row in rows[1:-1]:
        if row[2] != "SOA":
            side.append(row)
            continue
        side = []
        found.append((number(row), side))
    pairs = list(zip(found[::2], found[1::2]))
    assert len(found) % 2 == 0 and all(a[1][0] == b[0][0] for a, b in zip(pairs, pairs[1:])) and pairs[-1][1][0] == number(rows[0]), rows
    return [(*before, *after) for before, after in pairs]


def an_ixfr_is_what_has_changed_since(lab):
    start(lab, may(net="127.0.0.1"), may(key="k.example"))
    one, two = edit(lab, f"INSERT INTO record(zone, name, type, data) VALUES ('{ZONE}', 'n.e.w', 'A', '192.0.2.99');"
                         "DELETE FROM record WHERE name = 'alias'") # in one transaction, or it may be two deltas
    _, three = edit(lab, f"UPDATE record SET ttl = 8 WHERE type = 'MX'")
    _, four = edit(lab, "UPDATE rule SET tier = 3 WHERE client = 'default' AND region = 'us'") # a default answer is part of the zone
    first = (one, [(f"alias.{ZONE}.", 300, "CNAME", f"{WWW}.")], two, [(f"n.e.w.{ZONE}.", 300, "A", "192.0.2.99")])
    second = (two, [(f"{ZONE}.", 7, "MX", f"10 ns1.{ZONE}.")], three, [(f"{ZONE}.", 8, "MX", f"10 ns1.{ZONE}.")])
    third = (three, [(f"{WWW}.", 30, "A", "203.0.113.1")], four, [(f"{WWW}.", 30, "A", "198.51.100.1")])
    all_of_them = [first, second, third]
    for known, since in ((one, 0), (two, 1), (three, 2)):
        for transport in ("+tcp", "+notcp"):
            for key in (None, KEY):
                text = kdig(lab, ZONE, f"IXFR={known}", transport, "+bufsize=1232", key=key)
                assert deltas(records(text)) == all_of_them[since:] and "verif" not in text, (known, transport, text)
    assert lab.dig(f"IXFR={one}", ZONE).count("SOA") == 2 + 2 * 3
    # What is too long for a datagram, for this client's or for all, is one SOA there.
    assert [row[2] for row in records(kdig(lab, ZONE, f"IXFR={one}", "+notcp"))] == ["SOA"]
    _, five = edit(lab, f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO record(zone, name, type, data)"
                        f" SELECT '{ZONE}', 'h' || i, 'A', '192.0.2.' || i FROM n")
    assert [row[2] for row in records(kdig(lab, ZONE, f"IXFR={four}", "+notcp", "+bufsize=4096"))] == ["SOA"]
    assert [len(delta[3]) for delta in deltas(records(kdig(lab, ZONE, f"IXFR={one}")))] == [1, 1, 1, 100]
    assert records(kdig(lab, ZONE, f"IXFR={one - 1}"))[1][2] != "SOA" # a serial that no journal knows
    # The journal is there again after a crash, and goes on.
    crash(lab)
    lab.serve()
    assert [len(delta[3]) for delta in deltas(records(kdig(lab, ZONE, f"IXFR={one}")))] == [1, 1, 1, 100]
    edit(lab, "DELETE FROM record WHERE name LIKE 'h%'")
    assert [len(delta[1]) for delta in deltas(records(kdig(lab, ZONE, f"IXFR={four}")))] == [0, 100]
    assert re.search(r"\ngslbd_transfers_incremental_total [1-9]", lab.metrics())
    lab.sql("DELETE FROM transfer")
    until("nobody may", lambda: "REFUSED" in kdig(lab, ZONE, f"IXFR={one}"))
    assert "REFUSED" in kdig(lab, ZONE, f"IXFR={one}", "+notcp")


def message(kind, name=ZONE):
    wire = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    body = struct.pack(">6H", 7, 0, 1, 0, 0, 0) + wire + struct.pack(">2H", kind, 1)
    return struct.pack(">H", len(body)) + body


def ixfr(known):
    plain = bytearray(message(251))
    plain[2 + 9] = 1 # one record of authority: the SOA of what the client has (RFC 1995 3)
    plain += b"\xc0\x0c\0\6\0\1\0\0\0\0\0\x18\xc0\x0c\xc0\x0c" + struct.pack(">5I", known, 1, 1, 1, 1)
    return struct.pack(">H", len(plain) - 2) + bytes(plain[2:])


def take(stream):
    head = stream.read(2)
    return stream.read(struct.unpack(">H", head)[0]) if len(head) == 2 else b""


def slowly(lab, *messages):
    """The replies to these messages, on a connection that takes little at a time."""
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", lab.port))
    slow.settimeout(20)
    slow.sendall(b"".join(messages))
    return slow.makefile("rb")


def take_rest(stream, first, count):
    """The message in which the last of `count` records is; `first` has been taken."""
    total, last = struct.unpack(">H", first[6:8])[0], first
    while total < count:
        last = take(stream)
        assert last, f"cut off after {total} records"
        total += struct.unpack(">H", last[6:8])[0]
    assert total == count, f"{total} records, not {count}"
    return last


def a_large_zone_streams_while_others_are_served_and_the_world_moves_on(lab):
    count = 60000
    start(lab, may(key="k.example"), may(net="127.0.0.1"))
    lab.sql(f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) INSERT INTO record(zone, name, type, data)"
            f" SELECT '{ZONE}', 'h' || i, 'TXT', '\"' || hex(zeroblob(60)) || '\"' FROM n")
    until("all records", lambda: lab.answer(f"h{count}.{ZONE}", "TXT"), 60)
    before = serial(lab)
    text = kdig(lab, ZONE, "AXFR", key=KEY)
    assert len(records(text)) == count + 13 and "verif" not in text, len(records(text))
    stream = slowly(lab, message(252), message(6))
    first = take(stream)
    assert lab.answer(f"ns1.{ZONE}") == ["192.0.2.53"] # nobody waits for the slow one
    lab.sql(f"INSERT INTO record(zone, name, type, data) VALUES ('{ZONE}', 'new', 'A', '192.0.2.99'); DELETE FROM record WHERE name LIKE 'h1%'")
    until("the new world", lambda: lab.answer(f"new.{ZONE}") and not lab.answer(f"h1.{ZONE}", "TXT"), 30)
    last, number = take_rest(stream, first, count + 13), struct.pack(">I", before)
    assert number in first and number in last, "not one zone"
    assert struct.pack(">I", serial(lab)) in take(stream) # the query behind it sees the new world
    # So it is with what has changed, which is long too.
    before, after = edit(lab, "DELETE FROM record WHERE name LIKE 'h2%'")
    stream = slowly(lab, ixfr(before))
    first = take(stream)
    assert lab.answer(f"ns1.{ZONE}") == ["192.0.2.53"]
    edit(lab, f"INSERT INTO record(zone, name, type, data) VALUES ('{ZONE}', 'newer', 'A', '192.0.2.98'); DELETE FROM transfer WHERE key IS NULL")
    last, number = take_rest(stream, first, 4 + 11111), struct.pack(">I", after)
    assert struct.pack(">I", before) in first and number in first and number in last, "not one change"
    lab.sql(may(net="127.0.0.1"))
    until("it may again", lambda: records(kdig(lab, ZONE, "AXFR")), 30)
    # A client that stops reading is cut off in time and takes nobody else's place.
    idle = [socket.create_connection(("127.0.0.1", lab.port), 5) for _ in range(20)]
    for s in idle:
        s.sendall(message(252))
    assert lab.answer(f"ns1.{ZONE}", "A", None, "+tcp") == ["192.0.2.53"]


KNOT = """server:
  listen: 127.0.0.1@{port}
  rundir: {dir}
database:
  storage: {dir}
log:
  - target: stderr
    any: info
key:
  - id: k.example
    algorithm: hmac-sha256
    secret: {secret}
remote:
  - id: primary
    address: 127.0.0.1@{primary}
    key: k.example
acl:
  - id: told
    address: 127.0.0.1
    key: k.example
    action: notify
zone:
  - domain: {zone}
    storage: {dir}
    master: primary
    acl: told
"""

NSD = """server:
  ip-address: 127.0.0.1@{port}
  server-count: 1
  username: ""
  database: ""
  zonesdir: {dir}
  pidfile: {dir}/nsd.pid
  xfrdfile: {dir}/xfrd.state
  zonelistfile: {dir}/zone.list
  xfrdir: {dir}
remote-control:
  control-enable: no
zone:
  name: {zone}
  zonefile: {dir}/nsd.zone
  request-xfr: 127.0.0.1@{primary} NOKEY
  allow-notify: 127.0.0.1 NOKEY
"""

BIND = """key "k.example" {{ algorithm hmac-sha256; secret "{secret}"; }};
zone "{zone}" {{
  type secondary;
  file "copy.zone";
  masterfile-format text;
  primaries port {primary} {{ 127.0.0.1 key "k.example"; }};
  allow-notify {{ key "k.example"; }};
}};
"""


def secondary(lab, name, program, template, *words):
    port, folder = free_port(), lab.dir / name
    folder.mkdir()
    path = folder / "conf"
    path.write_text(template.format(port=port, dir=folder, primary=lab.port, zone=ZONE, secret=SECRET))
    lab.start(name, [program, *words, "-c", path])
    return port


def ask(port, name, kind="A"):
    argv = ["dig", "@127.0.0.1", "-p", str(port), "+short", "+tries=1", "+time=1", name, kind]
    return sorted(subprocess.run(argv, capture_output=True, text=True).stdout.split("\n")[:-1])


def status(port, name):
    argv = ["dig", "@127.0.0.1", "-p", str(port), "+tries=1", "+time=1", name]
    found = re.search(r"status: (\w+)", subprocess.run(argv, capture_output=True, text=True).stdout)
    return found and found.group(1)


def count(lab, name):
    return int(re.search(rf"\n{name} (\d+)\n", lab.metrics()).group(1))


def secondaries_follow_an_edit_within_seconds(lab):
    start(lab, may(key="k.example"), may(net="127.0.0.1"))
    ports = {"knot": secondary(lab, "knot", "/usr/sbin/knotd", KNOT),
             "nsd": secondary(lab, "nsd", "/usr/sbin/nsd", NSD, "-d")}
    for name, port in ports.items():
        until(f"{name} has the zone", lambda: ask(port, f"ns1.{ZONE}") == ["192.0.2.53"], 20, 0.1)
        assert ask(port, WWW) == ["203.0.113.1"] and ask(port, f"alias.{ZONE}") == ["203.0.113.1", f"{WWW}."], name
        assert ask(port, f"q.wild.{ZONE}", "TXT") == ['"x y" "z"']
    lab.sql(f"INSERT INTO notify(zone, address, port, key) VALUES ('{ZONE}', '127.0.0.1', {ports['knot']}, 'k.example');"
            f"INSERT INTO notify(zone, address, port) VALUES ('{ZONE}', '127.0.0.1', {ports['nsd']});")
    begun, incremental = count(lab, "gslbd_transfers_total"), count(lab, "gslbd_transfers_incremental_total")
    edits = [(f"INSERT INTO record(zone, name, type, data) VALUES ('{ZONE}', 'edit{i}', 'A', '192.0.2.{i}')", f"edit{i}.{ZONE}", [f"192.0.2.{i}"])
             for i in range(1, 4)]
    edits += [(f"UPDATE record SET ttl = 77, data = '192.0.2.8' WHERE name = 'edit1'", f"edit1.{ZONE}", ["192.0.2.8"]),
              ("DELETE FROM record WHERE name = 'edit2'", f"edit2.{ZONE}", []),
              # A default answer is part of the zone.
              ("UPDATE rule SET tier = 3 WHERE client = 'default' AND region = 'us'", WWW, ["198.51.100.1"])]
    for done, (sql, asked, wanted) in enumerate(edits, 1):
        lab.sql(sql)
        for name, port in ports.items():
            until(f"{name} follows {sql}", lambda: ask(port, asked) == wanted, 8, 0.1)
            until(f"{name} has the SOA", lambda: ask(port, ZONE, "SOA") == lab.answer(ZONE, "SOA"), 2, 0.1)
        assert count(lab, "gslbd_transfers_incremental_total") - incremental == 2 * done, (sql, lab.metrics())
    assert count(lab, "gslbd_transfers_total") - begun == 2 * len(edits), "whole zones were sent"
    # A crash takes nothing from the journal: what is edited meanwhile comes as a change too.
    crash(lab)
    lab.sql(f"INSERT INTO record(zone, name, type, data) VALUES ('{ZONE}', 'after', 'A', '192.0.2.66')")
    lab.serve()
    for name, port in ports.items():
        until(f"{name} follows after a crash", lambda: ask(port, f"after.{ZONE}") == ["192.0.2.66"], 20, 0.1)
    assert count(lab, "gslbd_transfers_incremental_total") == count(lab, "gslbd_transfers_total") == 2, lab.metrics()
    knot = (lab.dir / "knot.log").read_text()
    assert knot.count("AXFR, incoming") == knot.split("IXFR, incoming", 1)[0].count("AXFR, incoming"), knot


def bind_follows_and_has_the_same_answers(lab):
    start(lab, may(key="k.example"), f"INSERT INTO record(zone, name, type, data) VALUES ('{ZONE}', 'www', 'HTTPS', '1 . alpn=h2 ipv4hint=auto ipv6hint=auto')")
    _, port = bind_start(lab, BIND.format(zone=ZONE, secret=SECRET, primary=lab.port), wire.query(wire.name_wire(ZONE), 6), "recursion no;")
    log = lambda: (lab.dir / "named.log").read_text()
    until("BIND has the zone", lambda: ask(port, ZONE, "SOA") == lab.answer(ZONE, "SOA"), 20, 0.1)
    assert "requesting AXFR" in log() and f"transferred serial {serial(lab)}: TSIG 'k.example'" in log()
    for name, kind in ((ZONE, "NS"), (ZONE, "MX"), (f"ns1.{ZONE}", "AAAA"), (f"q.wild.{ZONE}", "TXT"), (WWW, "A"), (WWW, "TXT"),
                       (WWW, "HTTPS"), (f"alias.{ZONE}", "A"), (f"a.b.c.{ZONE}", "TYPE65280")):
        assert ask(port, name, kind) == lab.answer(name, kind) != [], (name, kind)
    assert ask(port, WWW, "HTTPS") == ['1 . alpn="h2" ipv4hint=203.0.113.1'], ask(port, WWW, "HTTPS")
    for name in (f"nothere.{ZONE}", f"b.c.{ZONE}"):
        assert status(port, name) == lab.query(name), name
    lab.sql(f"INSERT INTO notify(zone, address, port, key) VALUES ('{ZONE}', '127.0.0.1', {port}, 'k.example')")
    for edit in (f"INSERT INTO record(zone, name, type, data) VALUES ('{ZONE}', 'edit', 'A', '192.0.2.7')", "DELETE FROM record WHERE name = 'edit'",
                 "UPDATE rule SET tier = 3 WHERE client = 'default' AND region = 'us'"): # a default answer is part of the zone
        now = serial(lab) + 1
        lab.sql(edit)
        until("BIND follows", lambda: ask(port, ZONE, "SOA")[0].split()[2] == str(now), 8, 0.1)
        told = log().split(f"serial {now}", 1)
        assert "received notify for zone" in told[0].split(f"serial {now - 1}")[-1] and "requesting IXFR" in told[1], told
        for name in (WWW, f"edit.{ZONE}"):
            assert (ask(port, name), status(port, name)) == (lab.answer(name), lab.query(name)), (edit, name)
    assert ask(port, WWW, "HTTPS") == ['1 . alpn="h2" ipv4hint=198.51.100.1'] # a hint is as the address is
    assert log().count("Transfer status: success") == 4 and log().count("got incremental response") == 3, log()


def one_who_does_not_acknowledge_is_told_five_times(lab):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.settimeout(10)
        start(lab, f"INSERT INTO notify(zone, address, port) VALUES ('{ZONE}', '127.0.0.1', {deaf.getsockname()[1]})")
        times = []
        for _ in range(3):
            packet, peer = deaf.recvfrom(2048)
            times.append(time.monotonic())
        assert packet[2:4] == b"\x24\0" and struct.pack(">I", serial(lab)) in packet # opcode NOTIFY, AA, the SOA
        assert "\ngslbd_notifies_pending 1\n" in lab.metrics()
        assert 0.8 < times[1] - times[0] < 1.6 and 1.7 < times[2] - times[1] < 2.8, times
        deaf.sendto(packet[:2] + b"\xa4\0" + packet[4:6] + b"\0" * 6 + packet[12:12 + len(ZONE) + 6], peer)
        deaf.settimeout(6)
        try:
            raise AssertionError(f"told again: {deaf.recvfrom(2048)}")
        except TimeoutError:
            pass
        page = lab.metrics()
        for line in ("notifies_pending 0", "notifies_sent_total 3", 'notifies_total{result="acknowledged"} 1', 'notifies_total{result="given_up"} 0'):
            assert f"\ngslbd_{line}\n" in page, line


need("/usr/bin/kdig", "/usr/sbin/named", "/usr/sbin/knotd", "/usr/sbin/nsd")
main(nobody_may_copy_a_zone_by_default, who_is_refused_is_named_in_one_line, keys_and_networks_open_a_zone, every_algorithm_is_one_that_kdig_knows, signed_queries_get_signed_replies,
     what_is_copied_is_what_is_exported_and_the_defaults, an_ixfr_is_the_whole_zone_or_one_soa, an_ixfr_is_what_has_changed_since,
     a_large_zone_streams_while_others_are_served_and_the_world_moves_on, bind_follows_and_has_the_same_answers, secondaries_follow_an_edit_within_seconds,
     one_who_does_not_acknowledge_is_told_five_times)
