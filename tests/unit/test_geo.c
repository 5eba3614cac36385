#include "geoip/geo.h"

#include "geoip/layout.h"

#include "tests/geo_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void make_image(struct geo_fixture *ret)
{
    static const char *const clients[] = {"default", "country:GB", "net:192.0.2.1/32",
                                          "net:2001:db8::/48", NULL};
    static const char *const sources[] = {"mmdb/GeoIP2-City-Test.mmdb", NULL};
    geo_fixture_clients(clients, sources, ret);
}

static void test_attaching_gives_what_opening_gave(void **state)
{
    (void)state;
    struct geo_fixture fixture;
    struct geo attached;
    make_image(&fixture);
    memset(&attached, 0xff, sizeof attached);
    geo_attach(fixture.image.bytes, &attached);
    assert_ptr_equal(attached.v4_table, fixture.geo.v4_table);
    assert_ptr_equal(attached.nodes, fixture.geo.nodes);
    assert_ptr_equal(attached.chains, fixture.geo.chains);
    assert_ptr_equal(attached.names, fixture.geo.names);
    assert_ptr_equal(attached.text, fixture.geo.text);
    assert_int_equal(attached.classes_count, fixture.geo.classes_count);
    assert_int_equal(attached.sets_count, 4);
    assert_int_equal(attached.fenced, false);
    geo_fixture_fini(&fixture);
}

static void test_every_depth_from_0_to_all_bits_is_told(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits <= 128; bits++) {
        struct ip ip = geo_fixture_ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
        char text[PREFIX_TEXT_MAX];
        char client[64];
        ip_mask(&ip, bits);
        (void)snprintf(client, sizeof client, "net:%s",
                       prefix_print(&(struct prefix){.ip = ip, .bits = (uint8_t)bits}, text));
        const char *const clients[] = {client, NULL};
        struct geo_fixture fixture;
        geo_fixture_clients(clients, (const char *const[]){NULL}, &fixture);
        struct geo_found found = geo_find(&fixture.geo, &ip);
        assert_int_equal(found.depth, bits);
        assert_int_equal(geo_chain_get(&fixture.geo, found.class).count, 1);
        ip = geo_fixture_ip("::");
        found = geo_find(&fixture.geo, &ip);
        assert_int_equal(found.depth, bits > 0 ? 1 : 0);
        assert_int_equal(geo_chain_get(&fixture.geo, found.class).count, bits > 0 ? 0 : 1);
        geo_fixture_fini(&fixture);
    }
}

/* Opening a copy of the image with the four bytes at `off` set to `value`, and resealed, must be
 * refused. */
static void expect_damage(const struct geo_fixture *fixture, size_t off, uint32_t value,
                          const char *told)
{
    struct buffer copy = {0};
    struct geo geo;
    struct diag diag = {{0}};
    (void)buffer_put(&copy, fixture->image.bytes, fixture->image.len);
    memcpy(copy.bytes + off, &value, sizeof value);
    frame_seal(copy.bytes, copy.len, FRAME_GEO, GEO_VERSION);
    assert_int_equal(geo_open(copy.bytes, copy.len, &geo, &diag), ERR_CORRUPT);
    if (!strstr(diag.text, told))
        fail_msg("damage at %zu: \"%s\" does not tell \"%s\"", off, diag.text, told);
    buffer_fini(&copy);
}

static size_t offset_of(const struct geo_fixture *fixture, const void *part)
{
    return (size_t)((const uint8_t *)part - fixture->image.bytes);
}

static void test_a_header_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct geo_fixture fixture;
    make_image(&fixture);
    for (size_t off = offsetof(struct layout, flags); off < offsetof(struct layout, heights);
         off += 4)
        expect_damage(&fixture, off, 0x7fffffff, "header");
    expect_damage(&fixture, offsetof(struct layout, heights), 1, "header");
    expect_damage(&fixture, offsetof(struct layout, heights) + 4 * LAYOUT_V6_HEIGHT_MAX, 0,
                  "header");
    geo_fixture_fini(&fixture);
}

static void test_entries_that_lead_nowhere_or_round_in_circles_are_refused(void **state)
{
    (void)state;
    struct geo_fixture fixture;
    make_image(&fixture);
    const struct geo *geo = &fixture.geo;
    const struct layout *layout = (const struct layout *)(const void *)fixture.image.bytes;
    const size_t last_node = offset_of(&fixture, geo->nodes) + (layout->nodes_count - 1) * 64ul;
    assert_true(layout->nodes_count > layout->heights[LAYOUT_V4_HEIGHT_MAX]);
    expect_damage(&fixture, offset_of(&fixture, geo->v4_table),
                  layout->heights[LAYOUT_V4_HEIGHT_MAX], "prefix tree");
    expect_damage(&fixture, offset_of(&fixture, geo->v6_table), layout->nodes_count, "prefix tree");
    expect_damage(&fixture, offset_of(&fixture, geo->v6_table), layout_leaf(17, 0), "prefix tree");
    expect_damage(&fixture, offset_of(&fixture, geo->v6_table),
                  layout_leaf(1, layout->classes_count), "prefix tree");
    expect_damage(&fixture, last_node, layout->nodes_count - 1, "prefix tree"); /* itself */
    expect_damage(&fixture, last_node, layout_leaf(5, 0), "prefix tree");
    expect_damage(&fixture, offset_of(&fixture, geo->nodes), 0,
                  "prefix tree"); /* of height 1: leaves only */
    geo_fixture_fini(&fixture);
}

