"""tests/scenario/corpus.py - the queries of the differential test: every name that means something, in every way to ask.

A query is (text, packet, transport); the text says what is asked, so that a difference can be read and asked again.
"""
import collections, random, re, struct

import wire
from wire import message, name_labels, name_of, name_text, name_wire, opt, option, query, question, subnet, type_number, type_text

Query = collections.namedtuple("Query", "text packet transport")

TYPES = ["A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA", "SRV", "DNAME", "DS", "ANY", "HTTPS", "TYPE65280"]
REST = ["PTR", "HINFO", "RP", "AFSDB", "LOC", "NAPTR", "KX", "SSHFP", "TLSA", "SVCB", "SPF", "EUI48", "URI", "CAA", "TYPE731",
        "NSEC", "RRSIG",
        "DNSKEY", "TYPE64000", "TYPE65535", "TYPE3", "TYPE128"]


def made(text, packet):
    """A message that is sent alone, since NSD may lose or repeat the replies to what comes with a packet that it drops."""
    return Query(text, packet, "alone")


def ask(name, qtype, extra=None, flags=0, qclass=1, transport="udp", note=""):
    text = f"{name_text(name)} {type_text(qtype)}{f' CLASS{qclass}' if qclass != 1 else ''}{' ' + note if note else ''} {transport}"
    return Query(text, query(name, qtype, qclass, extra, flags), transport)


def names_of(zones):
    """Every owner, everything above it, and every target, in wire form."""
    found = set()
    for zone, records in zones.items():
        found.add(name_wire(zone))
        owner = None
        for line in records.splitlines():
            words = line.split(";")[0].split()
            if not words:
                continue
            owner = words[0]
            for text in [owner] + [word for word in words[2:] if re.search("[a-z]", word)][-1:]:
                try:
                    wirename = name_wire(text if text.endswith(".") else zone if text == "@" else f"{text}.{zone}")
                    labels = name_labels(wirename)
                except IndexError:
                    continue
                if len(wirename) <= 255 and all(len(label) < 64 for label in labels):
                    found.update(name_of(labels[i:]) for i in range(len(labels) + 1))
    return sorted(found)


def around(name, rng):
    """Names below and beside one, as far as they fit."""
    labels = name_labels(name)
    more = [[b"x"] + labels, [b"*"] + labels, [b"r%d" % rng.randrange(99), b"q"] + labels]
    if labels:
        more.append([bytes([rng.randrange(256) for _ in range(rng.randrange(1, 9))])] + labels[1:])
    return [name_of(found) for found in more if len(name_of(found)) <= 255]


def cased(name, rng):
    labels = [bytes(c ^ 0x20 if chr(c).isalpha() and c < 128 and rng.random() < 0.5 else c for c in label) for label in name_labels(name)]
    return name_of(labels)


def plain(names, rng):
    """Every name with the common types, some with all of them; what is around it with a few."""
    for name in names:
        types = TYPES + (REST if rng.random() < 0.08 or name_labels(name)[:1] == [b"types"] else [])
        yield from (ask(name, type_number(text)) for text in types)
        for other in around(name, rng):
            yield from (ask(other, type_number(text)) for text in rng.sample(TYPES, 4))
        yield ask(cased(name, rng), type_number(rng.choice(TYPES)), note="mixed case")
        yield ask(cased(name, rng), 1, opt(), note="mixed case EDNS")


def flagged(names, rng):
    for name in rng.sample(names, min(40, len(names))):
        for flags, note in ((wire.RD, "RD"), (wire.CD, "CD"), (wire.AD, "AD"), (wire.ZERO, "Z"), (wire.AA, "AA"), (wire.TC, "TC"),
                            (wire.RA, "RA"), (0x000f, "rcode 15"),
                            (wire.RD | wire.CD | wire.AD, "RD CD AD")):
            yield ask(name, 1, flags=flags, note=note)


def edns_variants():
    yield "EDNS", opt()
    yield "EDNS DO", opt(flags=0x8000)
    yield "EDNS Z bits", opt(flags=0x7fff)
    for size in (0, 1, 511, 512, 513, 600, 1000, 1231, 1232, 1233, 4096, 65535):
        yield f"EDNS size {size}", opt(size)
    yield "EDNS unknown option", opt(options=option(65001, b"abc"))
    yield "EDNS empty unknown option", opt(options=option(65002))
    yield "EDNS option 0", opt(options=option(0, b"x"))
    yield "EDNS two unknown options", opt(options=option(65001, b"abc") + option(65001, b"def"))
    yield "EDNS rcode bits", opt(rcode=255)
    yield "EDNS version 1", opt(version=1)
    yield "EDNS version 255 DO", opt(version=255, flags=0x8000)
    yield "EDNS version 1, damaged options", opt(version=1, options=b"\0\1\0\9a")
    yield "EDNS option runs over", opt(options=b"\0\1\0\9abc")
    yield "EDNS option head cut", opt(options=b"\0\1\0")
    yield "EDNS rdlen beyond the end", opt(rdlen=9)
    yield "EDNS owner not root", opt(owner=b"\1x\0")
    yield "EDNS keepalive", opt(options=option(11))
    yield "EDNS padding", opt(options=option(12, b"\0" * 17))
    yield "EDNS expire", opt(options=option(9))
    yield "EDNS NSID", opt(options=option(3))
    yield "EDNS NSID with bytes", opt(options=option(3, b"abc"))
    yield "EDNS chain", opt(options=option(13, b"\0"))


