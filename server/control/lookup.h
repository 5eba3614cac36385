/* server/control/lookup.h - from a key's hash to numbers: the index under control's tables of checks and
 * subjects.
 *
 * Open addressing, at most half full, built once and then only asked. It knows hashes, not keys: whoever asks
 * compares the keys of the numbers that it gives, which are those with this hash and seldom more than one.
 */
#ifndef SERVER_CONTROL_LOOKUP_H
#define SERVER_CONTROL_LOOKUP_H

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

#define LOOKUP_NONE UINT32_MAX

struct lookup {
    uint64_t *hashes; /* heap */
    uint32_t *values; /* heap; LOOKUP_NONE: free */
    size_t mask;
};

/* Room for `count` numbers. ERR_MEMORY. */
NODISCARD enum err lookup_init(struct lookup *lookup, size_t count, struct diag *reterr);
void lookup_fini(struct lookup *lookup);

/* Put a number; there must be room. */
void lookup_put(struct lookup *lookup, uint64_t hash, uint32_t value);

/* The next number with this hash, LOOKUP_NONE after the last; `cursor` starts at `hash`. */
uint32_t lookup_next(const struct lookup *lookup, uint64_t hash, uint64_t *cursor);

#endif
