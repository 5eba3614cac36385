#include "geoip/emit.h"

#include "geoip/layout.h"

#include <stdlib.h>
#include <string.h>

static const char ordering_name[] = "nearest";

/* Where each node of the binary tree that begins a step goes. */
struct places {
    uint8_t *heights;  /* by binary node; 0: begins no step */
    uint32_t *indexes; /* by binary node: node of the image */
    uint32_t *order;   /* by node of the image: binary node */
};

/* Counting ------------------------------------------------------------------------------------- */

/* The subtree of `root` behind `bits` more bits, those of `path`, or the leaf met sooner. */
static uint32_t descend(const struct tree *tree, uint32_t root, unsigned bits, uint32_t path,
                        unsigned *ret_used)
{
    unsigned used = 0;
    for (; used < bits && !tree_is_leaf(root); used++)
        root = tree->nodes[root].child[path >> (bits - 1 - used) & 1];
    *ret_used = used;
    return root;
}

/* Measure a node that begins a step, and all below it: at most LAYOUT_V6_HEIGHT_MAX deep. */
static uint8_t measure(const struct tree *tree, uint32_t root, uint8_t *heights)
{
    unsigned used;
    if (tree_is_leaf(root))
        return 0;
    if (heights[root] != 0)
        return heights[root];
    uint8_t highest = 0;
    for (uint32_t path = 0; path < LAYOUT_STEP_COUNT; path++) {
        const uint8_t height =
            measure(tree, descend(tree, root, LAYOUT_STEP_BITS, path, &used), heights);
        highest = height > highest ? height : highest;
    }
    heights[root] = (uint8_t)(highest + 1);
    return heights[root];
}

static void measure_all(const struct tree *tree, uint32_t root, uint8_t *heights)
{
    unsigned used;
    for (uint32_t path = 0; path < LAYOUT_TABLE_COUNT; path++)
        (void)measure(tree, descend(tree, root, LAYOUT_TABLE_BITS, path, &used), heights);
}

/* Number the nodes in order of height. */
static void number_nodes(const struct tree *tree, const struct places *places,
                         struct layout *layout)
{
    uint32_t next[LAYOUT_V6_HEIGHT_MAX + 1] = {0};
    for (uint32_t i = 0; i < tree->count; i++) {
        if (places->heights[i] > 0)
            layout->heights[places->heights[i]]++;
    }
    for (unsigned h = 1; h <= LAYOUT_V6_HEIGHT_MAX; h++) {
        next[h] = layout->heights[h - 1];
        layout->heights[h] += layout->heights[h - 1];
    }
    layout->nodes_count = layout->heights[LAYOUT_V6_HEIGHT_MAX];
    for (uint32_t i = 0; i < tree->count; i++) {
        if (places->heights[i] == 0)
            continue;
        places->indexes[i] = next[places->heights[i]]++;
        places->order[places->indexes[i]] = i;
    }
}

static enum err places_init(struct places *ret, const struct emit *emit, struct layout *layout,
                            struct diag *reterr)
{
    const size_t count = (size_t)emit->tree->count + 1;
    *ret = (struct places){.heights = calloc(count, sizeof *ret->heights),
                           .indexes = calloc(count, sizeof *ret->indexes),
                           .order = calloc(count, sizeof *ret->order)};
    if (!ret->heights || !ret->indexes || !ret->order)
        return diag_set(reterr, ERR_MEMORY, "out of memory for %zu nodes", count);
    measure_all(emit->tree, emit->v4, ret->heights);
    measure_all(emit->tree, emit->v6, ret->heights);
    number_nodes(emit->tree, ret, layout);
    return OK;
}

static void places_fini(struct places *places)
{
    free(places->heights);
    free(places->indexes);
    free(places->order);
}

/* The number of bytes of all strings of `intern`. */
static uint32_t bytes_in(const struct intern *intern)
{
    size_t all = 0;
    size_t len;
    for (uint32_t i = 0; i < intern->count; i++, all += len)
        (void)intern_get(intern, i, &len);
    return (uint32_t)all;
}

