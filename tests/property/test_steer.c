/* tests/property/test_steer.c - the choice against docs/STEERING.md, written down plainly.
 *
 * Small worlds are generated; for each the plain version lists every outcome that the document allows (step, scope, region, the
 * endpoints that may be in the answer and how many), and steer_choose() must give one of them. Weights are checked by counting,
 * stickiness by taking things away. Seeds are fixed.
 */
#include "server/steer.h"

#include "geoip/policy.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    REGIONS = 5,
    ENDPOINTS = 4, /* of a pool */
    SETS = 3,
    WORLDS = 20000,
    DRAWS = 12, /* choices in each world */
    SLOTS = 256 + REGIONS * (1 + ENDPOINTS),
    DEPTH = 13,
};

/* The world as a compiler would leave it, in arrays of its own. */
struct small {
    struct {
        struct image_zone zone;
        struct image_service service;
        struct image_pool_row pools[REGIONS];
        struct image_endpoint endpoints[REGIONS][ENDPOINTS];
        uint8_t hosts[REGIONS * ENDPOINTS][4]; /* names of one label */
    } blob;
    struct geo geo;
    uint32_t table[1 << 16];
    uint32_t chains[SETS], classes[2], sets[SETS + 1];
    struct geo_choice choices[SETS * REGIONS];
    struct board *board;
    bool has_pool[REGIONS];
};

static uint32_t pick(struct rng *rng, uint32_t below)
{
    return rng_below(rng, below);
}

static uint32_t at_of(const struct small *small, const void *part)
{
    return (uint32_t)((const uint8_t *)part - (const uint8_t *)&small->blob);
}

static void endpoints_generate(struct small *small, struct rng *rng, unsigned region, struct image_pool_row *pool)
{
    const bool hosts = pick(rng, 6) == 0;
    const unsigned count = pick(rng, ENDPOINTS + 1), v4 = hosts ? 0 : pick(rng, count + 1);
    pool->counts[KIND_V4] = (uint16_t)v4;
    pool->counts[KIND_V6] = hosts ? 0 : (uint16_t)(count - v4);
    pool->counts[KIND_HOST] = hosts ? (uint16_t)count : 0;
    pool->endpoints_off = at_of(small, small->blob.endpoints[region]);
    for (unsigned i = 0; i < count; i++) {
        struct image_endpoint *endpoint = &small->blob.endpoints[region][i];
        *endpoint = (struct image_endpoint){.slot = pool->slot + 1 + i, .weight = pick(rng, 4)};
        uint8_t *host = small->blob.hosts[region * ENDPOINTS + i];
        memcpy(host, (const uint8_t[]){2, (uint8_t)('a' + region), (uint8_t)('a' + i), 0}, 4);
        if (hosts) {
            endpoint->host.name_off = at_of(small, host);
            endpoint->host.name_len = 4;
        } else {
            endpoint->address[0] = (uint8_t)region;
            endpoint->address[1] = (uint8_t)i;
        }
    }
}

static void service_generate(struct small *small, struct rng *rng)
{
    struct image_service *service = &small->blob.service;
    *service = (struct image_service){.hash = rng_u64(rng), .pools_off = at_of(small, small->blob.pools), .ttl_s = 30};
    service->answers = pick(rng, 4);
    service->all_down = (uint8_t)pick(rng, 3);
    service->sticky = pick(rng, 4) == 0;
    service->panic_below = pick(rng, 2) ? (uint16_t)pick(rng, BOARD_SHARE_ALL + 1) : 0;
    for (unsigned region = 0; region < REGIONS; region++) {
        small->has_pool[region] = pick(rng, 5) > 0;
        if (!small->has_pool[region])
            continue;
        struct image_pool_row *pool = &small->blob.pools[service->pools_count++];
        *pool = (struct image_pool_row){.slot = 256 + region * (1 + ENDPOINTS), .weight = pick(rng, 3) * 50,
                                        .min_up = pick(rng, 3), .region = (uint16_t)region};
        service->regions[0] |= UINT64_C(1) << region;
        endpoints_generate(small, rng, region, pool);
        for (unsigned kind = 0; kind < KINDS; kind++)
            service->kinds = (uint8_t)(service->kinds | (pool->counts[kind] > 0) << kind);
    }
}

