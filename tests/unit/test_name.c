#include "common/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static size_t wire_of(const char *text, uint8_t wire[NAME_WIRE_MAX])
{
    size_t len;
    struct diag diag;
    if (name_parse(text, wire, &len, &diag) != OK)
        fail_msg("%s", diag.text);
    return len;
}

static void test_parse_and_print_agree(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
        size_t len;
    } cases[] = {
        {".", ".", 1},
        {"com", "com", 5},
        {"www.example.com", "www.example.com", 17},
        {"www.example.com.", "www.example.com", 17},
        {"a\\.b.c", "a\\.b.c", 7},
        {"\\000\\255.x", "\\000\\255.x", 6},
        {"with\\032space.x", "with\\032space.x", 14},
        {"MiXeD.Case", "MiXeD.Case", 12},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t wire[NAME_WIRE_MAX];
        char text[NAME_TEXT_MAX];
        assert_int_equal(wire_of(cases[i].in, wire), cases[i].len);
        assert_int_equal(name_len(wire), cases[i].len);
        assert_string_equal(name_print(wire, text), cases[i].out);
    }
}

static void test_parse_refuses_bad_names_and_says_why(void **state)
{
    (void)state;
    char label64[70], long_name[300] = "";
    memset(label64, 'a', 64);
    label64[64] = '\0';
    for (int i = 0; i < 64; i++)
        strcat(long_name, "abc.");
    const struct {
        const char *in, *says;
    } cases[] = {
        {"", "empty"},         {"a..b", "empty label"},  {".a", "empty label"},       {"a\\25", "escape"},
        {"a\\256", "escape"}, {"a\\", "escape"},        {label64, "longer than 63"},
        {long_name, "longer than 255"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t wire[NAME_WIRE_MAX];
        size_t len = 77;
        struct diag diag = {{0}};
        assert_int_equal(name_parse(cases[i].in, wire, &len, &diag), ERR_SYNTAX);
        assert_non_null(strstr(diag.text, cases[i].says));
        assert_int_equal(len, 77);
    }
}

static void test_parse_takes_the_longest_name(void **state)
{
    (void)state;
    char text[260] = "";
    for (int i = 0; i < 127; i++)
        strcat(text, "a.");
    uint8_t wire[NAME_WIRE_MAX];
    assert_int_equal(wire_of(text, wire), 255);
    assert_int_equal(name_labels(wire), 127);
    struct name_suffixes suffixes;
    name_suffixes(wire, &suffixes);
    assert_int_equal(suffixes.labels, 127);
    assert_int_equal(suffixes.off[127], 254);
}

static void test_relative_names_get_their_origin(void **state)
{
    (void)state;
    uint8_t origin[NAME_WIRE_MAX], wire[NAME_WIRE_MAX];
    (void)wire_of("example.com", origin);
    static const struct {
        const char *in, *out;
    } cases[] = {{"@", "example.com"}, {"www", "www.example.com"}, {"a.b", "a.b.example.com"},
                 {"other.net.", "other.net"}, {".", "."}, {"*", "*.example.com"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len;
        char text[NAME_TEXT_MAX];
        assert_int_equal(name_parse_under(cases[i].in, origin, wire, &len, NULL), OK);
        assert_string_equal(name_print(wire, text), cases[i].out);
        assert_int_equal(len, name_len(wire));
    }
}

static void test_relative_name_too_long_with_its_origin_is_refused(void **state)
{
    (void)state;
    uint8_t origin[NAME_WIRE_MAX], wire[NAME_WIRE_MAX];
    char text[260] = "";
    for (int i = 0; i < 122; i++)
        strcat(text, "a.");
    (void)wire_of("example.com", origin);
    text[strlen(text) - 1] = '\0';
    size_t len;
    assert_int_equal(name_parse_under(text, origin, wire, &len, NULL), ERR_SYNTAX);
}

static void test_case_does_not_matter(void **state)
{
    (void)state;
    uint8_t a[NAME_WIRE_MAX], b[NAME_WIRE_MAX], low[NAME_WIRE_MAX];
    /* Every octet that a letter's bit could be confused with, in labels of every length up to 20. */
    for (unsigned size = 1; size <= 20; size++) {
        for (unsigned octet = 0; octet < 256; octet++) {
            a[0] = b[0] = (uint8_t)size;
            for (unsigned i = 1; i <= size; i++) {
                a[i] = (uint8_t)octet;
                b[i] = (uint8_t)(octet >= 'A' && octet <= 'Z' ? octet + 32 : octet);
            }
            a[size + 1] = b[size + 1] = 0;
            assert_true(name_equal(a, b));
            assert_int_equal(name_hash(a), name_hash(b));
            assert_int_equal(name_lower(a, low), size + 2);
            assert_memory_equal(low, b, size + 2);
            if (octet == '@' || octet == '[') { /* beside the letters */
                for (unsigned i = 1; i <= size; i++)
                    b[i] = (uint8_t)(octet + 32);
                assert_false(name_equal(a, b));
                assert_int_not_equal(name_hash(a), name_hash(b));
            }
        }
    }
}

static void test_suffix_hashes_are_the_hashes_of_the_suffixes(void **state)
{
    (void)state;
    uint8_t wire[NAME_WIRE_MAX];
    struct name_suffixes suffixes;
    (void)wire_of("a.longer-label-here.Example.COM", wire);
    name_suffixes(wire, &suffixes);
    assert_int_equal(suffixes.labels, 4);
    for (unsigned i = 0; i <= suffixes.labels; i++)
        assert_int_equal(suffixes.hash[i], name_hash(wire + suffixes.off[i]));
}

static void test_hash_tells_label_boundaries(void **state)
{
    (void)state;
    uint8_t a[NAME_WIRE_MAX], b[NAME_WIRE_MAX];
    (void)wire_of("ab.c", a);
    (void)wire_of("a.bc", b);
    assert_int_not_equal(name_hash(a), name_hash(b));
}

static void test_is_under_goes_by_labels(void **state)
{
    (void)state;
    static const struct {
        const char *name, *ancestor;
        bool under;
    } cases[] = {{"www.example.com", "example.com", true}, {"example.com", "example.com", true},
                 {"wwwexample.com", "example.com", false}, {"com", "example.com", false},
                 {"a.b", ".", true},                       {"A.EXAMPLE.com", "example.COM", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t name[NAME_WIRE_MAX], ancestor[NAME_WIRE_MAX];
        (void)wire_of(cases[i].name, name);
        (void)wire_of(cases[i].ancestor, ancestor);
        assert_int_equal(name_is_under(name, ancestor), cases[i].under);
    }
}

static void test_check_stays_inside_its_bytes(void **state)
{
    (void)state;
    static const uint8_t good[] = {3, 'w', 'w', 'w', 0, 9}, cut[] = {3, 'w', 'w'}, open[] = {1, 'a'},
                         pointer[] = {1, 'a', 0xc0, 0};
    size_t len;
    assert_true(name_check(good, sizeof good, &len));
    assert_int_equal(len, 5);
    assert_false(name_check(cut, sizeof cut, &len));
    assert_false(name_check(open, sizeof open, &len));
    assert_false(name_check(pointer, sizeof pointer, &len));
    assert_false(name_check(good, 0, &len));
    uint8_t endless[300];
    memset(endless, 1, sizeof endless);
    assert_false(name_check(endless, sizeof endless, &len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_and_print_agree),
        cmocka_unit_test(test_parse_refuses_bad_names_and_says_why),
        cmocka_unit_test(test_parse_takes_the_longest_name),
        cmocka_unit_test(test_relative_names_get_their_origin),
        cmocka_unit_test(test_relative_name_too_long_with_its_origin_is_refused),
        cmocka_unit_test(test_case_does_not_matter),
        cmocka_unit_test(test_suffix_hashes_are_the_hashes_of_the_suffixes),
        cmocka_unit_test(test_hash_tells_label_boundaries),
        cmocka_unit_test(test_is_under_goes_by_labels),
        cmocka_unit_test(test_check_stays_inside_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
