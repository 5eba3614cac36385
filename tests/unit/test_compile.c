#include "zones/compile/compile.h"

#include "zones/compile/compile_zone.h"

#include "compile_fixture.h"

static const char *const second_zone =
    "INSERT INTO zone(name, mname, rname) VALUES ('other.example', 'ns.other.example', 'h@other.example');"
    "INSERT INTO record(zone, name, type, data) VALUES ('other.example', '@', 'NS', 'ns'),"
    " ('other.example', 'ns', 'A', '192.0.2.9');";

/* As an operator of an older store might have, whose triggers knew less. */
static void run_without_triggers(struct world *world, const char *sql)
{
    assert_int_equal(sqlite3_db_config(world->fixture->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL),
                     SQLITE_OK);
    fixture_run(world->fixture, sql);
    assert_int_equal(sqlite3_db_config(world->fixture->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 1, NULL),
                     SQLITE_OK);
}

/* Worlds --------------------------------------------------------------------------------------- */

static void test_the_first_session_becomes_a_world(void **state)
{
    struct world *world = *state;
    deploy(world);
    assert_int_equal(world->result.generation, 1);
    assert_int_equal(world->result.zones_count, 1);
    assert_int_equal(world->result.zones_built, 1);
    assert_int_equal(world->result.problems, 0);
    const struct found www = find(world, "www.gslb.example.com", 1);
    assert_int_equal(www.kind, FOUND_SERVICE);
    assert_int_equal(www.service->pools_count, 2);
    assert_int_equal(www.service->kinds, 1 << KIND_V4);
    assert_int_equal(find(world, "ns1.gslb.example.com", 1).kind, FOUND_RRSET);
    assert_string_equal(world->last.manifest->regions[0].name, "eu");
    assert_string_equal(world->last.manifest->policies[0].name, "global");
    assert_string_equal(world->last.manifest->policies[0].file, "policy-0-1.img");
    assert_int_equal(world->last.manifest->monitors_count, 1);
}

static void test_nothing_new_is_no_generation(void **state)
{
    struct world *world = *state;
    deploy(world);
    const unsigned images = images_count(world);
    compile(world);
    assert_int_equal(world->result.generation, 0);
    assert_int_equal(world->result.zones_count, 1);
    assert_int_equal(images_count(world), images);
}

static void test_an_edit_compiles_its_zone_alone(void **state)
{
    struct world *world = *state;
    fixture_run(world->fixture, second_zone);
    deploy(world);
    assert_int_equal(world->result.zones_built, 2);
    fixture_run(world->fixture, "UPDATE record SET data = '192.0.2.54' WHERE name = 'ns1'");
    const struct manifest *before = world->last.manifest;
    char packs[PACKS_MAX][MANIFEST_FILE_MAX];
    memcpy(packs, before->packs, sizeof packs);
    deploy(world);
    assert_int_equal(world->result.generation, 2);
    assert_int_equal(world->result.zones_built, 1);
    assert_int_equal(world->result.zones_count, 2);
    unsigned changed = 0;
    for (unsigned i = 0; i < PACKS_MAX; i++)
        changed += strcmp(packs[i], world->last.manifest->packs[i]) != 0;
    assert_int_equal(changed, 1);
    assert_string_equal(world->last.manifest->policies[0].file, "policy-0-1.img");
}

static void test_a_pool_takes_as_many_endpoints_as_an_answer_has_room_for(void **state)
{
    struct world *world = *state;
    fixture_run(world->fixture,
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1023)"
                "INSERT INTO endpoint(service, region, address)"
                " SELECT 'www.gslb.example.com', 'eu', '10.0.' || (i / 250) || '.' || (i % 250) FROM n");
    deploy(world);
    assert_int_equal(world->result.problems, 0);
    fixture_run(world->fixture,
                "INSERT INTO endpoint(service, region, address)"
                " VALUES ('www.gslb.example.com', 'eu', '10.1.0.1')");
    deploy(world);
    expect_problem(world, "gslb.example.com", "www.gslb.example.com",
                   "1025 endpoints of one kind; the most is 1024");
}

