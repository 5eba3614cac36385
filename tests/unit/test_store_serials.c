/* tests/unit/test_store_serials.c - which zone a service is in, and when the serial of a zone moves. */
#include "store_fixture.h"

static void test_a_service_is_in_its_longest_zone(void **state)
{
    struct fixture *fixture = *state;
    fixture_run(fixture, "INSERT INTO zone(name, mname, rname) VALUES"
                         " ('example.com', 'ns1.example.com', 'h@example.com'),"
                         " ('lb.example.com', 'ns1.example.com', 'h@example.com')");
    assert_int_equal(fixture_number(fixture, "SELECT zone = 'gslb.example.com' FROM service_zone"), 1);
    /* "lb.example.com" is no ancestor of "www.gslb.example.com", and "example.com" is not the longest. */
    fixture_run(fixture, "DELETE FROM zone WHERE name IN ('example.com', 'lb.example.com')");
}

static void test_the_root_is_a_zone_around_all_others(void **state)
{
    struct fixture *fixture = *state;
    const struct {
        const char *sql;
        const char *words;
    } refused[] = {
        {"INSERT INTO service(name, policy) VALUES ('ns1.com', 'global')",
         "there is already a record \"ns1.com\" of type A in zone \".\""},
        {"INSERT INTO record(zone, name, type, data) VALUES ('.', 'tld', 'A', '192.0.2.1')",
         "record: \"tld\" is a service"},
        {"DELETE FROM record WHERE zone = '.'; DELETE FROM zone WHERE name = '.'",
         "still has services, such as \"tld\""},
    };
    fixture_run(fixture, "INSERT INTO zone(name, mname, rname)"
                         " VALUES ('.', 'ns1.com', 'h@a.com'), ('x', 'ns1.com', 'h@a.com');"
                         "INSERT INTO record(zone, name, type, data) VALUES ('.', '@', 'NS', 'ns1.com.'),"
                         " ('.', 'com', 'NS', 'ns1.com.'), ('.', 'ns1.com', 'A', '192.0.2.1');"
                         "INSERT INTO service(name, policy)"
                         " VALUES ('tld', 'global'), ('www.tld', 'global'), ('www.x', 'global')");
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM service_zone WHERE zone = '.'"), 2);
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM service_zone"
                                             " WHERE service = 'www.x' AND zone = 'x'"),
                     1);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const char *text = fixture_try(fixture, refused[i].sql);
        if (!text || !strstr(text, refused[i].words))
            fail_msg("%s", refused[i].sql);
    }
    fixture_run(fixture, "DELETE FROM service WHERE name IN ('tld', 'www.tld');"
                         "DELETE FROM zone WHERE name = '.'");
}

/* The serial after `sql`, which stood at 4000000000 before: far from the clock, so that it counts. */
static int64_t serial_after(struct fixture *fixture, const char *sql)
{
    fixture_run(fixture, "UPDATE zone SET serial = 4000000000");
    fixture_run(fixture, sql);
    return fixture_number(fixture, "SELECT serial FROM zone WHERE name = 'gslb.example.com'") - 4000000000;
}

