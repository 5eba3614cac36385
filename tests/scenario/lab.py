"""tests/scenario/lab.py - a small world on loopback for scenarios and the demo: a store, back ends, probers, gslbd.

Everything it starts is a real process of this build, in a folder of its own, and is ended by pid when the lab closes.
Nothing waits for luck: until() polls a state and gives up at a deadline with what it last saw.
"""
import os, pathlib, random, re, shutil, signal, socket, sqlite3, ssl, subprocess, sys, tempfile, time, urllib.error, urllib.request

SRC = pathlib.Path(os.environ.get("srcdir", pathlib.Path(__file__).resolve().parent.parent.parent)).resolve()
BUILD = pathlib.Path(os.environ.get("builddir", SRC)).resolve()
TOR = ["/usr/share/tor/geoip", "/usr/share/tor/geoip6"]


class Failed(Exception):
    pass


def program(name):
    path = BUILD / name
    if not path.exists():
        raise Failed(f"{path} is not built")
    return str(path)


def free_port(host="127.0.0.1"):
    """A port that is free for UDP and TCP now. It is none of those that the kernel gives to clients: dig shares its own with whoever allows
    that, and would ask itself."""
    for _ in range(200):
        port = random.randrange(10000, 32000)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind((host, port))
                udp.bind((host, port))
                return port
            except OSError:
                continue
    raise Failed("no free port")


def until(what, check, seconds=10.0, every=0.02):
    """Poll check() until it gives something true, and return that."""
    end = time.monotonic() + seconds
    last = None
    while True:
        try:
            last = check()
            if last:
                return last
        except (OSError, sqlite3.Error, subprocess.SubprocessError) as error:
            last = error
        if time.monotonic() >= end:
            raise Failed(f"not within {seconds} s: {what} (last seen: {last!r})")
        time.sleep(every)


def closed_within(sock, seconds):
    """How long until the server has closed the connection; what it sends until then is thrown away."""
    begin = time.monotonic()
    sock.settimeout(seconds)
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        pass
    except TimeoutError:
        raise Failed(f"still open after {seconds} s")
    return time.monotonic() - begin


class Process:
    """A child of the lab; its stderr goes to a file in the lab's folder."""

    def __init__(self, lab, name, argv, **more):
        self.name, self.argv = name, argv
        self.log_path = lab.dir / f"{name}.log"
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **more)
        self.pid = self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def stop(self, sig=signal.SIGTERM, seconds=10):
        if self.running():
            self.popen.send_signal(signal.SIGCONT)
            self.popen.send_signal(sig)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise Failed(f"{self.name} did not stop within {seconds} s")

    def children(self):
        """pid -> process name (as ps shows it) of every descendant."""
        found, todo = {}, [self.pid]
        while todo:
            for task in pathlib.Path(f"/proc/{todo.pop()}/task").glob("*/children"):
                try:
                    kids = [int(pid) for pid in task.read_text().split()]
                except OSError:
                    continue
                for pid in kids:
                    try:
                        found[pid] = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
                        todo.append(pid)
                    except OSError:
                        pass
        return found

    def named(self, name):
        return [pid for pid, comm in self.children().items() if comm == name]


