/* zones/compile/blob.h - from a draft that holds together to the zone's blob of zones/image/image.h.
 */
#ifndef ZONES_COMPILE_BLOB_H
#define ZONES_COMPILE_BLOB_H

#include "common/buffer.h"
#include "common/err.h"
#include "zones/compile/draft.h"

#include <stdint.h>

/* Append the blob of a grouped draft that zone_check() found nothing against and whose slots are set to
 * `out`, from a multiple of 8 on. ERR_MEMORY. Cost: linear. */
NODISCARD enum err blob_put(const struct draft *draft, uint64_t fingerprint, struct buffer *out,
                            struct diag *reterr);

#endif