static void test_the_serial_moves_with_what_the_zone_serves(void **state)
{
    struct fixture *fixture = *state;
    const struct {
        const char *sql;
        int64_t steps;
    } cases[] = {
        {"UPDATE zone SET ttl = 60", 1},
        {"INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'a', 'A', '192.0.2.1')", 1},
        {"UPDATE record SET ttl = 5 WHERE name = 'a'", 1},
        {"DELETE FROM record WHERE name = 'a'", 1},
        {"UPDATE service SET ttl = 60", 1},
        {"UPDATE pool SET weight = 7 WHERE region = 'us'", 1},
        {"UPDATE endpoint SET weight = 7 WHERE region = 'us'", 1},
        {"UPDATE endpoint SET address = '192.0.2.7' WHERE region = 'us'", 1},
        {"DELETE FROM endpoint WHERE region = 'us'", 1},
        {"DELETE FROM pool WHERE region = 'us'", 1},
        {"INSERT INTO pool(service, region) VALUES ('www.gslb.example.com', 'us')", 1},
        {"INSERT INTO service(name, policy) VALUES ('b.gslb.example.com', 'global')", 1},
        {"DELETE FROM service WHERE name = 'b.gslb.example.com'", 1},
        {"UPDATE pool SET state = 'drain', until = 2000000000, note = 'x'", 0},
        {"UPDATE endpoint SET state = 'drain'", 0},
        {"UPDATE region SET state = 'up'", 0},
        {"UPDATE rule SET weight = 3", 0},
        {"INSERT INTO tsig_key(name, secret) VALUES ('k', 'AAAAAAAAAAAAAAAAAAAAAA==')", 0},
        {"INSERT INTO transfer(zone, key) VALUES ('gslb.example.com', 'k')", 0},
        {"INSERT INTO notify(zone, address) VALUES ('gslb.example.com', '192.0.2.1')", 0},
        {"UPDATE tsig_key SET algorithm = 'hmac-sha384'", 0},
        /* Now a secondary is given what `default` clients get. */
        {"UPDATE rule SET weight = 4 WHERE client = 'default' AND region = 'us'", 1},
        {"UPDATE rule SET weight = 4 WHERE client <> 'default'", 0},
        {"DELETE FROM rule WHERE client = 'default' AND region = 'us'", 1},
        {"INSERT INTO rule(policy, client, region) VALUES ('global', 'default', 'us')", 1},
        {"INSERT INTO policy(name) VALUES ('other');"
         " INSERT INTO rule(policy, client, region) VALUES ('other', 'default', 'us')", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (serial_after(fixture, cases[i].sql) != cases[i].steps)
            fail_msg("%s", cases[i].sql);
    fixture_run(fixture, "UPDATE zone SET serial = 5; UPDATE zone SET ttl = 61");
    assert_int_equal(fixture_number(fixture, "SELECT abs(serial - unixepoch()) < 5 FROM zone"), 1);
    fixture_run(fixture, "UPDATE zone SET serial = 4294967295; UPDATE zone SET ttl = 62");
    assert_int_equal(fixture_number(fixture, "SELECT abs(serial - unixepoch()) < 5 FROM zone"), 1);
}

static void test_a_zone_that_comes_back_goes_on_from_its_serial(void **state)
{
    struct fixture *fixture = *state;
    const char *zone = "INSERT INTO zone(name, mname, rname) VALUES ('a.com', 'ns1.a.com', 'h@a.com')";
    fixture_run(fixture, zone);
    fixture_run(fixture, "UPDATE zone SET serial = 3000000000 WHERE name = 'a.com';"
                         "DELETE FROM zone WHERE name = 'a.com'");
    fixture_run(fixture, zone);
    assert_int_equal(fixture_number(fixture, "SELECT serial FROM zone WHERE name = 'a.com'"), 3000000001);
    fixture_run(fixture, "UPDATE zone SET serial = 4000000000 WHERE name = 'a.com';"
                         "DELETE FROM zone WHERE name = 'a.com'");
    fixture_run(fixture, zone);
    assert_int_equal(fixture_number(fixture, "SELECT serial FROM zone WHERE name = 'a.com'"), 4000000001);
    /* Another zone begins with the clock. */
    fixture_run(fixture, "INSERT INTO zone(name, mname, rname) VALUES ('b.com', 'ns1.a.com', 'h@a.com')");
    assert_int_equal(fixture_number(fixture, "SELECT abs(serial - unixepoch()) < 5"
                                             " FROM zone WHERE name = 'b.com'"),
                     1);
}

/* INSERT OR REPLACE deletes without a trigger; a serial ahead of the clock is what an import leaves. */
static void test_a_zone_that_is_replaced_goes_on_from_its_serial(void **state)
{
    struct fixture *fixture = *state;
    const char *values = "INTO zone(name, mname, rname)"
                         " VALUES ('gslb.example.com', 'ns2.example.com', 'h@a.com')";
    char replace[160], upsert[200], ignore[160];
    (void)snprintf(replace, sizeof replace, "INSERT OR REPLACE %s", values);
    (void)snprintf(ignore, sizeof ignore, "INSERT OR IGNORE %s", values);
    (void)snprintf(upsert, sizeof upsert, "INSERT %s ON CONFLICT DO UPDATE SET mname = excluded.mname",
                   values);
    assert_int_equal(serial_after(fixture, replace), 1);
    assert_int_equal(serial_after(fixture, ignore), 0);
    assert_int_equal(serial_after(fixture, upsert), 1);
    /* What an upsert has left does not come back: the serial may have been set since. */
    fixture_run(fixture, "UPDATE zone SET serial = 3000000000");
    fixture_run(fixture, replace);
    assert_int_equal(fixture_number(fixture, "SELECT serial FROM zone"), 3000000001);
    fixture_run(fixture, "PRAGMA recursive_triggers = off; DELETE FROM record; DELETE FROM endpoint;"
                         "DELETE FROM pool; DELETE FROM service");
    fixture_run(fixture, upsert);
    fixture_run(fixture, "DELETE FROM zone");
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM zone_replaced"), 0);
}

static void test_a_new_zone_takes_services_from_the_one_around_it(void **state)
{
    struct fixture *fixture = *state;
    const char *below = "INSERT INTO zone(name, mname, rname)"
                        " VALUES ('www.gslb.example.com', 'ns1.example.com', 'h@a.com')";
    assert_int_equal(serial_after(fixture, "INSERT INTO zone(name, mname, rname)"
                                           " VALUES ('a.gslb.example.com', 'ns1.example.com', 'h@a.com'),"
                                           " ('example.com', 'ns1.example.com', 'h@a.com')"),
                     0);
    assert_int_equal(serial_after(fixture, below), 1);
    assert_int_equal(fixture_number(fixture, "SELECT serial FROM zone WHERE name = 'example.com'"),
                     4000000000);
}

static void test_recursive_triggers_change_nothing(void **state)
{
    struct fixture *fixture = *state;
    fixture_run(fixture, "PRAGMA recursive_triggers = on");
    assert_int_equal(serial_after(fixture, "UPDATE record SET ttl = 5 WHERE name = 'ns1'"), 1);
    assert_int_equal(serial_after(fixture, "UPDATE zone SET ttl = 5"), 1);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, fixture_setup_session, fixture_teardown)
    const struct CMUnitTest tests[] = {
        test(test_a_service_is_in_its_longest_zone),
        test(test_the_root_is_a_zone_around_all_others),
        test(test_the_serial_moves_with_what_the_zone_serves),
        test(test_a_zone_that_comes_back_goes_on_from_its_serial),
        test(test_a_zone_that_is_replaced_goes_on_from_its_serial),
        test(test_a_new_zone_takes_services_from_the_one_around_it),
        test(test_recursive_triggers_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
