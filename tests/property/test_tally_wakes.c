/* tests/property/test_tally_wakes.c - the tally, which judges only what is due, against the same
 * tally made to judge all.
 *
 * Random votes, silences, reconfigurations and steps: both must give the same verdicts, counts, suspicions
 * and alarms at every step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/rng.h"
#include "health/tally_state.h"


enum { VANTAGES = 5, TARGETS = 8, STEPS = 4000, ROUNDS = 20 };

static const char *const names[VANTAGES] = {"a", "b", "c", "d", "e"};
static const char *const ids[TARGETS] = {"m 1", "m 2", "m 3", "m 4", "m 5", "m 6", "m 7", "m 8"};

static void configure(struct tally *both[2], struct rng *rng, int64_t now_ms)
{
    struct tally_vantage vantages[VANTAGES];
    struct tally_target targets[TARGETS];
    const size_t vantages_count = 1 + rng_below(rng, VANTAGES);
    const size_t targets_count = 1 + rng_below(rng, TARGETS);
    const uint32_t first = rng_below(rng, TARGETS);
    for (size_t v = 0; v < vantages_count; v++)
        vantages[v] = (struct tally_vantage){names[v], rng_below(rng, 3), rng_below(rng, 8) > 0};
    for (size_t t = 0; t < targets_count; t++)
        targets[t] = (struct tally_target){.id = ids[(first + t) % TARGETS],
                                           .interval_ms = 1000 << t % 3,
                                           .timeout_ms = 500,
                                           .fall = 2};
    const struct tally_config config = {vantages, vantages_count, targets, targets_count};
    for (int i = 0; i < 2; i++)
        assert_int_equal(tally_configure(both[i], &config, now_ms, NULL), OK);
}

static void vote(struct tally *both[2], uint32_t mood, struct rng *rng, int64_t now_ms)
{
    const uint32_t vantage = rng_below(rng, (uint32_t)both[0]->vantages_count);
    const uint32_t target = rng_below(rng, (uint32_t)both[0]->targets_count);
    struct vote cast = {.verdict = VERDICT_UP, .latency_ms = (uint16_t)rng_below(rng, 100)};
    if (rng_below(rng, 10) == 0)
        cast.verdict = (enum verdict)rng_below(rng, 3);
    else if (mood >> vantage & 1)
        cast.verdict = VERDICT_DOWN;
    for (int i = 0; i < 2; i++)
        tally_vote(both[i], vantage, target, &cast, now_ms);
}

static void assert_same_report(const struct tally_report *a, const struct tally_report *b)
{
    assert_int_equal(a->changes_count, b->changes_count);
    for (size_t i = 0; i < a->changes_count; i++) {
        assert_int_equal(a->changes[i].target, b->changes[i].target);
        assert_int_equal(a->changes[i].is, b->changes[i].is);
        assert_string_equal(a->changes[i].reason, b->changes[i].reason);
    }
    assert_int_equal(a->suspected, b->suspected);
    assert_int_equal(a->cleared, b->cleared);
    assert_int_equal(a->sight, b->sight);
    assert_int_equal(a->more, b->more);
}

static void assert_same_state(struct tally *both[2], int64_t now_ms)
{
    for (uint32_t t = 0; t < both[0]->targets_count; t++) {
        const struct tally_status a = tally_status(both[0], t, now_ms),
                                  b = tally_status(both[1], t, now_ms);
        assert_int_equal(a.verdict, b.verdict);
        assert_int_equal(a.since_ms, b.since_ms);
        assert_memory_equal(&a.votes, &b.votes, sizeof a.votes);
    }
    for (uint32_t v = 0; v < both[0]->vantages_count; v++) {
        const struct tally_attendance a = tally_attendance(both[0], v),
                                      b = tally_attendance(both[1], v);
        assert_int_equal(a.votes, b.votes);
        assert_int_equal(a.contradicted, b.contradicted);
        assert_int_equal(a.suspect, b.suspect);
    }
}

/* How often each thing happened, so that the test cannot pass by nothing happening. */
struct seen {
    size_t changes, suspected, cleared, blind;
};

static void step(struct tally *both[2], int64_t now_ms, struct seen *seen)
{
    struct tally_report reports[2];
    do {
        for (size_t t = 0; t < both[1]->targets_count; t++)
            both[1]->wakes[t] = TALLY_WAKE_NOW;
        for (int i = 0; i < 2; i++)
            reports[i] = tally_step(both[i], now_ms);
        assert_same_report(&reports[0], &reports[1]);
        assert_same_state(both, now_ms);
        seen->changes += reports[0].changes_count;
        seen->suspected += reports[0].suspected != 0;
        seen->cleared += reports[0].cleared != 0;
        seen->blind += reports[0].sight == TALLY_SIGHT_LOST;
    } while (reports[0].more);
}

static void play(uint64_t seed, struct seen *seen)
{
    struct rng rng;
    struct tally *both[2];
    int64_t now_ms = 0;
    uint32_t mood = 0;
    rng_init(&rng, seed);
    for (int i = 0; i < 2; i++)
        assert_int_equal(tally_new(now_ms, &both[i], NULL), OK);
    configure(both, &rng, now_ms);
    for (int i = 0; i < STEPS; i++) {
        const bool silent = rng_below(&rng, 200) == 0;
        now_ms += silent ? 30000 : rng_below(&rng, 400);
        if (rng_below(&rng, 150) == 0)
            mood = rng_below(&rng, 3) ? 1U << rng_below(&rng, VANTAGES) : rng_below(&rng, 32);
        if (rng_below(&rng, 1000) == 0)
            configure(both, &rng, now_ms);
        for (uint32_t votes = silent ? 0 : rng_below(&rng, 20); votes > 0; votes--)
            vote(both, mood, &rng, now_ms);
        step(both, now_ms, seen);
    }
    tally_free(&both[0]);
    tally_free(&both[1]);
}

static void test_judging_what_is_due_is_judging_all(void **state)
{
    (void)state;
    struct seen seen = {0};
    for (uint64_t seed = 1; seed <= ROUNDS; seed++)
        play(seed, &seen);
    print_message("%zu changes, %zu suspicions, %zu cleared, %zu times blind\n", seen.changes,
                  seen.suspected, seen.cleared, seen.blind);
    assert_true(seen.changes > 100 && seen.suspected > 10 && seen.cleared > 5 && seen.blind > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judging_what_is_due_is_judging_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
