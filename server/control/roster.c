#include "server/control/roster.h"

#include "common/hash.h"
#include "common/name.h"

#include <stdlib.h>
#include <string.h>

/* What a roster is built from, and where it has got to. */
struct draft {
    const struct manifest *manifest;
    const struct image *packs;
    const struct manifest_monitor **monitors; /* in order of name */
    const struct image_zone *kept[MANIFEST_PROBLEMS_MAX]; /* zones that do not compile, in order of address */
    size_t kept_count;
    struct roster *roster;
};

static int compare_monitors(const void *a, const void *b)
{
    const struct manifest_monitor *const *left = a, *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

static enum err sort_monitors(struct draft *draft, struct diag *reterr)
{
    const struct manifest *manifest = draft->manifest;
    draft->monitors = calloc(manifest->monitors_count + 1, sizeof(void *));
    if (!draft->monitors)
        return diag_set(reterr, ERR_MEMORY, "out of memory for the roster");
    for (size_t i = 0; i < manifest->monitors_count; i++)
        draft->monitors[i] = &manifest->monitors[i];
    qsort(draft->monitors, manifest->monitors_count, sizeof(void *), compare_monitors);
    return OK;
}

static int compare_name(const void *name, const void *row)
{
    const struct manifest_monitor *const *monitor = row;
    return strcmp(name, (*monitor)->name);
}

static const struct manifest_monitor *find_monitor(const struct draft *draft, const char *name)
{
    const struct manifest_monitor **found =
        bsearch(name, draft->monitors, draft->manifest->monitors_count, sizeof(void *), compare_name);
    return found ? *found : NULL;
}

/* The zone of this name, or NULL: it has never compiled, or is none. */
static const struct image_zone *find_zone(const struct draft *draft, const char *text)
{
    uint8_t name[NAME_WIRE_MAX];
    size_t len;
    struct name_suffixes suffixes;
    if (name_parse(text, name, &len, NULL) != OK)
        return NULL;
    name_suffixes(name, &suffixes);
    return image_zone_get(draft->packs, name, &suffixes, 0);
}

static int compare_zones(const void *a, const void *b)
{
    const struct image_zone *const *left = a, *const *right = b;
    return ((uintptr_t)*left > (uintptr_t)*right) - ((uintptr_t)*left < (uintptr_t)*right);
}

/* A zone that has a problem and is in the world is there as it was. */
static void find_kept(struct draft *draft)
{
    const struct manifest *manifest = draft->manifest;
    for (size_t i = 0; i < manifest->problems_count; i++) {
        const char *name = manifest->problems[i].zone;
        const struct image_zone *zone = *name ? find_zone(draft, name) : NULL;
        if (zone)
            draft->kept[draft->kept_count++] = zone;
    }
    qsort(draft->kept, draft->kept_count, sizeof(void *), compare_zones);
}

/* Where not all problems are in the manifest, any zone may be one that was kept. */
static bool is_kept(const struct draft *draft, const struct image_zone *zone)
{
    if (draft->manifest->problems_total > draft->manifest->problems_count)
        return true;
    return bsearch(&zone, draft->kept, draft->kept_count, sizeof(void *), compare_zones) != NULL;
}

static void put(struct draft *draft, const struct roster_subject *subject)
{
    struct roster *roster = draft->roster;
    roster->subjects[roster->count++] = *subject;
    if (subject->slot >= roster->slots_end)
        roster->slots_end = subject->slot + 1;
}

static void put_regions(struct draft *draft)
{
    for (uint32_t i = 0; i < REGIONS_MAX; i++) {
        const struct manifest_region *region = &draft->manifest->regions[i];
        if (!region->name)
            continue;
        struct roster_subject subject = {.kind = SUBJECT_REGION,
                                         .slot = i,
                                         .service = "",
                                         .region = region->name,
                                         .address = "",
                                         .check = ""};
        if (region->monitor && region->target)
            subject.monitor = find_monitor(draft, region->monitor);
        if (subject.monitor)
            subject.check = region->target;
        put(draft, &subject);
    }
}

static void put_image_subject(struct draft *draft, const struct image_zone *zone,
                              const struct image_subject *row)
{
    struct roster_subject subject = {
        .kind = (enum subject_kind)row->kind,
        .slot = row->slot,
        .service = image_at(zone, row->service_off),
        .region = image_at(zone, row->region_off),
        .address = "",
        .min_up = row->min_up > 0 ? row->min_up : 1,
        .family = (enum kind)row->family,
        .kept = is_kept(draft, zone),
        .check = "",
    };
    if (row->kind == SUBJECT_ENDPOINT)
        subject.address = image_at(zone, row->address_off);
    if (row->kind == SUBJECT_ENDPOINT && row->monitor_off)
        subject.monitor = find_monitor(draft, image_at(zone, row->monitor_off));
    if (subject.monitor)
        subject.check = image_at(zone, row->check_off);
    put(draft, &subject);
}

static size_t count_subjects(const struct image packs[PACKS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < PACKS_MAX; i++) {
        uint32_t cursor = 0;
        const struct image_zone *zone;
        while (packs[i].base && (zone = image_zone_next(&packs[i], &cursor)) != NULL)
            count += zone->subjects_count;
    }
    return count;
}

/* Those of one kind, of all zones. */
static void put_kind(struct draft *draft, enum subject_kind kind)
{
    for (size_t i = 0; i < PACKS_MAX; i++) {
        uint32_t cursor = 0;
        const struct image_zone *zone;
        while (draft->packs[i].base && (zone = image_zone_next(&draft->packs[i], &cursor)) != NULL) {
            const struct image_subject *rows = image_at(zone, zone->subjects_off);
            for (uint32_t j = 0; j < zone->subjects_count; j++)
                if (rows[j].kind == kind)
                    put_image_subject(draft, zone, &rows[j]);
        }
    }
}

static uint32_t hash_of(const char *service, const char *region, const char *address)
{
    uint64_t hash = hash_bytes(service, strlen(service), 0);
    hash = hash_bytes(region, strlen(region), hash);
    return (uint32_t)hash_bytes(address, strlen(address), hash);
}

static enum err index_subjects(struct roster *roster, struct diag *reterr)
{
    uint32_t places = 16;
    while (places < 2 * roster->count)
        places *= 2;
    roster->table = calloc(places, sizeof *roster->table);
    if (!roster->table)
        return diag_set(reterr, ERR_MEMORY, "out of memory for the roster");
    roster->table_mask = places - 1;
    for (uint32_t i = 0; i < roster->count; i++) {
        const struct roster_subject *subject = &roster->subjects[i];
        uint32_t at = hash_of(subject->service, subject->region, subject->address) & roster->table_mask;
        while (roster->table[at] != 0)
            at = (at + 1) & roster->table_mask;
        roster->table[at] = i + 1;
    }
    return OK;
}

enum err roster_build(const struct manifest *manifest, const struct image packs[PACKS_MAX],
                      struct roster **ret, struct diag *reterr)
{
    struct draft draft = {.manifest = manifest, .packs = packs};
    struct roster *roster = calloc(1, sizeof *roster);
    enum err err = OK;
    if (roster)
        roster->subjects = calloc(REGIONS_MAX + count_subjects(packs), sizeof *roster->subjects);
    if (!roster || !roster->subjects)
        err = diag_set(reterr, ERR_MEMORY, "out of memory for the roster");
    if (err == OK)
        err = sort_monitors(&draft, reterr);
    if (err == OK) {
        roster->manifest = manifest;
        draft.roster = roster;
        find_kept(&draft);
        put_regions(&draft);
        put_kind(&draft, SUBJECT_POOL);
        put_kind(&draft, SUBJECT_ENDPOINT);
        err = index_subjects(roster, reterr);
    }
    free(draft.monitors);
    if (err == OK)
        *ret = roster;
    else
        roster_free(&roster);
    return err;
}

void roster_free(struct roster **roster)
{
    if (!*roster)
        return;
    free((*roster)->subjects);
    free((*roster)->table);
    free(*roster);
    *roster = NULL;
}

const struct roster_subject *roster_find(const struct roster *roster, const char *service, const char *region,
                                         const char *address)
{
    uint32_t at = hash_of(service, region, address) & roster->table_mask;
    for (; roster->table[at] != 0; at = (at + 1) & roster->table_mask) {
        const struct roster_subject *subject = &roster->subjects[roster->table[at] - 1];
        if (strcmp(subject->service, service) == 0 && strcmp(subject->region, region) == 0 &&
            strcmp(subject->address, address) == 0)
            return subject;
    }
    return NULL;
}
