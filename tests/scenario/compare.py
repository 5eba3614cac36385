"""tests/scenario/compare.py - three servers' replies to one query, compared by meaning.

Where Knot and NSD agree in an aspect of a reply, ours has to agree too; where they do not, ours has to be as one of them. Anything
else is a difference, which an excuse may cover (excuses.py).
"""
import collections

import wire

FLAGS = {"AA": wire.AA, "TC": wire.TC, "RD": wire.RD, "RA": wire.RA, "Z": wire.ZERO, "AD": wire.AD, "CD": wire.CD}
SECTIONS = ("answer", "authority", "additional")
FLAWS = ("damage", "repeats")  # what our replies may not have, whatever the others' do

Difference = collections.namedtuple("Difference", "query aspects ours knot nsd packets")


def meaning(packet):
    """Aspect -> value. Sections are sets; that a record is there twice is an aspect of its own."""
    if packet is None:
        return {"reply": False, "rcode": None, "TC": False, "OPT": False, **{name: () for name in SECTIONS}}
    reply = wire.Reply(packet)
    found = {"reply": True, "rcode": wire.rcode_text(reply.rcode), "question": reply.question, "damage": tuple(reply.damage),
             "opcode": reply.flags >> 11 & 15, "OPT": bool(reply.edns), "options": tuple(sorted(code for code, _ in reply.options))}
    found.update((flag, reply.flag(bit)) for flag, bit in FLAGS.items())
    found.update((name, tuple(sorted(set(section)))) for name, section in zip(SECTIONS, reply.sections))
    found["repeats"] = any(len(set(section)) < len(section) for section in reply.sections)
    found["NSID"] = [body for code, body in reply.options if code == 3]
    if reply.edns:
        found["version"], found["OPT flags"] = reply.edns["version"], reply.edns["flags"]
    return found


def differing(ours, knot, nsd):
    """The aspects in which ours is like neither."""
    others = [other for other in (knot, nsd) if other["reply"] == ours["reply"]]
    if not others:
        return ("reply",)
    found = {aspect for aspect, value in ours.items() if aspect not in FLAWS and all(other.get(aspect) != value for other in others)}
    return tuple(sorted(found | {flaw for flaw in FLAWS if ours[flaw]}))


def compare(query, packets):
    """A Difference, or None."""
    same = {packet and packet[2:] for packet in packets}
    if len(same) == 1:
        return None
    ours, knot, nsd = (meaning(packet) for packet in packets)
    aspects = differing(ours, knot, nsd)
    return Difference(query, aspects, ours, knot, nsd, packets) if aspects else None


def rrs(found, section):
    return set(found[section])


def is_chain(found):
    """Whether records are CNAMEs and DNAMEs and nothing else."""
    return {rr.type for rr in found} <= {wire.TYPES["CNAME"], wire.TYPES["DNAME"]}


def value_text(value):
    if isinstance(value, tuple) and value and isinstance(value[0], wire.Rr):
        return "; ".join(wire.rr_text(rr) for rr in value[:6]) + (f" ... {len(value)} records" if len(value) > 6 else "")
    return repr(value)


def difference_text(difference, aspects):
    lines = [difference.query.text, f"    query {difference.query.packet.hex()}"]
    for aspect in sorted(aspects):
        lines += [f"    {aspect}: ours {value_text(difference.ours.get(aspect))}",
                  f"        knot {value_text(difference.knot.get(aspect))}",
                  f"        nsd  {value_text(difference.nsd.get(aspect))}"]
    return "\n".join(lines)
