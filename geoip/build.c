#include "geoip/build.h"

#include "geoip/classes.h"
#include "geoip/emit.h"
#include "geoip/layout.h"
#include "geoip/nets.h"
#include "geoip/overlay.h"
#include "geoip/sets.h"

#include "common/hash.h"

#include <stdlib.h>

/* The trees as far as they have been laid: first the nets, then one source after the other over
 * them. */
struct laid {
    struct tree tree;
    uint32_t v4; /* roots; leaves are traits, and classes when all is done */
    uint32_t v6;
};

struct build {
    struct sets sets;
    uint32_t *parents; /* of nets */
    struct classes classes;
    struct laid laid;
};

/* What trees are made from, the clients aside: files, the method, and its places. 0: some file is not
 * known. */
static uint64_t basis_of(const struct policy *policy, const uint64_t *identities, size_t count)
{
    uint64_t hash = hash_mix((uint64_t)policy->method << 32 | GEO_VERSION);
    for (size_t i = 0; i < count; i++) {
        if (identities[i] == 0)
            return 0;
        hash = hash_mix(hash ^ identities[i]);
    }
    for (size_t i = 0; policy->method == POLICY_NEAREST && i < policy->places_count; i++) {
        const struct policy_place *place = &policy->places[i];
        const double numbers[] = {place->region, place->latitude, place->longitude};
        hash = hash_bytes(numbers, sizeof numbers, hash);
    }
    return hash > 0 ? hash : 1;
}

static enum err basis_of_sources(const struct policy *policy, struct source *const *sources,
                                 size_t count, uint64_t *ret, struct diag *reterr)
{
    uint64_t *identities = calloc(count + 1, sizeof *identities);
    if (!identities)
        return diag_set(reterr, ERR_MEMORY, "out of memory for %zu sources", count);
    for (size_t i = 0; i < count; i++)
        identities[i] = sources[i]->identity;
    *ret = basis_of(policy, identities, count);
    free(identities);
    return OK;
}

static enum err lay_nets(struct build *build, struct diag *reterr)
{
    const enum err err =
        nets_make(&build->sets, IP_V4, &build->laid.tree, build->parents, &build->laid.v4, reterr);
    if (err != OK)
        return err;
    return nets_make(&build->sets, IP_V6, &build->laid.tree, build->parents, &build->laid.v6,
                     reterr);
}

static enum err lay_source(struct build *build, const struct source *source,
                           overlay_combine *combine, struct diag *reterr)
{
    struct laid over = {0};
    const struct laid *under = &build->laid;
    enum err err = classes_project(&build->classes, source, reterr);
    if (err != OK)
        return err;
    err = overlay_make(&over.tree, &(struct overlay_layer){&under->tree, under->v4},
                       &(struct overlay_layer){&source->tree, source->v4}, combine, &build->classes,
                       &over.v4, reterr);
    if (err == OK)
        err = overlay_make(&over.tree, &(struct overlay_layer){&under->tree, under->v6},
                           &(struct overlay_layer){&source->tree, source->v6}, combine,
                           &build->classes, &over.v6, reterr);
    if (err == OK)
        err = classes_check(&build->classes, reterr);
    tree_seal(&over.tree);
    tree_fini(&build->laid.tree);
    build->laid = over;
    return err;
}

/* The last source turns traits into classes; without any, one that knows nothing does. */
static enum err lay_sources(struct build *build, struct source *const *sources,
                            size_t sources_count, struct diag *reterr)
{
    if (sources_count == 0) {
        struct source *empty = NULL;
        enum err err = source_new("", &empty, reterr);
        if (err == OK)
            err = lay_source(build, empty, classes_assign, reterr);
        source_free(&empty);
        return err;
    }
    for (size_t i = 0; i < sources_count; i++) {
        const enum err err = lay_source(
            build, sources[i], i + 1 == sources_count ? classes_assign : classes_merge, reterr);
        if (err != OK)
            return err;
    }
    return OK;
}

static enum err build_image(struct build *build, const struct policy *policy,
                            struct source *const *sources, size_t sources_count, struct buffer *ret,
                            struct diag *reterr)
{
    enum err err = sets_make(policy, &build->sets, reterr);
    if (err != OK)
        return err;
    build->parents =
        calloc(build->sets.nets.len / sizeof(struct sets_net) + 1, sizeof *build->parents);
    if (!build->parents)
        return diag_set(reterr, ERR_MEMORY, "out of memory for the nets");
    err = classes_init(&build->classes, policy, &build->sets, build->parents, reterr);
    if (err == OK)
        err = lay_nets(build, reterr);
    if (err == OK)
        err = lay_sources(build, sources, sources_count, reterr);
    struct emit emit = {.tree = &build->laid.tree,
                        .v4 = build->laid.v4,
                        .v6 = build->laid.v6,
                        .classes = &build->classes,
                        .sets = &build->sets};
    if (err == OK)
        err = basis_of_sources(policy, sources, sources_count, &emit.basis, reterr);
    return err == OK ? emit_image(&emit, ret, reterr) : err;
}

enum err build_geo(const struct policy *policy, struct source *const *sources, size_t sources_count,
                   struct buffer *ret, struct diag *reterr)
{
    struct build build = {0};
    *ret = (struct buffer){0};
    const enum err err = build_image(&build, policy, sources, sources_count, ret, reterr);
    tree_fini(&build.laid.tree);
    classes_fini(&build.classes);
    free(build.parents);
    sets_fini(&build.sets);
    if (err == OK)
        return OK;
    buffer_fini(ret);
    return diag_prefix(reterr, err, "policy %s", policy->name);
}

static enum err choices_image(const struct policy *policy, const void *last, uint64_t basis,
                              struct sets *sets, struct buffer *ret, struct diag *reterr)
{
    const struct layout *layout = last;
    const enum err err = sets_make(policy, sets, reterr);
    if (err != OK)
        return err;
    if (basis == 0 || layout->basis != basis || !emit_is_kin(last, sets, policy->places_count))
        return diag_set(reterr, ERR_REFUSED, "more than choices has changed");
    return emit_again(last, policy, sets, ret, reterr);
}

enum err build_choices(const struct policy *policy, const void *last, size_t len,
                       const uint64_t *identities, size_t identities_count, struct buffer *ret,
                       struct diag *reterr)
{
    struct sets sets = {0};
    struct geo geo;
    *ret = (struct buffer){0};
    enum err err = geo_open(last, len, &geo, reterr);
    if (err == OK)
        err = choices_image(policy, last, basis_of(policy, identities, identities_count), &sets,
                            ret, reterr);
    sets_fini(&sets);
    if (err == OK)
        return OK;
    buffer_fini(ret);
    return diag_prefix(reterr, err, "policy %s", policy->name);
}
