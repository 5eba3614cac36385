/* tests/property/test_simulation.c - quorum.md's figures, reproduced with the code that runs, hours
 * in milliseconds.
 *
 * A world of vantage points and targets: probes run as health/probe.h schedules them, votes are
 * pushed each second, the nameserver judges each second, and asks for probes in its replies. Time
 * jumps from one event to the next. Every seed is fixed, so a run is the same run each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/rng.h"
#include "health/flap.h"
#include "health/probe.h"
#include "health/tally.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
enum { VANTAGES = 5, TARGETS_MAX = 10, PUSH_MS = 1000, JUDGE_MS = 1000 };

/* The world ------------------------------------------------------------------------------------ */

enum recheck { RECHECK_OFF, RECHECK_ON };

struct world {
    int64_t now_ms;
    struct rng rng;
    struct probe_plan plan;
    uint32_t targets_count;
    uint32_t quorum;
    enum recheck recheck;
    struct tally *tally;
    struct probe probes[VANTAGES][TARGETS_MAX];
    int64_t ends_ms[VANTAGES][TARGETS_MAX]; /* of the probe that runs */
    bool fails[VANTAGES][TARGETS_MAX];      /* and how it will end */
    bool news[VANTAGES][TARGETS_MAX];
    int64_t pushes_ms[VANTAGES];
    int64_t judge_ms;

    /* Set by the tests. */
    bool dead[TARGETS_MAX]; /* the target does not answer */
    bool refuses;           /* and what is dead refuses at once instead of staying silent */
    uint32_t blinded;       /* vantage points from which no target answers; bits */
    uint32_t muted;         /* vantage points whose pushes are lost */
    unsigned changes;       /* verdicts that changed */
    int64_t changed_ms;     /* when the last did */
    uint64_t suspected;     /* vantage points that ever became suspect */
    uint64_t cleared;
};

static int64_t phase_of(struct rng *rng, int64_t period_ms)
{
    return rng_below(rng, (uint32_t)period_ms);
}

static void world_configure(struct world *world)
{
    static const char *const names[VANTAGES] = {"ams1", "fra1", "nyc2", "sgp1", "syd1"};
    static const char *const ids[TARGETS_MAX] = {"m 1", "m 2", "m 3", "m 4", "m 5",
                                                 "m 6", "m 7", "m 8", "m 9", "m 10"};
    struct tally_vantage vantages[VANTAGES];
    struct tally_target targets[TARGETS_MAX];
    for (uint32_t v = 0; v < VANTAGES; v++)
        vantages[v] = (struct tally_vantage){names[v], 64500 + v, true};
    for (uint32_t t = 0; t < world->targets_count; t++)
        targets[t] = (struct tally_target){.id = ids[t],
                                           .interval_ms = world->plan.interval_ms,
                                           .timeout_ms = world->plan.timeout_ms,
                                           .fall = world->plan.fall,
                                           .quorum = world->quorum,
                                           .verdict = VERDICT_UP};
    const struct tally_config config = {vantages, VANTAGES, targets, world->targets_count};
    assert_int_equal(tally_configure(world->tally, &config, world->now_ms, NULL), OK);
}

static void world_init(struct world *world, const struct probe_plan *plan, uint32_t targets_count,
                       uint64_t seed)
{
    *world = (struct world){.plan = *plan, .targets_count = targets_count, .recheck = RECHECK_ON};
    rng_init(&world->rng, seed);
    assert_int_equal(tally_new(0, &world->tally, NULL), OK);
    world_configure(world);
    for (uint32_t v = 0; v < VANTAGES; v++) {
        world->pushes_ms[v] = phase_of(&world->rng, PUSH_MS);
        for (uint32_t t = 0; t < targets_count; t++) {
            struct probe_plan mine = *plan;
            mine.phase = fmod((double)v / VANTAGES + (double)t / targets_count, 1);
            probe_init(&world->probes[v][t], &mine, 0, &world->rng);
            world->ends_ms[v][t] = INT64_MAX;
        }
    }
    world->judge_ms = phase_of(&world->rng, JUDGE_MS);
}

static void world_fini(struct world *world)
{
    tally_free(&world->tally);
}

static void begin_probe(struct world *world, uint32_t v, uint32_t t)
{
    const bool fails = world->dead[t] || (world->blinded >> v & 1);
    const bool silent = fails && !world->refuses;
    probe_begin(&world->probes[v][t], world->now_ms);
    world->fails[v][t] = fails;
    world->ends_ms[v][t] =
        world->now_ms + (silent ? world->plan.timeout_ms : 1 + phase_of(&world->rng, 50));
}

