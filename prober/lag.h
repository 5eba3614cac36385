/* prober/lag.h - whether this process kept up: a probe that ran while the loop stood still
 * proves nothing.
 *
 * A timer ticks every LAG_TICK_MS. A tick that comes LAG_STALL_MS late was a stall, up to that
 * tick: the process was starved, stopped or swapped out, and what looks like a target's timeout
 * may have been our own. Time is an argument, in milliseconds that never go back.
 */
#ifndef PROBER_LAG_H
#define PROBER_LAG_H

#include <stdbool.h>
#include <stdint.h>

enum { LAG_TICK_MS = 50, LAG_STALL_MS = 200 };

struct lag {
    int64_t ticked_ms;  /* the last tick */
    int64_t stalled_ms; /* end of the last stall; INT64_MIN before the first */
};

void lag_init(struct lag *lag, int64_t now_ms);

/* The tick. Returns the length of the stall that it ends, or 0. */
int64_t lag_tick(struct lag *lag, int64_t now_ms);

/* Whether there was a stall after `started_ms`, one that no tick has noted yet included. */
bool lag_spoiled(const struct lag *lag, int64_t started_ms, int64_t now_ms);

#endif
