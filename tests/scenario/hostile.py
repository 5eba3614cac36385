"""tests/scenario/hostile.py - packets that have brought nameservers down or harmed others, and what each gets.

Each attack names who published it: a CVE, a paper, or the RFC whose rule it breaks. Its outcome is an rcode,
or None for silence; where a stream differs (it is closed), that is its `stream`. `reason` is the clause by
which our outcome may be one that neither Knot nor NSD has.
"""
import collections, struct

from wire import message, name_wire, opt, option, question, subnet

ZONE = "gslb.example.com"
SAME = "as over UDP"
QUERY_MAX = 4096  # bytes that a query may have; a stream with a longer one is closed

Attack = collections.namedtuple("Attack", "source what packet outcome stream reason")

ZONE_FILE = "\n".join([
    "@ 300 SOA ns1 hostmaster 1 7200 1800 1209600 60", "@ 300 NS ns1", "ns1 300 A 192.0.2.53",
    "host 300 A 192.0.2.10",
    "one 300 CNAME two", "two 300 CNAME one", "self 300 CNAME self",
    "down 300 DNAME x.down2", "down2 300 DNAME down",
    *(f"big 300 TXT \"{i:0>60}\"" for i in range(300)),
    *(f"cut 300 NS ns{i}.victim.example." for i in range(60)),
    "*.wild 300 A 192.0.2.12", *(f"many{i} 300 A 192.0.2.{i}" for i in range(1, 21)),
    *(f"@ 300 MX 1 many{i}" for i in range(1, 21)), ""])

HOST = name_wire(f"host.{ZONE}")
APEX = name_wire(ZONE)
LONGEST = b"".join(bytes([n]) + b"a" * n for n in (63, 63, 63, 61)) + b"\0"
ROOT, POINTER = b"\0", b"\xc0\x0c"
PLAIN = question(HOST, 1)

META = "RFC 6895 3.1: a meta-type is no type that anything could have"
SUBNET = "RFC 7871 7.2.1: FORMERR; NSD does not know the option"
UNREAD = "RFC 1035 4.1.1: what is in an additional record is read by who uses it, and nothing does"


def attack(source, what, packet, outcome, stream=SAME, reason=None):
    stream = outcome if stream is SAME else stream
    return Attack(source, what, packet, outcome, None if len(packet) > QUERY_MAX else stream, reason)


def record(rtype, rdata=b"", owner=ROOT, klass=1, ttl=0, rdlen=None):
    return owner + struct.pack(">HHIH", rtype, klass, ttl, len(rdata) if rdlen is None else rdlen) + rdata


def tsig(key, algorithm="hmac-sha256", mac=bytes(32), mac_len=None, fudge=300, error=0, other=b"", **more):
    rdata = name_wire(algorithm) if isinstance(algorithm, str) else algorithm
    rdata += struct.pack(">HIHH", 0, 1 << 30, fudge, len(mac) if mac_len is None else mac_len) + mac
    rdata += struct.pack(">HHH", 0, error, len(other)) + other
    return record(250, rdata, name_wire(key) if isinstance(key, str) else key, **{"klass": 255, **more})


def asked(extra=b"", additionals=1, qtype=1, name=HOST, flags=0, qclass=1, answers=0, authorities=0):
    return message(question(name, qtype, qclass) + extra, flags, (1, answers, authorities, additionals))


