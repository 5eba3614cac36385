/* Every address gets from a geo image the sets that libmaxminddb's answer and the rules, applied
 * plainly, give it. */
#include "tests/geo_fixture.h"

#include "geoip/continent.h"

#include "common/rng.h"

#include <math.h>
#include <maxminddb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { RANDOM_COUNT = 5000, NEIGHBOURS_COUNT = 4, TEXT_LEN_MAX = 1024 };

struct oracle {
    MMDB_s dbs[GEO_FIXTURE_SOURCES_MAX];
    unsigned count;
    const char *const *clients;
    struct prefix nets[GEO_FIXTURE_RULES_MAX]; /* of the clients that are nets, by position */
};

/* What the databases know, each fact from the first that has it. */
struct known {
    char country[8];
    char continent[8];
    char subdivisions[4][16];
    unsigned subdivisions_count;
    uint32_t asn;
    bool has_place;
    double latitude;
    double longitude;
};

static MMDB_lookup_result_s look_up(const MMDB_s *db, const struct ip *ip)
{
    struct sockaddr_storage to;
    int status = MMDB_SUCCESS;
    (void)listen_to_sockaddr(&(struct listen){.ip = *ip}, &to);
    const MMDB_lookup_result_s none = {0};
    if (ip->family == IP_V6 && db->metadata.ip_version == 4)
        return none;
    const MMDB_lookup_result_s result = MMDB_lookup_sockaddr(db, (struct sockaddr *)&to, &status);
    assert_int_equal(status, MMDB_SUCCESS);
    return result;
}

static bool get_text(MMDB_entry_s *entry, char *ret, size_t cap, const char *const *path)
{
    MMDB_entry_data_s value;
    if (MMDB_aget_value(entry, &value, path) != MMDB_SUCCESS || !value.has_data ||
        value.type != MMDB_DATA_TYPE_UTF8_STRING || value.data_size >= cap)
        return false;
    memcpy(ret, value.utf8_string, value.data_size);
    ret[value.data_size] = '\0';
    return true;
}

static void learn_subdivisions(MMDB_entry_s *entry, const char *country, struct known *known)
{
    char position[2] = "0";
    char code[8];
    for (unsigned i = 0; i < 4; i++, position[0]++) {
        if (!get_text(entry, code, sizeof code,
                      (const char *[]){"subdivisions", position, "iso_code", NULL}))
            return;
        (void)snprintf(known->subdivisions[known->subdivisions_count++], 16, "%s-%s", country,
                       code);
    }
}

static void learn(MMDB_entry_s *entry, struct known *known)
{
    MMDB_entry_data_s north;
    MMDB_entry_data_s east;
    char country[8] = "";
    char continent[8] = "";
    (void)get_text(entry, country, sizeof country, (const char *[]){"country", "iso_code", NULL});
    if (!get_text(entry, continent, sizeof continent, (const char *[]){"continent", "code", NULL}))
        (void)strcpy(continent, continent_of_country(country));
    if (!known->country[0])
        (void)strcpy(known->country, country);
    if (!known->continent[0])
        (void)strcpy(known->continent, continent);
    if (known->subdivisions_count == 0)
        learn_subdivisions(entry, country, known);
    if (!known->asn &&
        MMDB_get_value(entry, &north, "autonomous_system_number", NULL) == MMDB_SUCCESS)
        known->asn = north.uint32;
    if (!known->has_place &&
        MMDB_get_value(entry, &north, "location", "latitude", NULL) == MMDB_SUCCESS &&
        MMDB_get_value(entry, &east, "location", "longitude", NULL) == MMDB_SUCCESS) {
        known->has_place = true;
        known->latitude = north.double_value;
        known->longitude = east.double_value;
    }
}

static struct known oracle_know(const struct oracle *oracle, const struct ip *ip)
{
    struct known known = {0};
    for (unsigned i = 0; i < oracle->count; i++) {
        MMDB_lookup_result_s result = look_up(&oracle->dbs[i], ip);
        if (result.found_entry)
            learn(&result.entry, &known);
    }
    return known;
}

static void add(char *chain, const char *client)
{
    (void)snprintf(chain + strlen(chain), TEXT_LEN_MAX - strlen(chain), "%s%s", chain[0] ? " " : "",
                   client);
}

static void add_if_ruled(const struct oracle *oracle, char *chain, const char *client)
{
    for (const char *const *p = oracle->clients; *p; p++) {
        if (strcmp(*p, client) == 0) {
            add(chain, client);
            return;
        }
    }
}

