/* zones/compile/slots.h - which slot of the board each pool and endpoint has.
 *
 * A pool is known by its service and region, an endpoint by its address too. Whatever the last world knew
 * keeps its slot, so that a verdict stands through a compile. Others get slots that nothing in the last world
 * had: a slot that becomes free is not given to somebody else while workers may still serve the last world.
 */
#ifndef ZONES_COMPILE_SLOTS_H
#define ZONES_COMPILE_SLOTS_H

#include "common/err.h"
#include "zones/image/image.h"

#include <stdint.h>

struct slots; /* heap */

NODISCARD enum err slots_new(struct slots **ret, struct diag *reterr);
void slots_free(struct slots **slots);

/* Take over the slots of a zone of the last world, whose image must stay mapped. */
NODISCARD enum err slots_inherit(struct slots *slots, const struct image_zone *zone, struct diag *reterr);

/* The slot of a pool (`address` NULL) or endpoint; after all slots_inherit(). To be asked once for each.
 * ERR_LIMIT: all IMAGE_SLOTS_MAX are taken. */
NODISCARD enum err slots_get(struct slots *slots, const char *service, const char *region,
                             const char *address, uint32_t *ret, struct diag *reterr);

/* One past the highest slot that was inherited or given. */
uint32_t slots_end(const struct slots *slots);

#endif
