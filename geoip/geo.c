#include "geoip/geo.h"

#include "geoip/layout.h"
#include "geoip/policy.h"

#include <assert.h>

_Static_assert(GEO_WEIGHT_OF_POOL == POLICY_WEIGHT_OF_POOL,
               "a rule's weight is written as it stands");

static const uint32_t *words(const uint8_t **at, size_t count)
{
    const uint32_t *part = (const uint32_t *)(const void *)*at;
    *at += count * sizeof *part;
    return part;
}

void geo_attach(const void *bytes, struct geo *ret)
{
    const struct layout *layout = bytes;
    const uint8_t *at = (const uint8_t *)bytes + sizeof *layout;
    ret->v4_table = words(&at, LAYOUT_TABLE_COUNT);
    ret->v6_table = words(&at, LAYOUT_TABLE_COUNT);
    ret->nodes = words(&at, (size_t)layout->nodes_count * LAYOUT_STEP_COUNT);
    ret->chains = words(&at, layout->chains_count);
    ret->classes = words(&at, (size_t)layout->classes_count + 1);
    ret->choices = (const struct geo_choice *)(const void *)at;
    at += (size_t)layout->choices_count * sizeof *ret->choices;
    ret->sets = words(&at, (size_t)layout->sets_count + 1);
    ret->names = words(&at, layout->sets_count);
    ret->text = (const char *)at;
    ret->classes_count = layout->classes_count;
    ret->sets_count = layout->sets_count;
    ret->fenced = (layout->flags & LAYOUT_FENCED) != 0;
}

/* Checking ------------------------------------------------------------------------------------- */

/* `offsets` are count + 1, begin at 0, never fall, end at `end` and are at most `step_max`
 * apart. */
static bool offsets_are_good(const uint32_t *offsets, uint32_t count, uint32_t end,
                             uint32_t step_max)
{
    if (offsets[0] != 0 || offsets[count] != end)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (offsets[i + 1] < offsets[i] || offsets[i + 1] - offsets[i] > step_max)
            return false;
    }
    return true;
}

static bool header_is_good(const struct layout *layout, size_t len)
{
    if (layout_len(layout) != len || (layout->flags & ~(uint32_t)LAYOUT_FENCED) != 0 ||
        layout->text_len == 0 || layout->classes_count == 0 ||
        layout->classes_count > GEO_CLASSES_MAX || layout->sets_count > GEO_SETS_MAX)
        return false;
    return offsets_are_good(layout->heights, LAYOUT_V6_HEIGHT_MAX, layout->nodes_count, UINT32_MAX);
}

/* Entries of `bits` bits each: leaves of known classes, and nodes with a lower index than
 * `nodes_end`. */
static bool entries_are_good(const uint32_t *entries, unsigned bits, uint32_t nodes_end,
                             uint32_t classes_count)
{
    for (uint32_t i = 0; i < UINT32_C(1) << bits; i++) {
        const uint32_t entry = entries[i];
        if (layout_is_leaf(entry)
                ? layout_leaf_bits(entry) > bits || layout_leaf_class(entry) >= classes_count
                : entry >= nodes_end)
            return false;
    }
    return true;
}

/* Each node's entries lead to nodes of lesser height only, so a walk takes no more steps than an
 * address has. */
static bool trees_are_good(const struct geo *geo, const struct layout *layout)
{
    if (!entries_are_good(geo->v4_table, LAYOUT_TABLE_BITS, layout->heights[LAYOUT_V4_HEIGHT_MAX],
                          layout->classes_count) ||
        !entries_are_good(geo->v6_table, LAYOUT_TABLE_BITS, layout->heights[LAYOUT_V6_HEIGHT_MAX],
                          layout->classes_count))
        return false;
    for (unsigned height = 1; height <= LAYOUT_V6_HEIGHT_MAX; height++) {
        const uint32_t lower = layout->heights[height - 1];
        for (uint32_t i = lower; i < layout->heights[height]; i++) {
            if (!entries_are_good(geo->nodes + (size_t)i * LAYOUT_STEP_COUNT, LAYOUT_STEP_BITS,
                                  lower, layout->classes_count))
                return false;
        }
    }
    return true;
}

