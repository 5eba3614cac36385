#!/usr/bin/env python3
"""Commit to changed answer, and restart to first answer, by the number of records in the zone; and for edits of a policy's rules.

Times are of this machine; what is compared with the budget of docs/ARCHITECTURE.md is in the last column.
"""
import argparse, os, shutil, signal, socket, sqlite3, statistics, struct, subprocess, sys, tempfile, time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PORT, CONTROL = 5405, 5406


def ask(name, wait=0.05):
    """The last byte of the first A record, or None."""
    wire = b"".join(bytes([len(x)]) + x.encode() for x in name.split(".")) + b"\0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(wait)
        try:
            s.connect(("127.0.0.1", PORT))
            s.send(struct.pack(">6H", 9, 0, 1, 0, 0, 0) + wire + b"\0\1\0\1")
            reply = s.recv(512)
            return reply[-1] if reply[7] else None
        except OSError:
            return None


def until(name, want, begin, seconds=60):
    while time.monotonic() - begin < seconds:
        if ask(name) == want:
            return time.monotonic() - begin
        time.sleep(0.0005)
    sys.exit(f"{name} is not {want} within {seconds} s")


def serve(work, geo=()):
    log = open(f"{work}/log", "ab")
    argv = [f"{TOP}/server/gslbd", "--store", f"{work}/gslb.db", "--state", f"{work}/state", "--workers", "1",
            "--listen", f"127.0.0.1@{PORT}", "--control", f"127.0.0.1@{CONTROL}"]
    return subprocess.Popen(argv + [word for path in geo for word in ("--geoip", path)], stdout=log, stderr=log)


def fill(work, count, copied):
    subprocess.run([f"{TOP}/ctl/gslbctl", "--store", f"{work}/gslb.db", "init"], check=True, stdout=subprocess.DEVNULL)
    db = sqlite3.connect(f"{work}/gslb.db")
    db.execute("INSERT INTO zone(name, mname, rname) VALUES ('example.com', 'ns1.example.com', 'hostmaster@example.com')")
    db.execute("INSERT INTO record(zone, name, type, data) VALUES ('example.com', '@', 'NS', 'ns1')")
    db.executemany("INSERT INTO record(zone, name, type, data) VALUES ('example.com', ?, 'A', ?)",
                   ((f"host{i}" if i else "ns1", f"198.18.{i >> 8 & 255}.{i & 255}") for i in range(count)))
    if copied:
        db.execute("INSERT INTO transfer(zone, net) VALUES ('example.com', '127.0.0.0/8')")
    db.commit()
    db.close()


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(child) for child in f.read().split()]


def memory_kb(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))


def measure(count, rounds, copied):
    work = tempfile.mkdtemp(prefix="commit-")
    server = None
    try:
        fill(work, count, copied)
        begin = time.monotonic()
        server = serve(work)
        first = until("host1.example.com", 1, begin)
        edits, restarts = [], []
        for number in range(rounds):
            db = sqlite3.connect(f"{work}/gslb.db", isolation_level=None)
            db.execute("UPDATE record SET data = ? WHERE zone = 'example.com' AND name = 'host1'", (f"203.0.113.{100 + number}",))
            begin = time.monotonic()
            db.close()
            edits.append(until("host1.example.com", 100 + number, begin))
            time.sleep(0.3)
        for _ in range(rounds):
            time.sleep(0.5)
            server.send_signal(signal.SIGTERM)
            server.wait()
            begin = time.monotonic()
            server = serve(work)
            restarts.append(until("host1.example.com", 100 + rounds - 1, begin))
        time.sleep(1) # for the compiler to end
        pss = sum(memory_kb(pid) for pid in [server.pid, *children(server.pid)])
        budget = 50 if count <= 1000 else 250
        print(f"{count:>9} records: first compile {1000 * first:7.0f} ms   commit to answer {1000 * statistics.median(edits):6.0f} ms "
              f"(budget {budget})   restart to answer {1000 * statistics.median(restarts):6.0f} ms (budget 100)   "
              f"{pss * 1024 / count:6.0f} bytes a record in all processes", flush=True)
    finally:
        if server and server.poll() is None:
            server.send_signal(signal.SIGTERM)
            server.wait()
        shutil.rmtree(work, ignore_errors=True)


