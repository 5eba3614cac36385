#include "server/answer/opt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

enum { BEFORE = 40, CAP = 2048 };

static const struct edns_subnet subnet = {
    .present = true, .prefix = {.ip = {.family = IP_V4, .bytes = {192, 0, 2}}, .bits = 24}};
static const struct identity_text nsid = {"ams1", 4};

/* All options but padding. */
static struct opt full(void)
{
    return (struct opt){.present = true,
                        .dnssec_ok = true,
                        .wanted = (1u << OPT_PADDING) - 1,
                        .subnet = &subnet,
                        .scope = 20,
                        .cookie = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                   22, 23, 24},
                        .error = OPT_ERROR_NOT_AUTHORITATIVE,
                        .keepalive_ds = 300,
                        .nsid = &nsid};
}

/* Put it behind BEFORE bytes where `room` are left; returns how many it took. */
static size_t put(const struct opt *opt, unsigned rcode, size_t room, uint8_t ret[CAP])
{
    static uint8_t bytes[CAP];
    memset(bytes, 0xee, sizeof bytes);
    struct writer w = writer_of(bytes, BEFORE + room);
    (void)writer_space(&w, BEFORE);
    opt_put(&w, opt, rcode);
    assert_false(w.full);
    for (size_t i = BEFORE + room; i < CAP; i++)
        assert_int_equal(bytes[i], 0xee);
    memcpy(ret, bytes + BEFORE, writer_len(&w) - BEFORE);
    return writer_len(&w) - BEFORE;
}

static void test_every_option_has_its_form(void **state)
{
    (void)state;
    static const uint8_t wanted[] = {
        0, 0, 41, 0x04, 0xd0, 1, 0, 0x80, 0, 0, 59,
        0, 8, 0, 7, 0, 1, 24, 20, 192, 0, 2,
        0, 10, 0, 24, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
        0, 3, 0, 4, 'a', 'm', 's', '1',
        0, 15, 0, 2, 0, 20,
        0, 11, 0, 2, 1, 44,
    };
    uint8_t bytes[CAP];
    const struct opt opt = full();
    assert_int_equal(put(&opt, 23, CAP - BEFORE, bytes), sizeof wanted);
    assert_memory_equal(bytes, wanted, sizeof wanted);
}

static void test_without_an_opt_in_the_query_there_is_none(void **state)
{
    (void)state;
    uint8_t bytes[CAP];
    const struct opt opt = {0};
    assert_int_equal(opt_len_kept(&opt), 0);
    assert_int_equal(put(&opt, 16, 0, bytes), 0);
}

static void test_subnets_of_every_family_come_back(void **state)
{
    (void)state;
    static const struct {
        struct edns_subnet subnet;
        uint8_t scope, wanted[12];
        size_t len;
    } rows[] = {
        {{true, {{IP_NONE, {0}}, 0}}, 0, {0, 8, 0, 4, 0, 0, 0, 0}, 8},
        {{true, {{IP_V4, {0}}, 0}}, 0, {0, 8, 0, 4, 0, 1, 0, 0}, 8},
        {{true, {{IP_V6, {0x20, 1, 13, 0x80}}, 25}}, 48, {0, 8, 0, 8, 0, 2, 25, 48, 0x20, 1, 13, 0x80}, 12},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t bytes[CAP];
        const struct opt opt = {
            .present = true, .wanted = 1u << OPT_SUBNET, .subnet = &rows[i].subnet, .scope = rows[i].scope};
        assert_int_equal(opt_len_kept(&opt), OPT_FIXED_LEN + rows[i].len);
        assert_int_equal(put(&opt, 0, rows[i].len + OPT_FIXED_LEN, bytes), OPT_FIXED_LEN + rows[i].len);
        assert_memory_equal(bytes + OPT_FIXED_LEN, rows[i].wanted, rows[i].len);
    }
}