/* More than a count of 16 bits tells from a few. */
static void test_a_pool_of_very_many_endpoints_is_refused_too(void **state)
{
    struct world *world = *state;
    deploy(world);
    run_without_triggers(world,
                         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 65537)"
                         "INSERT INTO endpoint(service, region, address)"
                         " SELECT 'www.gslb.example.com', 'eu',"
                         " '10.' || (i / 62500) || '.' || (i / 250 % 250) || '.' || (i % 250) FROM n;"
                         "UPDATE zone SET serial = serial + 1");
    deploy(world);
    expect_problem(world, "gslb.example.com", "www.gslb.example.com", "65538 endpoints of one kind");
}

/* An answer would have the record twice (RFC 2181 5). */
static void test_an_address_is_in_a_pool_once_however_it_is_written(void **state)
{
    struct world *world = *state;
    fixture_run(world->fixture, "INSERT INTO endpoint(service, region, address) VALUES"
                                " ('www.gslb.example.com', 'eu', '2001:db8::1'),"
                                " ('www.gslb.example.com', 'eu', '2001:db8:0::1')");
    deploy(world);
    expect_problem(world, "gslb.example.com", "www.gslb.example.com",
                   "region eu has the address 2001:db8:0::1 twice, once as 2001:db8::1");
}

static void test_a_deleted_zone_goes(void **state)
{
    struct world *world = *state;
    fixture_run(world->fixture, second_zone);
    deploy(world);
    assert_non_null(zone_get(world, "other.example"));
    fixture_run(
        world->fixture,
        "DELETE FROM record WHERE zone = 'other.example'; DELETE FROM zone WHERE name = 'other.example'");
    deploy(world);
    assert_null(zone_get(world, "other.example"));
    assert_int_equal(world->last.manifest->zones_count, 1);
}

/* Quarantine ----------------------------------------------------------------------------------- */

static void test_a_bad_zone_keeps_its_last_form_and_others_go_live(void **state)
{
    struct world *world = *state;
    fixture_run(world->fixture, second_zone);
    deploy(world);
    const uint32_t slot = slot_of(world, "www.gslb.example.com", "eu", "198.51.100.1");
    fixture_run(
        world->fixture,
        "INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'bad', 'MX', '10'),"
        " ('gslb.example.com', 'new', 'A', '192.0.2.8'), ('other.example', 'new', 'A', '192.0.2.8')");
    deploy(world);
    assert_int_equal(world->result.problems, 1);
    assert_int_equal(world->result.zones_built, 1);
    expect_problem(world, "gslb.example.com", "bad.gslb.example.com MX", "10");
    assert_int_equal(find(world, "new.gslb.example.com", 1).kind, FOUND_NXDOMAIN);
    assert_int_equal(find(world, "new.other.example", 1).kind, FOUND_RRSET);
    assert_int_equal(slot_of(world, "www.gslb.example.com", "eu", "198.51.100.1"), slot);
    /* it stays so while nobody changes anything, and mends with the record */
    compile(world);
    assert_int_equal(world->result.generation, 0);
    assert_int_equal(world->result.problems, 1);
    fixture_run(world->fixture, "DELETE FROM record WHERE name = 'bad'");
    deploy(world);
    assert_int_equal(world->result.problems, 0);
    assert_int_equal(find(world, "new.gslb.example.com", 1).kind, FOUND_RRSET);
}

static void test_a_new_zone_that_does_not_compile_is_absent_until_it_does(void **state)
{
    struct world *world = *state;
    fixture_run(world->fixture,
                "INSERT INTO zone(name, mname, rname) VALUES ('empty.example', 'ns', 'h@x.example')");
    deploy(world);
    assert_int_equal(zone_get(world, "empty.example")->flags, ZONE_ABSENT);
    expect_problem(world, "empty.example", "empty.example NS", "no NS record");
    assert_int_equal(world->result.zones_count, 2);
    compile(world);
    assert_int_equal(world->result.generation, 0);
    assert_int_equal(world->result.problems, 1);
    fixture_run(world->fixture, "INSERT INTO record(zone, name, type, data)"
                                " VALUES ('empty.example', '@', 'NS', 'ns.example.net.')");
    deploy(world);
    assert_int_equal(world->result.problems, 0);
    assert_int_equal(zone_get(world, "empty.example")->flags, 0);
    assert_int_equal(find(world, "empty.example", 2).kind, FOUND_RRSET);
}

