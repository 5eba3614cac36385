#include "geoip/intern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_equal_bytes_get_equal_numbers_in_order_of_appearance(void **state)
{
    (void)state;
    struct intern intern = {0};
    assert_true(intern_find(&intern, "a", 1) == INTERN_NONE);
    assert_int_equal(intern_put(&intern, "a", 1), 0);
    assert_int_equal(intern_put(&intern, "ab", 2), 1);
    assert_int_equal(intern_put(&intern, "", 0), 2);
    assert_int_equal(intern_put(&intern, "a", 1), 0);
    assert_int_equal(intern_put(&intern, "", 0), 2);
    assert_int_equal(intern_find(&intern, "ab", 2), 1);
    assert_true(intern_find(&intern, "b", 1) == INTERN_NONE);
    assert_int_equal(intern.count, 3);
    intern_fini(&intern);
}

static void test_numbers_survive_growth_and_bytes_stay_aligned(void **state)
{
    (void)state;
    struct intern intern = {0};
    for (uint32_t i = 0; i < 5000; i++)
        assert_int_equal(intern_put(&intern, &i, sizeof i), i);
    for (uint32_t i = 0; i < 5000; i++) {
        size_t len;
        const void *bytes = intern_get(&intern, i, &len);
        assert_int_equal((uintptr_t)bytes % 8, 0);
        assert_int_equal(len, sizeof i);
        assert_memory_equal(bytes, &i, sizeof i);
        assert_int_equal(intern_find(&intern, &i, sizeof i), i);
    }
    assert_int_equal(intern_check(&intern, NULL), OK);
    intern_fini(&intern);
}

static void test_an_empty_first_entry_can_be_read(void **state)
{
    (void)state;
    struct intern intern = {0};
    size_t len = 1;
    assert_int_equal(intern_put(&intern, "", 0), 0);
    assert_non_null(intern_get(&intern, 0, &len));
    assert_int_equal(len, 0);
    intern_fini(&intern);
}

static void test_running_out_of_memory_is_kept_in_mind(void **state)
{
    (void)state;
    struct intern intern = {0};
    struct diag diag;
    assert_int_equal(intern_put(&intern, "a", 1), 0);
    intern.bytes.failed = true;
    assert_int_equal(intern_put(&intern, "b", 1), 0);
    assert_int_equal(intern_check(&intern, &diag), ERR_MEMORY);
    assert_non_null(strstr(diag.text, "out of memory"));
    intern_fini(&intern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_bytes_get_equal_numbers_in_order_of_appearance),
        cmocka_unit_test(test_numbers_survive_growth_and_bytes_stay_aligned),
        cmocka_unit_test(test_an_empty_first_entry_can_be_read),
        cmocka_unit_test(test_running_out_of_memory_is_kept_in_mind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