static bool chains_are_good(const struct geo *geo, const struct layout *layout)
{
    if (!offsets_are_good(geo->classes, layout->classes_count, layout->chains_count, GEO_CHAIN_MAX))
        return false;
    for (uint32_t i = 0; i < layout->chains_count; i++) {
        if (geo->chains[i] >= layout->sets_count)
            return false;
    }
    return true;
}

/* Known regions, in order of tier, then region. */
static bool set_is_good(const struct geo_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const struct geo_choice *choice = &set->choices[i];
        if (choice->region >= REGIONS_MAX)
            return false;
        if (i > 0 && (choice[-1].tier > choice->tier ||
                      (choice[-1].tier == choice->tier && choice[-1].region >= choice->region)))
            return false;
    }
    return true;
}

static bool sets_are_good(const struct geo *geo, const struct layout *layout)
{
    if (!offsets_are_good(geo->sets, layout->sets_count, layout->choices_count, REGIONS_MAX) ||
        geo->text[layout->text_len - 1] != '\0')
        return false;
    for (uint32_t i = 0; i < layout->sets_count; i++) {
        const struct geo_set set = geo_set_get(geo, i);
        if (!set_is_good(&set) || geo->names[i] >= layout->text_len)
            return false;
    }
    return true;
}

enum err geo_open(const void *bytes, size_t len, struct geo *ret, struct diag *reterr)
{
    struct geo geo;
    const struct layout *layout = bytes;
    assert((uintptr_t)bytes % 8 == 0);
    const enum err err = frame_check(bytes, len, FRAME_GEO, GEO_VERSION, reterr);
    if (err != OK)
        return err;
    if (len < sizeof *layout || !header_is_good(layout, len))
        return diag_set(reterr, ERR_CORRUPT, "geo image's header does not fit its %zu bytes", len);
    geo_attach(bytes, &geo);
    const char *wrong = !trees_are_good(&geo, layout)    ? "prefix tree"
                        : !chains_are_good(&geo, layout) ? "table of classes"
                        : !sets_are_good(&geo, layout)   ? "table of sets"
                                                         : NULL;
    if (wrong)
        return diag_set(reterr, ERR_CORRUPT, "geo image's %s is damaged", wrong);
    *ret = geo;
    return OK;
}

/* Finding -------------------------------------------------------------------------------------- */

struct geo_found geo_find(const struct geo *geo, const struct ip *ip)
{
    const uint8_t *bytes = ip->bytes;
    const uint32_t *table = ip->family == IP_V4 ? geo->v4_table : geo->v6_table;
    uint32_t entry = table[(uint32_t)bytes[0] << 8 | bytes[1]];
    unsigned before = 0; /* bits before those that `entry` counts */
    for (unsigned at = LAYOUT_TABLE_BITS; !layout_is_leaf(entry); at += LAYOUT_STEP_BITS) {
        const unsigned step =
            bytes[at / 8] >> (LAYOUT_STEP_BITS - at % 8) & (LAYOUT_STEP_COUNT - 1);
        entry = geo->nodes[(size_t)entry * LAYOUT_STEP_COUNT + step];
        before = at;
    }
    return (struct geo_found){.class = layout_leaf_class(entry),
                              .depth = (uint8_t)(before + layout_leaf_bits(entry))};
}

struct geo_chain geo_chain_get(const struct geo *geo, uint32_t class)
{
    const uint32_t first = geo->classes[class];
    return (struct geo_chain){.sets = geo->chains + first,
                              .count = geo->classes[class + 1] - first};
}

struct geo_set geo_set_get(const struct geo *geo, uint32_t set)
{
    const uint32_t first = geo->sets[set];
    return (struct geo_set){.choices = geo->choices + first, .count = geo->sets[set + 1] - first};
}

const char *geo_set_name(const struct geo *geo, uint32_t set)
{
    return geo->text + geo->names[set];
}
