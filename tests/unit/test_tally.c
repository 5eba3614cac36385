/* tests/unit/test_tally.c - votes in, verdicts out, with time as an argument. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "health/tally.h"

#include <stdio.h>
#include <string.h>

enum { SECOND = 1000, VANTAGES = 5 };

static const struct tally_vantage vantages[] = {
    {"ams1", 64500, true}, {"fra1", 64501, true}, {"nyc2", 64502, true},
    {"sgp1", 64503, true}, {"syd1", 64504, true},
};

static struct tally_target target_of(const char *id, enum verdict verdict)
{
    return (struct tally_target){.id = id,
                                 .interval_ms = 10000,
                                 .timeout_ms = 3000,
                                 .fall = 3,
                                 .verdict = verdict,
                                 .since_ms = 77};
}

static void configure(struct tally *tally, const struct tally_target *targets, size_t count,
                      int64_t now_ms)
{
    const struct tally_config config = {vantages, VANTAGES, targets, count};
    assert_int_equal(tally_configure(tally, &config, now_ms, NULL), OK);
}

/* A tally of the five vantage points and four targets whose verdict is up. */
static struct tally *make(void)
{
    struct tally *tally = NULL;
    const struct tally_target targets[] = {
        target_of("web 192.0.2.1", VERDICT_UP),
        target_of("web 192.0.2.2", VERDICT_UP),
        target_of("web 192.0.2.3", VERDICT_UP),
        target_of("web 192.0.2.4", VERDICT_UP),
    };
    assert_int_equal(tally_new(0, &tally, NULL), OK);
    configure(tally, targets, 4, 0);
    return tally;
}

static void cast(struct tally *tally, uint32_t vantage, uint32_t target, enum verdict verdict,
                 const char *reason, int64_t now_ms)
{
    struct vote vote = {
        .verdict = verdict, .latency_ms = (uint16_t)(10 * (vantage + 1)), .since_ms = 5};
    vote_explain(&vote, reason);
    tally_vote(tally, vantage, target, &vote, now_ms);
}

/* One letter a vantage point: U, D, ? or a space for no vote. */
static void cast_all(struct tally *tally, uint32_t target, const char *votes, int64_t now_ms)
{
    for (uint32_t v = 0; votes[v]; v++) {
        if (votes[v] == 'U')
            cast(tally, v, target, VERDICT_UP, "", now_ms);
        else if (votes[v] == 'D')
            cast(tally, v, target, VERDICT_DOWN, "timeout", now_ms);
        else if (votes[v] == '?')
            cast(tally, v, target, VERDICT_UNKNOWN, "no route", now_ms);
    }
}

static void test_a_loaded_verdict_holds_until_votes_say_otherwise(void **state)
{
    (void)state;
    struct tally *tally = NULL;
    const struct tally_target targets[] = {target_of("web 192.0.2.1", VERDICT_DOWN)};
    assert_int_equal(tally_new(0, &tally, NULL), OK);
    configure(tally, targets, 1, 0);
    for (int64_t now_ms = 0; now_ms < 60 * SECOND; now_ms += SECOND)
        assert_int_equal(tally_step(tally, now_ms).changes_count, 0);
    assert_int_equal(tally_status(tally, 0, 0).verdict, VERDICT_DOWN);
    assert_int_equal(tally_status(tally, 0, 0).since_ms, 77);
    cast_all(tally, 0, "UUUUU", 60 * SECOND);
    assert_int_equal(tally_step(tally, 60 * SECOND).changes_count, 0);
    assert_int_equal(tally_step(tally, 70 * SECOND).changes_count, 1);
    assert_int_equal(tally_status(tally, 0, 70 * SECOND).verdict, VERDICT_UP);
    tally_free(&tally);
}

