#include "geoip/record.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECTION(...)                                                                               \
    (struct record_section)                                                                        \
    {                                                                                              \
        .bytes = (const uint8_t[]){__VA_ARGS__}, .len = sizeof((const uint8_t[]){__VA_ARGS__})     \
    }

static void test_scalars_are_read(void **state)
{
    (void)state;
    struct record_section section = SECTION(0x42, 'U', 'S');
    struct record_value value = record_get(&section, 0);
    assert_int_equal(value.type, RECORD_TEXT);
    assert_int_equal(value.count, 2);
    assert_memory_equal(value.at, "US", 2);
    section = SECTION(0xa2, 0x3b, 0x41);
    value = record_get(&section, 0);
    assert_int_equal(value.type, RECORD_UINT);
    assert_int_equal(value.uint, 15169);
    section = SECTION(0xc0);
    assert_int_equal(record_get(&section, 0).type, RECORD_UINT); /* 0 takes no bytes */
    section = SECTION(0x68, 0x40, 0x42, 0xb3, 0xea, 0xb3, 0x67, 0xa0, 0xf9);
    value = record_get(&section, 0);
    assert_int_equal(value.type, RECORD_REAL);
    assert_true(fabs(value.real - 37.4056) < 1e-4);
    section = SECTION(0x04, 0x08, 0x41, 0x20, 0x00, 0x00);
    value = record_get(&section, 0);
    assert_int_equal(value.type, RECORD_REAL);
    assert_true(value.real > 9.99 && value.real < 10.01);
    section = SECTION(0x01, 0x07);
    assert_int_equal(record_get(&section, 0).type, RECORD_OTHER); /* true */
}

static void test_pointers_of_every_size_are_followed_once(void **state)
{
    (void)state;
    static const uint32_t bases[] = {0, 2048, 526336};
    uint8_t *bytes = calloc(1, 526336 + 16);
    assert_non_null(bytes);
    const struct record_section section = {.bytes = bytes, .len = 526336 + 16};
    for (unsigned i = 0; i < 3; i++) {
        memcpy(bytes + bases[i] + 8,
               "\x42"
               "ab",
               3);
        memcpy(bytes, "\x20\x00\x00\x00\x00", 5);
        bytes[0] = (uint8_t)(0x20 | i << 3);
        bytes[1 + i] = 8;
        assert_int_equal(record_get(&section, 0).type, RECORD_TEXT);
        bytes[bases[i] + 8] = 0;
    }
    memcpy(bytes, "\x38\x00\x00\x10\x08", 5); /* four bytes whatever the control byte holds */
    memcpy(bytes + 4104,
           "\x42"
           "ab",
           3);
    assert_int_equal(record_get(&section, 0).type, RECORD_TEXT);
    memcpy(bytes, "\x20\x00", 2); /* to itself */
    assert_int_equal(record_get(&section, 0).type, RECORD_NONE);
    memcpy(bytes, "\x38\xff\xff\xff\xff", 5);
    assert_int_equal(record_get(&section, 0).type, RECORD_NONE);
    free(bytes);
}

static void test_long_texts_have_their_length_behind_the_control_byte(void **state)
{
    (void)state;
    static const struct {
        uint8_t head[4];
        unsigned head_len;
        uint32_t len;
    } cases[] = {{{0x5c}, 1, 28},
                 {{0x5d, 0}, 2, 29},
                 {{0x5d, 255}, 2, 284},
                 {{0x5e, 0, 0}, 3, 285},
                 {{0x5f, 0, 0, 1}, 4, 65822}};
    uint8_t *bytes = calloc(1, 70000);
    assert_non_null(bytes);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memcpy(bytes, cases[i].head, sizeof cases[i].head);
        struct record_section section = {.bytes = bytes, .len = cases[i].head_len + cases[i].len};
        assert_int_equal(record_get(&section, 0).count, cases[i].len);
        section.len--;
        assert_int_equal(record_get(&section, 0).type, RECORD_NONE);
    }
    free(bytes);
}