static void end_probe(struct world *world, uint32_t v, uint32_t t)
{
    const struct probe_result result =
        world->fails[v][t] ? (struct probe_result){.outcome = PROBE_FAILED, .reason = "timeout"}
                           : (struct probe_result){.outcome = PROBE_OK, .latency_ms = 20};
    probe_finish(&world->probes[v][t], &result, world->now_ms, &world->rng);
    world->ends_ms[v][t] = INT64_MAX;
    world->news[v][t] = true;
}

/* Push what is new, and do what the reply asks for. */
static void push(struct world *world, uint32_t v)
{
    uint32_t asked[TARGETS_MAX];
    world->pushes_ms[v] += PUSH_MS;
    if (world->muted >> v & 1)
        return;
    for (uint32_t t = 0; t < world->targets_count; t++) {
        if (world->news[v][t])
            tally_vote(world->tally, v, t, &world->probes[v][t].vote, world->now_ms);
        world->news[v][t] = false;
    }
    const size_t count = tally_take_rechecks(world->tally, v, asked, TARGETS_MAX);
    for (size_t i = 0; i < count && world->recheck == RECHECK_ON; i++)
        probe_hurry(&world->probes[v][asked[i]], world->now_ms);
}

static void judge(struct world *world)
{
    struct tally_report report;
    world->judge_ms += JUDGE_MS;
    do {
        report = tally_step(world->tally, world->now_ms);
        world->changes += (unsigned)report.changes_count;
        world->changed_ms = report.changes_count ? world->now_ms : world->changed_ms;
        world->suspected |= report.suspected;
        world->cleared |= report.cleared;
    } while (report.more);
}

static int64_t next_event(const struct world *world)
{
    int64_t next_ms = world->judge_ms;
    for (uint32_t v = 0; v < VANTAGES; v++) {
        next_ms = world->pushes_ms[v] < next_ms ? world->pushes_ms[v] : next_ms;
        for (uint32_t t = 0; t < world->targets_count; t++) {
            const int64_t due_ms = world->probes[v][t].due_ms, end_ms = world->ends_ms[v][t];
            next_ms = due_ms < next_ms ? due_ms : next_ms;
            next_ms = end_ms < next_ms ? end_ms : next_ms;
        }
    }
    return next_ms;
}

static void world_run(struct world *world, int64_t until_ms)
{
    for (int64_t next_ms; (next_ms = next_event(world)) <= until_ms;) {
        world->now_ms = next_ms;
        for (uint32_t v = 0; v < VANTAGES; v++)
            for (uint32_t t = 0; t < world->targets_count; t++) {
                if (world->ends_ms[v][t] <= next_ms)
                    end_probe(world, v, t);
                if (world->probes[v][t].due_ms <= next_ms)
                    begin_probe(world, v, t);
            }
        if (world->judge_ms <=
            next_ms) /* before the pushes: what comes in the same instant waits, the worst case */
            judge(world);
        for (uint32_t v = 0; v < VANTAGES; v++)
            if (world->pushes_ms[v] <= next_ms)
                push(world, v);
    }
    world->now_ms = until_ms;
}

static const struct probe_plan defaults = {
    .interval_ms = 10000, .timeout_ms = 3000, .fall = 3, .rise = 2};
static const struct probe_plan quick = {
    .interval_ms = 1000, .timeout_ms = 500, .fall = 3, .rise = 2};

/* Detection ------------------------------------------------------------------------------------ */

enum { CRASHES = 400 };

