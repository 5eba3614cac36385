/* server/transport/proxy.h - PROXY protocol, version 2: a proxy says first whose bytes those are that follow.
 *
 *    0 signature, 12 bytes | 12 version 2 and command | 13 family and transport | 14 length, 2 bytes |
 *    16 source and destination address, source and destination port, and whatever else the proxy has to say
 *
 * https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt, sections 2.2 and 4. Over TCP it is
 * there once, at the start of a connection; over UDP in each datagram. Whoever may say it can take
 * any client's place, so it is believed from the operator's proxies alone. What stands behind the
 * addresses is passed over.
 */
#ifndef SERVER_TRANSPORT_PROXY_H
#define SERVER_TRANSPORT_PROXY_H

#include "common/ip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROXY_FIXED_LEN = 16,
    PROXY_LEN_MAX = 1024, /* bytes of a header: addresses, and what load balancers add to them */
};

enum proxying {
    PROXYING_HEADER, /* a whole one */
    PROXYING_MORE,   /* it takes more bytes */
    PROXYING_BAD,    /* not one of version 2, of a family that DNS does not have, or too long */
};

struct proxy_header {
    size_t len; /* bytes, in front of the client's */
    /* Family IP_NONE: the proxy speaks for itself (LOCAL, or it does not know). */
    struct listen client;
};

/* Who may send headers. */
struct proxy_peers {
    const struct prefix *prefixes;
    size_t count;
};

/* Hot path. Read a header off `len` bytes. `ret` is set for PROXYING_HEADER alone. Only what can become
 * a header takes more bytes. */
enum proxying proxy_parse(const uint8_t *bytes, size_t len, struct proxy_header *ret);

/* Hot path. Whether `ip` is one of the proxies. */
bool proxy_is_peer(const struct proxy_peers *peers, const struct ip *ip);

#endif
