#!/usr/bin/env python3
"""The first session of docs/STORE.md typed into sqlite3 while gslbd runs, and processes that die under it."""
import os, signal, socket, struct, threading, time

from lab import FIRST_SESSION, TOR, Failed, main, until

WWW, EU, US = "www.gslb.example.com", "193.0.6.0/24", "8.8.8.0/24"


def session_typed_while_it_runs_changes_the_answers(lab):
    lab.init()
    lab.serve(geoip=TOR)
    assert lab.query(WWW) == "REFUSED"
    begin = time.monotonic()
    lab.sql(FIRST_SESSION)
    until("www is answered", lambda: lab.answer(WWW, "A", EU) == ["198.51.100.1"], 5)
    print(f"     first statement to answer: {time.monotonic() - begin:.2f} s")
    assert lab.answer(WWW, "A", US) == ["203.0.113.1"]
    assert lab.query(WWW, "AAAA") == "NOERROR" and lab.answer(WWW, "AAAA") == []
    assert lab.query("nothere.gslb.example.com") == "NXDOMAIN"
    assert lab.answer("gslb.example.com", "NS") == ["ns1.gslb.example.com."]
    assert lab.answer("gslb.example.com", "SOA")[0].startswith("ns1.gslb.example.com. hostmaster.example.com. ")
    assert " aa " in lab.dig(WWW).split("flags:")[1].split(";")[0] + " "
    lab.sql("UPDATE region SET state = 'drain', until = unixepoch() + 3600, note = 'kernel upgrade' WHERE name = 'eu'")
    until("europe goes to us", lambda: lab.answer(WWW, "A", EU) == ["203.0.113.1"], 3)
    lab.sql("UPDATE region SET state = 'auto', until = NULL WHERE name = 'eu'")
    until("europe comes back", lambda: lab.answer(WWW, "A", EU) == ["198.51.100.1"], 3)
    lab.sql("UPDATE rule SET tier = 1, weight = 50 WHERE policy = 'global' AND client = 'continent:EU' AND region = 'us'")
    until("both regions are handed out", lambda: lab.answer(WWW, "A", EU) == ["203.0.113.1"], 2)
    until("both regions are handed out", lambda: lab.answer(WWW, "A", EU) == ["198.51.100.1"], 2)


def drain_ends_by_itself(lab):
    lab.init()
    lab.sql(FIRST_SESSION)
    lab.serve(geoip=TOR)
    assert lab.answer(WWW, "A", EU) == ["198.51.100.1"]
    lab.sql("UPDATE pool SET state = 'drain', until = unixepoch() + 2 WHERE region = 'eu'")
    until("drained", lambda: lab.answer(WWW, "A", EU) == ["203.0.113.1"], 3)
    until("the drain has ended", lambda: lab.answer(WWW, "A", EU) == ["198.51.100.1"], 4)


class Asker(threading.Thread):
    """Asks over UDP every few milliseconds, a retry like a resolver's after 0.2 s, and keeps the longest silence."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.done, self.longest, self.answers = port, False, 0.0, 0

    def run(self):
        name = b"".join(bytes([len(x)]) + x for x in (b"www", b"gslb", b"example", b"com")) + b"\0"
        last = time.monotonic()
        while not self.done:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(0.2)
                s.connect(("127.0.0.1", self.port))
                try:
                    s.send(struct.pack(">6H", 77, 0, 1, 0, 0, 0) + name + b"\0\1\0\1")
                    if s.recv(512)[7] > 0:
                        now = time.monotonic()
                        self.longest, last, self.answers = max(self.longest, now - last), now, self.answers + 1
                except OSError:
                    pass
            time.sleep(0.003)
        self.longest = max(self.longest, time.monotonic() - last)


def killed_processes_come_back_and_answers_go_on(lab):
    lab.init()
    lab.sql(FIRST_SESSION)
    server = lab.serve(geoip=TOR, workers=2)
    asker = Asker(lab.port)
    asker.start()
    try:
        for name in ("gslbd:worker", "gslbd:control", "gslbd:worker"):
            before = set(server.named(name))
            assert before, f"no process is named {name}"
            victim = min(before)
            os.kill(victim, signal.SIGKILL)
            until(f"{name} is back", lambda: len(server.named(name)) == len(before) and victim not in server.named(name), 2)
        until("answers go on", lambda: lab.answer(WWW, "A", EU) == ["198.51.100.1"], 2)
        lab.sql("UPDATE region SET state = 'drain' WHERE name = 'eu'")
        until("the new control process notices a commit", lambda: lab.answer(WWW, "A", EU) == ["203.0.113.1"], 3)
    finally:
        asker.done = True
        asker.join()
    assert asker.answers > 20
    print(f"     longest silence: {asker.longest:.2f} s")
    assert asker.longest < 2.0, f"silent for {asker.longest:.2f} s"


def hung_processes_are_replaced(lab):
    lab.init()
    lab.sql(FIRST_SESSION)
    server = lab.serve(geoip=TOR, workers=1)
    until("it answers", lambda: lab.answer(WWW, "A", EU) == ["198.51.100.1"])
    for name in ("gslbd:worker", "gslbd:control"):
        others = set(server.named("gslbd:worker") + server.named("gslbd:control")) - set(server.named(name))
        victims = server.named(name)
        for pid in victims:
            os.kill(pid, signal.SIGSTOP)
        until(f"{name} is replaced", lambda: server.named(name) and not set(victims) & set(server.named(name)), 20)
        assert others <= set(server.children()), "another one was killed too"
        until("it answers again", lambda: lab.answer(WWW, "A", EU) == ["198.51.100.1"], 5)
    lab.sql("UPDATE region SET state = 'drain' WHERE name = 'eu'")
    until("the new control process notices a commit", lambda: lab.answer(WWW, "A", EU) == ["203.0.113.1"], 3)


def it_stops_when_told_and_leaves_nothing(lab):
    lab.init()
    lab.sql(FIRST_SESSION)
    server = lab.serve(geoip=TOR, workers=2)
    pids = list(server.children())
    assert len(pids) >= 3
    assert server.stop() == 0
    for pid in pids:
        if os.path.exists(f"/proc/{pid}"):
            raise Failed(f"process {pid} is left")


def restart_answers_from_the_last_good_images_without_the_store(lab):
    lab.init()
    lab.sql(FIRST_SESSION)
    lab.serve(geoip=TOR)
    assert lab.answer(WWW, "A", EU) == ["198.51.100.1"]
    lab.sql("UPDATE region SET state = 'drain' WHERE name = 'eu'")
    until("drained", lambda: lab.answer(WWW, "A", EU) == ["203.0.113.1"], 3)
    lab.server.stop()
    aside = lab.dir / "aside.db"
    lab.store.rename(aside)
    lab.serve(geoip=TOR, name="gslbd-again")
    assert lab.answer(WWW, "A", EU) == ["203.0.113.1"], "the drain is forgotten"
    aside.rename(lab.store)
    lab.sql("UPDATE region SET state = 'auto' WHERE name = 'eu'")
    until("the store is back", lambda: lab.answer(WWW, "A", EU) == ["198.51.100.1"], 5)


main(session_typed_while_it_runs_changes_the_answers, drain_ends_by_itself,
     killed_processes_come_back_and_answers_go_on, hung_processes_are_replaced, it_stops_when_told_and_leaves_nothing,
     restart_answers_from_the_last_good_images_without_the_store)