def headers():
    """What is no query, and what could go round in a loop."""
    for rcode in range(16):
        yield attack("CVE-2024-2169 (Loop DoS)", f"an error reply, rcode {rcode}",
                     message(PLAIN, 0x8000 | rcode), None)
    yield attack("CVE-2012-0206", "a response", message(PLAIN, 0x8400), None)
    yield attack("CVE-2004-0789", "a response with an answer",
                 asked(record(1, bytes(4), POINTER), 0, flags=0x8000, answers=1), None)
    yield attack("CVE-2024-2169 (Loop DoS)", "a response that is a header",
                 message(b"", 0x8181, (0, 0, 0, 0)), None)
    yield attack("CVE-1999-0009", "IQUERY with an answer",
                 message(record(1, bytes(4)), 1 << 11, (0, 1, 0, 0)), "NOTIMP")
    yield attack("CVE-1999-0009", "IQUERY whose answer's length is a lie",
                 message(record(1, b"", rdlen=65535), 1 << 11, (0, 1, 0, 0)), "NOTIMP")
    yield attack("CVE-2001-0012", "IQUERY cut behind the type", message(b"\0\0\1", 1 << 11, (0, 1, 0, 0)),
                 "NOTIMP")
    yield attack("RFC 1035 4.1.1", "STATUS", message(PLAIN, 2 << 11), "NOTIMP")
    yield attack("CVE-2019-16866", "NOTIFY that nobody expects", message(question(APEX, 6), 0x2400), "NOTIMP",
                 reason="RFC 1996 4.7: NOTIFY is for secondaries, and gslbd is none (RFC.md, left out)")
    yield attack("CVE-2019-16866", "NOTIFY without a question", message(b"", 0x2400, (0, 0, 0, 0)), "NOTIMP",
                 reason="RFC 1035 4.1.1: the opcode is not implemented, whatever is behind the header")
    yield attack("CVE-2009-0696", "UPDATE whose prerequisite is ANY of class ANY",
                 message(question(APEX, 6) + record(255, owner=HOST, klass=255), 5 << 11,
                         (1, 1, 0, 0)), "NOTIMP")
    yield attack("CVE-2022-3094", "UPDATE that deletes a zone",
                 message(question(APEX, 6) + record(255, owner=APEX, klass=255), 5 << 11,
                         (1, 0, 1, 0)), "NOTIMP")
    keepalive = struct.pack(">HHI", 1, 4, 0)
    yield attack("RFC 8490 5.4", "a DSO keepalive", message(keepalive, 6 << 11, (0, 0, 0, 0)), "NOTIMP")
    yield attack("RFC 8490 5.4", "a DSO TLV that runs over", message(b"\0\1\xff\xff", 6 << 11, (0, 0, 0, 0)),
                 "NOTIMP")
    for opcode in (3, 7, 15):
        yield attack("RFC 6895 2.2", f"opcode {opcode}", message(PLAIN, opcode << 11), "NOTIMP")


def counts():
    """Counts that lie."""
    formerr = [("no question, no OPT", message(b"", 0, (0, 0, 0, 0))),
               ("two questions", message(PLAIN * 2, 0, (2, 0, 0, 0))),
               ("65535 questions, one there", message(PLAIN, 0, (65535, 0, 0, 0))),
               ("65535 of everything", message(PLAIN, 0, (1, 65535, 65535, 65535))),
               ("an additional that is not there", message(PLAIN, 0, (1, 0, 0, 1))),
               ("one question, none there", message(b"", 0, (1, 0, 0, 0))),
               ("a name and no type", message(HOST, 0)),
               ("a type and no class", message(HOST + b"\0\1", 0)),
               ("bytes behind the question", message(PLAIN + b"\0", 0)),
               ("4,000 bytes behind the question", message(PLAIN + bytes(4000), 0)),
               ("a question where none is counted", message(PLAIN, 0, (0, 0, 0, 0)))]
    for what, packet in formerr:
        yield attack("RFC 9619 4, RFC 1035 4.1.1", what, packet, "FORMERR")
    yield attack("CVE-2016-7068", "an answer in a query", asked(record(1, bytes(4), POINTER), 0, answers=1),
                 "FORMERR")
    yield attack("CVE-2016-7068", "200 answers in a query",
                 asked(record(1, bytes(4), POINTER) * 200, 0, answers=200), "FORMERR")
    yield attack("CVE-2024-11187", "200 additional records", asked(record(1, bytes(4), POINTER) * 200, 200),
                 "NOERROR")
    yield attack("CVE-2023-4408", "a message full of names, each another",
                 asked(b"".join(record(1, bytes(4), bytes([4]) + b"%04d" % i + POINTER) for i in range(180)),
                       180), "NOERROR")
    yield attack("CVE-2012-1667", "a record without rdata", asked(record(1)), "NOERROR", reason=UNREAD)
    yield attack("CVE-2012-4244", "rdata longer than its message", asked(record(16, rdlen=65535)), "FORMERR")


