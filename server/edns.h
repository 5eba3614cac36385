/* server/edns.h - EDNS: the OPT record of a query and that of its reply (RFC 6891).
 *
 * The OPT of a query is read into a struct of plain values, since its bytes are where the reply
 * goes. Options are known by their case in edns.c; unknown ones are stepped over (RFC 6891
 * 6.1.2). A reply has an OPT exactly if its query had one, and in it an option exactly if the
 * query's calls for it.
 *
 *    owner 0 | type 41 | class: UDP size | TTL: rcode's upper bits, version, DO | length | options
 */
#ifndef SERVER_EDNS_H
#define SERVER_EDNS_H

#include "common/ip.h"
#include "common/reader.h"
#include "common/writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EDNS_UDP_SIZE_MIN = 512, /* bytes; less counts as this (RFC 6891 6.2.3) */
    EDNS_UDP_SIZE_MAX = 1232, /* what we advertise, and the most we send: IPv6's minimum MTU */
};

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
};

enum edns_verdict { EDNS_OK, EDNS_BADVERS, EDNS_MALFORMED };

/* Hot path. Read an OPT whose owner and type have been read; `r` moves behind it. `ret` is zeroed
 * by the caller and has no more than the reply to this verdict may give back. */
enum edns_verdict edns_parse(struct reader *r, struct edns *ret);

/* Bytes that edns_put() will put for a query's OPT; 0 when there is none. */
size_t edns_len(const struct edns *edns);

/* Hot path. The reply's OPT: the upper bits of `rcode`, and the client subnet with `scope` bits
 * (RFC 7871 7.2.1). Nothing when the query had none. */
void edns_put(struct writer *w, const struct edns *edns, unsigned rcode, unsigned scope);

#endif
