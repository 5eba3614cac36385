#include "compile_fixture.h"

#include "common/ip.h"

/* The first session, whose zone may be copied from a network and with a key, and of whose changes one is told. */
static int setup(void **state)
{
    (void)fixture_setup_session(state);
    fixture_run(
        *state,
        "INSERT INTO tsig_key VALUES ('k.example', 'hmac-sha512', 'AAECAwQFBgcICQoLDA0ODw==');"
        "INSERT INTO transfer(zone, net) VALUES ('gslb.example.com', '192.0.2.0/24');"
        "INSERT INTO transfer(zone, key) VALUES ('gslb.example.com', 'k.example');"
        "INSERT INTO notify(zone, address, key) VALUES ('gslb.example.com', '2001:db8::1', "
        "'k.example')");
    return 0;
}

static void finish(struct world *world)
{
    last_close(&world->last);
}

static void test_peers_and_their_keys_are_in_the_image(void **state)
{
    struct world world = world_of(state);
    deploy(&world);
    const struct image_zone *zone = zone_get(&world, "gslb.example.com");
    assert_non_null(zone);
    assert_int_equal(zone->peers_count, 3);
    assert_int_equal(zone->keys_count, 1);
    const struct image_key *key = image_at(zone, zone->keys_off);
    assert_memory_equal(image_at(zone, key->name_off), "\1k\7example", 11);
    assert_int_equal(key->algorithm, TSIG_SHA512);
    assert_int_equal(key->secret_len, 16);
    assert_memory_equal(image_at(zone, key->secret_off), "\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17",
                        16);
    const struct image_peer *peer = image_at(zone, zone->peers_off);
    assert_int_equal(peer[0].kind, PEER_TRANSFER);
    assert_int_equal(peer[0].family, IP_NONE);
    assert_int_equal(peer[0].key_off, zone->keys_off);
    assert_int_equal(peer[1].family, IP_V4);
    assert_int_equal(peer[1].bits, 24);
    assert_int_equal(peer[1].key_off, 0);
    assert_int_equal(peer[2].kind, PEER_NOTIFY);
    assert_int_equal(peer[2].family, IP_V6);
    assert_int_equal(peer[2].port, 53);
    finish(&world);
}

static void test_an_edit_of_peers_or_keys_compiles_the_zone_again(void **state)
{
    const char *const edits[] = {
        "UPDATE tsig_key SET secret = 'BAECAwQFBgcICQoLDA0ODw=='",
        "UPDATE tsig_key SET algorithm = 'hmac-sha256'",
        "UPDATE notify SET port = 54",
        "UPDATE transfer SET net = '192.0.2.0/25' WHERE net IS NOT NULL",
        "DELETE FROM transfer; DELETE FROM notify",
    };
    struct world world = world_of(state);
    deploy(&world);
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        const uint32_t serial = zone_get(&world, "gslb.example.com")->serial;
        fixture_run(world.fixture, edits[i]);
        deploy(&world);
        assert_int_equal(world.result.zones_built, 1);
        assert_int_equal(zone_get(&world, "gslb.example.com")->serial, serial);
    }
    assert_int_equal(zone_get(&world, "gslb.example.com")->peers_count, 0);
    assert_int_equal(zone_get(&world, "gslb.example.com")->keys_count, 0);
    finish(&world);
}

static void test_a_net_that_only_the_compiler_refuses_keeps_the_last_zone(void **state)
{
    struct world world = world_of(state);
    deploy(&world);
    fixture_run(world.fixture,
                "INSERT INTO transfer(zone, net) VALUES ('gslb.example.com', '192.0.2.1/24')");
    deploy(&world);
    expect_problem(&world, "gslb.example.com", "transfer", "192.0.2.1/24");
    assert_int_equal(zone_get(&world, "gslb.example.com")->peers_count, 3);
    finish(&world);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        test(test_peers_and_their_keys_are_in_the_image),
        test(test_an_edit_of_peers_or_keys_compiles_the_zone_again),
        test(test_a_net_that_only_the_compiler_refuses_keeps_the_last_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
