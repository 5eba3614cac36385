/* tests/property/test_quorum_rule.c - the rule against quorum.md written out plainly, over every
 * combination.
 *
 * Up to five vantage points; each votes up, down or nothing, is suspect or not, and is in one of
 * two networks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "health/quorum.h"

enum { VOTERS_MAX = 5, STATES = 3 * 2 * 2 }; /* of one vantage point */

struct sets {
    unsigned down, up, first_network; /* bits by vantage point */
};

/* The combination with this number. */
static struct sets unfold(unsigned number, unsigned n, struct quorum_voter *voters)
{
    struct sets sets = {0};
    for (unsigned i = 0; i < n; i++, number /= STATES) {
        const unsigned vote = number % STATES % 3;
        const bool suspect = number % STATES / 3 % 2;
        const bool first = number % STATES / 6;
        voters[i] = (struct quorum_voter){
            .vote = (enum verdict)vote, .suspect = suspect, .asn = first ? 64500 : 64501};
        sets.up |= (unsigned)(vote == VERDICT_UP) << i;
        sets.down |= (unsigned)(vote == VERDICT_DOWN && !suspect) << i;
        sets.first_network |= (unsigned)first << i;
    }
    return sets;
}

static bool both_networks(unsigned set, unsigned first_network)
{
    return (set & first_network) != 0 && (set & ~first_network) != 0;
}

static enum quorum_rule oracle(const struct sets *sets, unsigned n, unsigned q)
{
    const unsigned all = (1U << n) - 1;
    const unsigned d = (unsigned)__builtin_popcount(sets->down);
    const unsigned u = (unsigned)__builtin_popcount(sets->up);
    const bool networks = both_networks(sets->down, sets->first_network) ||
                          !both_networks(all, sets->first_network & all);
    if (d >= q && networks)
        return QUORUM_DOWN;
    if (u > d && d < q && u >= (n < 2 ? n : 2))
        return QUORUM_UP;
    return QUORUM_HOLD;
}

static unsigned combinations(unsigned n)
{
    unsigned count = 1;
    for (unsigned i = 0; i < n; i++)
        count *= STATES;
    return count;
}

static void test_the_rule_is_that_of_the_document_for_every_combination(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= VOTERS_MAX; n++) {
        for (unsigned number = 0; number < combinations(n); number++) {
            struct quorum_voter voters[VOTERS_MAX];
            struct quorum_count count;
            const struct sets sets = unfold(number, n, voters);
            for (unsigned q = 1; q <= n; q++)
                if (quorum_decide(voters, n, q, &count) != oracle(&sets, n, q))
                    fail_msg("n %u, combination %u, Q %u", n, number, q);
            if ((unsigned)count.up + count.down + count.unknown != n)
                fail_msg("n %u, combination %u: the counts do not add up", n, number);
        }
    }
}

static void test_losing_votes_never_makes_a_down_verdict(void **state)
{
    (void)state;
    struct quorum_voter voters[VOTERS_MAX];
    struct quorum_count count;
    for (unsigned number = 0; number < combinations(VOTERS_MAX); number++) {
        (void)unfold(number, VOTERS_MAX, voters);
        if (quorum_decide(voters, VOTERS_MAX, 3, &count) == QUORUM_DOWN)
            continue;
        for (unsigned lost = 0; lost < VOTERS_MAX; lost++) {
            const enum verdict vote = voters[lost].vote;
            voters[lost].vote = VERDICT_UNKNOWN;
            if (quorum_decide(voters, VOTERS_MAX, 3, &count) == QUORUM_DOWN)
                fail_msg("combination %u, vantage point %u", number, lost);
            voters[lost].vote = vote;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_rule_is_that_of_the_document_for_every_combination),
        cmocka_unit_test(test_losing_votes_never_makes_a_down_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
