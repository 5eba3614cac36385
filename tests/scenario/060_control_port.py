#!/usr/bin/env python3
"""The control port: metrics, health, and messages that are not to be believed."""
import os, re, signal, ssl, stat, urllib.error, urllib.request

from lab import FIRST_SESSION, TOR, main, until

WWW, EU = "www.gslb.example.com", "193.0.6.0/24"


def fetch(lab, path, body=None, headers=()):
    trust = ssl.create_default_context(cafile=str(lab.state / "control.crt"))
    request = urllib.request.Request(f"https://127.0.0.1:{lab.control}{path}", body, dict(headers))
    try:
        with urllib.request.urlopen(request, timeout=5, context=trust) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def value(text, series):
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.M)
    return float(found.group(1)) if found else None


def certificate_is_made_and_its_key_is_private(lab):
    lab.init()
    lab.serve()
    assert stat.S_IMODE(os.stat(lab.state / "control.key").st_mode) == 0o600
    assert stat.S_IMODE(os.stat(lab.state / "control.crt").st_mode) == 0o644
    assert fetch(lab, "/healthz")[0] == 200
    before = (lab.state / "control.crt").read_bytes()
    lab.server.stop()
    lab.serve(name="gslbd-again")
    assert (lab.state / "control.crt").read_bytes() == before
    assert fetch(lab, "/nothing")[0] == 404


def metrics_count_what_was_asked(lab):
    lab.init()
    lab.sql(FIRST_SESSION)
    lab.serve(geoip=TOR)
    for _ in range(7):
        lab.answer(WWW, "A", EU)
    lab.answer(WWW, "A", EU, "+tcp")
    lab.query("nothere.gslb.example.com")
    def counted():
        text = fetch(lab, "/metrics")[1]
        eu = [line for line in text.splitlines() if line.startswith("gslbd_answers_total{") and 'region="eu"' in line and WWW in line]
        return text if eu and float(eu[0].split()[-1]) == 8 else None
    text = until("eight answers of region eu", counted, 5)
    assert value(text, 'gslbd_queries_total{transport="tcp"}') == 1
    assert value(text, 'gslbd_queries_total{transport="udp"}') >= 8
    assert value(text, "gslbd_worker_starts_total") == value(text, "gslbd_workers")
    os.kill(lab.server.named("gslbd:worker")[0], signal.SIGKILL)
    until("the lost worker is counted", lambda: value(fetch(lab, "/metrics")[1], "gslbd_worker_starts_total")
          == value(text, "gslbd_workers") + 1, 5)
    for line in text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) \S+ .*|[a-z_]+(\{([a-z_]+="([^"\\]|\\.)*",?)*\})? [-+.e0-9NaInf]+', line), line


def unsigned_and_unknown_votes_are_refused(lab):
    lab.init()
    lab.sql(FIRST_SESSION)
    lab.serve()
    for path in ("/v1/votes", "/v1/checks"):
        assert fetch(lab, path, b"{}")[0] in (400, 401, 403)
        assert fetch(lab, path, b"{}", {"Gslb-Vantage": "nobody", "Gslb-Signature": "AAAA"})[0] in (401, 403)
        assert fetch(lab, path)[0] == 405
    assert fetch(lab, "/healthz")[0] == 200


main(certificate_is_made_and_its_key_is_private, metrics_count_what_was_asked, unsigned_and_unknown_votes_are_refused)
