#!/usr/bin/env python3
"""gslbctl: the operator's tool, with and without a running server."""
import json, os, re, stat, subprocess, time

from lab import FIRST_SESSION, TOR, main, program, until

WWW, EU, US = "www.gslb.example.com", "193.0.6.0/24", "8.8.8.8"
GEOIP = [word for path in TOR for word in ("--geoip", path)]


def last_lines(text):
    found = {}
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        found[word] = rest.strip()
    return found


def init_makes_a_store_once_and_nothing_else_makes_one(lab):
    done = lab.ctl("check", check=False)
    assert done.returncode == 1 and str(lab.store) in done.stderr and not lab.store.exists()
    lab.init()
    before = lab.store.read_bytes()
    assert "nothing has changed" in lab.ctl("init")
    assert lab.store.read_bytes() == before
    assert lab.ctl("bogus", check=False).returncode == 2
    assert lab.ctl("explain", check=False).returncode == 2


def explain_needs_no_server_and_runs_the_code_that_answers(lab):
    lab.init()
    lab.sql(FIRST_SESSION)
    out = lab.ctl("explain", WWW, "--from", EU, *GEOIP)
    last = last_lines(out)
    assert last["addresses"] == "198.51.100.1" and last["ttl"] == "30" and 1 <= int(last["scope"]) <= 24, out
    assert "continent:EU" in out and "default" in out
    assert [line.split(" ")[0] for line in out.splitlines()[-3:]] == ["addresses", "scope", "ttl"]
    assert last_lines(lab.ctl("explain", WWW, "A", "--from", US, *GEOIP))["addresses"] == "203.0.113.1"
    lab.sql("UPDATE region SET state = 'drain' WHERE name = 'eu'")
    out = lab.ctl("explain", WWW, "--from", EU, *GEOIP)
    assert last_lines(out)["addresses"] == "203.0.113.1" and "draining" in out
    assert "NODATA" in lab.ctl("explain", WWW, "AAAA", "--from", EU)
    assert "NXDOMAIN" in lab.ctl("explain", "nothere.gslb.example.com", "--from", EU)
    done = lab.ctl("explain", "example.org", "--from", EU, check=False)
    assert done.returncode == 1 and "example.org" in done.stderr


def explain_names_the_fault_of_a_policy_that_does_not_compile(lab):
    lab.init()
    lab.sql(FIRST_SESSION)
    for trigger in lab.sql("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name IN ('rule', 'check_rule')").split():
        lab.sql(f"DROP TRIGGER {trigger}")  # what they refuse the compiler refuses too
    lab.sql("INSERT INTO rule(policy, client, region) VALUES ('global', 'net:10.0.0.1/8', 'us')")
    out = lab.ctl("explain", WWW, "--from", EU)
    assert "10.0.0.1/8" in out and last_lines(out)["addresses"] == "none (SERVFAIL)", out


def explain_tells_the_ttl_and_the_shares_that_are(lab):
    lab.init()
    lab.sql(FIRST_SESSION + "UPDATE zone SET negative_ttl = 17; UPDATE rule SET weight = 0, tier = 1;")
    out = lab.ctl("explain", WWW, "AAAA", "--from", US)
    assert last_lines(out)["ttl"] == "17" and "NODATA" in out, out
    out = lab.ctl("explain", WWW, "ANY", "--from", US)
    assert last_lines(out)["addresses"] in ("203.0.113.1", "198.51.100.1") and last_lines(out)["ttl"] == "30", out
    assert out.count("on standby") == 2 and out.count("share 50.0 %") == 2, out


def explain_follows_a_dname(lab):
    lab.init()
    lab.sql(FIRST_SESSION + """
INSERT INTO service(name, policy) VALUES ('*.apps.gslb.example.com', 'global');
INSERT INTO pool(service, region) VALUES ('*.apps.gslb.example.com', 'eu');
INSERT INTO endpoint(service, region, address) VALUES ('*.apps.gslb.example.com', 'eu', '198.51.100.9');
INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'old', 'DNAME', 'apps'),
    ('gslb.example.com', 'loop', 'DNAME', 'down.loop');""")
    lab.serve(geoip=TOR)
    until("a service is at a wildcard", lambda: "198.51.100.9" in lab.answer("a.b.old.gslb.example.com", "A", EU))
    out = lab.ctl("explain", "a.b.old.gslb.example.com", "--from", EU)
    assert "dname       at old.gslb.example.com to apps.gslb.example.com, ttl 300 s\ncname       a.b.apps.gslb.example.com" in out, out
    assert last_lines(out)["addresses"] == "198.51.100.9", out
    out = lab.ctl("explain", "a.loop.gslb.example.com", "DNAME", "--from", EU)
    assert "not followed" in last_lines(out)["addresses"], out
    out = lab.ctl("explain", "old.gslb.example.com", "dname", "--from", EU)
    assert "1 record of type DNAME" in out, out


