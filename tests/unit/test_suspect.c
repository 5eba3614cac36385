/* tests/unit/test_suspect.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "health/suspect.h"

static void test_a_down_vote_contradicts_when_the_others_vote_up(void **state)
{
    (void)state;
    static const struct {
        unsigned up, down, needed;
        size_t n;
        bool want;
    } cases[] = {
        {4, 1, 3, 5, true},  {3, 2, 3, 5, true}, /* two liars of five */
        {2, 3, 3, 5, false}, {2, 1, 3, 5, true},
        {1, 1, 3, 5, false}, /* one up vote is not enough */
        {0, 1, 3, 5, false}, {1, 1, 2, 2, true},
        {0, 1, 1, 1, false}, {3, 2, 1, 5, false}, /* the others would say down themselves */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(
            suspect_contradicts(cases[i].up, cases[i].down, cases[i].needed, cases[i].n),
            cases[i].want);
}

static void test_patience_is_the_bound_of_detection(void **state)
{
    (void)state;
    assert_int_equal(suspect_patience_ms(10000, 3000, 3), 21000);
    assert_int_equal(suspect_patience_ms(1000, 500, 3), 4500);
}

static void test_suspect_at_half_of_the_targets_and_three(void **state)
{
    (void)state;
    static const struct {
        uint32_t probed, contradicted;
        enum suspect_change want;
    } cases[] = {
        {10, 5, SUSPECT_RAISED}, {10, 4, SUSPECT_SAME},  {2, 2, SUSPECT_SAME},
        {3, 3, SUSPECT_RAISED},  {6, 3, SUSPECT_RAISED}, {7, 3, SUSPECT_SAME},
        {0, 0, SUSPECT_SAME},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct suspect suspect;
        suspect_init(&suspect);
        assert_int_equal(suspect_step(&suspect, cases[i].probed, cases[i].contradicted, 0),
                         cases[i].want);
    }
}

static struct suspect make_suspect(void)
{
    struct suspect suspect;
    suspect_init(&suspect);
    assert_int_equal(suspect_step(&suspect, 10, 10, 0), SUSPECT_RAISED);
    suspect.agree_ms = 50000;
    return suspect;
}

static void test_suspicion_ends_after_it_has_agreed_for_a_while(void **state)
{
    (void)state;
    struct suspect suspect = make_suspect();
    assert_int_equal(suspect_step(&suspect, 10, 10, 100000), SUSPECT_SAME);
    assert_int_equal(suspect_step(&suspect, 10, 0, 100001), SUSPECT_SAME);
    assert_int_equal(suspect_step(&suspect, 10, 0, 150000), SUSPECT_SAME);
    assert_int_equal(suspect_step(&suspect, 10, 0, 150001), SUSPECT_CLEARED);
    assert_false(suspect.suspected);
}

static void test_contradicting_again_begins_the_while_anew(void **state)
{
    (void)state;
    struct suspect suspect = make_suspect();
    suspect_step(&suspect, 10, 0, 1000);
    suspect_step(&suspect, 10, 6, 2000);
    suspect_step(&suspect, 10, 0, 3000);
    assert_int_equal(suspect_step(&suspect, 10, 0, 52999), SUSPECT_SAME);
    assert_int_equal(suspect_step(&suspect, 10, 0, 53000), SUSPECT_CLEARED);
}

static void test_saying_nothing_is_not_agreeing(void **state)
{
    (void)state;
    struct suspect suspect = make_suspect();
    suspect_step(&suspect, 0, 0, 1000);
    assert_int_equal(suspect_step(&suspect, 0, 0, 10000000), SUSPECT_SAME);
    assert_true(suspect.suspected);
}

static void test_one_that_is_restored_has_to_agree_first(void **state)
{
    (void)state;
    struct suspect suspect;
    suspect_restore(&suspect, 50000);
    assert_int_equal(suspect_step(&suspect, 0, 0, 1000), SUSPECT_SAME);
    assert_int_equal(suspect_step(&suspect, 10, 0, 2000), SUSPECT_SAME);
    assert_int_equal(suspect_step(&suspect, 10, 0, 51999), SUSPECT_SAME);
    assert_int_equal(suspect_step(&suspect, 10, 0, 52000), SUSPECT_CLEARED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_down_vote_contradicts_when_the_others_vote_up),
        cmocka_unit_test(test_patience_is_the_bound_of_detection),
        cmocka_unit_test(test_suspect_at_half_of_the_targets_and_three),
        cmocka_unit_test(test_suspicion_ends_after_it_has_agreed_for_a_while),
        cmocka_unit_test(test_contradicting_again_begins_the_while_anew),
        cmocka_unit_test(test_one_that_is_restored_has_to_agree_first),
        cmocka_unit_test(test_saying_nothing_is_not_agreeing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