/* Nets by length, the longest first. */
static void add_nets(const struct oracle *oracle, char *chain, const struct ip *ip)
{
    for (unsigned bits = ip_bits(ip) + 1; bits-- > 0;) {
        for (unsigned i = 0; oracle->clients[i]; i++) {
            const struct prefix *net = &oracle->nets[i];
            if (net->ip.family == ip->family && net->bits == bits && prefix_covers(net, ip))
                add(chain, oracle->clients[i]);
        }
    }
}

static void oracle_chain(const struct oracle *oracle, const struct ip *ip, char chain[TEXT_LEN_MAX])
{
    const struct known known = oracle_know(oracle, ip);
    char client[64];
    chain[0] = '\0';
    add_nets(oracle, chain, ip);
    (void)snprintf(client, sizeof client, "asn:%u", known.asn);
    add_if_ruled(oracle, chain, client);
    for (unsigned i = known.subdivisions_count; i-- > 0;) {
        (void)snprintf(client, sizeof client, "subdivision:%s", known.subdivisions[i]);
        add_if_ruled(oracle, chain, client);
    }
    (void)snprintf(client, sizeof client, "country:%s", known.country);
    add_if_ruled(oracle, chain, client);
    (void)snprintf(client, sizeof client, "continent:%s", known.continent);
    add_if_ruled(oracle, chain, client);
    add_if_ruled(oracle, chain, "default");
}

/* Generating addresses ------------------------------------------------------------------------- */

typedef void visitor(void *context, const struct ip *ip);

static void flip_bit(struct ip *ip, unsigned bit)
{
    ip->bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
}