def explain_says_why_a_zone_is_as_it_was(lab):
    lab.init()
    lab.sql(FIRST_SESSION)
    lab.serve(geoip=TOR)
    until("it answers", lambda: lab.answer(WWW, "A", EU) == ["198.51.100.1"])
    lab.sql("INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'typo', 'A', '1.2.3.400');"
            "DELETE FROM endpoint WHERE region = 'us';")
    until("the problem is known", lambda: "1.2.3.400" in lab.ctl("status", state=True))
    done = lab.ctl("explain", WWW, "--from", US, check=False)
    assert done.returncode == 1 and "1.2.3.400" in done.stdout and "does not compile" in done.stderr, done
    # The world is served, and told of, a moment before its manifest stands in the state directory.
    out = until("and explained", lambda: "1.2.3.400" in (text := lab.ctl("explain", WWW, "--from", US, state=True)) and text)
    assert [last_lines(out)["addresses"]] == lab.answer(WWW, "A", US + "/32") == ["203.0.113.1"], out
    lab.sql("UPDATE region SET state = 'drain' WHERE name = 'us'")
    until("the drain is served", lambda: lab.answer(WWW, "A", US + "/32") == ["198.51.100.1"])
    until("and explained", lambda: "addresses   198.51.100.1" in lab.ctl("explain", WWW, "--from", US, state=True))
    lab.store.unlink() # what is served is explained without it
    alone = [program("ctl/gslbctl"), "explain", WWW, "--from", US, "--state", lab.state]
    assert "addresses   198.51.100.1" in subprocess.run(alone, capture_output=True, text=True, timeout=60).stdout
    alone[-1] = lab.dir
    done = subprocess.run(alone, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "manifest.json" in done.stderr, done


def check_warns_of_what_is_hardly_meant(lab):
    lab.init()
    lab.sql(FIRST_SESSION + """
INSERT INTO record(zone, name, type, data) VALUES
    ('gslb.example.com', 'full.gslb.example.com', 'A', '192.0.2.1'), ('gslb.example.com', 'short', 'A', '192.0.2.1'),
    ('gslb.example.com', 'dotless', 'MX', '10 www.gslb.example.com'), ('gslb.example.com', 'dotted', 'MX', '10 www.gslb.example.com.'),
    ('gslb.example.com', 'near', 'CNAME', 'notgslb.example.com');
INSERT INTO rule(policy, client, region) VALUES ('global', 'country:ZZ', 'us'), ('global', 'country:DE', 'us');
INSERT INTO service(name, policy) VALUES ('mixed.gslb.example.com', 'global'), ('apart.gslb.example.com', 'global');
INSERT INTO pool(service, region) SELECT s.name, r.name FROM service s, region r WHERE s.monitor IS NULL;
INSERT INTO endpoint(service, region, address) VALUES
    ('mixed.gslb.example.com', 'eu', '192.0.2.1'), ('mixed.gslb.example.com', 'us', 'cdn.example.net'),
    ('apart.gslb.example.com', 'eu', '192.0.2.1'), ('apart.gslb.example.com', 'us', '2001:db8::1');""")
    done = lab.ctl("check", check=False)
    warnings = [line for line in done.stderr.splitlines() if "vantage" not in line]
    assert done.returncode == 0 and len(warnings) == 6, done.stderr
    assert "mixed.gslb.example.com has no IPv6 endpoint in region eu; its IPv6 clients will get no address" in done.stderr
    assert "apart.gslb.example.com has no IPv6 endpoint in region eu; its IPv6 clients will be sent to another region" in done.stderr
    assert all(f" {what} " in done.stderr for what in ("full.gslb.example.com", "MX www.gslb.example.com", "country:ZZ")), done.stderr


def a_wrong_command_line_is_told_what_is_right(lab):
    for words, said in (((), "say a command"), (("bogus",), '"bogus"'), (("vantage",), "vantage add, vantage list, vantage remove"),
                        (("vantage", "bogus"), "vantage add, vantage list, vantage remove"), (("explain",), "usage: gslbctl explain NAME"),
                        (("status",), "--state DIR"), (("check", "more"), "usage: gslbctl check"),
                        (("events", "--state", lab.state, "--count", "x"), "--count takes a whole number"),
                        (("export",), "give --zone NAME"),
                        (("import", lab.store), "give --zone NAME"), (("explain", WWW), "give --from ADDRESS"),
                        (("explain", WWW, "--from", "nonsense"), '"nonsense" is not'),
                        (("explain", WWW, "QQ", "--from", US), '"QQ" is not a type'),
                        (("explain", f"{WWW}..", "--from", US), f'"{WWW}..'),
                        (("vantage", "add", "v", "--key-out", "/x", "--latitude", "1"), "together"),
                        (("vantage", "add", "v", "--key-out", "/x", "--latitude", "91", "--longitude", "1"), "--latitude takes a number"),
                        (("vantage", "add", "v", "--key-out", "/x", "--asn", "-1"), "--asn takes a whole number"),
                        (("vantage", "add", "v"), "give --key-out")):
        done = lab.ctl(*words, check=False)
        assert done.returncode == 2 and said in done.stderr, (words, done)
    for words, said in ((("explain", WWW, "--from", US), "--store FILE or --state DIR"), (("check",), "--store FILE"),
                        (("explain", WWW, "--from", US, "--state", lab.state, *GEOIP), "--geoip needs --store FILE")):
        done = subprocess.run([program("ctl/gslbctl"), *words], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and said in done.stderr, (words, done)
    done = lab.ctl("explain", WWW, "--help", check=False)
    assert done.returncode == 0 and done.stdout.startswith("usage: gslbctl") and not done.stderr, done


def explain_agrees_with_dig(lab):
    lab.init()
    lab.sql(FIRST_SESSION)
    lab.serve(geoip=TOR)
    for subnet in (EU, "8.8.8.0/24", "133.11.0.0/24", "2001:67c:2e8::/48", "200.160.2.0/24"):
        last = last_lines(lab.ctl("explain", WWW, "--from", subnet, *GEOIP))
        assert [last["addresses"]] == lab.answer(WWW, "A", subnet)
        assert int(last["scope"]) == lab.scope(WWW, subnet), subnet


def zone_files_go_in_and_out_and_in_again(lab):
    lab.init()
    zone = lab.dir / "example.net.zone"
    zone.write_text("""$ORIGIN example.net.
$TTL 1h
@ IN SOA ns1 hostmaster ( 7 7200 1800 1209600 300 ) ; the apex
  NS ns1
ns1 300 A 192.0.2.1
mail MX 10 ns1
text TXT "a;b" "c\\"d"
odd TYPE65281 \\# 2 abcd
*.wild CNAME ns1
""")
    lab.ctl("import", zone, "--zone", "example.net")
    first = lab.ctl("export", "--zone", "example.net")
    again = lab.dir / "again.zone"
    again.write_text(first)
    rows = "SELECT name, type, ttl, data FROM record WHERE zone = 'example.net' ORDER BY 1, 2, 4"
    before = lab.sql(rows)
    assert before.count("\n") == 5
    lab.ctl("import", again, "--zone", "example.net")
    assert lab.sql(rows) == before
    broken = lab.dir / "broken.zone"
    broken.write_text(zone.read_text() + "bad A 192.0.2.300\n")
    done = lab.ctl("import", broken, "--zone", "example.net", check=False)
    assert done.returncode == 1 and "broken.zone" in done.stderr and "10" in done.stderr, done.stderr
    assert lab.sql(rows) == before
    lab.ctl("check")


def vantage_points_come_and_go(lab):
    lab.init()
    key = lab.dir / "ams.key"
    lab.ctl("vantage", "add", "ams", "--latitude", "52.3", "--longitude", "4.9", "--asn", "64500", "--key-out", key)
    assert stat.S_IMODE(os.stat(key).st_mode) == 0o600
    assert "ams" in lab.ctl("vantage", "list")
    assert lab.ctl("vantage", "add", "ams", "--key-out", lab.dir / "other.key", check=False).returncode == 1
    assert not (lab.dir / "other.key").exists(), "a key without its row"
    assert lab.ctl("vantage", "add", "nyc", "--key-out", key, check=False).returncode == 1
    assert "nyc" not in lab.ctl("vantage", "list"), "a row without its key"
    lab.ctl("vantage", "remove", "ams")
    assert "ams" not in lab.ctl("vantage", "list")
    assert lab.ctl("vantage", "remove", "ams", check=False).returncode == 1


def status_says_what_is(lab):
    lab.init()
    session = FIRST_SESSION.replace("'198.51.100.1'", "'127.20.0.5'").replace("'203.0.113.1'", "'127.10.0.5'")
    lab.sql(session.replace("'http', 80,", "'http', 8082,"))
    lab.sql("UPDATE monitor SET interval_s = 1, timeout_s = 0.5")
    lab.backend("eu", "127.20.0.5", 8082)
    lab.serve(geoip=TOR)
    for number in (1, 2, 3):
        lab.vantage(f"v{number}")
    def endpoint(region):
        rows = json.loads(lab.ctl("status", "--json", state=True))["endpoints"]
        return next((row for row in rows if row["region"] == region), {})
    until("eu is up", lambda: endpoint("eu").get("verdict") == "up", 15)
    until("us is down", lambda: endpoint("us").get("verdict") == "down", 15)
    page = until("every vantage point's vote is there",
                 lambda: (page := lab.ctl("status", state=True)).count("web 127.20.0.5") == 3 and page, 5)
    assert "127.10.0.5" in page and "v1" in page and "connection refused" in page, page
    assert re.search(r"web 127\.10\.0\.5 +down +- ", page) and re.search(r"web 127\.20\.0\.5 +up +\d+ ms ", page), page
    assert max(map(len, page.splitlines())) <= 120 and page.count(f"\n  {WWW}\n") == 2, page
    events = lab.ctl("events", state=True)
    assert "127.10.0.5" in events, events
    out = lab.ctl("explain", WWW, "--from", US, *GEOIP, state=True)
    assert last_lines(out)["addresses"] == "127.20.0.5", out
    lab.server.stop()
    lab.sql("UPDATE endpoint SET state = 'down' WHERE region = 'eu'") # not served: tried before it goes live
    assert last_lines(lab.ctl("explain", WWW, "--from", US, state=True))["addresses"] == "127.20.0.5"
    assert last_lines(lab.ctl("explain", WWW, "--from", US, *GEOIP, state=True))["addresses"] == "127.10.0.5"


def status_shows_how_long_a_drain_lasts_and_how_old_it_all_is(lab):
    lab.init()
    lab.sql(FIRST_SESSION)
    lab.serve(geoip=TOR)
    def state(region):
        page = lab.ctl("status", state=True)
        return next((line for line in page.splitlines() if line.split()[:1] == [region]), "")
    lab.sql("UPDATE region SET state = 'drain', until = unixepoch() + 3000 WHERE name = 'eu'")
    until("the drain is shown", lambda: re.search(r" drain, (49|50) min ", state("eu")))
    assert re.match(r"written \d s ago\n", lab.ctl("status", state=True))
    lab.sql("UPDATE region SET until = unixepoch() + 3 WHERE name = 'eu'")
    until("the drain is about to end", lambda: re.search(r" drain, [0-3] s ", state("eu")))
    lab.server.stop()
    until("it has ended", lambda: " auto " in state("eu"))
    assert [row["state"] for row in lab.rows("SELECT state FROM operator_state")] == ["drain"], "no row that has ended is left"
    assert json.loads(lab.ctl("status", "--json", state=True))["states"] == []
    for file in lab.state.glob("health.db*"):
        os.utime(file, (time.time() - 3600,) * 2)
    assert re.match(r"written 60 min ago: .*gslbd is not running", lab.ctl("status", state=True))


main(init_makes_a_store_once_and_nothing_else_makes_one, explain_needs_no_server_and_runs_the_code_that_answers,
     explain_follows_a_dname, explain_names_the_fault_of_a_policy_that_does_not_compile,
     explain_tells_the_ttl_and_the_shares_that_are,
     check_warns_of_what_is_hardly_meant, a_wrong_command_line_is_told_what_is_right,
     explain_says_why_a_zone_is_as_it_was, explain_agrees_with_dig, zone_files_go_in_and_out_and_in_again,
     vantage_points_come_and_go, status_says_what_is, status_shows_how_long_a_drain_lasts_and_how_old_it_all_is)
