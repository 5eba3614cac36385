#include "common/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* RFC 4648 10. */
static void test_vectors_of_the_rfc(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"", ""},
                                           {"Zg==", "f"},
                                           {"Zm8=", "fo"},
                                           {"Zm9v", "foo"},
                                           {"Zm9vYg==", "foob"},
                                           {"Zm9vYmE=", "fooba"},
                                           {"Zm9vYmFy", "foobar"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t bytes[8];
        size_t len;
        assert_int_equal(base64_parse(cases[i][0], bytes, sizeof bytes, &len, NULL), OK);
        assert_int_equal(len, strlen(cases[i][1]));
        assert_memory_equal(bytes, cases[i][1], len);
    }
}

static void test_anything_else_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"Z",    "Zg",       "Zg=",  "Zh==", "Zm9=", "=Zm9", "Z===",
                                        "====", "Zg==Zg==", "Zm 9", "Zm9-", "Zm9_", "Zg=v"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t bytes[8];
        size_t len;
        if (base64_parse(cases[i], bytes, sizeof bytes, &len, NULL) != ERR_SYNTAX)
            fail_msg("%s", cases[i]);
    }
}

static void test_more_than_fits_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[2];
    size_t len;
    assert_int_equal(base64_parse("Zm8=", bytes, sizeof bytes, &len, NULL), OK);
    assert_int_equal(base64_parse("Zm9v", bytes, sizeof bytes, &len, NULL), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_of_the_rfc),
        cmocka_unit_test(test_anything_else_is_refused),
        cmocka_unit_test(test_more_than_fits_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
