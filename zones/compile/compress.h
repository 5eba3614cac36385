/* zones/compile/compress.h - names in the rdata of one rrset, each as short as a pointer makes it (RFC 1035
 * 4.1.4).
 *
 * Whatever a name can point to is a *suffix*, known with the pointer that zones/image/image.h has for it: the
 * zone's name, what of the owner is below that, and what names before it in the wire are made of. A name is
 * cut at the longest of its own suffixes that is known, and those before the cut are known from then on.
 */
#ifndef ZONES_COMPILE_COMPRESS_H
#define ZONES_COMPILE_COMPRESS_H

#include "common/name.h"

#include <stddef.h>
#include <stdint.h>

enum {
    COMPRESS_SUFFIXES_MAX = 256, /* of one rrset: bounds the time that a name takes; the first stay */
};

struct compress_suffix {
    uint64_t hash;
    const uint8_t *name; /* lent */
    uint16_t pointer;
};

struct compress {
    struct compress_suffix suffixes[COMPRESS_SUFFIXES_MAX];
    unsigned count;
};

/* Begin with an rrset of a zone. `owner` is a name in the zone (NULL: nothing may point to it). Both stay. */
void compress_begin(struct compress *compress, const uint8_t *zone, const uint8_t *owner);

/* The name that comes next, which stays and is put at `off` of the wire. Returns how many bytes of it are
 * to be put, `*ret_pointer` being the pointer behind them; 0: they are all of it. */
size_t compress_name(struct compress *compress, const uint8_t *name, uint32_t off, uint16_t *ret_pointer);

#endif
