#include "compile_fixture.h"

#include "common/ip.h"

enum { A = 1, CNAME = 5, AAAA = 28, HTTPS = 65, HEAD = 12, TARGET = 24 }; /* bytes before RDATA; of "1 www" */

#define ZONE "INSERT INTO transfer(zone, net) VALUES ('gslb.example.com', '192.0.2.1');"
#define EU   "INSERT INTO endpoint(service, region, address) VALUES ('www.gslb.example.com', 'eu', "
#define US   "INSERT INTO endpoint(service, region, address) VALUES ('www.gslb.example.com', 'us', "

/* What stands in for www of the first session after an edit: "type data, type data". Its `default` has us in
 * tier 1 (198.51.100.1 is in eu, 203.0.113.1 in us) and eu in tier 2. */
static const struct {
    const char *sql;
    const char *text;
} cases[] = {
    {"SELECT 1", ""}, /* nobody may copy the zone */
    {ZONE, "1 203.0.113.1"},
    {ZONE "UPDATE rule SET tier = 1", "1 198.51.100.1 203.0.113.1"},
    {ZONE "UPDATE rule SET tier = 1; UPDATE rule SET weight = 0 WHERE region = 'eu'",
     "1 203.0.113.1"},
    {ZONE "UPDATE rule SET tier = 1, weight = 0", "1 198.51.100.1 203.0.113.1"},
    {ZONE "UPDATE pool SET weight = 0 WHERE region = 'us'", "1 203.0.113.1"},
    {ZONE "DELETE FROM endpoint WHERE region = 'us'", "1 198.51.100.1"},
    {ZONE "DELETE FROM rule WHERE client = 'default'", ""},
    {ZONE EU "'2001:db8::1')", "1 203.0.113.1 28 2001:db8::1"},
    {ZONE US "'2001:db8::2');" EU "'2001:db8::1')", "1 203.0.113.1 28 2001:db8::2"},
    {ZONE "UPDATE rule SET tier = 1;" EU "'203.0.113.1')", "1 198.51.100.1 203.0.113.1"}, /* once */
    {ZONE "UPDATE endpoint SET address = 'a.cdn.example' WHERE region = 'us';" US
          "'b.cdn.example');"
          "UPDATE endpoint SET weight = 9 WHERE address = 'b.cdn.example'",
     "5 b.cdn.example"},
    {ZONE "UPDATE endpoint SET address = 'a.cdn.example' WHERE region = 'eu'", "1 203.0.113.1"},
    {ZONE "UPDATE pool SET state = 'down'; UPDATE region SET state = 'down'", "1 203.0.113.1"},
};

/* "type data data ..." of each stand-in. */
static void stand_ins_print(const struct image_zone *zone, const struct image_service *service,
                            char *text, size_t cap)
{
    const struct image_rrset *rrset = image_at(zone, service->stand_ins_off);
    *text = '\0';
    for (unsigned i = 0; i < service->stand_ins_count; i++) {
        const uint8_t *wire = image_at(zone, rrset[i].wire_off);
        size_t len = strlen(text);
        (void)snprintf(text + len, cap - len, "%s%u", len ? " " : "", rrset[i].type);
        for (unsigned j = 0; j < rrset[i].count; j++, wire += HEAD + (wire[10] << 8 | wire[11])) {
            char data[NAME_TEXT_MAX];
            struct ip ip = {.family = rrset[i].type == A ? IP_V4 : IP_V6};
            memcpy(ip.bytes, wire + HEAD, rrset[i].type == CNAME ? 0 : ip_bits(&ip) / 8);
            if (rrset[i].type == CNAME)
                (void)name_print(image_at(zone, rrset[i].target_off), data);
            else
                (void)ip_print(&ip, data);
            len = strlen(text);
            (void)snprintf(text + len, cap - len, " %.99s", data);
        }
    }
}

static void test_default_clients_decide_what_a_secondary_gets(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        (void)fixture_setup_session(state);
        struct world world = world_of(state);
        char text[512];
        fixture_run(world.fixture, cases[i].sql);
        deploy(&world);
        const struct found found = find(&world, "www.gslb.example.com", A);
        assert_int_equal(found.kind, FOUND_SERVICE);
        stand_ins_print(zone_get(&world, "gslb.example.com"), found.service, text, sizeof text);
        if (strcmp(text, cases[i].text) != 0)
            fail_msg("%s\n  gives: %s\n  not:   %s", cases[i].sql, text, cases[i].text);
        last_close(&world.last);
        (void)fixture_teardown(state);
    }
}

static void test_a_stand_in_has_the_ttl_of_its_service(void **state)
{
    (void)fixture_setup_session(state);
    struct world world = world_of(state);
    fixture_run(world.fixture, ZONE "UPDATE service SET ttl = 17");
    deploy(&world);
    const struct image_zone *zone = zone_get(&world, "gslb.example.com");
    const struct image_service *service = find(&world, "www.gslb.example.com", A).service;
    assert_int_equal(((const struct image_rrset *)image_at(zone, service->stand_ins_off))->ttl_s,
                     17);
    last_close(&world.last);
    (void)fixture_teardown(state);
}

