#!/usr/bin/env python3
"""HTTPS and SVCB records whose hints are the addresses that A and AAAA give: they change when these do."""
import re, signal

from lab import FIRST_SESSION, TOR, Failed, main, until

WWW, APEX, EU, US = "www.gslb.example.com", "gslb.example.com", "193.0.6.0/24", "8.8.8.0/24"
ADDRESS = {"eu": "127.20.0.2", "us": "127.10.0.2"}
PORT = 8082
BOUND_S = 1 + 3 * 0.5 + 1 + 1 # interval + fall * timeout + push + step

HINTED = """
INSERT INTO endpoint(service, region, address) VALUES ('www.gslb.example.com', 'eu', '2001:db8:e::1'),
                                                      ('www.gslb.example.com', 'us', '2001:db8:a::1');
INSERT INTO record(zone, name, type, data, ttl) VALUES
    ('gslb.example.com', 'www', 'HTTPS', '1 . alpn="h2,h3" ipv4hint=auto ipv6hint=auto', 300),
    ('gslb.example.com', '@', 'SVCB', '1 www port=8443 ipv4hint=auto', 300);
"""


def hints(lab, name, qtype, subnet):
    """One record's priority and target, and its hints by family."""
    lines = lab.answer(name, qtype, subnet)
    if len(lines) != 1:
        return lines
    found = dict(re.findall(r"ipv([46])hint=(\S+)", lines[0]))
    return lines[0].split()[:2], found.get("4"), found.get("6")


def ttl(lab, name, qtype, subnet):
    return int(re.search(rf"^{re.escape(name)}\.\s+(\d+)\s+IN\s+{qtype}", lab.dig(name, qtype, f"+subnet={subnet}"), re.M).group(1))


def hints_are_the_addresses_of_this_client(lab):
    lab.init()
    lab.sql(FIRST_SESSION + HINTED)
    lab.serve(geoip=TOR)
    assert hints(lab, WWW, "HTTPS", EU) == (["1", "."], "198.51.100.1", "2001:db8:e::1")
    assert hints(lab, WWW, "HTTPS", US) == (["1", "."], "203.0.113.1", "2001:db8:a::1")
    assert 'alpn="h2,h3" ipv4hint=' in lab.answer(WWW, "HTTPS", US)[0]
    assert hints(lab, APEX, "SVCB", EU) == (["1", f"{WWW}."], "198.51.100.1", None)
    assert lab.scope(WWW, EU, "HTTPS") == lab.scope(WWW, EU, "A") > 0
    assert ttl(lab, WWW, "HTTPS", EU) == ttl(lab, WWW, "A", EU) < 300


def hints_follow_the_operators_states(lab):
    lab.init()
    lab.sql(FIRST_SESSION + HINTED)
    lab.serve(geoip=TOR)
    lab.sql("UPDATE endpoint SET state = 'down' WHERE address = '198.51.100.1'")
    until("A goes to us", lambda: lab.answer(WWW, "A", EU) == ["203.0.113.1"], 1)
    assert hints(lab, WWW, "HTTPS", EU) == (["1", "."], "203.0.113.1", "2001:db8:e::1")
    lab.sql("UPDATE region SET state = 'down'")
    until("there is nothing left", lambda: lab.answer(WWW, "A", EU) == [], 1)
    assert hints(lab, WWW, "HTTPS", EU) == (["1", "."], None, None)
    assert ttl(lab, WWW, "HTTPS", EU) <= 10


def hints_leave_a_back_end_that_dies(lab):
    lab.init()
    lab.sql(FIRST_SESSION.replace("198.51.100.1", ADDRESS["eu"]).replace("203.0.113.1", ADDRESS["us"])
            .replace("'http', 80,", f"'http', {PORT},"))
    lab.sql("UPDATE monitor SET timeout_s = 0.5, interval_s = 1")
    lab.sql(HINTED.split(";", 1)[1])
    for region, address in ADDRESS.items():
        lab.backend(region, address, PORT)
    lab.serve(geoip=TOR)
    lab.vantage("v1", source="127.0.1.1")
    until("both are up", lambda: [row["verdict"] for row in lab.rows("SELECT verdict FROM endpoint_health")] == ["up", "up"], 20)
    assert hints(lab, WWW, "HTTPS", EU) == (["1", "."], ADDRESS["eu"], None)
    lab.backends["eu"].stop(signal.SIGKILL)
    until("the hint goes to us", lambda: hints(lab, WWW, "HTTPS", EU) == (["1", "."], ADDRESS["us"], None), BOUND_S + 1)
    assert lab.answer(WWW, "A", EU) == [ADDRESS["us"]]


def a_target_without_a_service_is_refused_and_the_last_form_serves(lab):
    lab.init()
    lab.sql(FIRST_SESSION + HINTED)
    lab.serve(geoip=TOR)
    lab.sql("INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'x', 'HTTPS', '1 www.example.net. ipv4hint=auto')")
    done = lab.ctl("check", check=False)
    if done.returncode != 1 or "www.example.net is no service of this zone" not in done.stdout + done.stderr:
        raise Failed(f"check says: {done.stdout}{done.stderr}")
    assert hints(lab, WWW, "HTTPS", EU) == (["1", "."], "198.51.100.1", "2001:db8:e::1")


def explain_says_where_hints_come_from(lab):
    lab.init()
    lab.sql(FIRST_SESSION + HINTED)
    said = lab.ctl("explain", WWW, "HTTPS", "--from", EU, "--geoip", TOR[0])
    assert "ipv4hint, as A of www.gslb.example.com" in said and "addresses   198.51.100.1\n" in said, said
    assert "ipv6hint, as AAAA of www.gslb.example.com" in said and "addresses   2001:db8:e::1\n" in said, said


main(hints_are_the_addresses_of_this_client, hints_follow_the_operators_states, hints_leave_a_back_end_that_dies,
     a_target_without_a_service_is_refused_and_the_last_form_serves, explain_says_where_hints_come_from)