static void test_a_quorum_of_down_votes_changes_the_verdict_and_says_why(void **state)
{
    (void)state;
    struct tally *tally = make();
    cast_all(tally, 1, "DDUU ", 1000);
    assert_int_equal(tally_step(tally, 1000).changes_count, 0);
    cast(tally, 4, 1, VERDICT_DOWN, "connection refused", 2000);
    const struct tally_report report = tally_step(tally, 2000);
    assert_int_equal(report.changes_count, 1);
    assert_int_equal(report.changes[0].target, 1);
    assert_int_equal(report.changes[0].was, VERDICT_UP);
    assert_int_equal(report.changes[0].is, VERDICT_DOWN);
    assert_int_equal(report.changes[0].votes.down, 3);
    assert_int_equal(report.changes[0].votes.up, 2);
    assert_int_equal(report.changes[0].votes.unknown, 0);
    assert_string_equal(report.changes[0].reason, "3 of 5 down: timeout");
    assert_int_equal(tally_status(tally, 1, 2000).since_ms, 2000);
    assert_int_equal(tally_step(tally, 3000).changes_count, 0);
    tally_free(&tally);
}

static void test_a_status_tells_the_votes_the_median_and_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *votes, *reason;
        uint16_t latency_ms;
    } cases[] = {
        {"UUUUU", "5 of 5 up", 30},
        {"UUUU?", "4 of 5 up", 20},
        {"UUUDU", "4 of 5 up, 1 down: timeout", 20},
        {"DU   ", "1 of 5 down: timeout", 20},
        {"?????", "no votes of 5", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tally *tally = make();
        cast_all(tally, 0, cases[i].votes, 1000);
        (void)tally_step(tally, 1000);
        const struct tally_status status = tally_status(tally, 0, 1000);
        assert_string_equal(status.reason, cases[i].reason);
        assert_int_equal(status.latency_ms, cases[i].latency_ms);
        tally_free(&tally);
    }
}

static void test_a_vote_that_is_not_fresh_is_unknown(void **state)
{
    (void)state;
    struct tally *tally = make();
    cast_all(tally, 0, "DD   ", 1000);
    (void)tally_step(tally, 1000);
    (void)tally_step(tally, 34000); /* 1 s + 3 x 10 s + 3 s */
    assert_int_equal(tally_vote_of(tally, 0, 0, 34000).verdict, VERDICT_DOWN);
    assert_int_equal(tally_status(tally, 0, 34000).votes.down, 2);
    cast(tally, 2, 0, VERDICT_DOWN, "timeout", 34001);
    assert_int_equal(tally_step(tally, 34001).changes_count, 0);
    assert_int_equal(tally_vote_of(tally, 0, 0, 34001).verdict, VERDICT_UNKNOWN);
    assert_int_equal(tally_status(tally, 0, 34001).votes.down, 1);
    tally_free(&tally);
}

static void test_a_repeated_vote_stays_fresh(void **state)
{
    (void)state;
    struct tally *tally = make();
    for (int64_t now_ms = 0; now_ms < 200 * SECOND; now_ms += 10 * SECOND) {
        cast_all(tally, 0, "UUUUU", now_ms);
        (void)tally_step(tally, now_ms);
        assert_int_equal(tally_status(tally, 0, now_ms).votes.up, 5);
        assert_int_equal(tally_attendance(tally, 3).votes, 1);
    }
    tally_free(&tally);
}

static void test_a_disabled_vantage_point_does_not_count(void **state)
{
    (void)state;
    struct tally *tally = make();
    struct tally_vantage three[VANTAGES];
    memcpy(three, vantages, sizeof three);
    three[3].enabled = three[4].enabled = false;
    const struct tally_target target = target_of("web 192.0.2.1", VERDICT_UNKNOWN);
    const struct tally_config config = {three, VANTAGES, &target, 1};
    cast_all(tally, 0, "UU DD", 1000);
    assert_int_equal(tally_configure(tally, &config, 1000, NULL), OK);
    cast(tally, 2, 0, VERDICT_DOWN, "timeout", 1000);
    assert_int_equal(tally_step(tally, 1000).changes_count, 0);
    assert_int_equal(tally_status(tally, 0, 1000).votes.down, 1);
    assert_int_equal(tally_status(tally, 0, 1000).votes.unknown, 0);
    assert_int_equal(tally_vote_of(tally, 4, 0, 1000).verdict, VERDICT_UNKNOWN);
    cast(tally, 1, 0, VERDICT_DOWN, "timeout", 1001);
    assert_int_equal(tally_step(tally, 1001).changes_count, 1); /* 2 of 3 */
    tally_free(&tally);
}

