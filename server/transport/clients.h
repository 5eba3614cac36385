/* server/transport/clients.h - how many TCP connections each client has, so that none takes them all.
 *
 * A client is an IPv4 address or an IPv6 /64. Clients are counted by a seeded hash, so a few may
 * share one count: with a limit that is most of all connections that hurts nobody, and nobody can
 * choose with whom.
 */
#ifndef SERVER_TRANSPORT_CLIENTS_H
#define SERVER_TRANSPORT_CLIENTS_H

#include "common/ip.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CLIENTS_COUNTS = 4096,
    CLIENTS_V6_BITS = 64, /* what one holder usually has */
};

struct clients {
    uint64_t seed;
    uint32_t limit; /* connections of one client */
    uint32_t counts[CLIENTS_COUNTS];
};

void clients_init(struct clients *clients, uint32_t limit, uint64_t seed);

/* A connection of `ip` begins. False: it has as many as it may, and nothing has changed. */
bool clients_enter(struct clients *clients, const struct ip *ip);

/* A connection that entered has ended. */
void clients_leave(struct clients *clients, const struct ip *ip);

#endif
