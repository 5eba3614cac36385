#include "geoip/build.h"

#include "tests/geo_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static char policy_name[] = "global";

static const char *const city[] = {"mmdb/GeoIP2-City-Test.mmdb", NULL};
static const char *const no_sources[] = {NULL};

static void expect_chain(const struct geo *geo, const char *address, const char *wanted)
{
    char text[512];
    const struct ip ip = geo_fixture_ip(address);
    assert_string_equal(geo_fixture_chain(geo, &ip, text, sizeof text), wanted);
}

static unsigned depth_of(const struct geo *geo, const char *address)
{
    const struct ip ip = geo_fixture_ip(address);
    return geo_find(geo, &ip).depth;
}

static void test_a_class_lists_its_sets_from_the_most_specific_to_default(void **state)
{
    (void)state;
    static const char *const sources[] = {"mmdb/GeoIP2-City-Test.mmdb",
                                          "mmdb/GeoLite2-ASN-Test.mmdb", NULL};
    static const char *const clients[] = {"default",
                                          "continent:EU",
                                          "country:GB",
                                          "subdivision:GB-ENG",
                                          "subdivision:GB-WBK",
                                          "net:2.0.0.0/8",
                                          "net:2.125.160.216/29",
                                          "net:2001:db8::/32",
                                          "asn:237",
                                          NULL};
    struct geo_fixture fixture;
    geo_fixture_clients(clients, sources, &fixture);
    expect_chain(&fixture.geo, "2.125.160.216",
                 "net:2.125.160.216/29 net:2.0.0.0/8 subdivision:GB-WBK subdivision:GB-ENG "
                 "country:GB continent:EU default");
    expect_chain(&fixture.geo, "2.1.1.1", "net:2.0.0.0/8 default");
    expect_chain(&fixture.geo, "2001:db8::1", "net:2001:db8::/32 default");
    expect_chain(&fixture.geo, "203.0.113.1", "default");
    geo_fixture_fini(&fixture);
}

static void test_a_policy_of_default_only_needs_no_bit_of_the_address(void **state)
{
    (void)state;
    static const char *const clients[] = {"default", NULL};
    struct geo_fixture fixture;
    geo_fixture_clients(clients, city, &fixture);
    assert_int_equal(depth_of(&fixture.geo, "2.125.160.216"), 0);
    assert_int_equal(depth_of(&fixture.geo, "2001:218::1"), 0);
    assert_int_equal(fixture.geo.classes_count, 1);
    geo_fixture_fini(&fixture);
}

static void test_networks_that_the_rules_do_not_tell_apart_are_one(void **state)
{
    (void)state;
    static const char *const sources[] = {"tor/geoip", NULL};
    static const char *const countries[] = {"country:AU", "country:CN", "default", NULL};
    static const char *const continents[] = {"continent:AS", "default", NULL};
    struct geo_fixture fixture;
    geo_fixture_clients(countries, sources, &fixture);
    assert_int_equal(depth_of(&fixture.geo, "1.0.0.1"), 24);
    assert_int_equal(depth_of(&fixture.geo, "1.0.2.1"), 23);
    assert_int_equal(depth_of(&fixture.geo, "255.0.0.1"), 1); /* a country of no rule */
    geo_fixture_fini(&fixture);
    geo_fixture_clients(continents, sources, &fixture);
    assert_int_equal(depth_of(&fixture.geo, "1.0.2.1"), 23);
    assert_int_equal(depth_of(&fixture.geo, "1.0.0.1"), 24);
    assert_int_equal(depth_of(&fixture.geo, "192.168.1.1"), 1); /* Europe is none of the rules' */
    geo_fixture_fini(&fixture);
}