static int compare_times(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t bound_of(const struct probe_plan *plan)
{
    return plan->interval_ms + plan->fall * plan->timeout_ms + PUSH_MS + JUDGE_MS;
}

struct crash {
    const char *what;
    const struct probe_plan *plan;
    uint32_t targets_count;
    uint32_t quorum;
    enum recheck recheck;
};

/* From the crash of all targets to the last changed verdict. */
static int64_t crash_once(const struct crash *crash, uint64_t seed)
{
    const struct probe_plan *plan = crash->plan;
    struct world world;
    world_init(&world, plan, crash->targets_count, seed);
    world.recheck = crash->recheck;
    world.quorum = crash->quorum;
    world_configure(&world);
    world.refuses = seed & 1;
    const int64_t crash_ms = 6 * plan->interval_ms + phase_of(&world.rng, 3 * plan->interval_ms);
    world_run(&world, crash_ms);
    assert_int_equal(world.changes, 0);
    memset(world.dead, true, sizeof world.dead);
    world_run(&world, crash_ms + 6 * plan->interval_ms);
    assert_int_equal(world.changes, crash->targets_count);
    assert_int_equal(world.suspected, 0);
    world_fini(&world);
    return world.changed_ms - crash_ms;
}

static void measure_detection(const struct crash *crash)
{
    static int64_t took_ms[CRASHES];
    const int64_t bound_ms = bound_of(crash->plan);
    int64_t sum_ms = 0;
    for (uint64_t i = 0; i < CRASHES; i++) {
        took_ms[i] = crash_once(crash, i + 1);
        sum_ms += took_ms[i];
    }
    qsort(took_ms, CRASHES, sizeof *took_ms, compare_times);
    print_message("%s: mean %.2f s, p99 %.2f s, worst %.2f s; bound %.2f s\n", crash->what,
                  (double)sum_ms / CRASHES / SECOND, (double)took_ms[CRASHES * 99 / 100] / SECOND,
                  (double)took_ms[CRASHES - 1] / SECOND, (double)bound_ms / SECOND);
    assert_true(took_ms[CRASHES - 1] <= bound_ms);
    assert_true(took_ms[0] > 0);
}

static void test_a_crash_changes_the_verdict_within_the_bound(void **state)
{
    (void)state;
    static const struct crash crashes[] = {
        {"defaults", &defaults, 1, QUORUM_MAJORITY, RECHECK_ON},
        {"defaults, no rechecks", &defaults, 1, QUORUM_MAJORITY, RECHECK_OFF},
        {"defaults, no rechecks, all five needed", &defaults, 1, VANTAGES, RECHECK_OFF},
        {"1 s / 0.5 s", &quick, 1, QUORUM_MAJORITY, RECHECK_ON},
        {"1 s / 0.5 s, no rechecks", &quick, 1, QUORUM_MAJORITY, RECHECK_OFF},
        {"1 s / 0.5 s, no rechecks, all five needed", &quick, 1, VANTAGES, RECHECK_OFF},
    };
    assert_int_equal(bound_of(&defaults), 21000);
    assert_int_equal(bound_of(&quick), 4500);
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        measure_detection(&crashes[i]);
}

static void test_a_crash_of_everything_makes_nobody_suspect_and_takes_no_longer(void **state)
{
    (void)state;
    static const struct crash crashes[] = {
        {"ten targets, defaults", &defaults, TARGETS_MAX, QUORUM_MAJORITY, RECHECK_ON},
        {"ten targets, 1 s / 0.5 s, no rechecks", &quick, TARGETS_MAX, QUORUM_MAJORITY,
         RECHECK_OFF},
    };
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        measure_detection(&crashes[i]);
}

/* Vantage points that are wrong ---------------------------------------------------------------- */

static void test_two_of_five_vantage_points_that_fall_silent_change_nothing(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, &defaults, TARGETS_MAX, 1);
    world_run(&world, 5 * MINUTE);
    world.muted = 1U << 1 | 1U << 3;
    world_run(&world, HOUR);
    assert_int_equal(world.changes, 0);
    assert_int_equal(world.suspected, 0);
    for (uint32_t t = 0; t < TARGETS_MAX; t++)
        assert_int_equal(tally_status(world.tally, t, world.now_ms).votes.unknown, 2);
    world.dead[4] = true; /* the three that are left still make a quorum */
    world_run(&world, HOUR + 21 * SECOND);
    assert_int_equal(world.changes, 1);
    world_fini(&world);
}

static void
test_two_of_five_vantage_points_that_are_cut_off_become_suspect_and_change_nothing(void **state)
{
    (void)state;
    struct world world;
    const uint64_t both = 1U << 0 | 1U << 2;
    world_init(&world, &defaults, TARGETS_MAX, 2);
    world_run(&world, 5 * MINUTE);
    world.blinded = (uint32_t)both; /* from the targets; their pushes arrive */
    world_run(&world, 5 * MINUTE + 2 * bound_of(&defaults));
    assert_int_equal(world.suspected, both);
    world_run(&world, HOUR);
    world.blinded = 0;
    world_run(&world, HOUR + 2 * MINUTE);
    assert_int_equal(world.cleared, both);
    assert_int_equal(world.changes, 0);
    world_fini(&world);
}