/* One class for everybody; its sets have random regions in tiers. */
static void geo_generate(struct small *small, struct rng *rng)
{
    const uint32_t sets = pick(rng, SETS + 1);
    uint32_t count = 0;
    small->sets[0] = 0;
    for (uint32_t set = 0; set < SETS; set++) {
        for (int32_t tier = 1; tier <= 3; tier++)
            for (unsigned region = 0; region < REGIONS; region++) {
                bool used = pick(rng, 4) > 0;
                for (uint32_t i = small->sets[set]; i < count; i++)
                    used = used || small->choices[i].region == region;
                if (!used)
                    small->choices[count++] = (struct geo_choice){
                        .weight = pick(rng, 2) ? GEO_WEIGHT_OF_POOL : pick(rng, 3), .tier = tier, .region = (uint16_t)region};
            }
        small->sets[set + 1] = count;
        small->chains[set] = set;
    }
    small->classes[0] = 0;
    small->classes[1] = sets;
    for (unsigned i = 0; i < 1 << 16; i += 1)
        small->table[i] = UINT32_C(1) << 31 | DEPTH << 24;
    small->geo = (struct geo){.v4_table = small->table, .v6_table = small->table, .chains = small->chains,
                              .classes = small->classes, .choices = small->choices, .sets = small->sets,
                              .classes_count = 1, .sets_count = SETS, .fenced = pick(rng, 4) == 0};
}

static struct health word_generate(struct rng *rng, unsigned sick)
{
    static const enum state states[] = {STATE_AUTO, STATE_AUTO, STATE_AUTO, STATE_AUTO, STATE_UP, STATE_DRAIN, STATE_DOWN};
    static const uint16_t shares[] = {BOARD_SHARE_ALL, BOARD_SHARE_ALL, 1000, 0};
    return (struct health){.verdict = pick(rng, 10) < sick ? VERDICT_DOWN : pick(rng, 2) ? VERDICT_UP : VERDICT_UNKNOWN,
                           .state = states[pick(rng, 7)], .share = shares[pick(rng, 4)]};
}

static void small_generate(struct small *small, struct rng *rng)
{
    const unsigned sick = pick(rng, 11);
    service_generate(small, rng);
    geo_generate(small, rng);
    for (unsigned slot = 0; slot < REGIONS; slot++)
        board_set(small->board, slot, word_generate(rng, sick / 3));
    for (unsigned slot = 256; slot < SLOTS; slot++)
        board_set(small->board, slot, word_generate(rng, sick));
}

/* The plain version ------------------------------------------------------------------------------------------------ */

static const struct image_pool_row *plain_pool(const struct small *small, unsigned region)
{
    for (unsigned i = 0; i < small->blob.service.pools_count; i++)
        if (small->blob.pools[i].region == region)
            return &small->blob.pools[i];
    return NULL;
}

/* The endpoints of a region that answer for a kind: how many, and the first. */
static unsigned plain_endpoints(const struct small *small, unsigned region, enum kind kind,
                                const struct image_endpoint **ret)
{
    const struct image_pool_row *pool = plain_pool(small, region);
    *ret = small->blob.endpoints[region];
    if (!pool)
        return 0;
    if (pool->counts[KIND_HOST] > 0)
        return pool->counts[KIND_HOST];
    if (kind == KIND_V6)
        *ret += pool->counts[KIND_V4];
    return pool->counts[kind];
}

