#include "tests/world_fixture.h"

#include <ldns/ldns.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

enum { EU, US, TYPE_SVCB = 64, TYPE_HTTPS = 65, TYPE_ANY = 255, PACKET_CAP = 4096, LINE_MAX_LEN = 1024 };

static const struct zone_record records[] = {
    {"@", "NS", "ns", 300},
    {"ns", "A", "192.0.2.1", 300},
    {"www", "HTTPS", "1 . alpn=\"h2,h3\" ipv4hint=auto ech=AAEC ipv6hint=auto key65280=x", 300},
    {"@", "HTTPS", "1 www ipv6hint=auto", 300},
    {"two", "SVCB", "1 spread port=1 ipv4hint=auto", 300},
    {"two", "SVCB", "2 spread port=2 ipv4hint=auto", 300},
    {"two", "SVCB", "3 www port=3 ipv4hint=auto", 10},
    {"two", "SVCB", "4 www port=4 ipv4hint=192.0.2.99", 300},
    {"two", "SVCB", "0 other.example.net.", 300},
    {"alias", "CNAME", "www", 300},
    {"*.wild", "HTTPS", "1 www ipv4hint=auto", 300},
    {"dark", "HTTPS", "1 . ipv4hint=auto ipv6hint=auto", 300},
    {"many", "HTTPS", "1 . ipv4hint=auto", 300},
    {"*.s", "HTTPS", "1 . ipv4hint=auto", 300},
    {"sticky", "HTTPS", "1 . ipv4hint=auto", 300},
    {"cdn2", "HTTPS", "1 cdn ipv4hint=auto ipv6hint=auto", 300},
};

