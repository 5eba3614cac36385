/* zones/compile/census.h - the regions, policies, monitors and vantage points of a store, and the numbers
 * that images know them by.
 *
 * A region or policy keeps its index as long as it is in the store, and for as long after as an image of the
 * last world names it: that of a zone or policy that does not compile and goes on serving. So do monitors,
 * which are known by name. New ones get an index that the last world did not use, while there is one. What
 * zones may refer to is what is *live*: in the store now.
 */
#ifndef ZONES_COMPILE_CENSUS_H
#define ZONES_COMPILE_CENSUS_H

#include "common/err.h"
#include "geoip/policy.h"
#include "zones/compile/last.h"
#include "zones/compile/problems.h"
#include "zones/image/manifest.h"
#include "zones/store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct census {
    struct manifest *next; /* its regions, policies, monitors and vantages are the rows */
    bool regions_live[REGIONS_MAX];
    bool policies_live[POLICIES_MAX];
    size_t monitors_live; /* the first ones of `next` */
    uint32_t vantages_enabled;
    uint64_t fingerprint; /* of all that a service can refer to */
};

/* Read them into `next`, which has none yet. `problems` gets the regions whose monitor's quorum is out of
 * reach. ERR_LIMIT: over REGIONS_MAX or POLICIES_MAX; ERR_MEMORY; errors of the store. */
NODISCARD enum err census_read(struct store *store, const struct last *last, struct manifest *next,
                               struct problems *problems, struct census *ret, struct diag *reterr);

/* Index of a live region or policy, or -1. */
int census_region_find(const struct census *census, const char *name);
int census_policy_find(const struct census *census, const char *name);

/* The live monitor of this name, or NULL. */
const struct manifest_monitor *census_monitor_find(const struct census *census, const char *name);

/* Whether the enabled vantage points are enough for the monitor's quorum. */
bool census_quorum_is_met(const struct census *census, const struct manifest_monitor *monitor);

#endif
