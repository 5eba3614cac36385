/* server/control/roster.h - the roster: every subject of the current world, as control sees it.
 *
 * Read from the images and the manifest when a world is published, so that control knows what to probe, which
 * word of the board belongs to whom, and what to call it, without the store. Frozen once built; texts are
 * lent from the images and the manifest, which live as long as the roster does (server/control/publish.h).
 */
#ifndef SERVER_CONTROL_ROSTER_H
#define SERVER_CONTROL_ROSTER_H

#include "common/err.h"
#include "zones/image/image.h"
#include "zones/image/manifest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct roster_subject {
    enum subject_kind kind;
    uint32_t slot;
    const char *service; /* "" for a region */
    const char *region;
    const char *address; /* endpoint, as in the store; "" otherwise */
    uint32_t min_up;     /* pool: serving endpoints of a kind that it needs, at least 1 */
    enum kind family;    /* endpoint */
    bool kept;           /* its zone does not compile: it is as it was when the zone last did */
    const char *check;   /* what to probe: endpoint's check address or region's target; "" is not probed */
    const struct manifest_monitor *monitor; /* NULL: not probed */
};

struct roster {
    const struct manifest *manifest;
    struct roster_subject *subjects; /* regions, then pools, then endpoints */
    size_t count;
    uint32_t slots_end; /* one past the highest slot */
    uint32_t *table;    /* by name, open addressing: 1 + index of a subject, 0 is empty */
    uint32_t table_mask;
};

/* Build from the packs and manifest of one world. Free with roster_free(). ERR_MEMORY. */
NODISCARD enum err roster_build(const struct manifest *manifest, const struct image packs[PACKS_MAX],
                                struct roster **ret, struct diag *reterr);
void roster_free(struct roster **roster);

/* The subject of this name, or NULL; `service` and `address` are "" where its kind has none. */
const struct roster_subject *roster_find(const struct roster *roster, const char *service, const char *region,
                                         const char *address);

#endif