/* Count what is not of the trees, with `orderings` of `each` regions. */
static enum err count_sets(const struct sets *sets, uint32_t orderings, size_t each,
                           struct layout *layout, struct diag *reterr)
{
    const uint64_t choices =
        sets->choices.len / sizeof(struct geo_choice) + (uint64_t)orderings * each;
    if (choices > EMIT_CHOICES_MAX)
        return diag_set(reterr, ERR_LIMIT,
                        "%u orderings of %zu regions by distance are over EMIT_CHOICES_MAX (%d)",
                        orderings, each, EMIT_CHOICES_MAX);
    layout->choices_count = (uint32_t)choices;
    layout->sets_count = sets->names.count + orderings;
    layout->text_len = bytes_in(&sets->names) + (uint32_t)sizeof ordering_name;
    return OK;
}

static enum err count_rest(const struct emit *emit, struct layout *layout, struct diag *reterr)
{
    layout->chains_count = bytes_in(&emit->classes->chains) / (uint32_t)sizeof(uint32_t);
    layout->classes_count = emit->classes->chains.count;
    return count_sets(emit->sets, emit->classes->orderings.count,
                      emit->classes->policy->places_count, layout, reterr);
}

/* Writing -------------------------------------------------------------------------------------- */

static void put_u32(struct buffer *ret, uint32_t value)
{
    (void)buffer_put(ret, &value, sizeof value);
}

static void put_entries(const struct emit *emit, const struct places *places, uint32_t root,
                        unsigned bits, struct buffer *ret)
{
    for (uint32_t path = 0; path < UINT32_C(1) << bits; path++) {
        unsigned used;
        const uint32_t below = descend(emit->tree, root, bits, path, &used);
        put_u32(ret, tree_is_leaf(below) ? layout_leaf(used, tree_value(below))
                                         : places->indexes[below]);
    }
}

static void put_trees(const struct emit *emit, const struct places *places, uint32_t nodes_count,
                      struct buffer *ret)
{
    put_entries(emit, places, emit->v4, LAYOUT_TABLE_BITS, ret);
    put_entries(emit, places, emit->v6, LAYOUT_TABLE_BITS, ret);
    for (uint32_t i = 0; i < nodes_count; i++)
        put_entries(emit, places, places->order[i], LAYOUT_STEP_BITS, ret);
}

/* The strings of `intern`, one behind the other. */
static void put_strings(const struct intern *intern, struct buffer *ret)
{
    size_t len;
    for (uint32_t i = 0; i < intern->count; i++) {
        const void *bytes = intern_get(intern, i, &len);
        (void)buffer_put(ret, bytes, len);
    }
}

/* Where each of them begins, counted in units of `unit_len` bytes; returns where they end. */
static uint32_t put_offsets(const struct intern *intern, size_t unit_len, struct buffer *ret)
{
    size_t off = 0;
    size_t len;
    for (uint32_t i = 0; i < intern->count; i++, off += len) {
        put_u32(ret, (uint32_t)(off / unit_len));
        (void)intern_get(intern, i, &len);
    }
    return (uint32_t)(off / unit_len);
}

/* Regions by distance: one tier each. */
static void put_ordering(const uint16_t *regions, size_t count, struct buffer *ret)
{
    for (size_t i = 0; i < count; i++) {
        const struct geo_choice choice = {
            .weight = GEO_WEIGHT_OF_POOL, .tier = (int32_t)i + 1, .region = regions[i]};
        (void)buffer_put(ret, &choice, sizeof choice);
    }
}

static void put_orderings(const struct classes *classes, struct buffer *ret)
{
    for (uint32_t i = 0; i < classes->orderings.count; i++)
        put_ordering(intern_get(&classes->orderings, i, NULL), classes->policy->places_count, ret);
}

/* Where the choices of each set begin, those of `orderings` of `each` regions behind the others. */
static void put_firsts(const struct sets *sets, uint32_t orderings, size_t each, struct buffer *ret)
{
    const size_t of_rules = sets->choices.len / sizeof(struct geo_choice);
    (void)buffer_put(ret, sets->firsts.bytes, sets->firsts.len);
    for (uint32_t i = 1; i <= orderings; i++)
        put_u32(ret, (uint32_t)(of_rules + i * each));
}

