/* geoip/classes.h - from what is known of a client to its class, as one policy sees it.
 *
 * Of a client's facts a policy sees only whether they match its sets: that is the client's
 * *traits*. Networks with equal traits are one network to the policy, which is what makes its tree
 * small and its scopes wide. Traits are numbered; those of a client that only lies in net i are
 * number i + 1 (as geoip/nets.h numbers its leaves), 0 are those of a client of whom nothing is
 * known.
 *
 * A trait is 0 (unknown), CLASSES_OTHER (known, and of no set) or CLASSES_FIRST + a number. Unknown
 * and other differ only for a source further down the list, which may fill in what is unknown.
 */
#ifndef GEOIP_CLASSES_H
#define GEOIP_CLASSES_H

#include "geoip/distance.h"
#include "geoip/intern.h"
#include "geoip/policy.h"
#include "geoip/sets.h"
#include "geoip/source.h"

#include "common/err.h"

#include <stdint.h>

enum { CLASSES_UNKNOWN = 0, CLASSES_OTHER = 1, CLASSES_FIRST = 2 };

struct classes_traits {
    uint32_t net;          /* position in sets->nets */
    uint32_t asn;          /* set */
    uint32_t place;        /* ordering, with POLICY_NEAREST */
    uint32_t subdivisions; /* list of sets */
    uint32_t country;      /* set */
    uint32_t continent;    /* set */
};

struct classes {
    const struct policy *policy;
    const struct sets *sets;
    const uint32_t *parents;       /* of nets, see geoip/nets.h */
    struct distance_point *places; /* of policy->places */
    struct intern traits;          /* struct classes_traits */
    struct intern lists;     /* uint32_t sets: of one client's subdivisions, most specific first */
    struct intern orderings; /* uint16_t regions, the nearest first */
    struct intern chains;    /* uint32_t sets by class, most specific first */
    uint32_t *projected;     /* by leaf value of the source being laid over: number of traits */
};

/* `sets` and `parents` are lent for as long as the struct is used (caller: classes_fini, after a
 * failure too). */
NODISCARD enum err classes_init(struct classes *ret, const struct policy *policy,
                                const struct sets *sets, const uint32_t *parents,
                                struct diag *reterr);
void classes_fini(struct classes *classes);

/* See all facts of a source with the policy's eyes, for the two functions below. ERR_MEMORY. */
NODISCARD enum err classes_project(struct classes *classes, const struct source *source,
                                   struct diag *reterr);

/* Combine (geoip/overlay.h), `context` being the struct classes: traits `a`, and behind them in
 * rank what the projected source knows under leaf value `b`. Gives the number of their traits,
 * or their class. */
uint32_t classes_merge(void *context, uint32_t a, uint32_t b);
uint32_t classes_assign(void *context, uint32_t a, uint32_t b);

/* ERR_MEMORY when something did not fit; ERR_LIMIT: GEO_CLASSES_MAX or GEO_SETS_MAX. */
NODISCARD enum err classes_check(const struct classes *classes, struct diag *reterr);

#endif
