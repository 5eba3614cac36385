"""tests/scenario/excuses.py - what may be otherwise in our replies than in Knot's and NSD's, and by which clause.

Each excuse names aspects (see compare.py), and the queries by a pattern of their text or by what the replies have to look like. One that nothing
needs is an error too.
"""
import re

import wire
from compare import is_chain, rrs

SECTIONS = "answer, authority, additional"
META_TYPES = ("TYPE0", "OPT", "TKEY", "TSIG", "MAILB", "MAILA")


class Excuse:
    def __init__(self, clause, why, aspects, text="", test=None, rare=False):
        self.clause, self.why, self.aspects, self.text, self.test = clause, why, set(aspects.split(", ")), re.compile(text), test
        self.rare = rare  # what it is for depends on the seed
        self.used = 0

    def covers(self, difference):
        """The aspects of the difference that it covers."""
        if not self.text.search(difference.query.text) or (self.test and not self.test(difference)):
            return set()
        return self.aspects & set(difference.aspects)


def unexcused(difference, excuses):
    """The aspects that no excuse covers."""
    left = set(difference.aspects)
    for excuse in excuses:
        covered = excuse.covers(difference) & left
        if covered:
            excuse.used += 1
            left -= covered
    return left


def limit_of(query):
    """Bytes that a reply over UDP may have."""
    edns = wire.Reply(query.packet).edns
    return max(512, min(1232, edns["size"])) if edns else 512


def is_rcode(*rcodes):
    return lambda difference: difference.ours["rcode"] in rcodes


def is_truncated(difference):
    return difference.ours["TC"] and (difference.knot["TC"] or difference.nsd["TC"])


def is_meta(difference):
    qtype = int.from_bytes(wire.Reply(difference.query.packet).question[-4:-2], "big")
    return wire.type_text(qtype) in META_TYPES and difference.ours["rcode"] in ("FORMERR", "NOTIMP")


def is_any_class(difference):
    qclass = int.from_bytes(wire.Reply(difference.query.packet).question[-2:], "big")
    return qclass == 255 and difference.ours["rcode"] == "REFUSED"


def is_silence(difference):
    ours = difference.ours
    return not difference.knot["reply"] and not difference.nsd["reply"] and ours["rcode"] in ("FORMERR", "NOTIMP") and not ours["question"]


def is_malformed(difference):
    """Knot and NSD are not of one mind about a message that ours calls malformed."""
    return difference.ours["rcode"] == "FORMERR" and difference.knot["rcode"] != difference.nsd["rcode"]


def is_formerr_with_opt(difference):
    return difference.ours["OPT"] and difference.ours["rcode"] == "FORMERR"


def is_shorter_chain(difference):
    """Ours has no record that neither of the others has."""
    ours = rrs(difference.ours, "answer")
    return ours <= rrs(difference.knot, "answer") | rrs(difference.nsd, "answer") and is_chain(ours)


def soa_owners(found):
    return {rr.owner for rr in found["authority"] if rr.type == wire.TYPES["SOA"]}


def is_next_zone(difference):
    """Ours has the chain as far as Knot has it, which is to the end of its zone, and goes on, be it to learn that nothing is there."""
    shared, ours = rrs(difference.knot, "answer"), rrs(difference.ours, "answer")
    if not shared or not is_chain(shared):
        return False
    ends, our_ends = (soa_owners(found) for found in (difference.knot, difference.ours))
    deeper = any(end != above and end.endswith(above) for end in our_ends for above in ends)
    return shared < ours if ends and not deeper else shared <= ours


def is_own_apex(difference):
    """A chain that both have, and that ours ends at the apex of its zone."""
    ours = rrs(difference.ours, "answer")
    return is_chain(ours) and ours == rrs(difference.knot, "answer") and not difference.ours["authority"]


def is_without_wildcard_hosts(difference):
    """All that ours has not are addresses of hosts that are not below the cut."""
    ours, knot = rrs(difference.ours, "additional"), rrs(difference.knot, "additional")
    cuts = {rr.owner for rr in difference.ours["authority"] if rr.type == wire.TYPES["NS"]}
    return ours < knot and not any(rr.owner.endswith(cut) for rr in knot - ours for cut in cuts)


def is_less_compressed(difference):
    """TC where the others' replies fit, but hardly."""
    _, *others = difference.packets
    return difference.ours["TC"] and max(map(len, others)) + 16 > limit_of(difference.query)