static void test_what_does_not_fit_is_left_out_in_the_order_of_the_enum(void **state)
{
    (void)state;
    /* Room, then what is there of it: subnet and cookie 11 + 11 + 28, nsid 8, error 6, keepalive 6. */
    static const struct {
        size_t room, len;
    } rows[] = {{50, 50}, {55, 50}, {56, 56}, {57, 56}, {58, 58}, {63, 58}, {64, 64}, {69, 64},
                {70, 70}, {500, 70}};
    const struct opt opt = full();
    assert_int_equal(opt_len_kept(&opt), 58);
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t bytes[CAP];
        assert_int_equal(put(&opt, 0, rows[i].room, bytes), rows[i].len);
        assert_int_equal(bytes[9] << 8 | bytes[10], rows[i].len - OPT_FIXED_LEN);
    }
}

static void test_a_short_option_takes_the_place_of_a_long_one(void **state)
{
    (void)state;
    static const struct identity_text long_nsid = {"nnnnnnnnnnnnnnnnnnnn", 20};
    uint8_t bytes[CAP];
    struct opt opt = full();
    opt.nsid = &long_nsid;
    opt.wanted = 1u << OPT_ERROR | 1u << OPT_NSID;
    assert_int_equal(put(&opt, 0, OPT_FIXED_LEN + 23, bytes), OPT_FIXED_LEN + 6);
    opt.wanted = 1u << OPT_KEEPALIVE | 1u << OPT_NSID;
    assert_int_equal(put(&opt, 0, OPT_FIXED_LEN + 23, bytes), OPT_FIXED_LEN + 6);
}

static void test_room_is_kept_for_what_was_asked_for(void **state)
{
    (void)state;
    static const size_t lens[OPT_OPTIONS] = {[OPT_SUBNET] = 11, [OPT_COOKIE] = 28, [OPT_NSID] = 8};
    for (unsigned option = 0; option < OPT_OPTIONS; option++) {
        struct opt opt = full();
        opt.wanted = 1u << option;
        assert_int_equal(opt_len_kept(&opt), OPT_FIXED_LEN + lens[option]);
    }
}

static void test_padding_fills_blocks_of_the_message(void **state)
{
    (void)state;
    static uint8_t message[65535];
    for (size_t before = 12; before < 1500; before++) {
        memset(message, 0xee, sizeof message);
        struct writer w = writer_of(message, sizeof message);
        const struct opt opt = {.present = true, .wanted = 1u << OPT_PADDING};
        (void)writer_space(&w, before);
        opt_put(&w, &opt, 0);
        assert_int_equal(writer_len(&w) % OPT_PADDING_BLOCK, 0);
        assert_true(writer_len(&w) < before + OPT_FIXED_LEN + 4 + OPT_PADDING_BLOCK);
        for (size_t i = before + OPT_FIXED_LEN + 4; i < writer_len(&w); i++)
            assert_int_equal(message[i], 0);
    }
}

static void test_padding_that_does_not_fit_is_left_out(void **state)
{
    (void)state;
    uint8_t bytes[CAP];
    const struct opt opt = {.present = true, .wanted = 1u << OPT_PADDING};
    assert_int_equal(put(&opt, 0, OPT_PADDING_BLOCK - BEFORE - 1, bytes), OPT_FIXED_LEN);
    assert_int_equal(put(&opt, 0, OPT_PADDING_BLOCK - BEFORE, bytes), OPT_PADDING_BLOCK - BEFORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_option_has_its_form),
        cmocka_unit_test(test_without_an_opt_in_the_query_there_is_none),
        cmocka_unit_test(test_subnets_of_every_family_come_back),
        cmocka_unit_test(test_what_does_not_fit_is_left_out_in_the_order_of_the_enum),
        cmocka_unit_test(test_a_short_option_takes_the_place_of_a_long_one),
        cmocka_unit_test(test_room_is_kept_for_what_was_asked_for),
        cmocka_unit_test(test_padding_fills_blocks_of_the_message),
        cmocka_unit_test(test_padding_that_does_not_fit_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
