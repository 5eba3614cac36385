/* geoip/nets.h - the `net` rules of a policy as a prefix tree: each address's longest prefix.
 */
#ifndef GEOIP_NETS_H
#define GEOIP_NETS_H

#include "geoip/sets.h"
#include "geoip/tree.h"

#include "common/err.h"
#include "common/ip.h"

#include <stdint.h>

/* As deep as nets may nest, so that a class has room for its other sets: GEO_CHAIN_MAX less an
 * AS number, the subdivisions, country, continent and default. */
enum { NETS_NESTED_MAX = 40 };

#define NETS_NONE UINT32_MAX

/* Make the tree of one family's nets in `tree`. A leaf's value is the net's position in
 * sets->nets + 1, or 0 for none; `parents` gets, by position, the position of the next wider net
 * or NETS_NONE. ERR_LIMIT: a net has more than NETS_NESTED_MAX around it and names it. */
NODISCARD enum err nets_make(const struct sets *sets, enum ip_family family, struct tree *tree,
                             uint32_t *parents, uint32_t *ret, struct diag *reterr);

#endif
