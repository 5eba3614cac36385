/* tests/unit/test_verdicts_pool.c - what a pool's or a region's verdict is, by those of its children. */
#include "server/control/verdicts_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Of one kind: up, down, unknown. */
struct counts {
    unsigned up, down, unknown;
};

static struct verdicts_row count_all(const struct counts of_kinds[KINDS])
{
    struct verdicts_row row = {.parent = VERDICTS_NONE};
    for (int kind = 0; kind < KINDS; kind++) {
        const struct roster_subject child = {.kind = SUBJECT_ENDPOINT, .family = (enum kind)kind};
        for (unsigned i = 0; i < of_kinds[kind].up; i++)
            verdicts_count(&row, &child, VERDICT_UP);
        for (unsigned i = 0; i < of_kinds[kind].down; i++)
            verdicts_count(&row, &child, VERDICT_DOWN);
        for (unsigned i = 0; i < of_kinds[kind].unknown; i++)
            verdicts_count(&row, &child, VERDICT_UNKNOWN);
    }
    return row;
}

static void test_a_pool_needs_min_up_endpoints_of_one_kind(void **state)
{
    (void)state;
    static const struct {
        uint32_t min_up;
        struct counts of_kinds[KINDS];
        enum verdict expected;
    } cases[] = {
        {1, {{0}}, VERDICT_UNKNOWN},
        {1, {{1, 1, 1}}, VERDICT_UP},
        {1, {{0, 2, 0}}, VERDICT_DOWN},
        {1, {{0, 2, 1}}, VERDICT_UNKNOWN},
        {2, {{1, 1, 0}}, VERDICT_DOWN},
        {2, {{1, 1, 1}}, VERDICT_UNKNOWN}, /* the unknown one serves, and is the second */
        {2, {{2, 5, 0}}, VERDICT_UP},
        {2, {{0, 0, 1}}, VERDICT_DOWN}, /* it never has two */
        {2, {{1, 1, 0}, {1, 1, 0}}, VERDICT_DOWN}, /* IPv4 and IPv6 are asked for apart */
        {2, {{0, 2, 0}, {2, 0, 0}}, VERDICT_UP},
        {2, {{0, 1, 1}, {1, 0, 1}}, VERDICT_UNKNOWN},
        {1, {{0}, {0}, {0, 1, 0}}, VERDICT_DOWN},
        {1, {{0}, {0}, {1, 0, 0}}, VERDICT_UP},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct roster_subject pool = {.kind = SUBJECT_POOL, .min_up = cases[i].min_up};
        const struct verdicts_row row = count_all(cases[i].of_kinds);
        assert_int_equal(verdicts_derive(&pool, &row), cases[i].expected);
    }
}

static void test_a_region_needs_one_pool(void **state)
{
    (void)state;
    static const struct {
        struct counts pools;
        enum verdict expected;
    } cases[] = {
        {{0, 0, 0}, VERDICT_UNKNOWN},
        {{1, 3, 1}, VERDICT_UP},
        {{0, 3, 1}, VERDICT_UNKNOWN},
        {{0, 3, 0}, VERDICT_DOWN},
    };
    const struct roster_subject region = {.kind = SUBJECT_REGION};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct verdicts_row row = {.counts = {[VERDICT_UP] = cases[i].pools.up,
                                                    [VERDICT_DOWN] = cases[i].pools.down,
                                                    [VERDICT_UNKNOWN] = cases[i].pools.unknown}};
        assert_int_equal(verdicts_derive(&region, &row), cases[i].expected);
    }
}

static void test_what_is_counted_can_be_taken_back(void **state)
{
    (void)state;
    const struct roster_subject child = {.kind = SUBJECT_ENDPOINT, .family = KIND_V6};
    const struct roster_subject pool = {.kind = SUBJECT_POOL, .min_up = 1};
    struct verdicts_row row = {.parent = VERDICTS_NONE};
    verdicts_count(&row, &child, VERDICT_UP);
    verdicts_discount(&row, &child, VERDICT_UP);
    verdicts_count(&row, &child, VERDICT_DOWN);
    assert_int_equal(row.counts[VERDICT_UP], 0);
    assert_int_equal(row.counts[VERDICT_DOWN], 1);
    assert_int_equal(verdicts_derive(&pool, &row), VERDICT_DOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pool_needs_min_up_endpoints_of_one_kind),
        cmocka_unit_test(test_a_region_needs_one_pool),
        cmocka_unit_test(test_what_is_counted_can_be_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
