#include "zones/compile/census.h"

#include "common/hash.h"
#include "geoip/geo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum err memory_error(struct diag *reterr)
{
    return diag_set(reterr, ERR_MEMORY, "out of memory");
}

/* A copy of `text` in `*ret`, NULL for NULL. */
static enum err text_copy(const char *text, char **ret, struct diag *reterr)
{
    *ret = text ? strdup(text) : NULL;
    return text && !*ret ? memory_error(reterr) : OK;
}

/* Indexes -------------------------------------------------------------------------------------- */

/* What the images of the last world name. */
struct usage {
    bool regions[REGIONS_MAX];
    bool policies[POLICIES_MAX];
};

static void usage_of_zone(const struct image_zone *zone, struct usage *usage)
{
    const struct image_node *node = image_at(zone, zone->apex_off);
    for (const struct image_node *end = node + zone->nodes_count; node < end; node++) {
        if (node->service_off == 0)
            continue;
        const struct image_service *service = image_at(zone, node->service_off);
        usage->policies[service->policy] = true;
        for (unsigned i = 0; i < REGIONS_MAX; i++)
            usage->regions[i] |= service->regions[i / 64] >> i % 64 & 1;
    }
}

/* An image that cannot be read is not kept either. */
static void usage_of_policy(const struct last *last, const char *file, struct usage *usage)
{
    char path[LAST_PATH_MAX];
    struct file_map map = {0};
    struct geo geo;
    if (last_image_path(last->state_dir, file, path, NULL) == OK && file_map_open(path, &map, NULL) == OK &&
        geo_open(map.bytes, map.len, &geo, NULL) == OK)
        for (uint32_t i = 0; i < geo.sets[geo.sets_count]; i++)
            usage->regions[geo.choices[i].region % REGIONS_MAX] = true;
    file_map_close(&map);
}

static struct usage usage_of(const struct last *last)
{
    struct usage usage = {0};
    for (unsigned i = 0; i < PACKS_MAX; i++) {
        const struct image_zone *zone;
        for (uint32_t cursor = 0; (zone = image_zone_next(&last->packs[i], &cursor));)
            if (zone->fingerprint & 1)
                usage_of_zone(zone, &usage);
    }
    for (unsigned i = 0; i < POLICIES_MAX; i++)
        if (last->manifest->policies[i].name && last->manifest->policies[i].file[0])
            usage_of_policy(last, last->manifest->policies[i].file, &usage);
    return usage;
}

/* A name's index in the last world and, for a new one, a free index: one that the last world does not name,
 * or else one that nothing uses any more; -1 when there is neither. `name_of` tells a manifest's name of an
 * index. */
struct indexes {
    const char *(*name_of)(const struct manifest *manifest, unsigned idx);
    unsigned max;
};

static const char *region_name(const struct manifest *manifest, unsigned idx)
{
    return manifest->regions[idx].name;
}

static const char *policy_name(const struct manifest *manifest, unsigned idx)
{
    return manifest->policies[idx].name;
}

static const struct indexes region_indexes = {region_name, REGIONS_MAX};
static const struct indexes policy_indexes = {policy_name, POLICIES_MAX};

static int index_find(const struct indexes *indexes, const struct manifest *manifest, const char *name)
{
    for (unsigned i = 0; i < indexes->max; i++) {
        const char *known = indexes->name_of(manifest, i);
        if (known && strcmp(known, name) == 0)
            return (int)i;
    }
    return -1;
}

static int index_free(const struct indexes *indexes, const struct manifest *last,
                      const struct manifest *next)
{
    int reusable = -1;
    for (unsigned i = 0; i < indexes->max; i++) {
        if (indexes->name_of(next, i))
            continue;
        if (!indexes->name_of(last, i))
            return (int)i;
        reusable = reusable < 0 ? (int)i : reusable;
    }
    return reusable;
}

static bool index_is_lost(const struct indexes *indexes, const struct manifest *last,
                          const struct manifest *next)
{
    for (unsigned i = 0; i < indexes->max; i++)
        if (indexes->name_of(last, i) && !indexes->name_of(next, i))
            return true;
    return false;
}

/* Regions and policies ------------------------------------------------------------------------- */

enum pass { PASS_KNOWN, PASS_NEW };

/* The index for a row in this pass: PASS_KNOWN places what the last world knew, PASS_NEW the others; -1 for
 * "not now". */
