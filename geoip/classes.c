#include "geoip/classes.h"

#include "geoip/nets.h"

#include <stdio.h>
#include <stdlib.h>

_Static_assert(NETS_NESTED_MAX + 1 + FACTS_SUBDIVISIONS_MAX + 3 <= GEO_CHAIN_MAX,
               "a chain has room for every set");

/* Seeing facts --------------------------------------------------------------------------------- */

static uint32_t see_text(const struct classes *classes, enum sets_kind kind, const char *text)
{
    if (text[0] == '\0' || !classes->sets->has[kind])
        return CLASSES_UNKNOWN;
    const uint32_t set = sets_find(classes->sets, kind, text);
    return set == SETS_NONE ? CLASSES_OTHER : CLASSES_FIRST + set;
}

static uint32_t see_asn(const struct classes *classes, uint32_t asn)
{
    char text[16] = "";
    if (asn != 0)
        (void)snprintf(text, sizeof text, "%u", asn);
    return see_text(classes, SETS_ASN, text);
}

static uint32_t see_subdivisions(struct classes *classes, const struct facts *facts)
{
    uint32_t sets[FACTS_SUBDIVISIONS_MAX];
    uint32_t count = 0;
    if (facts->subdivisions_count == 0 || !classes->sets->has[SETS_SUBDIVISION])
        return CLASSES_UNKNOWN;
    for (unsigned i = facts->subdivisions_count; i-- > 0;) {
        const uint32_t set = sets_find(classes->sets, SETS_SUBDIVISION, facts->subdivisions[i]);
        if (set != SETS_NONE)
            sets[count++] = set;
    }
    return count == 0 ? CLASSES_OTHER
                      : CLASSES_FIRST + intern_put(&classes->lists, sets, count * sizeof *sets);
}

struct ranked {
    double km;
    uint16_t region;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;
    if (x->km < y->km || x->km > y->km)
        return x->km < y->km ? -1 : 1;
    return (int)x->region - (int)y->region;
}

static uint32_t see_place(struct classes *classes, const struct facts *facts)
{
    struct ranked ranked[REGIONS_MAX];
    uint16_t regions[REGIONS_MAX];
    const size_t count = classes->policy->places_count;
    if (!facts->has_place || count == 0)
        return CLASSES_UNKNOWN;
    const struct distance_point client = distance_point_of(facts->latitude, facts->longitude);
    for (size_t i = 0; i < count; i++)
        ranked[i] = (struct ranked){distance_km(&client, &classes->places[i]),
                                    classes->policy->places[i].region};
    qsort(ranked, count, sizeof ranked[0], compare_ranked);
    for (size_t i = 0; i < count; i++)
        regions[i] = ranked[i].region;
    return CLASSES_FIRST + intern_put(&classes->orderings, regions, count * sizeof regions[0]);
}

static uint32_t see(struct classes *classes, const struct facts *facts)
{
    struct classes_traits traits = {.asn = see_asn(classes, facts->asn)};
    if (classes->policy->method == POLICY_NEAREST) {
        traits.place = see_place(classes, facts);
    } else {
        traits.subdivisions = see_subdivisions(classes, facts);
        traits.country = see_text(classes, SETS_COUNTRY, facts->country);
        traits.continent = see_text(classes, SETS_CONTINENT, facts->continent);
    }
    return intern_put(&classes->traits, &traits, sizeof traits);
}

enum err classes_project(struct classes *classes, const struct source *source, struct diag *reterr)
{
    const uint32_t count = source->facts.count;
    free(classes->projected);
    classes->projected = calloc(count, sizeof *classes->projected);
    if (!classes->projected)
        return diag_set(reterr, ERR_MEMORY, "out of memory for %u facts", count);
    for (uint32_t i = 0; i < count; i++)
        classes->projected[i] = see(classes, source_facts(source, i));
    return classes_check(classes, reterr);
}

/* Combining ------------------------------------------------------------------------------------ */

static struct classes_traits merge(const struct classes *classes, uint32_t a, uint32_t b)
{
    struct classes_traits traits =
        *(const struct classes_traits *)intern_get(&classes->traits, a, NULL);
    const struct classes_traits *below = intern_get(&classes->traits, classes->projected[b], NULL);
    if (traits.asn == CLASSES_UNKNOWN)
        traits.asn = below->asn;
    if (traits.place == CLASSES_UNKNOWN)
        traits.place = below->place;
    if (traits.subdivisions == CLASSES_UNKNOWN)
        traits.subdivisions = below->subdivisions;
    if (traits.country == CLASSES_UNKNOWN)
        traits.country = below->country;
    if (traits.continent == CLASSES_UNKNOWN)
        traits.continent = below->continent;
    return traits;
}

