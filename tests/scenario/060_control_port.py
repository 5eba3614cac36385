#!/usr/bin/env python3
"""The control port: metrics, health, and messages that are not to be believed."""
import os, re, signal, stat

from lab import FIRST_SESSION, TOR, main, until

WWW, EU = "www.gslb.example.com", "193.0.6.0/24"


def certificate_is_made_and_its_key_is_private(lab):
    lab.init()
    lab.serve()
    assert stat.S_IMODE(os.stat(lab.state / "control.key").st_mode) == 0o600
    assert stat.S_IMODE(os.stat(lab.state / "control.crt").st_mode) == 0o644
    assert lab.fetch("/healthz")[0] == 200
    before = (lab.state / "control.crt").read_bytes()
    lab.server.stop()
    lab.serve(name="gslbd-again")
    assert (lab.state / "control.crt").read_bytes() == before
    assert lab.fetch("/nothing")[0] == 404


def metrics_count_what_was_asked(lab):
    lab.init()
    lab.sql(FIRST_SESSION)
    lab.serve(geoip=TOR)
    for _ in range(7):
        lab.answer(WWW, "A", EU)
    lab.answer(WWW, "A", EU, "+tcp")
    lab.query("nothere.gslb.example.com")
    def counted():
        text = lab.fetch("/metrics")[1]
        eu = [line for line in text.splitlines() if line.startswith("gslbd_answers_total{") and 'region="eu"' in line and WWW in line]
        return text if eu and float(eu[0].split()[-1]) == 8 else None
    text = until("eight answers of region eu", counted, 5)
    assert lab.metric('gslbd_queries_total{transport="tcp"}', text) == 1
    assert lab.metric('gslbd_queries_total{transport="udp"}', text) >= 8
    assert lab.metric("gslbd_worker_starts_total", text) == lab.metric("gslbd_workers", text)
    os.kill(lab.server.named("gslbd:worker")[0], signal.SIGKILL)
    until("the lost worker is counted", lambda: lab.metric("gslbd_worker_starts_total")
          == lab.metric("gslbd_workers", text) + 1, 5)
    for line in text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) \S+ .*|[a-z_]+(\{([a-z_]+="([^"\\]|\\.)*",?)*\})? [-+.e0-9NaInf]+', line), line


def unsigned_and_unknown_votes_are_refused(lab):
    lab.init()
    lab.sql(FIRST_SESSION)
    lab.serve()
    for path in ("/v1/votes", "/v1/checks"):
        assert lab.fetch(path, b"{}")[0] in (400, 401, 403)
        assert lab.fetch(path, b"{}", {"Gslb-Vantage": "nobody", "Gslb-Signature": "AAAA"})[0] in (401, 403)
        assert lab.fetch(path)[0] == 405
    assert lab.fetch("/healthz")[0] == 200


main(certificate_is_made_and_its_key_is_private, metrics_count_what_was_asked, unsigned_and_unknown_votes_are_refused)
