#include "geoip/tree.h"

#include "common/hash.h"

#include <stdlib.h>

enum { NODES_MIN = 1024 };

void tree_fini(struct tree *tree)
{
    free(tree->nodes);
    free(tree->slots);
    *tree = (struct tree){0};
}

void tree_seal(struct tree *tree)
{
    free(tree->slots);
    tree->slots = NULL;
    tree->slots_count = 0;
}

static uint32_t slot_first(const struct tree_node *node, uint32_t slots_count)
{
    return (uint32_t)hash_mix((uint64_t)node->child[0] << 32 | node->child[1]) & (slots_count - 1);
}

/* Make room for one more node, keeping the slots at most half full. */
static bool grow(struct tree *tree)
{
    const uint32_t cap = tree->cap ? tree->cap * 2 : NODES_MIN;
    struct tree_node *nodes =
        cap > TREE_NODES_MAX ? NULL : realloc(tree->nodes, cap * sizeof *nodes);
    if (!nodes)
        return false;
    tree->nodes = nodes;
    const uint32_t slots_count = cap * 2;
    uint32_t *slots = calloc(slots_count, sizeof *slots);
    if (!slots)
        return false;
    for (uint32_t i = 0; i < tree->count; i++) {
        uint32_t slot = slot_first(&nodes[i], slots_count);
        while (slots[slot] != 0)
            slot = (slot + 1) & (slots_count - 1);
        slots[slot] = i + 1;
    }
    free(tree->slots);
    tree->slots = slots;
    tree->slots_count = slots_count;
    tree->cap = cap;
    return true;
}

uint32_t tree_join(struct tree *tree, uint32_t zero, uint32_t one)
{
    if (zero == one && tree_is_leaf(zero))
        return zero;
    if (tree->count == tree->cap && !tree->failed)
        tree->failed = !grow(tree);
    if (tree->failed)
        return tree_leaf(0);
    const struct tree_node node = {{zero, one}};
    uint32_t slot = slot_first(&node, tree->slots_count);
    for (; tree->slots[slot] != 0; slot = (slot + 1) & (tree->slots_count - 1)) {
        const uint32_t i = tree->slots[slot] - 1;
        if (tree->nodes[i].child[0] == zero && tree->nodes[i].child[1] == one)
            return i;
    }
    tree->nodes[tree->count] = node;
    tree->slots[slot] = ++tree->count;
    return tree->count - 1;
}

enum err tree_check(const struct tree *tree, struct diag *reterr)
{
    if (!tree->failed)
        return OK;
    if (tree->cap >= TREE_NODES_MAX)
        return diag_set(reterr, ERR_LIMIT, "a prefix tree has more than %d nodes (TREE_NODES_MAX)",
                        TREE_NODES_MAX);
    return diag_set(reterr, ERR_MEMORY, "out of memory after %u nodes", tree->count);
}

tree_bits tree_bits_of(const struct ip *ip)
{
    tree_bits number = 0;
    for (unsigned i = 0; i < ip_bits(ip) / 8; i++)
        number = number << 8 | ip->bytes[i];
    return number;
}

struct tree_fill tree_fill_of(struct tree *tree, unsigned bits)
{
    return (struct tree_fill){.tree = tree, .bits = bits};
}

/* The greatest k such that 2^k addresses begin at `next`, end at or before `last` and are one
 * subtree. */
static unsigned block_bits(const struct tree_fill *fill, tree_bits last)
{
    unsigned k = 0;
    while (k < fill->bits) {
        const tree_bits low = ((tree_bits)2 << k) - 1; /* the bits inside the next greater block */
        if ((fill->next & low) != 0 || last - fill->next < low)
            break;
        k++;
    }
    return k;
}

/* Put a finished subtree of 2^k addresses at `next`, and every subtree that it finishes. */
static void block_put(struct tree_fill *fill, unsigned k, uint32_t root)
{
    unsigned depth = fill->bits - k;
    for (; depth > 0 && (fill->next >> (fill->bits - depth) & 1) != 0; depth--)
        root = tree_join(fill->tree, fill->left[depth - 1], root);
    if (depth > 0) {
        fill->left[depth - 1] = root;
        fill->next += (tree_bits)1 << k;
    } else {
        fill->root = root;
        fill->complete = true;
    }
}

void tree_fill_to(struct tree_fill *fill, tree_bits last, uint32_t leaf)
{
    while (!fill->complete && fill->next <= last)
        block_put(fill, block_bits(fill, last), leaf);
}

uint32_t tree_fill_end(struct tree_fill *fill, uint32_t leaf)
{
    const tree_bits all =
        fill->bits == TREE_BITS_MAX ? ~(tree_bits)0 : ((tree_bits)1 << fill->bits) - 1;
    tree_fill_to(fill, all, leaf);
    return fill->root;
}
