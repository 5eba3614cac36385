/* common/ip.h - IP addresses and prefixes as plain values.
 *
 * An address is a family and its bytes in network order. IPv4 keeps its four bytes first and zeros
 * behind them, so two equal addresses are equal byte for byte. An IPv4-mapped IPv6 address
 * (::ffff:a.b.c.d) stays IPv6 until ip_unmap().
 */
#ifndef COMMON_IP_H
#define COMMON_IP_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum ip_family { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 };

enum {
    IP_TEXT_MAX = 46,        /* longest IPv6 text and its NUL */
    PREFIX_TEXT_MAX = 50,    /* with "/128" */
    LISTEN_TEXT_MAX = 52,    /* with "@65535" */
};

struct ip {
    uint8_t family;    /* enum ip_family */
    uint8_t bytes[16]; /* network order; bytes[4..15] are 0 for IPv4 */
};

struct prefix {
    struct ip ip; /* bits past `bits` are 0 */
    uint8_t bits; /* 0..32 or 0..128 */
};

/* An address and a port, as `ADDRESS@PORT` on command lines. */
struct listen {
    struct ip ip;
    uint16_t port; /* host order */
};

/* Parse one address in text. ERR_SYNTAX: neither IPv4 nor IPv6. */
NODISCARD enum err ip_parse(const char *text, struct ip *ret, struct diag *reterr);

/* Print into `text`; returns `text`. */
const char *ip_print(const struct ip *ip, char text[IP_TEXT_MAX]);

/* Parse ADDRESS/BITS. ERR_SYNTAX: not a prefix, too many bits, or host bits that are set. */
NODISCARD enum err prefix_parse(const char *text, struct prefix *ret, struct diag *reterr);

/* Parse ADDRESS/BITS, or one ADDRESS, which is a prefix of all its bits. ERR_SYNTAX: neither. */
NODISCARD enum err prefix_parse_or_ip(const char *text, struct prefix *ret, struct diag *reterr);
const char *prefix_print(const struct prefix *prefix, char text[PREFIX_TEXT_MAX]);

/* Parse ADDRESS@PORT, PORT 1 to 65535 (IPv6 without brackets: `::1@5300`). ERR_SYNTAX otherwise. */
NODISCARD enum err listen_parse(const char *text, struct listen *ret, struct diag *reterr);
const char *listen_print(const struct listen *at, char text[LISTEN_TEXT_MAX]);

/* To and from the socket API. ip_from_sockaddr() gives family IP_NONE for anything but INET and INET6. */
socklen_t listen_to_sockaddr(const struct listen *at, struct sockaddr_storage *ret);
struct listen listen_from_sockaddr(const struct sockaddr_storage *from);

/* The number of address bits of the family: 32, 128, or 0. */
unsigned ip_bits(const struct ip *ip);

/* ::ffff:a.b.c.d becomes a.b.c.d; anything else is left as it is. Returns whether it was mapped. */
bool ip_unmap(struct ip *ip);

/* Set every bit past `bits` to 0. */
void ip_mask(struct ip *ip, unsigned bits);

bool ip_equal(const struct ip *a, const struct ip *b);
int ip_compare(const struct ip *a, const struct ip *b);
bool prefix_covers(const struct prefix *prefix, const struct ip *ip);

/* True for an address that says nothing of where its holder is: private (RFC 1918), shared
 * (RFC 6598), loopback, link-local, unique local (RFC 4193), unspecified, multicast.
 * Documentation and 6to4 addresses are ordinary ones. */
bool ip_is_unplaced(const struct ip *ip);

#endif
