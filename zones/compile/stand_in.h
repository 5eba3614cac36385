/* zones/compile/stand_in.h - what a secondary, which cannot steer, is given in the place of a service.
 *
 * It is what a client gets that matches no rule but `default`, while everything is healthy: of the first tier
 * that has endpoints of a family, the addresses of all regions with weight. A standby region (weight 0)
 * counts where the tier has no other. If the heaviest region of the first tier answers with host names, the
 * stand-in is the CNAME to the heaviest of these. Health and the operator's states have no part in it: a
 * serial stands for one content.
 */
#ifndef ZONES_COMPILE_STAND_IN_H
#define ZONES_COMPILE_STAND_IN_H

#include "common/err.h"
#include "zones/compile/census.h"
#include "zones/compile/draft.h"
#include "zones/store/store.h"

#include <stdint.h>

enum {
    STAND_IN_ADDRESSES_MAX = IMAGE_POOL_ENDPOINTS_MAX, /* of one family; more are left out */
};

/* Put the stand-ins of service `idx` of a grouped draft, whose policy has this name. Errors of the store. */
NODISCARD enum err stand_in_put(struct store *store, const struct census *census,
                                const char *policy, struct draft *draft, uint32_t idx,
                                struct diag *reterr);

#endif
