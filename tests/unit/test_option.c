#include "common/option.h"

#include "common/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct option_def defs[] = {
    {"store", OPTION_ONE, "FILE", "the store"},
    {"listen", OPTION_MANY, "ADDRESS@PORT", "where to listen"},
    {"workers", OPTION_ONE, "N", "worker processes"},
    {"quiet", OPTION_FLAG, NULL, "say less"},
};

static enum err parse(struct options *o, struct diag *diag, int argc, const char *const *argv)
{
    char *words[16];
    assert_true(argc < 16);
    for (int i = 0; i < argc; i++)
        words[i] = strdup(argv[i]);
    const enum err err = option_parse(defs, sizeof defs / sizeof *defs, argc, words, o, diag);
    if (err == OK) /* operands are lent from argv */
        assert_true(o->operands_count <= (size_t)argc);
    for (int i = 0; i < argc; i++)
        free(words[i]);
    return err;
}

#define PARSE(o, diag, ...)                                                                                  \
    parse(o, diag, (int)(sizeof(const char *[]){"program", __VA_ARGS__} / sizeof(char *)),                   \
          (const char *const[]){"program", __VA_ARGS__})

static char config_path[] = "/tmp/test_option.XXXXXX";

static void write_config(const char *text)
{
    struct diag diag;
    if (file_replace(config_path, text, strlen(text), 0600, &diag) != OK)
        fail_msg("%s", diag.text);
}

static void test_values_come_in_both_forms_and_in_order(void **state)
{
    (void)state;
    struct options o;
    struct diag diag;
    assert_int_equal(
        PARSE(&o, &diag, "--store", "a.db", "--listen=::1@53", "--listen", "127.0.0.1@53", "--quiet"), OK);
    assert_string_equal(option_get(&o, "store", 0), "a.db");
    assert_int_equal(option_count(&o, "listen"), 2);
    assert_string_equal(option_get(&o, "listen", 0), "::1@53");
    assert_string_equal(option_get(&o, "listen", 1), "127.0.0.1@53");
    assert_null(option_get(&o, "listen", 2));
    assert_int_equal(option_count(&o, "quiet"), 1);
    assert_int_equal(option_count(&o, "workers"), 0);
    option_fini(&o);
}

static void test_mistakes_are_named(void **state)
{
    (void)state;
    struct options o;
    struct diag diag;
    assert_int_equal(PARSE(&o, &diag, "--stor", "a.db"), ERR_SYNTAX);
    assert_non_null(strstr(diag.text, "--stor;"));
    assert_int_equal(PARSE(&o, &diag, "--store"), ERR_SYNTAX);
    assert_non_null(strstr(diag.text, "--store needs a value"));
    assert_int_equal(PARSE(&o, &diag, "--quiet=1"), ERR_SYNTAX);
    assert_non_null(strstr(diag.text, "takes no value"));
    assert_int_equal(PARSE(&o, &diag, "--store=a", "--store=b"), ERR_SYNTAX);
    assert_non_null(strstr(diag.text, "option --store is given twice"));
    assert_int_equal(PARSE(&o, &diag, "--help=1"), ERR_SYNTAX);
    assert_non_null(strstr(diag.text, "option --help takes no value"));
    assert_int_equal(PARSE(&o, &diag, "-x"), ERR_SYNTAX);
    assert_int_equal(PARSE(&o, &diag, "--config", "/nonexistent/file"), ERR_MISSING);
    assert_non_null(strstr(diag.text, "option --config: cannot open /nonexistent/file"));
}

static void test_file_gives_values_and_command_line_wins(void **state)
{
    (void)state;
    struct options o;
    struct diag diag;
    write_config("# a comment\n\n store = from-file.db # why\nlisten=127.0.0.1@1\n"
                 "listen = 127.0.0.1@2\r\nquiet = yes\nworkers = 3");
    assert_int_equal(PARSE(&o, &diag, "--config", config_path, "--listen", "::1@9"), OK);
    assert_string_equal(option_get(&o, "store", 0), "from-file.db");
    assert_int_equal(option_count(&o, "listen"), 1);
    assert_string_equal(option_get(&o, "listen", 0), "::1@9");
    assert_int_equal(option_count(&o, "quiet"), 1);
    assert_string_equal(option_get(&o, "workers", 0), "3");
    option_fini(&o);
}

