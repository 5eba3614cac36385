#include "server/answer/edns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))
#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

/* What stands behind owner and type: size 1232, version 0, no flags. */
#define OPT(len) "\4\xd0\0\0\0\0\0" len

static enum edns_verdict parse(const uint8_t *bytes, size_t len, struct edns *ret)
{
    struct reader r = reader_of(bytes, len);
    *ret = (struct edns){0};
    const enum edns_verdict verdict = edns_parse(&r, ret);
    if (verdict == EDNS_OK)
        assert_int_equal(reader_left(&r), 0);
    return verdict;
}

static void test_parse_reads_size_and_do(void **state)
{
    (void)state;
    static const struct {
        const uint8_t *bytes;
        size_t len;
        uint16_t udp_size;
        int dnssec_ok;
    } rows[] = {
        {BYTES("\4\xd0\0\0\0\0\0\0"), 1232, 0},  {BYTES("\x10\0\0\0\x80\0\0\0"), 4096, 1},
        {BYTES("\0\0\0\0\x80\0\0\0"), 512, 1},   {BYTES("\1\xff\0\0\x7f\xff\0\0"), 512, 0},
        {BYTES("\xff\xff\xff\0\xff\xff\0\0"), 65535, 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct edns edns;
        assert_int_equal(parse(rows[i].bytes, rows[i].len, &edns), EDNS_OK);
        assert_true(edns.present);
        assert_int_equal(edns.udp_size, rows[i].udp_size);
        assert_int_equal(edns.dnssec_ok, rows[i].dnssec_ok);
        assert_false(edns.subnet.present);
    }
}

static void test_parse_steps_over_unknown_options(void **state)
{
    (void)state;
    struct edns edns;
    const enum edns_verdict got =
        parse(BYTES(OPT("\x12") "\xff\xfe\0\3abc" "\0\3\0\0" "\0\x0c\0\3\0\0\0"), &edns);
    assert_int_equal(got, EDNS_OK);
    assert_true(edns.present);
}

static void test_another_version_is_badvers_whatever_its_options(void **state)
{
    (void)state;
    struct edns edns;
    assert_int_equal(parse(BYTES("\4\xd0\0\1\0\0\0\3xyz"), &edns), EDNS_BADVERS);
    assert_true(edns.present);
    assert_false(edns.subnet.present);
    assert_int_equal(parse(BYTES("\4\xd0\0\xff\0\0\0\0"), &edns), EDNS_BADVERS);
}

static void test_parse_reads_client_subnets(void **state)
{
    (void)state;
    static const struct {
        const uint8_t *bytes;
        size_t len;
        const char *prefix;
    } rows[] = {
        {BYTES(OPT("\x0b") "\0\x8\0\7\0\1\x18\0\xc1\0\6"), "193.0.6.0/24"},
        {BYTES(OPT("\x0c") "\0\x8\0\x8\0\1\x20\0\xc1\0\6\7"), "193.0.6.7/32"},
        {BYTES(OPT("\x0b") "\0\x8\0\7\0\1\x11\0\xc1\0\x80"), "193.0.128.0/17"},
        {BYTES(OPT("\x8") "\0\x8\0\4\0\1\0\0"), "0.0.0.0/0"},
        {BYTES(OPT("\x8") "\0\x8\0\4\0\2\0\0"), "::/0"},
        {BYTES(OPT("\x0f") "\0\x8\0\x0b\0\2\x38\0\x20\1\x0d\xb8\1\2\3"), "2001:db8:102:300::/56"},
        {BYTES(OPT("\x18") "\0\x8\0\x14\0\2\x80\0\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"), "2001:db8::1/128"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct edns edns;
        struct prefix prefix;
        assert_int_equal(prefix_parse(rows[i].prefix, &prefix, NULL), OK);
        assert_int_equal(parse(rows[i].bytes, rows[i].len, &edns), EDNS_OK);
        assert_true(edns.subnet.present);
        assert_true(ip_equal(&edns.subnet.prefix.ip, &prefix.ip));
        assert_int_equal(edns.subnet.prefix.bits, prefix.bits);
    }
}

static void test_family_0_with_source_0_is_a_subnet_of_no_family(void **state)
{
    (void)state;
    struct edns edns;
    assert_int_equal(parse(BYTES(OPT("\x8") "\0\x8\0\4\0\0\0\0"), &edns), EDNS_OK);
    assert_true(edns.subnet.present);
    assert_int_equal(edns.subnet.prefix.ip.family, IP_NONE);
    assert_int_equal(edns.subnet.prefix.bits, 0);
}

static void test_parse_refuses_what_is_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        const uint8_t *bytes;
        size_t len;
    } rows[] = {
        {"cut in the head", BYTES("\4\xd0\0\0\0\0\0")},
        {"options cut short", BYTES(OPT("\x5") "abcd")},
        {"an option's head cut short", BYTES(OPT("\x3") "\0\3\0")},
        {"an option past the end", BYTES(OPT("\x5") "\0\3\0\2a")},
        {"subnet: empty", BYTES(OPT("\x4") "\0\x8\0\0")},
        {"subnet: head cut short", BYTES(OPT("\x7") "\0\x8\0\3\0\1\x18")},
        {"subnet: family 3", BYTES(OPT("\x8") "\0\x8\0\4\0\3\0\0")},
        {"subnet: family 0 with a source", BYTES(OPT("\x9") "\0\x8\0\5\0\0\x8\0\1")},
        {"subnet: family 0 with an address", BYTES(OPT("\x9") "\0\x8\0\5\0\0\0\0\1")},
        {"subnet: a scope", BYTES(OPT("\x0b") "\0\x8\0\7\0\1\x18\x18\xc1\0\6")},
        {"subnet: address too short", BYTES(OPT("\x0a") "\0\x8\0\6\0\1\x18\0\xc1\0")},
        {"subnet: address too long", BYTES(OPT("\x0c") "\0\x8\0\x8\0\1\x18\0\xc1\0\6\0")},
        {"subnet: a bit past the prefix", BYTES(OPT("\x0b") "\0\x8\0\7\0\1\x17\0\xc1\0\7")},
        {"subnet: IPv4 of 33 bits", BYTES(OPT("\x0d") "\0\x8\0\x9\0\1\x21\0\xc1\0\6\0\0")},
        {"subnet: IPv6 of 129 bits",
         BYTES(OPT("\x19") "\0\x8\0\x15\0\2\x81\0\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\0\0")},
        {"subnet: a second one of three bytes",
         BYTES(OPT("\x12") "\0\x8\0\7\0\1\x18\0\xc1\0\6" "\0\x8\0\3\0\1\x18")},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct edns edns;
        if (parse(rows[i].bytes, rows[i].len, &edns) != EDNS_MALFORMED || edns.subnet.present)
            fail_msg("%s: not refused", rows[i].what);
    }
}