static void test_members_and_elements_are_found_behind_values_of_all_kinds(void **state)
{
    (void)state;
    /* {"a": [1, {"b": "x"}, pointer], "c": true, "d": ["p", "q"]} */
    const struct record_section section =
        SECTION(0xe3, 0x41, 'a', 0x03, 0x04, 0xa1, 1, 0xe1, 0x41, 'b', 0x41, 'x', 0x20, 0x00, 0x41,
                'c', 0x01, 0x07, 0x41, 'd', 0x02, 0x04, 0x41, 'p', 0x41, 'q');
    const struct record_value map = record_get(&section, 0);
    const struct record_value list = record_member(&section, &map, "d");
    assert_int_equal(map.type, RECORD_MAP);
    assert_int_equal(list.type, RECORD_ARRAY);
    assert_int_equal(record_element(&section, &list, 1).at[0], 'q');
    assert_int_equal(record_element(&section, &list, 2).type, RECORD_NONE);
    assert_int_equal(record_member(&section, &map, "c").type, RECORD_OTHER);
    assert_int_equal(record_member(&section, &map, "e").type, RECORD_NONE);
    assert_int_equal(record_member(&section, &map, "").type, RECORD_NONE);
    assert_int_equal(record_member(&section, &list, "p").type, RECORD_NONE);
    const struct record_value first = record_member(&section, &map, "a");
    const struct record_value inner = record_element(&section, &first, 1);
    assert_int_equal(record_member(&section, &inner, "b").at[0], 'x');
    assert_int_equal(record_element(&section, &first, 2).type,
                     RECORD_MAP); /* the pointer, to the whole */
}

static void test_bytes_that_end_early_are_no_value(void **state)
{
    (void)state;
    const struct record_section whole =
        SECTION(0xe2, 0x41, 'a', 0xa1, 1, 0x41, 'b', 0x42, 'x', 'y');
    for (size_t len = 0; len < whole.len; len++) {
        const struct record_section section = {.bytes = whole.bytes, .len = len};
        const struct record_value map = record_get(&section, 0);
        assert_int_equal(record_member(&section, &map, "b").type, RECORD_NONE);
    }
    const struct record_value map = record_get(&whole, 0);
    assert_int_equal(record_member(&whole, &map, "b").type, RECORD_TEXT);
    assert_int_equal(record_get(&whole, whole.len).type, RECORD_NONE);
    assert_int_equal(record_get(&whole, SIZE_MAX).type, RECORD_NONE);
}

/* {"a": [[[...]]], "b": "x"}, nested so deep that recursion would overflow the stack. */
static void test_depth_costs_no_stack(void **state)
{
    (void)state;
    enum { DEPTH = 1 << 20 };
    uint8_t *bytes = malloc(2 * DEPTH + 16);
    assert_non_null(bytes);
    memcpy(bytes,
           "\xe2\x41"
           "a",
           3);
    for (size_t i = 0; i < DEPTH; i++)
        memcpy(bytes + 3 + 2 * i, "\x01\x04", 2);
    memcpy(bytes + 3 + 2 * DEPTH,
           "\xa0\x41"
           "b\x41x",
           5);
    const struct record_section section = {.bytes = bytes, .len = 2 * DEPTH + 8};
    const struct record_value map = record_get(&section, 0);
    assert_int_equal(record_member(&section, &map, "b").at[0], 'x');
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars_are_read),
        cmocka_unit_test(test_pointers_of_every_size_are_followed_once),
        cmocka_unit_test(test_long_texts_have_their_length_behind_the_control_byte),
        cmocka_unit_test(test_members_and_elements_are_found_behind_values_of_all_kinds),
        cmocka_unit_test(test_bytes_that_end_early_are_no_value),
        cmocka_unit_test(test_depth_costs_no_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
