/* server/control/timer.h - libevent timers in milliseconds, for the control process.
 */
#ifndef SERVER_CONTROL_TIMER_H
#define SERVER_CONTROL_TIMER_H

#include <event2/event.h>
#include <stdint.h>

/* Let it go off once, so long from now; one that was armed already is armed anew. */
static inline void timer_arm(struct event *timer, int64_t wait_ms)
{
    const struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
    (void)event_add(timer, &wait);
}

/* Give back any event; NULL is none. */
static inline void timer_free(struct event *event)
{
    if (event)
        event_free(event);
}

#endif
