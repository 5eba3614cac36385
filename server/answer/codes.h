/* server/answer/codes.h - the numbers of DNS: types, classes and rcodes that we know (IANA, RFC 6895). */
#ifndef SERVER_ANSWER_CODES_H
#define SERVER_ANSWER_CODES_H

/* Those that are treated or counted by themselves; all others are rrsets like any. */
enum qtype {
    QTYPE_A = 1,
    QTYPE_NS = 2,
    QTYPE_CNAME = 5,
    QTYPE_SOA = 6,
    QTYPE_PTR = 12,
    QTYPE_MX = 15,
    QTYPE_TXT = 16,
    QTYPE_AAAA = 28,
    QTYPE_SRV = 33,
    QTYPE_DNAME = 39,
    QTYPE_OPT = 41,
    QTYPE_DS = 43,
    QTYPE_DNSKEY = 48,
    QTYPE_SVCB = 64,
    QTYPE_HTTPS = 65,
    QTYPE_TKEY = 249,
    QTYPE_TSIG = 250,
    QTYPE_IXFR = 251,
    QTYPE_AXFR = 252,
    QTYPE_MAILB = 253,
    QTYPE_MAILA = 254,
    QTYPE_ANY = 255,
    QTYPE_CAA = 257,
};

enum qclass { QCLASS_IN = 1, QCLASS_CH = 3 };

enum rcode {
    RCODE_NOERROR = 0,
    RCODE_FORMERR = 1,
    RCODE_SERVFAIL = 2,
    RCODE_NXDOMAIN = 3,
    RCODE_NOTIMP = 4,
    RCODE_REFUSED = 5,
    RCODE_YXDOMAIN = 6,
    RCODE_NOTAUTH = 9,    /* RFC 2136 2.2, RFC 8945 3 */
    RCODE_BADVERS = 16,   /* RFC 6891 9 */
    RCODE_BADCOOKIE = 23, /* RFC 7873 8 */
};

#endif
