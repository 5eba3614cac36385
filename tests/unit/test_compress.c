#include "zones/compile/compress.h"

#include "zones/image/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

enum { ZONE = 0xc00c, WIRE = 0xd000, OWNER = 0xe000 };

static const uint8_t *wire_of(const char *text)
{
    static uint8_t names[1024][NAME_WIRE_MAX];
    static unsigned next;
    uint8_t *name = names[next++ % COUNT(names)];
    size_t len;
    assert_int_equal(name_parse(text, name, &len, NULL), OK);
    return name;
}

/* A name at an offset, what stays of it, and the pointer behind that. */
struct step {
    const char *name;
    uint32_t off;
    size_t len;
    uint16_t pointer;
};

static void expect(const char *zone, const char *owner, const struct step *steps, size_t count)
{
    static struct compress compress;
    compress_begin(&compress, wire_of(zone), owner ? wire_of(owner) : NULL);
    for (size_t i = 0; i < count; i++) {
        uint16_t pointer;
        assert_int_equal(compress_name(&compress, wire_of(steps[i].name), steps[i].off, &pointer),
                         steps[i].len);
        assert_int_equal(pointer, steps[i].pointer);
    }
}

static void test_a_name_is_cut_at_its_longest_known_suffix(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {"ns1.a.b.example.com", 12, 4, OWNER}, {"ns2.B.example.com", 40, 4, OWNER + 2},
        {"ns1.Example.Com", 60, 4, ZONE},
        {"x.ns2.b.example.com", 80, 2, WIRE + 40}, {"a.b.example.com", 100, 0, OWNER},
        {"example.com", 120, 0, ZONE},
        {"ns1.dns.example.net", 140, 21, 0}, {"ns2.dns.EXAMPLE.net", 200, 4, WIRE + 144},
        {"ns2.dns.example.net", 220, 0, WIRE + 200},
        {"net", 240, 0, WIRE + 156}, {"com", 260, 5, 0}, {".", 280, 1, 0},
    };
    expect("example.com", "a.b.example.com", steps, COUNT(steps));
}

static void test_without_an_owner_there_is_the_zone_and_what_went_before(void **state)
{
    (void)state;
    static const struct step steps[] = {{"x.a.example.com", 12, 4, ZONE},
                                        {"y.a.example.com", 40, 2, WIRE + 14}};
    expect("example.com", NULL, steps, COUNT(steps));
}

static void test_nothing_points_to_the_root(void **state)
{
    (void)state;
    static const struct step steps[] = {{".", 12, 1, 0}, {"a.net", 30, 2, OWNER}, {"b.org", 60, 7, 0},
                                        {".", 80, 1, 0}};
    expect(".", "net", steps, COUNT(steps));
    expect(".", ".", &steps[2], 2);
}

static void test_a_pointer_reaches_as_far_as_it_has_bits(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {"ab.net", IMAGE_PLACE_LEN - 3, 8, 0}, {"x.net", IMAGE_PLACE_LEN + 20, 7, 0},
        {"x.ab.net", IMAGE_PLACE_LEN + 40, 2, WIRE + IMAGE_PLACE_LEN - 3},
    };
    expect("example.com", NULL, steps, COUNT(steps));
}

static void test_so_many_suffixes_are_remembered(void **state)
{
    (void)state;
    static struct compress compress;
    uint16_t pointer;
    compress_begin(&compress, wire_of("example.com"), NULL);
    for (unsigned i = 1; i <= COMPRESS_SUFFIXES_MAX; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "n%u", i);
        (void)compress_name(&compress, wire_of(text), i, &pointer);
    }
    (void)compress_name(&compress, wire_of("n255"), 1000, &pointer);
    assert_int_equal(pointer, WIRE + 255);
    (void)compress_name(&compress, wire_of("n256"), 1000, &pointer);
    assert_int_equal(pointer, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_is_cut_at_its_longest_known_suffix),
        cmocka_unit_test(test_without_an_owner_there_is_the_zone_and_what_went_before),
        cmocka_unit_test(test_nothing_points_to_the_root),
        cmocka_unit_test(test_a_pointer_reaches_as_far_as_it_has_bits),
        cmocka_unit_test(test_so_many_suffixes_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
