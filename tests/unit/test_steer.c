#include "server/answer/steer.h"

#include "tests/world_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

enum { EU = 0, US = 1, ASIA = 2, HALF = 2048 };

static const struct zone_record records[] = {{"@", "NS", "ns", 300}, {"ns", "A", "192.0.2.1", 300}};

static const struct world_service services[] = {
    {.name = "www", .ttl_s = 30,
     .pools = {{EU, 100, 1, {"198.51.100.1", "198.51.100.2"}}, {US, 100, 2, {"203.0.113.1", "203.0.113.2"}}}},
    {.name = "panic", .ttl_s = 30, .panic_below = HALF,
     .pools = {{EU, 100, 1, {"198.51.100.11", "198.51.100.12", "198.51.100.13", "198.51.100.14"}},
               {US, 100, 1, {"203.0.113.11"}}}},
    {.name = "calm", .ttl_s = 30, .panic_below = HALF, .all_down = ALL_DOWN_SERVFAIL,
     .pools = {{EU, 100, 1, {"198.51.100.31", "198.51.100.32", "198.51.100.33"}},
               {US, 100, 1, {"203.0.113.31"}}}},
    {.name = "dark", .ttl_s = 5, .all_down = ALL_DOWN_NODATA, .pools = {{EU, 100, 1, {"198.51.100.21"}}}},
    {.name = "six", .ttl_s = 30, .pools = {{US, 100, 1, {"2001:db8::1"}}}},
};

struct steering {
    struct world_fixture world;
    struct geo_fixture fenced;
    struct steer_trace trace;
};

static int setup(void **state)
{
    static char texts[][24] = {"default", "net:193.0.0.0/16", "p"};
    struct policy_rule rules[] = {
        {texts[0], US, 1, POLICY_WEIGHT_OF_POOL}, {texts[0], EU, 2, 0},
        {texts[0], ASIA, 3, POLICY_WEIGHT_OF_POOL},
        {texts[1], EU, 1, POLICY_WEIGHT_OF_POOL},
    };
    static const struct world_zone zone = {"example.com", records, COUNT(records), services,
                                           COUNT(services), 0};
    static const char *const no_sources[] = {NULL};
    struct policy policy = {.name = texts[2], .rules = rules, .rules_count = COUNT(rules)};
    struct steering *steering = calloc(1, sizeof *steering);
    assert_non_null(steering);
    world_fixture_make(&steering->world, &zone, 1, &policy);
    policy.geofence = true;
    policy.rules = rules + 3;
    policy.rules_count = 1;
    geo_fixture_build(&policy, no_sources, &steering->fenced);
    *state = steering;
    return 0;
}

static int teardown(void **state)
{
    struct steering *steering = *state;
    world_fixture_fini(&steering->world);
    geo_fixture_fini(&steering->fenced);
    free(steering);
    return 0;
}

static void all_up(struct steering *steering)
{
    for (uint32_t slot = 0; slot < WORLD_SLOTS; slot++)
        world_health_set(&steering->world, slot, VERDICT_UP, STATE_AUTO);
    memset(&steering->trace, 0, sizeof steering->trace);
}

static void sick(struct steering *steering, const char *address)
{
    world_health_set(&steering->world, world_slot(&steering->world, address), VERDICT_DOWN, STATE_AUTO);
}

static struct choice choose(struct steering *steering, const struct geo *geo, const char *name,
                            const char *from, enum kind kind)
{
    const struct ip client = geo_fixture_ip(from);
    struct steer_case asked = {.geo = geo, .board = steering->world.board, .client = &client, .kind = kind};
    struct choice choice;
    asked.zone = steering->world.zones[0].zone;
    asked.service = zone_fixture_find(&steering->world.zones[0], name, kind == KIND_V4 ? 1 : 28).service;
    assert_non_null(asked.service);
    memset(&steering->trace, 0, sizeof steering->trace);
    steer_choose(&asked, &steering->world.rng, &steering->trace, &choice);
    return choice;
}

static struct choice choose_v4(struct steering *steering, const char *name, const char *from)
{
    return choose(steering, &steering->world.geo.geo, name, from, KIND_V4);
}