EXCUSES = [
    Excuse("RFC 2181 9", "a truncated reply is not to be used, so ours has nothing but what it must", SECTIONS, test=is_truncated),
    Excuse("RFC 2181 5.2", "the TTLs of an rrset are the same: ours is the least", "answer", r"(?i)^ttls\."),
    Excuse("RFC 6895 3.1", "a meta-type is no type that anything could have", f"rcode, AA, TC, options, {SECTIONS}", test=is_meta),
    Excuse("RFC 1035 4.1.1", "there is a header, so there is a reply that says what is wrong", "reply", test=is_silence),
    Excuse("RFC 1035 4.1.1", "a query has nothing between the question and its additional records; Knot reads over it, NSD drops it",
           f"rcode, AA, OPT, question, options, {SECTIONS}", r"^(a record|bent|OPT in|ARCOUNT|QDCOUNT 65535)|EDNS owner not root", is_malformed),
    Excuse("RFC 1035 4.1.1", "RD is copied into the reply, whatever the reply is", "RD", "^(QDCOUNT|bent)", lambda difference: difference.ours["RD"]),
    Excuse("RFC 1035 4.1.1", "an opcode that is not implemented is NOTIMP, whatever is behind the header",
           "rcode, question, AA, TC, RD, OPT, OPT flags, version", "^(opcode|bent)", is_rcode("NOTIMP")),
    Excuse("RFC 1035 4.1.1", "AA: nobody else knows who this server is", "AA", r"(?i)^(version|hostname|id)\.(bind|server)\. .* CLASS3"),
    Excuse("RFC 1035 3.2.5", "class * is not served: no answer to it can be authoritative", f"rcode, AA, TC, options, {SECTIONS}",
           "CLASS255|^bent", is_any_class),
    Excuse("RFC 1035 4.1.4", "no name points to labels of the question below the owner, and what a DNAME makes is whole: it takes a few bytes more", f"TC, {SECTIONS}", test=is_less_compressed),
    Excuse("RFC 6891 6.2.3", "less than 512 bytes is 512; Knot leaves out all that it may", f"TC, {SECTIONS}", " EDNS size [01] ", rare=True),
    Excuse("RFC 1034 4.3.2", "a chain has a bound; a resolver goes on at its end", "TC, answer, authority",
           r"(?i)^(\S*chain\d+\.big\.example|\S*loopdn2?\.)", is_shorter_chain),
    Excuse("RFC 1034 4.3.2", "a chain goes on in the nearest zone that has the name, not in one above", f"AA, rcode, {SECTIONS}",
           r"^\S+ (?!CNAME|ANY)", is_next_zone),
    Excuse("RFC 4035 3.1.4.1", "DS of the zone that a chain is in is for its parent to answer; the chain ends there", "authority", r"^\S+ DS ", is_own_apex),
    Excuse("RFC 9471 3.2", "hosts above the cut are not needed to reach it; one that is a wildcard's is not added", "additional", test=is_without_wildcard_hosts),
    Excuse("RFC 6891 6.1.1", "a query with an OPT gets one back, also when there is something wrong behind it", "OPT, OPT flags, version", test=is_formerr_with_opt),
    Excuse("RFC 7871 6, 7.2.1", "a client subnet option that cannot be is FORMERR; NSD does not know the option", f"rcode, AA, TC, options, {SECTIONS}",
           "bad client subnet", is_rcode("FORMERR")),
    Excuse("RFC 7871 7.2.1", "the option comes back with FAMILY and prefix as they were, also where they say nothing; to Knot it is malformed",
           f"options, {SECTIONS}", r"good client subnet \(0, 0"),
    Excuse("RFC 7828 3.3.2", "over TCP, who asks is told how long the connection may be idle", "options", "keepalive tcp"),
    Excuse("RFC 8914 2", "what else is wrong may be said, so also of a class or an opcode that nobody serves", "options", "^(class|opcode|bent)",
           lambda difference: difference.ours["options"] == (15,)),
    Excuse("RFC 5936 4.2", "a transfer that may not be is refused over UDP as over TCP, and where there is no zone it is NOTAUTH", "rcode, options",
           r"^\S+ (AXFR|IXFR) ", is_rcode("REFUSED", "NOTAUTH")),
]
