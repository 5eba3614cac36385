#include "geoip/overlay.h"

#include "common/hash.h"

#include <stdbool.h>
#include <stdlib.h>

enum { PAIRS_MIN = 1024 };

/* What a pair of subtrees has become. */
struct pair {
    uint32_t a;
    uint32_t b;
    uint32_t made; /* its root + 1; 0: an empty slot */
};

/* What a node has become below the first leaf that it met in the other tree, as most meet no other. */
struct single {
    uint32_t leaf;
    uint32_t made; /* as above */
};

struct overlay {
    struct tree *out;
    const struct tree *a;
    const struct tree *b;
    overlay_combine *combine;
    void *context;
    struct single *singles_a; /* by node of a */
    struct single *singles_b; /* by node of b */
    struct pair *pairs;       /* all others */
    uint32_t pairs_cap;       /* a power of two */
    uint32_t pairs_count;
    bool failed;
};

static struct pair *pair_slot(struct pair *pairs, uint32_t cap, uint32_t a, uint32_t b)
{
    uint32_t slot = (uint32_t)hash_mix((uint64_t)a << 32 | b) & (cap - 1);
    while (pairs[slot].made != 0 && (pairs[slot].a != a || pairs[slot].b != b))
        slot = (slot + 1) & (cap - 1);
    return &pairs[slot];
}

static bool pairs_grow(struct overlay *overlay)
{
    const uint32_t cap = overlay->pairs_cap ? overlay->pairs_cap * 2 : PAIRS_MIN;
    struct pair *pairs = cap ? calloc(cap, sizeof *pairs) : NULL;
    if (!pairs)
        return false;
    for (uint32_t i = 0; i < overlay->pairs_cap; i++) {
        const struct pair *old = &overlay->pairs[i];
        if (old->made != 0)
            *pair_slot(pairs, cap, old->a, old->b) = *old;
    }
    free(overlay->pairs);
    overlay->pairs = pairs;
    overlay->pairs_cap = cap;
    return true;
}

/* Of a node that meets a leaf; NULL for other pairs. */
static struct single *single_of(const struct overlay *overlay, uint32_t a, uint32_t b,
                                uint32_t *ret_leaf)
{
    if (tree_is_leaf(a) == tree_is_leaf(b))
        return NULL;
    *ret_leaf = tree_is_leaf(a) ? a : b;
    return tree_is_leaf(a) ? &overlay->singles_b[b] : &overlay->singles_a[a];
}

/* What is known of the pair: a root + 1, or 0. */
static uint32_t pair_get(const struct overlay *overlay, uint32_t a, uint32_t b)
{
    uint32_t leaf;
    const struct single *single = single_of(overlay, a, b, &leaf);
    if (single && (single->made == 0 || single->leaf == leaf))
        return single->made;
    return overlay->pairs_cap > 0 ? pair_slot(overlay->pairs, overlay->pairs_cap, a, b)->made : 0;
}

static void pair_put(struct overlay *overlay, uint32_t a, uint32_t b, uint32_t made)
{
    uint32_t leaf;
    struct single *single = single_of(overlay, a, b, &leaf);
    if (single && single->made == 0) {
        *single = (struct single){leaf, made + 1};
        return;
    }
    if (overlay->pairs_count >= overlay->pairs_cap / 4 * 3 && !pairs_grow(overlay))
        overlay->failed = true;
    if (overlay->failed)
        return;
    *pair_slot(overlay->pairs, overlay->pairs_cap, a, b) = (struct pair){a, b, made + 1};
    overlay->pairs_count++;
}

/* At most TREE_BITS_MAX deep: the layers' trees are. */
static uint32_t make(struct overlay *overlay, uint32_t a, uint32_t b)
{
    const uint32_t known = pair_get(overlay, a, b);
    if (known != 0)
        return known - 1;
    if (overlay->failed)
        return tree_leaf(0);
    uint32_t made;
    if (tree_is_leaf(a) && tree_is_leaf(b)) {
        made = tree_leaf(overlay->combine(overlay->context, tree_value(a), tree_value(b)));
    } else {
        const uint32_t zero =
            make(overlay, tree_child(overlay->a, a, 0), tree_child(overlay->b, b, 0));
        const uint32_t one =
            make(overlay, tree_child(overlay->a, a, 1), tree_child(overlay->b, b, 1));
        made = tree_join(overlay->out, zero, one);
    }
    pair_put(overlay, a, b, made);
    return made;
}

enum err overlay_make(struct tree *out, const struct overlay_layer *a,
                      const struct overlay_layer *b, overlay_combine *combine, void *context,
                      uint32_t *ret, struct diag *reterr)
{
    struct overlay overlay = {
        .out = out,
        .a = a->tree,
        .b = b->tree,
        .combine = combine,
        .context = context,
        .singles_a = calloc((size_t)a->tree->count + 1, sizeof(struct single)),
        .singles_b = calloc((size_t)b->tree->count + 1, sizeof(struct single))};
    overlay.failed = !overlay.singles_a || !overlay.singles_b;
    *ret = overlay.failed ? tree_leaf(0) : make(&overlay, a->root, b->root);
    free(overlay.singles_a);
    free(overlay.singles_b);
    free(overlay.pairs);
    if (overlay.failed)
        return diag_set(reterr, ERR_MEMORY, "out of memory after %u pairs of subtrees",
                        overlay.pairs_count);
    return tree_check(out, reterr);
}
