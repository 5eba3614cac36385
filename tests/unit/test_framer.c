#include "server/transport/framer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Write bytes into the framer's space. */
static void feed(struct framer *framer, const void *bytes, size_t len)
{
    size_t room;
    uint8_t *space = framer_space(framer, &room);
    assert_true(len <= room);
    memcpy(space, bytes, len);
    framer_fill(framer, len);
}

static void expect(struct framer *framer, const char *message, size_t expected_len)
{
    const uint8_t *bytes;
    size_t len;
    assert_int_equal(framer_next(framer, &bytes, &len), FRAMING_MESSAGE);
    assert_int_equal(len, expected_len);
    assert_memory_equal(bytes, message, len);
}

static void expect_end(struct framer *framer, enum framing end)
{
    const uint8_t *bytes;
    size_t len;
    assert_int_equal(framer_next(framer, &bytes, &len), end);
}

static void test_messages_come_out_in_order(void **state)
{
    (void)state;
    struct framer framer;
    framer_init(&framer);
    expect_end(&framer, FRAMING_MORE);
    feed(&framer, "\0\3abc\0\0\0\1d\0", 11);
    expect(&framer, "abc", 3);
    expect(&framer, "", 0);
    expect(&framer, "d", 1);
    expect_end(&framer, FRAMING_MORE);
}

static void test_a_message_may_come_byte_by_byte(void **state)
{
    (void)state;
    static const char stream[] = "\0\5hello\0\2ok";
    struct framer framer;
    unsigned messages = 0;
    framer_init(&framer);
    for (size_t i = 0; i < sizeof stream - 1; i++) {
        const uint8_t *bytes;
        size_t len;
        feed(&framer, stream + i, 1);
        while (framer_next(&framer, &bytes, &len) == FRAMING_MESSAGE)
            assert_memory_equal(bytes, messages++ == 0 ? "hello" : "ok", len);
        framer_compact(&framer);
    }
    assert_int_equal(messages, 2);
}

static void test_the_longest_message_fits_and_a_longer_one_ends_the_stream(void **state)
{
    (void)state;
    static uint8_t stream[FRAMER_PREFIX_LEN + QUERY_LEN_MAX] = {QUERY_LEN_MAX >> 8, QUERY_LEN_MAX & 0xff};
    struct framer framer;
    framer_init(&framer);
    feed(&framer, stream, sizeof stream);
    expect(&framer, (const char *)stream + 2, QUERY_LEN_MAX);
    framer_compact(&framer);
    feed(&framer, "\x10\x01", 2);
    expect_end(&framer, FRAMING_TOO_LONG);
}

static void test_there_is_room_after_a_compact_whatever_is_left(void **state)
{
    (void)state;
    static uint8_t stream[FRAMER_PREFIX_LEN + QUERY_LEN_MAX] = {0, 1, 'a', QUERY_LEN_MAX >> 8,
                                                                QUERY_LEN_MAX & 0xff};
    struct framer framer;
    size_t room;
    framer_init(&framer);
    feed(&framer, stream, sizeof stream);
    expect(&framer, "a", 1);
    expect_end(&framer, FRAMING_MORE);
    framer_compact(&framer);
    (void)framer_space(&framer, &room);
    assert_int_equal(room, 3);
}

static void test_what_is_in_front_of_the_messages_is_skipped(void **state)
{
    (void)state;
    struct framer framer;
    size_t len;
    framer_init(&framer);
    feed(&framer, "header\0\2ab\0", 11);
    assert_memory_equal(framer_bytes(&framer, &len), "header", 6);
    assert_int_equal(len, 11);
    framer_skip(&framer, 6);
    assert_int_equal(*framer_bytes(&framer, &len), 0);
    assert_int_equal(len, 5);
    expect(&framer, "ab", 2);
    expect_end(&framer, FRAMING_MORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_come_out_in_order),
        cmocka_unit_test(test_a_message_may_come_byte_by_byte),
        cmocka_unit_test(test_the_longest_message_fits_and_a_longer_one_ends_the_stream),
        cmocka_unit_test(test_there_is_room_after_a_compact_whatever_is_left),
        cmocka_unit_test(test_what_is_in_front_of_the_messages_is_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
