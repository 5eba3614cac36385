/* geoip/emit.h - write a geo image from the trees, classes and sets that make it up.
 */
#ifndef GEOIP_EMIT_H
#define GEOIP_EMIT_H

#include "geoip/classes.h"
#include "geoip/sets.h"
#include "geoip/tree.h"

#include "common/buffer.h"
#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Choices of one image, mostly of orderings by distance: 192 MiB. */
enum { EMIT_CHOICES_MAX = 1 << 24 };

/* What goes into an image. */
struct emit {
    const struct tree *tree; /* of classes; every node may be reached from the roots */
    uint32_t v4;             /* roots */
    uint32_t v6;
    const struct classes *classes;
    const struct sets *sets;
    uint64_t basis; /* what the trees were made from, see geoip/layout.h */
};

/* Append the sealed image to `ret`, which is empty. ERR_MEMORY, ERR_LIMIT (EMIT_CHOICES_MAX). */
NODISCARD enum err emit_image(const struct emit *emit, struct buffer *ret, struct diag *reterr);

/* As emit_image() with the trees, classes and orderings of `last`, a checked image of the policy
 * whose clients are those of `sets`, in their order: emit_is_kin() says so. */
NODISCARD enum err emit_again(const void *last, const struct policy *policy,
                              const struct sets *sets, struct buffer *ret, struct diag *reterr);

/* Whether a checked image has the clients of `sets` and orderings of `places_count` regions. */
bool emit_is_kin(const void *last, const struct sets *sets, size_t places_count);

#endif
