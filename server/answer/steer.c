#include "server/answer/steer.h"

#include "common/hash.h"
#include "geoip/policy.h"
#include "server/answer/draw.h"
#include "server/answer/query.h"

/* One walk through the sets, tiers and regions: what it looks for, and what it has seen. */
struct walk {
    const struct steer_case *asked;
    struct draw draw;
    struct steer_trace *trace;
    struct geo_chain chain;
    enum step step;
    bool met;                        /* some region on the way has endpoints of the kind */
    uint64_t idle[REGIONS_MAX / 64]; /* bit r: region r does not serve on this step */
};

/* How one region stands on a step. Words are read once, so that the board may change meanwhile. */
struct stand {
    const struct image_pool_row *pool;
    struct health region_word, pool_word;
    enum kind kind; /* of the endpoints that it is judged by */
    enum trace_why why;
    enum step step;  /* that its endpoints serve on: a lower one in panic */
    uint32_t weight; /* of the rule or the pool */
    uint64_t scaled; /* by the shares of region and pool */
    uint16_t serving, total;
    const struct image_endpoint *witness; /* one of those that serve */
};

/* The region that a tier's draw took. */
struct drawn {
    double key;
    struct stand stand;
};

/* What serves ---------------------------------------------------------------------------------- */

static enum state stronger(enum state a, enum state b)
{
    return a > b ? a : b;
}

static enum state state_fold(struct health region, struct health pool, struct health endpoint)
{
    return stronger(stronger(region.state, pool.state), endpoint.state);
}

bool steer_endpoint_serves(enum step step, struct health region, struct health pool,
                           struct health endpoint)
{
    const enum state state = state_fold(region, pool, endpoint);
    const bool drains = step == STEP_DRAINING || step == STEP_ALL_UP_DRAINS;
    if (state == STATE_DOWN || (state == STATE_DRAIN && !drains))
        return false;
    if (step >= STEP_ALL_UP)
        return true;
    const bool region_healthy = region.verdict != VERDICT_DOWN || region.state == STATE_UP;
    return region_healthy && (endpoint.verdict != VERDICT_DOWN || state == STATE_UP);
}

/* By which of its endpoints a pool is judged. A pool of hosts answers for both families, and has nothing
 * else. Where other pools of the service have hosts, one of addresses stands for its region even if it lacks
 * the asked family: the CNAME of another region would stand for all types of the name (RFC 1034 3.6.2), so
 * also for those that this one has. */
static enum kind kind_in(const struct steer_case *asked, const struct image_pool_row *pool)
{
    if (pool->counts[KIND_HOST] > 0)
        return KIND_HOST;
    const bool mixed = asked->service->kinds & 1 << KIND_HOST;
    if (!mixed || pool->counts[asked->kind] > 0)
        return asked->kind;
    return pool->counts[KIND_V4] > 0 ? KIND_V4 : KIND_V6;
}

static const struct image_endpoint *endpoints_at(const struct image_zone *zone,
                                                 const struct image_pool_row *pool, enum kind kind)
{
    const struct image_endpoint *endpoints = image_at(zone, pool->endpoints_off);
    return endpoints + (kind == KIND_V6 ? pool->counts[KIND_V4] : 0);
}

/* Whether the serving endpoints have less of the pool's weight than panic_below. It is the rule of
 * serve_all for one pool, so a service that would rather say nothing does not panic; nor does a
 * pool of which none serves: there the next region takes over. The image has rounded
 * panic_below, here it counts as the least that it can have been, so that half of the weight is
 * not under a half. */
static bool panics(const struct image_service *service, uint64_t serving_weight,
                   uint64_t total_weight)
{
    const uint64_t halves = 2 * (uint64_t)service->panic_below;
    return service->all_down == ALL_DOWN_SERVE_ALL && halves > 0 && serving_weight > 0 &&
           serving_weight * 2 * BOARD_SHARE_ALL < total_weight * (halves - 1);
}

static bool endpoint_serves(const struct walk *walk, const struct stand *stand,
                            const struct image_endpoint *endpoint)
{
    const struct health word = board_get(walk->asked->board, endpoint->slot);
    return steer_endpoint_serves(stand->step, stand->region_word, stand->pool_word, word);
}

/* Count the endpoints of the kind that serve on `stand->step`; returns whether they leave the
 * pool in panic. What an operator has taken away is no sign of sickness, and has no part in that. */