static bool plain_serves(const struct small *small, unsigned region, const struct image_endpoint *endpoint, enum step step)
{
    const struct health r = board_get(small->board, region), e = board_get(small->board, endpoint->slot);
    const struct health p = board_get(small->board, plain_pool(small, region)->slot);
    enum state state = r.state;
    state = p.state > state ? p.state : state;
    state = e.state > state ? e.state : state;
    if (state == STATE_DOWN)
        return false;
    if (state == STATE_DRAIN && (step == STEP_SERVING || step == STEP_ALL_UP))
        return false;
    if (step == STEP_ALL_UP || step == STEP_ALL_UP_DRAINS)
        return true;
    if (r.verdict == VERDICT_DOWN && r.state != STATE_UP)
        return false;
    return e.verdict != VERDICT_DOWN || state == STATE_UP;
}

/* How many of a region's endpoints serve, and their weight. */
static unsigned plain_count(const struct small *small, unsigned region, enum kind kind, enum step step, uint64_t *ret_weight)
{
    const struct image_endpoint *endpoints;
    const unsigned total = plain_endpoints(small, region, kind, &endpoints);
    unsigned count = 0;
    *ret_weight = 0;
    for (unsigned i = 0; i < total; i++)
        if (plain_serves(small, region, &endpoints[i], step)) {
            count++;
            *ret_weight += endpoints[i].weight;
        }
    return count;
}

/* Whether a region serves on a step, and on which step its endpoints do. */
static bool plain_region(const struct small *small, unsigned region, enum kind kind, enum step step, enum step *ret_step)
{
    const struct image_endpoint *endpoints;
    const unsigned total = plain_endpoints(small, region, kind, &endpoints);
    uint64_t weight, all = 0;
    *ret_step = step;
    if (total == 0)
        return false;
    for (unsigned i = 0; i < total; i++)
        all += endpoints[i].weight;
    unsigned count = plain_count(small, region, kind, step, &weight);
    const double panic_below = (small->blob.service.panic_below - 0.5) / BOARD_SHARE_ALL;
    if (step < STEP_ALL_UP && weight > 0 && (double)weight / (double)all < panic_below - 1e-9) {
        *ret_step = step + 2;
        count = plain_count(small, region, kind, *ret_step, &weight);
    }
    const uint32_t min_up = plain_pool(small, region)->min_up;
    return count >= (step >= STEP_ALL_UP || min_up == 0 ? 1 : min_up);
}

static double plain_weight(const struct small *small, const struct geo_choice *choice)
{
    const struct image_pool_row *pool = plain_pool(small, choice->region);
    const double weight = choice->weight == GEO_WEIGHT_OF_POOL ? pool->weight : choice->weight;
    return weight * board_get(small->board, choice->region).share * board_get(small->board, pool->slot).share;
}

/* Every outcome that is allowed: for each region the chance to be it, and the step of its endpoints. */
struct allowed {
    bool nodata, servfail, lasting;
    double chance[REGIONS];
    enum step step[REGIONS];
};

static bool plain_tier(const struct small *small, uint32_t set, int32_t tier, enum kind kind, enum step step,
                       struct allowed *ret)
{
    double sum = 0, count = 0;
    for (uint32_t i = small->sets[set]; i < small->sets[set + 1]; i++) {
        const struct geo_choice *choice = &small->choices[i];
        if (choice->tier != tier || !plain_region(small, choice->region, kind, step, &ret->step[choice->region]))
            continue;
        count++;
        sum += plain_weight(small, choice);
    }
    for (uint32_t i = small->sets[set]; i < small->sets[set + 1]; i++) {
        const struct geo_choice *choice = &small->choices[i];
        enum step ignored;
        if (choice->tier == tier && plain_region(small, choice->region, kind, step, &ignored))
            ret->chance[choice->region] = sum > 0 ? plain_weight(small, choice) / sum : 1 / count;
    }
    return count > 0;
}

static bool plain_walk(const struct small *small, enum kind kind, enum step step, struct allowed *ret)
{
    const uint32_t sets = small->geo.fenced && small->classes[1] > 0 ? 1 : small->classes[1];
    for (uint32_t set = 0; set < sets; set++)
        for (int32_t tier = 1; tier <= 3; tier++)
            if (plain_tier(small, set, tier, kind, step, ret))
                return true;
    return false;
}

