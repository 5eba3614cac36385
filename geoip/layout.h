/* geoip/layout.h - the bytes of a geo image: geoip/emit.c writes them, geoip/geo.c reads them.
 *
 * After the header, in this order and with nothing between:
 *
 *    v4_table  2^16 entries          first 16 bits of an IPv4 address (entries: see geoip/geo.h)
 *    v6_table  2^16 entries          first 16 bits of an IPv6 address
 *    nodes     nodes_count * 16      each begins a cache line, as the image begins a page
 *    chains    chains_count          set indexes
 *    classes   classes_count + 1     offsets into chains
 *    choices   choices_count         struct geo_choice
 *    sets      sets_count + 1        offsets into choices
 *    names     sets_count            offsets into text
 *    text      text_len bytes        NUL-terminated
 *
 * A node's *height* is the number of steps from it to its farthest leaf. Nodes stand in order of
 * height, and those below a node have a lesser one: that is how a reader checks in one pass that
 * every walk ends in time.
 */
#ifndef GEOIP_LAYOUT_H
#define GEOIP_LAYOUT_H

#include "geoip/geo.h"

#include "common/frame.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    LAYOUT_TABLE_BITS = 16,
    LAYOUT_TABLE_COUNT = 1 << LAYOUT_TABLE_BITS,
    LAYOUT_STEP_BITS = 4,
    LAYOUT_STEP_COUNT = 1 << LAYOUT_STEP_BITS,
    LAYOUT_V4_HEIGHT_MAX = (32 - LAYOUT_TABLE_BITS) / LAYOUT_STEP_BITS,
    LAYOUT_V6_HEIGHT_MAX = (128 - LAYOUT_TABLE_BITS) / LAYOUT_STEP_BITS,
    LAYOUT_FENCED = 1, /* flag */
};

struct layout {
    struct frame frame;
    uint32_t flags;
    uint32_t nodes_count;
    uint32_t chains_count;
    uint32_t classes_count;
    uint32_t choices_count;
    uint32_t sets_count;
    uint32_t text_len;
    uint32_t heights[LAYOUT_V6_HEIGHT_MAX + 1]; /* [h]: nodes of height h or less; [0] is 0 */
    uint64_t basis; /* what the trees were made from (geoip/build.c); 0: nobody can tell */
    uint32_t reserved[2];
};

_Static_assert(sizeof(struct layout) == 192, "tables and nodes begin on cache lines");
_Static_assert(sizeof(struct geo_choice) == 12, "written as it stands");

static inline uint32_t layout_leaf(unsigned bits, uint32_t class)
{
    return UINT32_C(1) << 31 | (uint32_t)bits << 24 | class;
}

static inline bool layout_is_leaf(uint32_t entry)
{
    return entry >> 31;
}

static inline unsigned layout_leaf_bits(uint32_t entry)
{
    return entry >> 24 & 0x7f;
}

static inline uint32_t layout_leaf_class(uint32_t entry)
{
    return entry & 0xffffff;
}

/* The length that the counts add up to, in bytes. */
static inline uint64_t layout_len(const struct layout *layout)
{
    const uint64_t words = 2 * (uint64_t)LAYOUT_TABLE_COUNT +
                           (uint64_t)layout->nodes_count * LAYOUT_STEP_COUNT +
                           layout->chains_count + layout->classes_count + 1 +
                           (uint64_t)layout->sets_count + 1 + layout->sets_count;
    return sizeof *layout + words * 4 +
           (uint64_t)layout->choices_count * sizeof(struct geo_choice) + layout->text_len;
}

#endif
