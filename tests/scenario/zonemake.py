"""tests/scenario/zonemake.py - zones for the differential test: tricky ones by hand, and trees from a seed.

All of them are zones that gslbd, Knot and NSD take. Zone files are text; the names in them are what the corpus asks.
"""
import random

HEAD = "$ORIGIN {zone}\n$TTL 300\n@ 600 IN SOA ns1 hostmaster {serial} 7200 1800 259200 {minimum}\n"
LONG = ".".join(["l" * 61] * 3)  # with .example.com. 199 bytes

EXAMPLE = r"""
@           NS    ns1
@           NS    ns2.out.example.net.
@           MX    10 mail
@           MX    20 mail.example.net.
@           A     192.0.2.1
@           TXT   "v=spf1 -all"
@           CAA   0 issue "ca.example.net"
ns1         A     192.0.2.53
ns1         AAAA  2001:db8::53
mail        A     192.0.2.25
mail        AAAA  2001:db8::25
host        A     192.0.2.10
host        A     192.0.2.11
host        AAAA  2001:db8::10
host        TXT   "one two" "three" ""
HoSt.MiXeD  A     192.0.2.12
a.b.c.d     A     192.0.2.13
types       HINFO "cpu" "os"
types       RP    who.example.com. what.example.com.
types       AFSDB 1 host
types       LOC   52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
types       SRV   1 2 5060 host
types       NAPTR 100 50 "s" "z3950+I2L+I2C" "" _z3950._tcp.host
types       KX    1 host
types       SSHFP 1 1 123456789abcdef67890123456789abcdef67890
types       TLSA  3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
types       SVCB  1 host alpn=h2,h3 port=8443
types       HTTPS 1 . alpn=h2 ipv4hint=192.0.2.10 ipv6hint=2001:db8::10
types       SPF   "v=spf1 -all"
types       EUI48 00-00-5e-00-53-2a
types       URI   10 1 "https://www.example.com/"
types       CAA   0 iodef "mailto:x@example.com"
types       PTR   host
types       TYPE65280 \# 4 0a0b0c0d
types       TYPE731   \# 0
types       A     \# 4 c0000263
_sip._tcp   SRV   0 0 0 .
_sip._tcp   SRV   1 1 5060 host
_sip._tcp   SRV   1 2 5060 host.mixed
_sip._tcp   SRV   1 3 5060 x.wild
https       HTTPS 0 host
ttls        60  A   192.0.2.14
ttls        A       192.0.2.15
; Wildcards, RFC 4592 2.2.1 and more.
*.wild      A     192.0.2.20
*.wild      TXT   "at the wildcard"
sub.wild    TXT   "an exact name below hides it"
a.sub.wild  A     192.0.2.21
*.ent.wild  MX    10 host.wild
x.*.star    A     192.0.2.22
*.star      TXT   "beside a name below it"
*.alias     CNAME host
*.aliasout  CNAME www.example.net.
*.aliasnone CNAME nothere
*.aliaswild CNAME x.wild
*.aliasloop CNAME y.aliasloop
*.mx        MX    10 mail
*.deep.deep.deep A 192.0.2.23
*.*.two     A     192.0.2.24
*x          A     192.0.2.25
; CNAMEs, names that lead to themselves among them.
alias       CNAME host
alias2      CNAME alias
alias3      CNAME alias2
towild      CNAME any.thing.wild
tonone      CNAME nothere.c.d
tonodata    CNAME a.b.c.d
toent       CNAME b.c.d
tocut       CNAME www.cut
toglue      CNAME ns.cut
tods        CNAME cut
toself      CNAME toself
loop1       CNAME loop2
loop2       CNAME loop1
tonet       CNAME www.other.example.
tonetnone   CNAME nothere.other.example.
tonetloop   CNAME back.other.example.
tonested    CNAME www.nested
todname     CNAME host.old
toapex      CNAME @
toorg       CNAME www.example.org.
todsnested  CNAME nested
todslone    CNAME lone.gap
toUPPER     CNAME HOST.MIXED
; Delegations.
cut         NS    ns.cut
cut         NS    ns.sib
cut         NS    ns.example.net.
cut         DS    12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
cut         DS 12346 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
ns.cut      A     192.0.2.30
ns.cut      AAAA  2001:db8::30
below.cut   A     192.0.2.31
sib         NS    ns.sib
sib         NS    ns.cut
ns.sib      A     192.0.2.32
noglue      NS    ns.example.net.
noglue      NS    ns.example.org.
nodsglue    NS    ns1
ent.cut2    NS    host
*.under     A     192.0.2.33
cut.under   NS    ns1
cut.under   DS    1 8 1 0123456789abcdef0123456789abcdef01234567
inner.cutcut NS   ns1
cutcut      NS    ns.inner.cutcut
ns.inner.cutcut A 192.0.2.34
wildns      NS    x.wild
; DNAMEs.
old         DNAME new
old         A     192.0.2.40
host.new    A     192.0.2.41
*.any.new   A     192.0.2.42
cname.new   CNAME host
outdn       DNAME example.org.
netdn       DNAME other.example.
loopdn      DNAME x.loopdn2
loopdn2     DNAME x.loopdn
nonedn      DNAME nothere
wilddn      DNAME q.wild
longdn      DNAME {long}
cutdn       DNAME cut
{long}      A     192.0.2.43
; Any octet.
a\.b        A     192.0.2.50
a\000b      A     192.0.2.51
\255\200.o  A     192.0.2.52
sp\032ace   TXT   "space"
back\\slash A     192.0.2.53
q\"uote     A     192.0.2.54
\@          A     192.0.2.55
\*.quoted   A     192.0.2.56
tobyte      CNAME \001\002\.\000
\001\002\.\000 A  192.0.2.57
; Nested zones that are served here too: one delegated, one not.
nested      NS    ns1.nested
nested      DS    54321 8 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
ns1.nested  A     192.0.2.60
www.nested  A     192.0.2.61
shadow.lone.gap A 192.0.2.62
"""

