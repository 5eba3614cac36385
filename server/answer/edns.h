/* server/answer/edns.h - EDNS: the OPT record of a query (RFC 6891); that of its reply is opt.h.
 *
 * It is read into a struct of plain values, since its bytes are where the reply goes. Options
 * are known by their case in edns.c; unknown ones are stepped over (RFC 6891 6.1.2).
 *
 *    owner 0 | type 41 | class: UDP size | TTL: rcode's upper bits, version, DO | length | options
 */
#ifndef SERVER_ANSWER_EDNS_H
#define SERVER_ANSWER_EDNS_H

#include "common/ip.h"
#include "common/reader.h"
#include "server/answer/cookie.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EDNS_UDP_SIZE_MIN = 512,  /* bytes; less counts as this (RFC 6891 6.2.3) */
    EDNS_UDP_SIZE_MAX = 1232, /* what we advertise, and the most we send: IPv6's minimum MTU */
};

/* IANA's DNS EDNS0 option codes. */
enum edns_option {
    EDNS_NSID = 3,
    EDNS_CLIENT_SUBNET = 8,
    EDNS_COOKIE = 10,
    EDNS_KEEPALIVE = 11,
    EDNS_PADDING = 12,
    EDNS_ERROR = 15,
};

/* IANA's address families, in the client subnet (RFC 7871 6). */
enum edns_family { EDNS_FAMILY_NONE = 0, EDNS_FAMILY_V4 = 1, EDNS_FAMILY_V6 = 2 };

/* The client subnet as it was sent (RFC 7871 6). */
struct edns_subnet {
    bool present;
    struct prefix prefix; /* family IP_NONE: family 0, source prefix length 0 */
};

struct edns {
    bool present;      /* the query has an OPT */
    bool dnssec_ok;    /* DO (RFC 3225) */
    uint16_t udp_size; /* what the client takes, EDNS_UDP_SIZE_MIN at least */
    struct edns_subnet subnet;
    struct cookie cookie;
    bool nsid;      /* asked for (RFC 5001 2.1) */
    bool keepalive; /* ... (RFC 7828 3.2.1) */
    bool padded;    /* the query is, so the reply should be (RFC 7830 4) */
};

enum edns_verdict { EDNS_OK, EDNS_BADVERS, EDNS_MALFORMED };

/* Hot path. Read an OPT whose owner and type have been read; `r` moves behind it. `ret` is zeroed
 * by the caller and has no more than the reply to this verdict may give back. */
enum edns_verdict edns_parse(struct reader *r, struct edns *ret);

#endif
