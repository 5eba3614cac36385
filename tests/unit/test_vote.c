/* tests/unit/test_vote.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "health/vote.h"

#include <string.h>

static void test_a_vote_is_fresh_for_three_intervals_and_a_timeout(void **state)
{
    (void)state;
    assert_int_equal(vote_fresh_ms(10000, 3000), 33000);
    assert_int_equal(vote_fresh_ms(1000, 500), 3500);
}

static void test_a_reason_is_cut_and_cleaned(void **state)
{
    (void)state;
    struct vote vote = {0};
    char longest[300];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    vote_explain(&vote, longest);
    assert_int_equal(strlen(vote.reason), 120);
    vote_explain(&vote, "a\nb\x7f"
                        "c\xc3\xa9 ~");
    assert_string_equal(vote.reason, "a?b?c?? ~");
    assert_true(vote_reason_is_valid(vote.reason));
    vote_explain(&vote, "");
    assert_string_equal(vote.reason, "");
}

static void test_only_short_printable_reasons_are_valid(void **state)
{
    (void)state;
    char text[VOTE_REASON_MAX + 1];
    memset(text, 'x', VOTE_REASON_MAX);
    text[VOTE_REASON_MAX] = '\0';
    assert_false(vote_reason_is_valid(text));
    text[VOTE_REASON_MAX - 1] = '\0';
    assert_true(vote_reason_is_valid(text));
    assert_true(vote_reason_is_valid(""));
    assert_false(vote_reason_is_valid("a\tb"));
    assert_false(vote_reason_is_valid("\x80"));
}

static void test_an_up_vote_with_a_reason_is_doubtful(void **state)
{
    (void)state;
    struct vote vote = {.verdict = VERDICT_UP};
    assert_false(vote_is_doubtful(&vote));
    vote_explain(&vote, "timeout");
    assert_true(vote_is_doubtful(&vote));
    vote.verdict = VERDICT_DOWN;
    assert_false(vote_is_doubtful(&vote));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_vote_is_fresh_for_three_intervals_and_a_timeout),
        cmocka_unit_test(test_a_reason_is_cut_and_cleaned),
        cmocka_unit_test(test_only_short_printable_reasons_are_valid),
        cmocka_unit_test(test_an_up_vote_with_a_reason_is_doubtful),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