NESTED = """
@    NS ns1
@    NS ns1.example.com.
ns1  A  192.0.2.60
www  A  192.0.2.70
up   CNAME host.example.com.
apex CNAME @
updn DNAME example.com.
cut  NS ns1
cut  DS 1 8 1 0123456789abcdef0123456789abcdef01234567
*    TXT "nested"
"""

OTHER = """
@    NS ns1
@    NS ns2
ns1  A  192.0.2.80
ns2  AAAA 2001:db8::80
www  A  192.0.2.81
www  MX 5 www.example.org.
back CNAME tonetloop.example.com.
far  CNAME host.example.com.
dn   DNAME old.example.com.
host CNAME www
"""

ROOT = """
@          NS    a.root
@          NS    b.root
a.root     A     192.0.2.110
b.root     AAAA  2001:db8::110
com        NS    ns.com
com        NS    ns.net
com        DS    1 8 1 0123456789abcdef0123456789abcdef01234567
ns.com     A     192.0.2.111
net        NS    ns.net
ns.net     A     192.0.2.112
org        NS    ns.com
here       NS    a.root
here       DS    2 8 1 0123456789abcdef0123456789abcdef01234567
arpa       TXT   "in the root itself"
alias      CNAME arpa
tocom      CNAME www.com
tohere     CNAME www.here
toroot     CNAME .
a.b.c      MX    10 b.root
*.wild     A     192.0.2.113
old        DNAME new
x.new      SRV   1 2 3 a.root
all        DNAME .
"""

HERE = """
@    NS a.root.
www  A  192.0.2.114
up   CNAME arpa.
apex CNAME @
"""

CLASSES_OF_SIZE = (7, 14, 28, 29, 30, 31, 60, 75, 76, 77, 78, 300, 1500)  # A records: around 512, 1232 and above


def big():
    lines = ["@ NS ns1", "ns1 A 192.0.2.90"]
    for count in CLASSES_OF_SIZE:
        lines += [f"a{count} A 198.18.{i // 250}.{i % 250}" for i in range(count)]
    for count in (1, 2, 4, 5, 12):
        lines += [f't{count} TXT "{i:03}{"t" * 200}"' for i in range(count)]
    lines += [f'x65000 TXT "{i:03}{"x" * 230}"' for i in range(250)]
    for count in (3, 10, 13, 25, 40):
        lines += [f"cut{count} NS ns{i}.cut{count}\nns{i}.cut{count} A 198.19.{count}.{i}\nns{i}.cut{count} AAAA 2001:db8:{count}::{i}"
                  for i in range(count)]
    lines += [f"mx MX {i} mx{i}\nmx{i} A 198.18.9.{i}\nmx{i} AAAA 2001:db8:9::{i}" for i in range(20)]
    lines += [f"chain{i} CNAME chain{i + 1}" for i in range(30)] + ["chain30 A 192.0.2.91", "toa300 CNAME a300"]
    return "\n".join(lines) + "\n"


