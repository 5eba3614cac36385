/* tests/property/test_steer.c - the choice against docs/STEERING.md, written down plainly.
 *
 * For each of many small worlds the plain version lists every outcome that the document allows
 * (step, scope, region, the endpoints that may be in the answer and how many), and steer_choose()
 * must give one of them. Seeds are fixed.
 */
#include "tests/small_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum {
    WORLDS = 20000,
    DRAWS = 12, /* choices in each world */
};

/* The plain version ---------------------------------------------------------------------------- */

static const struct image_pool_row *plain_pool(const struct small *small, unsigned region)
{
    for (unsigned i = 0; i < small->blob.service.pools_count; i++)
        if (small->blob.pools[i].region == region)
            return &small->blob.pools[i];
    return NULL;
}

/* Whether a region of addresses lacks the family that is asked for, where another region has hosts: it counts
 * by the family that it has, and is NODATA. */
static bool plain_lacks(const struct small *small, unsigned region, enum kind kind)
{
    const struct image_pool_row *pool = plain_pool(small, region);
    return pool && (small->blob.service.kinds & 1 << KIND_HOST) && pool->counts[KIND_HOST] == 0 &&
           (kind == KIND_HOST || pool->counts[kind] == 0);
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
    if (plain_lacks(small, region, kind))
        kind = pool->counts[KIND_V4] > 0 ? KIND_V4 : KIND_V6;
    if (kind == KIND_V6)
        *ret += pool->counts[KIND_V4];
    return pool->counts[kind];
}