def names():
    """Names that lead round in circles, out of the message, or on without an end."""
    compressed = [("a pointer to itself", b"\xc0\x0c"),
                  ("a pointer into the header", b"\xc0\x00"),
                  ("a pointer forward", b"\xc0\x40"),
                  ("a pointer out of the message", b"\xff\xff"),
                  ("half a pointer", b"\xc0"),
                  ("a label, then back to it", b"\1a\xc0\x0c"),
                  ("two pointers at each other", b"\xc0\x0e\xc0\x0c"),
                  ("a row of pointers", b"\xc0\x0e" * 60)]
    for what, wire in compressed:
        yield attack("NAME:WRECK: CVE-2016-20009, CVE-2020-27738; CVE-2020-24338; CVE-2015-1868", what,
                     message(question(wire, 1)), "FORMERR")
    for what, wire in (("label type 01", b"\x41\1\0"),
                       ("label type 10", b"\x80\1\0"),
                       ("a bit label (RFC 2673)", b"\x41\x08\xff\0"),
                       ("label type 01, long", b"\x7f" + bytes(63) + b"\0")):
        yield attack("RFC 6891 5", what, message(question(wire, 1)), "FORMERR")
    yield attack("CVE-2020-15795", "a label longer than the message", message(b"\x3fabc"), "FORMERR")
    yield attack("CVE-2020-27736", "a name without an end", message(b"\1a" * 40), "FORMERR")
    yield attack("CVE-2009-1755", "a name of 256 bytes",
                 message(question(b"\x3f" + b"a" * 63 + LONGEST[:128] + b"\x3e" + b"a" * 62 + b"\0",
                                  1)), "FORMERR")
    yield attack("CVE-2009-1755", "a name of 4,000 bytes", message(question(b"\1a" * 2000 + b"\0", 1)),
                 "FORMERR")
    yield attack("CVE-2009-1755", "a name of 255 bytes", message(question(LONGEST, 1)), "REFUSED")
    yield attack("RFC 1035 2.3.4", "127 labels", message(question(b"\1a" * 127 + b"\0", 1)), "REFUSED")
    yield attack("RFC 1035 2.3.4", "128 labels", message(question(b"\1a" * 128 + b"\0", 1)), "FORMERR")
    yield attack("RFC 1035 2.3.4", "120 labels in the zone",
                 message(question(b"\1a" * 115 + APEX, 1)), "NXDOMAIN")
    yield attack("Ripple20: CVE-2020-11901", "labels of zeros and dots",
                 message(question(b"\4\0..\0" + APEX, 1)), "NXDOMAIN")
    for what, wire in (("a pointer to itself", b"\xc0" + bytes([12 + len(PLAIN)])),
                       ("a pointer forward", b"\xc0\xff"),
                       ("label type 10", b"\x80\1\0"),
                       ("a name of 4,000 bytes", b"\1a" * 1900 + b"\0")):
        yield attack("NAME:WRECK: CVE-2020-27009", f"an additional owned by {what}",
                     asked(record(1, bytes(4), wire)), "FORMERR")


def opts():
    """EDNS that is not."""
    good = opt()
    formerr = [("two OPTs", asked(good * 2, 2)),
               ("an OPT that is not the root's", asked(opt(owner=b"\1x\0"))),
               ("an OPT whose owner is a pointer", asked(opt(owner=POINTER))),
               ("an option beyond the rdata", asked(opt(options=b"\0\3\xff\xff"))),
               ("half an option", asked(opt(options=b"\0\3\0"))),
               ("rdata beyond the message", asked(opt(rdlen=65535))),
               ("an OPT cut in its TTL", asked(good[:7])),
               ("an OPT as answer", asked(good, 0, answers=1)),
               ("an OPT as authority", asked(good, 0, authorities=1))]
    for what, packet in formerr:
        yield attack("RFC 6891 6.1.1", what, packet, "FORMERR")
    yield attack("CVE-2014-3859", "900 empty options", asked(opt(options=option(65001) * 900)), "NOERROR")
    yield attack("CVE-2014-3859", "every option code from 0 to 499",
                 asked(opt(options=b"".join(map(option, {*range(500)} - {8, 10})))), "NOERROR")
    yield attack("RFC 6891 6.1.3", "version 1 with broken options",
                 asked(opt(version=1, options=b"\0\3\xff")), "BADVERS")
    yield attack("RFC 6891 6.1.3", "version 255", asked(opt(version=255)), "BADVERS")
    for size in (0, 511, 65535):
        yield attack("CVE-2017-14496, CVE-2017-13704", f"a UDP size of {size}", asked(opt(size)), "NOERROR")
        yield attack("CVE-2002-1220", f"a UDP size of {size}, a name that is not there",
                     asked(opt(size), name=b"\2no" + APEX), "NXDOMAIN")
    yield attack("RFC 8914 2", "an extended error in a query", asked(opt(options=option(15, b"\xff\xffboo"))),
                 "NOERROR")
    yield attack("RFC 8914 2", "an extended error of one byte", asked(opt(options=option(15, b"\0"))),
                 "NOERROR")
    yield attack("RFC 6891 6.1.3", "upper bits of an rcode, and every flag",
                 asked(opt(rcode=255, flags=0xffff)), "NOERROR")
    yield attack("RFC 7830 3", "3,900 bytes of padding", asked(opt(options=option(12, bytes(3900)))),
                 "NOERROR")


