/* geoip/overlay.h - lay one prefix tree over another: each address's value from its two values.
 */
#ifndef GEOIP_OVERLAY_H
#define GEOIP_OVERLAY_H

#include "geoip/tree.h"

#include "common/err.h"

#include <stdint.h>

/* The value of addresses that have value `a` in one tree and `b` in the other. Must be a
 * function of these. */
typedef uint32_t overlay_combine(void *context, uint32_t a, uint32_t b);

/* One of the two trees: a root and where its nodes are. */
struct overlay_layer {
    const struct tree *tree;
    uint32_t root;
};

/* Make the tree of the combined values in `out`, another tree than those of the layers.
 * ERR_MEMORY, ERR_LIMIT. Cost: one step for each pair of subtrees that meet, met as often as
 * they may be. */
NODISCARD enum err overlay_make(struct tree *out, const struct overlay_layer *a,
                                const struct overlay_layer *b, overlay_combine *combine,
                                void *context, uint32_t *ret, struct diag *reterr);

#endif
