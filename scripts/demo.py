"""scripts/demo.py - the main job, live: edit, steer, drain, fail over, and what a false alarm does not do.

Back ends, probers and nameserver are real processes of this build on loopback addresses. Run by ./demo.
"""
import pathlib, signal, sys, time

SRC = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SRC / "tests" / "scenario"))
from lab import TOR, Failed, Lab, until  # noqa: E402

SERVICE = "www.gslb.example.com"
REGIONS = {"us": "127.10.0.1", "eu": "127.20.0.1", "ap": "127.30.0.1"}
PORT = 8080
CLIENTS = [("Amsterdam, Europe", "193.0.6.0/24"), ("California, North America", "8.8.8.0/24"),
           ("Sao Paulo, South America", "200.160.2.0/24"), ("Tokyo, Asia", "133.11.0.0/24")]
VANTAGES = ["ams", "nyc", "sao", "nrt", "syd"]

STORE = f"""
INSERT INTO zone(name, mname, rname) VALUES ('gslb.example.com', 'ns1.gslb.example.com', 'hostmaster@example.com');
INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', '@', 'NS', 'ns1.gslb.example.com.'),
                                                  ('gslb.example.com', 'ns1', 'A', '192.0.2.53');
INSERT INTO region(name) VALUES ('us'), ('eu'), ('ap');
INSERT INTO policy(name) VALUES ('global');
INSERT INTO rule(policy, client, region, tier) VALUES
    ('global', 'default',      'us', 1), ('global', 'default',      'eu', 2), ('global', 'default',      'ap', 3),
    ('global', 'continent:EU', 'eu', 1), ('global', 'continent:EU', 'us', 2), ('global', 'continent:EU', 'ap', 3),
    ('global', 'continent:AS', 'ap', 1), ('global', 'continent:AS', 'us', 2), ('global', 'continent:AS', 'eu', 3);
INSERT INTO monitor(name, type, port, path, interval_s, timeout_s) VALUES ('web', 'http', {PORT}, '/healthz', 1, 0.5);
INSERT INTO service(name, policy, monitor, ttl) VALUES ('{SERVICE}', 'global', 'web', 20);
INSERT INTO pool(service, region) VALUES ('{SERVICE}', 'us'), ('{SERVICE}', 'eu'), ('{SERVICE}', 'ap');
INSERT INTO endpoint(service, region, address) VALUES
    ('{SERVICE}', 'us', '{REGIONS["us"]}'), ('{SERVICE}', 'eu', '{REGIONS["eu"]}'), ('{SERVICE}', 'ap', '{REGIONS["ap"]}');
"""

begin = time.monotonic()


def say(text=""):
    print(f"[{time.monotonic() - begin:6.2f} s] {text}" if text else "", flush=True)


def chapter(title):
    print(f"\n== {title}", flush=True)


def show_sql(text):
    for line in text.strip().splitlines():
        print("    sqlite> " + line.strip(), flush=True)


def region_of(addresses):
    return next((name for name, at in REGIONS.items() if [at] == addresses), str(addresses))


def show_clients(lab):
    """Ask for every client, print dig's command and answer; returns the regions."""
    got = []
    for place, subnet in CLIENTS:
        addresses = lab.answer(SERVICE, "A", subnet)
        got.append(region_of(addresses))
        print(f"    $ dig @127.0.0.1 -p {lab.port} +short {SERVICE} +subnet={subnet}\n"
              f"    {' '.join(addresses):<16} region {got[-1]} for a client in {place}; "
              f"the answer holds for the client's /{lab.scope(SERVICE, subnet)}", flush=True)
    return got


def expect(got, want):
    if got != want:
        raise Failed(f"the regions are {got}, and should be {want}")


def votes(lab, region):
    row = lab.rows("SELECT verdict, up, down, unknown, reason FROM endpoint_health WHERE service = ? AND region = ?", SERVICE, region)
    return row[0] if row else {}


def follow(lab, region, subnet, want, seconds):
    """Print each change of the votes and of dig's answer until dig says `want`."""
    last = None
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        vote, answer = votes(lab, region), region_of(lab.answer(SERVICE, "A", subnet))
        now = (vote.get("up"), vote.get("down"), vote.get("unknown"), vote.get("verdict"), answer)
        if now != last:
            say(f"region {region}: {now[0]} up, {now[1]} down, {now[2]} unknown; verdict {now[3]}; dig says {answer}"
                + (f"   ({vote['reason']})" if vote.get("reason") else ""))
            last = now
        if answer == want and vote.get("verdict") == ("down" if want != region else "up"):
            return
        time.sleep(0.05)
    raise Failed(f"dig does not say {want} within {seconds} s")