def subnets():
    bad = [("a bit past the prefix", subnet(1, 20, 0, b"\xc0\0\x1f")),
           ("family 3", subnet(3, 8, 0, b"\1")),
           ("family 0 with a prefix", subnet(0, 8, 0, b"\1")),
           ("33 bits of IPv4", subnet(1, 33, 0, bytes(5))),
           ("129 bits of IPv6", subnet(2, 129, 0, bytes(17))),
           ("255 bits", subnet(1, 255, 0, bytes(32))),
           ("a scope", subnet(1, 24, 24, b"\xc0\0\2")),
           ("too few bytes", subnet(1, 24, 0, b"\xc0\0")),
           ("too many bytes", subnet(1, 24, 0, b"\xc0\0\2\1")),
           ("nothing", option(8)),
           ("a family alone", option(8, b"\0\1")),
           ("3,000 bytes", subnet(1, 24, 0, bytes(3000)))]
    for what, options in bad:
        yield attack("RFC 7871 6, CVE-2015-8705", f"a client subnet with {what}",
                     asked(opt(options=options)), "FORMERR",
                     reason=SUBNET if what in ("a bit past the prefix", "a scope",
                                               "too many bytes") else None)
    good, broken = subnet(1, 24, 0, b"\xc0\0\2"), subnet(1, 24, 0, b"\xc0")
    yield attack("CVE-2022-3488", "two client subnets, the first broken", asked(opt(options=broken + good)),
                 "FORMERR",
                 reason=SUBNET)
    yield attack("CVE-2022-3488", "two client subnets", asked(opt(options=good + subnet(2, 48, 0, bytes(6)))),
                 "NOERROR")


def cookies():
    for size in (0, 1, 7, 9, 15, 41, 1000):
        yield attack("RFC 7873 5.2.2", f"a cookie of {size} bytes",
                     asked(opt(options=option(10, b"c" * size))), "FORMERR",
                     reason="RFC 7873 5.2.2: FORMERR; without a module the others do not look")
    for size in (8, 16, 24, 40):
        yield attack("RFC 7873 5.2.3", f"a cookie of {size} bytes that is not ours",
                     asked(opt(options=option(10, b"c" * size))), "NOERROR")
    yield attack("CVE-2016-2088", "two cookies", asked(opt(options=option(10, b"c" * 8) * 2)), "NOERROR")
    yield attack("CVE-2016-2088", "a cookie, and one of no length",
                 asked(opt(options=option(10, b"c" * 8) + option(10))), "NOERROR")