static void test_each_fact_comes_from_the_first_source_that_has_it(void **state)
{
    (void)state;
    static const char *const clients[] = {"country:DE", "country:CN", "country:AU",
                                          "country:AQ", "asn:64500",  NULL};
    static const char *const tor_first[] = {"tor/geoip", "mmdb/ipinfo-lite.mmdb",
                                            "mmdb/size-24-v4.mmdb", NULL};
    static const char *const tor_last[] = {"mmdb/size-24-v4.mmdb", "mmdb/ipinfo-lite.mmdb",
                                           "tor/geoip", NULL};
    struct geo_fixture fixture;
    geo_fixture_clients(clients, tor_first, &fixture);
    expect_chain(&fixture.geo, "192.0.2.1",
                 "asn:64500 country:DE");        /* ?? in the first: unknown, the second knows */
    expect_chain(&fixture.geo, "224.0.0.1", ""); /* US in the first, of no rule, hides AQ */
    expect_chain(&fixture.geo, "1.0.0.1", "country:AU");
    geo_fixture_fini(&fixture);
    geo_fixture_clients(clients, tor_last, &fixture);
    expect_chain(&fixture.geo, "192.0.2.1", "asn:64500 country:DE");
    expect_chain(&fixture.geo, "192.168.1.1", "country:DE");
    expect_chain(&fixture.geo, "224.0.0.1", "country:AQ");
    geo_fixture_fini(&fixture);
}

static void test_without_sources_nets_and_default_still_count(void **state)
{
    (void)state;
    static const char *const clients[] = {"default",
                                          "country:DE",
                                          "net:192.0.2.0/24",
                                          "net:::ffff:198.51.100.0/120",
                                          "net:2001:db8::/127",
                                          NULL};
    struct geo_fixture fixture;
    geo_fixture_clients(clients, no_sources, &fixture);
    expect_chain(&fixture.geo, "192.0.2.255", "net:192.0.2.0/24 default");
    expect_chain(&fixture.geo, "192.0.3.0", "default");
    expect_chain(&fixture.geo, "198.51.100.1",
                 "net:198.51.100.0/24 default"); /* IPv4-mapped is IPv4 */
    expect_chain(&fixture.geo, "2001:db8::1", "net:2001:db8::/127 default");
    expect_chain(&fixture.geo, "2001:db8::2", "default");
    assert_int_equal(depth_of(&fixture.geo, "2001:db8::1"), 127);
    geo_fixture_fini(&fixture);
}

static void test_a_set_has_its_choices_by_tier_then_region(void **state)
{
    (void)state;
    static char client[] = "default";
    struct policy_rule rules[] = {{client, 9, 2, 5},
                                  {client, 3, 1, POLICY_WEIGHT_OF_POOL},
                                  {client, 4, 2, 0},
                                  {client, 255, -1, 7}};
    const struct policy policy = {
        .name = policy_name, .rules = rules, .rules_count = 4, .geofence = true};
    struct geo_fixture fixture;
    geo_fixture_build(&policy, no_sources, &fixture);
    const struct geo_set set = geo_set_get(&fixture.geo, 0);
    static const struct geo_choice wanted[] = {
        {7, -1, 255, 0}, {GEO_WEIGHT_OF_POOL, 1, 3, 0}, {0, 2, 4, 0}, {5, 2, 9, 0}};
    assert_int_equal(set.count, 4);
    assert_memory_equal(set.choices, wanted, sizeof wanted);
    assert_true(fixture.geo.fenced);
    geo_fixture_fini(&fixture);
}

static void test_the_order_of_rules_does_not_show_in_the_image(void **state)
{
    (void)state;
    static char default_text[] = "default";
    static char country_text[] = "country:GB";
    static char net_text[] = "net:2.0.0.0/8";
    struct policy_rule forward[] = {
        {default_text, 1, 1, 1}, {country_text, 2, 1, 1}, {net_text, 3, 1, 1}};
    struct policy_rule backward[] = {
        {net_text, 3, 1, 1}, {country_text, 2, 1, 1}, {default_text, 1, 1, 1}};
    struct geo_fixture a;
    struct geo_fixture b;
    geo_fixture_build(&(struct policy){.name = policy_name, .rules = forward, .rules_count = 3},
                      city, &a);
    geo_fixture_build(&(struct policy){.name = policy_name, .rules = backward, .rules_count = 3},
                      city, &b);
    assert_int_equal(a.image.len, b.image.len);
    assert_memory_equal(a.image.bytes, b.image.bytes, a.image.len);
    geo_fixture_fini(&a);
    geo_fixture_fini(&b);
}