static bool plain_met(const struct small *small, enum kind kind)
{
    const uint32_t sets = small->geo.fenced && small->classes[1] > 0 ? 1 : small->classes[1];
    const struct image_endpoint *endpoints;
    for (uint32_t i = 0; i < small->sets[sets]; i++)
        if (plain_endpoints(small, small->choices[i].region, kind, &endpoints) > 0)
            return true;
    return false;
}

static struct allowed plain_choose(const struct small *small, enum kind kind)
{
    struct allowed allowed = {0};
    const struct image_service *service = &small->blob.service;
    const enum step last = service->all_down == ALL_DOWN_SERVE_ALL ? STEP_ALL_UP_DRAINS : STEP_DRAINING;
    for (enum step step = STEP_SERVING; step <= last; step++)
        if (plain_walk(small, kind, step, &allowed))
            return allowed;
    allowed.lasting = !plain_met(small, kind);
    allowed.servfail = !allowed.lasting && service->all_down == ALL_DOWN_SERVFAIL;
    allowed.nodata = !allowed.servfail;
    return allowed;
}

/* Checking ----------------------------------------------------------------------------------------------------------- */

static struct steer_case case_of(const struct small *small, const struct ip *client, enum kind kind)
{
    return (struct steer_case){.zone = &small->blob.zone, .service = &small->blob.service, .geo = &small->geo,
                               .board = small->board, .client = client, .kind = kind};
}

static uint8_t plain_scope(const struct small *small, const struct ip *client, enum kind kind)
{
    if (!(small->blob.service.kinds & (1 << kind | 1 << KIND_HOST)))
        return 0;
    if (!small->blob.service.sticky)
        return DEPTH;
    return client->family == IP_V4 ? 24 : 56;
}

static void endpoints_check(const struct small *small, const struct choice *choice, enum kind kind)
{
    const unsigned region = choice->pool->region;
    const struct image_service *service = &small->blob.service;
    const bool hosts = choice->pool->counts[KIND_HOST] > 0;
    uint64_t weight;
    const unsigned serving = plain_count(small, region, kind, choice->step, &weight);
    unsigned expected = service->answers > 0 && service->answers < serving ? service->answers : serving;
    expected = hosts ? 1 : expected;
    assert_int_equal(choice->kind, hosts ? CHOICE_HOST : CHOICE_ADDRESSES);
    assert_int_equal(choice->count, expected);
    for (unsigned i = 0; i < choice->count; i++) {
        assert_true(plain_serves(small, region, choice->endpoints[i], choice->step));
        for (unsigned j = 0; j < i; j++)
            assert_ptr_not_equal(choice->endpoints[i], choice->endpoints[j]);
    }
}

static void choice_check(const struct small *small, const struct allowed *allowed, const struct choice *choice,
                         enum kind kind)
{
    if (!choice->pool) {
        assert_int_equal(choice->kind, allowed->servfail ? CHOICE_SERVFAIL : CHOICE_NODATA);
        assert_true(allowed->nodata || allowed->servfail);
        assert_int_equal(choice->ttl_s, allowed->lasting ? UINT32_MAX : 10);
        return;
    }
    const unsigned region = choice->pool->region;
    assert_false(allowed->nodata || allowed->servfail);
    assert_true(allowed->chance[region] > 0);
    assert_int_equal(choice->step, allowed->step[region]);
    assert_int_equal(choice->ttl_s, choice->step == STEP_SERVING ? 30 : 10);
    endpoints_check(small, choice, kind);
}

static struct small *small_new(void)
{
    struct small *small = calloc(1, sizeof *small);
    assert_non_null(small);
    assert_int_equal(board_new(SLOTS, &small->board, NULL), OK);
    return small;
}

static void small_free(struct small *small)
{
    board_close(&small->board);
    free(small);
}