LABELS = ["a", "b", "c", "*", "www", "_tcp", "X9", r"\200", "n-1"]


class Tree:
    """A zone grown at random: few labels, so that its names meet."""

    def __init__(self, seed, zone):
        self.rng, self.zone = random.Random(seed), zone
        self.nodes = {(): {"NS": ["ns1", "ns.example.org."]}, ("ns1",): {"A": ["192.0.2.100"]}}
        for _ in range(60):
            self.grow()
        self.prune()

    def name(self):
        return tuple(self.rng.choice(LABELS) for _ in range(self.rng.choice((1, 1, 2, 2, 3, 4))))

    def target(self):
        pick = self.rng.random()
        if pick < 0.1:
            return "host.example.com."
        if pick < 0.2:
            return "www.example.org."
        return ".".join(self.rng.choice(sorted(self.nodes)) if pick < 0.7 else self.name()) or "@"

    def data(self, kind):
        number = self.rng.randrange(1, 250)
        return {"A": f"198.51.100.{number}", "AAAA": f"2001:db8::{number:x}", "TXT": f'"text {number}"', "MX": f"{number} {self.target()}",
                "SRV": f"1 {number} 53 {self.target()}", "TYPE64000": f"\\# 1 {number:02x}", "DS": f"{number} 8 1 {'ab' * 20}",
                }.get(kind) or self.target()

    def grow(self):
        name, wild = self.name(), False
        wild = name[0] == "*"
        kind = self.rng.choices(("plain", "CNAME", "DNAME", "NS"), (6, 3, 0 if wild else 1, 0 if wild else 2))[0]
        if name in self.nodes:
            return
        if kind == "plain":
            kinds = self.rng.sample(["A", "AAAA", "TXT", "MX", "SRV", "TYPE64000"], self.rng.choice((1, 1, 2, 3)))
            self.nodes[name] = {k: [self.data(k) for _ in range(self.rng.choice((1, 1, 2)))] for k in kinds}
        elif kind == "NS":
            self.nodes[name] = {"NS": [self.data("NS") for _ in range(self.rng.choice((1, 2)))]}
            if self.rng.random() < 0.5:
                self.nodes[name]["DS"] = [self.data("DS")]
        else:
            self.nodes[name] = {kind: [self.data(kind)]}

    def prune(self):
        """Nothing may stand below a DNAME, and only addresses make sense below a cut."""
        lower = {tuple(label.lower() for label in name): name for name in self.nodes}
        for key, name in sorted(lower.items(), key=lambda pair: len(pair[0])):
            above = [lower.get(key[i:]) for i in range(1, len(key))]
            if any(up in self.nodes and "DNAME" in self.nodes[up] for up in above if up):
                del self.nodes[name]
            elif any(up in self.nodes and "NS" in self.nodes[up] for up in above if up):
                self.nodes[name] = {kind: self.nodes[name][kind] for kind in ("A",
                                                                              "AAAA") if kind in self.nodes[name]} or {"A": ["192.0.2.101"]}

    def text(self):
        return "".join(f"{'.'.join(name) or '@'} {kind} {data}\n" for name, kinds in sorted(self.nodes.items())
                       for kind, datas in kinds.items() for data in sorted(set(datas)))


def zones(seed):
    """zone name with its dot -> records in the master file format, without the SOA"""
    made = {"example.com.": EXAMPLE.replace("{long}", LONG), "nested.example.com.": NESTED, "lone.gap.example.com.": NESTED,
            "other.example.": OTHER, "big.example.": big()}
    for i in range(4):
        made[f"t{i}.example."] = Tree(seed * 100 + i, f"t{i}.example.").text()
    made["u.t0.example."] = Tree(seed * 100 + 50, "u.t0.example.").text()
    return made


def root_zones():
    """The root, with a zone that it delegates to us and one that it does not."""
    return {".": ROOT, "here.": HERE, "lone.": HERE}


def zone_file(zone, records, serial):
    return HEAD.format(zone=zone, serial=serial, minimum=900 if zone == "big.example." else 120) + records
