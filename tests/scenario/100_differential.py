#!/usr/bin/env python3
"""The same zones in gslbd, Knot and NSD, a corpus of queries to all three, and what the replies mean side by side."""
import os, socket, time

import corpus, references, wire, zonemake
from compare import compare, difference_text
from excuses import EXCUSES, unexcused
from lab import main

SEED = int(os.environ.get("DIFFERENTIAL_SEED", "1"))
BATCH = 48
SHOWN = 20
PAUSE_S = 0.03  # for a packet that is sent alone, and may get no reply
BATCH_IDS = range(0, 1000 * BATCH)  # no ID is used again soon: NSD sends old replies once more where it drops a packet
ALONE_IDS = range(1000 * BATCH, 0xff00)


def store_name(zone):
    return zone.rstrip(".") or "."


def serve_ours(lab, zones):
    """Import the zones and start gslbd. Returns the zone files as the others are to have them, with the store's serials."""
    lab.init()
    for zone, records in zones.items():
        path = lab.dir / f"{zone}import"
        path.write_text(zonemake.zone_file(zone, records, 1), encoding="latin-1")
        lab.ctl("import", path, "--zone", store_name(zone))
    texts = references.TEXTS
    lab.serve("--identity", texts["identity"], "--version-text", texts["version"], "--nsid", texts["nsid"])
    serials = dict(line.split("|") for line in lab.sql("SELECT name, serial FROM zone").splitlines())
    return {zone: zonemake.zone_file(zone, records, serials[store_name(zone)]) for zone, records in zones.items()}


def udp_replies(address, queries, sentinel, together, ids, pause=0.0):
    """A list of replies, and how many came that nobody had asked for."""
    replies, strays = [], 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.connect(address)
        for at in range(0, len(queries), together):
            found, others = wire.udp_batch(sock, [query.packet for query in queries[at:at + together]], ids.start + at % len(ids), sentinel, pause)
            replies, strays = replies + found, strays + others
    return replies, strays


def replies_of(address, queries, sentinel):
    """Every query's reply, in order, and the number of strays."""
    sent = {transport: [query for query in queries if query.transport == transport] for transport in ("udp", "alone", "tcp")}
    together, strays = udp_replies(address, sent["udp"], sentinel, BATCH, BATCH_IDS)
    alone, more = udp_replies(address, sent["alone"], sentinel, 1, ALONE_IDS, PAUSE_S)
    following = {"udp": iter(together), "alone": iter(alone), "tcp": (wire.tcp_ask(address, query.packet) for query in sent["tcp"])}
    return [next(following[query.transport]) for query in queries], strays + more


def report(queries, differences, bad, seconds):
    print(f"     {len(queries)} queries, {len(differences)} differences, {len(bad)} without a reason; {seconds:.1f} s")
    for difference, left in bad[:SHOWN]:
        print(difference_text(difference, left))


def differ(lab, zones):
    """Load the zones into all three, ask all three everything, and say what is different without a reason."""
    files = serve_ours(lab, zones)
    sentinel = wire.query(wire.name_wire(next(iter(zones))), wire.TYPES["SOA"])
    queries = corpus.corpus(zones, SEED)
    begin = time.monotonic()
    ours, strays = replies_of(("127.0.0.1", lab.port), queries, sentinel)
    assert strays == 0, f"{strays} replies that nobody asked for"
    knot, _ = replies_of(references.knot_start(lab, files, sentinel), queries, sentinel)
    nsd, _ = replies_of(references.nsd_start(lab, files, sentinel), queries, sentinel)
    differences = [found for found in map(compare, queries, zip(ours, knot, nsd)) if found]
    bad = [(difference, left) for difference in differences if (left := unexcused(difference, EXCUSES))]
    report(queries, differences, bad, time.monotonic() - begin)
    assert not bad, f"{len(bad)} differences without a reason"


def root_zone_means_what_it_means_to_knot_and_nsd(lab):
    differ(lab, zonemake.root_zones())


def every_reply_means_what_knot_and_nsd_mean(lab):
    differ(lab, zonemake.zones(SEED))
    for excuse in EXCUSES:
        print(f"     {excuse.used:5} {excuse.clause}: {excuse.why}")
    unused = [excuse.why for excuse in EXCUSES if not excuse.used and not excuse.rare]
    assert SEED != 1 or not unused, f"excuses for nothing: {unused}"


references.need("/usr/sbin/knotd", "/usr/sbin/nsd")
main(root_zone_means_what_it_means_to_knot_and_nsd, every_reply_means_what_knot_and_nsd_mean)
