#include "zones/image/image.h"

#include "common/frame.h"
#include "geoip/policy.h"
#include "health/board.h"
#include "tests/zone_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

enum { A = 1, NS = 2, CNAME = 5, SOA = 6, MX = 15, TXT = 16, AAAA = 28, DNAME = 39, DS = 43, ANY = 255 };

static const struct zone_record records[] = {
    {"@", "NS", "ns", 300},
    {"@", "NS", "NS2.sub", 300},
    {"ns", "A", "192.0.2.1", 300},
    {"www", "A", "192.0.2.2", 300},
    {"www", "A", "192.0.2.3", 100},
    {"www", "A", "192.0.2.2", 300},
    {"www", "TXT", "\"hello\"", 300},
    {"alias", "CNAME", "www", 300},
    {"away", "CNAME", "www.example.net.", 300},
    {"a.deep.ent", "A", "192.0.2.4", 300},
    {"*.wild", "A", "192.0.2.5", 300},
    {"*.wild", "MX", "10 www", 300},
    {"x.wild", "TXT", "\"x\"", 300},
    {"*.calias", "CNAME", "www", 300},
    {"b.*.went", "A", "192.0.2.9", 300},
    {"sub", "NS", "ns.sub", 300},
    {"sub", "NS", "ns2.sub", 300},
    {"sub", "NS", "ns.example.net.", 300},
    {"sub", "DS", "1 8 2 0000000000000000000000000000000000000000000000000000000000000000", 300},
    {"ns.sub", "A", "192.0.2.6", 300},
    {"ns2.sub", "AAAA", "2001:db8::6", 300},
    {"under.ns.sub", "TXT", "\"hidden\"", 300},
    {"dn", "DNAME", "example.net.", 300},
    {"dn", "TXT", "\"at the DNAME\"", 300},
    {"mail", "MX", "10 www", 300},
    {"mail", "MX", "20 ns.sub", 300},
    {"mail", "MX", "10 WWW", 300},
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

static void test_slots_reach_as_far_as_the_board(void **state)
{
    (void)state;
    assert_int_equal(IMAGE_SLOTS_MAX, BOARD_SLOTS_MAX);
}

static void test_find_follows_rfc_1034(void **state)
{
    static const struct {
        const char *name;
        uint16_t qtype;
        enum found_kind kind;
        bool wildcard;
        const char *node;
        uint16_t type; /* of the rrset; 0: none */
    } cases[] = {
        {"example.com", SOA, FOUND_RRSET, false, "example.com", SOA},
        {"example.com", NS, FOUND_RRSET, false, "example.com", NS},
        {"example.com", A, FOUND_NODATA, false, "example.com", 0},
        {"example.com", ANY, FOUND_ANY, false, "example.com", NS},
        {"www.example.com", A, FOUND_RRSET, false, "www.example.com", A},
        {"WWW.eXample.COM", A, FOUND_RRSET, false, "www.example.com", A},
        {"www.example.com", AAAA, FOUND_NODATA, false, "www.example.com", 0},
        {"nothing.example.com", A, FOUND_NXDOMAIN, false, "example.com", 0},
        {"x.www.example.com", A, FOUND_NXDOMAIN, false, "www.example.com", 0},
        {"alias.example.com", A, FOUND_CNAME, false, "alias.example.com", CNAME},
        {"alias.example.com", CNAME, FOUND_RRSET, false, "alias.example.com", CNAME},
        {"alias.example.com", ANY, FOUND_ANY, false, "alias.example.com", CNAME},
        {"ent.example.com", A, FOUND_NODATA, false, "ent.example.com", 0},
        {"deep.ent.example.com", ANY, FOUND_NODATA, false, "deep.ent.example.com", 0},
        {"b.deep.ent.example.com", A, FOUND_NXDOMAIN, false, "deep.ent.example.com", 0},
        {"y.wild.example.com", A, FOUND_RRSET, true, "*.wild.example.com", A},
        {"z.y.wild.example.com", A, FOUND_RRSET, true, "*.wild.example.com", A},
        {"y.wild.example.com", TXT, FOUND_NODATA, true, "*.wild.example.com", 0},
        {"*.wild.example.com", A, FOUND_RRSET, false, "*.wild.example.com", A},
        {"x.wild.example.com", A, FOUND_NODATA, false, "x.wild.example.com", 0},
        {"y.x.wild.example.com", A, FOUND_NXDOMAIN, false, "x.wild.example.com", 0},
        {"y.*.wild.example.com", A, FOUND_NXDOMAIN, false, "*.wild.example.com", 0},
        {"y.calias.example.com", A, FOUND_CNAME, true, "*.calias.example.com", CNAME},
        {"y.went.example.com", A, FOUND_NODATA, true, "*.went.example.com", 0},
        {"sub.example.com", A, FOUND_DELEGATION, false, "sub.example.com", NS},
        {"sub.example.com", NS, FOUND_DELEGATION, false, "sub.example.com", NS},
        {"sub.example.com", DS, FOUND_RRSET, false, "sub.example.com", DS},
        {"ns.sub.example.com", A, FOUND_DELEGATION, false, "sub.example.com", NS},
        {"ns.sub.example.com", DS, FOUND_DELEGATION, false, "sub.example.com", NS},
        {"under.ns.sub.example.com", TXT, FOUND_DELEGATION, false, "sub.example.com", NS},
        {"q.under.ns.sub.example.com", TXT, FOUND_DELEGATION, false, "sub.example.com", NS},
        {"none.sub.example.com", A, FOUND_DELEGATION, false, "sub.example.com", NS},
        {"dn.example.com", TXT, FOUND_RRSET, false, "dn.example.com", TXT},
        {"dn.example.com", DNAME, FOUND_RRSET, false, "dn.example.com", DNAME},
        {"dn.example.com", A, FOUND_NODATA, false, "dn.example.com", 0},
        {"y.dn.example.com", A, FOUND_DNAME, false, "dn.example.com", DNAME},
        {"z.y.dn.example.com", DNAME, FOUND_DNAME, false, "dn.example.com", DNAME},
    };
    const struct zone_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct found found = zone_fixture_find(fixture, cases[i].name, cases[i].qtype);
        char node[NAME_TEXT_MAX];
        (void)name_print(image_at(fixture->zone, found.node->name_off), node);
        if (found.kind != cases[i].kind || found.wildcard != cases[i].wildcard ||
            strcmp(node, cases[i].node) != 0 || (found.rrset ? found.rrset->type : 0) != cases[i].type)
            fail_msg("%s %u: kind %d, wildcard %d, node %s, rrset %d", cases[i].name, cases[i].qtype,
                     (int)found.kind, found.wildcard, node, found.rrset ? found.rrset->type : 0);
    }
}

