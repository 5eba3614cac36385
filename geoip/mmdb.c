#include "geoip/mmdb.h"

#include "geoip/fields.h"
#include "geoip/record.h"

#include <maxminddb.h>
#include <stdlib.h>
#include <string.h>

enum { V4_DEPTH = 96 }; /* of the IPv4 addresses in an IPv6 tree (::/96) */

/* What a search node has become. */
struct seen {
    uint32_t root;
    uint8_t height; /* bits below it, 1..128; 0: not met yet */
};

struct walk {
    MMDB_s db;
    struct record_section section;
    struct source *source;
    struct seen *nodes;    /* by node number */
    struct intern offsets; /* offsets of data records met, and ... */
    struct buffer leaves;  /* ... the leaf of each */
    unsigned bits;         /* of an address: 32 or 128 */
    bool knows_something;  /* some record has a fact */
};

/* The leaf of a data record, which is read only once. */
static uint32_t record_leaf(struct walk *walk, const MMDB_entry_s *entry)
{
    static const struct facts nothing;
    const uint32_t known = walk->offsets.count;
    const uint32_t number = intern_put(&walk->offsets, &entry->offset, sizeof entry->offset);
    if (number == known && !walk->offsets.failed) {
        const struct record_value record = record_get(&walk->section, entry->offset);
        const struct facts facts = fields_read(&walk->section, &record);
        walk->knows_something |= memcmp(&facts, &nothing, sizeof facts) != 0;
        const uint32_t leaf = source_leaf(walk->source, &facts);
        (void)buffer_put(&walk->leaves, &leaf, sizeof leaf);
    }
    if (walk->offsets.failed || walk->leaves.failed)
        return tree_leaf(0);
    uint32_t leaf;
    memcpy(&leaf, walk->leaves.bytes + (size_t)number * sizeof leaf, sizeof leaf);
    return leaf;
}

static enum err broken(const struct walk *walk, uint64_t node, const char *what,
                       struct diag *reterr)
{
    return diag_set(reterr, ERR_CORRUPT, "%s: broken search tree: node %llu (byte %llu) %s",
                    walk->source->path, (unsigned long long)node,
                    (unsigned long long)(node * walk->db.full_record_byte_size), what);
}

static enum err walk_node(struct walk *walk, uint32_t number, unsigned depth, struct diag *reterr);

/* One of the two records of a node at `depth`: the tree below it and its height. */
static enum err walk_record(struct walk *walk, uint32_t node, uint64_t record, uint8_t type,
                            const MMDB_entry_s *entry, unsigned depth, struct seen *ret,
                            struct diag *reterr)
{
    *ret = (struct seen){.root = tree_leaf(0)};
    switch (type) {
    case MMDB_RECORD_TYPE_EMPTY:
        return OK;
    case MMDB_RECORD_TYPE_DATA:
        ret->root = record_leaf(walk, entry);
        return OK;
    case MMDB_RECORD_TYPE_SEARCH_NODE: {
        const enum err err = walk_node(walk, (uint32_t)record, depth + 1, reterr);
        if (err == OK)
            *ret = walk->nodes[record];
        return err;
    }
    default:
        return broken(walk, node, "points to neither a node nor a record", reterr);
    }
}

/* Make the tree below a node. A loop in the file ends where an address has no more bits: at most
 * 128 deep. */
static enum err walk_node(struct walk *walk, uint32_t number, unsigned depth, struct diag *reterr)
{
    MMDB_search_node_s node;
    struct seen zero;
    struct seen one;
    const uint8_t known = walk->nodes[number].height;
    if (depth >= walk->bits || depth + known > walk->bits)
        return broken(walk, number, "is deeper than an address has bits", reterr);
    if (known > 0)
        return OK;
    if (MMDB_read_node(&walk->db, number, &node) != MMDB_SUCCESS)
        return broken(walk, number, "cannot be read", reterr);
    enum err err = walk_record(walk, number, node.left_record, node.left_record_type,
                               &node.left_record_entry, depth, &zero, reterr);
    if (err == OK)
        err = walk_record(walk, number, node.right_record, node.right_record_type,
                          &node.right_record_entry, depth, &one, reterr);
    if (err != OK)
        return err;
    walk->nodes[number].root = tree_join(&walk->source->tree, zero.root, one.root);
    walk->nodes[number].height =
        (uint8_t)((zero.height > one.height ? zero.height : one.height) + 1);
    return OK;
}

/* An IPv6 database holds IPv4 addresses in ::/96. */
static uint32_t v4_root(const struct source *source)
{
    uint32_t root = source->v6;
    for (unsigned depth = 0; depth < V4_DEPTH; depth++)
        root = tree_child(&source->tree, root, 0);
    return root;
}

static enum err walk_all(struct walk *walk, struct diag *reterr)
{
    const MMDB_metadata_s *about = &walk->db.metadata;
    walk->bits = about->ip_version == 6 ? 128 : 32;
    walk->nodes = calloc((size_t)about->node_count + 1, sizeof *walk->nodes);
    if (!walk->nodes)
        return diag_set(reterr, ERR_MEMORY, "out of memory for %s", walk->source->path);
    const enum err err = about->node_count > 0 ? walk_node(walk, 0, 0, reterr)
                                               : broken(walk, 0, "is missing", reterr);
    if (err != OK)
        return err;
    if (walk->offsets.failed || walk->leaves.failed)
        return diag_set(reterr, ERR_MEMORY, "out of memory for %s", walk->source->path);
    if (!walk->knows_something)
        return diag_set(reterr, ERR_REFUSED,
                        "%s is a database of type %s: no record has a country, continent, "
                        "subdivision, AS number or coordinates",
                        walk->source->path, about->database_type ? about->database_type : "?");
    const uint32_t root = walk->nodes[0].root;
    walk->source->v6 = walk->bits == 128 ? root : tree_leaf(0);
    walk->source->v4 = walk->bits == 128 ? v4_root(walk->source) : root;
    return OK;
}

static enum err open_error(const char *path, int status, struct diag *reterr)
{
    if (status == MMDB_OUT_OF_MEMORY_ERROR)
        return diag_set(reterr, ERR_MEMORY, "out of memory for %s", path);
    if (status == MMDB_FILE_OPEN_ERROR || status == MMDB_IO_ERROR)
        return diag_errno(reterr, "cannot open %s", path);
    return diag_set(reterr, ERR_CORRUPT, "%s is cut short or damaged: libmaxminddb says: %s", path,
                    MMDB_strerror(status));
}

enum err mmdb_load(struct source *source, struct diag *reterr)
{
    struct walk walk = {.source = source};
    const int status = MMDB_open(source->path, MMDB_MODE_MMAP, &walk.db);
    if (status != MMDB_SUCCESS)
        return open_error(source->path, status, reterr);
    walk.section =
        (struct record_section){.bytes = walk.db.data_section, .len = walk.db.data_section_size};
    const enum err err = walk_all(&walk, reterr);
    free(walk.nodes);
    intern_fini(&walk.offsets);
    buffer_fini(&walk.leaves);
    MMDB_close(&walk.db);
    return err;
}
