/* server/control/metrics.h - what gslbd counts, in Prometheus' text format (version 0.0.4).
 *
 * Gathered when somebody asks: the workers' counters are mapped read-only, the verdicts are asked, and
 * control keeps the few numbers of its own in `struct metrics`. Names begin with gslbd_.
 */
#ifndef SERVER_CONTROL_METRICS_H
#define SERVER_CONTROL_METRICS_H

#include "common/buffer.h"
#include "common/err.h"
#include "health/intake.h"
#include "server/answer/counters.h"
#include "server/control/announce.h"
#include "server/control/credentials.h"
#include "server/control/roster.h"
#include "server/control/verdicts.h"

#include <stddef.h>
#include <stdint.h>

/* The numbers of the control process; zeroed at start. Whoever does a thing counts it. */
struct metrics {
    int64_t started_ms;              /* unix time; control */
    uint64_t generation;             /* of the published world; 0: none. control */
    uint64_t loads_ok, loads_failed; /* compiles; control */
    int64_t load_ok_ms;              /* the last good one, unix time; control */
    uint64_t zones, problems;        /* of the published world; control */
    uint64_t refusals[INTAKE_COUNT]; /* messages of vantage points that were not taken; api */
    uint64_t requests;               /* api */
    uint64_t connections;            /* api: open now */
    uint64_t connections_evicted;    /* api: closed to make room */
};

/* All that metrics_print() reads; lent. */
struct metrics_view {
    const struct metrics *metrics;
    const struct counters *const *workers; /* one for each worker */
    size_t workers_count;
    const struct roster *roster;     /* NULL: no world yet */
    const struct verdicts *verdicts; /* configured with that roster */
    const struct announce *announce; /* NULL: nobody is told of changes */
    const struct credentials *credentials; /* NULL: no DNS over TLS */
};

/* Append everything. ERR_MEMORY. Cost: linear in subjects, and in workers times pools. */
NODISCARD enum err metrics_print(const struct metrics_view *view, struct buffer *ret, struct diag *reterr);

#endif