static void set_bits_from(struct ip *ip, unsigned bit)
{
    for (; bit < ip_bits(ip); bit++)
        ip->bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

/* Add 1; false when the address was the last one. */
static bool step_up(struct ip *ip)
{
    for (unsigned i = ip_bits(ip) / 8; i-- > 0;) {
        if (++ip->bytes[i] != 0)
            return true;
    }
    return false;
}

/* First and last address of each network of a database; the neighbours of one are the edges of
 * the next. */
static void visit_edges(const MMDB_s *db, enum ip_family family, visitor *visit, void *context)
{
    struct ip ip = {.family = (uint8_t)family};
    if (family == IP_V6 && db->metadata.ip_version == 4)
        return;
    do {
        unsigned bits = look_up(db, &ip).netmask;
        if (family == IP_V4 && db->metadata.ip_version == 6)
            bits = bits > 96 ? bits - 96 : 0;
        visit(context, &ip);
        set_bits_from(&ip, bits);
        visit(context, &ip);
    } while (step_up(&ip));
}

static void visit_net_edges(const struct oracle *oracle, visitor *visit, void *context)
{
    for (unsigned i = 0; oracle->clients[i]; i++) {
        if (oracle->nets[i].ip.family == IP_NONE)
            continue;
        struct ip ip = oracle->nets[i].ip;
        visit(context, &ip);
        set_bits_from(&ip, oracle->nets[i].bits);
        visit(context, &ip);
        if (step_up(&ip))
            visit(context, &ip);
    }
}

static struct ip random_ip(struct rng *rng)
{
    const uint64_t bits[2] = {rng_u64(rng), rng_u64(rng)};
    struct ip ip = {.family = rng_below(rng, 2) ? IP_V4 : IP_V6};
    memcpy(ip.bytes, bits, ip_bits(&ip) / 8);
    return ip;
}

static void visit_all(const struct oracle *oracle, visitor *visit, void *context)
{
    struct rng rng;
    rng_init(&rng, 7);
    for (unsigned i = 0; i < oracle->count; i++) {
        visit_edges(&oracle->dbs[i], IP_V4, visit, context);
        visit_edges(&oracle->dbs[i], IP_V6, visit, context);
    }
    visit_net_edges(oracle, visit, context);
    for (unsigned i = 0; i < RANDOM_COUNT; i++) {
        const struct ip ip = random_ip(&rng);
        visit(context, &ip);
    }
}

/* Checking ------------------------------------------------------------------------------------- */

struct check {
    const struct geo *geo;
    const struct oracle *oracle;
    struct rng rng;
    unsigned visited;
};

static void check_sets(void *context, const struct ip *ip)
{
    struct check *check = context;
    char expected[TEXT_LEN_MAX];
    char got[TEXT_LEN_MAX];
    char text[IP_TEXT_MAX];
    struct ip client = *ip;
    (void)ip_unmap(&client);
    oracle_chain(check->oracle, &client, expected);
    (void)geo_fixture_chain(check->geo, &client, got, sizeof got);
    if (strcmp(expected, got) != 0)
        fail_msg("%s: expected \"%s\", got \"%s\"", ip_print(&client, text), expected, got);
    check->visited++;
}

/* Whoever shares `depth` bits has the same class, and one bit less would not do. */
static void check_scope(void *context, const struct ip *ip)
{
    struct check *check = context;
    struct ip client = *ip;
    (void)ip_unmap(&client);
    const struct geo_found found = geo_find(check->geo, &client);
    assert_true(found.depth <= ip_bits(&client));
    for (unsigned i = 0; i < NEIGHBOURS_COUNT; i++) {
        struct ip other = client;
        for (unsigned bit = found.depth; bit < ip_bits(&client); bit++) {
            if (rng_below(&check->rng, 2))
                flip_bit(&other, bit);
        }
        const struct geo_found same = geo_find(check->geo, &other);
        assert_int_equal(same.class, found.class);
        assert_int_equal(same.depth, found.depth);
    }
    if (found.depth == 0)
        return;
    flip_bit(&client, found.depth - 1u);
    const struct geo_found across = geo_find(check->geo, &client);
    if (across.depth == found.depth)
        assert_int_not_equal(across.class, found.class);
    check->visited++;
}

static void oracle_open(struct oracle *oracle, const char *const *names, const char *const *clients)
{
    *oracle = (struct oracle){.clients = clients};
    for (unsigned i = 0; clients[i]; i++) {
        if (strncmp(clients[i], "net:", 4) == 0)
            assert_int_equal(prefix_parse(clients[i] + 4, &oracle->nets[i], NULL), OK);
    }
    for (; names[oracle->count]; oracle->count++) {
        char path[GEO_FIXTURE_PATH_MAX];
        assert_int_equal(MMDB_open(geo_fixture_path(names[oracle->count], path), MMDB_MODE_MMAP,
                                   &oracle->dbs[oracle->count]),
                         MMDB_SUCCESS);
    }
}

static void oracle_close(struct oracle *oracle)
{
    for (unsigned i = 0; i < oracle->count; i++)
        MMDB_close(&oracle->dbs[i]);
}

static const char *const clients_mixed[] = {"default",
                                            "continent:EU",
                                            "continent:NA",
                                            "continent:AS",
                                            "country:GB",
                                            "country:US",
                                            "country:JP",
                                            "country:SE",
                                            "country:CN",
                                            "subdivision:US-CA",
                                            "subdivision:US-WA",
                                            "subdivision:GB-ENG",
                                            "subdivision:SE-E",
                                            "subdivision:GB-WBK",
                                            "asn:15169",
                                            "asn:237",
                                            "asn:7018",
                                            "net:2.125.160.0/24",
                                            "net:2.125.160.216/32",
                                            "net:0.0.0.0/0",
                                            "net:216.160.83.56/30",
                                            "net:2001:218::/33",
                                            "net:2001:200::/23",
                                            "net:2001:218:8000::/48",
                                            NULL};
static const char *const clients_no_default[] = {"continent:EU", "country:US", "asn:1221", NULL};
static const char *const clients_default[] = {"default", NULL};

static const struct {
    const char *names[4];
    const char *const *clients;
} cases[] = {
    {{"mmdb/GeoIP2-City-Test.mmdb"}, clients_mixed},
    {{"mmdb/GeoIP2-Country-Test.mmdb"}, clients_mixed},
    {{"mmdb/GeoLite2-ASN-Test.mmdb"}, clients_mixed},
    {{"mmdb/GeoIP2-City-Test.mmdb", "mmdb/GeoLite2-ASN-Test.mmdb"}, clients_mixed},
    {{"mmdb/GeoLite2-ASN-Test.mmdb", "mmdb/GeoIP2-Country-Test.mmdb", "mmdb/GeoIP2-City-Test.mmdb"},
     clients_mixed},
    {{"mmdb/GeoIP2-City-Test.mmdb", "mmdb/GeoLite2-ASN-Test.mmdb"}, clients_no_default},
    {{"mmdb/GeoIP2-City-Test.mmdb"}, clients_default},
    {{"mmdb/size-24-v4.mmdb"}, clients_mixed},
    {{"mmdb/size-28-v4.mmdb"}, clients_mixed},
    {{"mmdb/size-32-v4.mmdb"}, clients_mixed},
    {{"mmdb/size-24-v6.mmdb"}, clients_mixed},
    {{"mmdb/size-28-v6.mmdb"}, clients_mixed},
    {{"mmdb/size-32-v6.mmdb"}, clients_mixed},
    {{"mmdb/size-28-v4.mmdb", "mmdb/size-32-v6.mmdb"}, clients_no_default},
    {{"mmdb/v4-above.mmdb"}, clients_mixed},
    {{"mmdb/v4-none.mmdb"}, clients_mixed},
};

enum { CASES_COUNT = sizeof cases / sizeof cases[0] };

static void test_every_address_has_the_sets_that_libmaxminddb_and_the_rules_give(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES_COUNT; i++) {
        struct geo_fixture fixture;
        struct oracle oracle;
        geo_fixture_clients(cases[i].clients, cases[i].names, &fixture);
        oracle_open(&oracle, cases[i].names, cases[i].clients);
        struct check check = {.geo = &fixture.geo, .oracle = &oracle};
        visit_all(&oracle, check_sets, &check);
        assert_true(check.visited > RANDOM_COUNT);
        oracle_close(&oracle);
        geo_fixture_fini(&fixture);
    }
}