def signatures():
    """TSIG, TKEY and SIG(0)."""
    key = "local-ddns"
    yield attack("CVE-2015-5477", "TKEY asked for, TKEY in the additional section",
                 asked(record(249, bytes(20), HOST), qtype=249), "NOTIMP",
                 reason=META)
    yield attack("CVE-2015-5477", "TKEY asked for, a TXT of its name",
                 asked(record(16, b"\1x", HOST), qtype=249), "NOTIMP",
                 reason=META)
    yield attack("CVE-2022-2906", "TKEY in Diffie-Hellman mode",
                 asked(record(249, name_wire("gss-tsig") + bytes(8) + b"\0\2\0\0\0\0\0\0", HOST),
                       qtype=249), "NOTIMP",
                 reason=META)
    yield attack("CVE-2020-8625, CVE-2021-25216", "GSS-TSIG with a token",
                 asked(tsig("x.sig", "gss-tsig", b"`\x82\xff\xff" + bytes(200))), "NOTAUTH")
    for error in (16, 17, 18, 65535):
        yield attack("CVE-2020-8617", f"a TSIG of error {error} without a MAC",
                     asked(tsig(key, mac=b"", error=error)), "NOTAUTH")
    yield attack("CVE-2025-40775", "a TSIG of an algorithm that is none",
                 asked(tsig(key, "no.such.algorithm")), "NOTAUTH")
    yield attack("CVE-2025-40775", "a TSIG whose algorithm is a pointer", asked(tsig(key, b"\xc0\x0c")),
                 "FORMERR",
                 reason="RFC 8945 4.2: the name of the algorithm is not compressed")
    yield attack("CVE-2025-40775", "a TSIG whose algorithm runs over", asked(tsig(key, b"\x3fa")), "FORMERR")
    yield attack("CVE-2020-8617", "a TSIG whose key name has no end", asked(tsig(b"\x3fa" * 3)), "FORMERR")
    yield attack("CVE-2020-8617", "a TSIG whose key name is a circle",
                 asked(tsig(b"\xc0" + bytes([12 + len(PLAIN)]))), "FORMERR")
    yield attack("CVE-2017-3142", "a TSIG with a MAC of 3,000 bytes", asked(tsig(key, mac=bytes(3000))),
                 "NOTAUTH")
    yield attack("CVE-2017-3143", "a TSIG whose MAC runs over", asked(tsig(key, mac_len=65535)), "FORMERR")
    yield attack("CVE-2017-11104", "a TSIG of the widest fudge", asked(tsig(key, fudge=65535)), "NOTAUTH")
    yield attack("RFC 8945 4.2", "a TSIG of class IN", asked(tsig(key, klass=1)), "FORMERR")
    yield attack("RFC 8945 4.2", "a TSIG with a TTL", asked(tsig(key, ttl=1)), "FORMERR")
    yield attack("RFC 8945 5.1", "two TSIGs", asked(tsig(key) * 2, 2), "FORMERR")
    yield attack("RFC 8945 5.1", "an OPT behind a TSIG", asked(tsig(key) + opt(), 2), "FORMERR")
    yield attack("RFC 8945 5.1", "a TSIG in the answer section", asked(tsig(key), 0, answers=1), "FORMERR")
    yield attack("CVE-2001-0010", "IQUERY with a TSIG",
                 message(record(1, bytes(4)) + tsig(key), 1 << 11, (0, 1, 0, 1)), "NOTIMP")
    yield attack("CVE-2016-2776", "a signature with the longest names",
                 asked(tsig(LONGEST, LONGEST), name=LONGEST), "NOTAUTH")
    yield attack("CVE-2020-8622", "a signed question for what does not fit",
                 asked(tsig(key), qtype=16, name=name_wire(f"big.{ZONE}")), "NOTAUTH")
    yield attack("CVE-2024-1975", "SIG(0)", asked(record(24, bytes(18) + HOST + bytes(64), klass=255)),
                 "NOERROR")
    yield attack("CVE-2024-1975", "SIG(0) without anything in it", asked(record(24, klass=255)), "NOERROR")