static void test_a_new_configuration_keeps_what_stays(void **state)
{
    (void)state;
    struct tally *tally = make();
    cast_all(tally, 0, "DDDUU", 1000);
    cast_all(tally, 1, "DDUUU", 1000);
    assert_int_equal(tally_step(tally, 1000).changes_count, 1);

    const struct tally_vantage fewer[] = {
        vantages[4], vantages[0], {"new", 64505, true}, vantages[1]};
    const struct tally_target others[] = {
        target_of("web 192.0.2.9", VERDICT_DOWN),
        target_of("web 192.0.2.2", VERDICT_DOWN),
        target_of("web 192.0.2.1", VERDICT_UP),
    };
    const struct tally_config config = {fewer, 4, others, 3};
    assert_int_equal(tally_configure(tally, &config, 2000, NULL), OK);
    assert_int_equal(tally_step(tally, 2000).changes_count, 0);
    assert_int_equal(tally_status(tally, 0, 2000).verdict, VERDICT_DOWN); /* new: as loaded */
    assert_int_equal(tally_status(tally, 1, 2000).verdict, VERDICT_UP);   /* stays: as it was */
    assert_int_equal(tally_status(tally, 2, 2000).verdict, VERDICT_DOWN);
    assert_int_equal(tally_status(tally, 2, 2000).since_ms, 1000);
    assert_int_equal(tally_vote_of(tally, 0, 2, 2000).verdict, VERDICT_UP);
    assert_int_equal(tally_vote_of(tally, 1, 2, 2000).verdict, VERDICT_DOWN);
    assert_string_equal(tally_vote_of(tally, 1, 2, 2000).reason, "timeout");
    assert_int_equal(tally_vote_of(tally, 2, 2, 2000).verdict, VERDICT_UNKNOWN);
    assert_int_equal(tally_attendance(tally, 3).votes, 2);
    assert_int_equal(tally_attendance(tally, 2).votes, 0);
    assert_int_equal(tally_find_target(tally, "web 192.0.2.2"), 1);
    assert_int_equal(tally_find_target(tally, "web 192.0.2.3"), TALLY_NONE);
    assert_int_equal(tally_find_vantage(tally, "new"), 2);
    assert_int_equal(tally_find_vantage(tally, "nyc2"), TALLY_NONE);
    tally_free(&tally);
}

static void test_a_refused_configuration_changes_nothing(void **state)
{
    (void)state;
    static struct tally_vantage many[TALLY_VANTAGES_MAX + 1];
    struct tally *tally = make();
    const struct tally_target twice[] = {target_of("a b", VERDICT_UP),
                                         target_of("a b", VERDICT_UP)};
    const struct tally_vantage same[] = {vantages[0], vantages[0]};
    const struct {
        struct tally_config config;
        enum err err;
        const char *message;
    } cases[] = {
        {{vantages, VANTAGES, twice, 2}, ERR_EXISTS, "check \"a b\" is there twice"},
        {{same, 2, twice, 1}, ERR_EXISTS, "vantage: \"ams1\" is there twice"},
        {{many, TALLY_VANTAGES_MAX + 1, twice, 1}, ERR_LIMIT, "vantage: 65 of them; at most 64"},
        {{vantages, VANTAGES, twice, TALLY_TARGETS_MAX + 1},
         ERR_LIMIT,
         "monitor: 1048577 addresses to check; at most 1048576"},
    };
    cast_all(tally, 3, "DDUUU", 1000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct diag diag;
        assert_int_equal(tally_configure(tally, &cases[i].config, 1000, &diag), cases[i].err);
        assert_string_equal(diag.text, cases[i].message);
    }
    (void)tally_step(tally, 1000);
    assert_int_equal(tally_status(tally, 3, 1000).votes.down, 2);
    assert_int_equal(tally_find_target(tally, "web 192.0.2.4"), 3);
    tally_free(&tally);
}

