#!/usr/bin/env python3
"""Peers side by side on loopback: CPU time per answer and answers per second, as medians over rounds.

Each server runs one worker on CPU 0 and dnsperf runs on CPU 1. The echo server answers nothing useful: it is
the cost of the kernel's own UDP path, the floor under every server that uses sockets.
"""
import argparse, glob, os, re, shutil, signal, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
TICK = os.sysconf("SC_CLK_TCK")
REGION = {"NA": 1, "SA": 1, "EU": 2, "AF": 2, "AS": 3, "OC": 3}

ECHO = r"""
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
enum { BATCH = 64 };
static char buf[BATCH][4096];
static struct sockaddr_storage peer[BATCH];
static struct iovec iov[BATCH];
static struct mmsghdr msg[BATCH];
int main(int argc, char **argv) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[argc - 1]))};
    inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
    if (bind(fd, (void *)&at, sizeof at)) return 1;
    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            iov[i] = (struct iovec){buf[i], sizeof buf[i]};
            msg[i].msg_hdr = (struct msghdr){&peer[i], sizeof peer[i], &iov[i], 1, 0, 0, 0};
        }
        int n = recvmmsg(fd, msg, BATCH, MSG_WAITFORONE, 0);
        for (int i = 0; i < n; i++) { buf[i][2] |= 0x84; iov[i].iov_len = msg[i].msg_len; }
        if (n > 0) sendmmsg(fd, msg, n, 0);
    }
}
"""


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


def zone_text(steered):
    lines = ["@ SOA ns1 hostmaster 1 7200 1800 259200 900", "@ NS ns1", "@ NS ns2", "ns1 A 127.0.0.1", "ns2 A 127.0.0.1"]
    lines += [f"host{i} A 198.51.100.{i % 250 + 1}" for i in range(1000)]
    return "$ORIGIN example.com.\n$TTL 300\n" + "\n".join(lines + steered) + "\n"


def peers(work, geo):
    """Writes each peer's configuration; yields (name, port, argv)."""
    src = f"{work}/echo.c"
    write(src, ECHO)
    subprocess.run(["cc", "-O2", "-o", f"{work}/echo", src], check=True)
    yield "echo", 5300, [f"{work}/echo", "5300"]

    write(f"{work}/gdnsd/zones/example.com", zone_text(["www 60 DYNA geoip!prod"]).split("\n", 1)[1])
    order = lambda c: {1: "us, eu, ap", 2: "eu, us, ap", 3: "ap, us, eu"}[c]
    rows = "\n".join(f"      {k} => [{order(v)}]" for k, v in REGION.items())
    dcs = "\n".join(f"      {n} => {{ addrs_v4 => [192.0.2.{i}, 192.0.2.{i + 3}], addrs_v6 => [2001:db8::{i}] }}"
                    for i, n in ((1, "us"), (2, "eu"), (3, "ap")))
    write(f"{work}/gdnsd/config", f"""
options => {{ listen => {{ 127.0.0.1:5301 => {{ }} }} udp_threads => 1 tcp_threads => 1
  run_dir = {work}/gdnsd/run state_dir = {work}/gdnsd/state }}
plugins => {{ geoip => {{
  maps => {{ m => {{ geoip2_db => {geo} datacenters => [us, eu, ap]
    map => {{ default => [us, eu, ap]
{rows}
  }} }} }}
  resources => {{ prod => {{ map => m dcmap => {{
{dcs}
  }} }} }} }} }}
""")
    yield "gdnsd", 5301, ["gdnsd", "-c", f"{work}/gdnsd", "start"]

    plain = ["www 60 A 192.0.2.1", "www 60 A 192.0.2.4", "www 60 AAAA 2001:db8::1"]
    write(f"{work}/knot/example.com.zone", zone_text(plain))
    write(f"{work}/knot/geo.conf", "www.example.com:\n" + "".join(
        f'  - geo: "{k}"\n    A: [ 192.0.2.{v}, 192.0.2.{v + 3} ]\n    AAAA: 2001:db8::{v}\n' for k, v in REGION.items()))
    write(f"{work}/knot/knot.conf", f"""
server:
  listen: 127.0.0.1@5302
  rundir: {work}/knot
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  edns-client-subnet: on
database:
  storage: {work}/knot
log:
  - target: stderr
    any: error
mod-geoip:
  - id: g
    config-file: {work}/knot/geo.conf
    ttl: 60
    mode: geodb
    geodb-file: {geo}
    geodb-key: [ continent/code ]
zone:
  - domain: example.com
    storage: {work}/knot
    file: example.com.zone
    module: mod-geoip/g
""")
    yield "knot", 5302, ["knotd", "-c", f"{work}/knot/knot.conf"]

    write(f"{work}/nsd/nsd.conf", f"""
server:
  ip-address: 127.0.0.1@5303
  server-count: 1
  username: ""
  database: ""
  zonesdir: {work}/knot
  pidfile: {work}/nsd/nsd.pid
  xfrdfile: {work}/nsd/xfrd.state
  zonelistfile: {work}/nsd/zone.list
  xfrdir: {work}/nsd
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: example.com
  zonefile: example.com.zone
""")
    yield "nsd", 5303, ["nsd", "-d", "-c", f"{work}/nsd/nsd.conf"]

    regions = "".join(f"    {k}.geo.example.com:\n      - a: 192.0.2.{v}\n      - a: 192.0.2.{v + 3}\n      - aaaa: 2001:db8::{v}\n"
                      for k, v in REGION.items())
    write(f"{work}/pdns/geo.yaml", f"""domains:
- domain: example.com
  ttl: 60
  records:
    example.com:
      - soa: ns1.example.com hostmaster.example.com 1 7200 1800 259200 900
      - ns: ns1.example.com
{regions}  services:
    www.example.com: [ '%cn.geo.example.com' ]
""")
    write(f"{work}/pdns/pdns.conf", f"""launch=geoip
geoip-database-files=mmdb:{geo}
geoip-zones-file={work}/pdns/geo.yaml
local-address=127.0.0.1
local-port=5304
receiver-threads=1
distributor-threads=1
edns-subnet-processing=yes
socket-dir={work}/pdns
daemon=no
guardian=no
""")
    yield "pdns", 5304, ["pdns_server", f"--config-dir={work}/pdns"]