class Lab:
    def __init__(self, keep=False):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="gslb-lab-"))
        self.store, self.state = self.dir / "gslb.db", self.dir / "state"
        self.port, self.control = free_port(), free_port()
        self.processes, self.server, self.probers, self.backends = [], None, {}, {}
        self.keep = keep

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None and issubclass(kind, (Failed, AssertionError)):
            for process in self.processes:
                print(f"---- {process.name}: {' '.join(map(str, process.argv))}\n{process.log()[-4000:]}", file=sys.stderr)
        self.close()

    def close(self):
        for process in reversed(self.processes):
            if process.running():
                process.popen.send_signal(signal.SIGCONT)
                process.popen.terminate()
        end = time.monotonic() + 10
        for process in self.processes:
            try:
                process.popen.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.popen.kill()
                process.popen.wait()
        if not self.keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    def start(self, name, argv, **more):
        process = Process(self, name, [str(word) for word in argv], **more)
        self.processes.append(process)
        return process

    # The store ------------------------------------------------------------------------------------------------

    def init(self):
        self.ctl("init")

    def sql(self, text, check=True):
        """Run SQL as an operator does: in the sqlite3 shell, with no busy timeout."""
        done = subprocess.run(["sqlite3", str(self.store)], input=text, capture_output=True, text=True, timeout=60)
        if check and (done.returncode != 0 or done.stderr):
            raise Failed(f"sqlite3: {done.stderr.strip()} for {text.strip()[:200]}")
        return done.stdout.strip() if check else done

    def ctl(self, *words, check=True, state=False):
        argv = [program("ctl/gslbctl"), "--store", str(self.store)]
        argv += ["--state", str(self.state)] if state else []
        done = subprocess.run(argv + [str(word) for word in words], capture_output=True, text=True, timeout=60)
        if check and done.returncode != 0:
            raise Failed(f"gslbctl {' '.join(map(str, words))}: exit {done.returncode}: {done.stderr.strip()}")
        return done.stdout if check else done

    # The programs ---------------------------------------------------------------------------------------------

    def serve(self, *more, workers=1, geoip=(), wait=True, name="gslbd"):
        argv = [program("server/gslbd"), "--store", self.store, "--state", self.state, "--listen", f"127.0.0.1@{self.port}",
                "--control", f"127.0.0.1@{self.control}", "--workers", workers]
        for path in geoip:
            argv += ["--geoip", path]
        self.server = self.start(name, argv + list(more))
        if wait:
            until("gslbd answers", lambda: self.alive() and self.query("version.bind", "TXT", klass="CH"), 20)
        return self.server

    def alive(self):
        if not self.server.running():
            raise Failed(f"gslbd ended with {self.server.popen.returncode}: {self.server.log()[-2000:]}")
        return True

    def backend(self, name, address, port, *more):
        """A real HTTP server for one address; its deny file cuts peers off."""
        deny = self.dir / f"deny-{name}"
        deny.touch()
        self.backends[name] = self.start(f"backend-{name}", [program("tests/scenario/backend"), "--listen", f"{address}@{port}",
                                                            "--name", name, "--deny-file", deny, *more])
        until(f"back end {name} listens", lambda: socket.create_connection((address, port), 1).close() is None)
        return self.backends[name]

    def vantage(self, name, source=None, key=None, **place):
        """Register a vantage point and start its prober, with `source` as its address."""
        key = key or self.dir / f"{name}.key"
        if not key.exists():
            words = [word for option, value in place.items() for word in (f"--{option}", value)]
            self.ctl("vantage", "add", name, *words, "--key-out", key)
        argv = [program("prober/gslb-prober"), "--vantage", name, "--key", key, "--server", f"127.0.0.1@{self.control}",
                "--ca", self.state / "control.crt"]
        until("the control certificate", lambda: (self.state / "control.crt").exists())
        self.probers[name] = self.start(f"prober-{name}", argv + (["--source", source] if source else []))
        return self.probers[name]

    # Asking ---------------------------------------------------------------------------------------------------

    def dig(self, *words, timeout=2):
        """dig's own output; the server's address and port are put in."""
        argv = ["dig", "@127.0.0.1", "-p", str(self.port), "+tries=1", f"+time={timeout}", *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=timeout + 10).stdout

    def query(self, name, qtype="A", klass="IN", subnet=None, *words):
        """The status of a reply as dig prints it ("NOERROR"), or None."""
        more = [f"+subnet={subnet}"] if subnet else []
        found = re.search(r"status: (\w+)", self.dig(name, qtype, klass, *more, *words))
        return found.group(1) if found else None

    def answer(self, name, qtype="A", subnet=None, *words):
        """The answer section's data, sorted."""
        more = [f"+subnet={subnet}"] if subnet else []
        return sorted(self.dig("+short", name, qtype, *more, *words).split("\n")[:-1])

    def scope(self, name, subnet, qtype="A"):
        found = re.search(r"CLIENT-SUBNET: \S+/(\d+)/(\d+)", self.dig(name, qtype, f"+subnet={subnet}"))
        return int(found.group(2)) if found else None

    # What it says of itself -----------------------------------------------------------------------------------

    def fetch(self, path, body=None, headers=()):
        """Status and text of a page of the control port."""
        trust = ssl.create_default_context(cafile=str(self.state / "control.crt"))
        request = urllib.request.Request(f"https://127.0.0.1:{self.control}{path}", body, dict(headers))
        try:
            with urllib.request.urlopen(request, timeout=5, context=trust) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metrics(self):
        """A page of metrics made after this call began: one that is half a second old is given out again."""
        old = self.fetch("/metrics")[1]
        return until("a new page of metrics", lambda: (page := self.fetch("/metrics")[1]) != old and page, 5, 0.1)

    def metric(self, series, text=None):
        """The value of a series, now or in `text`, which is a page; None: there is none."""
        found = re.search(rf"^{re.escape(series)} (\S+)$", text or self.metrics(), re.M)
        return float(found.group(1)) if found else None

    def state_db(self):
        db = sqlite3.connect(f"file:{self.state}/health.db?mode=ro", uri=True, timeout=5)
        db.row_factory = sqlite3.Row
        return db

    def rows(self, sql, *values):
        db = self.state_db()
        try:
            return [dict(row) for row in db.execute(sql, values)]
        finally:
            db.close()