static void test_equal_orderings_by_distance_share_a_set_behind_nets_and_asn(void **state)
{
    (void)state;
    static char default_text[] = "default";
    static char net_text[] = "net:2.125.160.216/29";
    static char ignored_text[] = "country:GB";
    static struct policy_place places[] = {{0, 51.5, -0.1}, {6, 40.7, -74.0}};
    struct policy_rule rules[] = {
        {default_text, 1, 1, 1}, {net_text, 2, 1, 1}, {ignored_text, 3, 1, 1}};
    const struct policy policy = {.name = policy_name,
                                  .method = POLICY_NEAREST,
                                  .rules = rules,
                                  .rules_count = 3,
                                  .places = places,
                                  .places_count = 2};
    struct geo_fixture fixture;
    geo_fixture_build(&policy, city, &fixture);
    expect_chain(&fixture.geo, "2.125.160.217", "net:2.125.160.216/29 nearest default");
    expect_chain(&fixture.geo, "216.160.83.56", "nearest default");
    expect_chain(&fixture.geo, "127.0.0.1", "default");
    assert_int_equal(fixture.geo.sets_count, 3 + 2); /* of two regions there are two orderings */
    geo_fixture_fini(&fixture);
}

static void expect_failure(const struct policy *policy, enum err wanted, const char *told)
{
    struct buffer image;
    struct diag diag;
    assert_int_equal(build_geo(policy, NULL, 0, &image, &diag), wanted);
    assert_null(image.bytes);
    if (!strstr(diag.text, told) || strncmp(diag.text, "policy global: ", 15) != 0)
        fail_msg("\"%s\" does not tell \"%s\"", diag.text, told);
}

static void test_a_bad_client_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *client;
        const char *told;
    } cases[] = {
        {"", "client \"\": a client is default, continent:EU"},
        {"planet:earth", "client \"planet:earth\": a client is default"},
        {"defaults", "client \"defaults\": \"default\" takes nothing behind it"},
        {"continent:XX", "one of AF, AN, AS, EU, NA, OC, SA"},
        {"country:Germany", "two capital letters"},
        {"country:de", "two capital letters"},
        {"subdivision:US", "a code like US-CA"},
        {"subdivision:US-CALI", "a code like US-CA"},
        {"asn:AS64500", "a number from 1 to 4294967295"},
        {"asn:0", "a number from 1 to 4294967295"},
        {"asn:4294967296", "a number from 1 to 4294967295"},
        {"net:192.0.2.1/24", "write 192.0.2.0/24"},
        {"net:192.0.2.0", "is not a prefix"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *client = strdup(cases[i].client);
        struct policy_rule rule = {.client = client, .region = 1, .tier = 1};
        expect_failure(&(struct policy){.name = policy_name, .rules = &rule, .rules_count = 1},
                       ERR_SYNTAX, cases[i].told);
        free(client);
    }
}

static void test_a_region_twice_for_one_client_is_refused(void **state)
{
    (void)state;
    static char one[] = "net:2001:db8::/32";
    static char same[] = "net:2001:DB8:0::/32";
    struct policy_rule rules[] = {{one, 1, 1, 1}, {same, 1, 2, 1}};
    expect_failure(&(struct policy){.name = policy_name, .rules = rules, .rules_count = 2},
                   ERR_EXISTS, "two rules with client \"net:2001:db8::/32\" name the same region");
}

static void test_limits_are_named(void **state)
{
    (void)state;
    static char client[] = "default";
    struct policy_rule rule = {client, REGIONS_MAX, 1, 1};
    const struct policy many = {
        .name = policy_name, .rules = &rule, .rules_count = POLICY_RULES_MAX + 1};
    expect_failure(&(struct policy){.name = policy_name, .rules = &rule, .rules_count = 1},
                   ERR_LIMIT, "REGIONS_MAX");
    expect_failure(&many, ERR_LIMIT, "POLICY_RULES_MAX");
    expect_failure(&(struct policy){.name = policy_name, .places_count = REGIONS_MAX + 1},
                   ERR_LIMIT, "REGIONS_MAX");
}

