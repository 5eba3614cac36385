/* tests/unit/test_change.c */
#include "common/change.h"

#include "common/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/gslb-change-XXXXXX", path[64];

static int setup(void **state)
{
    (void)state;
    (void)strcpy(dir, "/tmp/gslb-change-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    (void)snprintf(path, sizeof path, "%s/file", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(dir);
}

static void put(const char *text)
{
    assert_int_equal(file_replace(path, text, strlen(text), 0600, NULL), OK);
}

static void test_a_change_is_told_once_when_it_stands_still(void **state)
{
    (void)state;
    struct change change;
    put("one");
    change_init(&change, path);
    assert_false(change_look(&change));
    put("two");
    assert_false(change_look(&change)); /* it may go on */
    put("three");
    assert_false(change_look(&change));
    assert_true(change_look(&change));
    assert_false(change_look(&change));
}

static void test_a_file_may_come_and_go(void **state)
{
    (void)state;
    struct change change;
    change_init(&change, path);
    assert_false(change_look(&change));
    put("one");
    assert_false(change_look(&change));
    assert_true(change_look(&change));
    assert_int_equal(unlink(path), 0);
    assert_false(change_look(&change));
    assert_true(change_look(&change));
}

static void test_what_was_read_meanwhile_is_known(void **state)
{
    (void)state;
    struct change change;
    put("one");
    change_init(&change, path);
    put("two");
    change_init(&change, path);
    assert_false(change_look(&change));
    assert_false(change_look(&change));
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        test(test_a_change_is_told_once_when_it_stands_still),
        test(test_a_file_may_come_and_go),
        test(test_what_was_read_meanwhile_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
