/* common/frame.h - what every image begins with: who it is for, how long it is, and its checksum.
 *
 * Zone packs and geo images are written once by a compiler, sealed, and mapped read-only by whoever answers;
 * so is what a compiler keeps of a geo database, for the next one. Offsets inside count from the frame's
 * first byte. Little-endian, as the hosts are.
 *
 *    0 magic "gslbimg\n" | 8 kind | 12 version | 16 length in bytes, with the frame | 24 checksum of the rest
 */
#ifndef COMMON_FRAME_H
#define COMMON_FRAME_H

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

enum frame_kind { FRAME_GEO = 1, FRAME_PACK = 2, FRAME_SOURCE = 3 };

struct frame {
    uint8_t magic[8];
    uint32_t kind; /* enum frame_kind */
    uint32_t version;
    uint64_t len;
    uint64_t checksum; /* hash_bytes() of bytes 32 .. len-1 */
};

/* Fill in the frame at the start of `bytes`, whose other bytes are final. Requires len >=
 * sizeof(struct frame). */
void frame_seal(void *bytes, size_t len, enum frame_kind kind, uint32_t version);

/* Whether `bytes` is a whole image of this kind and version. Reads every byte once.
 * ERR_CORRUPT: short, wrong magic, kind, length or checksum. ERR_VERSION: another version. */
NODISCARD enum err frame_check(const void *bytes, size_t len, enum frame_kind kind, uint32_t version,
                               struct diag *reterr);

#endif