static void test_what_serves_follows_from_state_and_verdict(void **state)
{
    (void)state;
    /* On which steps an endpoint serves, one character each; "-" where it does not. */
    static const struct {
        struct health region, pool, endpoint;
        const char *steps;
    } rows[] = {
        {{0}, {0}, {0}, "0123"},
        {{0}, {0}, {.verdict = VERDICT_UP}, "0123"},
        {{0}, {0}, {.verdict = VERDICT_DOWN}, "--23"},
        {{0}, {0}, {.verdict = VERDICT_DOWN, .state = STATE_UP}, "0123"},
        {{.state = STATE_UP}, {0}, {.verdict = VERDICT_DOWN}, "0123"},
        {{0}, {.state = STATE_UP}, {.verdict = VERDICT_DOWN}, "0123"},
        {{.verdict = VERDICT_DOWN}, {0}, {.verdict = VERDICT_UP}, "--23"},
        {{.verdict = VERDICT_DOWN}, {0}, {.state = STATE_UP}, "--23"},
        {{.verdict = VERDICT_DOWN, .state = STATE_UP}, {0}, {0}, "0123"},
        {{.state = STATE_DRAIN}, {0}, {0}, "-1-3"},
        {{0}, {.state = STATE_DRAIN}, {.verdict = VERDICT_DOWN}, "---3"},
        {{0}, {0}, {.state = STATE_DRAIN}, "-1-3"},
        {{.state = STATE_UP}, {0}, {.state = STATE_DRAIN}, "-1-3"},
        {{.state = STATE_DOWN}, {.state = STATE_UP}, {.state = STATE_UP}, "----"},
        {{.state = STATE_UP}, {.state = STATE_DOWN}, {0}, "----"},
        {{0}, {0}, {.state = STATE_DOWN}, "----"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char steps[STEPS + 1] = "";
        for (enum step step = STEP_SERVING; step < STEPS; step++)
            steps[step] = steer_endpoint_serves(step, rows[i].region, rows[i].pool, rows[i].endpoint)
                              ? (char)('0' + step) : '-';
        assert_string_equal(steps, rows[i].steps);
    }
}

static void test_a_set_that_serves_is_not_left(void **state)
{
    struct steering *steering = *state;
    all_up(steering);
    assert_int_equal(choose_v4(steering, "www.example.com", "193.0.6.1").pool->region, EU);
    assert_int_equal(choose_v4(steering, "www.example.com", "8.8.8.8").pool->region, US);
}

static void test_the_walk_goes_up_to_the_next_set_and_down_the_tiers(void **state)
{
    struct steering *steering = *state;
    all_up(steering);
    world_health_set(&steering->world, EU, VERDICT_DOWN, STATE_AUTO);
    struct choice choice = choose_v4(steering, "www.example.com", "193.0.6.1");
    assert_int_equal(choice.pool->region, US);
    assert_int_equal(choice.step, STEP_SERVING);
    assert_int_equal(choice.ttl_s, 30);
    all_up(steering);
    sick(steering, "203.0.113.1"); /* min_up is 2 */
    choice = choose_v4(steering, "www.example.com", "8.8.8.8");
    assert_int_equal(choice.pool->region, EU);
    assert_int_equal(choice.count, 2);
}

static void test_a_geofence_keeps_its_clients(void **state)
{
    struct steering *steering = *state;
    all_up(steering);
    world_health_set(&steering->world, EU, VERDICT_DOWN, STATE_AUTO);
    const struct choice choice =
        choose(steering, &steering->fenced.geo, "www.example.com", "193.0.6.1", KIND_V4);
    assert_int_equal(choice.pool->region, EU);
    assert_int_equal(choice.step, STEP_ALL_UP);
    assert_int_equal(choice.ttl_s, 10);
}

static void test_a_client_of_no_set_gets_nodata_with_the_scope_that_told(void **state)
{
    struct steering *steering = *state;
    all_up(steering);
    const struct choice choice =
        choose(steering, &steering->fenced.geo, "www.example.com", "193.1.6.1", KIND_V4);
    assert_int_equal(choice.kind, CHOICE_NODATA);
    assert_int_equal(choice.scope, 16);
    assert_int_equal(choice.ttl_s, UINT32_MAX);
}

static void test_a_family_that_the_service_lacks_is_nodata_of_scope_0(void **state)
{
    struct steering *steering = *state;
    all_up(steering);
    const struct choice choice = choose_v4(steering, "six.example.com", "193.0.6.1");
    assert_int_equal(choice.kind, CHOICE_NODATA);
    assert_int_equal(choice.scope, 0);
}

static void test_draining_serves_before_anything_unhealthy(void **state)
{
    struct steering *steering = *state;
    all_up(steering);
    world_health_set(&steering->world, EU, VERDICT_UP, STATE_DRAIN);
    sick(steering, "203.0.113.1");
    sick(steering, "203.0.113.2");
    const struct choice choice = choose_v4(steering, "www.example.com", "8.8.8.8");
    assert_int_equal(choice.pool->region, EU);
    assert_int_equal(choice.step, STEP_DRAINING);
    assert_int_equal(choice.ttl_s, 10);
}

static void test_what_is_put_down_is_never_handed_out(void **state)
{
    struct steering *steering = *state;
    all_up(steering);
    world_health_set(&steering->world, EU, VERDICT_UP, STATE_DOWN);
    world_health_set(&steering->world, US, VERDICT_UP, STATE_DOWN);
    const struct choice choice = choose_v4(steering, "www.example.com", "8.8.8.8");
    assert_int_equal(choice.kind, CHOICE_NODATA);
    assert_int_equal(choice.ttl_s, 10);
    assert_int_equal(choice.step, STEP_ALL_UP_DRAINS);
}

static void test_nodata_for_health_lasts_no_longer_than_the_service(void **state)
{
    struct steering *steering = *state;
    all_up(steering);
    sick(steering, "198.51.100.21");
    const struct choice choice = choose_v4(steering, "dark.example.com", "8.8.8.8");
    assert_int_equal(choice.kind, CHOICE_NODATA);
    assert_int_equal(choice.ttl_s, 5);
}

static void test_under_panic_below_the_whole_pool_serves(void **state)
{
    struct steering *steering = *state;
    all_up(steering);
    sick(steering, "198.51.100.11");
    sick(steering, "198.51.100.12");
    struct choice choice = choose_v4(steering, "panic.example.com", "193.0.6.1");
    assert_int_equal(choice.count, 2); /* a half is not under a half */
    assert_int_equal(choice.ttl_s, 30);
    sick(steering, "198.51.100.13");
    choice = choose_v4(steering, "panic.example.com", "193.0.6.1");
    assert_int_equal(choice.pool->region, EU);
    assert_int_equal(choice.count, 4);
    assert_int_equal(choice.ttl_s, 10);
    sick(steering, "198.51.100.14"); /* none serves: no panic, the next region */
    choice = choose_v4(steering, "panic.example.com", "193.0.6.1");
    assert_int_equal(choice.pool->region, US);
    assert_int_equal(choice.ttl_s, 30);
}

static void test_a_service_that_would_not_serve_all_does_not_panic(void **state)
{
    struct steering *steering = *state;
    all_up(steering);
    sick(steering, "198.51.100.31");
    sick(steering, "198.51.100.32");
    const struct choice choice = choose_v4(steering, "calm.example.com", "193.0.6.1");
    assert_int_equal(choice.count, 1);
    assert_int_equal(choice.step, STEP_SERVING);
}

static void test_what_the_operator_takes_away_is_no_reason_to_panic(void **state)
{
    struct steering *steering = *state;
    static const enum state taken[] = {STATE_DRAIN, STATE_DOWN};
    for (size_t i = 0; i < COUNT(taken); i++) {
        all_up(steering);
        const uint32_t slots[] = {world_slot(&steering->world, "198.51.100.11"),
                                  world_slot(&steering->world, "198.51.100.12")};
        for (size_t k = 0; k < COUNT(slots); k++)
            world_health_set(&steering->world, slots[k], VERDICT_UP, taken[i]);
        sick(steering, "198.51.100.13");
        const struct choice choice = choose_v4(steering, "panic.example.com", "193.0.6.1");
        assert_int_equal(choice.count, 1); /* one of the two that are left */
        assert_int_equal(choice.step, STEP_SERVING);
        sick(steering, "198.51.100.14");
        assert_int_equal(choose_v4(steering, "panic.example.com", "193.0.6.1").pool->region, US);
    }
}

/* The reason of a region in the trace of the last choice, in its first row. */
static enum trace_why why(const struct steering *steering, unsigned region)
{
    for (uint32_t i = 0; i < steering->trace.count; i++)
        if (steering->trace.rows[i].kind == TRACE_REGION && steering->trace.rows[i].region == region)
            return steering->trace.rows[i].why;
    fail_msg("region %u is not in the trace", region);
    return WHY_SERVES;
}

static void test_the_trace_says_why_a_region_does_not_serve(void **state)
{
    struct steering *steering = *state;
    const uint32_t us_pool = world_slot(&steering->world, "203.0.113.1") - 1;
    const struct {
        uint32_t slot;
        enum verdict verdict;
        enum state state;
        enum trace_why why;
    } rows[] = {
        {US, VERDICT_UP, STATE_DOWN, WHY_REGION_DOWN},
        {US, VERDICT_UP, STATE_DRAIN, WHY_REGION_DRAIN},
        {US, VERDICT_DOWN, STATE_AUTO, WHY_REGION_UNHEALTHY},
        {us_pool, VERDICT_UNKNOWN, STATE_DOWN, WHY_POOL_DOWN},
        {us_pool, VERDICT_UNKNOWN, STATE_DRAIN, WHY_POOL_DRAIN},
        {world_slot(&steering->world, "203.0.113.1"), VERDICT_DOWN, STATE_AUTO, WHY_MIN_UP},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        all_up(steering);
        world_health_set(&steering->world, rows[i].slot, rows[i].verdict, rows[i].state);
        assert_int_equal(choose_v4(steering, "www.example.com", "8.8.8.8").pool->region, EU);
        assert_int_equal(why(steering, US), rows[i].why);
        assert_int_equal(why(steering, EU), WHY_STANDBY);
    }
}

static void test_the_trace_of_a_service_elsewhere_has_its_reasons(void **state)
{
    struct steering *steering = *state;
    all_up(steering);
    (void)choose(steering, &steering->world.geo.geo, "six.example.com", "8.8.8.8", KIND_V6);
    assert_int_equal(why(steering, US), WHY_SERVES);
    sick(steering, "2001:db8::1");
    (void)choose(steering, &steering->world.geo.geo, "six.example.com", "8.8.8.8", KIND_V6);
    assert_int_equal(why(steering, EU), WHY_NO_POOL);
    assert_int_equal(why(steering, ASIA), WHY_NO_POOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_serves_follows_from_state_and_verdict),
        cmocka_unit_test(test_a_set_that_serves_is_not_left),
        cmocka_unit_test(test_the_walk_goes_up_to_the_next_set_and_down_the_tiers),
        cmocka_unit_test(test_a_geofence_keeps_its_clients),
        cmocka_unit_test(test_a_client_of_no_set_gets_nodata_with_the_scope_that_told),
        cmocka_unit_test(test_a_family_that_the_service_lacks_is_nodata_of_scope_0),
        cmocka_unit_test(test_draining_serves_before_anything_unhealthy),
        cmocka_unit_test(test_what_is_put_down_is_never_handed_out),
        cmocka_unit_test(test_nodata_for_health_lasts_no_longer_than_the_service),
        cmocka_unit_test(test_under_panic_below_the_whole_pool_serves),
        cmocka_unit_test(test_a_service_that_would_not_serve_all_does_not_panic),
        cmocka_unit_test(test_what_the_operator_takes_away_is_no_reason_to_panic),
        cmocka_unit_test(test_the_trace_says_why_a_region_does_not_serve),
        cmocka_unit_test(test_the_trace_of_a_service_elsewhere_has_its_reasons),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
