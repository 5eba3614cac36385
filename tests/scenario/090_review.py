#!/usr/bin/env python3
"""Operators' states against the worlds that they are for: nobody is handed what neither the old store nor the new one says."""
import threading, time

from lab import FIRST_SESSION, main, until

WWW, EU, US = "www.gslb.example.com", "198.51.100.1", "203.0.113.1"
TYPO = "INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'typo', 'A', '1.2.3.400');"
AT_ONCE_S = 0.5 # a busy machine's, dig included; a drain takes some milliseconds


def quiet(lab, more=""):
    """The first session without health checks, everybody to us."""
    lab.init()
    lab.sql(FIRST_SESSION.replace(", 'global', 'web')", ", 'global', NULL)") + more)
    lab.serve()


class Watcher:
    """Asks all the time, and keeps what it was told."""

    def __init__(self, lab):
        self.lab, self.told, self.done = lab, set(), False

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def run(self):
        while not self.done:
            self.told.update(self.lab.answer(WWW))

    def __exit__(self, *ignored):
        self.done = True
        self.thread.join()


def generation(lab):
    return max([row["generation"] for row in lab.rows("SELECT generation FROM load")], default=0)


def transact(lab, sql):
    """Commit, and give the compiler's world the time to come and to be looked at."""
    before = generation(lab)
    lab.sql(f"BEGIN; {sql}; COMMIT;")
    until("its world is served", lambda: generation(lab) > before)
    time.sleep(0.5)


def endpoint_that_is_down_is_never_handed_out_while_its_row_goes(lab):
    quiet(lab, "INSERT INTO endpoint(service, region, address, state) VALUES ('www.gslb.example.com', 'us', '10.66.0.9', 'down');")
    assert lab.answer(WWW) == [US]
    with Watcher(lab) as watcher:
        transact(lab, "DELETE FROM endpoint WHERE address = '10.66.0.9'")
    assert watcher.told == {US}, watcher.told


def zone_that_does_not_compile_keeps_its_states(lab):
    quiet(lab, "INSERT INTO endpoint(service, region, address, state) VALUES ('www.gslb.example.com', 'us', '10.66.0.9', 'down');")
    with Watcher(lab) as watcher:
        transact(lab, TYPO)
        lab.sql("DELETE FROM endpoint WHERE address = '10.66.0.9'; DELETE FROM endpoint WHERE region = 'eu'")
        time.sleep(1) # there is nothing to wait for: no world comes
    assert watcher.told == {US}, watcher.told
    lab.sql("UPDATE pool SET state = 'down' WHERE region = 'us'")
    until("the pool is down", lambda: lab.answer(WWW) == [EU], AT_ONCE_S)


def pool_that_a_transaction_exchanges_shows_nothing_old(lab):
    quiet(lab, "UPDATE pool SET state = 'down' WHERE region = 'us';")
    assert lab.answer(WWW) == [EU]
    with Watcher(lab) as watcher:
        transact(lab, f"""DELETE FROM endpoint WHERE address = '{US}';
            INSERT INTO endpoint(service, region, address) VALUES ('{WWW}', 'us', '203.0.113.7');
            UPDATE pool SET state = 'auto' WHERE region = 'us'""")
        until("the new one serves", lambda: lab.answer(WWW) == ["203.0.113.7"])
    assert watcher.told == {EU, "203.0.113.7"}, watcher.told


def endpoint_deleted_while_gslbd_is_stopped_stays_down(lab):
    quiet(lab, "INSERT INTO endpoint(service, region, address, state) VALUES ('www.gslb.example.com', 'us', '10.66.0.9', 'down');")
    until("health.db has it", lambda: lab.rows("SELECT * FROM operator_state"))
    lab.server.stop()
    lab.sql("DELETE FROM endpoint WHERE address = '10.66.0.9'")
    with Watcher(lab) as watcher:
        lab.serve(name="gslbd-again")
        time.sleep(1)
    told = {line for line in watcher.told if not line.startswith(";")}
    assert told == {US}, told


def states_alone_are_on_the_board_at_once_both_ways(lab):
    quiet(lab)
    for table, where in (("region", "name = 'us'"), ("pool", "region = 'us'"), ("endpoint", f"address = '{US}'")):
        for state, answer in (("drain", EU), ("auto", US), ("down", EU), ("auto", US)):
            lab.sql(f"UPDATE {table} SET state = '{state}' WHERE {where}")
            begin = time.monotonic()
            until(f"{table} is {state}", lambda answer=answer: lab.answer(WWW) == [answer], AT_ONCE_S, 0.005)
            print(f"     {table} {state}: {1000 * (time.monotonic() - begin):.0f} ms with dig")


def health_db_that_is_gone_comes_back_with_what_it_said(lab):
    lab.state.mkdir()
    (lab.state / "health.db").mkdir()
    quiet(lab, "UPDATE pool SET state = 'drain' WHERE region = 'us';")
    assert lab.answer(WWW) == [EU]
    (lab.state / "health.db").rmdir()

    def complete():
        return all(lab.rows(f"SELECT * FROM {table}") for table in ("operator_state", "endpoint_health", "load"))

    until("it is made when it can be", complete)
    for path in lab.state.glob("health.db*"):
        path.unlink()
    lab.sql(TYPO)
    until("and made again", lambda: lab.rows("SELECT * FROM operator_state") and lab.rows("SELECT * FROM problem"))
    lab.server.stop()
    lab.store.rename(lab.dir / "away.db")
    lab.serve(name="gslbd-again")
    assert lab.answer(WWW) == [EU], "the drain was forgotten"


if __name__ == "__main__":
    main(endpoint_that_is_down_is_never_handed_out_while_its_row_goes, zone_that_does_not_compile_keeps_its_states,
         pool_that_a_transaction_exchanges_shows_nothing_old, endpoint_deleted_while_gslbd_is_stopped_stays_down,
         states_alone_are_on_the_board_at_once_both_ways, health_db_that_is_gone_comes_back_with_what_it_said)
