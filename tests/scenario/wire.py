"""tests/scenario/wire.py - DNS messages as bytes: made, also wrong ones, and read leniently.

It shares no code with gslbd or ldns, so that it can judge both. A reply is read into plain values that compare by meaning:
names in lower case and uncompressed, also in rdata of the types whose layout is known; whatever is odd about its
bytes is listed in `damage` instead of ending the reading.
"""
import collections, select, socket, struct

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "HINFO": 13, "MX": 15, "TXT": 16, "RP": 17, "AFSDB": 18, "AAAA": 28, "LOC": 29,
         "SRV": 33, "NAPTR": 35, "KX": 36, "DNAME": 39, "OPT": 41, "DS": 43, "SSHFP": 44, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "TLSA": 52,
         "SVCB": 64, "HTTPS": 65, "SPF": 99, "EUI48": 108, "TKEY": 249, "TSIG": 250, "IXFR": 251, "AXFR": 252, "MAILB": 253, "MAILA": 254,
         "ANY": 255, "URI": 256, "CAA": 257}
NUMBERS = {number: name for name, number in TYPES.items()}
RCODES = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"]

# Where names are in rdata: n a name, s a character-string, a digit so many bytes; the rest is bytes.
LAYOUT = {2: "n", 5: "n", 6: "nn", 12: "n", 15: "2n", 17: "nn", 18: "2n", 33: "6n", 35: "4sssn", 36: "2n", 39: "n", 64: "2n", 65: "2n"}

Rr = collections.namedtuple("Rr", "owner type klass ttl rdata")


def type_text(number):
    return NUMBERS.get(number, f"TYPE{number}")


def type_number(text):
    return TYPES[text] if text in TYPES else int(text[4:])


def name_wire(text):
    """A name in presentation form, absolute with or without its last dot, in wire form."""
    out, label, i = bytearray(), bytearray(), 0
    raw = text.encode("latin-1")
    while i < len(raw):
        if raw[i:i + 1] == b"\\":
            digits = raw[i + 1:i + 4]
            label.append(int(digits) if digits.isdigit() else raw[i + 1])
            i += 4 if digits.isdigit() else 2
        elif raw[i:i + 1] == b".":
            if label:
                out += bytes([len(label)]) + label
            label, i = bytearray(), i + 1
        else:
            label.append(raw[i])
            i += 1
    return bytes(out) + (bytes([len(label)]) + bytes(label) if label else b"") + b"\0"


def name_labels(wire):
    labels, at = [], 0
    while wire[at]:
        labels.append(wire[at + 1:at + 1 + wire[at]])
        at += 1 + wire[at]
    return labels


def name_of(labels):
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def name_text(wire):
    return ".".join("".join(chr(c) if 33 <= c < 127 and chr(c) not in '.\\"' else f"\\{c:03}" for c in label)
                    for label in name_labels(wire)) + "."


# Making ------------------------------------------------------------------------------------------------------------


def opt(size=1232, flags=0, version=0, options=b"", rcode=0, owner=b"\0", rdlen=None):
    return owner + struct.pack(">HHBBHH", 41, size, rcode, version, flags, len(options) if rdlen is None else rdlen) + options


def option(code, body=b""):
    return struct.pack(">HH", code, len(body)) + body


def subnet(family, source, scope, address):
    return option(8, struct.pack(">HBB", family, source, scope) + address)


def question(name, qtype, qclass=1):
    return name + struct.pack(">HH", qtype, qclass)


def message(body, flags=0, counts=(1, 0, 0, 0), ident=0):
    return struct.pack(">HH4H", ident, flags, *counts) + body


def query(name, qtype, qclass=1, extra=None, flags=0):
    """The plain query, or with an additional record `extra`."""
    return message(question(name, qtype, qclass) + (extra or b""), flags, (1, 0, 0, 1 if extra else 0))


# Reading -----------------------------------------------------------------------------------------------------------


class Short(Exception):
    pass


def name_read(packet, at):
    """-> (uncompressed wire form with its case, where it ends)"""
    out, end, jumps = bytearray(), None, 0
    while True:
        if at >= len(packet):
            raise Short("a name runs past the end")
        size = packet[at]
        if size >= 0xc0:
            if at + 1 >= len(packet) or jumps > 126:
                raise Short("a pointer runs past the end or in a circle")
            end = at + 2 if end is None else end
            target, jumps = (size & 0x3f) << 8 | packet[at + 1], jumps + 1
            if target >= at:
                raise Short("a pointer points forward")
            at = target
        elif size > 63:
            raise Short("a label type that is none")
        else:
            out += packet[at:at + 1 + size]
            at += 1 + size
            if size == 0:
                if len(out) > 255:
                    raise Short("a name of more than 255 bytes")
                return bytes(out), at if end is None else end


def rdata_read(packet, at, end, rtype):
    out, digits = b"", LAYOUT.get(rtype, "")
    for part in digits:
        if part == "n":
            name, at = name_read(packet, at)
            out += name.lower()
        else:
            size = 1 + packet[at] if part == "s" else int(part)
            out += packet[at:at + size]
            at += size
    if at > end:
        raise Short("rdata is longer than its length")
    return out + packet[at:end]