static bool plain_serves(const struct small *small, unsigned region,
                         const struct image_endpoint *endpoint, enum step step)
{
    const struct health r = board_get(small->board, region),
                        e = board_get(small->board, endpoint->slot);
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

/* How many of a region's endpoints serve. */
static unsigned plain_count(const struct small *small, unsigned region, enum kind kind,
                            enum step step)
{
    const struct image_endpoint *endpoints;
    const unsigned total = plain_endpoints(small, region, kind, &endpoints);
    unsigned count = 0;
    for (unsigned i = 0; i < total; i++)
        if (plain_serves(small, region, &endpoints[i], step))
            count++;
    return count;
}

/* Whether a service that would serve all has too little of a pool that serves. Endpoints that the
 * operator has drained or put down are as if there were none. */
static bool plain_panics(const struct small *small, unsigned region, enum kind kind, enum step step)
{
    const struct image_endpoint *endpoints;
    const unsigned total = plain_endpoints(small, region, kind, &endpoints);
    const double panic_below = (small->blob.service.panic_below - 0.5) / BOARD_SHARE_ALL;
    uint64_t serving = 0, all = 0;
    if (small->blob.service.all_down != ALL_DOWN_SERVE_ALL || step >= STEP_ALL_UP)
        return false;
    for (unsigned i = 0; i < total; i++) {
        const enum state state = board_get(small->board, endpoints[i].slot).state;
        if (state == STATE_DRAIN || state == STATE_DOWN)
            continue;
        all += endpoints[i].weight;
        if (plain_serves(small, region, &endpoints[i], step))
            serving += endpoints[i].weight;
    }
    return serving > 0 && (double)serving / (double)all < panic_below - 1e-9;
}

/* Whether a region serves on a step, and on which step its endpoints do. */
static bool plain_region(const struct small *small, unsigned region, enum kind kind, enum step step,
                         enum step *ret_step)
{
    const struct image_endpoint *endpoints;
    const unsigned total = plain_endpoints(small, region, kind, &endpoints);
    if (total == 0)
        return false;
    *ret_step = plain_panics(small, region, kind, step) ? step + 2 : step;
    const unsigned count = plain_count(small, region, kind, *ret_step);
    const uint32_t min_up = plain_pool(small, region)->min_up;
    return count >= (step >= STEP_ALL_UP || min_up == 0 ? 1 : min_up);
}

static double plain_weight(const struct small *small, const struct geo_choice *choice)
{
    const struct image_pool_row *pool = plain_pool(small, choice->region);
    const double weight = choice->weight == GEO_WEIGHT_OF_POOL ? pool->weight : choice->weight;
    return weight * board_get(small->board, choice->region).share *
           board_get(small->board, pool->slot).share;
}

/* Every outcome that is allowed: for each region the chance to be it, and the step of its endpoints. */
struct allowed {
    bool nodata, servfail, lasting;
    double chance[SMALL_REGIONS];
    enum step step[SMALL_REGIONS];
};

static bool plain_tier(const struct small *small, uint32_t set, int32_t tier, enum kind kind,
                       enum step step, struct allowed *ret)
{
    double sum = 0, count = 0;
    for (uint32_t i = small->sets[set]; i < small->sets[set + 1]; i++) {
        const struct geo_choice *choice = &small->choices[i];
        if (choice->tier != tier ||
            !plain_region(small, choice->region, kind, step, &ret->step[choice->region]))
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

static bool plain_walk(const struct small *small, enum kind kind, enum step step,
                       struct allowed *ret)
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
    const enum step last =
        service->all_down == ALL_DOWN_SERVE_ALL ? STEP_ALL_UP_DRAINS : STEP_DRAINING;
    for (enum step step = STEP_SERVING; step <= last; step++)
        if (plain_walk(small, kind, step, &allowed))
            return allowed;
    allowed.lasting = !plain_met(small, kind);
    allowed.servfail = !allowed.lasting && service->all_down == ALL_DOWN_SERVFAIL;
    allowed.nodata = !allowed.servfail;
    return allowed;
}

/* Checking ------------------------------------------------------------------------------------- */

static uint8_t plain_scope(const struct small *small, const struct ip *client, enum kind kind)
{
    if (!(small->blob.service.kinds & (1 << kind | 1 << KIND_HOST)))
        return 0;
    if (!small->blob.service.sticky)
        return SMALL_DEPTH;
    return client->family == IP_V4 ? 24 : 56;
}

static void endpoints_check(const struct small *small, const struct choice *choice, enum kind kind)
{
    const unsigned region = choice->pool->region;
    const struct image_service *service = &small->blob.service;
    const bool hosts = choice->pool->counts[KIND_HOST] > 0;
    const unsigned serving = plain_count(small, region, kind, choice->step);
    unsigned expected =
        service->answers > 0 && service->answers < serving ? service->answers : serving;
    expected = hosts ? 1 : expected;
    assert_int_equal(choice->kind, hosts ? CHOICE_HOST : CHOICE_ADDRESSES);
    assert_int_equal(choice->count, expected);
    for (unsigned i = 0; i < choice->count; i++) {
        assert_true(plain_serves(small, region, choice->endpoints[i], choice->step));
        for (unsigned j = 0; j < i; j++)
            assert_ptr_not_equal(choice->endpoints[i], choice->endpoints[j]);
    }
}

/* Whether a region may have been drawn that lacks the family; the choice is then its NODATA. */
static bool lacking_check(const struct small *small, const struct allowed *allowed,
                          const struct choice *choice, enum kind kind)
{
    bool found = false;
    for (unsigned region = 0; region < SMALL_REGIONS; region++)
        found |= allowed->chance[region] > 0 && plain_lacks(small, region, kind) &&
                 choice->step == allowed->step[region];
    if (!found)
        return false;
    assert_int_equal(choice->kind, CHOICE_NODATA);
    assert_int_equal(choice->ttl_s, choice->step == STEP_SERVING ? 30 : 10);
    return true;
}

static void choice_check(const struct small *small, const struct allowed *allowed,
                         const struct choice *choice, enum kind kind)
{
    if (!choice->pool && lacking_check(small, allowed, choice, kind))
        return;
    if (!choice->pool) {
        assert_int_equal(choice->kind, allowed->servfail ? CHOICE_SERVFAIL : CHOICE_NODATA);
        assert_true(allowed->nodata || allowed->servfail);
        assert_int_equal(choice->ttl_s, allowed->lasting ? UINT32_MAX : 10);
        return;
    }
    const unsigned region = choice->pool->region;
    assert_false(allowed->nodata || allowed->servfail);
    assert_true(allowed->chance[region] > 0);
    assert_false(plain_lacks(small, region, kind));
    assert_int_equal(choice->step, allowed->step[region]);
    assert_int_equal(choice->ttl_s, choice->step == STEP_SERVING ? 30 : 10);
    endpoints_check(small, choice, kind);
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
        const enum kind kind = (enum kind)small_pick(&rng, KINDS);
        const struct allowed allowed = plain_choose(small, kind);
        for (unsigned draw = 0; draw < DRAWS; draw++) {
            const struct ip client = small_client(&rng);
            const struct steer_case asked = small_case(small, &client, kind);
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
        const struct ip client = small_client(&rng);
        const struct steer_case asked = small_case(small, &client, KIND_V4);
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
        assert_memory_equal(choice.endpoints, traced.endpoints,
                            choice.count * sizeof *choice.endpoints);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_choice_is_one_that_the_document_allows),
        cmocka_unit_test(test_a_trace_tells_and_does_not_touch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
