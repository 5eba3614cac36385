/* ctl/cmd_check.c - gslbctl check: compile the store as gslbd would, and say on stderr what is wrong and what is risky. */
#include "ctl/preview.h"
#include "zones/image.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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
        (void)fprintf(stderr, "... and %" PRIu64 " more problems\n", manifest->problems_total - manifest->problems_count);
}

static void warn_few_vantages(const struct manifest *manifest)
{
    size_t enabled = 0;
    for (size_t i = 0; i < manifest->vantages_count; i++)
        enabled += manifest->vantages[i].enabled;
    if (manifest->monitors_count > 0 && enabled < VANTAGES_WANTED)
        (void)fprintf(stderr, "warning: %zu vantage point%s enabled; with fewer than %d a single one's mistake can decide\n",
                      enabled, enabled == 1 ? " is" : "s are", VANTAGES_WANTED);
}

/* A region without a family that the service has elsewhere sends its clients of that family to another region. */
static void warn_families(const struct manifest *manifest, const struct image_zone *zone,
                          const struct image_service *service)
{
    static const char *const names[] = {"IPv4", "IPv6"};
    char text[NAME_TEXT_MAX];
    const struct image_pool_row *pools = image_at(zone, service->pools_off);
    for (unsigned i = 0; i < service->pools_count; i++) {
        if (pools[i].counts[KIND_HOST] > 0)
            continue;
        for (unsigned kind = KIND_V4; kind <= KIND_V6; kind++)
            if (service->kinds & 1u << kind && pools[i].counts[kind] == 0)
                (void)fprintf(stderr, "warning: service %s has no %s endpoint in region %s; its %s clients will be sent to another region\n",
                              name_print(image_at(zone, service->name_off), text), names[kind],
                              manifest->regions[pools[i].region].name, names[kind]);
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

enum err cmd_check(const struct command_input *input, bool *ret_found, struct diag *reterr)
{
    struct preview *preview;
    enum err err = preview_compile(input, &preview, reterr);
    if (err == OK)
        err = preview_open(input, preview, reterr);
    if (err == OK) {
        print_problems(preview->manifest);
        print_warnings(preview);
        *ret_found = preview->manifest->problems_total > 0;
        if (!*ret_found)
            printf("%" PRIu64 " zone%s in order\n", preview->manifest->zones_count,
                   preview->manifest->zones_count == 1 ? " is" : "s are");
    }
    preview_free(&preview);
    return err;
}