static void test_file_mistakes_name_file_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {{"store = a\nnonsense\n", ":2:"},
                 {"\n\nlissten = ::1@1\n", ":3: there is no option \"lissten\""},
                 {"store = a\nstore = b\n", ":2: store is given twice; it takes one value"},
                 {"\nquiet = maybe\n", ":2: quiet is yes or no, not \"maybe\""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct options o;
        struct diag diag = {{0}};
        write_config(cases[i].text);
        assert_int_equal(PARSE(&o, &diag, "--config", config_path), ERR_SYNTAX);
        if (!strstr(diag.text, cases[i].says) || !strstr(diag.text, config_path))
            fail_msg("%s", diag.text);
    }
}

static void test_a_value_knows_where_it_stands(void **state)
{
    (void)state;
    struct options o;
    char place[64];
    write_config("listen = ::1@1\n# why\n  listen=::1@2\nstore = b.db\n");
    assert_int_equal(PARSE(&o, NULL, "--config", config_path, "--store=a.db", "--quiet"), OK);
    assert_string_equal(option_place(&o, "store", 0), "option --store");
    assert_string_equal(option_place(&o, "quiet", 0), "option --quiet");
    (void)snprintf(place, sizeof place, "%s:1: listen", config_path);
    assert_string_equal(option_place(&o, "listen", 0), place);
    (void)snprintf(place, sizeof place, "%s:3: listen", config_path);
    assert_string_equal(option_place(&o, "listen", 1), place);
    option_fini(&o);
}

static void test_a_value_that_is_refused_says_where_it_stands(void **state)
{
    (void)state;
    struct options o;
    struct diag diag;
    const char *text;
    char says[160];
    double real;
    int64_t number;
    write_config("store =\nworkers = many\n");
    assert_int_equal(PARSE(&o, NULL, "--config", config_path), OK);
    assert_int_equal(option_needed(&o, "store", &text, &diag), ERR_SYNTAX);
    (void)snprintf(says, sizeof says, "%s:1: store is empty; see --help", config_path);
    assert_string_equal(diag.text, says);
    assert_int_equal(option_number(&o, "workers", 1, 8, 4, &number, &diag), ERR_SYNTAX);
    (void)snprintf(says, sizeof says, "%s:2: workers takes a whole number from 1 to 8, not \"many\"",
                   config_path);
    assert_string_equal(diag.text, says);
    assert_int_equal(option_real(&o, "workers", 0, 1, &real, &diag), ERR_SYNTAX);
    (void)snprintf(says, sizeof says, "%s:2: workers takes a number from 0 to 1, not \"many\"", config_path);
    assert_string_equal(diag.text, says);
    option_fini(&o);
    assert_int_equal(PARSE(&o, NULL, "--config", config_path, "--workers", "9"), OK);
    assert_int_equal(option_number(&o, "workers", 1, 8, 4, &number, &diag), ERR_SYNTAX);
    assert_string_equal(diag.text, "option --workers takes a whole number from 1 to 8, not \"9\"");
    option_fini(&o);
}

static void test_numbers_keep_to_their_range(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err err;
    } cases[] = {{"1", OK}, {"8", OK}, {"0", ERR_SYNTAX}, {"9", ERR_SYNTAX}, {"", ERR_SYNTAX},
                 {"2x", ERR_SYNTAX}, {"99999999999999999999", ERR_SYNTAX}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct options o;
        struct diag diag;
        int64_t value = -1;
        assert_int_equal(PARSE(&o, &diag, "--workers", cases[i].text), OK);
        assert_int_equal(option_number(&o, "workers", 1, 8, 4, &value, &diag), cases[i].err);
        if (cases[i].err != OK)
            assert_int_equal(value, -1);
        option_fini(&o);
    }
    struct options o;
    int64_t value = -1;
    assert_int_equal(PARSE(&o, NULL, "--quiet"), OK);
    assert_int_equal(option_number(&o, "workers", 1, 8, 4, &value, NULL), OK);
    assert_int_equal(value, 4);
    option_fini(&o);
}

static int make_config(void **state)
{
    (void)state;
    const int fd = mkstemp(config_path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_config(void **state)
{
    (void)state;
    return unlink(config_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_come_in_both_forms_and_in_order),
        cmocka_unit_test(test_mistakes_are_named),
        cmocka_unit_test(test_file_gives_values_and_command_line_wins),
        cmocka_unit_test(test_file_mistakes_name_file_and_line),
        cmocka_unit_test(test_a_value_knows_where_it_stands),
        cmocka_unit_test(test_a_value_that_is_refused_says_where_it_stands),
        cmocka_unit_test(test_numbers_keep_to_their_range),
    };
    return cmocka_run_group_tests(tests, make_config, remove_config);
}
