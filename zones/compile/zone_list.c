#include "zones/compile/zone_list.h"

#include "common/name.h"

#include <stdlib.h>
#include <string.h>

void zone_list_fini(struct zone_list *list)
{
    buffer_fini(&list->rows);
    buffer_fini(&list->table);
    buffer_fini(&list->names);
    buffer_fini(&list->services);
    buffer_fini(&list->text);
}

static enum err memory_check(const struct zone_list *list, struct diag *reterr)
{
    const bool failed = list->rows.failed || list->table.failed || list->names.failed ||
                        list->services.failed || list->text.failed;
    return failed ? diag_set(reterr, ERR_MEMORY, "out of memory for the list of zones") : OK;
}

static uint32_t text_put(struct zone_list *list, const char *text)
{
    return text ? (uint32_t)buffer_put(&list->text, text, strlen(text) + 1) : ZONE_LIST_NONE;
}

/* Zones ---------------------------------------------------------------------------------------- */

static void row_put(struct zone_list *list, const struct store_zone *zone, struct problems *problems)
{
    uint8_t name[NAME_WIRE_MAX], lower[NAME_WIRE_MAX];
    size_t len;
    struct diag diag;
    if (name_parse(zone->name, name, &len, &diag) != OK) {
        problems_put(problems, zone->name, "%s", diag.text);
        return;
    }
    const struct zone_row row = {
        .hash = name_hash(name),
        .name_off = (uint32_t)buffer_put(&list->names, lower, name_lower(name, lower)),
        .text_off = text_put(list, zone->name),
        .serial = zone->serial,
    };
    (void)buffer_put(&list->rows, &row, sizeof row);
}

static void table_make(struct zone_list *list)
{
    uint32_t slots = 2;
    while (slots < 2 * (uint64_t)zone_list_count(list))
        slots *= 2;
    (void)buffer_put(&list->table, NULL, slots * sizeof(uint32_t));
    if (list->table.failed)
        return;
    uint32_t *table = (void *)list->table.bytes;
    for (uint32_t i = 0; i < zone_list_count(list); i++) {
        uint32_t at = (uint32_t)zone_list_row(list, i)->hash & (slots - 1);
        while (table[at] != 0)
            at = (at + 1) & (slots - 1);
        table[at] = i + 1;
    }
}

static uint32_t row_find(const struct zone_list *list, const uint8_t *name, uint64_t hash)
{
    const uint32_t *table = (const void *)list->table.bytes;
    const uint32_t mask = (uint32_t)(list->table.len / sizeof *table) - 1;
    for (uint32_t at = (uint32_t)hash & mask; table[at] != 0; at = (at + 1) & mask) {
        const struct zone_row *row = zone_list_row(list, table[at] - 1);
        if (row->hash == hash && name_equal(list->names.bytes + row->name_off, name))
            return table[at] - 1;
    }
    return ZONE_LIST_NONE;
}

uint32_t zone_list_find(const struct zone_list *list, const char *text)
{
    uint8_t name[NAME_WIRE_MAX];
    size_t len;
    return name_parse(text, name, &len, NULL) == OK ? row_find(list, name, name_hash(name)) : ZONE_LIST_NONE;
}

/* The longest zone at or above suffix `from` of a name. */
static uint32_t longest_find(const struct zone_list *list, const uint8_t *name, unsigned from)
{
    struct name_suffixes suffixes;
    name_suffixes(name, &suffixes);
    for (unsigned i = from; i <= suffixes.labels; i++) {
        const uint32_t idx = row_find(list, name + suffixes.off[i], suffixes.hash[i]);
        if (idx != ZONE_LIST_NONE)
            return idx;
    }
    return ZONE_LIST_NONE;
}

enum err zone_list_read(struct store *store, struct problems *problems, struct zone_list *ret,
                        struct diag *reterr)
{
    struct store_rows rows;
    struct store_zone zone;
    *ret = (struct zone_list){0};
    store_zones(store, &rows);
    while (store_zone_next(&rows, &zone))
        row_put(ret, &zone, problems);
    enum err err = store_rows_end(&rows, reterr);
    if (err == OK)
        err = memory_check(ret, reterr);
    if (err == OK) {
        table_make(ret);
        err = memory_check(ret, reterr);
    }
    for (uint32_t i = 0; i < zone_list_count(ret) && err == OK; i++) {
        const struct zone_row *row = zone_list_row(ret, i);
        const uint32_t above = longest_find(ret, ret->names.bytes + row->name_off, 1);
        if (above != ZONE_LIST_NONE && above != i)
            zone_list_row(ret, above)->inside += row->hash;
    }
    if (err != OK)
        zone_list_fini(ret);
    return err;
}

/* Services ------------------------------------------------------------------------------------- */

/* The schema lets no service into the store that is not in a zone. */
static void service_put(struct zone_list *list, const struct store_service *service)
{
    uint8_t name[NAME_WIRE_MAX];
    size_t len;
    if (name_parse(service->name, name, &len, NULL) != OK)
        return;
    const struct service_row row = {
        .zone = longest_find(list, name, 0),
        .name_off = text_put(list, service->name),
        .policy_off = text_put(list, service->policy),
        .monitor_off = text_put(list, service->monitor),
        .sticky_off = text_put(list, service->sticky),
        .all_down_off = text_put(list, service->all_down),
        .ttl_s = service->ttl_s,
        .answers = service->answers,
        .panic_below = service->panic_below,
    };
    if (row.zone != ZONE_LIST_NONE)
        (void)buffer_put(&list->services, &row, sizeof row);
}

static int service_compare(const void *a, const void *b)
{
    const struct service_row *sa = a, *sb = b;
    if (sa->zone != sb->zone)
        return sa->zone < sb->zone ? -1 : 1;
    return sa->name_off < sb->name_off ? -1 : sa->name_off > sb->name_off;
}

enum err zone_list_services(struct zone_list *list, struct store *store, struct diag *reterr)
{
    if (list->services_read)
        return OK;
    struct store_rows rows;
    struct store_service service;
    store_services_all(store, &rows);
    while (store_service_next(&rows, &service))
        service_put(list, &service);
    enum err err = store_rows_end(&rows, reterr);
    if (err == OK)
        err = memory_check(list, reterr);
    if (err != OK)
        return err;
    const uint32_t count = (uint32_t)(list->services.len / sizeof(struct service_row));
    if (count > 1)
        qsort(list->services.bytes, count, sizeof(struct service_row), service_compare);
    for (uint32_t i = count; i-- > 0;) {
        struct zone_row *row = zone_list_row(list, zone_list_service(list, i)->zone);
        row->services_first = i;
        row->services_count++;
    }
    list->services_read = true;
    return OK;
}