static struct ip client_generate(struct rng *rng)
{
    struct ip client = {.family = pick(rng, 2) ? IP_V4 : IP_V6};
    for (unsigned i = 0; i < (client.family == IP_V4 ? 4 : 16); i++)
        client.bytes[i] = (uint8_t)rng_u64(rng);
    return client;
}

static void test_every_choice_is_one_that_the_document_allows(void **state)
{
    (void)state;
    struct small *small = small_new();
    struct rng rng;
    unsigned kinds_seen[4] = {0}, steps_seen[STEPS] = {0};
    rng_init(&rng, 20);
    for (unsigned world = 0; world < WORLDS; world++) {
        small_generate(small, &rng);
        const enum kind kind = (enum kind)pick(&rng, KINDS);
        const struct allowed allowed = plain_choose(small, kind);
        for (unsigned draw = 0; draw < DRAWS; draw++) {
            const struct ip client = client_generate(&rng);
            const struct steer_case asked = case_of(small, &client, kind);
            struct choice choice;
            steer_choose(&asked, &rng, NULL, &choice);
            assert_int_equal(choice.scope, plain_scope(small, &client, kind));
            if (small->blob.service.kinds & (1 << kind | 1 << KIND_HOST))
                choice_check(small, &allowed, &choice, kind);
            else
                assert_int_equal(choice.kind, CHOICE_NODATA);
            kinds_seen[choice.kind]++;
            steps_seen[choice.step]++;
        }
    }
    for (unsigned i = 0; i < 4; i++)
        assert_true(kinds_seen[i] > 100);
    for (unsigned i = 0; i < STEPS; i++)
        assert_true(steps_seen[i] > 100);
    small_free(small);
}

/* A trace must not change the choice, and its chosen row is the choice. */
static void test_a_trace_tells_and_does_not_touch(void **state)
{
    (void)state;
    struct small *small = small_new();
    struct steer_trace *trace = calloc(1, sizeof *trace);
    struct rng rng;
    assert_non_null(trace);
    rng_init(&rng, 21);
    for (unsigned world = 0; world < WORLDS / 20; world++) {
        small_generate(small, &rng);
        const struct ip client = client_generate(&rng);
        const struct steer_case asked = case_of(small, &client, KIND_V4);
        struct rng one, two;
        struct choice choice, traced;
        rng_init(&one, world);
        rng_init(&two, world);
        trace->count = 0;
        steer_choose(&asked, &one, NULL, &choice);
        steer_choose(&asked, &two, trace, &traced);
        assert_int_equal(choice.kind, traced.kind);
        assert_ptr_equal(choice.pool, traced.pool);
        assert_int_equal(choice.count, traced.count);
        assert_memory_equal(choice.endpoints, traced.endpoints, choice.count * sizeof *choice.endpoints);
        if (!choice.pool)
            continue;
        const struct trace_row *last = &trace->rows[trace->count - 1];
        assert_int_equal(last->kind, TRACE_CHOSEN);
        assert_int_equal(last->region, choice.pool->region);
        assert_int_equal(trace->rows[0].kind, TRACE_CLASS);
    }
    free(trace);
    small_free(small);
}

/* Weights ------------------------------------------------------------------------------------------------------------ */

/* All regions healthy, in one tier, one IPv4 endpoint each, with these weights. */
static void weights_world(struct small *small, const uint32_t weights[REGIONS], enum sticky sticky)
{
    struct rng rng;
    rng_init(&rng, 1);
    small_generate(small, &rng);
    struct image_service *service = &small->blob.service;
    *service = (struct image_service){.hash = 99, .pools_off = at_of(small, small->blob.pools), .ttl_s = 30,
                                      .sticky = (uint8_t)sticky, .kinds = 1 << KIND_V4, .pools_count = REGIONS,
                                      .regions = {(1 << REGIONS) - 1}};
    for (unsigned r = 0; r < REGIONS; r++) {
        small->blob.pools[r] = (struct image_pool_row){.slot = 256 + r * (1 + ENDPOINTS), .weight = weights[r], .min_up = 1,
                                                       .endpoints_off = at_of(small, small->blob.endpoints[r]),
                                                       .counts = {1}, .region = (uint16_t)r};
        small->blob.endpoints[r][0] = (struct image_endpoint){.slot = 257 + r * (1 + ENDPOINTS), .weight = 1, .address = {(uint8_t)r}};
        small->choices[r] = (struct geo_choice){.weight = GEO_WEIGHT_OF_POOL, .tier = 1, .region = (uint16_t)r};
    }
    small->sets[0] = 0;
    small->sets[1] = REGIONS;
    small->chains[0] = 0;
    small->classes[1] = 1;
    small->geo.fenced = false;
    for (unsigned slot = 0; slot < SLOTS; slot++)
        board_set(small->board, slot, (struct health){.verdict = VERDICT_UP, .share = BOARD_SHARE_ALL});
}

