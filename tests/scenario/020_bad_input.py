#!/usr/bin/env python3
"""What bad input gets: one sentence that names the thing and what to do, and the last good state."""
import os, shutil, sqlite3, subprocess, time

from lab import FIRST_SESSION, SRC, TOR, Failed, main, program, until

WWW, EU = "www.gslb.example.com", "193.0.6.0/24"


WRONG, NOT_NOW = 2, 1 # exit statuses: of what an edit mends, and of what may be better at the next start


def refused(lab, argv, *words, status=None):
    """Run a program that must end by itself, with a failure (this exit status) and one sentence that has these words."""
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=20)
    if done.returncode == 0:
        raise Failed(f"{argv} succeeded")
    if status not in (None, done.returncode):
        raise Failed(f"{argv} ended with {done.returncode}, not {status}: {done.stderr!r}")
    for word in words:
        if str(word) not in done.stderr:
            raise Failed(f"{argv} does not say {word!r}: {done.stderr!r}")
    said = [line for line in done.stderr.splitlines() if line]
    assert len(said) <= 3, f"more than a sentence: {done.stderr}"


def gslbd(lab, *more, store=None):
    return [program("server/gslbd"), "--store", store or lab.store, "--state", lab.state, "--listen", f"127.0.0.1@{lab.port}",
            "--control", f"127.0.0.1@{lab.control}", "--workers", 1, *more]


def gslbd_that_cannot_run_says_why(lab):
    refused(lab, gslbd(lab, "--no-such-option"), "--no-such-option", status=WRONG)
    refused(lab, gslbd(lab, "--listen", "127.0.0.1:53"), "127.0.0.1:53", "@", status=WRONG)
    refused(lab, gslbd(lab), lab.store, "gslbctl", status=NOT_NOW)
    junk = lab.dir / "junk.db"
    junk.write_bytes(b"this is not a database " * 100)
    refused(lab, gslbd(lab, store=junk), junk)
    empty = lab.dir / "empty.db"
    sqlite3.connect(empty).execute("CREATE TABLE t(x)").connection.close()
    refused(lab, gslbd(lab, store=empty), empty)
    lab.init()
    newer = lab.dir / "newer.db"
    shutil.copy(lab.store, newer)
    db = sqlite3.connect(newer)
    db.execute("PRAGMA user_version = 999")
    db.close()
    refused(lab, gslbd(lab, store=newer), newer, "999")
    refused(lab, gslbd(lab, "--user", "no-such-user-here"), "option --user: ", "no-such-user-here", "useradd", status=NOT_NOW)
    refused(lab, gslbd(lab, "--listen", "192.0.2.1@53"), "option --listen: ", "192.0.2.1@53", "ip address", status=NOT_NOW)
    refused(lab, gslbd(lab, "--cookie-secrets", "/nowhere/secrets"), "option --cookie-secrets: there is no /nowhere/secrets", "32",
            status=NOT_NOW)
    lab.serve()
    other = lab.dir / "other-state"
    refused(lab, [program("server/gslbd"), "--store", lab.store, "--state", other, "--listen", f"127.0.0.1@{lab.port}",
                  "--control", f"127.0.0.1@{lab.control}", "--workers", 1], f"127.0.0.1@{lab.port}", status=NOT_NOW)
    refused(lab, gslbd(lab), lab.state)


def value_of_a_file_that_is_wrong_is_named_with_its_line(lab):
    lab.init()
    config = lab.dir / "gslbd.conf"
    for status, lines, *words in ((WRONG, ["lissten = ::1@53"], ":1: there is no option \"lissten\"", "--help"),
                                  (WRONG, ["# how many", "workers = all"], ":2: workers takes a whole number from 1 to 256, not \"all\""),
                                  (WRONG, [f"listen = 127.0.0.1@{lab.port}", "listen = 127.0.0.1:53"], ":2: listen: \"127.0.0.1:53\"", "@"),
                                  (NOT_NOW, ["user = no-such-user-here"], ":1: user: there is no user \"no-such-user-here\"", "useradd"),
                                  (NOT_NOW, ["", "cookie-secrets = /nowhere/secrets"], ":2: cookie-secrets: ", "/nowhere/secrets"),
                                  (NOT_NOW, ["listen = 192.0.2.1@53"], ":1: listen: cannot listen on 192.0.2.1@53"),
                                  (NOT_NOW, ["state = /dev/null/state"], ":1: state: ", "/dev/null/state")):
        given = {"store": lab.store, "state": lab.state, "listen": f"127.0.0.1@{lab.port}", "control": f"127.0.0.1@{lab.control}"}
        config.write_text("\n".join(lines) + "\n")
        more = [f"--{name}={value}" for name, value in given.items() if not any(line.startswith(name) for line in lines)]
        first, *others = words
        refused(lab, [program("server/gslbd"), "--config", config, *more], f"{config}{first}", *others, status=status)