def start(lab):
    chapter("A store, made with gslbctl and the sqlite3 shell")
    lab.init()
    print(f"    $ gslbctl --store {lab.store} init\n    $ sqlite3 {lab.store}")
    lab.sql(STORE)
    show_sql(STORE)

    chapter("Three regions with a real HTTP back end each; gslbd; a prober at each of five vantage points")
    for name, address in REGIONS.items():
        lab.backend(name, address, PORT)
        say(f"back end of region {name}: http://{address}:{PORT}/healthz")
    lab.serve(geoip=TOR)
    print("    $ " + " ".join(map(str, lab.server.argv)))
    for number, name in enumerate(VANTAGES, 1):
        lab.vantage(name, source=f"127.0.1.{number}")
        say(f"vantage point {name} probes from 127.0.1.{number}")
    until("five vantage points have voted every region up", lambda: all(
        votes(lab, region).get("up") == 5 and votes(lab, region).get("verdict") == "up" for region in REGIONS), 20)
    say("every region is voted up by five of five")


def story(lab):
    start(lab)
    chapter("Clients on four continents (EDNS client subnet, Debian's tor-geoipdb)")
    expect(show_clients(lab), ["eu", "us", "us", "ap"])

    chapter("Drain a region with one statement")
    drain = "UPDATE region SET state = 'drain', until = unixepoch() + 3600, note = 'kernel upgrade' WHERE name = 'eu';"
    show_sql(drain)
    committed = time.monotonic()
    lab.sql(drain)
    until("dig changes", lambda: lab.answer(SERVICE, "A", CLIENTS[0][1]) == [REGIONS["us"]], 5, 0.005)
    say(f"{1000 * (time.monotonic() - committed):.0f} ms after sqlite3 was started, dig gives Europe the next region")
    expect(show_clients(lab), ["us", "us", "us", "ap"])
    undo = "UPDATE region SET state = 'auto', until = NULL WHERE name = 'eu';"
    show_sql(undo)
    lab.sql(undo)
    until("dig changes back", lambda: lab.answer(SERVICE, "A", CLIENTS[0][1]) == [REGIONS["eu"]], 5, 0.005)

    chapter("Kill the back end of region eu")
    lab.backends["eu"].stop(signal.SIGKILL)
    say(f"killed process {lab.backends['eu'].pid}")
    follow(lab, "eu", CLIENTS[0][1], "us", 8)
    expect(show_clients(lab), ["us", "us", "us", "ap"])

    chapter("Bring it back (it serves again after it was voted up for 10 s)")
    lab.backend("eu", REGIONS["eu"], PORT)
    say("started again")
    follow(lab, "eu", CLIENTS[0][1], "eu", 30)

    chapter("Cut two of five vantage points off: they fail to reach every back end")
    for name in REGIONS:
        (lab.dir / f"deny-{name}").write_text("127.0.1.4\n127.0.1.5\n")
    say("127.0.1.4 (nrt) and 127.0.1.5 (syd) are cut off from all three regions")
    until("their votes are down", lambda: all(votes(lab, region).get("down") == 2 for region in REGIONS), 15)
    for region in REGIONS:
        vote = votes(lab, region)
        say(f"region {region}: {vote['up']} up, {vote['down']} down; verdict {vote['verdict']}")
    expect(show_clients(lab), ["eu", "us", "us", "ap"])
    until("they are suspect", lambda: len(lab.rows("SELECT name FROM vantage_health WHERE suspect = 1")) == 2, 15)
    say("two of five are no quorum: nothing changed, and both vantage points are now marked suspect")
    print("\n    $ gslbctl --state STATE status\n" + "".join(f"    {line}\n" for line in lab.ctl("status", state=True).splitlines()))


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    stay = "--stay" in sys.argv[1:]
    signal.signal(signal.SIGTERM, interrupt)
    try:
        with Lab() as lab:
            story(lab)
            if stay:
                print(f"Still up until Ctrl-C. The store is {lab.store}, the state {lab.state}, DNS is 127.0.0.1 port {lab.port}.")
                try:
                    while lab.alive():
                        time.sleep(1)
                except KeyboardInterrupt:
                    print()
        say("done; nothing is left running")
    except Failed as error:
        sys.exit(f"demo: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


main()