def full():
    """Referrals that fill the reply, with an option in the query; some of them leave no room for it."""
    for size in range(512, 1233, 7):
        for text in ("x.cut10.big.example", "x.cut40.big.example", "x.mx.big.example"):
            yield ask(name_wire(text), 1, opt(size, options=option(3)), note=f"NSID size {size}")
            yield ask(name_wire(text), 1, opt(size, options=subnet(2, 48, 0, b"\x20\1\x0d\xb8\0\1")),
                      note=f"good client subnet size {size}")


def subnet_variants():
    good = [(1, 24, 0, b"\xc0\0\2"), (1, 32, 0, b"\xc0\0\2\1"), (1, 0, 0, b""), (2, 48, 0, b"\x20\1\x0d\xb8\0\1"), (2, 0, 0, b""),
            (1, 20, 0, b"\xc0\0\x10"), (0, 0, 0, b"")]
    bad = [(1, 24, 24, b"\xc0\0\2"), (1, 24, 0, b"\xc0\0"), (1, 24, 0, b"\xc0\0\2\1"), (1, 33, 0, b"\xc0\0\2\1\0"),
           (1, 20, 0, b"\xc0\0\x1f"), (3, 8, 0, b"\1"), (0, 8, 0, b"\1"), (2, 129, 0, bytes(17)), (1, 0, 0, b"\0"),
           (1, 24, 0, b""), (2, 64, 0, bytes(16)), (1, 8, 33, b"\x0a")]
    for parts in good:
        yield f"good client subnet {parts}", opt(options=subnet(*parts))
    for parts in bad:
        yield f"bad client subnet {parts}", opt(options=subnet(*parts))
    for size in range(4):
        yield f"bad client subnet of {size} bytes", opt(options=option(8, bytes(size)))


def edns(names, rng):
    for note, extra in list(edns_variants()) + list(subnet_variants()):
        for name in rng.sample(names, 6):
            yield ask(name, type_number(rng.choice(("A", "A", "TXT", "MX", "ANY"))), extra, note=note)


def sizes(names):
    """What does not fit: without EDNS, with each size that matters, and over TCP."""
    for name in (name for name in names if name.endswith(name_wire("big.example"))):
        for qtype in (1, 16, 2, 15):
            yield ask(name, qtype)
            yield ask(name, qtype, transport="tcp")
            for size in (512, 700, 1232, 4096):
                yield ask(name, qtype, opt(size), note=f"size {size}")
                yield ask(name_of([b"x"] + name_labels(name)), qtype, opt(size), note=f"size {size}")


def classes(names, rng):
    known = ("version.bind", "version.server", "hostname.bind", "ID.Server", "other.bind", "bind")
    for name in rng.sample(names, 6) + [name_wire(text) for text in known]:
        for qclass in (0, 2, 3, 4, 254, 255, 0xc001, 65535):
            for qtype in (1, 16, 255):
                yield ask(name, qtype, qclass=qclass)
                yield ask(name, qtype, opt(), qclass=qclass, note="EDNS")


def meta(names, rng):
    for name in rng.sample(names, 4) + [name_wire("example.com"), name_wire("example.org")]:
        for qtype in (0, 41, 249, 250, 253, 254):
            yield ask(name, qtype)
            yield ask(name, qtype, opt(), note="EDNS")
    for name in ("example.com", "host.example.com", "example.org"):
        yield ask(name_wire(name), 252)
        yield ask(name_wire(name), 251)
        yield ask(name_wire(name), 252, opt(), transport="tcp", note="EDNS")
        yield ask(name_wire(name), 1, opt(options=option(11)), transport="tcp", note="EDNS keepalive")