static bool endpoints_count(const struct walk *walk, struct stand *stand)
{
    const struct steer_case *asked = walk->asked;
    const struct image_endpoint *endpoints = endpoints_at(asked->zone, stand->pool, stand->kind);
    uint64_t serving_weight = 0, total_weight = 0;
    stand->serving = 0;
    for (unsigned i = 0; i < stand->total; i++) {
        const struct health word = board_get(asked->board, endpoints[i].slot);
        const uint32_t weight = word.state >= STATE_DRAIN ? 0 : endpoints[i].weight;
        total_weight += weight;
        if (steer_endpoint_serves(stand->step, stand->region_word, stand->pool_word, word)) {
            stand->serving++;
            stand->witness = &endpoints[i];
            serving_weight += weight;
        }
    }
    return stand->step < STEP_ALL_UP && panics(asked->service, serving_weight, total_weight);
}

/* The reason for which none of a region's endpoints can serve on a step, or WHY_SERVES. */
static enum trace_why obstacle(const struct stand *stand)
{
    const enum step step = stand->step;
    const struct health region = stand->region_word, pool = stand->pool_word;
    const bool drains = step == STEP_DRAINING || step == STEP_ALL_UP_DRAINS;
    if (region.state == STATE_DOWN)
        return WHY_REGION_DOWN;
    if (pool.state == STATE_DOWN)
        return WHY_POOL_DOWN;
    if (region.state == STATE_DRAIN && !drains)
        return WHY_REGION_DRAIN;
    if (pool.state == STATE_DRAIN && !drains)
        return WHY_POOL_DRAIN;
    if (region.verdict == VERDICT_DOWN && region.state != STATE_UP && step < STEP_ALL_UP)
        return WHY_REGION_UNHEALTHY;
    return WHY_SERVES;
}

/* When everything counts as up one endpoint is enough: the alternative is no answer. */
static unsigned endpoints_needed(enum step step, const struct image_pool_row *pool)
{
    return step >= STEP_ALL_UP || pool->min_up == 0 ? 1 : pool->min_up;
}

/* How a region whose pool has endpoints of the kind stands. */
static enum trace_why pool_judge(const struct walk *walk, struct stand *stand)
{
    const bool panic = endpoints_count(walk, stand);
    const enum trace_why why = obstacle(stand);
    if (why != WHY_SERVES)
        return why;
    if (panic) {
        stand->step += STEP_ALL_UP - STEP_SERVING;
        (void)endpoints_count(walk, stand);
    }
    if (stand->serving < endpoints_needed(walk->step, stand->pool))
        return WHY_MIN_UP;
    if (panic)
        return WHY_PANIC;
    return stand->scaled > 0 ? WHY_SERVES : WHY_STANDBY;
}

static struct stand region_judge(const struct walk *walk, const struct geo_choice *choice)
{
    const struct steer_case *asked = walk->asked;
    struct stand stand = {.step = walk->step, .why = WHY_NO_POOL};
    stand.pool = image_pool_find(asked->zone, asked->service, choice->region);
    if (!stand.pool)
        return stand;
    stand.weight = choice->weight == GEO_WEIGHT_OF_POOL ? stand.pool->weight : choice->weight;
    stand.kind = kind_in(asked, stand.pool);
    stand.total = stand.pool->counts[stand.kind];
    stand.why = WHY_NO_FAMILY;
    if (stand.total == 0)
        return stand;
    stand.region_word = board_get(asked->board, choice->region);
    stand.pool_word = board_get(asked->board, stand.pool->slot);
    stand.scaled = (uint64_t)stand.weight * stand.region_word.share * stand.pool_word.share;
    stand.why = pool_judge(walk, &stand);
    return stand;
}

static bool serves(enum trace_why why)
{
    return why == WHY_SERVES || why == WHY_STANDBY || why == WHY_PANIC;
}

/* The trace ------------------------------------------------------------------------------------ */

static void trace_put(struct steer_trace *trace, const struct trace_row *row)
{
    if (!trace)
        return;
    if (trace->count < STEER_TRACE_MAX)
        trace->rows[trace->count] = *row;
    trace->count++;
}

static void trace_region(const struct walk *walk, enum trace_kind kind, uint32_t set,
                         const struct geo_choice *choice, const struct stand *stand)
{
    trace_put(walk->trace, &(struct trace_row){.kind = kind,
                                               .step = walk->step,
                                               .set = set,
                                               .tier = choice->tier,
                                               .region = choice->region,
                                               .why = stand->why,
                                               .weight = stand->weight,
                                               .serving = stand->serving,
                                               .total = stand->total});
}

/* The walk ------------------------------------------------------------------------------------- */

/* A region that did not serve on this step will not in another set; a trace tells its reason
 * there too. */
static bool is_idle(const struct walk *walk, unsigned region)
{
    return !walk->trace && (walk->idle[region / 64] >> region % 64 & 1);
}

