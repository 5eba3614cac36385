/* tests/unit/test_flap.c - how long a target that came back has to wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "health/flap.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };

/* Vote up from `now_ms` on; returns when the verdict became up. */
static int64_t wait_until_up(struct flap *flap, int64_t now_ms)
{
    enum verdict verdict = VERDICT_DOWN;
    while ((verdict = flap_step(flap, verdict, QUORUM_UP, now_ms)) == VERDICT_DOWN)
        now_ms = flap_due_ms(flap, now_ms);
    return now_ms;
}

static void test_down_is_never_delayed(void **state)
{
    (void)state;
    struct flap flap;
    flap_init(&flap, 0);
    assert_int_equal(flap_step(&flap, VERDICT_UP, QUORUM_DOWN, 1), VERDICT_DOWN);
    flap_init(&flap, 0);
    assert_int_equal(flap_step(&flap, VERDICT_UNKNOWN, QUORUM_DOWN, 1), VERDICT_DOWN);
}

static void test_a_first_verdict_up_is_not_delayed(void **state)
{
    (void)state;
    struct flap flap;
    flap_init(&flap, 0);
    assert_int_equal(flap_step(&flap, VERDICT_UNKNOWN, QUORUM_UP, 1), VERDICT_UP);
    assert_true(flap_due_ms(&flap, 1) == FLAP_NEVER);
}

static void test_hold_keeps_any_verdict(void **state)
{
    (void)state;
    struct flap flap;
    flap_init(&flap, 0);
    for (int verdict = VERDICT_UNKNOWN; verdict <= VERDICT_DOWN; verdict++)
        assert_int_equal(flap_step(&flap, (enum verdict)verdict, QUORUM_HOLD, 1), verdict);
}

static void test_up_again_only_after_ten_seconds_of_up_votes(void **state)
{
    (void)state;
    struct flap flap;
    flap_init(&flap, 0);
    assert_int_equal(flap_step(&flap, VERDICT_DOWN, QUORUM_UP, 100), VERDICT_DOWN);
    assert_int_equal(flap_due_ms(&flap, 100), 10100);
    assert_int_equal(flap_step(&flap, VERDICT_DOWN, QUORUM_UP, 10099), VERDICT_DOWN);
    assert_int_equal(flap_step(&flap, VERDICT_DOWN, QUORUM_UP, 10100), VERDICT_UP);
}

static void test_the_ten_seconds_begin_again_when_the_votes_waver(void **state)
{
    (void)state;
    static const enum quorum_rule wavers[] = {QUORUM_HOLD, QUORUM_DOWN};
    for (size_t i = 0; i < 2; i++) {
        struct flap flap;
        flap_init(&flap, 0);
        flap_step(&flap, VERDICT_DOWN, QUORUM_UP, 0);
        flap_step(&flap, VERDICT_DOWN, wavers[i], 9000);
        assert_true(flap_due_ms(&flap, 9000) == FLAP_NEVER);
        assert_int_equal(flap_step(&flap, VERDICT_DOWN, QUORUM_UP, 10000), VERDICT_DOWN);
        assert_int_equal(flap_step(&flap, VERDICT_DOWN, QUORUM_UP, 19999), VERDICT_DOWN);
        assert_int_equal(flap_step(&flap, VERDICT_DOWN, QUORUM_UP, 20000), VERDICT_UP);
    }
}

static void test_each_relapse_doubles_the_wait_to_ten_minutes(void **state)
{
    (void)state;
    static const int64_t waits_s[] = {10, 20, 40, 80, 160, 320, 600, 600, 600};
    struct flap flap;
    int64_t now_ms = 0;
    flap_init(&flap, now_ms);
    flap_step(&flap, VERDICT_UP, QUORUM_DOWN, now_ms);
    for (size_t i = 0; i < sizeof waits_s / sizeof *waits_s; i++) {
        const int64_t up_ms = wait_until_up(&flap, now_ms);
        assert_int_equal(up_ms - now_ms, waits_s[i] * SECOND);
        now_ms = up_ms + 5 * MINUTE;
        assert_int_equal(flap_step(&flap, VERDICT_UP, QUORUM_DOWN, now_ms), VERDICT_DOWN);
    }
}