def broken(rng):
    """Messages that are not simple queries."""
    name = name_wire("host.example.com")
    body = question(name, 1)
    a_record = name + struct.pack(">HHIH", 1, 1, 60, 4) + b"\xc0\0\2\1"
    for opcode in range(1, 16):
        yield made(f"opcode {opcode}", message(body, opcode << 11))
        yield made(f"opcode {opcode} EDNS", message(body + opt(), opcode << 11, (1, 0, 0, 1)))
    yield made("QDCOUNT 0, nothing", message(b"", 0, (0, 0, 0, 0)))
    yield made("QDCOUNT 0, OPT", message(opt(), 0, (0, 0, 0, 1)))
    yield made("QDCOUNT 0, a question", message(body, 0, (0, 0, 0, 0)))
    yield made("QDCOUNT 2, two questions", message(body * 2, 0, (2, 0, 0, 0)))
    yield made("QDCOUNT 2, one question", message(body, 0, (2, 0, 0, 0)))
    yield made("QDCOUNT 65535", message(body, 0, (65535, 0, 0, 0)))
    yield made("QDCOUNT 65535, RD", message(body, wire.RD, (65535, 0, 0, 0)))
    yield made("QR set", message(body, wire.QR))
    yield made("QR set, EDNS", message(body + opt(), wire.QR, (1, 0, 0, 1)))
    yield made("garbage behind the question", message(body + b"garbage"))
    yield made("a zero behind the question", message(body + b"\0"))
    yield made("garbage behind the OPT", message(body + opt() + b"garbage", 0, (1, 0, 0, 1)))
    yield made("two OPT", message(body + opt() * 2, 0, (1, 0, 0, 2)))
    yield made("two OPT of other sizes", message(body + opt(512) + opt(4096), 0, (1, 0, 0, 2)))
    yield made("OPT in the answer section", message(body + opt(), 0, (1, 1, 0, 0)))
    yield made("OPT in the authority section", message(body + opt(), 0, (1, 0, 1, 0)))
    yield made("a record in the answer section", message(body + a_record, 0, (1, 1, 0, 0)))
    yield made("a record in the authority section", message(body + a_record, 0, (1, 0, 1, 0)))
    yield made("a record in the additional section", message(body + a_record, 0, (1, 0, 0, 1)))
    yield made("a record before the OPT", message(body + a_record + opt(), 0, (1, 0, 0, 2)))
    yield made("a record after the OPT", message(body + opt() + a_record, 0, (1, 0, 0, 2)))
    yield made("ANCOUNT 1, nothing", message(body, 0, (1, 1, 0, 0)))
    yield made("NSCOUNT 1, nothing", message(body, 0, (1, 0, 1, 0)))
    yield made("ARCOUNT 1, nothing", message(body, 0, (1, 0, 0, 1)))
    yield made("ARCOUNT 2, one OPT", message(body + opt(), 0, (1, 0, 0, 2)))
    yield made("ARCOUNT 65535, nothing", message(body, 0, (1, 0, 0, 65535)))
    yield made("class 0xc001, rcode 11", message(question(name, 1, 0xc001) + opt(), 0x2b, (1, 0, 0, 1)))
    yield made("type 0", message(question(name_wire("www.example.org"), 0) + opt(), 0, (1, 0, 0, 1)))
    yield made("a question compressed to itself", message(b"\xc0\x0c" + b"\0\1\0\1"))
    yield made("a question compressed into the header", message(b"\1x\xc0\x04" + b"\0\1\0\1"))
    yield made("a label of type 0x40", message(b"\x41x\0" + b"\0\1\0\1"))
    yield made("a label of type 0x80", message(b"\x81x\0" + b"\0\1\0\1"))
    yield made("a name of 256 bytes",
               message(question(b"\x3f" + b"a" * 63 + b"\x3f" + b"b" * 63 + b"\x3f" + b"c" * 63 + b"\x3e" + b"d" * 62 + b"\0", 1)))
    yield made("a name of 300 bytes", message(question((b"\1a" * 150) + b"\0", 1)))
    whole = message(body + opt(), 0, (1, 0, 0, 1))
    for size in range(2, len(whole)): # whoever has not even an ID cannot be told apart
        yield made(f"cut to {size} bytes", whole[:size])
    for i in range(200):
        bent = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2, 5))):
            bent[rng.randrange(2, len(bent))] = rng.choice((0, 1, 0xff, 0xc0, rng.randrange(256)))
        yield made(f"bent {i}: {bytes(bent).hex()}", bytes(bent))


def tcp(queries, rng):
    """Some of all over TCP as well; nothing shorter than a header, whose length prefix a server may wait on."""
    for asked in rng.sample(queries, 250):
        if len(asked.packet) >= 12 and asked.transport != "tcp":
            yield asked._replace(transport="tcp", text=re.sub(" udp$", "", asked.text) + " tcp")


def corpus(zones, seed):
    rng = random.Random(seed)
    names = names_of(zones)
    queries = []
    for part in (plain(names, rng), flagged(names, rng), edns(names, rng), full(), sizes(names), classes(names, rng), meta(names, rng),
                 broken(rng)):
        queries += part
    return queries + list(tcp(queries, rng))
