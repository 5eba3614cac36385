/* tests/unit/test_outbox.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "health/outbox.h"

static struct outbox make(size_t count)
{
    struct outbox outbox;
    assert_int_equal(outbox_init(&outbox, count, NULL), OK);
    return outbox;
}

static void test_an_acknowledged_result_is_not_sent_again(void **state)
{
    (void)state;
    struct outbox outbox = make(200);
    uint32_t checks[200];
    assert_true(outbox_is_empty(&outbox));
    outbox_put(&outbox, 0);
    outbox_put(&outbox, 199);
    outbox_put(&outbox, 199);
    assert_int_equal(outbox_take(&outbox, checks, 200), 2);
    assert_int_equal(checks[0], 0);
    assert_int_equal(checks[1], 199);
    outbox_acknowledge(&outbox);
    assert_true(outbox_is_empty(&outbox));
    assert_int_equal(outbox_take(&outbox, checks, 200), 0);
    outbox_fini(&outbox);
}

static void test_what_was_not_acknowledged_waits_again(void **state)
{
    (void)state;
    struct outbox outbox = make(100);
    uint32_t checks[100];
    outbox_put(&outbox, 5);
    assert_int_equal(outbox_take(&outbox, checks, 100), 1);
    outbox_put(&outbox, 70);
    outbox_return(&outbox);
    assert_int_equal(outbox_take(&outbox, checks, 100), 2);
    outbox_fini(&outbox);
}

static void test_a_result_that_comes_during_a_push_waits_for_the_next(void **state)
{
    (void)state;
    struct outbox outbox = make(100);
    uint32_t checks[100];
    outbox_put(&outbox, 5);
    assert_int_equal(outbox_take(&outbox, checks, 100), 1);
    outbox_put(&outbox, 5);
    outbox_acknowledge(&outbox);
    assert_int_equal(outbox_take(&outbox, checks, 100), 1);
    outbox_fini(&outbox);
}

static void test_pushes_of_bounded_size_reach_every_check_in_turn(void **state)
{
    (void)state;
    enum { COUNT = 1000, CAP = 128 };
    struct outbox outbox = make(COUNT);
    uint32_t checks[CAP];
    uint8_t seen[COUNT] = {0};
    for (uint32_t i = 0; i < COUNT; i++)
        outbox_put(&outbox, i);
    for (int push = 0; push < COUNT / CAP + 1; push++) {
        const size_t count = outbox_take(&outbox, checks, CAP);
        assert_true(count <= CAP);
        for (size_t i = 0; i < count; i++)
            seen[checks[i]]++;
        outbox_acknowledge(&outbox);
        outbox_put(&outbox, 0); /* is always there, and starves nobody */
    }
    for (uint32_t i = 1; i < COUNT; i++)
        assert_int_equal(seen[i], 1);
    outbox_fini(&outbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_acknowledged_result_is_not_sent_again),
        cmocka_unit_test(test_what_was_not_acknowledged_waits_again),
        cmocka_unit_test(test_a_result_that_comes_during_a_push_waits_for_the_next),
        cmocka_unit_test(test_pushes_of_bounded_size_reach_every_check_in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
