#include "zones/rdata/rdata.h"

#include "common/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))
#define EXAMPLE    "07 6578616d706c65 03 636f6d 00"

static uint8_t origin[NAME_WIRE_MAX];

static int setup(void **state)
{
    size_t len;
    (void)state;
    return name_parse("example.com", origin, &len, NULL) == OK ? 0 : -1;
}

static enum err parse(const char *type, const char *text, uint8_t *rdata, size_t *ret_len,
                      struct diag *reterr)
{
    uint16_t number;
    const enum err err = rdata_type_parse(type, &number, reterr);
    return err == OK ? rdata_parse(number, text, origin, rdata, ret_len, reterr) : err;
}

static void test_data_becomes_wire(void **state)
{
    static const struct {
        const char *type, *text, *hex;
    } cases[] = {
        {"A", "192.0.2.1", "c0000201"},
        {"A", " 192.0.2.1 ", "c0000201"},
        {"AAAA", "2001:db8::1", "20010db8000000000000000000000001"},
        {"NS", "ns1", "03 6e7331" EXAMPLE},
        {"ns", "@", EXAMPLE},
        {"CNAME", "www.example.net.", "03 777777 07 6578616d706c65 03 6e6574 00"},
        {"CNAME", "a\\.b.", "03 612e62 00"},
        {"DNAME", ".", "00"},
        {"PTR", "Host", "04 486f7374" EXAMPLE},
        {"TXT", "a(b)c \"(d\" \\)", "01 61 01 62 01 63 02 2864 01 29"},
        {"MX", "( 10 mail )", "000a 04 6d61696c" EXAMPLE},
        {"MX", "10 mail", "000a 04 6d61696c" EXAMPLE},
        {"MX", "0 .", "0000 00"},
        {"SRV", "1 2 443 @", "0001 0002 01bb" EXAMPLE},
        {"TXT", "\"v=DKIM1; k=rsa\"", "0e 763d444b494d313b206b3d727361"},
        {"TXT", "one \"two\"", "03 6f6e65 03 74776f"},
        {"TXT", "\"\"", "00"},
        {"TXT", "caf\\195\\169", "05 636166c3a9"},
        {"CAA", "0 issue \"ca.test\"", "00 05 6973737565 63612e74657374"},
        {"TLSA", "3 1 1 abcdef", "03 01 01 abcdef"},
        {"NAPTR", "1 2 \"u\" \"E2U\" \"\" .", "0001 0002 01 75 03 453255 00 00"},
        {"LOC", "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m",
         "00 00 16 13 8b3cf018 810cbce0 00989 5b8"},
        {"HTTPS", "1 . port=443 alpn=h2,h3 ipv4hint=192.0.2.1",
         "0001 00 0001 0006 02 6832 02 6833 0003 0002 01bb 0004 0004 c0000201"},
        {"SVCB", "0 other.test.", "0000 05 6f74686572 04 74657374 00"},
        {"HTTPS", "1 . ipv4hint=auto", "0001 00 0004 0000"},
        {"SVCB", "1 . ipv6hint=auto alpn=auto ipv4hint=auto",
         "0001 00 0001 0005 04 6175746f 0004 0000 0006 0000"},
        {"HTTPS", "1 . ipv6hint=auto port=53 ipv4hint=192.0.2.1",
         "0001 00 0003 0002 0035 0004 0004 c0000201 0006 0000"},
        {"HTTPS", "2 ipv4hint=auto ipv4hint=auto", "0002 0d 6970763468696e743d6175746f" EXAMPLE "0004 0000"},
        {"SVCB", "1 . mandatory=port port=53", "0001 00 0000 0002 0003 0003 0002 0035"},
        {"DS", "1 8 2 abcd", "0001 08 02 abcd"},
        {"NSEC", "b A NS", "01 62" EXAMPLE "00 01 60"},
        {"A", "\\# 4 c0000201", "c0000201"},
        {"TYPE1", "192.0.2.1", "c0000201"},
        {"TYPE65280", "\\# 3 ab cd EF", "abcdef"},
        {"TYPE65280", "\\# 0", ""},
        {"MX", "\\# 5 000a016100", "000a016100"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        static uint8_t rdata[RDATA_MAX];
        char got[2 * RDATA_MAX + 1] = "", want[512] = "";
        size_t len = 0, want_len = 0;
        struct diag diag = {.text = ""};
        if (parse(cases[i].type, cases[i].text, rdata, &len, &diag) != OK)
            fail_msg("%s %s: %s", cases[i].type, cases[i].text, diag.text);
        for (size_t k = 0; k < len; k++)
            (void)sprintf(got + 2 * k, "%02x", rdata[k]);
        for (const char *p = cases[i].hex; *p; p++)
            if (*p != ' ')
                want[want_len++] = *p;
        if (strcmp(got, want) != 0)
            fail_msg("%s %s: %s, not %s", cases[i].type, cases[i].text, got, want);
    }
}

static void test_mistakes_are_refused_with_a_reason(void **state)
{
    static const struct {
        const char *type, *text, *words;
    } cases[] = {
        {"A", "192.0.2", "\"192.0.2\" is not an IPv4 address"},
        {"A", "192.0.2.1 junk", "superfluous"},
        {"A", "", "not an IPv4 address"},
        {"AAAA", "192.0.2.1", "not an IPv6 address"},
        {"A", "\\# 5 c000020101", "well-formed"},
        {"A", "\\# 4 c00002", "fewer bytes"},
        {"A", "\\# 2 c00002", "more bytes"},
        {"A", "\\# x c00002", "comes the length"},
        {"A", "\\# 1 zz", "hexadecimal"},
        {"NS", "a..b", "empty label"},
        {"NS", "a b", "superfluous"},
        {"CNAME", "a\\256", "bad escape"},
        {"MX", "99999 mail", "\"99999\" is not a number from 0 to 65535"},
        {"MX", "-1 mail", "is not a number"},
        {"MX", "10", "value expected"},
        {"MX", "10 a b", "superfluous"},
        {"SRV", "1 2 70000 a", "70000"},
        {"CAA", "300 issue \"x\"", "0 to 255"},
        {"TXT", "v=DKIM1; k=rsa", "\";\" outside quotes"},
        {"TXT", "\"open", "does not close"},
        {"TXT", "a)b", "parenthesis"},
        {"TXT", "a) (b", "parenthesis"},
        {"TXT", "(a", "parenthesis"},
        {"MX", "10 ( mail", "parenthesis"},
        {"TXT", "a\nb", "line end"},
        {"TXT", "", "value expected"},
        {"TXT", "\\# 2 0561", "well-formed"},
        {"SVCB", "1 . alpn=h2 alpn=h3", "twice"},
        {"SVCB", "1 . mandatory=port", "mandatory"},
        {"SVCB", "1 . mandatory=ipv4hint ipv4hint=auto", "an auto hint cannot be"},
        {"HTTPS", "1 . ipv4hint=auto ipv4hint=auto", "could not parse"},
        {"HTTPS", "1 . ipv4hint=auto ipv4hint=192.0.2.1", "the same parameter with addresses"},
        {"HTTPS", "1 . ipv4hint=auto,192.0.2.1", "could not parse"},
        {"HTTPS", "0 www ipv4hint=auto", "is an alias"},
        {"HTTPS", "1 . ipv4hint", "without addresses"},
        {"HTTPS", "\\# 7 0001 00 0004 0000", "without addresses"},
        {"HTTPS", "\\# 10 0001 00 0004 0003 c00002", "without addresses"},
        {"HTTPS", "1 . port=auto", "could not parse"},
        {"A", "auto", "not an IPv4 address"},
        {"HTTPS", "1 . ipv4hint=1.2.3", "could not parse"},
        {"TYPE65280", "abc", "could not parse"},
        {"NOTYPE", "x", "there is no type \"NOTYPE\""},
        {"TYPE65536", "x", "number of a type"},
        {"TYPE", "x", "there is no type"},
        {"ANY", "x", "cannot be stored"},
        {"AXFR", "x", "cannot be stored"},
        {"OPT", "x", "cannot be stored"},
        {"TSIG", "x", "cannot be stored"},
        {"TYPE0", "x", "cannot be stored"},
        {"TYPE255", "x", "cannot be stored"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        static uint8_t rdata[RDATA_MAX];
        size_t len;
        struct diag diag = {.text = ""};
        const enum err err = parse(cases[i].type, cases[i].text, rdata, &len, &diag);
        if (err != ERR_SYNTAX || !strstr(diag.text, cases[i].words) || strchr(diag.text, '\n'))
            fail_msg("%s %s: %d \"%s\" lacks \"%s\"", cases[i].type, cases[i].text, err, diag.text,
                     cases[i].words);
    }
}

static void test_long_data_is_whole_or_refused(void **state)
{
    static uint8_t rdata[RDATA_MAX];
    char *text = malloc(300000);
    size_t len, at = 0;
    (void)state;
    assert_non_null(text);
    for (unsigned i = 0; i < 310; i++)
        at += (size_t)sprintf(text + at, "\"%0200u\" ", i);
    assert_int_equal(parse("TXT", text, rdata, &len, NULL), OK);
    assert_int_equal(len, 310 * 201);
    for (unsigned i = 0; i < 100; i++)
        at += (size_t)sprintf(text + at, "\"%0200u\" ", i);
    assert_int_equal(parse("TXT", text, rdata, &len, NULL), ERR_LIMIT);
    at = (size_t)sprintf(text, "\\# 65535 ");
    for (unsigned i = 0; i < RDATA_MAX; i++)
        at += (size_t)sprintf(text + at, "%02x", i & 255);
    assert_int_equal(parse("TYPE65280", text, rdata, &len, NULL), OK);
    assert_int_equal(len, RDATA_MAX);
    assert_int_equal(rdata[RDATA_MAX - 1], (RDATA_MAX - 1) & 255);
    free(text);
}

static void test_types_print_as_they_parse(void **state)
{
    static const char *const types[] = {"A",   "AAAA",      "HTTPS",   "NSEC3PARAM",
                                        "CAA", "TYPE65280", "TYPE300", "TYPE66"};
    (void)state;
    for (size_t i = 0; i < COUNT(types); i++) {
        char text[RDATA_TYPE_TEXT_MAX];
        uint16_t type;
        assert_int_equal(rdata_type_parse(types[i], &type, NULL), OK);
        assert_string_equal(rdata_type_print(type, text), types[i]);
    }
}

static void test_records_are_the_same_whatever_the_case_of_their_names(void **state)
{
    static const struct {
        const char *type, *less, *more;
        bool same;
    } cases[] = {
        {"NS", "NS.example.com.", "ns.EXAMPLE.com.", true},
        {"NS", "A.example.com.", "b.example.com.", false},
        {"NS", "b.", "B.a.", false},
        {"MX", "10 Mail.example.com.", "10 mail.example.com.", true},
        {"MX", "65 a.", "97 a.", false}, /* numbers that are letters */
        {"SRV", "1 65 5060 Sip.a.", "1 65 5060 sip.a.", true},
        {"SRV", "1 65 5060 sip.a.", "1 97 5060 sip.a.", false},
        {"RP", "Admin.a. Text.a.", "admin.a. text.A.", true},
        {"NAPTR", "1 2 \"u\" \"x\" \"\" A.example.", "1 2 \"u\" \"x\" \"\" a.example.", true},
        {"NAPTR", "1 2 \"U\" \"x\" \"\" a.example.", "1 2 \"u\" \"x\" \"\" a.example.", false},
        {"TXT", "\"A\"", "\"a\"", false},
        {"HTTPS", "1 A. alpn=h2", "1 a. alpn=h2", false}, /* RFC 9460 is younger than RFC 4034's list */
        {"A", "192.0.2.65", "192.0.2.97", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        static uint8_t less[RDATA_MAX], more[RDATA_MAX];
        size_t less_len, more_len;
        uint16_t type;
        assert_int_equal(rdata_type_parse(cases[i].type, &type, NULL), OK);
        assert_int_equal(parse(cases[i].type, cases[i].less, less, &less_len, NULL), OK);
        assert_int_equal(parse(cases[i].type, cases[i].more, more, &more_len, NULL), OK);
        const int order = rdata_compare(type, less, less_len, more, more_len);
        const int back = rdata_compare(type, more, more_len, less, less_len);
        if (cases[i].same ? order != 0 || back != 0 : order >= 0 || back <= 0)
            fail_msg("%s %s, %s: %d and %d", cases[i].type, cases[i].less, cases[i].more, order, back);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_becomes_wire),
        cmocka_unit_test(test_mistakes_are_refused_with_a_reason),
        cmocka_unit_test(test_long_data_is_whole_or_refused),
        cmocka_unit_test(test_types_print_as_they_parse),
        cmocka_unit_test(test_records_are_the_same_whatever_the_case_of_their_names),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