def prober_that_cannot_run_says_why(lab):
    lab.init()
    key = lab.dir / "a.key"
    lab.ctl("vantage", "add", "a", "--key-out", key)
    prober = [program("prober/gslb-prober"), "--vantage", "a", "--server", "127.0.0.1@1"]
    refused(lab, prober + ["--key", lab.dir / "missing.key"], "missing.key", status=NOT_NOW)
    refused(lab, prober + ["--key", key, "--bogus"], "--bogus", status=WRONG)
    os.chmod(key, 0o644)
    refused(lab, prober + ["--key", key], key, "chmod 600")
    config = lab.dir / "prober.conf"
    config.write_text(f"vantage = a\nkey = {key}\n")
    refused(lab, [*prober[:1], "--config", config, "--server", "127.0.0.1@1"], f"{config}:2: key: ", "chmod 600")
    os.chmod(key, 0o600)
    refused(lab, prober + ["--key", key, "--source", "192.0.2.1"], "option --source: 192.0.2.1 ", "ip address", status=NOT_NOW)
    refused(lab, prober + ["--key", key, "--source", "nowhere"], "option --source: ", status=WRONG)


def zone_that_fails_keeps_its_last_good_form_and_others_go_live(lab):
    lab.init()
    lab.sql(FIRST_SESSION)
    lab.serve(geoip=TOR)
    lab.sql("INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'a', 'A', '192.0.2.1')")
    until("a is there", lambda: lab.answer("a.gslb.example.com") == ["192.0.2.1"], 2)
    lab.sql("""INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'b', 'MX', 'ten mail');
               INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'c', 'A', '192.0.2.3');
               INSERT INTO zone(name, mname, rname) VALUES ('other.example', 'ns1.other.example', 'hostmaster.other.example');
               INSERT INTO record(zone, name, type, data) VALUES ('other.example', '@', 'NS', 'ns1.other.example.'),
                                                                 ('other.example', 'ns1', 'A', '192.0.2.99');""")
    until("the other zone is live", lambda: lab.answer("ns1.other.example") == ["192.0.2.99"], 2)
    assert lab.answer("a.gslb.example.com") == ["192.0.2.1"] and lab.query("c.gslb.example.com") == "NXDOMAIN"
    problems = until("the problem is written", lambda: lab.rows("SELECT * FROM problem"), 2)
    assert len(problems) == 1 and problems[0]["zone"] == "gslb.example.com" and "ten" in problems[0]["message"]
    done = lab.ctl("check", check=False)
    assert done.returncode == 1 and "gslb.example.com" in done.stderr and "MX" in done.stderr
    lab.sql("DELETE FROM record WHERE type = 'MX'")
    until("c is there", lambda: lab.answer("c.gslb.example.com") == ["192.0.2.3"], 2)
    until("the problem is gone", lambda: not lab.rows("SELECT * FROM problem"), 2)


def zone_that_was_never_in_order_is_servfail_and_not_denied(lab):
    lab.init()
    lab.sql(FIRST_SESSION)
    lab.serve()
    lab.sql("INSERT INTO zone(name, mname, rname) VALUES ('new.gslb.example.com', 'ns1.gslb.example.com', 'h@example.com')")
    until("the zone below", lambda: lab.query("www.new.gslb.example.com") == "SERVFAIL")
    assert lab.query("other.gslb.example.com") == "NXDOMAIN"
    assert "EDE: 24" in lab.dig("www.new.gslb.example.com")
    lab.sql("""INSERT INTO record(zone, name, type, data) VALUES ('new.gslb.example.com', '@', 'NS', 'ns1.gslb.example.com.'),
        ('new.gslb.example.com', 'www', 'A', '192.0.2.77');""")
    until("the zone in order", lambda: lab.answer("www.new.gslb.example.com") == ["192.0.2.77"])