def questions():
    """Types, classes and names that nobody should ask for."""
    for qtype, outcome in ((0, "FORMERR"), (41, "FORMERR"), (249, "NOTIMP"), (250, "NOTIMP"), (253, "NOTIMP"),
                           (254, "NOTIMP"), (24, "NOERROR"), (46, "NOERROR"), (65535, "NOERROR")):
        yield attack("RFC 6895 3.1, CVE-2006-4095", f"type {qtype}", asked(qtype=qtype, additionals=0),
                     outcome, reason=None if outcome == "NOERROR" else META)
    for qclass in (0, 2, 3, 254, 255, 65535):
        yield attack("RFC 6895 3.2", f"class {qclass}", asked(qclass=qclass, additionals=0), "REFUSED",
                     reason="RFC 1035 3.2.5: class * is not served" if qclass == 255 else None)
    yield attack("CVE-2007-0494, RFC 8482", "ANY of the root", asked(opt(4096), qtype=255, name=ROOT),
                 "REFUSED")
    yield attack("RFC 8482 1", "ANY at the apex", asked(opt(4096), qtype=255, name=APEX), "NOERROR")
    yield attack("RFC 8482 1", "ANY of a large rrset",
                 asked(opt(4096), qtype=255, name=name_wire(f"big.{ZONE}")), "NOERROR")
    yield attack("CVE-2020-1350 (SIGRed)", "SIG of a name of ours", asked(opt(65535), qtype=24), "NOERROR")
    yield attack("RFC 5358", "the largest rrset, over UDP",
                 asked(opt(65535), qtype=16, name=name_wire(f"big.{ZONE}")), "NOERROR")
    yield attack("RFC 5936 4.2", "AXFR", asked(qtype=252, additionals=0, name=APEX), "REFUSED",
                 reason="RFC 5936 4.2: a transfer that may not be is refused over UDP as over TCP")
    yield attack("RFC 1995 3", "IXFR without an authority", asked(qtype=251, additionals=0, name=APEX),
                 "REFUSED")
    for what, soa in (("whose SOA goes in circles", record(6, b"\xc0\x22\xc0\x22" + bytes(20), POINTER)),
                      ("whose SOA is cut", record(6, b"\0\0" + bytes(19))),
                      ("whose SOA is no SOA", record(1, bytes(4), POINTER)),
                      ("with a lying length", record(6, b"\0\0" + bytes(20), rdlen=21))):
        yield attack("RFC 1995 3, CVE-2021-25214", f"IXFR {what}", asked(soa, 0, 251, APEX, authorities=1),
                     "REFUSED" if "circles" in what else "FORMERR",
                     reason="RFC 1995 3: an authority is an SOA" if "no SOA" in what else None)
    yield attack("NXNSAttack: CVE-2020-8616; CVE-2022-3204", "a referral to 60 hosts elsewhere",
                 asked(opt(4096), name=name_wire(f"a.cut.{ZONE}")), "NOERROR")
    for name in ("one", "self", "a.down", "a.b.c.down"):
        yield attack("TsuNAME (IMC 2021), CVE-2021-25215", f"a circle at {name}",
                     asked(opt(), name=name_wire(f"{name}.{ZONE}")), "NOERROR")
    yield attack("RFC 2181 11", "a name of every octet",
                 asked(additionals=0, name=bytes([63]) + bytes(range(63)) + APEX), "NXDOMAIN")


def rdatas():
    """Records in a query that a careless server would read."""
    for source, what, rtype, rdata in (("CVE-2013-4854", "KEYDATA of one byte", 65533, b"\0"),
                                       ("CVE-2015-8704", "an APL whose lengths lie", 42, b"\0\1\x20\xff"),
                                       ("CVE-2015-5722", "a DNSKEY of two bytes", 48, b"\1\1"),
                                       ("CVE-2015-5986", "an OPENPGPKEY without a key", 61, b""),
                                       ("CVE-2018-10851", "an SOA of one byte", 6, b"\xc0"),
                                       ("CVE-2017-15908", "an NSEC whose bitmap has no end", 47, b"\0\0\0" * 20)):
        yield attack(source, what, asked(record(rtype, rdata)), "NOERROR",
                     reason=UNREAD if rtype in (6, 61) else None)


def lengths():
    """Messages of wrong lengths: of UDP alone, where they are datagrams; for a stream see streams()."""
    whole = asked(opt(options=option(12, bytes(QUERY_MAX - len(asked(opt())) - 4))))
    assert len(whole) == QUERY_MAX
    yield attack("RFC 1035 4.2.1", "a query of 4,096 bytes", whole, "NOERROR")
    yield attack("CVE-2020-8620", "4,096 bytes of a query, and one more", whole + b"\0", "FORMERR")
    yield attack("CVE-2020-8620", "65,507 bytes of zeros", bytes(65507), "FORMERR")
    yield attack("CVE-2020-8620", "a query, and zeros up to 65,507 bytes",
                 asked(additionals=0).ljust(65507, b"\0"), "FORMERR")


