/* prober/link.h - the tie to one nameserver: what it wants checked, and what this prober found.
 *
 * Each second, and at once when a vote turns (LINK_GAP_MS apart at least), it sends the last
 * result of each task that the nameserver has not acknowledged yet. Nothing is queued: what is
 * not acknowledged is sent again, by then newer perhaps. The reply names checks to probe now,
 * and the generation of the nameserver's list; when that is not the one we have, the list is
 * fetched.
 *
 * A nameserver that is away is tried again after 1 s, 2 s, 4 s and then every LINK_AWAY_MAX_MS;
 * the links know nothing of each other. After a failure, or over a new connection, all last
 * results are sent again: the nameserver may have forgotten them.
 */
#ifndef PROBER_LINK_H
#define PROBER_LINK_H

#include "common/err.h"
#include "common/ip.h"
#include "prober/exchange.h"
#include "prober/schedule.h"
#include "prober/wanted.h"

#include <stdbool.h>

enum {
    LINK_PUSH_MS = 1000,
    LINK_GAP_MS = 100,
    LINK_AWAY_MAX_MS = 5000,
    LINK_RESEND_MS = 10 * 1000, /* between two resends of everything over new connections */
    LINK_PUSH_TIMEOUT_MS = 5 * 1000,
    LINK_FETCH_TIMEOUT_MS = 60 * 1000, /* 64 MB at most */
};

struct link; /* heap */

/* Begin at once. `idx` is the nameserver's number for wanted_take(). The other arguments must
 * outlive the link. ERR_MEMORY. */
NODISCARD enum err link_new(const struct caller *caller, const struct listen *server, unsigned idx,
                            struct wanted *wanted, const struct schedule *schedule,
                            struct link **ret, struct diag *reterr);
void link_free(struct link **link);

/* There is news: push now, or LINK_GAP_MS after the last push began. */
void link_hurry(struct link *link);

/* The last push was acknowledged. */
bool link_is_up(const struct link *link);

#endif
