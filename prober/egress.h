/* prober/egress.h - the local addresses that probes and pushes leave from, and sockets bound to
 * them.
 *
 * At most one address a family; a family without one leaves from where the kernel's routes say.
 * An address that goes away later is trouble at the prober, which never makes a vote `down`.
 */
#ifndef PROBER_EGRESS_H
#define PROBER_EGRESS_H

#include "common/err.h"
#include "common/ip.h"

#include <stdbool.h>

struct egress {
    struct ip v4; /* family IP_NONE: not bound */
    struct ip v6;
};

/* Take `text` as the address of its family. ERR_SYNTAX: not an address. ERR_EXISTS: the family
 * has one. ERR_MISSING: not an address of this host. */
NODISCARD enum err egress_add(struct egress *egress, const char *text, struct diag *reterr);

/* A non-blocking TCP socket for `family`, bound to the source address; -1 with errno. The port
 * is chosen when it connects, so that as many may be open as there are ports for each
 * destination. */
int egress_socket(const struct egress *egress, enum ip_family family);

/* Whether this host has a route to `to` right now. Sends nothing. */
bool egress_has_route(const struct egress *egress, const struct listen *to);

#endif