SERVICE = """
INSERT INTO zone(name, mname, rname) VALUES ('example.com', 'ns1.example.com', 'hostmaster@example.com');
INSERT INTO record(zone, name, type, data) VALUES ('example.com', '@', 'NS', 'ns1'), ('example.com', 'ns1', 'A', '198.18.0.1');
INSERT INTO region(name) VALUES ('eu'), ('us');
"""
POLICY = """
INSERT INTO policy(name) VALUES ('global');
INSERT INTO rule(policy, client, region, tier) VALUES ('global', 'default', 'eu', 1), ('global', 'default', 'us', 2);
INSERT INTO service(name, policy) VALUES ('www.example.com', 'global');
INSERT INTO pool(service, region) VALUES ('www.example.com', 'eu'), ('www.example.com', 'us');
INSERT INTO endpoint(service, region, address) VALUES ('www.example.com', 'eu', '198.51.100.1'),
                                                      ('www.example.com', 'us', '198.51.100.2');
"""


def countries(paths):
    found = set()
    for path in paths:
        with open(path, encoding="ascii", errors="replace") as f:
            found.update(line.rstrip()[-2:] for line in f if line.count(",") == 2)
    return sorted(code for code in found if code.isalpha())


def edit(work, sql, want):
    """From the commit to the answer."""
    db = sqlite3.connect(f"{work}/gslb.db", isolation_level=None)
    db.execute("BEGIN")
    for statement in filter(str.strip, sql.split(";")):
        db.execute(statement)
    db.execute("COMMIT")
    begin = time.monotonic()
    db.close()
    return until("www.example.com", want, begin)


def measure_rules(geo, rounds):
    work = tempfile.mkdtemp(prefix="commit-")
    server = None
    try:
        rules = "".join(f"INSERT INTO rule(policy, client, region) VALUES ('global', 'country:{code}', '{('eu', 'us')[at % 2]}');"
                        for at, code in enumerate(countries(geo)))
        subprocess.run([f"{TOP}/ctl/gslbctl", "--store", f"{work}/gslb.db", "init"], check=True, stdout=subprocess.DEVNULL)
        db = sqlite3.connect(f"{work}/gslb.db")
        db.executescript(SERVICE)
        db.close()
        server = serve(work, geo)
        until("ns1.example.com", 1, time.monotonic())
        time.sleep(3) # for the compiler to read the databases
        first = edit(work, POLICY + rules, 1)
        weights, clients = [], []
        for number in range(rounds):
            time.sleep(1)
            weights.append(edit(work, f"UPDATE rule SET tier = {2 - number % 2} WHERE client = 'default' AND region = 'eu';"
                                      f"UPDATE rule SET tier = {1 + number % 2} WHERE client = 'default' AND region = 'us'",
                                2 - number % 2))
        here = weights and 2 - (rounds - 1) % 2
        for number in range(rounds):
            time.sleep(1)
            there = 3 - here
            rule = f"'global', 'net:127.0.0.0/8', '{' eu us'.split()[there - 1]}'"
            clients.append(edit(work, f"INSERT INTO rule(policy, client, region) VALUES ({rule})" if number % 2 == 0
                                else "DELETE FROM rule WHERE client = 'net:127.0.0.0/8'", there if number % 2 == 0 else here))
        print(f"{len(rules.split(';')):>9} countries: first policy to answer {1000 * first:5.0f} ms   "
              f"edit of a tier {1000 * statistics.median(weights):6.0f} ms (budget 30)   "
              f"edit of a client {1000 * statistics.median(clients):6.0f} ms (budget 250)", flush=True)
    finally:
        if server and server.poll() is None:
            server.send_signal(signal.SIGTERM)
            server.wait()
        shutil.rmtree(work, ignore_errors=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--counts", default="1000,100000")
    ap.add_argument("--rounds", type=int, default=7)
    ap.add_argument("--geoip", action="append", default=[], metavar="FILE", help="tor's text; measure edits of rules over these")
    ap.add_argument("--copied", action="store_true", help="secondaries may copy the zone, so that it keeps a journal")
    a = ap.parse_args()
    for count in map(int, filter(None, a.counts.split(","))):
        measure(count, a.rounds, a.copied)
    if a.geoip:
        measure_rules(a.geoip, a.rounds)


main()
