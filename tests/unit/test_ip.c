#include "common/ip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct ip ip_of(const char *text)
{
    struct ip ip;
    struct diag diag;
    if (ip_parse(text, &ip, &diag) != OK)
        fail_msg("%s", diag.text);
    return ip;
}

static void test_parse_takes_both_families_and_nothing_else(void **state)
{
    (void)state;
    static const char *const good[] = {"192.0.2.1", "::", "2001:db8::1", "255.255.255.255"};
    static const char *const bad[] = {"", "192.0.2", "192.0.2.256", "1.2.3.4.5", "2001:db8::g",
                                      "example.com", "::1%lo"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const struct ip ip = ip_of(good[i]);
        char text[IP_TEXT_MAX];
        assert_string_equal(ip_print(&ip, text), good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ip ip;
        struct diag diag;
        assert_int_equal(ip_parse(bad[i], &ip, &diag), ERR_SYNTAX);
        assert_non_null(strstr(diag.text, bad[i]));
    }
}

static void test_prefix_parse_checks_length_and_host_bits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err err;
    } cases[] = {{"192.0.2.0/24", OK},          {"0.0.0.0/0", OK},           {"192.0.2.1/32", OK},
                 {"2001:db8::/32", OK},         {"::/0", OK},                {"192.0.2.1/24", ERR_SYNTAX},
                 {"192.0.2.0/33", ERR_SYNTAX},  {"2001:db8::/129", ERR_SYNTAX}, {"192.0.2.0", ERR_SYNTAX},
                 {"192.0.2.0/", ERR_SYNTAX},    {"192.0.2.0/2a", ERR_SYNTAX}, {"192.0.2.0/-1", ERR_SYNTAX},
                 {"2001:db8::1/64", ERR_SYNTAX}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct prefix prefix;
        char text[PREFIX_TEXT_MAX];
        assert_int_equal(prefix_parse(cases[i].text, &prefix, NULL), cases[i].err);
        if (cases[i].err == OK)
            assert_string_equal(prefix_print(&prefix, text), cases[i].text);
    }
}

static void test_one_address_is_a_prefix_of_all_its_bits(void **state)
{
    (void)state;
    static const struct {
        const char *text, *printed; /* NULL: refused */
    } cases[] = {{"192.0.2.1", "192.0.2.1/32"},
                 {"2001:db8::1", "2001:db8::1/128"},
                 {"192.0.2.0/24", "192.0.2.0/24"},
                 {"::/0", "::/0"},
                 {"192.0.2.1/24", NULL},
                 {"192.0.2.1/", NULL},
                 {"192.0.2", NULL},
                 {"", NULL},
                 {"::ffff:192.0.2.1", "::ffff:192.0.2.1/128"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct prefix prefix;
        struct diag diag = {.text = ""};
        char text[PREFIX_TEXT_MAX];
        const enum err err = prefix_parse_or_ip(cases[i].text, &prefix, &diag);
        assert_int_equal(err, cases[i].printed ? OK : ERR_SYNTAX);
        if (cases[i].printed)
            assert_string_equal(prefix_print(&prefix, text), cases[i].printed);
        else
            assert_non_null(strstr(diag.text, cases[i].text));
    }
}

static void test_prefix_error_names_the_right_prefix(void **state)
{
    (void)state;
    struct prefix prefix;
    struct diag diag;
    assert_int_equal(prefix_parse("192.0.2.77/26", &prefix, &diag), ERR_SYNTAX);
    assert_non_null(strstr(diag.text, "192.0.2.64/26"));
}

static void test_listen_is_address_at_port(void **state)
{
    (void)state;
    static const char *const good[] = {"127.0.0.1@53", "::1@5300", "0.0.0.0@65535"};
    static const char *const bad[] = {"127.0.0.1", "127.0.0.1:53", "127.0.0.1@0", "127.0.0.1@65536", "@53",
                                      "[::1]@53", "127.0.0.1@"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct listen at;
        struct sockaddr_storage sa;
        char text[LISTEN_TEXT_MAX];
        assert_int_equal(listen_parse(good[i], &at, NULL), OK);
        assert_true(listen_to_sockaddr(&at, &sa) > 0);
        const struct listen back = listen_from_sockaddr(&sa);
        assert_string_equal(listen_print(&back, text), good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct listen at;
        assert_int_equal(listen_parse(bad[i], &at, NULL), ERR_SYNTAX);
    }
}

static void test_unmap_touches_only_mapped_addresses(void **state)
{
    (void)state;
    struct ip mapped = ip_of("::ffff:192.0.2.7"), plain = ip_of("2001:db8::7"),
              compatible = ip_of("::192.0.2.7");
    const struct ip v4 = ip_of("192.0.2.7");
    assert_true(ip_unmap(&mapped));
    assert_true(ip_equal(&mapped, &v4));
    assert_false(ip_unmap(&plain));
    assert_false(ip_unmap(&compatible));
    assert_false(ip_unmap(&mapped));
}

static void test_mask_clears_every_bit_past_its_length(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits <= 128; bits++) {
        struct ip ip = ip_of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
        ip_mask(&ip, bits);
        for (unsigned bit = 0; bit < 128; bit++)
            assert_int_equal(ip.bytes[bit / 8] >> (7 - bit % 8) & 1, bit < bits);
    }
}

static void test_prefix_covers_its_own_family_only(void **state)
{
    (void)state;
    struct prefix net;
    assert_int_equal(prefix_parse("192.0.2.0/25", &net, NULL), OK);
    const struct ip in = ip_of("192.0.2.127"), out = ip_of("192.0.2.128"), v6 = ip_of("2001:db8::");
    assert_true(prefix_covers(&net, &in));
    assert_false(prefix_covers(&net, &out));
    assert_false(prefix_covers(&net, &v6));
}

static void test_unplaced_addresses_are_those_of_the_table(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool unplaced;
    } cases[] = {
        {"10.0.0.1", true}, {"172.16.0.1", true}, {"172.31.255.255", true}, {"172.32.0.0", false},
        {"172.15.0.1", false}, {"192.168.1.1", true}, {"192.169.0.0", false}, {"100.64.0.0", true},
        {"100.127.9.9", true}, {"100.128.0.0", false}, {"127.0.0.1", true}, {"169.254.1.1", true},
        {"0.0.0.0", true}, {"224.0.0.1", true}, {"239.1.1.1", true},
        {"192.0.2.1", false}, {"198.51.100.1", false}, {"203.0.113.9", false}, {"8.8.8.8", false},
        {"::", true}, {"::1", true}, {"::2", false}, {"fe80::1", true}, {"febf::1", true}, {"fec0::1", false},
        {"fc00::1", true}, {"fdff::1", true}, {"ff02::1", true}, {"2001:db8::1", false},
        {"2002:c000:204::", false}, {"2600::1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ip ip = ip_of(cases[i].text);
        if (ip_is_unplaced(&ip) != cases[i].unplaced)
            fail_msg("%s", cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_takes_both_families_and_nothing_else),
        cmocka_unit_test(test_prefix_parse_checks_length_and_host_bits),
        cmocka_unit_test(test_one_address_is_a_prefix_of_all_its_bits),
        cmocka_unit_test(test_prefix_error_names_the_right_prefix),
        cmocka_unit_test(test_listen_is_address_at_port),
        cmocka_unit_test(test_unmap_touches_only_mapped_addresses),
        cmocka_unit_test(test_mask_clears_every_bit_past_its_length),
        cmocka_unit_test(test_prefix_covers_its_own_family_only),
        cmocka_unit_test(test_unplaced_addresses_are_those_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
