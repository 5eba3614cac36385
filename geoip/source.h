/* geoip/source.h - one geo database file, read whole: what it knows of any address.
 *
 * Whatever the format, a source is two prefix trees (geoip/tree.h) whose leaves are numbers of
 * facts; the file is closed again before source_open() returns. Read by geoip/build.c, once for
 * each policy.
 *
 * To read a file of text takes ten times as long as to build from it, so a compiler saves what it
 * has read and the next one loads that, as long as the file is the same. What is saved:
 *
 *    header | nodes_count * struct tree_node, below their parents | facts_count * struct facts
 */
#ifndef GEOIP_SOURCE_H
#define GEOIP_SOURCE_H

#include "geoip/continent.h"
#include "geoip/facts.h"
#include "geoip/intern.h"
#include "geoip/tree.h"

#include "common/err.h"

#include <stdint.h>
#include <string.h>

enum {
    SOURCE_VERSION = 1, /* of what is saved: a new one whenever we read anything differently */
    SOURCE_SAVED_MAX = 512 << 20, /* bytes of it: five times a full City database */
    SOURCE_SAVED_SHARE = 8,       /* it takes one of so many parts of the room that is left */
};

struct source {
    char *path;
    uint64_t identity; /* file_identity() of what was read; 0: it changed meanwhile */
    struct tree tree;
    uint32_t v4;         /* root for IPv4 addresses */
    uint32_t v6;         /* root for IPv6 addresses */
    struct intern facts; /* struct facts by leaf value; number 0 knows nothing */
};

/* Read an MMDB file or one of tor's text files, told apart by content (caller: source_close). On
 * failure the sentence names the file and the line or node. ERR_MISSING, ERR_SYSTEM, ERR_MEMORY;
 * ERR_SYNTAX: text that is not tor's; ERR_CORRUPT: an MMDB that is cut short or broken;
 * ERR_REFUSED: one without geographic facts. */
NODISCARD enum err source_open(const char *path, struct source **ret, struct diag *reterr);
void source_close(struct source **source);

/* Save what source_open() has read as `file`, unless there is little room (SOURCE_SAVED_SHARE). On
 * failure there is no `file`. ERR_REFUSED: the source changed meanwhile;
 * ERR_LIMIT: SOURCE_SAVED_MAX; ERR_SYSTEM, ERR_MEMORY. */
NODISCARD enum err source_save(const struct source *source, const char *file, struct diag *reterr);

/* Load from `file` what was saved of the database `path` when that had this identity (caller:
 * source_close). Every number in it is checked. ERR_MISSING; ERR_CORRUPT: damaged, or of another
 * database; ERR_VERSION; ERR_LIMIT; ERR_SYSTEM, ERR_MEMORY. Cost: linear in the file. */
NODISCARD enum err source_load(const char *file, const char *path, uint64_t identity,
                               struct source **ret, struct diag *reterr);

/* For loaders: the leaf for these facts; fills in the continent if only the country is known. */
static inline uint32_t source_leaf(struct source *source, const struct facts *facts)
{
    struct facts full = *facts;
    if (full.continent[0] == '\0')
        (void)stpcpy(full.continent, continent_of_country(full.country));
    return tree_leaf(intern_put(&source->facts, &full, sizeof full));
}

/* The facts of a leaf's value. */
const struct facts *source_facts(const struct source *source, uint32_t value);

#endif