def rr_read(packet, at):
    owner, at = name_read(packet, at)
    if at + 10 > len(packet):
        raise Short("a record runs past the end")
    rtype, klass, ttl, size = struct.unpack_from(">HHIH", packet, at)
    at += 10
    if at + size > len(packet):
        raise Short("rdata runs past the end")
    return Rr(owner.lower(), rtype, klass, ttl, rdata_read(packet, at, at + size, rtype)), at + size


def options_read(rdata, damage):
    found, at = [], 0
    while at < len(rdata):
        if at + 4 > len(rdata) or at + 4 + struct.unpack_from(">H", rdata, at + 2)[0] > len(rdata):
            damage.append("an option runs past the end")
            break
        code, size = struct.unpack_from(">HH", rdata, at)
        found.append((code, rdata[at + 4:at + 4 + size]))
        at += 4 + size
    return found


class Reply:
    """A reply by meaning. Its attributes are what differential tests compare."""

    def __init__(self, packet):
        self.packet, self.damage, self.options, self.edns = packet, [], [], None
        self.sections = [[], [], []]
        self.question = b""
        if len(packet) < 12:
            self.damage.append("shorter than a header")
            self.flags, self.rcode, self.counts = 0, 0, (0, 0, 0, 0)
            return
        self.flags, *self.counts = struct.unpack_from(">5H", packet, 2)
        self.rcode = self.flags & 15
        try:
            self.body_read(packet)
        except Short as short:
            self.damage.append(str(short))

    def body_read(self, packet):
        at = 12
        for _ in range(self.counts[0]):
            _, at = name_read(packet, at)
            at += 4
        self.question = packet[12:at]
        for section, count in enumerate(self.counts[1:]):
            for _ in range(count):
                rr, at = rr_read(packet, at)
                if rr.type == 41:
                    self.opt_take(rr, section)
                else:
                    self.sections[section].append(rr)
        if at != len(packet):
            self.damage.append("bytes behind the last record")

    def opt_take(self, rr, section):
        if self.edns or section != 2 or rr.owner != b"\0":
            self.damage.append("an OPT where none belongs")
        self.edns = {"size": rr.klass, "version": rr.ttl >> 16 & 255, "flags": rr.ttl & 0xffff}
        self.rcode |= rr.ttl >> 24 << 4
        self.options = options_read(rr.rdata, self.damage)

    def flag(self, bit):
        return bool(self.flags & bit)


QR, AA, TC, RD, RA, ZERO, AD, CD = 0x8000, 0x400, 0x200, 0x100, 0x80, 0x40, 0x20, 0x10


def rr_text(rr):
    return f"{name_text(rr.owner)} {rr.ttl} {rr.klass} {type_text(rr.type)} {rr.rdata.hex()}"


def rcode_text(rcode):
    return RCODES[rcode] if rcode < len(RCODES) else str(rcode)


# Sending -----------------------------------------------------------------------------------------------------------

SENTINEL = 0xffff
SENTINELS_MAX = 6


def framed(packet):
    """As it is sent over a stream."""
    return struct.pack(">H", len(packet)) + packet


def stamped(packet, ident):
    return struct.pack(">H", ident) + packet[2:]


def udp_batch(sock, packets, first, sentinel, pause=0.0):
    """Send some dozen packets, with IDs from `first`, to a server that answers in order.

    Returns a list of replies, None for each packet that got none, and how many others came. The sentinel is a query that is
    answered for certain: when its reply is there, so are those to the packets before it. It is sent when `pause` has passed or a
    reply is there, and again when it seems lost.
    """
    replies, others = [None] * len(packets), 0
    for i, packet in enumerate(packets):
        sock.send(stamped(packet, first + i))
    if pause:
        select.select([sock], [], [], pause)
    sock.settimeout(0.5)
    for _ in range(SENTINELS_MAX):
        sock.send(stamped(sentinel, SENTINEL))
        try:
            for _ in range(4 * len(packets)):
                reply = sock.recv(65535)
                ident = struct.unpack_from(">H", reply)[0]
                if ident == SENTINEL:
                    return replies, others
                if first <= ident < first + len(packets) and replies[ident - first] is None:
                    replies[ident - first] = reply
                else:
                    others += 1
        except socket.timeout:
            continue
    raise OSError("the server has stopped answering, or does not stop")


def tcp_ask(address, packet, seconds=3):
    """One query on a connection of its own; None when the server ends it, or is silent, without a reply."""
    with socket.create_connection(address, seconds) as sock:
        sock.settimeout(seconds)
        try:
            sock.sendall(struct.pack(">H", len(packet)) + packet)
            return tcp_reply(sock)
        except (ConnectionError, socket.timeout):
            return None


def tcp_reply(sock):
    got = b""
    while len(got) < 2 or len(got) < 2 + struct.unpack_from(">H", got)[0]:
        more = sock.recv(65537)
        if not more:
            return None
        got += more
    return got[2:]
