#include "common/log.h"

#include "tests/unit/log_capture.h"

#include <string.h>

static void write_hostile_line(void)
{
    struct log_line line;
    log_begin(&line, LOG_LEVEL_NOTICE, "vote_refused");
    log_text(&line, "vantage", "a b\nlevel=error \"x\\");
    log_text(&line, "empty", "");
    log_number(&line, "count", -3);
    log_end(&line);
    log_message(LOG_LEVEL_DEBUG, "hidden", "not shown");
}

static void test_log_line_is_one_line_whatever_a_value_holds(void **state)
{
    (void)state;
    struct log_capture capture;
    log_capture_begin(&capture);
    write_hostile_line();
    const char *text = log_capture_end(&capture);
    assert_non_null(strstr(text, " level=notice event=vote_refused"
                                 " vantage=\"a b\\x0alevel=error \\\"x\\\\\" empty=\"\" count=-3\n"));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void write_long_line(void)
{
    char value[2 * LOG_LINE_MAX];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    struct log_line line;
    log_begin(&line, LOG_LEVEL_ERROR, "long");
    log_text(&line, "key", value);
    log_text(&line, "other", value);
    log_end(&line);
}

static void test_log_line_is_cut_at_its_limit(void **state)
{
    (void)state;
    struct log_capture capture;
    log_capture_begin(&capture);
    write_long_line();
    const char *text = log_capture_end(&capture);
    assert_in_range(strlen(text), LOG_LINE_MAX - 10, LOG_LINE_MAX);
    assert_int_equal(text[strlen(text) - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_line_is_one_line_whatever_a_value_holds),
        cmocka_unit_test(test_log_line_is_cut_at_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