/* Take a region into the draw of its tier, if it serves. */
static bool region_draw(struct walk *walk, uint32_t set, const struct geo_choice *choice,
                        struct drawn *best)
{
    if (is_idle(walk, choice->region))
        return false;
    const struct stand stand = region_judge(walk, choice);
    trace_region(walk, TRACE_REGION, set, choice, &stand);
    walk->met = walk->met || stand.total > 0;
    if (!serves(stand.why)) {
        walk->idle[choice->region / 64] |= UINT64_C(1) << choice->region % 64;
        return false;
    }
    const double key = draw_key(&walk->draw, stand.pool->region_hash, stand.scaled);
    if (best->stand.pool && key >= best->key)
        return false;
    *best = (struct drawn){.key = key, .stand = stand};
    return true;
}

/* The first tier of a set that has a region which serves. */
static bool set_walk(struct walk *walk, uint32_t set, struct stand *ret)
{
    const struct geo_set rules = geo_set_get(walk->asked->geo, set);
    trace_put(walk->trace, &(struct trace_row){.kind = TRACE_SET, .step = walk->step, .set = set});
    for (uint32_t i = 0; i < rules.count;) {
        const int32_t tier = rules.choices[i].tier;
        struct drawn best = {0};
        const struct geo_choice *chosen = NULL;
        trace_put(
            walk->trace,
            &(struct trace_row){.kind = TRACE_TIER, .step = walk->step, .set = set, .tier = tier});
        for (; i < rules.count && rules.choices[i].tier == tier; i++)
            if (region_draw(walk, set, &rules.choices[i], &best))
                chosen = &rules.choices[i];
        if (chosen) {
            trace_region(walk, TRACE_CHOSEN, set, chosen, &best.stand);
            *ret = best.stand;
            return true;
        }
    }
    return false;
}

/* All sets on one step, up from the most specific. */
static bool step_walk(struct walk *walk, enum step step, struct stand *ret)
{
    const uint32_t sets = walk->asked->geo->fenced ? 1 : walk->chain.count;
    walk->step = step;
    for (unsigned i = 0; i < REGIONS_MAX / 64; i++)
        walk->idle[i] = 0;
    for (uint32_t i = 0; i < sets && i < walk->chain.count; i++)
        if (set_walk(walk, walk->chain.sets[i], ret))
            return true;
    return false;
}

static bool steps_walk(struct walk *walk, struct stand *ret)
{
    const enum step last =
        walk->asked->service->all_down == ALL_DOWN_SERVE_ALL ? STEP_ALL_UP_DRAINS : STEP_DRAINING;
    for (enum step step = STEP_SERVING; step <= last; step++)
        if (step_walk(walk, step, ret))
            return true;
    return false;
}

/* The addresses -------------------------------------------------------------------------------- */

/* Tells endpoints apart by what they are, so that all nameservers draw alike. */
static uint64_t endpoint_id(const struct image_zone *zone, const struct image_endpoint *endpoint,
                            enum kind kind)
{
    if (kind == KIND_HOST)
        return name_hash(image_at(zone, endpoint->host.name_off));
    return hash_bytes(endpoint->address, kind == KIND_V4 ? 4 : 16, 0);
}

static void shuffle(struct rng *rng, struct choice *choice)
{
    for (uint32_t left = choice->count; left > 1; left--) {
        const uint32_t idx = rng_below(rng, left);
        const struct image_endpoint *last = choice->endpoints[left - 1];
        choice->endpoints[left - 1] = choice->endpoints[idx];
        choice->endpoints[idx] = last;
    }
}

/* Leave `wanted` of the choice's endpoints, drawn by weight. */
static void endpoints_draw(const struct walk *walk, enum kind kind, uint32_t wanted,
                           struct choice *choice)
{
    const struct image_endpoint *endpoints[STEER_ADDRESSES_MAX];
    struct draw_lot lots[STEER_ADDRESSES_MAX];
    for (uint32_t i = 0; i < choice->count; i++) {
        const struct image_endpoint *endpoint = endpoints[i] = choice->endpoints[i];
        const uint64_t weight =
            (uint64_t)endpoint->weight * board_get(walk->asked->board, endpoint->slot).share;
        const uint64_t id = walk->draw.rng ? 0 : endpoint_id(walk->asked->zone, endpoint, kind);
        lots[i] = (struct draw_lot){.key = draw_key(&walk->draw, id, weight), .idx = i};
    }
    draw_smallest(lots, choice->count, wanted);
    for (uint32_t i = 0; i < wanted; i++)
        choice->endpoints[i] = endpoints[lots[i].idx];
    choice->count = (uint16_t)wanted;
}