static void test_a_first_failure_asks_the_other_vantage_points_once(void **state)
{
    (void)state;
    struct tally *tally = make();
    uint32_t targets[8];
    cast_all(tally, 2, "UUUU?", 1000);
    cast(tally, 1, 2, VERDICT_UP, "timeout", 2000);
    cast(tally, 1, 2, VERDICT_UP, "timeout", 3000);
    assert_int_equal(tally_take_rechecks(tally, 0, targets, 8), 1);
    assert_int_equal(targets[0], 2);
    assert_int_equal(tally_take_rechecks(tally, 0, targets, 8), 0);
    assert_int_equal(tally_take_rechecks(tally, 1, targets, 8), 0); /* it saw the failure itself */
    assert_int_equal(tally_take_rechecks(tally, 4, targets, 8), 0); /* it does not see it as up */
    cast(tally, 2, 2, VERDICT_UP, "timeout", 4000);
    assert_int_equal(tally_take_rechecks(tally, 0, targets, 8), 0); /* once an interval */
    cast(tally, 2, 2, VERDICT_UP, "", 13000);
    cast(tally, 2, 2, VERDICT_DOWN, "timeout", 14000);
    assert_int_equal(tally_take_rechecks(tally, 3, targets, 8), 1);
    tally_free(&tally);
}

static void test_nothing_fresh_is_blindness_and_every_verdict_holds(void **state)
{
    (void)state;
    struct tally *tally = make();
    assert_int_equal(tally_step(tally, 9999).sight, TALLY_SIGHT_SAME);
    assert_int_equal(tally_step(tally, 10000).sight, TALLY_SIGHT_LOST);
    assert_int_equal(tally_step(tally, 11000).sight, TALLY_SIGHT_SAME);
    cast(tally, 0, 0, VERDICT_UNKNOWN, "no route", 12000);
    assert_int_equal(tally_step(tally, 12000).sight, TALLY_SIGHT_SAME); /* that is not seeing */
    cast(tally, 0, 0, VERDICT_DOWN, "timeout", 13000);
    assert_int_equal(tally_step(tally, 13000).sight, TALLY_SIGHT_BACK);
    assert_int_equal(tally_step(tally, 46000).sight, TALLY_SIGHT_SAME);
    assert_int_equal(tally_step(tally, 56000).sight, TALLY_SIGHT_LOST);
    assert_int_equal(tally_status(tally, 0, 56000).verdict, VERDICT_UP);
    tally_free(&tally);
}

static void test_without_targets_there_is_nothing_to_be_blind_to(void **state)
{
    (void)state;
    struct tally *tally = NULL;
    assert_int_equal(tally_new(0, &tally, NULL), OK);
    assert_int_equal(tally_step(tally, 1000000).sight, TALLY_SIGHT_SAME);
    assert_int_equal(tally_find_target(tally, "a b"), TALLY_NONE);
    tally_free(&tally);
}

static void test_without_vantage_points_nobody_is_blind(void **state)
{
    (void)state;
    struct tally *tally = NULL;
    const struct tally_target targets[] = {target_of("web 192.0.2.1", VERDICT_UNKNOWN)};
    const struct tally_config config = {vantages, 0, targets, 1};
    assert_int_equal(tally_new(0, &tally, NULL), OK);
    assert_int_equal(tally_configure(tally, &config, 0, NULL), OK);
    for (int64_t now_ms = 0; now_ms < 60 * SECOND; now_ms += SECOND)
        assert_int_equal(tally_step(tally, now_ms).sight, TALLY_SIGHT_SAME);
    tally_free(&tally);
}

