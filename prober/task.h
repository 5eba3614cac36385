/* prober/task.h - one check that this prober runs: its definition, who wants it, and what the
 * probes said.
 *
 * Made and thrown away by wanted.c, run by schedule.c, read by link.c. The definition never
 * changes: a changed check is a new task, which begins with the vote of the one that it
 * replaces.
 */
#ifndef PROBER_TASK_H
#define PROBER_TASK_H

#include "health/check.h"

#include <stdbool.h>
#include <stdint.h>

struct event;
struct runner;
struct schedule;

struct task {
    struct check check; /* its texts are the task's own */
    uint64_t servers;   /* bit i: nameserver i lists it; kept by wanted.c */
    bool listed;        /* it is in the list that is being taken over */
    struct task *next;  /* in the bucket of its id; kept by wanted.c */

    struct probe probe;
    uint64_t result_no; /* of its last result; rises over all tasks; 0 before the first */

    /* Of schedule.c: */
    struct schedule *schedule;
    struct runner *runner;
    struct event *due; /* when the next probe is */
    int64_t began_ms;  /* of the probe that runs, monotonic */
    bool running;
    bool waiting;                /* due, but too many run */
    struct task *older, *newer;  /* by result_no */
    struct task *ahead, *behind; /* among the waiting */
};

#endif
