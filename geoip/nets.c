#include "geoip/nets.h"

/* The nets that cover the address `fill.next`, the widest first. */
struct nesting {
    struct tree_fill fill;
    uint32_t open[NETS_NESTED_MAX];
    tree_bits last[NETS_NESTED_MAX]; /* last addresses of those */
    unsigned count;
};

static uint32_t innermost(const struct nesting *nesting)
{
    return nesting->count > 0 ? nesting->open[nesting->count - 1] : NETS_NONE;
}

static uint32_t innermost_leaf(const struct nesting *nesting)
{
    return tree_leaf(innermost(nesting) + 1); /* NETS_NONE + 1 is 0 */
}

static void close_innermost(struct nesting *nesting)
{
    tree_fill_to(&nesting->fill, nesting->last[nesting->count - 1], innermost_leaf(nesting));
    nesting->count--;
}

/* Everything below `first` gets its value; what ends there is closed. */
static void advance(struct nesting *nesting, tree_bits first)
{
    while (nesting->count > 0 && nesting->last[nesting->count - 1] < first)
        close_innermost(nesting);
    if (first > 0)
        tree_fill_to(&nesting->fill, first - 1, innermost_leaf(nesting));
}

static tree_bits last_of(const struct prefix *prefix)
{
    const unsigned bits = ip_bits(&prefix->ip) - prefix->bits;
    const tree_bits host = bits == TREE_BITS_MAX ? ~(tree_bits)0 : ((tree_bits)1 << bits) - 1;
    return tree_bits_of(&prefix->ip) | host;
}

enum err nets_make(const struct sets *sets, enum ip_family family, struct tree *tree,
                   uint32_t *parents, uint32_t *ret, struct diag *reterr)
{
    const struct sets_net *nets = (const struct sets_net *)(const void *)sets->nets.bytes;
    const size_t count = sets->nets.len / sizeof *nets;
    struct nesting nesting = {.fill = tree_fill_of(tree, family == IP_V4 ? 32 : 128)};
    for (uint32_t i = 0; i < count; i++) {
        if (nets[i].prefix.ip.family != family)
            continue;
        advance(&nesting, tree_bits_of(&nets[i].prefix.ip));
        parents[i] = innermost(&nesting);
        if (nesting.count == NETS_NESTED_MAX) {
            char text[PREFIX_TEXT_MAX];
            return diag_set(reterr, ERR_LIMIT,
                            "net:%s lies inside %d other nets; NETS_NESTED_MAX is %d",
                            prefix_print(&nets[i].prefix, text), NETS_NESTED_MAX, NETS_NESTED_MAX);
        }
        nesting.open[nesting.count] = i;
        nesting.last[nesting.count++] = last_of(&nets[i].prefix);
    }
    while (nesting.count > 0)
        close_innermost(&nesting);
    *ret = tree_fill_end(&nesting.fill, tree_leaf(0));
    return tree_check(tree, reterr);
}
