#include "zones/compile/stand_in.h"

#include "zones/rdata/rdata.h"

#include <stdbool.h>
#include <string.h>

/* A region of the policy's `default` rules in which the service has a pool. */
struct choice {
    const struct draft_pool *pool;
    uint32_t tier;
    uint32_t weight;
};

/* All of them, in order of tier. */
struct choices {
    struct choice rows[REGIONS_MAX];
    unsigned count;
};

static const struct draft_pool *pool_find(const struct draft *draft,
                                          const struct draft_service *service, int region)
{
    for (uint32_t i = 0; i < service->pools_count; i++) {
        const struct draft_pool *pool = draft_pool(draft, service->pools_first + i);
        if (pool->region == region)
            return pool;
    }
    return NULL;
}

static enum err choices_read(struct store *store, const struct census *census, const char *policy,
                             const struct draft *draft, const struct draft_service *service,
                             struct choices *ret, struct diag *reterr)
{
    struct store_rows rows;
    struct store_default row;
    ret->count = 0;
    store_defaults(store, policy, &rows);
    while (store_default_next(&rows, &row) && ret->count < REGIONS_MAX) {
        const struct draft_pool *pool =
            pool_find(draft, service, census_region_find(census, row.region));
        if (!pool || pool->endpoints_count == 0)
            continue;
        ret->rows[ret->count++] = (struct choice){
            .pool = pool,
            .tier = row.tier,
            .weight = row.weight == STORE_WEIGHT_OF_POOL ? pool->weight : row.weight,
        };
    }
    return store_rows_end(&rows, reterr);
}

/* Hosts ---------------------------------------------------------------------------------------- */

static const struct choice *heaviest_choice(const struct choices *choices)
{
    const struct choice *best = choices->rows;
    for (unsigned i = 1; i < choices->count && choices->rows[i].tier == choices->rows->tier; i++)
        if (choices->rows[i].weight > best->weight)
            best = &choices->rows[i];
    return best;
}

static const struct draft_endpoint *heaviest_endpoint(const struct draft *draft,
                                                      const struct draft_pool *pool)
{
    const struct draft_endpoint *row = draft_endpoint(draft, pool->endpoints_first), *best = row;
    for (uint32_t i = 1; i < pool->endpoints_count; i++)
        if (row[i].weight > best->weight)
            best = &row[i];
    return best;
}

/* Addresses ------------------------------------------------------------------------------------ */

/* Whether one of these addresses is at `wire` already. */
static bool is_known(const struct draft *draft, const struct draft_endpoint *const *known,
                     unsigned count, const struct draft_endpoint *endpoint)
{
    const size_t len = endpoint->kind == KIND_V4 ? 4 : 16;
    for (unsigned i = 0; i < count; i++)
        if (memcmp(draft->rdata.bytes + known[i]->wire_off, draft->rdata.bytes + endpoint->wire_off,
                   len) == 0)
            return true;
    return false;
}

static unsigned endpoints_take(const struct draft *draft, const struct draft_pool *pool,
                               enum kind kind, const struct draft_endpoint **taken, unsigned count)
{
    for (uint32_t i = 0; i < pool->endpoints_count && count < STAND_IN_ADDRESSES_MAX; i++) {
        const struct draft_endpoint *endpoint = draft_endpoint(draft, pool->endpoints_first + i);
        if (endpoint->kind == kind && !is_known(draft, taken, count, endpoint))
            taken[count++] = endpoint;
    }
    return count;
}

/* The first tier that has endpoints of the kind: which it is, and whether any of its regions has weight. */
static bool tier_find(const struct choices *choices, enum kind kind, uint32_t *ret_tier,
                      bool *ret_weighted)
{
    bool found = false;
    *ret_weighted = false;
    for (unsigned i = 0; i < choices->count; i++) {
        const struct choice *choice = &choices->rows[i];
        if (choice->pool->counts[kind] == 0)
            continue;
        if (found && choice->tier != *ret_tier)
            break;
        found = true;
        *ret_tier = choice->tier;
        *ret_weighted = *ret_weighted || choice->weight > 0;
    }
    return found;
}

static void addresses_put(struct draft *draft, uint32_t idx, const struct choices *choices,
                          enum kind kind)
{
    const struct draft_endpoint *taken[STAND_IN_ADDRESSES_MAX];
    unsigned count = 0;
    uint32_t tier;
    bool weighted;
    if (!tier_find(choices, kind, &tier, &weighted))
        return;
    for (unsigned i = 0; i < choices->count; i++)
        if (choices->rows[i].tier == tier && (choices->rows[i].weight > 0 || !weighted))
            count = endpoints_take(draft, choices->rows[i].pool, kind, taken, count);
    draft_stand_in_put(draft, idx, kind == KIND_V4 ? RDATA_A : RDATA_AAAA);
    for (unsigned i = 0; i < count; i++)
        draft_stand_in_record_put(draft, taken[i]);
}

enum err stand_in_put(struct store *store, const struct census *census, const char *policy,
                      struct draft *draft, uint32_t idx, struct diag *reterr)
{
    struct choices choices;
    const enum err err =
        choices_read(store, census, policy, draft, draft_service(draft, idx), &choices, reterr);
    if (err != OK || choices.count == 0)
        return err;
    const struct draft_pool *heaviest = heaviest_choice(&choices)->pool;
    if (heaviest->counts[KIND_HOST] > 0) {
        draft_stand_in_put(draft, idx, RDATA_CNAME);
        draft_stand_in_record_put(draft, heaviest_endpoint(draft, heaviest));
        return OK;
    }
    addresses_put(draft, idx, &choices, KIND_V4);
    addresses_put(draft, idx, &choices, KIND_V6);
    return OK;
}