static void test_a_relapse_after_five_minutes_does_not_double(void **state)
{
    (void)state;
    struct flap flap;
    flap_init(&flap, 0);
    flap_step(&flap, VERDICT_UP, QUORUM_DOWN, 0);
    const int64_t up_ms = wait_until_up(&flap, 0);
    flap_step(&flap, VERDICT_UP, QUORUM_DOWN, up_ms + 5 * MINUTE + 1);
    assert_int_equal(flap_hold_ms(&flap, up_ms + 5 * MINUTE + 1), 10 * SECOND);
}

static void test_each_calm_half_hour_forgets_one_doubling(void **state)
{
    (void)state;
    struct flap flap;
    flap_init(&flap, 0);
    flap_step(&flap, VERDICT_UP, QUORUM_DOWN, 0);
    int64_t now_ms = 0;
    for (int i = 0; i < 3; i++) {
        now_ms = wait_until_up(&flap, now_ms);
        flap_step(&flap, VERDICT_UP, QUORUM_DOWN, now_ms);
    }
    assert_int_equal(flap_hold_ms(&flap, now_ms), 80 * SECOND);
    now_ms = wait_until_up(&flap, now_ms);
    assert_int_equal(flap_hold_ms(&flap, now_ms + 30 * MINUTE - 1), 80 * SECOND);
    assert_int_equal(flap_hold_ms(&flap, now_ms + 30 * MINUTE), 40 * SECOND);
    assert_int_equal(flap_hold_ms(&flap, now_ms + 60 * MINUTE), 20 * SECOND);
    assert_int_equal(flap_hold_ms(&flap, now_ms + 600 * MINUTE), 10 * SECOND);
    flap_step(&flap, VERDICT_UP, QUORUM_DOWN, now_ms + 31 * MINUTE); /* a change, not a relapse */
    assert_int_equal(flap_hold_ms(&flap, now_ms + 60 * MINUTE), 40 * SECOND);
}

static void test_what_is_restored_goes_on_and_is_within_bounds(void **state)
{
    (void)state;
    static const struct {
        uint8_t doublings;
        int64_t calm_ms, up_ms;
        int64_t hold_s, hold_after_relapse_s;
    } cases[] = {
        {0, 0, FLAP_NEVER, 10, 10},
        {2, 99 * MINUTE, 99 * MINUTE, 40, 80},
        {2, 60 * MINUTE, 60 * MINUTE, 20, 20},         /* forty calm minutes */
        {2, 200 * MINUTE, 200 * MINUTE, 40, 80},       /* the clock was set back */
        {255, 100 * MINUTE, 100 * MINUTE, 600, 600},   /* not ours */
        {3, -900 * MINUTE, -900 * MINUTE, 10, 10},
    };
    const int64_t now_ms = 100 * MINUTE;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct flap flap;
        const struct flap kept = {.doublings = cases[i].doublings,
                                  .calm_ms = cases[i].calm_ms,
                                  .up_ms = cases[i].up_ms,
                                  .voted_up_ms = 1};
        flap_restore(&flap, &kept, now_ms);
        assert_int_equal(flap_hold_ms(&flap, now_ms), cases[i].hold_s * SECOND);
        assert_true(flap_due_ms(&flap, now_ms) == FLAP_NEVER);
        assert_int_equal(flap_step(&flap, VERDICT_UP, QUORUM_DOWN, now_ms), VERDICT_DOWN);
        assert_int_equal(flap_hold_ms(&flap, now_ms), cases[i].hold_after_relapse_s * SECOND);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_down_is_never_delayed),
        cmocka_unit_test(test_a_first_verdict_up_is_not_delayed),
        cmocka_unit_test(test_hold_keeps_any_verdict),
        cmocka_unit_test(test_up_again_only_after_ten_seconds_of_up_votes),
        cmocka_unit_test(test_the_ten_seconds_begin_again_when_the_votes_waver),
        cmocka_unit_test(test_each_relapse_doubles_the_wait_to_ten_minutes),
        cmocka_unit_test(test_a_relapse_after_five_minutes_does_not_double),
        cmocka_unit_test(test_what_is_restored_goes_on_and_is_within_bounds),
        cmocka_unit_test(test_each_calm_half_hour_forgets_one_doubling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