/* Orderings share the name behind the others. */
static void put_names(const struct sets *sets, uint32_t orderings, struct buffer *ret)
{
    const uint32_t end = put_offsets(&sets->names, 1, ret);
    for (uint32_t i = 0; i < orderings; i++)
        put_u32(ret, end);
    put_strings(&sets->names, ret);
    (void)buffer_put(ret, ordering_name, sizeof ordering_name);
}

static uint32_t flags_of(const struct policy *policy)
{
    return policy->geofence ? LAYOUT_FENCED : 0;
}

static enum err seal(struct buffer *ret, struct diag *reterr)
{
    const enum err err = buffer_check(ret, reterr);
    if (err == OK)
        frame_seal(ret->bytes, ret->len, FRAME_GEO, GEO_VERSION);
    return err;
}

enum err emit_image(const struct emit *emit, struct buffer *ret, struct diag *reterr)
{
    const struct classes *classes = emit->classes;
    const uint32_t orderings = classes->orderings.count;
    struct layout layout = {.flags = flags_of(classes->policy), .basis = emit->basis};
    struct places places;
    enum err err = places_init(&places, emit, &layout, reterr);
    if (err == OK)
        err = count_rest(emit, &layout, reterr);
    if (err == OK) {
        buffer_reserve(ret, layout_len(&layout));
        (void)buffer_put(ret, &layout, sizeof layout);
        put_trees(emit, &places, layout.nodes_count, ret);
    }
    places_fini(&places);
    if (err != OK)
        return err;
    put_strings(&classes->chains, ret);
    put_u32(ret, put_offsets(&classes->chains, sizeof(uint32_t), ret));
    (void)buffer_put(ret, emit->sets->choices.bytes, emit->sets->choices.len);
    put_orderings(classes, ret);
    put_firsts(emit->sets, orderings, classes->policy->places_count, ret);
    put_names(emit->sets, orderings, ret);
    return seal(ret, reterr);
}

/* Writing again -------------------------------------------------------------------------------- */

bool emit_is_kin(const void *last, const struct sets *sets, size_t places_count)
{
    const struct layout *layout = last;
    const uint32_t count = sets->names.count;
    struct geo geo;
    geo_attach(last, &geo);
    if (geo.sets_count < count || geo.sets[geo.sets_count] - geo.sets[count] !=
                                      (uint64_t)(geo.sets_count - count) * places_count)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(geo_set_name(&geo, i), intern_get(&sets->names, i, NULL)) != 0)
            return false;
    for (uint32_t i = count; i < geo.sets_count; i++)
        if (strcmp(geo_set_name(&geo, i), ordering_name) != 0)
            return false;
    return layout->text_len == bytes_in(&sets->names) + sizeof ordering_name;
}

enum err emit_again(const void *last, const struct policy *policy, const struct sets *sets,
                    struct buffer *ret, struct diag *reterr)
{
    struct layout layout = *(const struct layout *)last;
    struct geo geo;
    geo_attach(last, &geo);
    const uint32_t orderings = geo.sets_count - sets->names.count;
    const struct geo_choice *ordered = geo.choices + geo.sets[sets->names.count];
    const size_t ordered_count = layout.choices_count - geo.sets[sets->names.count];
    const uint8_t *trees = (const uint8_t *)geo.v4_table;
    const uint8_t *trees_end = (const uint8_t *)geo.choices;
    layout.flags = flags_of(policy);
    const enum err err = count_sets(sets, orderings, policy->places_count, &layout, reterr);
    if (err != OK)
        return err;
    buffer_reserve(ret, layout_len(&layout));
    (void)buffer_put(ret, &layout, sizeof layout);
    (void)buffer_put(ret, trees, (size_t)(trees_end - trees));
    (void)buffer_put(ret, sets->choices.bytes, sets->choices.len);
    (void)buffer_put(ret, ordered, ordered_count * sizeof *ordered);
    put_firsts(sets, orderings, policy->places_count, ret);
    put_names(sets, orderings, ret);
    return seal(ret, reterr);
}