static enum err index_get(const struct indexes *indexes, enum pass pass, const struct last *last,
                          const struct manifest *next, const char *name, int *ret, struct diag *reterr)
{
    const int known = index_find(indexes, last->manifest, name);
    *ret = pass == PASS_KNOWN ? known : -1;
    if (pass == PASS_KNOWN || known >= 0)
        return OK;
    *ret = index_free(indexes, last->manifest, next);
    return *ret >= 0
               ? OK
               : diag_set(reterr, ERR_LIMIT, "\"%s\" is one too many: a store has at most %u of its kind",
                          name, indexes->max);
}

static enum err regions_read(struct store *store, enum pass pass, const struct last *last,
                             struct census *census, struct diag *reterr)
{
    struct store_rows rows;
    struct store_region region;
    enum err err = OK;
    store_regions(store, &rows);
    while (err == OK && store_region_next(&rows, &region)) {
        int idx;
        err = index_get(&region_indexes, pass, last, census->next, region.name, &idx, reterr);
        if (err != OK || idx < 0)
            continue;
        struct manifest_region *row = &census->next->regions[idx];
        census->regions_live[idx] = true;
        err = text_copy(region.name, &row->name, reterr);
        if (err == OK)
            err = text_copy(region.monitor, &row->monitor, reterr);
        if (err == OK)
            err = text_copy(region.target, &row->target, reterr);
    }
    const enum err end = store_rows_end(&rows, err == OK ? reterr : NULL);
    return err == OK ? end : err;
}

static int no_region(const void *context, const char *region)
{
    (void)context, (void)region;
    return -1;
}

static enum err policies_read(struct store *store, enum pass pass, const struct last *last,
                              struct census *census, struct diag *reterr)
{
    const struct store_region_indexes none = {.find = no_region};
    struct store_rows rows;
    struct policy policy;
    enum err err = OK;
    store_policies(store, &rows);
    while (err == OK && store_policy_next(&rows, &none, &policy)) {
        int idx;
        err = index_get(&policy_indexes, pass, last, census->next, policy.name, &idx, reterr);
        if (err == OK && idx >= 0) {
            census->policies_live[idx] = true;
            err = text_copy(policy.name, &census->next->policies[idx].name, reterr);
        }
        policy_fini(&policy);
    }
    const enum err end = store_rows_end(&rows, err == OK ? reterr : NULL);
    return err == OK ? end : err;
}

static enum err region_copy(const struct manifest_region *from, struct manifest_region *ret,
                            struct diag *reterr)
{
    enum err err = text_copy(from->name, &ret->name, reterr);
    if (err == OK)
        err = text_copy(from->monitor, &ret->monitor, reterr);
    return err == OK ? text_copy(from->target, &ret->target, reterr) : err;
}

/* Rows that are gone from the store and that an image of the last world still names stay as they were. */
static enum err lost_keep(const struct last *last, struct manifest *next, struct diag *reterr)
{
    if (!index_is_lost(&region_indexes, last->manifest, next) &&
        !index_is_lost(&policy_indexes, last->manifest, next))
        return OK;
    const struct usage usage = usage_of(last);
    enum err err = OK;
    for (unsigned i = 0; i < REGIONS_MAX && err == OK; i++)
        if (usage.regions[i] && !next->regions[i].name)
            err = region_copy(&last->manifest->regions[i], &next->regions[i], reterr);
    for (unsigned i = 0; i < POLICIES_MAX && err == OK; i++) {
        if (!usage.policies[i] || next->policies[i].name)
            continue;
        next->policies[i] = last->manifest->policies[i];
        err = text_copy(last->manifest->policies[i].name, &next->policies[i].name, reterr);
    }
    return err;
}

/* Monitors and vantage points ------------------------------------------------------------------ */

static enum err vantages_read(struct store *store, struct census *census, struct diag *reterr)
{
    struct manifest *next = census->next;
    struct store_rows rows;
    struct store_vantage vantage;
    enum err err = OK;
    store_vantages(store, &rows);
    while (err == OK && store_vantage_next(&rows, &vantage)) {
        struct manifest_vantage *all = reallocarray(next->vantages, next->vantages_count + 1, sizeof *all);
        if (!all) {
            err = memory_error(reterr);
            break;
        }
        next->vantages = all;
        struct manifest_vantage *row = &all[next->vantages_count++];
        *row = (struct manifest_vantage){.asn = vantage.asn, .enabled = vantage.enabled};
        census->vantages_enabled += vantage.enabled;
        err = text_copy(vantage.name, &row->name, reterr);
        if (err == OK)
            err = text_copy(vantage.public_key, &row->public_key, reterr);
    }
    const enum err end = store_rows_end(&rows, err == OK ? reterr : NULL);
    return err == OK ? end : err;
}

