/* prober/gear.h - what every probe needs to run, and how it says what came of it.
 *
 * One gear for the whole process, made by main and constant. The parts outlive every probe.
 */
#ifndef PROBER_GEAR_H
#define PROBER_GEAR_H

#include "health/probe.h"
#include "prober/egress.h"
#include "prober/multi.h"
#include "prober/resolve.h"

#include <event2/event.h>

struct gear {
    struct event_base *base;
    struct multi *multi; /* for http and https checks only */
    struct resolve *resolve;
    const struct egress *egress;
    const char *ca_path; /* whom https checks trust; NULL: the system's certificates */
};

/* Called once for each start that is not stopped; perhaps before the start returns. */
struct finish {
    void (*call)(void *context, const struct probe_result *result);
    void *context;
};

#endif
