#include "compile_fixture.h"

#include "common/frame.h"
#include "common/ip.h"

/* The first session, whose zone may be copied from a network and with a key, and of whose changes
 * one is told. */
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
                "INSERT INTO transfer(zone, net) VALUES ('gslb.example.com', '::ffff:192.0.2.1/120')");
    deploy(&world);
    expect_problem(&world, "gslb.example.com", "transfer", "::ffff:192.0.2.1/120");
    assert_int_equal(zone_get(&world, "gslb.example.com")->peers_count, 3);
    finish(&world);
}

/* What the peers and keys of a zone lead to; a sanitizer sees what is not there. */
static unsigned peers_read(const struct image_zone *zone)
{
    const struct image_peer *peer = image_at(zone, zone->peers_off);
    const struct image_key *key = image_at(zone, zone->keys_off);
    unsigned sum = 0;
    for (uint32_t i = 0; i < zone->peers_count; i++)
        if (peer[i].key_off != 0)
            sum += ((const struct image_key *)image_at(zone, peer[i].key_off))->secret_len;
    for (uint32_t i = 0; i < zone->keys_count; i++)
        for (unsigned j = 0; j < key[i].secret_len; j++)
            sum += ((const uint8_t *)image_at(zone, key[i].secret_off))[j] +
                   (unsigned)name_len(image_at(zone, key[i].name_off));
    return sum;
}

static void test_every_flipped_byte_of_peers_is_noticed_or_harmless(void **state)
{
    struct world world = world_of(state);
    deploy(&world);
    const struct image_zone *zone = zone_get(&world, "gslb.example.com");
    const uint8_t *base =
        world.last.packs[name_hash(image_at(zone, zone->name_off)) % PACKS_MAX].base;
    const size_t len = ((const struct frame *)(const void *)base)->len;
    const size_t zone_off = (size_t)((const uint8_t *)zone - base);
    const size_t first = zone_off + zone->peers_off,
                 last = zone_off + zone->keys_off + sizeof(struct image_key);
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    assert_true(peers_read(zone) > 0 && first < last && last <= len);
    unsigned noticed = 0;
    for (size_t i = first; i < last; i++) {
        struct image image;
        memcpy(bytes, base, len);
        bytes[i] ^= 0xff;
        frame_seal(bytes, len, FRAME_PACK, IMAGE_VERSION);
        assert_int_equal(image_open(bytes, len, &image, NULL), OK);
        if (image_check(&image, len, NULL) == OK)
            (void)peers_read((const void *)(bytes + zone_off));
        else
            noticed++;
    }
    assert_true(noticed >= 3 * 6); /* each peer's key, kind and family at least */
    free(bytes);
    finish(&world);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        test(test_peers_and_their_keys_are_in_the_image),
        test(test_an_edit_of_peers_or_keys_compiles_the_zone_again),
        test(test_every_flipped_byte_of_peers_is_noticed_or_harmless),
        test(test_a_net_that_only_the_compiler_refuses_keeps_the_last_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