uint32_t classes_merge(void *context, uint32_t a, uint32_t b)
{
    struct classes *classes = context;
    if (classes->traits.failed)
        return 0;
    const struct classes_traits traits = merge(classes, a, b);
    return intern_put(&classes->traits, &traits, sizeof traits);
}

struct chain {
    uint32_t sets[GEO_CHAIN_MAX];
    uint32_t count;
};

static void chain_put(struct chain *chain, uint32_t trait)
{
    if (trait >= CLASSES_FIRST)
        chain->sets[chain->count++] = trait - CLASSES_FIRST;
}

static void chain_put_nets(struct chain *chain, const struct classes *classes, uint32_t trait)
{
    const struct sets_net *nets = (const struct sets_net *)(const void *)classes->sets->nets.bytes;
    if (trait == CLASSES_UNKNOWN)
        return;
    for (uint32_t i = trait - CLASSES_FIRST; i != NETS_NONE; i = classes->parents[i])
        chain->sets[chain->count++] = nets[i].set;
}

static void chain_put_list(struct chain *chain, const struct classes *classes, uint32_t trait)
{
    if (trait < CLASSES_FIRST)
        return;
    size_t len;
    const uint32_t *sets = intern_get(&classes->lists, trait - CLASSES_FIRST, &len);
    for (size_t i = 0; i < len / sizeof *sets; i++)
        chain->sets[chain->count++] = sets[i];
}

uint32_t classes_assign(void *context, uint32_t a, uint32_t b)
{
    struct classes *classes = context;
    if (classes->traits.failed)
        return 0;
    const struct classes_traits traits = merge(classes, a, b);
    struct chain chain = {.count = 0};
    chain_put_nets(&chain, classes, traits.net);
    chain_put(&chain, traits.asn);
    if (traits.place >= CLASSES_FIRST) /* sets of orderings stand behind those of rules */
        chain_put(&chain, classes->sets->names.count + traits.place);
    chain_put_list(&chain, classes, traits.subdivisions);
    chain_put(&chain, traits.country);
    chain_put(&chain, traits.continent);
    const uint32_t fallback = sets_find(classes->sets, SETS_DEFAULT, "");
    if (fallback != SETS_NONE)
        chain.sets[chain.count++] = fallback;
    return intern_put(&classes->chains, chain.sets, chain.count * sizeof chain.sets[0]);
}

/* Life ----------------------------------------------------------------------------------------- */

static enum err put_net_traits(struct classes *classes, struct diag *reterr)
{
    const size_t count = classes->sets->nets.len / sizeof(struct sets_net);
    struct classes_traits traits = {0};
    (void)intern_put(&classes->traits, &traits, sizeof traits);
    for (uint32_t i = 0; i < count; i++) {
        traits.net = CLASSES_FIRST + i;
        (void)intern_put(&classes->traits, &traits, sizeof traits);
    }
    return intern_check(&classes->traits, reterr);
}

enum err classes_init(struct classes *ret, const struct policy *policy, const struct sets *sets,
                      const uint32_t *parents, struct diag *reterr)
{
    *ret = (struct classes){.policy = policy, .sets = sets, .parents = parents};
    if (policy->places_count > REGIONS_MAX)
        return diag_set(reterr, ERR_LIMIT, "%zu regions are over REGIONS_MAX (%d)",
                        policy->places_count, REGIONS_MAX);
    ret->places = calloc(policy->places_count + 1, sizeof *ret->places);
    if (!ret->places)
        return diag_set(reterr, ERR_MEMORY, "out of memory for %zu regions", policy->places_count);
    for (size_t i = 0; i < policy->places_count; i++)
        ret->places[i] = distance_point_of(policy->places[i].latitude, policy->places[i].longitude);
    return put_net_traits(ret, reterr);
}

void classes_fini(struct classes *classes)
{
    free(classes->places);
    free(classes->projected);
    intern_fini(&classes->traits);
    intern_fini(&classes->lists);
    intern_fini(&classes->orderings);
    intern_fini(&classes->chains);
}

enum err classes_check(const struct classes *classes, struct diag *reterr)
{
    const struct intern *const all[] = {&classes->traits, &classes->lists, &classes->orderings,
                                        &classes->chains};
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        const enum err err = intern_check(all[i], reterr);
        if (err != OK)
            return err;
    }
    if (classes->chains.count > GEO_CLASSES_MAX)
        return diag_set(reterr, ERR_LIMIT, "%u classes of clients are over GEO_CLASSES_MAX (%d)",
                        classes->chains.count, GEO_CLASSES_MAX);
    if (classes->sets->names.count + classes->orderings.count > GEO_SETS_MAX)
        return diag_set(reterr, ERR_LIMIT,
                        "%u orderings of the regions by distance are over GEO_SETS_MAX (%d)",
                        classes->orderings.count, GEO_SETS_MAX);
    return OK;
}
