#!/usr/bin/env python3
"""Commit to changed answer, and restart to first answer, by the number of records in the zone.

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


def serve(work):
    log = open(f"{work}/log", "ab")
    return subprocess.Popen([f"{TOP}/server/gslbd", "--store", f"{work}/gslb.db", "--state", f"{work}/state", "--workers", "1",
                             "--listen", f"127.0.0.1@{PORT}", "--control", f"127.0.0.1@{CONTROL}"], stdout=log, stderr=log)


def fill(work, count):
    subprocess.run([f"{TOP}/ctl/gslbctl", "--store", f"{work}/gslb.db", "init"], check=True, stdout=subprocess.DEVNULL)
    db = sqlite3.connect(f"{work}/gslb.db")
    db.execute("INSERT INTO zone(name, mname, rname) VALUES ('example.com', 'ns1.example.com', 'hostmaster@example.com')")
    db.execute("INSERT INTO record(zone, name, type, data) VALUES ('example.com', '@', 'NS', 'ns1')")
    db.executemany("INSERT INTO record(zone, name, type, data) VALUES ('example.com', ?, 'A', ?)",
                   ((f"host{i}" if i else "ns1", f"198.18.{i >> 8 & 255}.{i & 255}") for i in range(count)))
    db.commit()
    db.close()


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(child) for child in f.read().split()]


def memory_kb(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))


def measure(count, rounds):
    work = tempfile.mkdtemp(prefix="commit-")
    server = None
    try:
        fill(work, count)
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


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--counts", default="1000,100000")
    ap.add_argument("--rounds", type=int, default=7)
    a = ap.parse_args()
    for count in map(int, a.counts.split(",")):
        measure(count, a.rounds)


main()
