/* server/answer/client.h - the client: whose address an answer is chosen for, and who may be given it.
 *
 * The subnet that the query names, if that says where somebody is; the resolver's own address
 * otherwise (RFC 7871 7.2.1; docs/STEERING.md has the table). An IPv4-mapped address is the IPv4
 * one.
 */
#ifndef SERVER_ANSWER_CLIENT_H
#define SERVER_ANSWER_CLIENT_H

#include "common/ip.h"
#include "server/answer/edns.h"

#include <stdint.h>

enum client_kind {
    CLIENT_RESOLVER, /* no subnet, or "do not look": for all that the resolver serves */
    CLIENT_UNPLACED, /* a subnet that is nowhere: the resolver's address, for this subnet alone */
    CLIENT_SUBNET,
};

struct client {
    enum client_kind kind;
    struct ip ip;        /* to be looked up; the host part of a subnet is 0 */
    uint8_t source_bits; /* of the query's subnet */
    uint8_t mapped_bits; /* 96 for an IPv4-mapped subnet: its scope counts the IPv6 bits too */
};

/* Hot path. `peer` is the address the query came from. */
struct client client_of(const struct edns *edns, const struct ip *peer);

/* Hot path. The scope prefix length for a choice that `bits` bits of the client's address decided. */
uint8_t client_scope(const struct client *client, uint8_t bits);

#endif
