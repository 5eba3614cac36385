#include "geoip/source.h"

#include <stdlib.h>
#include <string.h>

enum err source_new(const char *path, struct source **ret, struct diag *reterr)
{
    static const struct facts nothing;
    struct source *source = calloc(1, sizeof *source);
    if (source) {
        source->path = strdup(path);
        source->v4 = source->v6 = tree_leaf(intern_put(&source->facts, &nothing, sizeof nothing));
    }
    if (!source || !source->path || source->facts.failed) {
        source_free(&source);
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    }
    *ret = source;
    return OK;
}

void source_free(struct source **source)
{
    if (!*source)
        return;
    tree_fini(&(*source)->tree);
    intern_fini(&(*source)->facts);
    free((*source)->path);
    free(*source);
    *source = NULL;
}

const struct facts *source_facts(const struct source *source, uint32_t value)
{
    return intern_get(&source->facts, value, NULL);
}
