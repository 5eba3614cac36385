/* tests/unit/test_quorum.c - the rule, case by case; every combination is in
 * tests/property/test_quorum_rule.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "health/quorum.h"

#include <string.h>

/* One letter a vantage point: U up, D down, d down but suspect, - unknown. Its network is the digit
 * below it. */
static struct quorum_count count;

static enum quorum_rule decide(const char *votes, const char *networks, unsigned setting)
{
    struct quorum_voter voters[QUORUM_VOTERS_MAX] = {0};
    const size_t n = strlen(votes);
    for (size_t i = 0; i < n; i++)
        voters[i] = (struct quorum_voter){
            .vote = votes[i] == 'U'   ? VERDICT_UP
                    : votes[i] == '-' ? VERDICT_UNKNOWN
                                      : VERDICT_DOWN,
            .suspect = votes[i] == 'd',
            .asn = (uint32_t)(networks[i] - '0'),
        };
    return quorum_decide(voters, n, quorum_needed(setting, n), &count);
}

static void test_the_rule(void **state)
{
    (void)state;
    static const struct {
        const char *votes, *networks;
        unsigned setting;
        enum quorum_rule want;
    } cases[] = {
        {"DDDUU", "12345", QUORUM_MAJORITY, QUORUM_DOWN},
        {"DDUUU", "12345", QUORUM_MAJORITY, QUORUM_UP},
        {"DDD--", "12345", QUORUM_MAJORITY, QUORUM_DOWN},
        {"DD---", "12345", QUORUM_MAJORITY, QUORUM_HOLD}, /* lost probers cause nothing */
        {"DDd--", "12345", QUORUM_MAJORITY, QUORUM_HOLD}, /* nor does a suspect one */
        {"-----", "12345", QUORUM_MAJORITY, QUORUM_HOLD},
        {"U----", "12345", QUORUM_MAJORITY, QUORUM_HOLD}, /* one alone does not bring it back */
        {"UU---", "12345", QUORUM_MAJORITY, QUORUM_UP},
        {"UUDD-", "12345", QUORUM_MAJORITY, QUORUM_HOLD}, /* a tie */
        {"UUdd-", "12345", QUORUM_MAJORITY, QUORUM_UP},
        {"DDDUU", "11122", QUORUM_MAJORITY, QUORUM_HOLD}, /* one network is down, perhaps */
        {"DDUDU", "11122", QUORUM_MAJORITY, QUORUM_DOWN},
        {"DDDUU", "11111", QUORUM_MAJORITY, QUORUM_DOWN}, /* there is but one */
        {"DDDUU", "00000", QUORUM_MAJORITY, QUORUM_DOWN},
        {"DDDUU", "00012", QUORUM_MAJORITY, QUORUM_HOLD}, /* unknown networks are one */
        {"D", "0", QUORUM_MAJORITY, QUORUM_DOWN},
        {"U", "0", QUORUM_MAJORITY, QUORUM_UP},
        {"DU", "12", QUORUM_MAJORITY, QUORUM_HOLD},
        {"DD", "12", QUORUM_MAJORITY, QUORUM_DOWN},
        {"DDUUU", "12345", 2, QUORUM_DOWN},
        {"DUUUU", "12345", 1, QUORUM_HOLD}, /* one vote, one network of five */
        {"DDDDU", "12345", 5, QUORUM_HOLD},
        {"DDDDD", "12345", 5, QUORUM_DOWN},
        {"", "", QUORUM_MAJORITY, QUORUM_HOLD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (decide(cases[i].votes, cases[i].networks, cases[i].setting) != cases[i].want)
            fail_msg("%s in networks %s", cases[i].votes, cases[i].networks);
}

static void test_a_suspect_down_vote_is_counted_as_unknown(void **state)
{
    (void)state;
    decide("UDd-U", "12345", QUORUM_MAJORITY);
    assert_int_equal(count.up, 2);
    assert_int_equal(count.down, 1);
    assert_int_equal(count.unknown, 2);
}

static void test_majority_is_more_than_half(void **state)
{
    (void)state;
    static const unsigned majorities[] = {1, 1, 2, 2, 3, 3, 4};
    for (unsigned n = 0; n < 7; n++)
        assert_int_equal(quorum_needed(QUORUM_MAJORITY, n), majorities[n]);
    assert_int_equal(quorum_needed(4, 5), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_rule),
        cmocka_unit_test(test_a_suspect_down_vote_is_counted_as_unknown),
        cmocka_unit_test(test_majority_is_more_than_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