static enum err monitor_copy(const struct store_monitor *monitor, struct manifest_monitor *ret,
                             struct diag *reterr)
{
    *ret = (struct manifest_monitor){
        .port = monitor->port,
        .tls_verify = monitor->tls_verify,
        .interval_ms = monitor->interval_ms,
        .timeout_ms = monitor->timeout_ms,
        .fall = monitor->fall,
        .rise = monitor->rise,
        .latency_max_ms = monitor->latency_max_ms,
        .quorum = (uint32_t)strtoul(monitor->quorum, NULL, 10), /* "majority" is 0 */
    };
    const struct {
        const char *from;
        char **to;
    } texts[] = {
        {monitor->name, &ret->name},
        {monitor->type, &ret->type},
        {monitor->host, &ret->host},
        {monitor->path, &ret->path},
        {monitor->method, &ret->method},
        {monitor->expect_status, &ret->expect_status},
        {monitor->expect_body, &ret->expect_body},
    };
    enum err err = OK;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && err == OK; i++)
        err = text_copy(texts[i].from, texts[i].to, reterr);
    return err;
}

static enum err monitor_put(struct manifest *next, const struct store_monitor *monitor, struct diag *reterr)
{
    struct manifest_monitor *all = reallocarray(next->monitors, next->monitors_count + 1, sizeof *all);
    if (!all)
        return memory_error(reterr);
    next->monitors = all;
    return monitor_copy(monitor, &all[next->monitors_count++], reterr);
}

/* A monitor whose texts cannot be handed on is left out; services that name it say so. */
static bool monitor_is_valid(const struct store_monitor *monitor, struct problems *problems)
{
    const char *const texts[] = {monitor->name,   monitor->type,          monitor->host,       monitor->path,
                                 monitor->method, monitor->expect_status, monitor->expect_body};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!texts[i] || manifest_text_is_valid(texts[i]))
            continue;
        problems_put(problems, monitor->name, "the monitor has text that is not UTF-8; write it again");
        return false;
    }
    return true;
}

static enum err monitors_read(struct store *store, struct census *census, struct problems *problems,
                              struct diag *reterr)
{
    struct store_rows rows;
    struct store_monitor monitor;
    enum err err = OK;
    store_monitors(store, &rows);
    while (err == OK && store_monitor_next(&rows, &monitor)) {
        if (!monitor_is_valid(&monitor, problems))
            continue;
        err = monitor_put(census->next, &monitor, reterr);
    }
    census->monitors_live = census->next->monitors_count;
    const enum err end = store_rows_end(&rows, err == OK ? reterr : NULL);
    return err == OK ? end : err;
}

/* One that is gone from the store, as it was. */
static enum err monitor_keep(struct manifest *next, const struct manifest_monitor *lost, struct diag *reterr)
{
    char quorum[16];
    (void)snprintf(quorum, sizeof quorum, "%u", lost->quorum);
    const struct store_monitor row = {
        .name = lost->name,
        .type = lost->type,
        .path = lost->path,
        .method = lost->method,
        .expect_status = lost->expect_status,
        .quorum = quorum,
        .host = lost->host,
        .expect_body = lost->expect_body,
        .port = lost->port,
        .tls_verify = lost->tls_verify,
        .interval_ms = lost->interval_ms,
        .timeout_ms = lost->timeout_ms,
        .fall = lost->fall,
        .rise = lost->rise,
        .latency_max_ms = lost->latency_max_ms,
    };
    return monitor_put(next, &row, reterr);
}

static bool zone_names_monitor(const struct image_zone *zone, const char *name)
{
    const struct image_subject *subjects = image_at(zone, zone->subjects_off);
    for (uint32_t i = 0; i < zone->subjects_count; i++)
        if (subjects[i].monitor_off && strcmp(image_at(zone, subjects[i].monitor_off), name) == 0)
            return true;
    return false;
}

