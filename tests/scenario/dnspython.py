"""tests/scenario/dnspython.py - run with Debian's python3, which has python3-dnspython, as a program of its own.

dnspython.py wire               records as JSON lists [owner, ttl, type, rdata text] on stdin -> [owner, ttl, type number, rdata in hex]
dnspython.py ask PORT           [name, type, subnet or null] -> the reply's three sections as such lists, read strictly
"""
import json, sys

import dns.edns, dns.flags, dns.message, dns.name, dns.query, dns.rdata, dns.rdataclass, dns.rdatatype


def lowered(rdata):
    """Names in lower case, where the type has any."""
    return rdata.to_digestable(dns.name.root).hex()


def record(owner, ttl, rdtype, text):
    kind = dns.rdatatype.from_text(rdtype)
    rdata = dns.rdata.from_text(dns.rdataclass.IN, kind, text, origin=dns.name.root)
    return [dns.name.from_text(owner).to_digestable().hex(), int(ttl), int(kind), lowered(rdata)]


def section(rrsets):
    return [[rrset.name.to_digestable().hex(), rrset.ttl, int(rrset.rdtype), lowered(rdata)] for rrset in rrsets for rdata in rrset]


def ask(port, name, rdtype, subnet):
    options = [dns.edns.ECSOption.from_text(subnet)] if subnet else []
    query = dns.message.make_query(name, rdtype, use_edns=0, payload=1232, options=options)
    query.flags &= ~dns.flags.RD
    reply, _ = dns.query.udp_with_fallback(query, "127.0.0.1", timeout=5, port=port, ignore_trailing=False)
    return [section(part) for part in (reply.answer, reply.authority, reply.additional)]


for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps([record(*row) for row in asked] if sys.argv[1] == "wire" else ask(int(sys.argv[2]), *asked)), flush=True)
