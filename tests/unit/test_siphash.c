#include "common/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Key 00 01 .. 0f, message 00 01 .. len-1: appendix A of the paper for 15, the authors' vectors.h for the
 * others. */
static void test_the_authors_vectors_are_met(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        uint64_t hash;
    } rows[] = {
        {0, UINT64_C(0x726fdb47dd0e0e31)},  {1, UINT64_C(0x74f839c593dc67fd)},
        {2, UINT64_C(0x0d6c8009d9a94f5a)},  {3, UINT64_C(0x85676696d7fb7e2d)},
        {7, UINT64_C(0xab0200f58b01d137)},  {8, UINT64_C(0x93f5f5799a932462)},
        {15, UINT64_C(0xa129ca6149be45e5)}, {16, UINT64_C(0x3f2acc7f57c29bdb)},
        {63, UINT64_C(0x958a324ceb064572)},
    };
    uint8_t bytes[64];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    const struct siphash_key key = siphash_key_of(bytes);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(siphash_24(&key, bytes, rows[i].len), rows[i].hash);
}

static void test_a_message_may_begin_anywhere(void **state)
{
    (void)state;
    static const char text[] = "the same thirty-one bytes of it";
    uint8_t bytes[64];
    const struct siphash_key key = {.words = {1, 2}};
    const uint64_t hash = siphash_24(&key, text, sizeof text);
    for (size_t off = 0; off < 16; off++) {
        memcpy(bytes + off, text, sizeof text);
        assert_int_equal(siphash_24(&key, bytes + off, sizeof text), hash);
    }
}

static void test_every_bit_of_key_and_message_counts(void **state)
{
    (void)state;
    uint8_t bytes[20] = {0};
    struct siphash_key key = {.words = {1, 2}};
    const uint64_t hash = siphash_24(&key, bytes, sizeof bytes);
    for (unsigned bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(siphash_24(&key, bytes, sizeof bytes), hash);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (unsigned bit = 0; bit < 128; bit++) {
        key.words[bit / 64] ^= UINT64_C(1) << bit % 64;
        assert_int_not_equal(siphash_24(&key, bytes, sizeof bytes), hash);
        key.words[bit / 64] ^= UINT64_C(1) << bit % 64;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_authors_vectors_are_met),
        cmocka_unit_test(test_a_message_may_begin_anywhere),
        cmocka_unit_test(test_every_bit_of_key_and_message_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
