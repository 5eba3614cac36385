/* ctl/cmd_check.c - gslbctl check: compile the store as gslbd would, and say on stderr what is wrong and what
 * is risky. */
#include "ctl/preview.h"
#include "geoip/continent.h"
#include "geoip/policy.h"
#include "zones/image/image.h"
#include "zones/store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { VANTAGES_WANTED = 3 }; /* below this one failure is the majority */

static void print_problems(const struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->problems_count; i++) {
        const struct manifest_problem *problem = &manifest->problems[i];
        if (problem->zone[0])
            (void)fprintf(stderr, "zone %s: ", problem->zone);
        if (problem->subject[0])
            (void)fprintf(stderr, "%s: ", problem->subject);
        (void)fprintf(stderr, "%s\n", problem->message);
    }
    if (manifest->problems_total > manifest->problems_count)
        (void)fprintf(stderr, "... and %" PRIu64 " more problems\n",
                      manifest->problems_total - manifest->problems_count);
}

static void warn_few_vantages(const struct manifest *manifest)
{
    size_t enabled = 0;
    for (size_t i = 0; i < manifest->vantages_count; i++)
        enabled += manifest->vantages[i].enabled;
    if (manifest->monitors_count > 0 && enabled < VANTAGES_WANTED)
        (void)fprintf(
            stderr,
            "warning: %zu vantage point%s enabled; with fewer than %d a single one's mistake can decide\n",
            enabled, enabled == 1 ? " is" : "s are", VANTAGES_WANTED);
}

/* A region without a family that the service has elsewhere sends its clients of that family to another
 * region; where that would be by a CNAME, they get nothing (docs/STEERING.md). */
static void warn_families(const struct manifest *manifest, const struct image_zone *zone,
                          const struct image_service *service)
{
    static const char *const names[] = {"IPv4", "IPv6"};
    char text[NAME_TEXT_MAX];
    const struct image_pool_row *pools = image_at(zone, service->pools_off);
    const bool mixed = service->kinds & 1u << KIND_HOST;
    for (unsigned i = 0; i < service->pools_count; i++) {
        if (pools[i].counts[KIND_HOST] > 0)
            continue;
        for (unsigned kind = KIND_V4; kind <= KIND_V6; kind++)
            if ((mixed || service->kinds & 1u << kind) && pools[i].counts[kind] == 0)
                (void)fprintf(stderr,
                              "warning: service %s has no %s endpoint in region %s; its %s clients will %s\n",
                              name_print(image_at(zone, service->name_off), text), names[kind],
                              manifest->regions[pools[i].region].name, names[kind],
                              mixed ? "get no address" : "be sent to another region");
    }
}

static void warn_zone(const struct manifest *manifest, const struct image_zone *zone)
{
    const struct image_slot *table = image_at(zone, zone->table_off);
    for (uint32_t i = 0; i <= zone->table_mask; i++) {
        if (table[i].off == 0)
            continue;
        const struct image_node *node = image_at(zone, table[i].off);
        if (node->service_off)
            warn_families(manifest, zone, image_at(zone, node->service_off));
    }
}

/* Whether a name without a trailing dot is the zone's name or ends in it: as it is relative, the zone's name
 * will follow. */
static bool repeats_zone(const char *name, const char *zone)
{
    const size_t len = strlen(name), zone_len = strlen(zone);
    return len >= zone_len && strcasecmp(name + len - zone_len, zone) == 0 &&
           (len == zone_len || name[len - zone_len - 1] == '.');
}

/* The name that the data of a record ends in, or NULL for types without one. */
static const char *target_of(const struct store_record *record)
{
    static const char *const types[] = {"CNAME", "DNAME", "NS", "PTR", "MX", "SRV"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcasecmp(record->type, types[i]) == 0) {
            const char *space = strrchr(record->data, ' ');
            return space ? space + 1 : record->data;
        }
    return NULL;
}

static enum err warn_records(struct store *store, const char *zone, struct diag *reterr)
{
    struct store_rows rows;
    struct store_record record;
    store_records(store, zone, &rows);
    while (store_record_next(&rows, &record)) {
        const char *target = target_of(&record);
        if (repeats_zone(record.name, zone))
            (void)fprintf(
                stderr,
                "warning: zone %s: the name %s is relative to the zone, so the %s record is at %s.%s\n", zone,
                record.name, record.type, record.name, zone);
        if (target && repeats_zone(target, zone))
            (void)fprintf(stderr, "warning: zone %s: %s %s has no dot at its end, so it leads to %s.%s\n",
                          zone, record.type, target, target, zone);
    }
    return store_rows_end(&rows, reterr);
}

/* To the warnings a region is a name: all rules are wanted, whatever index theirs has. */
static int any_index(const void *context, const char *region)
{
    (void)context;
    (void)region;
    return 0;
}

static enum err warn_countries(struct store *store, struct diag *reterr)
{
    static const char prefix[] = "country:";
    const struct store_region_indexes indexes = {.find = any_index};
    struct store_rows rows;
    struct policy policy;
    store_policies(store, &rows);
    while (store_policy_next(&rows, &indexes, &policy)) {
        for (size_t i = 0; i < policy.rules_count; i++) {
            const char *client = policy.rules[i].client;
            if (strncmp(client, prefix, sizeof prefix - 1) == 0 &&
                !*continent_of_country(client + sizeof prefix - 1))
                (void)fprintf(stderr, "warning: policy %s: %s is no country of ISO 3166 and matches nobody\n",
                              policy.name, client);
        }
        policy_fini(&policy);
    }
    return store_rows_end(&rows, reterr);
}

/* What is right by the letter and hardly ever meant. */
static enum err warn_store(const char *path, struct diag *reterr)
{
    struct store *store;
    struct store_rows rows;
    struct store_zone zone;
    enum err err = store_open_read(path, &store, reterr);
    if (err != OK)
        return err;
    store_zones(store, &rows);
    while (err == OK && store_zone_next(&rows, &zone))
        err = warn_records(store, zone.name, reterr);
    const enum err end = store_rows_end(&rows, err == OK ? reterr : NULL);
    if (err == OK && end == OK)
        err = warn_countries(store, reterr);
    store_close(&store);
    return err == OK ? end : err;
}

static void print_warnings(const struct preview *preview)
{
    warn_few_vantages(preview->manifest);
    for (unsigned i = 0; i < PACKS_MAX; i++) {
        uint32_t cursor = 0;
        const struct image_zone *zone;
        while (preview->world.packs[i].base && (zone = image_zone_next(&preview->world.packs[i], &cursor)))
            warn_zone(preview->manifest, zone);
    }
}

enum err cmd_check(const struct command_input *input, enum command_end *ret_end, struct diag *reterr)
{
    struct preview *preview;
    enum err err = preview_compile(input, &preview, reterr);
    if (err == OK)
        err = preview_open(input, preview, reterr);
    if (err == OK) {
        print_problems(preview->manifest);
        print_warnings(preview);
        err = warn_store(input->store_path, reterr);
    }
    if (err == OK) {
        *ret_end = preview->manifest->problems_total > 0 ? COMMAND_WRONG : COMMAND_FINE;
        if (*ret_end == COMMAND_FINE)
            printf("%" PRIu64 " zone%s in order\n", preview->manifest->zones_count,
                   preview->manifest->zones_count == 1 ? " is" : "s are");
    }
    preview_free(&preview);
    return err;
}
