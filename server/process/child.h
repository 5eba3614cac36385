/* server/process/child.h - a process that the supervisor keeps alive: forked, and forked again when it dies.
 *
 * One that lived for CHILD_CALM_MS is started again at once. One that died sooner waits, twice as long each
 * time, so that a child that cannot run costs nothing.
 *
 * One that hangs does not die. So each has a *pulse*, a number in a page that only it and the supervisor
 * have, which it counts up from a timer of its loop, and at which the supervisor looks once in CHILD_LOOK_MS.
 * Silence is counted in looks and not in time: while the machine or the supervisor stands still nobody looks.
 */
#ifndef SERVER_PROCESS_CHILD_H
#define SERVER_PROCESS_CHILD_H

#include "common/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    CHILD_CALM_MS = 1000,
    CHILD_DELAY_MIN_MS = 50,
    CHILD_DELAY_MAX_MS = 10000,
    CHILD_BEAT_MS = 250,  /* from one beat to the next, at most, of a loop that turns */
    CHILD_LOOK_MS = 1000, /* from one look to the next, at least */
};

struct child_pulse {
    _Atomic uint32_t beats;
};

/* In the child, when its loop begins and from a timer of it. NULL: nobody looks. */
static inline void child_beat(struct child_pulse *pulse)
{
    if (pulse)
        atomic_fetch_add_explicit(&pulse->beats, 1, memory_order_relaxed);
}

struct child {
    pid_t pid; /* 0: not running */
    int64_t started_ms;
    int64_t start_at_ms; /* when to start it again */
    int64_t delay_ms;
    struct child_pulse *pulse; /* NULL: not running */
    uint32_t beats;            /* at the last look */
    unsigned missed;           /* looks in a row that found no new beat */
    int64_t looked_ms;
};

/* Fork, with a channel between the two. Returns 0 in the child, which has the name `title`, dies with its
 * parent, has no signals blocked, and obeys SIGTERM but not the terminal; `*ret_fd` is its end of the
 * channel. In the parent its pid, and a non-blocking end, since a child may hang; or -1. Times are
 * monotonic. */
pid_t child_fork(struct child *child, const char *title, int64_t now_ms, int *ret_fd, struct diag *reterr);

/* It has ended, or could not be started: say when it is due again. */
void child_ended(struct child *child, int64_t now_ms);
void child_put_off(struct child *child, int64_t now_ms);

/* How long until it has to be started: 0 is now, -1 never, since it runs. */
int64_t child_wait_ms(const struct child *child, int64_t now_ms);

/* Look at its pulse, if that is due. True when this is the `missed_max`th look in a row without a new beat:
 * it hangs. One that has not beaten yet is still starting, however long that takes. */
bool child_look(struct child *child, unsigned missed_max, int64_t now_ms);

/* In the child: close every descriptor but the standard ones and those in `keep`, which it sorts and where -1
 * is nothing. */
void child_close_others(int *keep, size_t count);

#endif
