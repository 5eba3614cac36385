#include "geoip/saved.h"

#include "common/file.h"
#include "common/frame.h"

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* What a saved source begins with. */
struct saved {
    struct frame frame;
    uint64_t identity;
    uint32_t nodes_count;
    uint32_t facts_count;
    uint32_t v4;
    uint32_t v6;
    uint64_t reserved;
};

_Static_assert(sizeof(struct saved) == 64, "nodes and facts begin on multiples of 8");

static uint64_t saved_len(const struct saved *saved)
{
    return sizeof *saved + (uint64_t)saved->nodes_count * sizeof(struct tree_node) +
           (uint64_t)saved->facts_count * sizeof(struct facts);
}

static void saved_put(const struct source *source, const struct saved *head, struct buffer *ret)
{
    buffer_reserve(ret, saved_len(head));
    (void)buffer_put(ret, head, sizeof *head);
    (void)buffer_put(ret, source->tree.nodes, head->nodes_count * sizeof(struct tree_node));
    for (uint32_t i = 0; i < head->facts_count; i++)
        (void)buffer_put(ret, source_facts(source, i), sizeof(struct facts));
}

/* Others need the room more than we do. */
static enum err room_check(const char *file, uint64_t len, struct diag *reterr)
{
    struct statvfs room;
    char *dir = strdup(file);
    if (!dir)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    char *slash = strrchr(dir, '/');
    if (slash)
        *slash = '\0';
    const int failed = statvfs(slash ? dir : ".", &room);
    free(dir);
    if (failed)
        return diag_errno(reterr, "cannot tell the room left for %s", file);
    return (uint64_t)room.f_bavail * room.f_frsize / SAVED_ROOM_SHARE >= len
               ? OK
               : diag_set(reterr, ERR_SYSTEM, "no room for %s", file);
}

enum err saved_write(const struct source *source, const char *file, struct diag *reterr)
{
    const struct saved head = {.identity = source->identity,
                               .nodes_count = source->tree.count,
                               .facts_count = source->facts.count,
                               .v4 = source->v4,
                               .v6 = source->v6};
    if (head.identity == 0)
        return diag_set(reterr, ERR_REFUSED, "%s has changed while it was read", source->path);
    if (saved_len(&head) > SAVED_LEN_MAX)
        return diag_set(reterr, ERR_LIMIT, "%s is over SAVED_LEN_MAX (%d bytes)", source->path,
                        SAVED_LEN_MAX);
    struct buffer all = {0};
    enum err err = room_check(file, saved_len(&head), reterr);
    if (err == OK) {
        saved_put(source, &head, &all);
        err = buffer_check(&all, reterr);
    }
    if (err == OK) {
        frame_seal(all.bytes, all.len, FRAME_SOURCE, SAVED_VERSION);
        err = file_create(file, all.bytes, all.len, 0640, reterr);
        if (err != OK)
            (void)unlink(file);
    }
    buffer_fini(&all);
    return err;
}

/* Reading it again ----------------------------------------------------------------------------- */

/* Steps from `root` to its farthest leaf by the heights of the nodes before `end`; UINT_MAX: it is
 * neither such a node nor the leaf of a fact. */
static unsigned height_of(const uint8_t *heights, uint32_t end, uint32_t facts_count, uint32_t root)
{
    if (tree_is_leaf(root))
        return tree_value(root) < facts_count ? 0 : UINT_MAX;
    return root < end ? heights[root] : UINT_MAX;
}

/* Children stand before their parents, and no way down is longer than an address. */
static bool tree_is_good(const struct saved *head, const struct tree *tree, uint8_t *heights)
{
    for (uint32_t i = 0; i < head->nodes_count; i++) {
        const uint32_t *child = tree->nodes[i].child;
        const unsigned zero = height_of(heights, i, head->facts_count, child[0]);
        const unsigned one = height_of(heights, i, head->facts_count, child[1]);
        const unsigned higher = zero > one ? zero : one;
        if (higher >= TREE_BITS_MAX)
            return false;
        heights[i] = (uint8_t)(higher + 1);
    }
    const uint32_t end = head->nodes_count;
    return height_of(heights, end, head->facts_count, head->v4) <= 32 &&
           height_of(heights, end, head->facts_count, head->v6) <= TREE_BITS_MAX;
}

