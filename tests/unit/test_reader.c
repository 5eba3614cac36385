#include "common/reader.h"

#include "common/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_reader_is_sticky_and_stays_inside(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7};
    struct reader r = reader_of(bytes, sizeof bytes);
    assert_int_equal(reader_u8(&r), 1);
    assert_int_equal(reader_u16(&r), 0x0203);
    assert_int_equal(reader_left(&r), 4);
    assert_int_equal(reader_u32(&r), 0x04050607);
    assert_false(r.bad);
    assert_int_equal(reader_u8(&r), 0);
    assert_true(r.bad);
    r = reader_of(bytes, 3);
    assert_int_equal(reader_u32(&r), 0);
    assert_int_equal(reader_u8(&r), 0); /* sticky: nothing after a bad read */
    assert_true(r.bad);
}

static void test_writer_is_sticky_until_rewound(void **state)
{
    (void)state;
    uint8_t bytes[6] = {0};
    struct writer w = writer_of(bytes, 5);
    writer_u16(&w, 0x0102);
    writer_u32(&w, 7);
    assert_true(w.full);
    writer_u8(&w, 9);
    assert_int_equal(writer_len(&w), 2);
    writer_rewind(&w, 1);
    writer_u32(&w, 0x0a0b0c0d);
    assert_false(w.full);
    assert_memory_equal(bytes, "\1\xa\xb\xc\xd\0", 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader_is_sticky_and_stays_inside),
        cmocka_unit_test(test_writer_is_sticky_until_rewound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