STORE = """
INSERT INTO zone(name, mname, rname, negative_ttl) VALUES ('example.com', 'ns1.example.com', 'hostmaster@example.com', 900);
INSERT INTO record(zone, name, type, data) VALUES ('example.com', '@', 'NS', 'ns1'), ('example.com', '@', 'NS', 'ns2'),
    ('example.com', 'ns1', 'A', '127.0.0.1'), ('example.com', 'ns2', 'A', '127.0.0.1');
INSERT INTO region(name) VALUES ('us'), ('eu'), ('ap');
INSERT INTO policy(name) VALUES ('geo');
INSERT INTO service(name, policy, ttl) VALUES ('www.example.com', 'geo', 60);
INSERT INTO pool(service, region) VALUES ('www.example.com', 'us'), ('www.example.com', 'eu'), ('www.example.com', 'ap');
INSERT INTO endpoint(service, region, address) VALUES
    ('www.example.com', 'us', '192.0.2.1'), ('www.example.com', 'us', '192.0.2.4'), ('www.example.com', 'us', '2001:db8::1'),
    ('www.example.com', 'eu', '192.0.2.2'), ('www.example.com', 'eu', '192.0.2.5'), ('www.example.com', 'eu', '2001:db8::2'),
    ('www.example.com', 'ap', '192.0.2.3'), ('www.example.com', 'ap', '192.0.2.6'), ('www.example.com', 'ap', '2001:db8::3');
"""


