#include "zones/compile/slots.h"

#include "common/hash.h"
#include "geoip/policy.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What a slot is for. Texts are in the last world's images. */
struct holder {
    uint64_t hash;
    const char *service, *region, *address; /* address "" for a pool */
    uint32_t slot;                          /* 0: an empty place of the table */
};

struct slots {
    struct holder *table; /* open addressing by hash */
    size_t table_count;   /* places, a power of two */
    size_t holders_count;
    uint32_t next; /* no slot from REGIONS_MAX up to here is free */
    uint32_t end;
    uint8_t taken[IMAGE_SLOTS_MAX / 8];
};

enum { TABLE_START = 1024 };

enum err slots_new(struct slots **ret, struct diag *reterr)
{
    struct slots *slots = calloc(1, sizeof *slots);
    struct holder *table = calloc(TABLE_START, sizeof *table);
    if (!slots || !table) {
        free(slots);
        free(table);
        return diag_set(reterr, ERR_MEMORY, "out of memory for the board's slots");
    }
    slots->table = table;
    slots->table_count = TABLE_START;
    slots->next = slots->end = REGIONS_MAX;
    *ret = slots;
    return OK;
}

void slots_free(struct slots **slots)
{
    if (*slots)
        free((*slots)->table);
    free(*slots);
    *slots = NULL;
}

static uint64_t holder_hash(const char *service, const char *region, const char *address)
{
    uint64_t hash = hash_bytes(service, strlen(service), 0);
    hash = hash_bytes(region, strlen(region), hash);
    return hash_bytes(address, strlen(address), hash);
}

static bool holder_is(const struct holder *a, const struct holder *b)
{
    return a->hash == b->hash && strcmp(a->service, b->service) == 0 && strcmp(a->region, b->region) == 0 &&
           strcmp(a->address, b->address) == 0;
}

/* Where a holder is in the table, or the empty place where it belongs. */
static struct holder *place_find(const struct slots *slots, const struct holder *holder)
{
    size_t at = holder->hash & (slots->table_count - 1);
    while (slots->table[at].slot != 0 && !holder_is(&slots->table[at], holder))
        at = (at + 1) & (slots->table_count - 1);
    return &slots->table[at];
}

static enum err table_grow(struct slots *slots, struct diag *reterr)
{
    const struct slots old = {.table = slots->table, .table_count = slots->table_count};
    struct holder *table = calloc(old.table_count * 2, sizeof *table);
    if (!table)
        return diag_set(reterr, ERR_MEMORY, "out of memory for the board's slots");
    slots->table = table;
    slots->table_count = old.table_count * 2;
    for (size_t i = 0; i < old.table_count; i++)
        if (old.table[i].slot != 0)
            *place_find(slots, &old.table[i]) = old.table[i];
    free(old.table);
    return OK;
}

static void slot_take(struct slots *slots, uint32_t slot)
{
    slots->taken[slot / 8] |= (uint8_t)(1u << slot % 8);
    if (slot >= slots->end)
        slots->end = slot + 1;
}

static bool slot_is_taken(const struct slots *slots, uint32_t slot)
{
    return slots->taken[slot / 8] >> slot % 8 & 1;
}

enum err slots_inherit(struct slots *slots, const struct image_zone *zone, struct diag *reterr)
{
    const struct image_subject *subject = image_at(zone, zone->subjects_off);
    for (uint32_t i = 0; i < zone->subjects_count; i++, subject++) {
        struct holder holder = {
            .service = image_at(zone, subject->service_off),
            .region = image_at(zone, subject->region_off),
            .address = subject->kind == SUBJECT_POOL ? "" : image_at(zone, subject->address_off),
            .slot = subject->slot,
        };
        holder.hash = holder_hash(holder.service, holder.region, holder.address);
        if (2 * (slots->holders_count + 1) > slots->table_count) {
            const enum err err = table_grow(slots, reterr);
            if (err != OK)
                return err;
        }
        *place_find(slots, &holder) = holder;
        slots->holders_count++;
        slot_take(slots, subject->slot);
    }
    return OK;
}

enum err slots_get(struct slots *slots, const char *service, const char *region, const char *address,
                   uint32_t *ret, struct diag *reterr)
{
    const struct holder holder = {
        .hash = holder_hash(service, region, address ? address : ""),
        .service = service,
        .region = region,
        .address = address ? address : "",
    };
    const struct holder *known = place_find(slots, &holder);
    if (known->slot != 0) {
        *ret = known->slot;
        return OK;
    }
    while (slots->next < IMAGE_SLOTS_MAX && slot_is_taken(slots, slots->next))
        slots->next++;
    if (slots->next == IMAGE_SLOTS_MAX)
        return diag_set(reterr, ERR_LIMIT,
                        "the store has more than %u pools and endpoints (BOARD_SLOTS_MAX)",
                        IMAGE_SLOTS_MAX - REGIONS_MAX);
    slot_take(slots, slots->next);
    *ret = slots->next++;
    return OK;
}

uint32_t slots_end(const struct slots *slots)
{
    return slots->end;
}