/* Every 10 s, vantage point 0 votes down on all four targets and the others `others`; returns the
 * report's time and mask. */
static int64_t vote_until_suspected(struct tally *tally, const char *votes, int64_t now_ms,
                                    uint64_t *ret_mask)
{
    for (const int64_t end_ms = now_ms + 200 * SECOND; now_ms < end_ms; now_ms += SECOND) {
        for (uint32_t t = 0; now_ms % (10 * SECOND) == 0 && t < 4; t++)
            cast_all(tally, t, votes, now_ms);
        const struct tally_report report = tally_step(tally, now_ms);
        *ret_mask = report.suspected | report.cleared;
        if (*ret_mask)
            return now_ms;
    }
    return -1;
}

static void test_a_vantage_point_that_the_others_contradict_is_suspect(void **state)
{
    (void)state;
    struct tally *tally = make();
    uint64_t mask = 0;
    assert_int_equal(vote_until_suspected(tally, "DUUUU", 0, &mask),
                     21 * SECOND); /* the others had their time */
    assert_int_equal(mask, 1);
    assert_true(tally_attendance(tally, 0).suspect);
    assert_int_equal(tally_attendance(tally, 0).contradicted, 4);
    (void)tally_step(tally, 22 * SECOND);
    assert_int_equal(tally_status(tally, 0, 22 * SECOND).votes.down, 0);
    assert_int_equal(tally_status(tally, 0, 22 * SECOND).votes.unknown, 1);

    cast_all(tally, 0, "DDDUU", 23 * SECOND); /* two that count, of five */
    assert_int_equal(tally_step(tally, 23 * SECOND).changes_count, 0);

    const int64_t cleared_ms = vote_until_suspected(tally, "UUUUU", 30 * SECOND, &mask);
    assert_int_equal(cleared_ms, 80 * SECOND); /* 5 intervals from 30 s */
    assert_false(tally_attendance(tally, 0).suspect);
    tally_free(&tally);
}

static void test_suspicion_and_damping_survive_a_new_configuration(void **state)
{
    (void)state;
    struct tally *tally = make();
    uint64_t mask = 0;
    const struct tally_target targets[] = {
        target_of("web 192.0.2.1", VERDICT_UP), target_of("web 192.0.2.2", VERDICT_UP),
        target_of("web 192.0.2.3", VERDICT_UP), target_of("web 192.0.2.4", VERDICT_UP)};
    assert_int_equal(vote_until_suspected(tally, "DUUUU", 0, &mask), 21 * SECOND);
    configure(tally, targets, 4, 22 * SECOND);
    (void)tally_step(tally, 22 * SECOND);
    assert_true(tally_attendance(tally, 0).suspect);
    assert_int_equal(tally_status(tally, 0, 22 * SECOND).votes.down, 0);

    cast_all(tally, 0, "DDDDU", 23 * SECOND);
    assert_int_equal(tally_step(tally, 23 * SECOND).changes_count, 1);
    cast_all(tally, 0, "UUUUU", 24 * SECOND);
    assert_int_equal(tally_step(tally, 24 * SECOND).changes_count, 0);
    configure(tally, targets, 4, 30 * SECOND);
    assert_int_equal(tally_step(tally, 33 * SECOND).changes_count, 0);
    assert_int_equal(tally_step(tally, 34 * SECOND).changes_count, 1); /* 10 s of up votes */
    tally_free(&tally);
}