/* The first zN.example from `*n` on that is in the same pack as `like`. */
static void pack_mate_find(const char *like, unsigned *n, char ret[32])
{
    uint8_t name[NAME_WIRE_MAX], other[NAME_WIRE_MAX];
    size_t len;
    assert_int_equal(name_parse(like, other, &len, NULL), OK);
    do {
        (void)snprintf(ret, 32, "z%u.example", (*n)++);
        assert_int_equal(name_parse(ret, name, &len, NULL), OK);
    } while (name_hash(name) % PACKS_MAX != name_hash(other) % PACKS_MAX);
}

/* As many zones in the pack as before, and nothing that was compiled: it is another pack nevertheless. */
static void test_an_absent_zone_in_the_place_of_one_that_is_gone_is_a_change(void **state)
{
    struct world *world = *state;
    char gone[32], sql[512];
    unsigned n = 0;
    fixture_run(world->fixture, second_zone);
    deploy(world);
    pack_mate_find("other.example", &n, gone);
    (void)snprintf(sql, sizeof sql,
                   "DELETE FROM record WHERE zone = 'other.example';"
                   "DELETE FROM zone WHERE name = 'other.example';"
                   "INSERT INTO zone(name, mname, rname) VALUES ('%s', 'ns', 'h@x.example');",
                   gone);
    fixture_run(world->fixture, sql);
    deploy(world);
    assert_null(zone_get(world, "other.example"));
    assert_non_null(zone_get(world, gone));
    assert_int_equal(zone_get(world, gone)->flags, ZONE_ABSENT);
    compile(world);
    assert_int_equal(world->result.generation, 0);
}

static void test_every_kind_of_mistake_names_its_row(void **state)
{
    static const struct {
        const char *sql, *subject, *words;
    } cases[] = {
        {"INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'a', 'A', '1.2.3')",
         "a.gslb.example.com A", "not an IPv4 address"},
        {"INSERT INTO record(zone, name, type, data)"
         " VALUES ('gslb.example.com', 'a', 'HTTPS', '1 . ipv4hint=auto')",
         "a.gslb.example.com HTTPS", "a.gslb.example.com is no service of this zone"},
        {"INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'a', 'SVCB',"
         " '1 www.example.net. ipv6hint=auto')",
         "a.gslb.example.com SVCB", "www.example.net is no service of this zone"},
        {"INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'a', 'NOTYPE', 'x')",
         "a.gslb.example.com NOTYPE", "there is no type"},
        {"INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'a\\999', 'A', '1.2.3.4')",
         "a\\999.gslb.example.com A", "bad escape"},
        {"INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'a.example.net.', 'A', "
         "'1.2.3.4')",
         "a.example.net..gslb.example.com A", "not in the zone"},
        {"INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'www', 'CNAME', 'x')",
         "www.gslb.example.com CNAME", "a service answers for this name"},
        {"INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'www', 'NS', 'x')",
         "www.gslb.example.com", "to other servers"},
        {"UPDATE service SET policy = 'none'", "www.gslb.example.com", "no policy \"none\""},
        {"UPDATE service SET monitor = 'none'", "www.gslb.example.com", "no monitor \"none\""},
        {"UPDATE pool SET region = 'none' WHERE region = 'eu'", "www.gslb.example.com",
         "no region \"none\""},
        {"UPDATE endpoint SET region = 'none' WHERE region = 'eu'", "www.gslb.example.com",
         "no pool in region none"},
        {"UPDATE monitor SET quorum = '3'", "www.gslb.example.com", "quorum 3, but only 0 vantage points"},
        {"INSERT INTO endpoint(service, region, address) VALUES ('www.gslb.example.com', 'eu', "
         "'cdn.example.net')",
         "www.gslb.example.com", "addresses and host names"},
        {"UPDATE endpoint SET address = 'cdn.example.net'; INSERT INTO record(zone, name, type, data)"
         " VALUES ('gslb.example.com', 'www', 'TXT', 'x')",
         "www.gslb.example.com TXT", "no record stands beside"},
        {"UPDATE zone SET rname = 'a@b..c'", "SOA", "empty label"},
        {"UPDATE monitor SET expect_body = CAST(x'e9' AS TEXT)", "www.gslb.example.com",
         "no monitor \"web\""},
        {"INSERT INTO record(zone, name, type, data)"
         " VALUES ('gslb.example.com', 'a', 'A', CAST(x'e9' AS TEXT))",
         "a.gslb.example.com A", "\"?\" is not an IPv4 address"},
    };
    struct world *world = *state;
    deploy(world);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture_run(world->fixture, "SAVEPOINT before; RELEASE before; BEGIN");
        run_without_triggers(world, cases[i].sql);
        run_without_triggers(world, "UPDATE zone SET serial = serial + 1");
        fixture_run(world->fixture, "COMMIT");
        deploy(world);
        expect_problem(world, "gslb.example.com", cases[i].subject, cases[i].words);
        assert_non_null(zone_get(world, "gslb.example.com"));
        (void)world_teardown(state);
        (void)world_setup_session(state);
        world = *state;
        deploy(world);
    }
}

