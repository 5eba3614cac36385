#include "server/control/lookup.h"

#include <stdlib.h>
#include <string.h>

enum err lookup_init(struct lookup *lookup, size_t count, struct diag *reterr)
{
    size_t cap = 4;
    while (cap < count * 2)
        cap *= 2;
    *lookup = (struct lookup){.hashes = calloc(cap, sizeof *lookup->hashes),
                              .values = malloc(cap * sizeof *lookup->values),
                              .mask = cap - 1};
    if (!lookup->hashes || !lookup->values) {
        lookup_fini(lookup);
        return diag_set(reterr, ERR_MEMORY, "out of memory for a table of %zu", count);
    }
    memset(lookup->values, 0xff, cap * sizeof *lookup->values);
    return OK;
}

void lookup_fini(struct lookup *lookup)
{
    free(lookup->hashes);
    free(lookup->values);
    *lookup = (struct lookup){0};
}

void lookup_put(struct lookup *lookup, uint64_t hash, uint32_t value)
{
    size_t at = hash & lookup->mask;
    while (lookup->values[at] != LOOKUP_NONE)
        at = (at + 1) & lookup->mask;
    lookup->hashes[at] = hash;
    lookup->values[at] = value;
}

uint32_t lookup_next(const struct lookup *lookup, uint64_t hash, uint64_t *cursor)
{
    if (!lookup->values)
        return LOOKUP_NONE;
    for (;;) {
        const size_t at = *cursor & lookup->mask;
        if (lookup->values[at] == LOOKUP_NONE)
            return LOOKUP_NONE;
        ++*cursor;
        if (lookup->hashes[at] == hash)
            return lookup->values[at];
    }
}
