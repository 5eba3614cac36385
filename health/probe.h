/* health/probe.h - one check at one vantage point: when to probe next, and what the results amount to.
 *
 * From up, `fall` failures in a row make the vote down; from down, `rise` successes in a row make
 * it up; the first result decides the first vote. What goes wrong at the prober itself makes the
 * vote unknown while it lasts; it neither counts nor breaks a row.
 *
 * Probes start on a grid that is a little shorter than the interval, each a little late by chance,
 * so that two of them are never more than one interval apart. The grid's phase differs between
 * vantage points and checks (check_plan()). After a first failure the next probes start at once,
 * spaced by the timeout, until the row is decided: a crash turns the vote within interval + fall x
 * timeout.
 *
 * No clock and no socket here: `now_ms` is a clock that never goes back and that the vantage points
 * share as well as they can (wall time at start, and monotonic from there).
 *
 *    probe_init -> due_ms -> probe_begin -> (the probe runs) -> probe_finish -> due_ms -> ...
 */
#ifndef HEALTH_PROBE_H
#define HEALTH_PROBE_H

#include "common/rng.h"
#include "health/vote.h"

#include <stdbool.h>
#include <stdint.h>

enum { PROBE_JITTER_SHARE = 32 }; /* the jitter is at most the interval's 32nd part */

#define PROBE_NEVER INT64_MAX

struct probe_plan {
    int64_t interval_ms;
    int64_t timeout_ms; /* at most interval_ms */
    uint32_t fall;
    uint32_t rise;
    uint32_t latency_max_ms; /* slower is a failure; 0: no bound */
    double phase;            /* 0 to below 1, of the interval */
};

enum probe_outcome {
    PROBE_OK,
    PROBE_FAILED,
    PROBE_UNKNOWN, /* trouble at the prober: no descriptors, no route, no name resolution */
};

struct probe_result {
    enum probe_outcome outcome;
    uint32_t latency_ms; /* of PROBE_OK */
    const char
        *reason; /* of the others: a short text that does not change from one probe to the next */
};

struct probe {
    struct probe_plan plan;
    int64_t due_ms;       /* when to begin the next one; PROBE_NEVER while one runs */
    int64_t started_ms;   /* of the last one */
    enum verdict settled; /* the vote, local trouble aside */
    uint32_t row;         /* results in a row against `settled` */
    struct vote vote;
};

/* A check that has not been probed yet: due at its phase within the next interval. */
void probe_init(struct probe *probe, const struct probe_plan *plan, int64_t now_ms,
                struct rng *rng);

/* Take a changed plan; the vote stays, and so does a probe that runs. */
void probe_replan(struct probe *probe, const struct probe_plan *plan, int64_t now_ms,
                  struct rng *rng);

/* A probe starts. It is bounded by plan.timeout_ms. */
void probe_begin(struct probe *probe, int64_t now_ms);

/* The probe that began has ended so. Updates `vote` and `due_ms`. */
void probe_finish(struct probe *probe, const struct probe_result *result, int64_t now_ms,
                  struct rng *rng);

/* A nameserver asks for a probe now. Brings the next one forward, to one timeout after the last at
 * the earliest. */
void probe_hurry(struct probe *probe, int64_t now_ms);

#endif