/* Rules for 2001:db8:: with `count` lengths from 128 bits down. */
static struct policy_rule *nested_rules(unsigned count)
{
    struct policy_rule *rules = calloc(count, sizeof *rules);
    for (unsigned i = 0; i < count; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "net:2001:db8::/%u", 128 - i);
        rules[i] = (struct policy_rule){strdup(text), 1, 1, 1};
    }
    return rules;
}

static void nested_free(struct policy_rule *rules, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        free(rules[i].client);
    free(rules);
}

static void test_nets_nest_forty_deep_and_no_deeper(void **state)
{
    (void)state;
    struct policy_rule *rules = nested_rules(41);
    struct geo_fixture fixture;
    geo_fixture_build(&(struct policy){.name = policy_name, .rules = rules, .rules_count = 40},
                      no_sources, &fixture);
    const struct ip ip = geo_fixture_ip("2001:db8::");
    const struct geo_found found = geo_find(&fixture.geo, &ip);
    const struct geo_chain chain = geo_chain_get(&fixture.geo, found.class);
    assert_int_equal(found.depth, 128);
    assert_int_equal(chain.count, 40);
    assert_string_equal(geo_set_name(&fixture.geo, chain.sets[0]), "net:2001:db8::/128");
    assert_string_equal(geo_set_name(&fixture.geo, chain.sets[39]), "net:2001:db8::/89");
    geo_fixture_fini(&fixture);
    expect_failure(&(struct policy){.name = policy_name, .rules = rules, .rules_count = 41},
                   ERR_LIMIT,
                   "net:2001:db8::/128 lies inside 40 other nets; NETS_NESTED_MAX is 40");
    nested_free(rules, 41);
}

static void test_a_policy_without_rules_matches_nobody(void **state)
{
    (void)state;
    struct geo_fixture fixture;
    geo_fixture_build(&(struct policy){.name = policy_name}, city, &fixture);
    expect_chain(&fixture.geo, "2.125.160.216", "");
    assert_int_equal(depth_of(&fixture.geo, "2.125.160.216"), 0);
    geo_fixture_fini(&fixture);
}

/* Choices -------------------------------------------------------------------------------------- */

/* A policy of three clients over one database, and its image. */
struct edited {
    char clients[3][32];
    struct policy_rule rules[4];
    struct policy_place places[2];
    struct policy policy;
    struct source *source;
    struct buffer last;
};

static void edited_make(struct edited *edited, enum policy_method method)
{
    *edited = (struct edited){.clients = {"default", "country:GB", "net:2.0.0.0/8"},
                              .places = {{0, 51.5, -0.1}, {6, 40.7, -74.0}}};
    for (unsigned i = 0; i < 3; i++)
        edited->rules[i] = (struct policy_rule){edited->clients[i], 0, 1, 10};
    edited->policy = (struct policy){.name = policy_name,
                                     .method = method,
                                     .rules = edited->rules,
                                     .rules_count = 3,
                                     .places = edited->places,
                                     .places_count = 2};
    edited->source = geo_fixture_source(city[0]);
    assert_int_equal(build_geo(&edited->policy, &edited->source, 1, &edited->last, NULL), OK);
}

static void edited_fini(struct edited *edited)
{
    source_free(&edited->source);
    buffer_fini(&edited->last);
}

/* Building from the last image must give `wanted`, and then what building anew does. */
static void expect_choices(struct edited *edited, enum err wanted)
{
    struct buffer again, anew;
    assert_int_equal(build_choices(&edited->policy, edited->last.bytes, edited->last.len,
                                   &edited->source->identity, 1, &again, NULL),
                     wanted);
    assert_int_equal(wanted == OK, again.bytes != NULL);
    if (wanted == OK) {
        assert_int_equal(build_geo(&edited->policy, &edited->source, 1, &anew, NULL), OK);
        assert_int_equal(again.len, anew.len);
        assert_memory_equal(again.bytes, anew.bytes, anew.len);
        buffer_fini(&anew);
    }
    buffer_fini(&again);
}