static const struct world_service services[] = {
    {.name = "www", .ttl_s = 30,
     .pools = {{EU, 100, 1, {"198.51.100.1", "2001:db8:e::1"}},
               {US, 100, 1, {"203.0.113.1", "2001:db8:a::1"}}}},
    {.name = "spread", .ttl_s = 60, .answers = 1,
     .pools = {{EU, 100, 1, {"198.51.100.11", "198.51.100.12", "198.51.100.13", "198.51.100.14"}}}},
    {.name = "dark", .ttl_s = 20, .all_down = ALL_DOWN_SERVFAIL, .pools = {{EU, 100, 1, {"198.51.100.21"}}}},
    {.name = "many", .ttl_s = 400,
     .pools = {{EU, 100, 1, {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"}},
               {US, 100, 1,
                {"10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6", "10.1.0.7"}}}},
    {.name = "*.s", .ttl_s = 30, .pools = {{EU, 100, 1, {"198.51.100.31"}}}},
    {.name = "sticky", .ttl_s = 30, .sticky = STICKY_CLIENT, .answers = 2,
     .pools = {{US, 100, 1, {"10.2.0.1", "10.2.0.2", "10.2.0.3", "10.2.0.4", "10.2.0.5"}}}},
    {.name = "cdn", .ttl_s = 5, .pools = {{EU, 100, 1, {"edge.example.net"}}}},
};

static int setup(void **state)
{
    static char texts[][24] = {"default", "net:193.0.0.0/16", "net:2001:67c::/32", "p"};
    struct policy_rule rules[] = {{texts[0], US, 1, POLICY_WEIGHT_OF_POOL},
                                  {texts[0], EU, 2, POLICY_WEIGHT_OF_POOL},
                                  {texts[1], EU, 1, POLICY_WEIGHT_OF_POOL},
                                  {texts[2], EU, 1, POLICY_WEIGHT_OF_POOL}};
    static const struct world_zone zone = {"example.com", records, COUNT(records), services,
                                           COUNT(services), 0};
    const struct policy policy = {.name = texts[3], .rules = rules, .rules_count = COUNT(rules)};
    struct world_fixture *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world_fixture_make(world, &zone, 1, &policy);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    world_fixture_fini(*state);
    free(*state);
    return 0;
}

/* The reply as ldns reads it. */
static ldns_pkt *ask(struct world_fixture *world, const char *name, uint16_t qtype, const char *subnet,
                     uint16_t udp_size)
{
    uint8_t packet[PACKET_CAP];
    const struct world_query query = {.name = name, .qtype = qtype, .subnet = subnet, .udp_size = udp_size};
    ldns_pkt *reply;
    const size_t len = world_answer(world, &query, TRANSPORT_UDP, "192.0.2.200", packet, sizeof packet);
    assert_int_equal(ldns_wire2pkt(&reply, packet, len), LDNS_STATUS_OK);
    return reply;
}

/* The answer, a line for each record as `TTL data`, sorted. */
static const char *lines_of(ldns_pkt *reply)
{
    static char text[LINE_MAX_LEN];
    size_t at = 0;
    text[0] = '\0';
    ldns_rr_list_sort(ldns_pkt_answer(reply));
    for (size_t i = 0; i < ldns_pkt_ancount(reply); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(ldns_pkt_answer(reply), i);
        at += (size_t)snprintf(text + at, sizeof text - at, "%u", ldns_rr_ttl(rr));
        for (size_t k = 0; k < ldns_rr_rd_count(rr); k++) {
            char *field = ldns_rdf2str(ldns_rr_rdf(rr, k));
            at += (size_t)snprintf(text + at, sizeof text - at, " %s", field);
            free(field);
        }
        at += (size_t)snprintf(text + at, sizeof text - at, "\n");
    }
    ldns_pkt_free(reply);
    return text;
}

static const char *lines(struct world_fixture *world, const char *name, uint16_t qtype, const char *subnet)
{
    return lines_of(ask(world, name, qtype, subnet, 1232));
}

static void sick(struct world_fixture *world, const char *address)
{
    world_health_set(world, world_slot(world, address), VERDICT_DOWN, STATE_AUTO);
}

static void test_hints_are_what_this_client_gets_in_order_of_their_keys(void **state)
{
    struct world_fixture *world = *state;
    assert_string_equal(lines(world, "www.example.com", TYPE_HTTPS, "193.0.6.0/24"),
                        "30 1 . alpn=h2,h3 ipv4hint=198.51.100.1 ech=AAEC ipv6hint=2001:db8:e::1"
                        " key65280=x\n");
    assert_string_equal(lines(world, "www.example.com", TYPE_HTTPS, "8.8.8.0/24"),
                        "30 1 . alpn=h2,h3 ipv4hint=203.0.113.1 ech=AAEC ipv6hint=2001:db8:a::1"
                        " key65280=x\n");
    assert_string_equal(lines(world, "example.com", TYPE_HTTPS, "193.0.6.0/24"),
                        "30 1 www.example.com. ipv6hint=2001:db8:e::1\n");
    assert_string_equal(lines(world, "x.wild.example.com", TYPE_HTTPS, "193.0.6.0/24"),
                        "30 1 www.example.com. ipv4hint=198.51.100.1\n");
}

static void test_the_owner_of_a_wildcard_has_its_services_addresses(void **state)
{
    assert_string_equal(lines(*state, "x.s.example.com", TYPE_HTTPS, NULL),
                        "30 1 . ipv4hint=198.51.100.31\n");
}

static void test_a_sticky_client_is_told_of_the_addresses_that_it_gets(void **state)
{
    for (unsigned i = 0; i < 100; i++) {
        char subnet[24], expected[64], a[2][16];
        (void)snprintf(subnet, sizeof subnet, "8.%u.8.0/24", i);
        ldns_pkt *reply = ask(*state, "sticky.example.com", 1, subnet, 1232);
        assert_int_equal(ldns_pkt_ancount(reply), 2);
        for (size_t k = 0; k < 2; k++) {
            char *text = ldns_rdf2str(ldns_rr_a_address(ldns_rr_list_rr(ldns_pkt_answer(reply), k)));
            (void)snprintf(a[k], sizeof a[k], "%s", text);
            free(text);
        }
        ldns_pkt_free(reply);
        (void)snprintf(expected, sizeof expected, "30 1 . ipv4hint=%s,%s\n", a[0], a[1]);
        assert_string_equal(lines(*state, "sticky.example.com", TYPE_HTTPS, subnet), expected);
    }
}

/* What a transfer copies. */
static void test_the_rrset_in_the_image_is_whole_without_hints(void **state)
{
    const struct world_fixture *world = *state;
    static const uint8_t expected[] = {0xc0, 0x0c, 0, TYPE_HTTPS, 0, 1, 0, 0, 1, 44, 0, 3, 0, 1, 0};
    const struct found found = zone_fixture_find(&world->zones[0], "dark.example.com", TYPE_HTTPS);
    assert_int_equal(found.rrset->hints_count, 2);
    assert_int_equal(found.rrset->wire_len, sizeof expected);
    assert_memory_equal(image_at(world->zones[0].zone, found.rrset->wire_off), expected, sizeof expected);
}

static void test_an_old_board_is_told(void **state)
{
    struct world_fixture *world = *state;
    board_sight_set(world->board, BOARD_BLIND);
    ldns_pkt *reply = ask(world, "www.example.com", TYPE_HTTPS, NULL, 1232);
    const ldns_rdf *data = ldns_pkt_edns_data(reply);
    assert_non_null(data);
    assert_memory_equal(ldns_rdf_data(data), ((const uint8_t[]){0, 15, 0, 2, 0, 3}), 6); /* RFC 8914 4.4 */
    ldns_pkt_free(reply);
}

static void test_an_alias_leads_to_hints_with_its_targets_owner(void **state)
{
    struct world_fixture *world = *state;
    ldns_pkt *reply = ask(world, "alias.example.com", TYPE_HTTPS, "193.0.6.0/24", 1232);
    assert_int_equal(ldns_pkt_ancount(reply), 2);
    char *owner = ldns_rdf2str(ldns_rr_owner(ldns_rr_list_rr(ldns_pkt_answer(reply), 1)));
    assert_string_equal(owner, "www.example.com.");
    free(owner);
    ldns_pkt_free(reply);
}

static void test_hints_follow_health_as_addresses_do(void **state)
{
    struct world_fixture *world = *state;
    sick(world, "198.51.100.1");
    assert_string_equal(lines(world, "www.example.com", TYPE_HTTPS, "193.0.6.0/24"),
                        "30 1 . alpn=h2,h3 ipv4hint=203.0.113.1 ech=AAEC ipv6hint=2001:db8:e::1"
                        " key65280=x\n");
    world_health_set(world, EU, VERDICT_UP, STATE_DOWN);
    world_health_set(world, US, VERDICT_UP, STATE_DOWN);
    assert_string_equal(lines(world, "www.example.com", TYPE_HTTPS, "193.0.6.0/24"),
                        "10 1 . alpn=h2,h3 ech=AAEC key65280=x\n");
}

/* ... by services, families and what they have to lower, as queries for A and AAAA would be. */
static void test_the_choices_of_hints_are_counted(void **state)
{
    struct world_fixture *world = *state;
    static const struct {
        const char *name;
        uint16_t qtype;
        unsigned steered;
    } rows[] = {
        {"www.example.com", TYPE_HTTPS, 2}, {"example.com", TYPE_HTTPS, 1}, {"two.example.com", TYPE_SVCB, 2},
        {"x.wild.example.com", TYPE_ANY, 1},
    };
    unsigned all = 0, served = 0;
    for (size_t i = 0; i < COUNT(rows); i++) {
        (void)lines(world, rows[i].name, rows[i].qtype, NULL);
        assert_int_equal(world->counters->steered, all += rows[i].steered);
    }
    for (size_t slot = 0; slot < BOARD_SLOTS_MAX; slot++)
        served += (unsigned)world->counters->answers[slot];
    assert_int_equal(served, all);
    assert_int_equal(world->counters->below_serving, 0);
    sick(world, "203.0.113.1");
    sick(world, "198.51.100.1");
    (void)lines(world, "www.example.com", TYPE_HTTPS, NULL); /* AAAA serves */
    assert_int_equal(world->counters->below_serving, 1);
}

static void test_without_addresses_there_is_no_hint(void **state)
{
    struct world_fixture *world = *state;
    assert_string_equal(lines(world, "dark.example.com", TYPE_HTTPS, NULL),
                        "20 1 . ipv4hint=198.51.100.21\n");
    sick(world, "198.51.100.21");
    assert_string_equal(lines(world, "dark.example.com", TYPE_HTTPS, NULL), "10 1 .\n");
    assert_string_equal(lines(world, "cdn2.example.com", TYPE_HTTPS, NULL), "5 1 cdn.example.com.\n");
}

/* `answers` is 1 of 4: every query draws again, and the records of one reply agree. */
static void test_records_of_one_reply_hint_at_the_same_addresses(void **state)
{
    struct world_fixture *world = *state;
    unsigned drawn = 0;
    for (unsigned i = 0; i < 200; i++) {
        unsigned first, second, us;
        const char *text = lines(world, "two.example.com", TYPE_SVCB, "8.8.8.0/24");
        assert_int_equal(sscanf(text,
                                "10 0 other.example.net.\n"
                                "10 1 spread.example.com. port=1 ipv4hint=198.51.100.1%u\n"
                                "10 2 spread.example.com. port=2 ipv4hint=198.51.100.1%u\n"
                                "10 3 www.example.com. port=3 ipv4hint=203.0.113.%u\n",
                                &first, &second, &us), 3);
        assert_non_null(strstr(text, "10 4 www.example.com. port=4 ipv4hint=192.0.2.99\n"));
        assert_int_equal(first, second);
        drawn |= 1u << first;
    }
    assert_int_equal(drawn, 0x1e);
}

static void test_a_hint_has_no_more_addresses_than_its_limit(void **state)
{
    struct world_fixture *world = *state;
    const char *text = lines(world, "many.example.com", TYPE_HTTPS, NULL);
    unsigned commas = 0;
    for (const char *p = text; *p; p++)
        commas += *p == ',';
    assert_int_equal(commas, 6);
    assert_true(strncmp(text, "300 1 . ipv4hint=10.1.0.", 24) == 0);
}

static void test_the_scope_is_that_of_the_choice(void **state)
{
    struct world_fixture *world = *state;
    static const struct {
        const char *name;
        uint16_t qtype;
        const char *subnet;
    } cases[] = {{"www.example.com", TYPE_HTTPS, "193.0.6.0/24"},
                 {"www.example.com", TYPE_HTTPS, "2001:67c:1::/56"},
                 {"two.example.com", TYPE_SVCB, "8.8.8.0/24"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        ldns_pkt *steered = ask(world, "www.example.com", 1, cases[i].subnet, 1232);
        ldns_pkt *hinted = ask(world, cases[i].name, cases[i].qtype, cases[i].subnet, 1232);
        const ldns_rdf *a = ldns_pkt_edns_data(steered), *b = ldns_pkt_edns_data(hinted);
        assert_true(ldns_rdf_size(a) > 7 && ldns_rdf_data(a)[7] > 0);
        assert_int_equal(ldns_rdf_size(a), ldns_rdf_size(b));
        assert_memory_equal(ldns_rdf_data(a), ldns_rdf_data(b), ldns_rdf_size(a));
        ldns_pkt_free(steered);
        ldns_pkt_free(hinted);
    }
}

static void test_hints_that_do_not_fit_truncate_the_reply(void **state)
{
    static struct zone_record wide[22] = {{"@", "NS", "ns", 300}, {"ns", "A", "192.0.2.1", 300}};
    static char data[COUNT(wide)][32], texts[][24] = {"default", "p"};
    static struct world_fixture other;
    (void)state;
    for (unsigned i = 2; i < COUNT(wide); i++) {
        (void)snprintf(data[i], sizeof data[i], "%u many ipv4hint=auto", i);
        wide[i] = (struct zone_record){"wide", "HTTPS", data[i], 300};
    }
    struct policy_rule rule = {texts[0], US, 1, POLICY_WEIGHT_OF_POOL};
    const struct world_zone zone = {"example.com", wide, COUNT(wide), services + 3, 1, 0};
    const struct policy policy = {.name = texts[1], .rules = &rule, .rules_count = 1};
    world_fixture_make(&other, &zone, 1, &policy);
    ldns_pkt *reply = ask(&other, "wide.example.com", TYPE_HTTPS, NULL, 1232);
    assert_true(ldns_pkt_tc(reply));
    assert_int_equal(ldns_pkt_ancount(reply), 0);
    ldns_pkt_free(reply);
    world_fixture_fini(&other);
}

static void test_any_of_an_rrset_with_hints_has_them(void **state)
{
    struct world_fixture *world = *state;
    assert_string_equal(lines(world, "x.wild.example.com", TYPE_ANY, NULL),
                        "30 1 www.example.com. ipv4hint=203.0.113.1\n");
}

/* Whatever is in the hints: it is refused, or nothing is read or written outside (which the
 * sanitizers see). */
static void test_damaged_hints_are_refused_or_harmless(void **state)
{
    struct world_fixture *world = *state;
    struct pack *pack = &world->packs[0];
    const struct image_zone *zone = world->zones[0].zone;
    const struct found found = zone_fixture_find(&world->zones[0], "two.example.com", TYPE_SVCB);
    /* The world's copy of the zone is at another place than the fixture's. */
    uint32_t cursor = 0;
    const struct image image = {.base = pack->bytes.bytes};
    const size_t base = (size_t)((const uint8_t *)image_zone_next(&image, &cursor) - pack->bytes.bytes);
    uint8_t *hints = pack->bytes.bytes + base + found.rrset->hints_off;
    const size_t len = found.rrset->hints_count * sizeof(struct image_hint);
    const struct world_query query = {.name = "two.example.com", .qtype = TYPE_SVCB,
                                      .subnet = "193.0.6.0/24"};
    uint8_t packet[PACKET_CAP];
    unsigned refused = 0;
    assert_int_equal(zone->len, ((const struct image_zone *)(const void *)(pack->bytes.bytes + base))->len);
    assert_int_equal(found.rrset->hints_count, 3);
    for (size_t i = 0; i < len; i++) {
        const uint8_t was = hints[i];
        for (unsigned value = 0; value < 256; value++) {
            hints[i] = (uint8_t)value;
            if (image_check(&image, pack->bytes.len, NULL) != OK) {
                refused++;
                continue;
            }
            const size_t reply_len =
                world_answer(world, &query, TRANSPORT_UDP, "192.0.2.200", packet, sizeof packet);
            assert_in_range(reply_len, 12, 1232);
        }
        hints[i] = was;
    }
    assert_in_range(refused, len * 128, len * 255);
}

static void test_hints_of_too_many_services_are_a_problem(void **state)
{
    static const char *const targets[] = {"a", "b", "c", "d", "e"};
    struct zone_fixture zone;
    struct diag diag;
    (void)state;
    for (size_t count = 4; count <= COUNT(targets); count++) {
        zone_fixture_begin(&zone, "example.com");
        zone_fixture_record(&zone, &(struct zone_record){"@", "NS", "ns.example.net.", 1});
        for (size_t i = 0; i < count; i++) {
            uint8_t name[NAME_WIRE_MAX];
            size_t len;
            char data[48];
            (void)snprintf(data, sizeof data, "%zu %s ipv4hint=auto ipv6hint=auto", i + 1, targets[i]);
            zone_fixture_record(&zone, &(struct zone_record){"@", "HTTPS", data, 1});
            assert_int_equal(name_parse_under(targets[i], zone.draft.origin, name, &len, NULL), OK);
            assert_int_equal(draft_service_put(&zone.draft, name,
                                               &(struct draft_service){.monitor_off = DRAFT_NONE},
                                               &diag), OK);
        }
        assert_int_equal(zone_fixture_end(&zone), count > 4);
        if (count > 4)
            assert_string_equal(zone.manifest->problems[0].message,
                                "its auto hints are of more than 4 services");
        zone_fixture_free(&zone);
    }
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        test(test_hints_are_what_this_client_gets_in_order_of_their_keys),
        test(test_the_owner_of_a_wildcard_has_its_services_addresses),
        test(test_a_sticky_client_is_told_of_the_addresses_that_it_gets),
        test(test_the_rrset_in_the_image_is_whole_without_hints),
        test(test_an_old_board_is_told),
        test(test_an_alias_leads_to_hints_with_its_targets_owner),
        test(test_hints_follow_health_as_addresses_do),
        test(test_the_choices_of_hints_are_counted),
        test(test_without_addresses_there_is_no_hint),
        test(test_records_of_one_reply_hint_at_the_same_addresses),
        test(test_a_hint_has_no_more_addresses_than_its_limit),
        test(test_the_scope_is_that_of_the_choice),
        cmocka_unit_test(test_hints_that_do_not_fit_truncate_the_reply),
        test(test_any_of_an_rrset_with_hints_has_them),
        test(test_damaged_hints_are_refused_or_harmless),
        cmocka_unit_test(test_hints_of_too_many_services_are_a_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
