/* zones/compile/zone_list.h - the zones of a store, and which one each service is in.
 *
 * Read at the start of a compile, one row for each zone: what tells whether the zone has to be compiled at
 * all. Services are read when the first zone that does is met. A service is in the longest zone that is its
 * name or above it.
 */
#ifndef ZONES_COMPILE_ZONE_LIST_H
#define ZONES_COMPILE_ZONE_LIST_H

#include "common/buffer.h"
#include "common/err.h"
#include "zones/compile/problems.h"
#include "zones/store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZONE_LIST_NONE UINT32_MAX

struct zone_row {
    uint64_t hash;   /* of its name */
    uint64_t inside; /* of the names of the zones right inside it, which take services from it */
    uint64_t peers;  /* of those that may copy it or are told of changes; compile_peers_hash() sets it */
    uint32_t name_off; /* wire, in `names` */
    uint32_t text_off; /* in `text` */
    uint32_t serial;
    uint32_t services_first, services_count; /* in `services` */
};

/* A service's row of the store; text by offset in `text`. */
struct service_row {
    uint32_t zone; /* row */
    uint32_t name_off, policy_off;
    uint32_t monitor_off; /* or ZONE_LIST_NONE */
    uint32_t sticky_off, all_down_off;
    uint32_t ttl_s, answers;
    double panic_below;
};

struct zone_list {
    struct buffer rows;     /* struct zone_row */
    struct buffer table;    /* uint32_t: row + 1, by hash */
    struct buffer names;    /* wire */
    struct buffer services; /* struct service_row, by zone and name once they are read */
    struct buffer text;     /* NUL-terminated */
    bool services_read;
};

/* Read the zones. One whose name is not a name gets a problem and no row. */
NODISCARD enum err zone_list_read(struct store *store, struct problems *problems, struct zone_list *ret,
                                  struct diag *reterr);
void zone_list_fini(struct zone_list *list);

/* Read the services, the first time. */
NODISCARD enum err zone_list_services(struct zone_list *list, struct store *store, struct diag *reterr);

static inline struct zone_row *zone_list_row(const struct zone_list *list, uint32_t idx)
{
    return (struct zone_row *)(void *)list->rows.bytes + idx;
}

static inline uint32_t zone_list_count(const struct zone_list *list)
{
    return (uint32_t)(list->rows.len / sizeof(struct zone_row));
}

/* The row of a zone (as in the store), or ZONE_LIST_NONE. */
uint32_t zone_list_find(const struct zone_list *list, const char *text);

static inline const struct service_row *zone_list_service(const struct zone_list *list, uint32_t idx)
{
    return (const struct service_row *)(const void *)list->services.bytes + idx;
}

static inline const char *zone_list_text(const struct zone_list *list, uint32_t off)
{
    return (const char *)list->text.bytes + off;
}

#endif
