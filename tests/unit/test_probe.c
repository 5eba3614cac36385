/* tests/unit/test_probe.c - one check at one vantage point, driven by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "health/probe.h"


static const struct probe_plan plan = {
    .interval_ms = 10000, .timeout_ms = 3000, .fall = 3, .rise = 2, .phase = 0.25};

/* 's' success, 'f' failure at once, 't' failure after the timeout, 'u' local trouble. */
static void run(struct probe *probe, char how, struct rng *rng)
{
    const int64_t at_ms = probe->due_ms;
    const int64_t took_ms = how == 't' ? probe->plan.timeout_ms : 1;
    struct probe_result result = {.outcome = PROBE_FAILED,
                                  .reason = how == 't' ? "timeout" : "refused"};
    if (how == 's')
        result = (struct probe_result){.outcome = PROBE_OK, .latency_ms = 1};
    if (how == 'u')
        result = (struct probe_result){.outcome = PROBE_UNKNOWN, .reason = "no route"};
    probe_begin(probe, at_ms);
    assert_true(probe->due_ms == PROBE_NEVER);
    probe_finish(probe, &result, at_ms + took_ms, rng);
}

static struct probe start(struct rng *rng)
{
    struct probe probe;
    rng_init(rng, 1);
    probe_init(&probe, &plan, 1000000, rng);
    return probe;
}

static void test_votes_follow_results(void **state)
{
    (void)state;
    static const struct {
        const char *results;
        const char *votes; /* U, D and ? after each */
    } cases[] = {
        {"s", "U"},           {"f", "D"},         {"u", "?"},       {"uus", "??U"},
        {"sff", "UUU"},       {"sfff", "UUUD"},   {"sttt", "UUUD"}, {"sffsff", "UUUUUU"},
        {"fs", "DD"},         {"fss", "DDU"},     {"fsfs", "DDDD"}, {"fsfss", "DDDDU"},
        {"sus", "U?U"},       {"sfuff", "UU?UD"}, {"fu", "D?"},     {"fuf", "D?D"},
        {"sfffss", "UUUDDU"}, {"fsus", "DD?U"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rng rng;
        struct probe probe = start(&rng);
        assert_int_equal(probe.vote.verdict, VERDICT_UNKNOWN);
        for (size_t k = 0; cases[i].results[k]; k++) {
            run(&probe, cases[i].results[k], &rng);
            if ("?UD"[probe.vote.verdict] != cases[i].votes[k])
                fail_msg("%s: vote %zu is %c", cases[i].results, k, "?UD"[probe.vote.verdict]);
        }
    }
}

static void test_a_crash_turns_the_vote_within_interval_and_fall_timeouts(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct rng rng;
        struct probe probe = start(&rng);
        rng_init(&rng, seed);
        for (int i = 0; i < 5; i++)
            run(&probe, 's', &rng);
        const int64_t last_good_ms = probe.started_ms;
        for (int i = 0; i < 3; i++)
            run(&probe, seed & 1 ? 't' : 'f', &rng);
        assert_int_equal(probe.vote.verdict, VERDICT_DOWN);
        assert_true(probe.vote.since_ms - last_good_ms <= plan.interval_ms + 3 * plan.timeout_ms);
    }
}

static void test_probes_are_at_most_an_interval_apart_and_seldom_less_than_nine_tenths(void **state)
{
    (void)state;
    struct rng rng;
    struct probe probe = start(&rng);
    run(&probe, 's', &rng);
    int64_t shortest_ms = plan.interval_ms, longest_ms = 0;
    for (int i = 0; i < 1000; i++) {
        const int64_t gap_ms = probe.due_ms - probe.started_ms;
        shortest_ms = gap_ms < shortest_ms ? gap_ms : shortest_ms;
        longest_ms = gap_ms > longest_ms ? gap_ms : longest_ms;
        assert_true(gap_ms <= plan.interval_ms && gap_ms >= plan.interval_ms * 9 / 10);
        run(&probe, 's', &rng);
    }
    assert_true(longest_ms - shortest_ms > plan.interval_ms / PROBE_JITTER_SHARE); /* jitter */
}

static void test_vantage_points_probe_in_turn(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 7);
    int64_t dues_ms[5];
    for (int v = 0; v < 5; v++) {
        struct probe probe;
        struct probe_plan mine = plan;
        mine.phase = v / 5.0;
        probe_init(&probe, &mine, 0, &rng);
        while (probe.due_ms < 1000000)
            run(&probe, 's', &rng);
        dues_ms[v] = probe.due_ms;
    }
    for (int v = 0; v < 5; v++) {
        for (int w = 0; w < v; w++) {
            const int64_t period_ms = plan.interval_ms - plan.interval_ms / PROBE_JITTER_SHARE;
            const int64_t apart_ms =
                ((dues_ms[v] - dues_ms[w]) % period_ms + period_ms) % period_ms;
            assert_true(apart_ms > 1500 && apart_ms < period_ms - 1500);
        }
    }
}

static void test_after_a_first_failure_probes_are_a_timeout_apart_until_it_is_decided(void **state)
{
    (void)state;
    struct rng rng;
    struct probe probe = start(&rng);
    run(&probe, 's', &rng);
    for (int i = 0; i < 2; i++) {
        run(&probe, 'f', &rng);
        assert_int_equal(probe.due_ms - probe.started_ms, plan.timeout_ms);
        assert_true(vote_is_doubtful(&probe.vote));
        assert_string_equal(probe.vote.reason, "refused");
    }
    run(&probe, 'f', &rng);
    assert_true(probe.due_ms - probe.started_ms > plan.timeout_ms);
    assert_false(vote_is_doubtful(&probe.vote));
}

