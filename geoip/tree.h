/* geoip/tree.h - prefix trees under construction: which value does each address have?
 *
 * A tree is a number, its *root*: a leaf that holds a value, or a node with a child for each value
 * of the next address bit. All trees of one `struct tree` share their nodes: equal nodes are stored
 * once, and a node whose children are the same leaf is that leaf. So two roots are equal exactly if
 * the trees are, and a leaf's depth is the least number of address bits that tell its value. A node
 * does not know its depth: an IPv4 tree may hang below an IPv6 one.
 *
 *    31 = 1 | 30..0 value        a leaf
 *    31 = 0 | 30..0 node index   a node
 *
 * Sticky like common/buffer.h: when memory or TREE_NODES_MAX runs out, `failed` is set and what is
 * made is void.
 */
#ifndef GEOIP_TREE_H
#define GEOIP_TREE_H

#include "common/err.h"
#include "common/ip.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    TREE_NODES_MAX = 1 << 27, /* 1 GiB of nodes: 16 times what a full City database needs */
    TREE_BITS_MAX = 128,
};

struct tree_node {
    uint32_t child[2];
};

struct tree {
    struct tree_node *nodes;
    uint32_t count;
    uint32_t cap;
    uint32_t *slots;      /* node index + 1, or 0 */
    uint32_t slots_count; /* 0 or a power of two */
    bool failed;
};

static inline uint32_t tree_leaf(uint32_t value)
{
    return value | UINT32_C(1) << 31;
}

static inline bool tree_is_leaf(uint32_t root)
{
    return root >> 31;
}

static inline uint32_t tree_value(uint32_t leaf)
{
    return leaf & ~(UINT32_C(1) << 31);
}

/* The tree below `root` for a next bit of `bit`; a leaf's is itself. */
static inline uint32_t tree_child(const struct tree *tree, uint32_t root, unsigned bit)
{
    return tree_is_leaf(root) ? root : tree->nodes[root].child[bit];
}

void tree_fini(struct tree *tree);

/* The tree with these two children. */
uint32_t tree_join(struct tree *tree, uint32_t zero, uint32_t one);

/* Give back the memory that only tree_join() needs; it must not be called any more. */
void tree_seal(struct tree *tree);

/* ERR_MEMORY, ERR_LIMIT (TREE_NODES_MAX), OK. */
NODISCARD enum err tree_check(const struct tree *tree, struct diag *reterr);

/* 128 bits of an address, or the 32 of an IPv4 one, as a number. */
__extension__ typedef unsigned __int128 tree_bits;

tree_bits tree_bits_of(const struct ip *ip);

/* A tree being written from its lowest address to its highest. Memory: only what the tree itself
 * takes. */
struct tree_fill {
    struct tree *tree;
    unsigned bits;                /* of an address: 32 or 128 */
    bool complete;                /* the last address has its value */
    tree_bits next;               /* the first address without one */
    uint32_t left[TREE_BITS_MAX]; /* by depth: the finished tree left of `next` */
    uint32_t root;                /* when complete */
};

struct tree_fill tree_fill_of(struct tree *tree, unsigned bits);

/* Give all addresses from `next` to `last` the leaf `leaf`. Nothing to do when last < next. */
void tree_fill_to(struct tree_fill *fill, tree_bits last, uint32_t leaf);

/* Give what is left the leaf `leaf`; returns the root. */
uint32_t tree_fill_end(struct tree_fill *fill, uint32_t leaf);

#endif