FIRST_SESSION = """
INSERT INTO zone(name, mname, rname)      VALUES ('gslb.example.com', 'ns1.gslb.example.com', 'hostmaster@example.com');
INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', '@', 'NS', 'ns1.gslb.example.com.'),
                                                  ('gslb.example.com', 'ns1', 'A', '192.0.2.53');
INSERT INTO region(name)                  VALUES ('eu'), ('us');
INSERT INTO policy(name)                  VALUES ('global');
INSERT INTO rule(policy, client, region, tier) VALUES ('global', 'default', 'us', 1), ('global', 'default', 'eu', 2),
                                                      ('global', 'continent:EU', 'eu', 1), ('global', 'continent:EU', 'us', 2);
INSERT INTO monitor(name, type, port, path) VALUES ('web', 'http', 80, '/healthz');
INSERT INTO service(name, policy, monitor) VALUES ('www.gslb.example.com', 'global', 'web');
INSERT INTO pool(service, region)         VALUES ('www.gslb.example.com', 'eu'), ('www.gslb.example.com', 'us');
INSERT INTO endpoint(service, region, address) VALUES ('www.gslb.example.com', 'eu', '198.51.100.1'),
                                                      ('www.gslb.example.com', 'us', '203.0.113.1');
"""


# Beside the first session: a name with one address, and one whose answer is too long for UDP.
HOST_AND_BIG = "INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'host', 'A', '192.0.2.10')" + "".join(
    f", ('gslb.example.com', 'big', 'TXT', '\"{i:0>60}\"')" for i in range(300))


def main(*scenarios):
    """Run the functions named; each gets its own lab. Prints one line for each, exits 1 if one fails."""
    failed = 0
    for scenario in scenarios:
        title = scenario.__name__.replace("_", " ")
        begin = time.monotonic()
        try:
            with Lab() as lab:
                scenario(lab)
            print(f"ok   {title} ({time.monotonic() - begin:.1f} s)", flush=True)
        except (Failed, AssertionError) as error:
            failed += 1
            print(f"FAIL {title}: {error}", flush=True)
    print(f"{len(scenarios) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