static void test_a_success_clears_the_doubt(void **state)
{
    (void)state;
    struct rng rng;
    struct probe probe = start(&rng);
    run(&probe, 's', &rng);
    run(&probe, 'f', &rng);
    assert_true(vote_is_doubtful(&probe.vote));
    run(&probe, 's', &rng);
    assert_string_equal(probe.vote.reason, "");
    assert_true(probe.due_ms - probe.started_ms > plan.timeout_ms);
}

static void test_since_is_when_the_vote_turned(void **state)
{
    (void)state;
    struct rng rng;
    struct probe probe = start(&rng);
    run(&probe, 's', &rng);
    const int64_t since_ms = probe.vote.since_ms;
    run(&probe, 's', &rng);
    run(&probe, 'f', &rng);
    assert_int_equal(probe.vote.since_ms, since_ms);
    run(&probe, 'f', &rng);
    run(&probe, 'f', &rng);
    assert_int_equal(probe.vote.since_ms, probe.started_ms + 1);
}

static void test_too_slow_is_a_failure(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 1);
    struct probe probe;
    struct probe_plan strict = plan;
    strict.latency_max_ms = 500;
    probe_init(&probe, &strict, 0, &rng);
    probe_begin(&probe, probe.due_ms);
    probe_finish(&probe, &(struct probe_result){.outcome = PROBE_OK, .latency_ms = 501}, 10000,
                 &rng);
    assert_int_equal(probe.vote.verdict, VERDICT_DOWN);
    assert_string_equal(probe.vote.reason, "slower than 500 ms");
    probe_begin(&probe, probe.due_ms);
    probe_finish(&probe, &(struct probe_result){.outcome = PROBE_OK, .latency_ms = 500}, 20000,
                 &rng);
    assert_int_equal(probe.vote.latency_ms, 500);
}

static void test_hurry_brings_the_next_probe_forward_but_not_below_a_timeout(void **state)
{
    (void)state;
    struct rng rng;
    struct probe probe = start(&rng);
    run(&probe, 's', &rng);
    probe_hurry(&probe, probe.started_ms + 100);
    assert_int_equal(probe.due_ms, probe.started_ms + plan.timeout_ms);
    probe_hurry(&probe, probe.started_ms + 9000); /* later than it is due: stays */
    assert_int_equal(probe.due_ms, probe.started_ms + plan.timeout_ms);
    run(&probe, 's', &rng);
    probe_hurry(&probe, probe.started_ms + 5000);
    assert_int_equal(probe.due_ms, probe.started_ms + 5000);
    probe_begin(&probe, probe.due_ms);
    probe_hurry(&probe, probe.started_ms + 5000); /* one runs */
    assert_true(probe.due_ms == PROBE_NEVER);
}

static void test_a_changed_plan_keeps_the_vote_and_a_running_probe(void **state)
{
    (void)state;
    struct rng rng;
    struct probe probe = start(&rng);
    struct probe_plan faster = plan;
    faster.interval_ms = 1000;
    faster.timeout_ms = 500;
    run(&probe, 's', &rng);
    run(&probe, 'f', &rng);
    probe_replan(&probe, &faster, probe.started_ms + 10, &rng);
    assert_int_equal(probe.vote.verdict, VERDICT_UP);
    assert_true(probe.due_ms <= probe.started_ms + 1000);
    run(&probe, 'f', &rng);
    probe_begin(&probe, probe.due_ms);
    probe_replan(&probe, &plan, probe.started_ms + 10, &rng);
    assert_true(probe.due_ms == PROBE_NEVER);
    probe_finish(&probe, &(struct probe_result){.outcome = PROBE_FAILED, .reason = "x"},
                 probe.started_ms + 20, &rng);
    assert_int_equal(probe.vote.verdict, VERDICT_DOWN);
}

static void test_a_late_loop_never_schedules_into_the_past(void **state)
{
    (void)state;
    struct rng rng;
    struct probe probe = start(&rng);
    run(&probe, 's', &rng);
    probe_begin(&probe, probe.due_ms);
    const int64_t late_ms = probe.started_ms + 100000;
    probe_finish(&probe, &(struct probe_result){.outcome = PROBE_OK}, late_ms, &rng);
    assert_int_equal(probe.due_ms, late_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_votes_follow_results),
        cmocka_unit_test(test_a_crash_turns_the_vote_within_interval_and_fall_timeouts),
        cmocka_unit_test(
            test_probes_are_at_most_an_interval_apart_and_seldom_less_than_nine_tenths),
        cmocka_unit_test(test_vantage_points_probe_in_turn),
        cmocka_unit_test(test_after_a_first_failure_probes_are_a_timeout_apart_until_it_is_decided),
        cmocka_unit_test(test_a_success_clears_the_doubt),
        cmocka_unit_test(test_since_is_when_the_vote_turned),
        cmocka_unit_test(test_too_slow_is_a_failure),
        cmocka_unit_test(test_hurry_brings_the_next_probe_forward_but_not_below_a_timeout),
        cmocka_unit_test(test_a_changed_plan_keeps_the_vote_and_a_running_probe),
        cmocka_unit_test(test_a_late_loop_never_schedules_into_the_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