static void test_a_quorum_is_met_when_vantage_points_are_added(void **state)
{
    struct world *world = *state;
    fixture_run(world->fixture, "UPDATE monitor SET quorum = '1'");
    deploy(world);
    expect_problem(world, "gslb.example.com", "www.gslb.example.com", "quorum 1");
    fixture_run(world->fixture, "INSERT INTO vantage(name, public_key) VALUES"
                                " ('v1', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=')");
    deploy(world);
    assert_int_equal(world->result.problems, 0);
    assert_int_equal(world->result.zones_built, 1);
}

/* What keeps its number ------------------------------------------------------------------------ */

static void test_slots_stand_through_edits_and_are_not_reused_at_once(void **state)
{
    struct world *world = *state;
    deploy(world);
    const uint32_t eu = slot_of(world, "www.gslb.example.com", "eu", "198.51.100.1");
    const uint32_t us = slot_of(world, "www.gslb.example.com", "us", "203.0.113.1");
    const uint32_t pool = slot_of(world, "www.gslb.example.com", "eu", "");
    assert_true(eu >= REGIONS_MAX && us >= REGIONS_MAX && pool >= REGIONS_MAX);
    assert_true(eu != us && eu != pool && us != pool);
    fixture_run(world->fixture, "INSERT INTO endpoint(service, region, address) VALUES"
                                " ('www.gslb.example.com', 'eu', '198.51.100.0');"
                                "DELETE FROM endpoint WHERE address = '203.0.113.1'");
    deploy(world);
    assert_int_equal(slot_of(world, "www.gslb.example.com", "eu", "198.51.100.1"), eu);
    assert_int_equal(slot_of(world, "www.gslb.example.com", "eu", ""), pool);
    const uint32_t fresh = slot_of(world, "www.gslb.example.com", "eu", "198.51.100.0");
    assert_true(fresh != us && fresh != eu && fresh != pool);
    assert_int_equal(world->last.manifest->slots_end, fresh + 1);
    fixture_run(world->fixture, "INSERT INTO endpoint(service, region, address) VALUES"
                                " ('www.gslb.example.com', 'us', '203.0.113.2')");
    deploy(world);
    assert_int_equal(slot_of(world, "www.gslb.example.com", "us", "203.0.113.2"), us);
}

static void test_regions_keep_their_index(void **state)
{
    struct world *world = *state;
    deploy(world);
    fixture_run(world->fixture, "INSERT INTO region(name) VALUES ('ap'), ('za')");
    deploy(world);
    assert_string_equal(world->last.manifest->regions[0].name, "eu");
    assert_string_equal(world->last.manifest->regions[1].name, "us");
    assert_string_equal(world->last.manifest->regions[2].name, "ap");
    fixture_run(world->fixture,
                "DELETE FROM region WHERE name = 'ap'; INSERT INTO region(name) VALUES ('af')");
    deploy(world);
    assert_null(world->last.manifest->regions[2].name);
    assert_string_equal(world->last.manifest->regions[4].name, "af");
}

