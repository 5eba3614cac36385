/* prober/schedule.h - runs the probes of every task when they are due, and keeps the results in
 * the order they came.
 *
 * At most `probes_max` run at a time; what is due beyond that waits its turn, and a probe that
 * has waited a whole interval is given up as unknown: the prober has too much to do, which says
 * nothing of the target. Neither does a failure during which the loop stood still (lag.h).
 *
 * Only the last result of a task is kept. Results are numbered, and the tasks are chained by
 * their numbers, so that whoever pushes asks for what came after the number that was
 * acknowledged; nothing is queued.
 */
#ifndef PROBER_SCHEDULE_H
#define PROBER_SCHEDULE_H

#include "common/err.h"
#include "prober/gear.h"
#include "prober/task.h"

#include <stddef.h>
#include <stdint.h>

struct schedule; /* heap */

/* Called when a vote turned, or came into doubt, so that nobody waits for the next push. */
struct schedule_news {
    void (*call)(void *context, const struct task *task);
    void *context;
};

/* `gear` must outlive the schedule. ERR_MEMORY. */
NODISCARD enum err schedule_new(const struct gear *gear, size_t probes_max,
                                struct schedule_news news, struct schedule **ret,
                                struct diag *reterr);

/* Requires that every task was removed. */
void schedule_free(struct schedule **schedule);

/* Begin to probe `task`, whose `check` is filled in, at this vantage point's `phase`; with the
 * vote of `like` unless that is NULL. ERR_MEMORY. */
NODISCARD enum err schedule_add(struct schedule *schedule, struct task *task, double phase,
                                const struct task *like, struct diag *reterr);
void schedule_remove(struct schedule *schedule, struct task *task);

/* This vantage point has another phase. */
void schedule_rephase(struct schedule *schedule, struct task *task, double phase);

/* A nameserver wants `task` probed now. */
void schedule_hurry(struct schedule *schedule, struct task *task);

/* The number of the last result of all; 0 before the first. */
uint64_t schedule_last_no(const struct schedule *schedule);

/* The task with the first result behind `no`, NULL when there is none; from there follow
 * `newer`. Costs one step for each such result. */
const struct task *schedule_after(const struct schedule *schedule, uint64_t no);

#endif
