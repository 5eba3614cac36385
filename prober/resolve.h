/* prober/resolve.h - the addresses of targets that are host names, over libevent's evdns.
 *
 * A name is looked up anew for each probe, so that a probe meets the address that clients meet;
 * the resolver caches. IPv4 is taken where there is some. A lookup is bounded by its own
 * timeout. No answer, whatever the reason, is trouble at the prober and says nothing of the
 * target.
 */
#ifndef PROBER_RESOLVE_H
#define PROBER_RESOLVE_H

#include "common/err.h"
#include "common/ip.h"

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

struct resolve;        /* heap */
struct resolve_lookup; /* heap; one that runs */

/* Ask the resolvers of /etc/resolv.conf (and /etc/hosts), or these `count` ones only. The
 * files are read here and not again. A machine without any resolver is no error: its lookups fail.
 * ERR_MEMORY. */
NODISCARD enum err resolve_new(struct event_base *base, const struct listen *resolvers,
                               size_t count, struct resolve **ret, struct diag *reterr);

/* Requires that no lookup runs. */
void resolve_free(struct resolve **resolve);

/* Called once from the loop, unless the lookup is stopped. `ip` is NULL when there is none. */
struct resolve_finish {
    void (*call)(void *context, const struct ip *ip);
    void *context;
};

/* Look `host` up. ERR_MEMORY. */
NODISCARD enum err resolve_start(struct resolve *resolve, const char *host, int64_t timeout_ms,
                                 struct resolve_finish finish, struct resolve_lookup **ret,
                                 struct diag *reterr);
void resolve_stop(struct resolve_lookup **lookup);

#endif