def open_transaction_delays_an_edit_and_stops_nothing(lab):
    lab.init()
    lab.sql(FIRST_SESSION)
    lab.serve(geoip=TOR)
    db = sqlite3.connect(lab.store, isolation_level=None, timeout=0)
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'slow', 'A', '192.0.2.5')")
    for _ in range(20):
        assert lab.answer(WWW, "A", EU) == ["198.51.100.1"]
    assert lab.query("slow.gslb.example.com") == "NXDOMAIN"
    db.execute("COMMIT")
    until("the edit is there", lambda: lab.answer("slow.gslb.example.com") == ["192.0.2.5"], 1)
    for number in range(30): # the server never holds a lock that a shell without a busy timeout meets
        lab.sql(f"UPDATE service SET ttl = {30 + number}")
    db.close()


def broken_geo_file_keeps_the_last_good_image(lab):
    lab.init()
    lab.sql(FIRST_SESSION)
    geo = lab.dir / "geo.mmdb"
    shutil.copy(SRC / "tests/data/mmdb/GeoIP2-Country-Test.mmdb", geo)
    lab.serve(geoip=[geo])
    assert lab.answer(WWW, "A", "2.125.160.216/29") == ["198.51.100.1"] # GB
    whole = geo.read_bytes()
    geo.write_bytes(whole[:5000])
    problem = until("the problem is written", lambda: lab.rows("SELECT * FROM problem"), 5)[0]
    assert "geo.mmdb" in str(problem)
    assert lab.answer(WWW, "A", "2.125.160.216/29") == ["198.51.100.1"]
    new = lab.dir / "new.mmdb"
    shutil.copy(SRC / "tests/data/mmdb/GeoLite2-ASN-Test.mmdb", new)
    new.rename(geo) # a database without countries: picked up live
    until("the new database is used", lambda: lab.answer(WWW, "A", "2.125.160.216/29") == ["203.0.113.1"], 5)
    until("the problem is gone", lambda: not lab.rows("SELECT * FROM problem"), 5)


def full_disk_keeps_the_last_good_world(lab):
    if os.geteuid() != 0:
        return
    lab.init()
    lab.sql(FIRST_SESSION)
    lab.state.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", lab.state], capture_output=True).returncode != 0:
        print("     (may not mount a small tmpfs here; not tried)")
        return
    try:
        lab.serve(geoip=TOR)
        assert lab.answer(WWW, "A", EU) == ["198.51.100.1"]
        filler = lab.state / "filler"
        with open(filler, "wb") as f:
            try:
                while f.write(b"x" * 65536):
                    f.flush()
            except OSError:
                pass
        rows = ",".join(f"('gslb.example.com', 'h{i}', 'A', '192.0.2.7')" for i in range(5000))
        lab.sql(f"INSERT INTO record(zone, name, type, data) VALUES {rows}")
        until("the failure is logged", lambda: "No space left" in lab.server.log() or "full" in lab.server.log(), 5)
        assert lab.answer(WWW, "A", EU) == ["198.51.100.1"] and lab.query("h1.gslb.example.com") == "NXDOMAIN"
        filler.unlink()
        until("it goes on when there is room", lambda: lab.answer("h1.gslb.example.com") == ["192.0.2.7"], 15)
        lab.server.stop()
    finally:
        if lab.server and lab.server.running():
            lab.server.stop()
        subprocess.run(["umount", lab.state], check=False)


main(gslbd_that_cannot_run_says_why, value_of_a_file_that_is_wrong_is_named_with_its_line, prober_that_cannot_run_says_why,
     zone_that_fails_keeps_its_last_good_form_and_others_go_live, zone_that_was_never_in_order_is_servfail_and_not_denied,
     open_transaction_delays_an_edit_and_stops_nothing, broken_geo_file_keeps_the_last_good_image, full_disk_keeps_the_last_good_world)
