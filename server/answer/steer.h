/* server/answer/steer.h - the choice: which region and which of its addresses a client gets of a service.
 *
 * A pure function of the image, the geo class of the client, the board's words and the random
 * numbers it draws. The same code answers queries in a worker and explains answers in gslbctl:
 * with a trace it also records what it looked at and why, without one it records nothing.
 *
 * The walk (docs/STEERING.md): sets from the most specific up, in each set tiers from the lowest
 * up, in each tier one weighted draw among the regions that serve; when nothing serves the walk
 * is repeated on a lower *step*.
 */
#ifndef SERVER_ANSWER_STEER_H
#define SERVER_ANSWER_STEER_H

#include "common/ip.h"
#include "common/rng.h"
#include "geoip/geo.h"
#include "health/board.h"
#include "zones/image/image.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    STEER_ADDRESSES_MAX = IMAGE_POOL_ENDPOINTS_MAX, /* of one choice */
    STEER_ALL_DOWN_TTL_MAX_S = 10, /* the most that a choice below STEP_SERVING may be cached */
    STEER_TRACE_MAX = 4096,        /* rows of a trace; more are counted, not kept */
};

/* How far the walk had to lower its standard. */
enum step {
    STEP_SERVING,       /* healthy and not draining */
    STEP_DRAINING,      /* healthy, draining ones taken as serving */
    STEP_ALL_UP,        /* all_down = serve_all: as if every endpoint were up, draining ones not */
    STEP_ALL_UP_DRAINS, /* ... draining ones too */
    STEPS,
};

enum choice_kind { CHOICE_ADDRESSES, CHOICE_HOST, CHOICE_NODATA, CHOICE_SERVFAIL };

struct choice {
    enum choice_kind kind;
    enum step step;                    /* it was made on; the last that was tried if there is none */
    const struct image_pool_row *pool; /* that serves; NULL for NODATA and SERVFAIL */
    uint32_t ttl_s;                    /* UINT32_MAX for a NODATA that health has no part in */
    uint8_t scope;                     /* bits of the client's address that decided */
    uint16_t count;                    /* of `endpoints` */
    const struct image_endpoint *endpoints[STEER_ADDRESSES_MAX]; /* in order of answer */
};

/* What is asked: a service, for one client. */
struct steer_case {
    const struct image_zone *zone;
    const struct image_service *service;
    const struct geo *geo; /* of the service's policy */
    const struct board *board;
    const struct ip *client; /* an address; the host part may be 0 */
    enum kind kind; /* KIND_V4 for A, KIND_V6 for AAAA, KIND_HOST for other types */
};

enum trace_kind {
    TRACE_CLASS,  /* class found: `set` is the first of the chain */
    TRACE_SET,    /* a set is tried on a step */
    TRACE_TIER,   /* a tier of it is tried */
    TRACE_REGION, /* a region of the tier: its pool, why it serves or not, its weight */
    TRACE_CHOSEN, /* the region that was drawn */
};

/* Why a region serves or does not. */
enum trace_why {
    WHY_SERVES,
    WHY_STANDBY,     /* weight 0 */
    WHY_NO_POOL,     /* the service is not there */
    WHY_NO_FAMILY,   /* no endpoint of the asked kind */
    WHY_REGION_DOWN, /* the operator's state */
    WHY_REGION_DRAIN,
    WHY_REGION_UNHEALTHY, /* the region monitor's verdict */
    WHY_POOL_DOWN,
    WHY_POOL_DRAIN,
    WHY_MIN_UP, /* fewer serving endpoints than min_up */
    WHY_PANIC,  /* serves, under panic_below: as if every endpoint were up */
};

struct trace_row {
    enum trace_kind kind;
    enum step step;
    uint32_t set;
    int32_t tier;
    uint16_t region;
    enum trace_why why;
    uint32_t weight;
    uint16_t serving, total; /* endpoints of the kind */
};

struct steer_trace {
    struct trace_row rows[STEER_TRACE_MAX];
    uint32_t count; /* of rows wanted; over STEER_TRACE_MAX the rest were not kept */
};

/* Hot path. The kind of endpoint that a type asks a service for; ANY: one that is there (RFC 8482 4.1). */
enum kind steer_kind(const struct image_service *service, uint16_t qtype);

/* Hot path. Decide. `trace` is NULL or zeroed by the caller. Cannot fail; without any usable
 * endpoint it is a kind of choice. Cost: the words of the regions, pools and endpoints it
 * considers. */
void steer_choose(const struct steer_case *asked, struct rng *rng, struct steer_trace *trace,
                  struct choice *ret);

/* Whether one endpoint serves on a step, from the words of its region, pool and itself. For
 * steer_choose() and status. */
bool steer_endpoint_serves(enum step step, struct health region, struct health pool,
                           struct health endpoint);

#endif