static void test_offsets_and_indexes_out_of_bounds_are_refused(void **state)
{
    (void)state;
    struct geo_fixture fixture;
    make_image(&fixture);
    const struct geo *geo = &fixture.geo;
    expect_damage(&fixture, offset_of(&fixture, geo->chains), geo->sets_count, "table of classes");
    expect_damage(&fixture, offset_of(&fixture, geo->classes), 1, "table of classes");
    expect_damage(&fixture, offset_of(&fixture, geo->classes + 1), UINT32_MAX, "table of classes");
    expect_damage(&fixture, offset_of(&fixture, geo->classes + geo->classes_count), 0,
                  "table of classes");
    expect_damage(&fixture, offset_of(&fixture, geo->sets), 1, "table of sets");
    expect_damage(&fixture, offset_of(&fixture, geo->sets + 1), UINT32_MAX, "table of sets");
    expect_damage(&fixture, offset_of(&fixture, geo->names), UINT32_MAX, "table of sets");
    expect_damage(&fixture, offset_of(&fixture, &geo->choices[0].region), REGIONS_MAX,
                  "table of sets");
    expect_damage(&fixture, fixture.image.len - 4, 0x61616161,
                  "table of sets"); /* the last name's end */
    geo_fixture_fini(&fixture);
}

static void test_choices_out_of_order_are_refused(void **state)
{
    (void)state;
    static char client[] = "default";
    static char name[] = "p";
    struct policy_rule rules[] = {{client, 1, 1, 1}, {client, 2, 1, 1}};
    struct geo_fixture fixture;
    geo_fixture_build(&(struct policy){.name = name, .rules = rules, .rules_count = 2},
                      (const char *const[]){NULL}, &fixture);
    expect_damage(&fixture, offset_of(&fixture, &fixture.geo.choices[0].tier), 2, "table of sets");
    expect_damage(&fixture, offset_of(&fixture, &fixture.geo.choices[0].region), 2,
                  "table of sets");
    geo_fixture_fini(&fixture);
}

static void test_a_cut_or_changed_image_is_refused_by_its_frame(void **state)
{
    (void)state;
    struct geo_fixture fixture;
    struct geo geo;
    make_image(&fixture);
    assert_int_equal(geo_open(fixture.image.bytes, 0, &geo, NULL), ERR_CORRUPT);
    assert_int_equal(geo_open(fixture.image.bytes, sizeof(struct layout), &geo, NULL), ERR_CORRUPT);
    assert_int_equal(geo_open(fixture.image.bytes, fixture.image.len - 1, &geo, NULL), ERR_CORRUPT);
    fixture.image.bytes[1000] ^= 1;
    assert_int_equal(geo_open(fixture.image.bytes, fixture.image.len, &geo, NULL), ERR_CORRUPT);
    fixture.image.bytes[1000] ^= 1;
    frame_seal(fixture.image.bytes, fixture.image.len, FRAME_GEO, GEO_VERSION + 1);
    assert_int_equal(geo_open(fixture.image.bytes, fixture.image.len, &geo, NULL), ERR_VERSION);
    frame_seal(fixture.image.bytes, fixture.image.len, FRAME_PACK, GEO_VERSION);
    assert_int_equal(geo_open(fixture.image.bytes, fixture.image.len, &geo, NULL), ERR_CORRUPT);
    frame_seal(fixture.image.bytes, sizeof(struct frame), FRAME_GEO, GEO_VERSION);
    assert_int_equal(geo_open(fixture.image.bytes, sizeof(struct frame), &geo, NULL), ERR_CORRUPT);
    geo_fixture_fini(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attaching_gives_what_opening_gave),
        cmocka_unit_test(test_every_depth_from_0_to_all_bits_is_told),
        cmocka_unit_test(test_a_header_that_does_not_fit_is_refused),
        cmocka_unit_test(test_entries_that_lead_nowhere_or_round_in_circles_are_refused),
        cmocka_unit_test(test_offsets_and_indexes_out_of_bounds_are_refused),
        cmocka_unit_test(test_choices_out_of_order_are_refused),
        cmocka_unit_test(test_a_cut_or_changed_image_is_refused_by_its_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