static void test_a_name_of_120_labels_meets_its_wildcard(void **state)
{
    const struct zone_fixture *fixture = *state;
    char name[NAME_TEXT_MAX] = "";
    for (unsigned i = 0; i < 118; i++)
        strcat(name, "a.");
    strcat(name, "wild.example.com");
    assert_int_equal(zone_fixture_find(fixture, name, A).kind, FOUND_RRSET);
}

static void test_an_rrset_has_one_ttl_and_no_duplicates(void **state)
{
    const struct zone_fixture *fixture = *state;
    const struct found found = zone_fixture_find(fixture, "www.example.com", A);
    assert_int_equal(found.rrset->count, 2);
    assert_int_equal(found.rrset->ttl_s, 100);
    assert_int_equal(found.rrset->wire_len, 2 * 16);
    assert_int_equal(zone_fixture_find(fixture, "mail.example.com", MX).rrset->count, 2);
}

static void test_the_negative_soa_has_the_minimum_as_ttl(void **state)
{
    const struct zone_fixture *fixture = *state;
    const struct image_rrset *soa = image_at(fixture->zone, fixture->zone->soa_off);
    const struct image_rrset *negative = image_at(fixture->zone, fixture->zone->negative_soa_off);
    assert_int_equal(soa->ttl_s, 300);
    assert_int_equal(negative->ttl_s, 60);
    assert_int_equal(fixture->zone->serial, 7);
}

/* The names of an rrset's extras, in the order in which they stand, each with a space behind it. */
static const char *extras_print(const struct zone_fixture *fixture, const char *name, uint16_t type)
{
    static char text[1024];
    const struct found found = zone_fixture_find(fixture, name, type);
    const struct image_extra *extras = image_at(fixture->zone, found.rrset->extras_off);
    text[0] = '\0';
    for (unsigned i = 0; i < found.rrset->extras_count; i++) {
        char node[NAME_TEXT_MAX];
        const struct image_node *row = image_at(fixture->zone, extras[i].node_off);
        strcat(text, name_print(image_at(fixture->zone, row->name_off), node));
        strcat(text, " ");
    }
    return text;
}

