#include "zones/image/image.h"

#include "common/frame.h"
#include "tests/zone_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

enum { NS = 2, MX = 15 };

static const struct zone_record records[] = {
    {"@", "NS", "ns1.dns.example.net.", 300},
    {"@", "NS", "ns2.dns.example.net.", 300},
    {"sub", "NS", "a.sub", 300},
    {"sub", "NS", "b", 300},
    {"sub", "NS", "c.a.sub", 300},
    {"a.sub", "A", "192.0.2.1", 300},
    {"b", "A", "192.0.2.2", 300},
    {"srv", "SRV", "1 1 1 b", 300},
    {"*.w", "MX", "10 x.w", 300},
};

static int setup(void **state)
{
    struct zone_fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    assert_int_equal(zone_fixture_make(fixture, "example.com", records, COUNT(records)), 0);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    zone_fixture_free(*state);
    free(*state);
    return 0;
}

static const uint8_t *owner_of(const struct zone_fixture *fixture, const struct found *found)
{
    return image_at(fixture->zone, found->node->name_off);
}

static void test_a_name_is_read_through_its_pointers(void **state)
{
    static const struct {
        const char *owner;
        uint32_t off, end;
        size_t cut;
        const char *name;
        bool pointed;
    } rows[] = {
        {"example.com", 12, 12 + 21, 21, "ns1.dns.example.net", false},
        {"example.com", 33 + 12, 33 + 12 + 6, 21, "ns2.dns.example.net", true},
        {"sub.example.com", 12, 16, 6, "a.sub.example.com", true},
        {"sub.example.com", 16 + 12, 32, 2, "b.example.com", true},
        {"sub.example.com", 32 + 12, 48, 8, "c.a.sub.example.com", true},
    };
    const struct zone_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[NAME_TEXT_MAX];
        const struct found found = zone_fixture_find(fixture, rows[i].owner, NS);
        struct image_name name;
        assert_true(
            image_name_read(fixture->zone, found.rrset, owner_of(fixture, &found), rows[i].off, &name));
        assert_string_equal(name_print(name.wire, text), rows[i].name);
        assert_int_equal(name.len, name_len(name.wire));
        assert_int_equal(name.cut, rows[i].cut);
        assert_int_equal(name.end, rows[i].end);
        assert_int_equal(name.pointed, rows[i].pointed);
    }
}

static void test_a_record_alone_points_to_the_zone_only(void **state)
{
    static const uint8_t wanted[] = "\0\2\0\1\0\0\1\x2c\0\x8\1a\3sub\xc0\x0c"
                                    "\0\2\0\1\0\0\1\x2c\0\4\1b\xc0\x0c"
                                    "\0\2\0\1\0\0\1\x2c\0\xa\1c\1a\3sub\xc0\x0c";
    const struct zone_fixture *fixture = *state;
    const struct found found = zone_fixture_find(fixture, "sub.example.com", NS);
    uint8_t bytes[sizeof wanted - 1];
    struct writer w = writer_of(bytes, sizeof bytes);
    uint32_t off = 0;
    while (off < found.rrset->wire_len)
        off = image_rr_put(&w, fixture->zone, found.rrset, owner_of(fixture, &found), off);
    assert_int_equal(off, found.rrset->wire_len);
    assert_false(w.full);
    assert_int_equal(writer_len(&w), sizeof bytes);
    assert_memory_equal(bytes, wanted, sizeof bytes);
    (void)image_rr_put(&w, fixture->zone, found.rrset, owner_of(fixture, &found), 0);
    assert_true(w.full);
}

/* Whether the image is still taken after a change, which is taken back. */
static bool is_taken(struct zone_fixture *fixture, void *at, const void *bytes, size_t len)
{
    struct buffer *pack = &fixture->pack.bytes;
    struct image image;
    uint8_t before[8];
    memcpy(before, at, len);
    memcpy(at, bytes, len);
    frame_seal(pack->bytes, pack->len, FRAME_PACK, IMAGE_VERSION);
    const bool taken =
        image_open(pack->bytes, pack->len, &image, NULL) == OK && image_check(&image, pack->len, NULL) == OK;
    memcpy(at, before, len);
    return taken;
}

/* What is const to readers is this test's own memory. */
static void *own(const struct zone_fixture *fixture, uint32_t off)
{
    const size_t at = (size_t)((const uint8_t *)fixture->zone - fixture->pack.bytes.bytes);
    return fixture->pack.bytes.bytes + at + off;
}