static void test_too_many_addresses_are_cut_off(void **state)
{
    (void)fixture_setup_session(state);
    struct world world = world_of(state);
    fixture_run(
        world.fixture, ZONE
        "UPDATE rule SET tier = 1;"
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 799)"
        " INSERT INTO endpoint(service, region, address) SELECT 'www.gslb.example.com', region,"
        " '10.' || (region = 'eu') || '.' || (i / 200) || '.' || (i % 200) FROM n, pool");
    deploy(&world);
    const struct image_zone *zone = zone_get(&world, "gslb.example.com");
    const struct image_service *service = find(&world, "www.gslb.example.com", A).service;
    assert_int_equal(service->stand_ins_count, 1);
    assert_int_equal(((const struct image_rrset *)image_at(zone, service->stand_ins_off))->count,
                     1024);
    last_close(&world.last);
    (void)fixture_teardown(state);
}

#define HINTED "INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'h', 'HTTPS', "

/* What a secondary is given for h HTTPS, whose hints are of www, after an edit: the data of each record. */
static const struct {
    const char *sql;
    uint32_t ttl_s;
    size_t len;
    const char *rdata;
} hinted[] = {
    {HINTED "'1 www port=53 ipv4hint=auto ipv6hint=auto');" EU "'2001:db8::1')", 30,
     TARGET + 6 + 8 + 20,
     "\0\1\3www\4gslb\7example\3com\0\0\3\0\2\0\65\0\4\0\4\313\0\161\1\0\6\0\20"
     "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"},
    {HINTED "'1 www ipv4hint=auto ipv6hint=auto port=53')", 30, TARGET + 6 + 8,
     "\0\1\3www\4gslb\7example\3com\0\0\3\0\2\0\65\0\4\0\4\313\0\161\1"},
    {HINTED "'1 www ipv6hint=auto')", 30, TARGET, "\0\1\3www\4gslb\7example\3com\0"},
    {HINTED "'1 www ipv4hint=auto'); UPDATE rule SET tier = 1; UPDATE service SET ttl = 4000", 300,
     TARGET + 12, "\0\1\3www\4gslb\7example\3com\0\0\4\0\10\306\63\144\1\313\0\161\1"},
    {HINTED "'1 www ipv4hint=auto'); UPDATE endpoint SET address = 'a.cdn.example' WHERE region = 'us'",
     30, TARGET, "\0\1\3www\4gslb\7example\3com\0"},
    {HINTED "'1 www ipv4hint=192.0.2.9')", 300, TARGET + 8,
     "\0\1\3www\4gslb\7example\3com\0\0\4\0\4\300\0\2\11"},
};

static void test_hints_for_a_secondary_are_the_stand_ins(void **state)
{
    for (size_t i = 0; i < sizeof hinted / sizeof *hinted; i++) {
        (void)fixture_setup_session(state);
        struct world world = world_of(state);
        fixture_run(world.fixture, ZONE);
        fixture_run(world.fixture, hinted[i].sql);
        deploy(&world);
        const struct image_zone *zone = zone_get(&world, "gslb.example.com");
        const struct image_rrset *copied =
            image_copied_rrset(zone, find(&world, "h.gslb.example.com", HTTPS).node, 0);
        assert_int_equal(copied->type, HTTPS);
        assert_int_equal(copied->ttl_s, hinted[i].ttl_s);
        if (copied->wire_len != HEAD + hinted[i].len)
            fail_msg("case %zu has %u bytes", i, copied->wire_len - HEAD);
        const uint8_t *wire = image_at(zone, copied->wire_off);
        assert_memory_equal(wire + HEAD, hinted[i].rdata, hinted[i].len);
        last_close(&world.last);
        (void)fixture_teardown(state);
    }
}

static void test_a_hint_for_a_secondary_has_no_more_addresses_than_any(void **state)
{
    (void)fixture_setup_session(state);
    struct world world = world_of(state);
    fixture_run(world.fixture, ZONE HINTED "'1 www ipv4hint=auto');"
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99)"
        " INSERT INTO endpoint(service, region, address)"
        " SELECT 'www.gslb.example.com', 'us', '10.0.0.' || i FROM n");
    deploy(&world);
    const struct image_zone *zone = zone_get(&world, "gslb.example.com");
    const struct found found = find(&world, "h.gslb.example.com", HTTPS);
    assert_int_equal(image_copied_rrset(zone, found.node, 0)->wire_len,
                     HEAD + TARGET + 4 + 4 * IMAGE_HINT_ADDRESSES_MAX);
    assert_int_equal(found.rrset->wire_len, HEAD + TARGET); /* answers fill in their own */
    last_close(&world.last);
    (void)fixture_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_clients_decide_what_a_secondary_gets),
        cmocka_unit_test(test_a_stand_in_has_the_ttl_of_its_service),
        cmocka_unit_test(test_too_many_addresses_are_cut_off),
        cmocka_unit_test(test_hints_for_a_secondary_are_the_stand_ins),
        cmocka_unit_test(test_a_hint_for_a_secondary_has_no_more_addresses_than_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
