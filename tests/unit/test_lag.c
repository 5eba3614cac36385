#include "prober/lag.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>

static void test_ticks_on_time_are_no_stall(void **state)
{
    (void)state;
    struct lag lag;
    lag_init(&lag, 1000);
    for (int64_t now_ms = 1050; now_ms < 5000; now_ms += LAG_TICK_MS) {
        assert_int_equal(lag_tick(&lag, now_ms), 0);
        assert_false(lag_spoiled(&lag, 1000, now_ms + 10));
    }
}

static void test_a_tick_a_little_late_is_no_stall(void **state)
{
    (void)state;
    struct lag lag;
    lag_init(&lag, 1000);
    assert_int_equal(lag_tick(&lag, 1000 + LAG_TICK_MS + LAG_STALL_MS - 1), 0);
    assert_false(lag_spoiled(&lag, 1000, 1300));
}

static void test_a_late_tick_spoils_what_ran_across_it(void **state)
{
    (void)state;
    struct lag lag;
    lag_init(&lag, 1000);
    assert_int_equal(lag_tick(&lag, 3050), 2000);
    assert_true(lag_spoiled(&lag, 1000, 3060));
    assert_true(lag_spoiled(&lag, 3049, 3060));
    assert_false(lag_spoiled(&lag, 3050, 3060));
}

static void test_a_stall_counts_before_its_tick(void **state)
{
    (void)state;
    struct lag lag;
    lag_init(&lag, 1000);
    assert_true(lag_spoiled(&lag, 1010, 1000 + LAG_TICK_MS + LAG_STALL_MS));
    assert_false(lag_spoiled(&lag, 1010, 1000 + LAG_TICK_MS + LAG_STALL_MS - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ticks_on_time_are_no_stall),
        cmocka_unit_test(test_a_tick_a_little_late_is_no_stall),
        cmocka_unit_test(test_a_late_tick_spoils_what_ran_across_it),
        cmocka_unit_test(test_a_stall_counts_before_its_tick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
