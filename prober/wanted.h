/* prober/wanted.h - what to check: the union of what the nameservers list.
 *
 * A check that several nameservers list is probed once. Nameservers that have not read the same
 * store yet may list one id with two definitions: those are two tasks, and each nameserver gets
 * the results of its own. When a nameserver is away, what it listed last stays.
 */
#ifndef PROBER_WANTED_H
#define PROBER_WANTED_H

#include "common/err.h"
#include "health/batch.h"
#include "prober/schedule.h"
#include "prober/task.h"

#include <stddef.h>

enum {
    WANTED_MAX = BATCH_CHECKS_MAX, /* of all nameservers together; about 12 KB each */
    WANTED_SERVERS_MAX = 64,       /* bits in task.servers */
};

struct wanted; /* heap */

NODISCARD enum err wanted_new(struct schedule *schedule, struct wanted **ret, struct diag *reterr);

/* Stops every probe. */
void wanted_free(struct wanted **wanted);

/* Nameserver `server` lists this now. ERR_LIMIT: over WANTED_MAX. ERR_MEMORY. On failure its
 * former list stands. */
NODISCARD enum err wanted_take(struct wanted *wanted, unsigned server,
                               const struct batch_checks *list, struct diag *reterr);

/* Nameserver `server` wants check `id` probed now; nothing happens if it never listed it. */
void wanted_hurry(struct wanted *wanted, unsigned server, const char *id);

size_t wanted_count(const struct wanted *wanted);

#endif