static bool facts_are_good(const struct facts *facts)
{
    uint8_t has_place; /* which may be no bool */
    memcpy(&has_place, (const uint8_t *)facts + offsetof(struct facts, has_place), 1);
    bool good = has_place <= 1 && facts->subdivisions_count <= FACTS_SUBDIVISIONS_MAX &&
                memchr(facts->country, '\0', FACTS_CODE_MAX) != NULL &&
                memchr(facts->continent, '\0', FACTS_CODE_MAX) != NULL;
    for (unsigned i = 0; i < FACTS_SUBDIVISIONS_MAX; i++)
        good = good && memchr(facts->subdivisions[i], '\0', FACTS_SUBDIVISION_MAX) != NULL;
    return good &&
           (has_place == 0 || (fabs(facts->latitude) <= 90 && fabs(facts->longitude) <= 180));
}

/* Every fact once, and first that nothing is known. */
static bool facts_take(struct source *source, const struct facts *facts, uint32_t count)
{
    static const struct facts nothing;
    if (count == 0 || memcmp(facts, &nothing, sizeof nothing) != 0)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!facts_are_good(&facts[i]) ||
            (intern_put(&source->facts, &facts[i], sizeof facts[i]) != i && !source->facts.failed))
            return false;
    return true;
}

static enum err saved_take(struct source *source, const struct saved *head, struct diag *reterr)
{
    const struct tree_node *nodes = (const struct tree_node *)(const void *)(head + 1);
    const struct facts *facts = (const struct facts *)(const void *)(nodes + head->nodes_count);
    struct tree *tree = &source->tree;
    const size_t count = head->nodes_count;
    uint8_t *heights = calloc(count + 1, sizeof *heights);
    tree->nodes = calloc(count + 1, sizeof *tree->nodes);
    bool good = false;
    const bool failed = !heights || !tree->nodes;
    if (!failed) {
        memcpy(tree->nodes, nodes, count * sizeof *nodes);
        tree->count = tree->cap = head->nodes_count;
        good = facts_take(source, facts, head->facts_count) && tree_is_good(head, tree, heights);
    }
    free(heights);
    source->v4 = head->v4;
    source->v6 = head->v6;
    source->identity = head->identity;
    if (failed || source->facts.failed)
        return diag_set(reterr, ERR_MEMORY, "out of memory for %s", source->path);
    return good ? OK
                : diag_set(reterr, ERR_CORRUPT, "what was saved of %s is damaged", source->path);
}

static enum err saved_check(const struct file_map *map, uint64_t identity, struct diag *reterr)
{
    const struct saved *head = (const struct saved *)(const void *)map->bytes;
    if (map->len > SAVED_LEN_MAX)
        return diag_set(reterr, ERR_LIMIT, "%zu bytes are over SAVED_LEN_MAX (%d)", map->len,
                        SAVED_LEN_MAX);
    const enum err err = frame_check(map->bytes, map->len, FRAME_SOURCE, SAVED_VERSION, reterr);
    if (err != OK)
        return err;
    if (map->len < sizeof *head || saved_len(head) != map->len || head->identity != identity)
        return diag_set(reterr, ERR_CORRUPT, "its header does not fit");
    return OK;
}

enum err saved_read(const char *file, const char *path, uint64_t identity, struct source **ret,
                     struct diag *reterr)
{
    struct source *source;
    struct file_map map;
    enum err err = file_map_open(file, &map, reterr);
    if (err != OK)
        return err;
    err = saved_check(&map, identity, reterr);
    if (err == OK)
        err = source_new(path, &source, reterr);
    if (err == OK) {
        err = saved_take(source, (const struct saved *)(const void *)map.bytes, reterr);
        if (err == OK)
            *ret = source;
        else
            source_free(&source);
    }
    file_map_close(&map);
    return err == OK ? OK : diag_prefix(reterr, err, "%s", file);
}
