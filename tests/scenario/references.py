"""tests/scenario/references.py - Debian's BIND, Knot and NSD on loopback, as references for the meaning of a reply and as peers.

They run in the foreground, as children of the lab, in its folder, with one thread for UDP so that they answer in order.
"""
import ctypes, os, shutil, signal, socket, sys

from lab import Failed, free_port, until

# What all three servers say of themselves.
TEXTS = {"identity": "one", "version": "two", "nsid": "three"}

KNOT = """server:
  listen: 127.0.0.1@{port}
  rundir: {dir}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  tcp-max-clients: 100
  identity: "{identity}"
  version: "{version}"
  nsid: "{nsid}"
  edns-client-subnet: on
database:
  storage: {dir}
log:
  - target: stderr
    any: warning
template:
  - id: default
    storage: {dir}
    journal-content: none
    zonefile-sync: -1
    semantic-checks: soft
zone:
"""

NSD = """server:
  ip-address: 127.0.0.1@{port}
  server-count: 1
  username: ""
  database: ""
  zonesdir: {dir}
  pidfile: {dir}/nsd.pid
  logfile: {dir}/nsd.err
  xfrdfile: {dir}/xfrd.state
  zonelistfile: {dir}/zone.list
  xfrdir: {dir}
  identity: "{identity}"
  version: "{version}"
  nsid: "ascii_{nsid}"
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
"""

BIND = """options {{
  directory "{dir}";
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  pid-file none;
  session-keyfile none;
  dnssec-validation no;
  empty-zones-enable no;
  notify no;
  {options}
}};
controls {{ }};
{zones}
"""


def need(*paths):
    """Skip the scenario, as automake has it, where a program that ./check installs is not there."""
    missing = [path for path in paths if not os.path.exists(path)]
    if missing:
        print(f"skipped: there is no {' and no '.join(missing)}; scripts/prepare.sh names the packages")
        sys.exit(77)


def answers(port, probe):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.settimeout(0.1)
        sock.send(probe)
        try:
            return len(sock.recv(512)) > 12
        except socket.timeout:
            return False


def die_with_the_lab():
    """Ask for SIGTERM when the scenario's process is gone, however it went (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def start(lab, name, argv, port, probe):
    process = lab.start(name, argv, preexec_fn=die_with_the_lab)

    def ready():
        if not process.running():
            raise Failed(f"{name} ended: {process.log()}")
        return answers(port, probe)
    until(f"{name} answers", ready, 20)
    return ("127.0.0.1", port)


def folder(lab, name, files):
    path = lab.dir / name
    path.mkdir()
    for file, text in files.items():
        (path / file).write_text(text, encoding="latin-1")
    return path


def knot_start(lab, files, probe):
    """`files`: zone with its dot -> text. Returns the address."""
    path, port = folder(lab, "knot", {f"{zone}zone": text for zone, text in files.items()}), free_port()
    config = KNOT.format(dir=path, port=port, **TEXTS) + "".join(f"  - domain: {zone}\n    file: {zone}zone\n" for zone in files)
    (path / "knot.conf").write_text(config)
    return start(lab, "knotd", ["/usr/sbin/knotd", "-c", path / "knot.conf"], port, probe)


def nsd_start(lab, files, probe):
    path, port = folder(lab, "nsd", {f"{zone}zone": text for zone, text in files.items()}), free_port()
    config = NSD.format(dir=path, port=port, **TEXTS) + "".join(f"zone:\n  name: {zone}\n  zonefile: {zone}zone\n" for zone in files)
    (path / "nsd.conf").write_text(config)
    return start(lab, "nsd", ["/usr/sbin/nsd", "-d", "-c", path / "nsd.conf"], port, probe)


def bind_start(lab, zones, probe, options=""):
    """`zones` and `options`: statements of named.conf(5). Everything that BIND has to say is in the log of "named"."""
    path, port = folder(lab, "bind", {}), free_port()
    (path / "named.conf").write_text(BIND.format(dir=path, port=port, options=options, zones=zones))
    own = shutil.copy("/usr/sbin/named", path) # AppArmor goes by the path, and Debian's rules keep named out of other folders
    return start(lab, "named", [own, "-g", "-d", "3", "-n", "1", "-X", "none", "-c", path / "named.conf"], port, probe)
