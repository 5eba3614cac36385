#include "geoip/intern.h"

#include "common/hash.h"

#include <stdlib.h>
#include <string.h>

struct intern_entry {
    uint64_t off;
    uint64_t hash;
    size_t len;
};

enum { SLOTS_MIN = 64 };

void intern_fini(struct intern *intern)
{
    buffer_fini(&intern->bytes);
    buffer_fini(&intern->entries);
    free(intern->slots);
    *intern = (struct intern){0};
}

static const struct intern_entry *entry_get(const struct intern *intern, uint32_t id)
{
    return (const struct intern_entry *)(const void *)intern->entries.bytes + id;
}

/* The slot that holds these bytes or would. Requires slots. */
static uint32_t slot_of(const struct intern *intern, const void *bytes, size_t len, uint64_t hash)
{
    const uint32_t mask = intern->slots_count - 1;
    uint32_t slot = (uint32_t)hash & mask;
    for (; intern->slots[slot] != 0; slot = (slot + 1) & mask) {
        const struct intern_entry *entry = entry_get(intern, intern->slots[slot] - 1);
        if (entry->hash == hash && entry->len == len &&
            (len == 0 || memcmp(intern->bytes.bytes + entry->off, bytes, len) == 0))
            break;
    }
    return slot;
}

static bool slots_grow(struct intern *intern)
{
    const uint32_t count = intern->slots_count ? intern->slots_count * 2 : SLOTS_MIN;
    uint32_t *slots = count ? calloc(count, sizeof *slots) : NULL;
    if (!slots)
        return false;
    for (uint32_t id = 0; id < intern->count; id++) {
        uint32_t slot = (uint32_t)entry_get(intern, id)->hash & (count - 1);
        while (slots[slot] != 0)
            slot = (slot + 1) & (count - 1);
        slots[slot] = id + 1;
    }
    free(intern->slots);
    intern->slots = slots;
    intern->slots_count = count;
    return true;
}

uint32_t intern_put(struct intern *intern, const void *bytes, size_t len)
{
    if (intern->count >= intern->slots_count / 2 && !slots_grow(intern))
        intern->failed = true;
    if (intern->failed)
        return 0;
    const uint64_t hash = hash_bytes(bytes, len, 0);
    const uint32_t slot = slot_of(intern, bytes, len, hash);
    if (intern->slots[slot] != 0)
        return intern->slots[slot] - 1;
    const struct intern_entry entry = {.off = intern->bytes.len, .hash = hash, .len = len};
    (void)buffer_put(&intern->bytes, bytes, len);
    buffer_align(&intern->bytes, 8);
    (void)buffer_put(&intern->entries, &entry, sizeof entry);
    intern->failed = intern->bytes.failed || intern->entries.failed;
    if (intern->failed)
        return 0;
    intern->slots[slot] = ++intern->count;
    return intern->count - 1;
}

uint32_t intern_find(const struct intern *intern, const void *bytes, size_t len)
{
    if (intern->slots_count == 0)
        return INTERN_NONE;
    const uint32_t slot = slot_of(intern, bytes, len, hash_bytes(bytes, len, 0));
    return intern->slots[slot] != 0 ? intern->slots[slot] - 1 : INTERN_NONE;
}

const void *intern_get(const struct intern *intern, uint32_t id, size_t *ret_len)
{
    const struct intern_entry *entry = entry_get(intern, id);
    if (ret_len)
        *ret_len = entry->len;
    static const uint64_t nothing;
    if (entry->len == 0)
        return &nothing; /* there may be no bytes at all yet, and NULL has no offsets */
    return intern->bytes.bytes + entry->off;
}

enum err intern_check(const struct intern *intern, struct diag *reterr)
{
    return intern->failed
               ? diag_set(reterr, ERR_MEMORY, "out of memory after %u entries", intern->count)
               : OK;
}