static void test_extras_are_addresses_in_the_zone_and_glue_for_ns_only(void **state)
{
    const struct zone_fixture *fixture = *state;
    assert_string_equal(extras_print(fixture, "sub.example.com", NS),
                        "ns.sub.example.com ns2.sub.example.com ");
    assert_string_equal(extras_print(fixture, "example.com", NS), "ns.example.com ns2.sub.example.com ");
    assert_string_equal(extras_print(fixture, "mail.example.com", MX), "www.example.com ");
    assert_string_equal(extras_print(fixture, "www.example.com", A), "");
}

static void test_rdata_names_in_the_zone_end_in_a_fixup(void **state)
{
    const struct zone_fixture *fixture = *state;
    const struct found inside = zone_fixture_find(fixture, "alias.example.com", CNAME);
    assert_int_equal(inside.rrset->fixups_count, 1);
    assert_int_equal(inside.rrset->wire_len, 12 + 4 + 2);
    assert_int_equal(*(const uint32_t *)image_at(fixture->zone, inside.rrset->fixups_off), 12 + 4);
    assert_memory_equal(image_at(fixture->zone, inside.rrset->target_off), "\3www\7example\3com", 17);
    const struct found outside = zone_fixture_find(fixture, "away.example.com", CNAME);
    assert_int_equal(outside.rrset->fixups_count, 0);
    const struct found dname = zone_fixture_find(fixture, "dn.example.com", DNAME);
    assert_int_equal(dname.rrset->fixups_count, 0);
}

static void test_the_root_is_a_zone_without_fixups(void **state)
{
    (void)state;
    static const struct zone_record root[] = {{"@", "NS", "ns.", 300}, {"ns", "A", "192.0.2.1", 300}};
    struct zone_fixture fixture;
    assert_int_equal(zone_fixture_make(&fixture, ".", root, COUNT(root)), 0);
    assert_int_equal(zone_fixture_find(&fixture, ".", NS).kind, FOUND_RRSET);
    assert_int_equal(zone_fixture_find(&fixture, ".", NS).rrset->fixups_count, 0);
    assert_int_equal(zone_fixture_find(&fixture, "ns", A).kind, FOUND_RRSET);
    assert_int_equal(zone_fixture_find(&fixture, "com", A).kind, FOUND_NXDOMAIN);
    zone_fixture_free(&fixture);
}

/* Services ------------------------------------------------------------------------------------- */

static void service_put(struct zone_fixture *fixture, const char *name, enum kind kind, uint16_t region)
{
    static const uint8_t wires[KINDS][17] = {{192, 0, 2, 7}, {0x20, 1}, "\4host\7example"};
    struct draft *draft = &fixture->draft;
    uint8_t wire[NAME_WIRE_MAX];
    size_t len;
    assert_int_equal(name_parse(name, wire, &len, NULL), OK);
    const struct draft_service service = {.name_off = draft_text_put(draft, name),
                                          .monitor_off = DRAFT_NONE};
    assert_int_equal(draft_service_put(draft, wire, &service, NULL), OK);
    const struct draft_pool pool = {
        .region_off = draft_text_put(draft, "eu"), .region = region, .slot = 300};
    draft_pool_put(draft, &pool);
    struct draft_endpoint endpoint = {
        .kind = kind, .slot = 301, .address_off = draft_text_put(draft, "address")};
    endpoint.check_off = endpoint.address_off;
    endpoint.wire_off = (uint32_t)buffer_put(&draft->rdata, wires[kind], sizeof wires[kind]);
    draft_endpoint_put(draft, &endpoint);
}

