/* tests/unit/test_title.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/process/title.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char **arguments; /* as title_init() gave them */

static size_t read_file(const char *path, char *ret, size_t cap)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    const size_t len = fread(ret, 1, cap - 1, file);
    fclose(file);
    ret[len] = '\0';
    return len;
}

static void test_set_changes_comm_and_command_line(void **state)
{
    (void)state;
    static const char *const titles[] = {"gslbd:compiler", "gslbd"};
    for (size_t i = 0; i < 2; i++) {
        char comm[32], line[4096];
        title_set(titles[i]);
        (void)read_file("/proc/self/comm", comm, sizeof comm);
        comm[strcspn(comm, "\n")] = '\0';
        assert_string_equal(comm, titles[i]);
        const size_t len = read_file("/proc/self/cmdline", line, sizeof line);
        assert_string_equal(line, titles[i]);
        for (size_t j = strlen(titles[i]); j < len; j++) /* nothing is left of a longer one */
            assert_int_equal(line[j], 0);
    }
}

static void test_init_saves_arguments_and_environment(void **state)
{
    (void)state;
    title_set("gslbd");
    assert_non_null(strstr(arguments[0], "test_title"));
    assert_null(arguments[1]);
    assert_string_equal(getenv("TITLE_TEST"), "kept");
}

int main(int argc, char **argv)
{
    (void)setenv("TITLE_TEST", "kept", 1);
    arguments = title_init(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_changes_comm_and_command_line),
        cmocka_unit_test(test_init_saves_arguments_and_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