# Too short to be a message: sent as they are, and to be met with silence.
SHORT = [b"", b"\0", b"\0\0", message(b"", 0, (1, 0, 0, 0))[:11], b"GET /", b"\xff" * 11]


def attacks():
    for make in (headers, counts, names, opts, subnets, cookies, signatures, questions, rdatas, lengths):
        yield from make()


def framed(packet):
    return struct.pack(">H", len(packet)) + packet


# Streams: what is sent on a connection, and whether the server closes it or waits for more

STREAMS = [("RFC 7766 8", "a message of no length", b"\0\0", "closed"),
           ("RFC 7766 8", "a message of one byte", framed(b"x"), "closed"),
           ("RFC 7766 8", "a message of eleven bytes", framed(bytes(11)), "closed"),
           ("CVE-2020-8620", "65,535 bytes, of which none come", b"\xff\xff", "closed"),
           ("CVE-2020-8620", "65,535 bytes", framed(bytes(65535)), "closed"),
           ("CVE-2023-4408", "4,097 bytes", framed(bytes(QUERY_MAX + 1)), "closed"),
           ("CVE-2018-5743", "half of a length", b"\0", "waiting"),
           ("CVE-2018-5743", "a length, and one byte", b"\0\x28x", "waiting"),
           ("CVE-2018-5743", "the longest message but one byte", framed(bytes(QUERY_MAX))[:-1], "waiting"),
           ("CVE-2012-0206", "a response", framed(message(PLAIN, 0x8000)), "closed"),
           ("ALPACA (USENIX Security 2021)", "HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "closed"),
           ("ALPACA (USENIX Security 2021)", "SMTP", b"EHLO x\r\n", "closed"),
           ("CVE-2014-0160", "TLS where there is none", b"\x16\x03\x01\x02\0\x01\0\1\xfc\x03\x03", "closed")]

# The same on a port for TLS, where a connection that has not greeted is closed in five seconds anyway.
RECORDS = [("CVE-2014-0160", "a heartbeat before the handshake", b"\x18\x03\x02\0\x03\x01\x40\0"),
           ("CVE-2014-0224", "an early change of cipher", b"\x14\x03\x03\0\x01\x01" * 2000),
           ("CVE-2016-8610", "thousands of warnings", b"\x15\x03\x01\0\x02\x01\0" * 5000),
           ("CVE-2016-0800", "a hello of SSL 2", b"\x80\x2e\x01\0\x02\0\x15\0\0\0\x10" + b"\x07\0\xc0" * 7 + bytes(16)),
           ("CVE-2015-0291", "a handshake message of 16 MB", b"\x16\x03\x01\x40\0\x01\xff\xff\xff" + bytes(16380)),
           ("RFC 8446 5.1", "a record of 65,535 bytes", b"\x17\x03\x03\xff\xff" + bytes(65535))]

# And on a port for the PROXY protocol.
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
HEADERS = [("a text header of version 1", b"PROXY TCP4 192.0.2.1 192.0.2.2 4096 53\r\n", "closed"),
           ("PROXY UNKNOWN", b"PROXY UNKNOWN\r\n", "closed"),
           ("version 3", SIGNATURE + b"\x31\x11\0\x0c", "closed"),
           ("a command that is none", SIGNATURE + b"\x2f\x11\0\x0c", "closed"),
           ("a family that is none", SIGNATURE + b"\x21\x41\0\x0c" + bytes(12), "closed"),
           ("an address of a Unix socket", SIGNATURE + b"\x21\x31\0\xd8" + b"/" * 216, "closed"),
           ("less than an address", SIGNATURE + b"\x21\x11\0\x0b" + bytes(11), "closed"),
           ("65,535 bytes of TLVs", SIGNATURE + b"\x21\x11\xff\xff", "closed"),
           ("nothing behind the signature", SIGNATURE, "waiting"),
           ("a header that does not end", SIGNATURE + b"\x21\x11\0\x0c" + bytes(11), "waiting")]
TLVS = SIGNATURE + b"\x21\x12\0\x13" + bytes([192, 0, 2, 1, 192, 0, 2,
                                              2]) + b"\x10\0\0\x35" + b"\xee\xff\xff" + b"abcd"
