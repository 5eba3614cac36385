/* tests/unit/test_check.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "health/check.h"

#include <string.h>

static struct check good(void)
{
    struct check check = {.id = "web 192.0.2.1",
                          .type = CHECK_HTTP,
                          .address = "192.0.2.1",
                          .port = 80,
                          .host = "www.example.com",
                          .path = "/healthz",
                          .method = "GET",
                          .expect_body = "",
                          .tls_verify = true,
                          .interval_ms = 10000,
                          .timeout_ms = 3000,
                          .fall = 3,
                          .rise = 2};
    assert_int_equal(check_status_parse("200-399", &check.expect_status, NULL), OK);
    return check;
}

static void test_an_id_is_monitor_and_address(void **state)
{
    (void)state;
    char id[CHECK_ID_MAX], longest[400];
    assert_int_equal(check_id_print("web", "192.0.2.1", id, NULL), OK);
    assert_string_equal(id, "web 192.0.2.1");
    memset(longest, 'x', sizeof longest);
    longest[CHECK_ID_MAX - 5] = '\0';
    assert_int_equal(check_id_print("web", longest, id, NULL), OK);
    assert_int_equal(strlen(id), CHECK_ID_MAX - 1);
    longest[CHECK_ID_MAX - 5] = 'x';
    longest[CHECK_ID_MAX - 4] = '\0';
    assert_int_equal(check_id_print("web", longest, id, NULL), ERR_LIMIT);
}

static void test_status_texts_parse_print_and_match(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        long yes, no;
    } cases[] = {
        {"200-399", 399, 400}, {"200", 200, 201}, {"200,204,300-399", 204, 203},
        {"100-599", 599, 0},   {"404", 404, 200},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct check_status status;
        char text[CHECK_STATUS_TEXT_MAX];
        assert_int_equal(check_status_parse(cases[i].text, &status, NULL), OK);
        assert_string_equal(check_status_print(&status, text), cases[i].text);
        assert_true(check_status_match(&status, cases[i].yes));
        assert_false(check_status_match(&status, cases[i].no));
    }
}

static void test_the_longest_status_fits_its_text(void **state)
{
    (void)state;
    struct check_status status;
    char text[CHECK_STATUS_TEXT_MAX];
    const char *longest = "100-101,200-201,300-301,400-401,500-501,110-111,120-121,130-131";
    assert_int_equal(check_status_parse(longest, &status, NULL), OK);
    assert_string_equal(check_status_print(&status, text), longest);
}

static void test_bad_status_texts_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",         "2",    "20x",      "099",  "600",
                                      "200-",     "-200", "399-200",  "200,", ",200",
                                      "200, 204", "2000", "200--300", "200 ", "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct check_status status;
        assert_int_equal(check_status_parse(bad[i], &status, NULL), ERR_SYNTAX);
    }
    struct check_status status;
    assert_int_equal(check_status_parse("200,201,202,203,204,205,206,207,208", &status, NULL),
                     ERR_LIMIT);
}

static void test_types_go_both_ways_and_others_are_other(void **state)
{
    (void)state;
    for (int type = CHECK_OTHER; type <= CHECK_DNS; type++)
        assert_int_equal(check_type_parse(check_type_print((enum check_type)type)), type);
    assert_int_equal(check_type_parse("smtp"), CHECK_OTHER);
    assert_int_equal(check_type_parse(""), CHECK_OTHER);
}

static void test_a_good_check_is_valid(void **state)
{
    (void)state;
    struct check check = good();
    assert_int_equal(check_validate(&check, NULL), OK);
    check.type = CHECK_TCP;
    check.path = check.method = "";
    assert_int_equal(check_validate(&check, NULL), OK);
    check.type = CHECK_OTHER;
    check.port = 0;
    assert_int_equal(check_validate(&check, NULL), OK);
}

static enum err validate_with(size_t off, const void *value, size_t len)
{
    struct check check = good();
    memcpy((char *)&check + off, value, len);
    return check_validate(&check, NULL);
}

#define WITH(member, type, value)                                                                  \
    validate_with(offsetof(struct check, member), &(type){value}, sizeof(type))

static void test_a_bad_check_is_refused(void **state)
{
    (void)state;
    assert_int_equal(WITH(interval_ms, int64_t, 99), ERR_LIMIT);
    assert_int_equal(WITH(interval_ms, int64_t, CHECK_INTERVAL_MAX_MS + 1), ERR_LIMIT);
    assert_int_equal(WITH(timeout_ms, int64_t, 10001), ERR_LIMIT);
    assert_int_equal(WITH(timeout_ms, int64_t, 9), ERR_LIMIT);
    assert_int_equal(WITH(fall, uint32_t, 0), ERR_LIMIT);
    assert_int_equal(WITH(rise, uint32_t, 101), ERR_LIMIT);
    assert_int_equal(WITH(latency_max_ms, uint32_t, CHECK_LATENCY_MAX_MS + 1), ERR_LIMIT);
    assert_int_equal(WITH(port, uint16_t, 0), ERR_LIMIT);
    assert_int_equal(WITH(address, const char *, ""), ERR_SYNTAX);
    assert_int_equal(WITH(address, const char *, "a b"), ERR_SYNTAX);
    assert_int_equal(WITH(host, const char *, "a\r\nX: y"), ERR_SYNTAX);
    assert_int_equal(WITH(id, const char *, "web\n192.0.2.1"), ERR_SYNTAX);
    assert_int_equal(WITH(expect_body, const char *, "\xff"), ERR_SYNTAX);
    assert_int_equal(WITH(method, const char *, "ABCDEFGHIJKLMNOPQ"), ERR_LIMIT);
    assert_int_equal(WITH(path, const char *, "healthz"), ERR_SYNTAX);
    assert_int_equal(WITH(path, const char *, "/ HTTP/1.1"), ERR_SYNTAX);
    assert_int_equal(WITH(method, const char *, "GET /"), ERR_SYNTAX);
    assert_int_equal(WITH(method, const char *, ""), ERR_SYNTAX);
    assert_int_equal(WITH(expect_status.count, uint8_t, 0), ERR_SYNTAX);
}

static void test_texts_are_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum err want;
    } cases[] = {
        {"line\n\x7f", OK},
        {"\xc3\xa9", OK},
        {"\xe2\x82\xac", OK},
        {"\xf0\x9f\x98\x80", OK},
        {"\xf4\x8f\xbf\xbf", OK},
        {"\x80", ERR_SYNTAX},
        {"\xc0\x80", ERR_SYNTAX},
        {"\xc3", ERR_SYNTAX},
        {"\xe0\x80\x80", ERR_SYNTAX},
        {"\xed\xa0\x80", ERR_SYNTAX},
        {"\xe2\x82", ERR_SYNTAX},
        {"\xf0\x9f\x98", ERR_SYNTAX},
        {"\xf4\x90\x80\x80", ERR_SYNTAX},
        {"\xf5\x80\x80\x80", ERR_SYNTAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct check check = good();
        check.expect_body = cases[i].body;
        if (check_validate(&check, NULL) != cases[i].want)
            fail_msg("case %zu", i);
    }
}

static void test_phases_spread_over_vantage_points_and_checks(void **state)
{
    (void)state;
    struct check check = good();
    const double first = check_plan(&check, 0).phase;
    const double second = check_plan(&check, 0.5).phase;
    const double apart = second > first ? second - first : first - second;
    assert_true(apart > 0.499 && apart < 0.501);
    check.id = "web 192.0.2.2";
    assert_true(check_plan(&check, 0).phase != first);
    for (double phase = 0; phase < 1; phase += 0.01) {
        const struct probe_plan plan = check_plan(&check, phase);
        assert_true(plan.phase >= 0 && plan.phase < 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_id_is_monitor_and_address),
        cmocka_unit_test(test_status_texts_parse_print_and_match),
        cmocka_unit_test(test_the_longest_status_fits_its_text),
        cmocka_unit_test(test_bad_status_texts_are_refused),
        cmocka_unit_test(test_types_go_both_ways_and_others_are_other),
        cmocka_unit_test(test_a_good_check_is_valid),
        cmocka_unit_test(test_a_bad_check_is_refused),
        cmocka_unit_test(test_texts_are_utf8),
        cmocka_unit_test(test_phases_spread_over_vantage_points_and_checks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