static void test_services_answer_under_wildcards_too(void **state)
{
    (void)state;
    static const struct zone_record static_records[] = {{"@", "NS", "ns.example.net.", 300},
                                                        {"www", "TXT", "\"beside\"", 300},
                                                        {"*.any", "TXT", "\"beside\"", 300}};
    static const struct {
        const char *name;
        uint16_t qtype;
        enum found_kind kind;
        bool wildcard;
    } cases[] = {
        {"www.example.com", A, FOUND_SERVICE, false},
        {"www.example.com", AAAA, FOUND_SERVICE, false},
        {"www.example.com", ANY, FOUND_SERVICE, false},
        {"www.example.com", TXT, FOUND_RRSET, false},
        {"www.example.com", MX, FOUND_NODATA, false},
        {"x.www.example.com", A, FOUND_NXDOMAIN, false},
        {"y.any.example.com", A, FOUND_SERVICE, true},
        {"y.any.example.com", TXT, FOUND_RRSET, true},
        {"host.example.com", MX, FOUND_SERVICE, false},
        {"deep.y.any.example.com", AAAA, FOUND_SERVICE, true},
    };
    struct zone_fixture fixture;
    zone_fixture_begin(&fixture, "example.com");
    for (size_t i = 0; i < COUNT(static_records); i++)
        zone_fixture_record(&fixture, &static_records[i]);
    service_put(&fixture, "www.example.com", KIND_V4, 0);
    service_put(&fixture, "*.any.example.com", KIND_V6, 70);
    service_put(&fixture, "host.example.com", KIND_HOST, 255);
    assert_int_equal(zone_fixture_end(&fixture), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct found found = zone_fixture_find(&fixture, cases[i].name, cases[i].qtype);
        if (found.kind != cases[i].kind || found.wildcard != cases[i].wildcard)
            fail_msg("%s %u: kind %d, wildcard %d", cases[i].name, cases[i].qtype, (int)found.kind,
                     found.wildcard);
    }
    const struct image_service *service = zone_fixture_find(&fixture, "y.any.example.com", A).service;
    assert_int_equal(image_pool_find(fixture.zone, service, 70)->region, 70);
    assert_null(image_pool_find(fixture.zone, service, 0));
    assert_null(image_pool_find(fixture.zone, service, 6));
    zone_fixture_free(&fixture);
}

/* Rules and damage ----------------------------------------------------------------------------- */

static void test_rules_are_checked_with_the_record_named(void **state)
{
    (void)state;
    static const struct {
        struct zone_record records[3];
        const char *subject, *words; /* NULL: nothing is wrong */
    } cases[] = {
        {{{"@", "NS", "ns", 1}}, NULL, NULL},
        {{{"www", "A", "192.0.2.1", 1}}, "example.com NS", "no NS record"},
        {{{"@", "NS", "ns", 1}, {"a", "CNAME", "b", 1}, {"a", "TXT", "x", 1}},
         "a.example.com CNAME",
         "TXT beside it"},
        {{{"@", "NS", "ns", 1}, {"a", "CNAME", "b", 1}, {"a", "CNAME", "c", 1}},
         "a.example.com CNAME",
         "at most one CNAME"},
        {{{"@", "NS", "ns", 1}, {"a", "DNAME", "b", 1}, {"a", "DNAME", "c", 1}},
         "a.example.com DNAME",
         "at most one DNAME"},
        {{{"@", "NS", "ns", 1}, {"a", "DNAME", "b", 1}, {"a", "NS", "c", 1}},
         "a.example.com DNAME",
         "not both"},
        {{{"@", "NS", "ns", 1}, {"a", "DNAME", "b", 1}, {"y.x.a", "A", "192.0.2.1", 1}},
         "y.x.a.example.com",
         "below the DNAME at a.example.com"},
        {{{"@", "NS", "ns", 1}, {"@", "DNAME", "b.test.", 1}}, NULL, NULL},
        {{{"@", "NS", "ns", 1}, {"*", "NS", "ns", 1}}, "*.example.com NS", "wildcard"},
        {{{"@", "NS", "ns", 1}, {"*.x", "DNAME", "b", 1}}, "*.x.example.com DNAME", "wildcard"},
        {{{"@", "NS", "ns", 1}, {"a", "NS", "ns.a", 1}, {"b.a", "TXT", "x", 1}}, NULL, NULL},
        {{{"@", "NS", "ns", 1}, {"@", "SOA", "a. b. 1 1 1 1 1", 1}}, "example.com SOA", "table zone"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct zone_fixture fixture;
        zone_fixture_begin(&fixture, "example.com");
        for (size_t k = 0; k < 3 && cases[i].records[k].name; k++)
            zone_fixture_record(&fixture, &cases[i].records[k]);
        const size_t problems = zone_fixture_end(&fixture);
        assert_int_equal(problems, cases[i].words ? 1 : 0);
        if (cases[i].words) {
            assert_string_equal(fixture.manifest->problems[0].subject, cases[i].subject);
            if (!strstr(fixture.manifest->problems[0].message, cases[i].words))
                fail_msg("\"%s\" lacks \"%s\"", fixture.manifest->problems[0].message, cases[i].words);
        }
        zone_fixture_free(&fixture);
    }
}

static void test_an_rrset_that_fits_no_message_is_a_problem(void **state)
{
    (void)state;
    struct zone_fixture fixture;
    zone_fixture_begin(&fixture, "example.com");
    zone_fixture_record(&fixture, &(struct zone_record){"@", "NS", "ns", 1});
    for (unsigned i = 0; i <= IMAGE_RRSET_MAX / 16; i++) {
        char address[16];
        (void)snprintf(address, sizeof address, "10.0.%u.%u", i / 256, i % 256);
        zone_fixture_record(&fixture, &(struct zone_record){"many", "A", address, 1});
    }
    assert_int_equal(zone_fixture_end(&fixture), 1);
    assert_string_equal(fixture.manifest->problems[0].subject, "many.example.com A");
    zone_fixture_free(&fixture);
}

static void test_every_flipped_byte_is_noticed_or_harmless(void **state)
{
    const struct zone_fixture *fixture = *state;
    const size_t len = fixture->pack.bytes.len;
    struct image image;
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        memcpy(bytes, fixture->pack.bytes.bytes, len);
        bytes[i] ^= 0x41;
        struct diag diag = {.text = ""};
        assert_int_not_equal(image_open(bytes, len, &image, &diag), OK);
        frame_seal(bytes, len, FRAME_PACK, IMAGE_VERSION);
        if (image_open(bytes, len, &image, &diag) != OK || image_check(&image, len, &diag) != OK)
            assert_true(diag.text[0] != '\0');
    }
    for (size_t cut = 0; cut < len; cut += 7)
        assert_int_equal(image_open(fixture->pack.bytes.bytes, cut, &image, NULL), ERR_CORRUPT);
    free(bytes);
}