static void test_of_two_subnets_the_first_counts(void **state)
{
    (void)state;
    struct edns edns;
    assert_int_equal(parse(BYTES(OPT("\x16") "\0\x8\0\7\0\1\x18\0\xc1\0\6"
                                             "\0\x8\0\7\0\1\x18\0\x8\x8\x8"),
                           &edns),
                     EDNS_OK);
    assert_int_equal(edns.subnet.prefix.ip.bytes[0], 0xc1);
}

static void test_parse_reads_what_is_asked_for(void **state)
{
    (void)state;
    static const struct {
        const uint8_t *bytes;
        size_t len;
        int nsid, keepalive, padded;
    } rows[] = {
        {BYTES(OPT("\0")), 0, 0, 0},
        {BYTES(OPT("\4") "\0\3\0\0"), 1, 0, 0},
        {BYTES(OPT("\6") "\0\3\0\2xy"), 1, 0, 0}, /* RFC 5001 2.1: what is in it is ignored */
        {BYTES(OPT("\4") "\0\x0b\0\0"), 0, 1, 0},
        {BYTES(OPT("\x0f") "\0\x0c\0\3\0\0\0" "\0\3\0\0" "\0\x0b\0\0"), 1, 1, 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct edns edns;
        assert_int_equal(parse(rows[i].bytes, rows[i].len, &edns), EDNS_OK);
        assert_int_equal(edns.nsid, rows[i].nsid);
        assert_int_equal(edns.keepalive, rows[i].keepalive);
        assert_int_equal(edns.padded, rows[i].padded);
        assert_int_equal(edns.cookie.len, 0);
    }
}

static void test_of_two_cookies_the_first_counts(void **state)
{
    (void)state;
    struct edns edns;
    assert_int_equal(parse(BYTES(OPT("\x0c") "\0\x0a\0\x8" "12345678"), &edns), EDNS_OK);
    assert_int_equal(edns.cookie.len, 8);
    assert_int_equal(parse(BYTES(OPT("\x13") "\0\x0a\0\x8" "12345678" "\0\x0a\0\3abc"), &edns), EDNS_OK);
    assert_int_equal(edns.cookie.len, 8);
    assert_memory_equal(edns.cookie.bytes, "12345678", 8);
}

static void test_what_is_malformed_leaves_no_option(void **state)
{
    (void)state;
    struct edns edns;
    assert_int_equal(parse(BYTES(OPT("\x0b") "\0\x0a\0\7" "1234567"), &edns), EDNS_MALFORMED);
    assert_true(edns.present);
    assert_int_equal(edns.cookie.len, 0);
    assert_int_equal(parse(BYTES(OPT("\x14") "\0\x0a\0\x8" "12345678" "\0\3\0\0" "\0\x8\0\0"), &edns),
                     EDNS_MALFORMED);
    assert_int_equal(edns.cookie.len, 0);
    assert_false(edns.nsid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_reads_size_and_do),
        cmocka_unit_test(test_parse_steps_over_unknown_options),
        cmocka_unit_test(test_another_version_is_badvers_whatever_its_options),
        cmocka_unit_test(test_parse_reads_client_subnets),
        cmocka_unit_test(test_family_0_with_source_0_is_a_subnet_of_no_family),
        cmocka_unit_test(test_parse_refuses_what_is_malformed),
        cmocka_unit_test(test_of_two_subnets_the_first_counts),
        cmocka_unit_test(test_parse_reads_what_is_asked_for),
        cmocka_unit_test(test_of_two_cookies_the_first_counts),
        cmocka_unit_test(test_what_is_malformed_leaves_no_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
