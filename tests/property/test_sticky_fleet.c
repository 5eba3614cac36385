/* Nameservers that came to the same store by different ways send a sticky client to the same region. */
#include "server/answer/steer.h"
#include "tests/unit/compile_fixture.h"

enum { CLIENTS = 5000 };

static const char *const rows =
    "INSERT OR IGNORE INTO region(name) VALUES ('asia'), ('eu'), ('us');"
    "INSERT INTO zone(name, mname, rname) VALUES ('x.example', 'ns.x.example', 'h@x.example');"
    "INSERT INTO record(zone, name, type, data) VALUES ('x.example', '@', 'NS', 'ns.example.net.');"
    "INSERT INTO policy(name) VALUES ('global');"
    "INSERT INTO rule(policy, client, region)"
    " VALUES ('global', 'default', 'asia'), ('global', 'default', 'eu'),"
    "  ('global', 'default', 'us');"
    "INSERT INTO service(name, policy, sticky) VALUES ('www.x.example', 'global', 'client');"
    "INSERT INTO pool(service, region) VALUES ('www.x.example', 'asia'), ('www.x.example', 'eu'),"
    "  ('www.x.example', 'us');"
    "INSERT INTO endpoint(service, region, address) VALUES ('www.x.example', 'asia', '192.0.2.1'),"
    "  ('www.x.example', 'eu', '192.0.2.2'), ('www.x.example', 'us', '192.0.2.3')";

/* A nameserver: its store, its world and its board. */
struct nameserver {
    void *fixture;
    struct world world;
    struct file_map map;
    struct geo geo;
    struct board *board;
};

/* `before` is what its store had at its first compile. */
static void nameserver_make(struct nameserver *ns, const char *before)
{
    struct diag diag;
    char path[LAST_PATH_MAX];
    *ns = (struct nameserver){0};
    (void)fixture_setup(&ns->fixture);
    ns->world = world_of(&ns->fixture);
    fixture_run(ns->fixture, before);
    deploy(&ns->world);
    fixture_run(ns->fixture, rows);
    deploy(&ns->world);
    assert_int_equal(ns->world.result.problems, 0);
    assert_int_equal(
        last_image_path(ns->world.state_dir, ns->world.last.manifest->policies[0].file, path, &diag), OK);
    assert_int_equal(file_map_open(path, &ns->map, &diag), OK);
    assert_int_equal(geo_open(ns->map.bytes, ns->map.len, &ns->geo, &diag), OK);
    assert_int_equal(board_new(BOARD_SLOTS_MAX, &ns->board, &diag), OK);
}

static void nameserver_fini(struct nameserver *ns)
{
    board_close(&ns->board);
    file_map_close(&ns->map);
    last_close(&ns->world.last);
    (void)fixture_teardown(&ns->fixture);
}

/* The name of the region that a client is sent to. */
static const char *region_of(const struct nameserver *ns, const struct ip *client)
{
    const struct image_zone *zone = zone_get(&ns->world, "x.example");
    const struct steer_case asked = {.zone = zone,
                                     .service = find(&ns->world, "www.x.example", 1).service,
                                     .geo = &ns->geo,
                                     .board = ns->board,
                                     .client = client,
                                     .kind = KIND_V4};
    struct choice choice;
    steer_choose(&asked, NULL, NULL, &choice);
    assert_non_null(choice.pool);
    return ns->world.last.manifest->regions[choice.pool->region].name;
}

static void test_a_sticky_client_has_one_region_at_every_nameserver(void **state)
{
    (void)state;
    struct nameserver old, new;
    struct rng rng;
    unsigned in_asia = 0;
    nameserver_make(&old, "INSERT INTO region(name) VALUES ('us'), ('gone')");
    nameserver_make(&new, "SELECT 1");
    assert_string_not_equal(old.world.last.manifest->regions[0].name,
                            new.world.last.manifest->regions[0].name);
    rng_init(&rng, 7);
    for (unsigned i = 0; i < CLIENTS; i++) {
        const uint64_t bits = rng_u64(&rng);
        struct ip client = {.family = i % 2 ? IP_V4 : IP_V6};
        memcpy(client.bytes, &bits, i % 2 ? 4 : sizeof bits);
        const char *region = region_of(&old, &client);
        assert_string_equal(region_of(&new, &client), region);
        in_asia += strcmp(region, "asia") == 0;
    }
    assert_in_range(in_asia, CLIENTS / 4, CLIENTS / 2);
    nameserver_fini(&old);
    nameserver_fini(&new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sticky_client_has_one_region_at_every_nameserver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
