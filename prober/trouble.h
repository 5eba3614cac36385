/* prober/trouble.h - whose fault a failed connection is: the target's, or the prober's own.
 *
 * A refused, reset or silent connection says something of the target: PROBE_FAILED. No
 * descriptor, no memory, no route, no source address says something of this host only:
 * PROBE_UNKNOWN, which never turns a vote down. An errno that is not known here counts as the
 * prober's own.
 */
#ifndef PROBER_TROUBLE_H
#define PROBER_TROUBLE_H

#include "health/probe.h"
#include "prober/egress.h"

/* What `error`, the errno of socket(), bind() or a connection to `to`, amounts to. "Unreachable"
 * is the target's fault when this host has a route (a router said so), and ours when it has
 * none. */
struct probe_result trouble_of(int error, const struct egress *egress, const struct listen *to);

struct probe_result trouble_failed(const char *reason);
struct probe_result trouble_unknown(const char *reason);

#endif