static void test_a_vantage_point_that_lies_does_not_help_to_a_down_verdict(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, &defaults, TARGETS_MAX, 3);
    world.blinded = 1U << 4;
    world_run(&world, 5 * MINUTE);
    assert_int_equal(world.suspected, 1U << 4);
    world.muted =
        1U << 0 | 1U << 1; /* two are left, and the liar: not a quorum, whatever they see */
    world.dead[0] = true;
    world_run(&world, HOUR);
    assert_int_equal(world.changes, 0);
    world.muted = 1U << 0;
    world_run(&world, HOUR + 22 * SECOND);
    assert_int_equal(world.changes, 1);
    world_fini(&world);
}

static void test_three_of_five_cut_off_are_a_quorum(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, &defaults, TARGETS_MAX, 4);
    world_run(&world, 5 * MINUTE);
    world.blinded = 7;
    world_run(&world, 5 * MINUTE + bound_of(&defaults));
    assert_int_equal(world.changes, TARGETS_MAX);
    world_fini(&world);
}

/* Flapping ------------------------------------------------------------------------------------- */

/* Changes of verdict in six hours of a target that is up for `up_ms` and down for `down_ms` by turns. */
static unsigned flap_for_six_hours(int64_t up_ms, int64_t down_ms)
{
    struct world world;
    world_init(&world, &quick, 1, 5);
    while (world.now_ms < 6 * HOUR) {
        world_run(&world, world.now_ms + up_ms);
        world.dead[0] = true;
        world_run(&world, world.now_ms + down_ms);
        world.dead[0] = false;
    }
    world_fini(&world);
    return world.changes;
}

static void test_damping_bounds_the_changes_of_a_flapping_target(void **state)
{
    (void)state;
    /* The wait doubles until it is longer than the target stays up; a calm half hour lets it try
     * once again. */
    static const struct {
        int64_t up_ms, down_ms;
        unsigned most;
    } cases[] = {
        {20 * SECOND, 20 * SECOND, 28},
        {60 * SECOND, 20 * SECOND, 32},
        {4 * MINUTE, 20 * SECOND, 36},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const unsigned changes = flap_for_six_hours(cases[i].up_ms, cases[i].down_ms);
        const unsigned undamped = (unsigned)(2 * 6 * HOUR / (cases[i].up_ms + cases[i].down_ms));
        print_message("up %lld s, down %lld s: %u changes in 6 h instead of %u\n",
                      (long long)cases[i].up_ms / SECOND, (long long)cases[i].down_ms / SECOND,
                      changes, undamped);
        assert_true(changes <= cases[i].most);
        assert_true(changes >= 3);
    }
}

/* False alarms --------------------------------------------------------------------------------- */

/* The closed forms of quorum.md. `loss` is p, `fall` f, `rise` r; times are in probes. */
static double mean_up(double loss, int fall)
{
    return (1 - pow(loss, fall)) / ((1 - loss) * pow(loss, fall));
}

static double mean_down(double loss, int rise)
{
    return (1 - pow(1 - loss, rise)) / (loss * pow(1 - loss, rise));
}

static double share_down(double loss, int fall, int rise)
{
    return mean_down(loss, rise) / (mean_up(loss, fall) + mean_down(loss, rise));
}

static double choose(int n, int k)
{
    return k == 0 ? 1 : choose(n - 1, k - 1) * n / k;
}

static double share_of_verdict(double share, int n, int q)
{
    double sum = 0;
    for (int j = q; j <= n; j++)
        sum += choose(n, j) * pow(share, j) * pow(1 - share, n - j);
    return sum;
}

/* How often per probe `q` of `n` begin to be down together: one of n goes down while just q - 1 of
 * the others are. */
static double alarms_per_probe(double loss, int fall, int rise, int n, int q)
{
    const double share = share_down(loss, fall, rise);
    const double turns = 1 / (mean_up(loss, fall) + mean_down(loss, rise));
    return n * turns * choose(n - 1, q - 1) * pow(share, q - 1) * pow(1 - share, n - q);
}

static void test_the_figures_of_the_document_follow_from_its_formulas(void **state)
{
    (void)state;
    const double probes_per_year = 365.25 * 24 * 3600 / 10;
    const double one = alarms_per_probe(0.01, 3, 2, 1, 1) * probes_per_year;
    const double three_of_five = alarms_per_probe(0.01, 3, 2, 5, 3) * probes_per_year;
    print_message(
        "1 %% loss: one vantage point errs %.4f times an endpoint-year, 3 of 5 %.4g times\n", one,
        three_of_five);
    assert_true(one > 3.05 && one < 3.15);
    assert_true(three_of_five > 3.75e-10 && three_of_five < 3.85e-10);
}

