/* common/clock.h - the two clocks, for the edges of the control plane only: logic takes time as an argument.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>
#include <sys/time.h>

/* Milliseconds since 1970, UTC. May jump. */
int64_t clock_wall_ms(void);

/* Milliseconds since some start; never goes back. */
int64_t clock_mono_ms(void);

/* A length of time as the event loop takes it; less than 0 becomes 0. */
struct timeval clock_timeval(int64_t ms);

/* One moment on both: durations by the one, dates by the other. */
struct moment {
    int64_t mono_ms;
    int64_t wall_ms;
};

struct moment clock_now(void);

#endif
