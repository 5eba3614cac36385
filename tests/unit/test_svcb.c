#include "zones/rdata/svcb.h"

#include "zones/rdata/rdata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

enum { V4 = 1 << KIND_V4, V6 = 1 << KIND_V6 };

/* Priority 1, target "."; then parameters, with the lengths of their values. */
static const struct {
    const char *plain;
    size_t plain_len;
    unsigned kinds;
    const char *filled;
} rows[] = {
    {"\0\1\0", 3, 0, "\0\1\0"},
    {"\0\1\0", 3, V4, "\0\1\0" "\0\4\0\0"},
    {"\0\1\0", 3, V4 | V6, "\0\1\0" "\0\4\0\0" "\0\6\0\0"},
    {"\0\1\0" "\0\3\0\2\0\x35", 9, V4, "\0\1\0" "\0\3\0\2\0\x35" "\0\4\0\0"},
    {"\0\1\0" "\0\5\0\1x", 8, V4 | V6, "\0\1\0" "\0\4\0\0" "\0\5\0\1x" "\0\6\0\0"},
    {"\0\1\1a\0" "\xff\0\0\0", 9, V6, "\0\1\1a\0" "\0\6\0\0" "\xff\0\0\0"},
};

static size_t filled_len(size_t row)
{
    return rows[row].plain_len + (rows[row].kinds & V4 ? SVCB_AUTO_LEN : 0u) +
           (rows[row].kinds & V6 ? SVCB_AUTO_LEN : 0u);
}

static void test_hints_to_be_filled_are_put_in_order_found_and_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t rdata[64], plain[64];
        size_t len = rows[i].plain_len;
        struct svcb_autos autos;
        memcpy(rdata, rows[i].plain, len);
        assert_int_equal(svcb_check(rdata, len, NULL), OK);
        assert_int_equal(svcb_autos_put(rdata, sizeof rdata, &len, rows[i].kinds, NULL), OK);
        assert_int_equal(len, filled_len(i));
        assert_memory_equal(rdata, rows[i].filled, len);
        svcb_autos_find(rdata, len, &autos);
        for (unsigned k = 0; k < autos.count; k++)
            assert_int_equal(rdata[autos.hints[k].off + 1], autos.hints[k].kind == KIND_V4 ? 4 : 6);
        assert_int_equal(autos.count * SVCB_AUTO_LEN, len - rows[i].plain_len);
        assert_int_equal(svcb_autos_cut(rdata, len, plain), rows[i].plain_len);
        assert_memory_equal(plain, rows[i].plain, rows[i].plain_len);
    }
}

static void test_a_record_without_room_is_over_the_limit(void **state)
{
    static uint8_t rdata[RDATA_MAX] = {0, 1, 0, 0, 7, 0xff, 0xf0};
    size_t len = RDATA_MAX - 7;
    (void)state;
    assert_int_equal(svcb_autos_put(rdata, sizeof rdata, &len, V4, NULL), ERR_LIMIT);
    assert_int_equal(len, RDATA_MAX - 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hints_to_be_filled_are_put_in_order_found_and_cut),
        cmocka_unit_test(test_a_record_without_room_is_over_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
