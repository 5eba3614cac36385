/* tests/unit/test_checks.c - from a roster to what is probed. */
#include "server/control/checks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "health/batch.h"
#include "tests/unit/roster_fixture.h"

static const struct fixture_row rows[] = {
    {SUBJECT_POOL, 300, "www.example.com", "eu", NULL, NULL, NULL},
    {SUBJECT_POOL, 301, "api.example.com", "eu", NULL, NULL, NULL},
    {SUBJECT_ENDPOINT, 400, "www.example.com", "eu", "192.0.2.1", "192.0.2.1", "web"},
    {SUBJECT_ENDPOINT, 401, "www.example.com", "eu", "192.0.2.2", "10.0.0.2", "web"},
    {SUBJECT_ENDPOINT, 402, "api.example.com", "eu", "192.0.2.1", "192.0.2.1", "web"},
    {SUBJECT_ENDPOINT, 403, "api.example.com", "eu", "192.0.2.200", "192.0.2.200", "fast"},
    {SUBJECT_ENDPOINT, 404, "api.example.com", "eu", "192.0.2.9", "192.0.2.9", NULL},
};
enum { ROWS = sizeof rows / sizeof rows[0], VANTAGES = 4 };

static struct checks *build(const struct fixture *fixture)
{
    struct checks *checks = NULL;
    assert_int_equal(checks_build(fixture->roster, &checks, NULL), OK);
    return checks;
}

static void test_one_check_for_each_monitor_and_address(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        uint32_t subjects;
    } expected[] = {{"fast 192.0.2.200", 2}, {"web 192.0.2.1", 2}, {"web 10.0.0.2", 1}};
    struct fixture fixture = fixture_open(rows, ROWS, VANTAGES, NULL);
    struct checks *checks = build(&fixture);
    assert_int_equal(checks->count, 3);
    for (size_t i = 0; i < checks->count; i++) {
        assert_string_equal(checks->list[i].id, expected[i].id);
        assert_int_equal(checks->rows[i].subjects_count, expected[i].subjects);
        for (uint32_t j = 0; j < expected[i].subjects; j++)
            assert_int_equal(checks->of[checks->subjects[checks->rows[i].subjects_begin + j]], i);
    }
    checks_free(&checks);
    fixture_close(&fixture);
}

static void test_what_has_no_monitor_is_not_checked(void **state)
{
    (void)state;
    struct fixture fixture = fixture_open(rows, ROWS, VANTAGES, NULL);
    struct checks *checks = build(&fixture);
    assert_int_equal(checks->of[fixture_find(&fixture, "api.example.com", "eu", "192.0.2.9")], CHECKS_NONE);
    assert_int_equal(checks->of[fixture_find(&fixture, "www.example.com", "eu", "")], CHECKS_NONE);
    assert_int_equal(checks->of[fixture_find(&fixture, "", "eu", "")], CHECKS_NONE);
    assert_int_not_equal(checks->of[fixture_find(&fixture, "", "us", "")], CHECKS_NONE);
    checks_free(&checks);
    fixture_close(&fixture);
}

static void test_a_monitor_that_no_prober_would_take_is_left_out(void **state)
{
    (void)state;
    struct fixture fixture = fixture_open(rows, ROWS, VANTAGES, NULL);
    fixture.manifest->monitors[0].timeout_ms = fixture.manifest->monitors[0].interval_ms + 1;
    struct checks *checks = build(&fixture);
    assert_int_equal(checks->count, 1);
    assert_int_equal(checks->refused_count, 3);
    assert_non_null(strstr(checks->refusal.text, "timeout"));
    checks_free(&checks);
    fixture_close(&fixture);
}

static void test_the_generation_is_that_of_what_probers_are_told(void **state)
{
    (void)state;
    struct fixture fixture = fixture_open(rows, ROWS, VANTAGES, NULL);
    struct checks *checks = build(&fixture);
    const uint64_t generation = checks->generation;
    assert_true(generation < UINT64_C(1) << 53);
    checks_free(&checks);

    fixture.manifest->generation++;
    fixture.manifest->monitors[0].quorum = 2;
    checks = build(&fixture);
    assert_int_equal(checks->generation, generation);
    checks_free(&checks);

    fixture.manifest->monitors[0].fall++;
    checks = build(&fixture);
    assert_int_not_equal(checks->generation, generation);
    checks_free(&checks);
    fixture.manifest->monitors[0].fall--;

    fixture.manifest->vantages[1].enabled = false;
    checks = build(&fixture);
    assert_int_not_equal(checks->generation, generation);
    checks_free(&checks);
    fixture_close(&fixture);
}

static void test_the_same_rows_in_another_order_are_the_same_list(void **state)
{
    (void)state;
    struct fixture_row turned[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        turned[i] = rows[ROWS - 1 - i];
    struct fixture one = fixture_open(rows, ROWS, VANTAGES, NULL),
                   other = fixture_open(turned, ROWS, VANTAGES, NULL);
    struct checks *a = build(&one), *b = build(&other);
    assert_int_equal(a->generation, b->generation);
    checks_free(&a);
    checks_free(&b);
    fixture_close(&one);
    fixture_close(&other);
}

static void test_the_phases_are_spread_over_the_enabled_vantage_points(void **state)
{
    (void)state;
    struct fixture fixture = fixture_open(rows, ROWS, VANTAGES, NULL);
    fixture.manifest->vantages[1].enabled = false;
    struct checks *checks = build(&fixture);
    static const struct {
        const char *vantage;
        double phase; /* negative: refused */
    } cases[] = {{"v0", 0}, {"v1", -1}, {"v2", 1.0 / 3}, {"v3", 2.0 / 3}, {"v9", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer text = {0};
        struct batch_checks list;
        const enum err err = checks_print(checks, cases[i].vantage, &text, NULL);
        assert_int_equal(err, cases[i].phase < 0 ? ERR_MISSING : OK);
        if (!err) {
            assert_int_equal(batch_parse_checks(text.bytes, text.len, &list, NULL), OK);
            assert_true(list.phase > cases[i].phase - 1e-9 && list.phase < cases[i].phase + 1e-9);
            assert_int_equal(list.generation, checks->generation);
            assert_int_equal(list.checks_count, 3);
            assert_string_equal(list.checks[2].address, "10.0.0.2");
            batch_checks_fini(&list);
        }
        buffer_fini(&text);
    }
    checks_free(&checks);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_check_for_each_monitor_and_address),
        cmocka_unit_test(test_what_has_no_monitor_is_not_checked),
        cmocka_unit_test(test_a_monitor_that_no_prober_would_take_is_left_out),
        cmocka_unit_test(test_the_generation_is_that_of_what_probers_are_told),
        cmocka_unit_test(test_the_same_rows_in_another_order_are_the_same_list),
        cmocka_unit_test(test_the_phases_are_spread_over_the_enabled_vantage_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