static void endpoints_choose(const struct walk *walk, const struct stand *stand, struct choice *ret)
{
    const struct steer_case *asked = walk->asked;
    const enum kind kind = stand->kind;
    const struct image_endpoint *endpoints = endpoints_at(asked->zone, stand->pool, kind);
    ret->kind = kind == KIND_HOST ? CHOICE_HOST : CHOICE_ADDRESSES;
    ret->count = 0;
    for (unsigned i = 0; i < stand->total; i++)
        if (endpoint_serves(walk, stand, &endpoints[i]))
            ret->endpoints[ret->count++] = &endpoints[i];
    if (ret->count == 0) /* the last of them went since the region was drawn */
        ret->endpoints[ret->count++] = stand->witness;
    const uint32_t answers = kind == KIND_HOST ? 1 : asked->service->answers;
    const uint32_t wanted = answers > 0 && answers < ret->count ? answers : ret->count;
    if (wanted < ret->count || !walk->draw.rng)
        endpoints_draw(walk, kind, wanted, ret);
    if (walk->draw.rng)
        shuffle(walk->draw.rng, ret);
}

/* The choice ----------------------------------------------------------------------------------- */

static uint32_t lesser(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Nothing serves. Where nothing of the kind could, whatever the health, that is NODATA and lasts. */
static void nothing_choose(const struct walk *walk, struct choice *ret)
{
    const struct image_service *service = walk->asked->service;
    ret->kind =
        walk->met && service->all_down == ALL_DOWN_SERVFAIL ? CHOICE_SERVFAIL : CHOICE_NODATA;
    if (walk->met) {
        ret->step = walk->step;
        ret->ttl_s = lesser(service->ttl_s, STEER_ALL_DOWN_TTL_MAX_S);
    }
}

static void serving_choose(const struct walk *walk, const struct stand *stand, struct choice *ret)
{
    const uint32_t ttl_s = walk->asked->service->ttl_s;
    ret->step = stand->step;
    ret->ttl_s = stand->step == STEP_SERVING ? ttl_s : lesser(ttl_s, STEER_ALL_DOWN_TTL_MAX_S);
    if (stand->kind != KIND_HOST && stand->kind != walk->asked->kind)
        return; /* NODATA: the region has the other family */
    ret->pool = stand->pool;
    endpoints_choose(walk, stand, ret);
}

/* Find the client's class; returns the scope. */
static unsigned class_find(struct walk *walk)
{
    const struct steer_case *asked = walk->asked;
    const struct geo_found found = geo_find(asked->geo, asked->client);
    walk->chain = geo_chain_get(asked->geo, found.class);
    if (walk->chain.count > 0)
        trace_put(walk->trace,
                  &(struct trace_row){.kind = TRACE_CLASS, .set = walk->chain.sets[0]});
    if (walk->draw.rng)
        return found.depth;
    const unsigned sticky_bits = draw_sticky_bits(asked->client);
    return found.depth > sticky_bits ? found.depth : sticky_bits;
}

void steer_choose(const struct steer_case *asked, struct rng *rng, struct steer_trace *trace,
                  struct choice *ret)
{
    const struct image_service *service = asked->service;
    ret->kind = CHOICE_NODATA;
    ret->step = STEP_SERVING;
    ret->pool = NULL;
    ret->ttl_s = UINT32_MAX;
    ret->scope = 0;
    ret->count = 0;
    if (!(service->kinds & (1 << asked->kind | 1 << KIND_HOST)))
        return;
    if (!asked->geo->v4_table) { /* the image of its policy is not in this world */
        ret->kind = CHOICE_SERVFAIL;
        return;
    }
    struct walk walk = {.asked = asked, .trace = trace};
    walk.draw = service->sticky == STICKY_CLIENT ? draw_sticky(asked->client, service->hash)
                                                 : draw_random(rng);
    ret->scope = (uint8_t)class_find(&walk);
    struct stand stand;
    if (steps_walk(&walk, &stand))
        serving_choose(&walk, &stand, ret);
    else
        nothing_choose(&walk, ret);
}

enum kind steer_kind(const struct image_service *service, uint16_t qtype)
{
    switch (qtype) {
    case QTYPE_A:
        return KIND_V4;
    case QTYPE_AAAA:
        return KIND_V6;
    case QTYPE_ANY:
        return service->kinds & 1 << KIND_V4   ? KIND_V4
               : service->kinds & 1 << KIND_V6 ? KIND_V6
                                               : KIND_HOST;
    default:
        return KIND_HOST;
    }
}
