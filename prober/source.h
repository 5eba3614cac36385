/* prober/source.h - the local addresses that probes and pushes leave from, and sockets bound to them.
 *
 * At most one address a family; a family without one leaves from where the kernel's routes say. An address
 * that goes away later is trouble at the prober, which never makes a vote `down`.
 */
#ifndef PROBER_SOURCE_H
#define PROBER_SOURCE_H

#include "common/err.h"
#include "common/ip.h"

#include <stdbool.h>

struct source {
    struct ip v4; /* family IP_NONE: not bound */
    struct ip v6;
};

/* Take `text` as the address of its family. ERR_SYNTAX: not an address. ERR_EXISTS: the family has one.
 * ERR_MISSING: not an address of this host. */
NODISCARD enum err source_add(struct source *source, const char *text, struct diag *reterr);

/* A non-blocking TCP socket for `family`, bound to the source address; -1 with errno. The port is chosen when it
 * connects, so that as many may be open as there are ports for each destination. */
int source_socket(const struct source *source, enum ip_family family);

/* Whether this host has a route to `to` right now. Sends nothing. */
bool source_has_route(const struct source *source, const struct listen *to);

#endif