static void test_an_edit_of_choices_gives_the_image_that_a_build_does(void **state)
{
    (void)state;
    static const enum policy_method methods[] = {POLICY_RULES, POLICY_NEAREST};
    for (unsigned i = 0; i < 2; i++) {
        struct edited edited;
        edited_make(&edited, methods[i]);
        expect_choices(&edited, OK);
        edited.rules[0].weight = 11;
        expect_choices(&edited, OK);
        edited.rules[1].tier = 2;
        expect_choices(&edited, OK);
        edited.rules[3] = (struct policy_rule){edited.clients[2], 6, 1, 5};
        edited.policy.rules_count = 4;
        expect_choices(&edited, OK);
        edited.policy.geofence = true;
        expect_choices(&edited, OK);
        edited_fini(&edited);
    }
}

static void test_any_other_edit_is_refused_the_last_image(void **state)
{
    (void)state;
    struct edited edited;
    edited_make(&edited, POLICY_NEAREST);
    edited.rules[3] = (struct policy_rule){edited.clients[2], 6, 1, 5};
    (void)snprintf(edited.clients[1], sizeof edited.clients[1], "country:DE");
    expect_choices(&edited, ERR_REFUSED);
    (void)snprintf(edited.clients[1], sizeof edited.clients[1], "country:GB");
    edited.policy.rules_count = 2;
    expect_choices(&edited, ERR_REFUSED);
    edited.policy.rules_count = 3;
    edited.policy.method = POLICY_RULES;
    expect_choices(&edited, ERR_REFUSED);
    edited.policy.method = POLICY_NEAREST;
    edited.places[1].latitude = 41;
    expect_choices(&edited, ERR_REFUSED);
    edited.places[1].latitude = 40.7;
    edited.policy.places_count = 1;
    expect_choices(&edited, ERR_REFUSED);
    edited.policy.places_count = 2;
    expect_choices(&edited, OK);
    edited.source->identity++;
    expect_choices(&edited, ERR_REFUSED);
    edited.source->identity--;
    edited.last.bytes[edited.last.len - 1] ^= 1;
    expect_choices(&edited, ERR_CORRUPT);
    edited_fini(&edited);
}

static void test_a_source_that_changed_while_it_was_read_is_no_basis(void **state)
{
    (void)state;
    struct edited edited;
    edited_make(&edited, POLICY_RULES);
    buffer_fini(&edited.last);
    edited.source->identity = 0;
    assert_int_equal(build_geo(&edited.policy, &edited.source, 1, &edited.last, NULL), OK);
    expect_choices(&edited, ERR_REFUSED);
    edited_fini(&edited);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_class_lists_its_sets_from_the_most_specific_to_default),
        cmocka_unit_test(test_a_policy_of_default_only_needs_no_bit_of_the_address),
        cmocka_unit_test(test_networks_that_the_rules_do_not_tell_apart_are_one),
        cmocka_unit_test(test_each_fact_comes_from_the_first_source_that_has_it),
        cmocka_unit_test(test_without_sources_nets_and_default_still_count),
        cmocka_unit_test(test_a_set_has_its_choices_by_tier_then_region),
        cmocka_unit_test(test_the_order_of_rules_does_not_show_in_the_image),
        cmocka_unit_test(test_equal_orderings_by_distance_share_a_set_behind_nets_and_asn),
        cmocka_unit_test(test_a_bad_client_is_named),
        cmocka_unit_test(test_a_region_twice_for_one_client_is_refused),
        cmocka_unit_test(test_limits_are_named),
        cmocka_unit_test(test_nets_nest_forty_deep_and_no_deeper),
        cmocka_unit_test(test_a_policy_without_rules_matches_nobody),
        cmocka_unit_test(test_an_edit_of_choices_gives_the_image_that_a_build_does),
        cmocka_unit_test(test_any_other_edit_is_refused_the_last_image),
        cmocka_unit_test(test_a_source_that_changed_while_it_was_read_is_no_basis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
