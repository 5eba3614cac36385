/* geoip/source.h - one geo database, read whole: what it knows of any address.
 *
 * Whatever the format, a source is two prefix trees (geoip/tree.h) whose leaves are numbers of facts. Made by
 * geoip/database.c or geoip/saved.c, filled in by the reader of its format, read by geoip/build.c.
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

struct source {
    char *path;
    uint64_t identity; /* file_identity() of what was read; 0: it changed meanwhile */
    struct tree tree;
    uint32_t v4;         /* root for IPv4 addresses */
    uint32_t v6;         /* root for IPv6 addresses */
    struct intern facts; /* struct facts by leaf value; number 0 knows nothing */
};

/* A source that knows nothing yet (caller: source_free). ERR_MEMORY. */
NODISCARD enum err source_new(const char *path, struct source **ret, struct diag *reterr);
void source_free(struct source **source);

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