static unsigned region_chosen(const struct small *small, struct rng *rng, const struct ip *client)
{
    const struct steer_case asked = case_of(small, client, KIND_V4);
    struct choice choice;
    steer_choose(&asked, rng, NULL, &choice);
    assert_non_null(choice.pool);
    return choice.pool->region;
}

/* Pearson's statistic of counts against shares; with 3 degrees of freedom 16.3 is passed once in a thousand. */
static double deviation(const unsigned counts[REGIONS], const double shares[REGIONS], unsigned draws)
{
    double sum = 0;
    for (unsigned r = 0; r < REGIONS; r++)
        if (shares[r] > 0)
            sum += pow(counts[r] - shares[r] * draws, 2) / (shares[r] * draws);
    return sum;
}

static void draws_check(enum sticky sticky)
{
    static const uint32_t weights[REGIONS] = {100, 50, 0, 10, 40};
    static const double shares[REGIONS] = {0.5, 0.25, 0, 0.05, 0.2};
    struct small *small = small_new();
    struct rng rng;
    unsigned counts[REGIONS] = {0};
    rng_init(&rng, 22);
    weights_world(small, weights, sticky);
    for (unsigned i = 0; i < 100000; i++) {
        const struct ip client = client_generate(&rng);
        counts[region_chosen(small, &rng, &client)]++;
    }
    assert_int_equal(counts[2], 0); /* standby */
    assert_true(deviation(counts, shares, 100000) < 16.3);
    small_free(small);
}

static void test_regions_are_drawn_by_weight(void **state)
{
    (void)state;
    draws_check(STICKY_NONE);
}

static void test_sticky_clients_are_spread_by_weight(void **state)
{
    (void)state;
    draws_check(STICKY_CLIENT);
}

static void test_shares_scale_the_weights(void **state)
{
    (void)state;
    static const uint32_t weights[REGIONS] = {100, 100, 100, 100, 100};
    static const double shares[REGIONS] = {1000 / 5095.0, 4095 / 5095.0, 0, 0, 0};
    struct small *small = small_new();
    struct rng rng;
    unsigned counts[REGIONS] = {0};
    rng_init(&rng, 23);
    weights_world(small, weights, STICKY_NONE);
    board_set(small->board, 0, (struct health){.share = 1000});
    for (unsigned r = 2; r < REGIONS; r++)
        board_set(small->board, r, (struct health){.share = 0});
    for (unsigned i = 0; i < 50000; i++) {
        const struct ip client = client_generate(&rng);
        counts[region_chosen(small, &rng, &client)]++;
    }
    assert_int_equal(counts[2] + counts[3] + counts[4], 0);
    assert_true(deviation(counts, shares, 50000) < 16.3);
    small_free(small);
}