static void test_zones_of_a_pack_are_found_and_listed(void **state)
{
    (void)state;
    enum { ZONES = 500 };
    struct pack pack = {0};
    struct image packs[PACKS_MAX] = {0};
    struct zone_fixture *fixtures = calloc(ZONES, sizeof *fixtures);
    static const struct zone_record ns = {"@", "NS", "ns.example.", 1};
    unsigned count = 0;
    assert_non_null(fixtures);
    pack_begin(&pack, 5, ZONES);
    for (unsigned i = 0; i < ZONES; i++) {
        char origin[32];
        (void)snprintf(origin, sizeof origin, "zone%u.test", i);
        assert_int_equal(zone_fixture_make(&fixtures[i], origin, &ns, 1), 0);
        if (fixtures[i].draft.origin_hash % PACKS_MAX == 5) {
            pack_zone_copy(&pack, fixtures[i].zone);
            count++;
        }
    }
    assert_int_equal(pack_finish(&pack, NULL), OK);
    image_attach(pack.bytes.bytes, &packs[5]);
    for (unsigned i = 0; i < ZONES; i++) {
        uint8_t name[NAME_WIRE_MAX];
        size_t len;
        struct name_suffixes suffixes;
        char text[32];
        unsigned idx = 99;
        (void)snprintf(text, sizeof text, "a.b.zone%u.test", i);
        assert_int_equal(name_parse(text, name, &len, NULL), OK);
        name_suffixes(name, &suffixes);
        const struct image_zone *zone = image_zone_find(packs, name, &suffixes, 0, &idx);
        assert_int_equal(zone != NULL, fixtures[i].draft.origin_hash % PACKS_MAX == 5);
        assert_int_equal(idx, zone ? 2 : 99);
        assert_null(image_zone_find(packs, name, &suffixes, 3, &idx));
        zone_fixture_free(&fixtures[i]);
    }
    unsigned listed = 0;
    for (uint32_t cursor = 0; image_zone_next(&packs[5], &cursor);)
        listed++;
    assert_true(count > 0);
    assert_int_equal(listed, count);
    uint32_t cursor = 0;
    assert_null(image_zone_next(&packs[6], &cursor));
    pack_fini(&pack);
    free(fixtures);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots_reach_as_far_as_the_board),
        test(test_find_follows_rfc_1034),
        test(test_a_name_of_120_labels_meets_its_wildcard),
        test(test_an_rrset_has_one_ttl_and_no_duplicates),
        test(test_the_negative_soa_has_the_minimum_as_ttl),
        test(test_extras_are_addresses_in_the_zone_and_glue_for_ns_only),
        test(test_rdata_names_in_the_zone_end_in_a_fixup),
        cmocka_unit_test(test_the_root_is_a_zone_without_fixups),
        cmocka_unit_test(test_services_answer_under_wildcards_too),
        cmocka_unit_test(test_rules_are_checked_with_the_record_named),
        cmocka_unit_test(test_an_rrset_that_fits_no_message_is_a_problem),
        test(test_every_flipped_byte_is_noticed_or_harmless),
        cmocka_unit_test(test_zones_of_a_pack_are_found_and_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
