/* zones/census.h - the regions, policies, monitors and vantage points of a store, and the numbers that images know them by.
 *
 * A region or policy keeps its index as long as it is in the store, and for as long after as a zone of the last world
 * names it: such a zone may be one that does not compile and goes on serving. New ones get an index that the last world
 * did not use, while there is one. What zones may refer to is what is *live*: in the store now.
 */
#ifndef ZONES_CENSUS_H
#define ZONES_CENSUS_H

#include "common/err.h"
#include "geoip/policy.h"
#include "zones/last.h"
#include "zones/manifest.h"
#include "zones/problems.h"
#include "zones/store.h"

#include <stdbool.h>
#include <stdint.h>

struct census {
    struct manifest *next; /* its regions, policies, monitors and vantages are the rows */
    bool regions_live[REGIONS_MAX];
    bool policies_live[POLICIES_MAX];
    uint32_t vantages_enabled;
    uint64_t fingerprint; /* of all that a service can refer to */
};

/* Read them into `next`, which has none yet. `problems` gets the regions whose monitor's quorum is out of reach.
 * ERR_LIMIT: over REGIONS_MAX or POLICIES_MAX; ERR_MEMORY; errors of the store. */
NODISCARD enum err census_read(struct store *store, const struct last *last, struct manifest *next,
                               struct problems *problems, struct census *ret, struct diag *reterr);

/* Index of a live region or policy, or -1. */
int census_region_find(const struct census *census, const char *name);
int census_policy_find(const struct census *census, const char *name);

const struct manifest_monitor *census_monitor_find(const struct census *census, const char *name);

/* Whether the enabled vantage points are enough for the monitor's quorum. */
bool census_quorum_is_met(const struct census *census, const struct manifest_monitor *monitor);

#endif