struct alarms {
    double share;      /* of the time that the verdict is down */
    double beginnings; /* per probe */
    double one_share;  /* of the first vantage point alone */
};

/* `rounds` probes of each of `n` vantage points, in turn, that lose each answer with probability `loss`. */
static struct alarms lose_answers(double loss, int n, unsigned q, int rounds, uint64_t seed)
{
    const struct probe_plan plan = {.interval_ms = 1000, .timeout_ms = 1000, .fall = 3, .rise = 2};
    struct probe probes[VANTAGES];
    struct quorum_voter voters[VANTAGES] = {0};
    struct quorum_count count;
    struct rng rng;
    struct alarms alarms = {0};
    bool alarm = false;
    rng_init(&rng, seed);
    for (int v = 0; v < n; v++) {
        probe_init(&probes[v], &plan, 0, &rng);
        probes[v].settled = voters[v].vote = VERDICT_UP;
    }
    for (int64_t i = 0; i < (int64_t)rounds * n; i++) {
        const int v = (int)(i % n);
        const bool lost = (double)(rng_u64(&rng) >> 11) * 0x1p-53 < loss;
        const struct probe_result result = {.outcome = lost ? PROBE_FAILED : PROBE_OK,
                                            .reason = ""};
        probe_begin(&probes[v], i);
        probe_finish(&probes[v], &result, i, &rng);
        voters[v].vote = probes[v].vote.verdict;
        const bool down = quorum_decide(voters, (size_t)n, q, &count) == QUORUM_DOWN;
        alarms.beginnings += down && !alarm;
        alarms.share += down;
        alarms.one_share += voters[0].vote == VERDICT_DOWN;
        alarm = down;
    }
    alarms.beginnings /= rounds;
    alarms.share /= (double)rounds * n;
    alarms.one_share /= (double)rounds * n;
    return alarms;
}

static void assert_near(const char *what, double got, double want, double tolerance)
{
    print_message("%s: %.6g, by the formula %.6g (%+.1f %%)\n", what, got, want,
                  100 * (got / want - 1));
    assert_true(fabs(got / want - 1) < tolerance);
}

static void test_one_vantage_point_errs_as_often_as_the_formula_says(void **state)
{
    (void)state;
    static const struct {
        double loss, tolerance; /* about four standard deviations */
    } cases[] = {{0.05, 0.15}, {0.1, 0.06}, {0.2, 0.03}, {0.3, 0.03}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const double loss = cases[i].loss;
        const struct alarms alarms =
            lose_answers(loss, 1, 1, 2000000 * (loss < 0.15 ? 4 : 1), 11 + i);
        assert_near("share of one", alarms.one_share, share_down(loss, 3, 2), cases[i].tolerance);
        assert_near("alarms of one", alarms.beginnings, alarms_per_probe(loss, 3, 2, 1, 1),
                    cases[i].tolerance);
    }
}

static void test_three_of_five_err_as_seldom_as_the_formula_says(void **state)
{
    (void)state;
    static const struct {
        double loss, tolerance;
    } cases[] = {{0.2, 0.30}, {0.3, 0.10}, {0.4, 0.04}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const double loss = cases[i].loss;
        const struct alarms alarms = lose_answers(loss, 5, 3, 1000000, 21 + i);
        const double share = share_down(loss, 3, 2);
        assert_near("share of 3 of 5", alarms.share, share_of_verdict(share, 5, 3),
                    cases[i].tolerance);
        assert_near("alarms of 3 of 5", alarms.beginnings, alarms_per_probe(loss, 3, 2, 5, 3),
                    cases[i].tolerance);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_crash_changes_the_verdict_within_the_bound),
        cmocka_unit_test(test_a_crash_of_everything_makes_nobody_suspect_and_takes_no_longer),
        cmocka_unit_test(test_two_of_five_vantage_points_that_fall_silent_change_nothing),
        cmocka_unit_test(
            test_two_of_five_vantage_points_that_are_cut_off_become_suspect_and_change_nothing),
        cmocka_unit_test(test_a_vantage_point_that_lies_does_not_help_to_a_down_verdict),
        cmocka_unit_test(test_three_of_five_cut_off_are_a_quorum),
        cmocka_unit_test(test_damping_bounds_the_changes_of_a_flapping_target),
        cmocka_unit_test(test_the_figures_of_the_document_follow_from_its_formulas),
        cmocka_unit_test(test_one_vantage_point_errs_as_often_as_the_formula_says),
        cmocka_unit_test(test_three_of_five_err_as_seldom_as_the_formula_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