static void test_pointers_that_lead_astray_are_noticed(void **state)
{
    static const struct {
        const char *owner;
        uint16_t type;
        uint32_t off; /* in the wire */
        uint8_t pointer[2];
        bool taken;
    } rows[] = {
        {"sub.example.com", NS, 14, {0xe0, 0}, true},      /* as it is */
        {"sub.example.com", NS, 14, {0xc0, 0x0c}, false},  /* another name than that of the extra */
        {"sub.example.com", NS, 14, {0xe0, 4}, false},     /* past what is the owner's own */
        {"sub.example.com", NS, 14, {0xe0, 1}, false},     /* in the middle of a label */
        {"sub.example.com", NS, 14, {0xef, 0xff}, false},
        {"sub.example.com", NS, 14, {0xf0, 0}, false},     /* no such place */
        {"sub.example.com", NS, 14, {0x80, 0}, false},     /* no pointer and no label */
        {"sub.example.com", NS, 46, {0xd0, 12}, true},     /* as it is */
        {"sub.example.com", NS, 46, {0xd0, 14}, false},    /* to a pointer */
        {"sub.example.com", NS, 46, {0xd0, 46}, false},    /* to itself */
        {"sub.example.com", NS, 46, {0xd0, 44}, false},    /* in a circle */
        {"sub.example.com", NS, 46, {0xdf, 0xff}, false},  /* behind the wire */
        {"*.w.example.com", MX, 18, {0xc0, 0x0c}, true},   /* as it is */
        {"*.w.example.com", MX, 18, {0xe0, 2}, false},     /* a wildcard is in no reply */
    };
    struct zone_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *under = rows[i].owner[0] == '*' ? "q.w.example.com" : rows[i].owner;
        const struct found found = zone_fixture_find(fixture, under, rows[i].type);
        assert_true(rows[i].off < found.rrset->wire_len);
        assert_int_equal(
            is_taken(fixture, own(fixture, found.rrset->wire_off + rows[i].off), rows[i].pointer, 2),
            rows[i].taken);
    }
}

static void test_every_pointer_is_a_fixup_and_every_fixup_a_pointer(void **state)
{
    struct zone_fixture *fixture = *state;
    const struct image_rrset *rrset = zone_fixture_find(fixture, "sub.example.com", NS).rrset;
    const uint32_t wanted[] = {14, 30, 46}, *fixups = image_at(fixture->zone, rrset->fixups_off);
    assert_int_equal(rrset->fixups_count, 3);
    assert_memory_equal(fixups, wanted, sizeof wanted);
    for (unsigned i = 0; i < 3; i++)
        for (uint32_t off = 0; off < 50; off++)
            assert_int_equal(is_taken(fixture, own(fixture, rrset->fixups_off + 4 * i), &off, sizeof off),
                             off == wanted[i]);
    const struct image_rrset fewer = {.fixups_count = 2};
    const size_t at = (size_t)((const uint8_t *)&rrset->fixups_count - (const uint8_t *)fixture->zone);
    assert_false(
        is_taken(fixture, own(fixture, (uint32_t)at), &fewer.fixups_count, sizeof fewer.fixups_count));
}

static void test_the_name_of_an_extra_is_where_it_says(void **state)
{
    struct zone_fixture *fixture = *state;
    static const struct {
        const char *owner;
        uint16_t type;
        unsigned idx;
        uint32_t name_off;
    } rows[] = {{"sub.example.com", NS, 0, 12}, {"sub.example.com", NS, 1, 28},
                {"srv.example.com", 33, 0, 18}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct image_rrset *rrset = zone_fixture_find(fixture, rows[i].owner, rows[i].type).rrset;
        const struct image_extra *extra =
            (const struct image_extra *)image_at(fixture->zone, rrset->extras_off) + rows[i].idx;
        assert_int_equal(extra->name_off, rows[i].name_off);
        const size_t at = (size_t)((const uint8_t *)&extra->name_off - (const uint8_t *)fixture->zone);
        for (uint32_t off = 0; off < rrset->wire_len + 4; off++)
            assert_int_equal(is_taken(fixture, own(fixture, (uint32_t)at), &off, sizeof off),
                             off == rows[i].name_off || (i == 0 && off == 46));
    }
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        test(test_a_name_is_read_through_its_pointers),
        test(test_a_record_alone_points_to_the_zone_only),
        test(test_pointers_that_lead_astray_are_noticed),
        test(test_every_pointer_is_a_fixup_and_every_fixup_a_pointer),
        test(test_the_name_of_an_extra_is_where_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