static void test_an_outage_seen_by_all_makes_nobody_suspect(void **state)
{
    (void)state;
    struct tally *tally = make();
    uint64_t mask = 0;
    assert_int_equal(vote_until_suspected(tally, "UUUUU", 0, &mask), -1);
    assert_int_equal(vote_until_suspected(tally, "DDDDU", 200 * SECOND, &mask), -1);
    assert_int_equal(tally_status(tally, 0, 400 * SECOND).verdict, VERDICT_DOWN);
    tally_free(&tally);
}

static void test_more_changes_than_one_step_reports_come_with_the_next(void **state)
{
    (void)state;
    enum { COUNT = 2 * TALLY_CHANGES_MAX + 10 };
    static char ids[COUNT][16];
    static struct tally_target targets[COUNT];
    struct tally *tally = NULL;
    assert_int_equal(tally_new(0, &tally, NULL), OK);
    for (uint32_t t = 0; t < COUNT; t++) {
        snprintf(ids[t], sizeof ids[t], "web %u", t);
        targets[t] = target_of(ids[t], VERDICT_UP);
    }
    configure(tally, targets, COUNT, 0);
    for (uint32_t t = 0; t < COUNT; t++)
        cast_all(tally, t, "DDD", 1000);
    size_t changes = 0;
    unsigned steps = 0;
    struct tally_report report;
    do {
        report = tally_step(tally, 1000);
        changes += report.changes_count;
        steps++;
    } while (report.more);
    assert_int_equal(changes, COUNT);
    assert_int_equal(steps, 3);
    tally_free(&tally);
}

static void test_a_long_list_of_rechecks_is_cut(void **state)
{
    (void)state;
    enum { COUNT = TALLY_RECHECKS_MAX + 10 };
    static char ids[COUNT][16];
    static struct tally_target targets[COUNT];
    static uint32_t taken[COUNT];
    struct tally *tally = NULL;
    assert_int_equal(tally_new(0, &tally, NULL), OK);
    for (uint32_t t = 0; t < COUNT; t++) {
        snprintf(ids[t], sizeof ids[t], "web %u", t);
        targets[t] = target_of(ids[t], VERDICT_UP);
    }
    configure(tally, targets, COUNT, 0);
    for (uint32_t t = 0; t < COUNT; t++) {
        cast_all(tally, t, "UUUUU", 1000);
        cast(tally, 0, t, VERDICT_UP, "timeout", 2000);
    }
    assert_int_equal(tally_take_rechecks(tally, 1, taken, 100), 100);
    assert_int_equal(tally_take_rechecks(tally, 1, taken, COUNT), TALLY_RECHECKS_MAX - 100);
    tally_free(&tally);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_loaded_verdict_holds_until_votes_say_otherwise),
        cmocka_unit_test(test_a_quorum_of_down_votes_changes_the_verdict_and_says_why),
        cmocka_unit_test(test_a_status_tells_the_votes_the_median_and_the_reason),
        cmocka_unit_test(test_a_vote_that_is_not_fresh_is_unknown),
        cmocka_unit_test(test_a_repeated_vote_stays_fresh),
        cmocka_unit_test(test_a_disabled_vantage_point_does_not_count),
        cmocka_unit_test(test_a_new_configuration_keeps_what_stays),
        cmocka_unit_test(test_a_refused_configuration_changes_nothing),
        cmocka_unit_test(test_a_first_failure_asks_the_other_vantage_points_once),
        cmocka_unit_test(test_nothing_fresh_is_blindness_and_every_verdict_holds),
        cmocka_unit_test(test_without_targets_there_is_nothing_to_be_blind_to),
        cmocka_unit_test(test_without_vantage_points_nobody_is_blind),
        cmocka_unit_test(test_a_vantage_point_that_the_others_contradict_is_suspect),
        cmocka_unit_test(test_suspicion_and_damping_survive_a_new_configuration),
        cmocka_unit_test(test_an_outage_seen_by_all_makes_nobody_suspect),
        cmocka_unit_test(test_more_changes_than_one_step_reports_come_with_the_next),
        cmocka_unit_test(test_a_long_list_of_rechecks_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