static void test_a_region_that_a_quarantined_zone_names_is_kept(void **state)
{
    struct world *world = *state;
    deploy(world);
    fixture_run(world->fixture,
                "INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'bad', 'A', 'x')");
    fixture_run(world->fixture,
                "DELETE FROM endpoint WHERE region = 'eu'; DELETE FROM pool WHERE region = 'eu';"
                "DELETE FROM rule WHERE region = 'eu'; DELETE FROM region WHERE name = 'eu';"
                "INSERT INTO region(name) VALUES ('ap')");
    deploy(world);
    assert_string_equal(world->last.manifest->regions[0].name, "eu");
    assert_string_equal(world->last.manifest->regions[2].name, "ap");
    fixture_run(world->fixture, "DELETE FROM record WHERE name = 'bad'");
    deploy(world);
    fixture_run(world->fixture, "UPDATE zone SET ttl = 301");
    deploy(world);
    assert_null(world->last.manifest->regions[0].name);
}

static void test_a_region_that_a_kept_policy_image_names_keeps_its_index(void **state)
{
    struct world *world = *state;
    fixture_run(world->fixture, "INSERT INTO region(name) VALUES ('old');"
                                "INSERT INTO rule(policy, client, region)"
                                " VALUES ('global', 'net:11.0.0.0/8', 'old')");
    deploy(world);
    assert_string_equal(world->last.manifest->regions[1].name, "old");
    run_without_triggers(world,
                         "INSERT INTO rule(policy, client, region)"
                         " VALUES ('global', 'net:10.0.0.1/8', 'us')");
    deploy(world);
    expect_problem(world, "", "global", "10.0.0.1/8");
    fixture_run(world->fixture,
                "DELETE FROM rule WHERE region = 'old'; DELETE FROM region WHERE name = 'old'");
    deploy(world);
    fixture_run(world->fixture, "INSERT INTO region(name) VALUES ('brandnew')");
    deploy(world);
    assert_string_equal(world->last.manifest->policies[0].file, "policy-0-1.img");
    assert_string_equal(world->last.manifest->regions[1].name, "old");
    fixture_run(world->fixture, "DELETE FROM rule WHERE client = 'net:10.0.0.1/8'");
    deploy(world);
    fixture_run(world->fixture, "UPDATE zone SET ttl = 301");
    deploy(world);
    assert_null(world->last.manifest->regions[1].name);
}

static const struct manifest_monitor *monitor_find(const struct world *world, const char *name)
{
    for (size_t i = 0; i < world->last.manifest->monitors_count; i++)
        if (strcmp(world->last.manifest->monitors[i].name, name) == 0)
            return &world->last.manifest->monitors[i];
    return NULL;
}

static void test_what_a_quarantined_zone_is_checked_by_is_kept(void **state)
{
    struct world *world = *state;
    fixture_run(world->fixture, "UPDATE region SET monitor = 'web', target = '192.0.2.80' WHERE name = 'eu'");
    deploy(world);
    fixture_run(world->fixture,
                "INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'bad', 'A', 'x')");
    fixture_run(world->fixture,
                "INSERT INTO monitor(name, type, port) VALUES ('other', 'tcp', 80);"
                "DELETE FROM endpoint WHERE region = 'eu'; DELETE FROM pool WHERE region = 'eu';"
                "DELETE FROM rule WHERE region = 'eu'; DELETE FROM region WHERE name = 'eu';"
                "UPDATE service SET monitor = 'other'; DELETE FROM monitor WHERE name = 'web'");
    deploy(world);
    deploy(world); /* and from one world to the next */
    const struct manifest_monitor *web = monitor_find(world, "web");
    assert_non_null(web);
    assert_string_equal(web->type, "http");
    assert_string_equal(web->path, "/healthz");
    assert_int_equal(web->port, 80);
    assert_non_null(monitor_find(world, "other"));
    assert_string_equal(world->last.manifest->regions[0].monitor, "web");
    assert_string_equal(world->last.manifest->regions[0].target, "192.0.2.80");
    fixture_run(world->fixture, "DELETE FROM record WHERE name = 'bad'");
    deploy(world);
    fixture_run(world->fixture, "UPDATE zone SET ttl = 301");
    deploy(world);
    assert_null(world->last.manifest->regions[0].name);
    fixture_run(world->fixture, "UPDATE zone SET ttl = 302");
    deploy(world);
    assert_null(monitor_find(world, "web"));
}