/* Whether a zone of the last world or a region of the next names it. */
static bool monitor_is_named(const struct last *last, const struct manifest *next, const char *name)
{
    for (unsigned i = 0; i < REGIONS_MAX; i++)
        if (next->regions[i].monitor && strcmp(next->regions[i].monitor, name) == 0)
            return true;
    for (unsigned i = 0; i < PACKS_MAX; i++) {
        const struct image_zone *zone;
        for (uint32_t cursor = 0; (zone = image_zone_next(&last->packs[i], &cursor));)
            if (zone_names_monitor(zone, name))
                return true;
    }
    return false;
}

/* Monitors that are gone from the store stay as long as what names them may. */
static enum err monitors_keep(const struct last *last, const struct census *census, struct diag *reterr)
{
    enum err err = OK;
    for (size_t i = 0; err == OK && i < last->manifest->monitors_count; i++) {
        const struct manifest_monitor *monitor = &last->manifest->monitors[i];
        if (!census_monitor_find(census, monitor->name) &&
            monitor_is_named(last, census->next, monitor->name))
            err = monitor_keep(census->next, monitor, reterr);
    }
    return err;
}

static void regions_check(const struct census *census, struct problems *problems)
{
    for (unsigned i = 0; i < REGIONS_MAX; i++) {
        const struct manifest_region *region = &census->next->regions[i];
        const struct manifest_monitor *monitor =
            region->monitor ? census_monitor_find(census, region->monitor) : NULL;
        if (monitor && !census_quorum_is_met(census, monitor))
            problems_put(problems, region->name,
                         "its monitor \"%s\" has quorum %u, but only %u vantage points are enabled",
                         monitor->name, monitor->quorum, census->vantages_enabled);
    }
}

/* The whole ------------------------------------------------------------------------------------ */

static uint64_t text_hash(uint64_t hash, const char *text, uint64_t number)
{
    return hash_mix(hash_bytes(text, strlen(text), hash) ^ number);
}

static uint64_t fingerprint_make(const struct census *census)
{
    uint64_t hash = 0;
    for (unsigned i = 0; i < REGIONS_MAX; i++)
        if (census->regions_live[i])
            hash = text_hash(hash, census->next->regions[i].name, i);
    for (unsigned i = 0; i < POLICIES_MAX; i++)
        if (census->policies_live[i])
            hash = text_hash(hash, census->next->policies[i].name, i + 1000);
    for (size_t i = 0; i < census->monitors_live; i++) {
        const struct manifest_monitor *monitor = &census->next->monitors[i];
        hash = text_hash(hash, monitor->name, census_quorum_is_met(census, monitor));
    }
    return hash;
}

enum err census_read(struct store *store, const struct last *last, struct manifest *next,
                     struct problems *problems, struct census *ret, struct diag *reterr)
{
    *ret = (struct census){.next = next};
    enum err err = vantages_read(store, ret, reterr);
    if (err == OK)
        err = monitors_read(store, ret, problems, reterr);
    if (err == OK)
        err = regions_read(store, PASS_KNOWN, last, ret, reterr);
    if (err == OK)
        err = policies_read(store, PASS_KNOWN, last, ret, reterr);
    if (err == OK)
        err = lost_keep(last, next, reterr);
    if (err == OK)
        err = monitors_keep(last, ret, reterr);
    if (err == OK)
        err = regions_read(store, PASS_NEW, last, ret, reterr);
    if (err == OK)
        err = policies_read(store, PASS_NEW, last, ret, reterr);
    if (err != OK)
        return err;
    ret->fingerprint = fingerprint_make(ret);
    regions_check(ret, problems);
    return OK;
}

int census_region_find(const struct census *census, const char *name)
{
    const int idx = index_find(&region_indexes, census->next, name);
    return idx >= 0 && census->regions_live[idx] ? idx : -1;
}

int census_policy_find(const struct census *census, const char *name)
{
    const int idx = index_find(&policy_indexes, census->next, name);
    return idx >= 0 && census->policies_live[idx] ? idx : -1;
}

const struct manifest_monitor *census_monitor_find(const struct census *census, const char *name)
{
    for (size_t i = 0; i < census->monitors_live; i++)
        if (strcmp(census->next->monitors[i].name, name) == 0)
            return &census->next->monitors[i];
    return NULL;
}

bool census_quorum_is_met(const struct census *census, const struct manifest_monitor *monitor)
{
    return monitor->quorum <= census->vantages_enabled;
}
