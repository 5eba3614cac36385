#include "geoip/tortext.h"

#include "tests/geo_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void expect_country(const struct source *source, const char *address, const char *country,
                           const char *continent)
{
    assert_string_equal(geo_fixture_facts(source, address)->country, country);
    assert_string_equal(geo_fixture_facts(source, address)->continent, continent);
}

struct placed {
    const char *address;
    const char *country;
    const char *continent;
};

static void expect_file(const char *name, const struct placed *rows, size_t count)
{
    struct source *source = geo_fixture_source(name);
    for (size_t i = 0; i < count; i++)
        expect_country(source, rows[i].address, rows[i].country, rows[i].continent);
    source_free(&source);
}

static void test_numbers_are_ipv4_ranges(void **state)
{
    (void)state;
    static const struct placed rows[] = {
        {"0.0.0.0", "", ""},
        {"0.255.255.255", "", ""},
        {"1.0.0.0", "AU", "OC"},
        {"1.0.0.255", "AU", "OC"},
        {"1.0.1.0", "CN", "AS"},
        {"1.0.3.255", "CN", "AS"},
        {"1.0.4.0", "", ""},
        {"192.0.2.1", "", ""}, /* ?? */
        {"192.168.1.124", "DE", "EU"},
        {"192.168.1.125", "", ""},
        {"255.255.255.255", "US", "NA"},
        {"2001:db8::1", "", ""},
    };
    expect_file("tor/geoip", rows, sizeof rows / sizeof rows[0]);
}

static void test_addresses_are_ipv6_ranges(void **state)
{
    (void)state;
    static const struct placed rows[] = {
        {"2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "", ""},
        {"2001:db8::", "DE", "EU"},
        {"2001:db8:1::", "FR", "EU"},
        {"2001:db8:3:ffff:ffff:ffff:ffff:ffff", "FR", "EU"},
        {"2001:db8:4::", "", ""},
        {"2001:db8:ffff::4", "", ""},
        {"2001:db8:ffff::5", "US", "NA"},
        {"2001:db8:ffff::9", "US", "NA"},
        {"2001:db8:ffff::a", "", ""},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "NZ", "OC"},
        {"1.0.0.1", "", ""},
    };
    expect_file("tor/geoip6", rows, sizeof rows / sizeof rows[0]);
}

/* Load a text from memory into `*ret`, whatever comes of it (caller: source_free). */
static enum err load_text(const char *text, size_t len, struct source **ret, struct diag *reterr)
{
    char *copy = strndup(text, len);
    FILE *file = fmemopen(copy, len, "r");
    assert_non_null(file);
    assert_int_equal(source_new("some/geoip", ret, NULL), OK);
    const enum err err = tortext_load(file, *ret, reterr);
    fclose(file);
    free(copy);
    return err;
}

static void test_both_families_comments_and_any_line_ends_may_be_mixed(void **state)
{
    (void)state;
    static const char text[] =
        "# x\r\n2001:db8::,2001:db8::f,DE\r\n\n0,255,US\n2001:db8::10,2001:db8::1f,FR\n256,511,A1";
    struct source *source;
    assert_int_equal(load_text(text, sizeof text - 1, &source, NULL), OK);
    expect_country(source, "2001:db8::f", "DE", "EU");
    expect_country(source, "2001:db8::10", "FR", "EU");
    expect_country(source, "0.0.0.255", "US", "NA");
    expect_country(source, "0.0.1.0", "A1", "");
    source_free(&source);
}

static void test_a_bad_line_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *told;
    } cases[] = {
        {"0,255,US\nrubbish\n", "line 2 is not FIRST,LAST,COUNTRY"},
        {"0,255,US\n\n# c\n256,511\n", "line 4 is not FIRST,LAST,COUNTRY"},
        {"0,255,US\n256,4294967296,US\n", "line 2 has an address"},
        {"0,255,US\n256,-1,US\n", "line 2 has an address"},
        {"0,255,US\n256,,US\n", "line 2 has an address"},
        {"0,255,US\n1.0.0.0,1.0.0.255,US\n", "line 2 has an address"},
        {"0,255,US\n256,511,U\n", "line 2 has a country"},
        {"0,255,US\n256,511,USA\n", "line 2 has a country"},
        {"0,255,US\n256,511,us\n", "line 2 has a country"},
        {"0,255,US\n256,2001:db8::,US\n", "line 2 mixes"},
        {"0,255,US\n511,256,US\n", "line 2 ends before it begins"},
        {"0,255,US\n255,300,US\n", "line 2 begins before the range above it ends"},
        {"0,4294967295,US\n0,1,US\n", "line 2 begins before"},
        {"rubbish\n",
         "is no geo database: no MMDB metadata at its end, and as text, line 1 is not"},
        {"# nothing\n", "is no geo database: no MMDB metadata at its end, and no line"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct source *source;
        struct diag diag;
        assert_int_equal(load_text(cases[i].text, strlen(cases[i].text), &source, &diag),
                         ERR_SYNTAX);
        if (!strstr(diag.text, cases[i].told) || !strstr(diag.text, "some/geoip"))
            fail_msg("\"%s\" does not tell \"%s\"", diag.text, cases[i].told);
        source_free(&source);
    }
}

static void test_a_line_longer_than_any_range_is_refused(void **state)
{
    (void)state;
    char text[400];
    struct source *source;
    struct diag diag;
    memset(text, '1', sizeof text);
    assert_int_equal(load_text(text, sizeof text, &source, &diag), ERR_SYNTAX);
    assert_non_null(strstr(diag.text, "line 1 is too long"));
    source_free(&source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_ipv4_ranges),
        cmocka_unit_test(test_addresses_are_ipv6_ranges),
        cmocka_unit_test(test_both_families_comments_and_any_line_ends_may_be_mixed),
        cmocka_unit_test(test_a_bad_line_is_named),
        cmocka_unit_test(test_a_line_longer_than_any_range_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