static void test_a_service_goes_to_a_zone_that_is_put_around_it(void **state)
{
    struct world *world = *state;
    deploy(world);
    const uint32_t slot = slot_of(world, "www.gslb.example.com", "eu", "198.51.100.1");
    run_without_triggers(
        world,
        "INSERT INTO zone(name, mname, rname, serial) VALUES ('www.gslb.example.com', 'ns', 'h@x.example', "
        "1);"
        "INSERT INTO record(zone, name, type, data) VALUES ('www.gslb.example.com', '@', 'NS', 'ns')");
    deploy(world);
    assert_int_equal(world->result.problems, 0);
    assert_int_equal(zone_get(world, "gslb.example.com")->subjects_count, 0);
    assert_int_equal(zone_get(world, "www.gslb.example.com")->subjects_count, 4);
    assert_int_equal(slot_of(world, "www.gslb.example.com", "eu", "198.51.100.1"), slot);
}

static void test_a_mailbox_is_an_address_or_a_name(void **state)
{
    static const struct {
        const char *text, *wire; /* NULL: refused */
    } cases[] = {
        {"hostmaster@example.com", "\12hostmaster\7example\3com"},
        {"john.doe@example.com", "\10john.doe\7example\3com"},
        {"john\\.doe@example.com", "\10john.doe\7example\3com"},
        {"hostmaster.example.com", "\12hostmaster\7example\3com"},
        {"john\\.doe.example.com", "\10john.doe\7example\3com"},
        {"john\\@doe.example.com", "\10john@doe\7example\3com"},
        {"a@b..c", NULL},
        {"@example.com", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t wire[NAME_WIRE_MAX];
        size_t len;
        const enum err err = compile_zone_mailbox(cases[i].text, wire, &len, NULL);
        assert_int_equal(err, cases[i].wire ? OK : ERR_SYNTAX);
        if (cases[i].wire)
            assert_memory_equal(wire, cases[i].wire, strlen(cases[i].wire) + 1);
    }
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, world_setup_session, world_teardown)
    const struct CMUnitTest tests[] = {
        test(test_the_first_session_becomes_a_world),
        test(test_nothing_new_is_no_generation),
        test(test_an_edit_compiles_its_zone_alone),
        test(test_a_pool_takes_as_many_endpoints_as_an_answer_has_room_for),
        test(test_a_pool_of_very_many_endpoints_is_refused_too),
        test(test_an_address_is_in_a_pool_once_however_it_is_written),
        test(test_a_deleted_zone_goes),
        test(test_a_bad_zone_keeps_its_last_form_and_others_go_live),
        test(test_a_new_zone_that_does_not_compile_is_absent_until_it_does),
        test(test_an_absent_zone_in_the_place_of_one_that_is_gone_is_a_change),
        test(test_every_kind_of_mistake_names_its_row),
        test(test_a_quorum_is_met_when_vantage_points_are_added),
        test(test_slots_stand_through_edits_and_are_not_reused_at_once),
        test(test_regions_keep_their_index),
        test(test_a_region_that_a_kept_policy_image_names_keeps_its_index),
        test(test_what_a_quarantined_zone_is_checked_by_is_kept),
        test(test_a_region_that_a_quarantined_zone_names_is_kept),
        test(test_a_service_goes_to_a_zone_that_is_put_around_it),
        cmocka_unit_test(test_a_mailbox_is_an_address_or_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
