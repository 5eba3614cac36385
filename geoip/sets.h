/* geoip/sets.h - the rules of one policy, grouped by client: the sets of its geo image.
 *
 * Made from a policy, read by geoip/classes.c and geoip/build.c. Sets are numbered in the order of
 * their client texts, so that the order in which the store returns the rules does not show in the
 * image.
 */
#ifndef GEOIP_SETS_H
#define GEOIP_SETS_H

#include "geoip/geo.h"
#include "geoip/intern.h"
#include "geoip/policy.h"

#include "common/err.h"
#include "common/ip.h"

#include <stdbool.h>
#include <stdint.h>

enum sets_kind {
    SETS_DEFAULT,
    SETS_CONTINENT,
    SETS_COUNTRY,
    SETS_SUBDIVISION,
    SETS_ASN,
    SETS_NET,
    SETS_KINDS_COUNT,
};

#define SETS_NONE UINT32_MAX

struct sets_net {
    struct prefix prefix;
    uint32_t set;
};

struct sets {
    struct intern names;   /* "country:DE" by set, as geo_set_name() will tell it */
    struct buffer choices; /* struct geo_choice, those of a set side by side */
    struct buffer firsts;  /* uint32_t by set: its first choice; one more at the end */
    struct buffer nets;    /* struct sets_net, by address, wider ones first */
    bool has[SETS_KINDS_COUNT];
};

/* Group the policy's rules (caller: sets_fini, after a failure too). ERR_SYNTAX: names the rule
 * whose client does not parse. ERR_EXISTS: two rules of one client for one region. ERR_LIMIT:
 * names it. ERR_MEMORY. */
NODISCARD enum err sets_make(const struct policy *policy, struct sets *ret, struct diag *reterr);
void sets_fini(struct sets *sets);

/* The set of `text` of this kind ("DE" for SETS_COUNTRY, "64500" for SETS_ASN, ...), or
 * SETS_NONE. */
uint32_t sets_find(const struct sets *sets, enum sets_kind kind, const char *text);

#endif