static void test_scopes_are_right_and_no_narrower_than_need_be(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CASES_COUNT; i++) {
        struct geo_fixture fixture;
        struct oracle oracle;
        geo_fixture_clients(cases[i].clients, cases[i].names, &fixture);
        oracle_open(&oracle, cases[i].names, cases[i].clients);
        struct check check = {.geo = &fixture.geo, .oracle = &oracle};
        rng_init(&check.rng, 11);
        visit_all(&oracle, check_scope, &check);
        assert_true(check.visited > 0 || cases[i].clients == clients_default);
        oracle_close(&oracle);
        geo_fixture_fini(&fixture);
    }
}

/* Nearest -------------------------------------------------------------------------------------- */

static struct policy_place places[] = {{0, 51.5, -0.13}, {1, 40.7, -74.0},  {2, 37.4, -122.1},
                                       {4, 35.7, 139.7}, {5, -33.9, 151.2}, {7, 59.3, 18.1}};

enum { PLACES_COUNT = sizeof places / sizeof places[0] };

/* The haversine formula as the textbooks have it. */
static double plain_km(double latitude, double longitude, const struct policy_place *place)
{
    const double rad = M_PI / 180;
    const double north = sin((place->latitude - latitude) * rad / 2);
    const double east = sin((place->longitude - longitude) * rad / 2);
    const double h = north * north + cos(latitude * rad) * cos(place->latitude * rad) * east * east;
    return 2 * 6371.0088 * asin(sqrt(h));
}

static const struct policy_place *place_of(unsigned region)
{
    for (unsigned i = 0; i < PLACES_COUNT; i++) {
        if (places[i].region == region)
            return &places[i];
    }
    fail_msg("region %u has no place", region);
    return NULL;
}

static void check_nearest(void *context, const struct ip *ip)
{
    struct check *check = context;
    struct ip client = *ip;
    (void)ip_unmap(&client);
    const struct known known = oracle_know(check->oracle, &client);
    const struct geo_chain chain = geo_chain_get(check->geo, geo_find(check->geo, &client).class);
    assert_int_equal(chain.count, known.has_place ? 2 : 1);
    assert_string_equal(geo_set_name(check->geo, chain.sets[chain.count - 1]), "default");
    if (!known.has_place)
        return;
    assert_string_equal(geo_set_name(check->geo, chain.sets[0]), "nearest");
    const struct geo_set set = geo_set_get(check->geo, chain.sets[0]);
    assert_int_equal(set.count, PLACES_COUNT);
    double before = 0;
    for (uint32_t i = 0; i < set.count; i++) {
        assert_int_equal(set.choices[i].tier, i + 1);
        assert_true(set.choices[i].weight == GEO_WEIGHT_OF_POOL);
        const double km =
            plain_km(known.latitude, known.longitude, place_of(set.choices[i].region));
        assert_true(km >= before - 1e-6);
        before = km;
    }
    check->visited++;
}

static void test_nearest_orders_the_regions_by_distance_from_each_client(void **state)
{
    (void)state;
    static const char *const names[] = {"mmdb/GeoIP2-City-Test.mmdb", NULL};
    static char name[] = "near";
    static char client[] = "default";
    struct policy_rule rule = {.client = client, .region = 0, .tier = 1, .weight = 1};
    const struct policy policy = {.name = name,
                                  .method = POLICY_NEAREST,
                                  .rules = &rule,
                                  .rules_count = 1,
                                  .places = places,
                                  .places_count = PLACES_COUNT};
    struct geo_fixture fixture;
    struct oracle oracle;
    geo_fixture_build(&policy, names, &fixture);
    oracle_open(&oracle, names, clients_default);
    struct check check = {.geo = &fixture.geo, .oracle = &oracle};
    visit_all(&oracle, check_nearest, &check);
    assert_true(check.visited > 100);
    rng_init(&check.rng, 13);
    visit_all(&oracle, check_scope, &check);
    oracle_close(&oracle);
    geo_fixture_fini(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_address_has_the_sets_that_libmaxminddb_and_the_rules_give),
        cmocka_unit_test(test_scopes_are_right_and_no_narrower_than_need_be),
        cmocka_unit_test(test_nearest_orders_the_regions_by_distance_from_each_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