def ours(work, geo, top):
    """Makes our store with the same zone and the same map; returns the argv of a server on it."""
    order = lambda c: {1: "us eu ap", 2: "eu us ap", 3: "ap us eu"}[c].split()
    clients = [("default", ["us", "eu", "ap"])] + [(f"continent:{k}", order(v)) for k, v in REGION.items()]
    rules = ", ".join(f"('geo', '{client}', '{region}', {tier})" for client, regions in clients for tier, region in enumerate(regions, 1))
    hosts = ", ".join(f"('example.com', 'host{i}', 'A', '198.51.100.{i % 250 + 1}')" for i in range(1000))
    sql = f"{STORE}\nINSERT INTO rule(policy, client, region, tier) VALUES {rules};\n" \
          f"INSERT INTO record(zone, name, type, data) VALUES {hosts};\n"
    subprocess.run([f"{top}/ctl/gslbctl", "--store", f"{work}/gslb.db", "init"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["sqlite3", f"{work}/gslb.db"], input=sql, text=True, check=True)
    return [f"{top}/server/gslbd", "--store", f"{work}/gslb.db", "--state", f"{work}/state", "--listen", "127.0.0.1@5305",
            "--control", "127.0.0.1@5306", "--workers", "1", "--geoip", geo]


def family(pid):
    """pid and every descendant."""
    found, todo = [], [pid]
    while todo:
        p = todo.pop()
        found.append(p)
        try:
            todo += [int(x) for x in open(f"/proc/{p}/task/{p}/children").read().split()]
        except OSError:
            pass
    return found


def cpu(pid):
    """(user, system, run time) in seconds over the whole process family."""
    user = system = run = 0
    for p in family(pid):
        try:
            f = open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split()
            user, system = user + int(f[11]), system + int(f[12])
            run += sum(int(open(t).read().split()[0]) for t in glob.glob(f"/proc/{p}/task/*/schedstat"))
        except OSError:
            pass
    return user / TICK, system / TICK, run / 1e9


def drive(port, pid, queries, seconds, rate):
    before = cpu(pid)
    cmd = ["taskset", "-c", "1", "dnsperf", "-B", "-d", queries, "-s", "127.0.0.1", "-p", str(port), "-l", str(seconds),
           "-c", "8", "-T", "1", "-q", "400"] + (["-Q", str(rate)] if rate else [])
    out = subprocess.run(cmd, capture_output=True, text=True).stdout
    after = cpu(pid)
    done = int(re.search(r"completed:\s+(\d+)", out).group(1))
    sent = int(re.search(r"sent:\s+(\d+)", out).group(1))
    ticks = after[0] - before[0] + after[1] - before[1]
    total = (after[2] - before[2]) / max(done, 1) * 1e6
    return {"qps": done / seconds, "lost": 100 * (sent - done) / max(sent, 1), "total_us": total,
            "user_us": total * (after[0] - before[0]) / ticks if ticks else 0.0,
            "codes": re.search(r"Response codes:\s+(.*)", out).group(1) if done else "none"}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--geo", required=True, help="country database from mkgeo.pl")
    ap.add_argument("--queries", required=True, help="query file from mkqueries.py")
    ap.add_argument("--ours", default=TOP, help="directory of the build to measure")
    ap.add_argument("--no-ours", action="store_true", help="only the peers")
    ap.add_argument("--only", default="", help="comma-separated names")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--seconds", type=int, default=5)
    ap.add_argument("--rate", type=int, default=0, help="queries per second; 0 means as fast as possible")
    a = ap.parse_args()
    work = tempfile.mkdtemp(prefix="peers-")
    geo = os.path.abspath(a.geo)
    servers = list(peers(work, geo))
    if not a.no_ours:
        servers.append(("ours", 5305, ours(work, geo, os.path.abspath(a.ours))))
    if a.only:
        servers = [s for s in servers if s[0] in a.only.split(",") or s[0] == "ours"]
    running = {}
    try:
        for name, port, argv in servers:
            log = open(f"{work}/{name}.log", "w")
            running[name] = subprocess.Popen(["taskset", "-c", "0", *argv], stdout=log, stderr=log, start_new_session=True)
        time.sleep(5)
        rows = {name: [] for name, _, _ in servers}
        for _ in range(a.rounds):
            for name, port, _ in servers:
                if running[name].poll() is None:
                    rows[name].append(drive(port, running[name].pid, a.queries, a.seconds, a.rate))
                else:
                    print(f"{name}: ended by itself; see its log:\n" + open(f"{work}/{name}.log").read()[-800:], file=sys.stderr)
        med = lambda name, key: statistics.median(r[key] for r in rows[name])
        base = "gdnsd" if rows.get("gdnsd") else servers[0][0]
        print(f"{'server':8} {'answers/s':>10} {'lost %':>7} {'cpu us':>8} {'user us':>8} {'cpu/' + base:>10}  codes")
        for name, _, _ in servers:
            if rows[name]:
                print(f"{name:8} {med(name, 'qps'):10.0f} {med(name, 'lost'):7.2f} {med(name, 'total_us'):8.2f} "
                      f"{med(name, 'user_us'):8.2f} {med(name, 'total_us') / max(med(base, 'total_us'), 1e-9):10.2f}  "
                      f"{rows[name][-1]['codes']}")
    finally:
        for p in running.values():
            if p.poll() is None:
                os.killpg(p.pid, signal.SIGTERM)
        time.sleep(1)
        for p in running.values():
            if p.poll() is None:
                os.killpg(p.pid, signal.SIGKILL)
            p.wait()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