static void test_answers_are_drawn_by_weight_and_put_in_random_order(void **state)
{
    (void)state;
    static const uint32_t weights[REGIONS] = {1, 0, 0, 0, 0};
    struct small *small = small_new();
    struct rng rng;
    unsigned drawn[ENDPOINTS] = {0}, first_of_two = 0;
    rng_init(&rng, 24);
    weights_world(small, weights, STICKY_NONE);
    small->blob.pools[0].counts[KIND_V4] = 3;
    for (unsigned i = 0; i < 3; i++)
        small->blob.endpoints[0][i] = (struct image_endpoint){.slot = 257 + i, .weight = i == 0 ? 2 : 1, .address = {1, (uint8_t)i}};
    small->blob.service.answers = 2;
    for (unsigned i = 0; i < 60000; i++) {
        const struct ip client = client_generate(&rng);
        const struct steer_case asked = case_of(small, &client, KIND_V4);
        struct choice choice;
        steer_choose(&asked, &rng, NULL, &choice);
        assert_int_equal(choice.count, 2);
        for (unsigned j = 0; j < 2; j++)
            drawn[choice.endpoints[j] - small->blob.endpoints[0]]++;
        first_of_two += choice.endpoints[0] < choice.endpoints[1];
    }
    /* Without replacement: 1 - 2 * (1/4 * 1/3) for the heavy one, the rest in halves. */
    assert_true(fabs(drawn[0] / 60000.0 - 5 / 6.0) < 0.01);
    assert_true(fabs(drawn[1] / 60000.0 - 7 / 12.0) < 0.01);
    assert_true(fabs(first_of_two / 60000.0 - 0.5) < 0.01);
    small_free(small);
}

/* Stickiness --------------------------------------------------------------------------------------------------------- */

static void test_a_region_that_goes_moves_only_its_own_clients(void **state)
{
    (void)state;
    static const uint32_t weights[REGIONS] = {100, 50, 70, 10, 40};
    struct small *small = small_new();
    struct rng rng;
    unsigned moved = 0;
    rng_init(&rng, 25);
    weights_world(small, weights, STICKY_CLIENT);
    for (unsigned i = 0; i < 5000; i++) {
        const struct ip client = client_generate(&rng);
        const unsigned before = region_chosen(small, &rng, &client);
        board_set(small->board, 1, (struct health){.state = STATE_DOWN, .share = BOARD_SHARE_ALL});
        const unsigned after = region_chosen(small, &rng, &client);
        board_set(small->board, 1, (struct health){.verdict = VERDICT_UP, .share = BOARD_SHARE_ALL});
        assert_int_equal(region_chosen(small, &rng, &client), before);
        if (before == 1) {
            assert_int_not_equal(after, 1);
            moved++;
        } else {
            assert_int_equal(after, before);
        }
    }
    assert_true(moved > 500);
    small_free(small);
}

static void test_clients_of_one_prefix_stick_together(void **state)
{
    (void)state;
    static const uint32_t weights[REGIONS] = {100, 100, 100, 100, 100};
    struct small *small = small_new();
    struct rng rng;
    unsigned apart = 0;
    rng_init(&rng, 26);
    weights_world(small, weights, STICKY_CLIENT);
    for (unsigned i = 0; i < 2000; i++) {
        struct ip client = client_generate(&rng);
        const unsigned region = region_chosen(small, &rng, &client);
        client.bytes[client.family == IP_V4 ? 3 : 7] ^= 0x55; /* the first byte past /24 and /56 */
        assert_int_equal(region_chosen(small, &rng, &client), region);
        client.bytes[client.family == IP_V4 ? 2 : 6] ^= 1; /* the last bit within */
        apart += region_chosen(small, &rng, &client) != region;
    }
    assert_true(apart > 1000);
    small_free(small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_choice_is_one_that_the_document_allows),
        cmocka_unit_test(test_a_trace_tells_and_does_not_touch),
        cmocka_unit_test(test_regions_are_drawn_by_weight),
        cmocka_unit_test(test_sticky_clients_are_spread_by_weight),
        cmocka_unit_test(test_shares_scale_the_weights),
        cmocka_unit_test(test_answers_are_drawn_by_weight_and_put_in_random_order),
        cmocka_unit_test(test_a_region_that_goes_moves_only_its_own_clients),
        cmocka_unit_test(test_clients_of_one_prefix_stick_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
