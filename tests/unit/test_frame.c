#include "common/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_sealed_frame_passes_and_every_flipped_bit_is_found(void **state)
{
    (void)state;
    uint8_t bytes[32 + 77];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    frame_seal(bytes, sizeof bytes, FRAME_PACK, 3);
    assert_int_equal(frame_check(bytes, sizeof bytes, FRAME_PACK, 3, NULL), OK);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(frame_check(bytes, sizeof bytes, FRAME_PACK, 3, NULL), OK);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(frame_check(bytes, sizeof bytes, FRAME_GEO, 3, NULL), ERR_CORRUPT);
    assert_int_equal(frame_check(bytes, sizeof bytes, FRAME_PACK, 4, NULL), ERR_VERSION);
    for (size_t len = 0; len < sizeof bytes; len++)
        assert_int_equal(frame_check(bytes, len, FRAME_PACK, 3, NULL), ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sealed_frame_passes_and_every_flipped_bit_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
