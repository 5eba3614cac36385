/* zones/compile/pack.h - a pack of zones/image/image.h in the making: blobs one behind the other, a table in
 * front, a seal.
 *
 *    pack_begin(&pack, bucket, zones_max);
 *    at = pack_mark(&pack); blob_put(..., &pack.bytes, ...); pack_zone_put(&pack, at);  a zone compiled now
 *    pack_zone_copy(&pack, zone);                                                       one of the last world
 *    pack_finish(&pack, reterr);
 *
 * One struct serves all packs of a compile, one at a time, and keeps its memory.
 */
#ifndef ZONES_COMPILE_PACK_H
#define ZONES_COMPILE_PACK_H

#include "common/buffer.h"
#include "common/err.h"
#include "zones/image/image.h"

#include <stddef.h>
#include <stdint.h>

struct pack {
    struct buffer bytes; /* the pack, once pack_finish() was OK */
    struct image_pack head;
};

void pack_fini(struct pack *pack);

/* Start again with room for `zones_max` zones in the table. */
void pack_begin(struct pack *pack, uint32_t bucket, uint32_t zones_max);

/* Where the next blob begins. */
size_t pack_mark(struct pack *pack);

/* Enter the blob that was appended at `mark`. */
void pack_zone_put(struct pack *pack, size_t mark);

/* Append a zone of another pack as it is. */
void pack_zone_copy(struct pack *pack, const struct image_zone *zone);

/* Write the head and seal it; then read it back with image_open() and image_check(). ERR_MEMORY. ERR_CORRUPT
 * is a bug of the compiler, and better found here than by a worker. */
NODISCARD enum err pack_finish(struct pack *pack, struct diag *reterr);

#endif
