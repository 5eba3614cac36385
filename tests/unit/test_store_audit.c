/* tests/unit/test_store_audit.c - what the store keeps of each change. */
#include "store_fixture.h"

static int64_t rows_where(struct fixture *fixture, const char *condition)
{
    char sql[512];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM audit WHERE %s", condition);
    return fixture_number(fixture, sql);
}

static bool last_is(struct fixture *fixture, const char *condition)
{
    char both[400];
    (void)snprintf(both, sizeof both, "seq = (SELECT max(seq) FROM audit) AND %s", condition);
    return rows_where(fixture, both) == 1;
}

static void test_the_audit_keeps_no_secret(void **state)
{
    struct fixture *fixture = *state;
    fixture_run(fixture, "INSERT INTO tsig_key(name, secret) VALUES ('k', 'AAAAAAAAAAAAAAAAAAAAAA==');"
                         "UPDATE tsig_key SET secret = 'BBBBBBBBBBBBBBBBBBBBBA=='; DELETE FROM tsig_key");
    assert_int_equal(rows_where(fixture, "tbl = 'tsig_key'"), 3);
    assert_int_equal(rows_where(fixture, "before || after LIKE '%AAAA%'"), 0);
    assert_int_equal(rows_where(fixture, "before LIKE '%BBBB%' OR after LIKE '%BBBB%'"), 0);
}

static void test_the_audit_tells_rows_before_and_after(void **state)
{
    struct fixture *fixture = *state;
    fixture_run(fixture, "UPDATE pool SET weight = 9 WHERE region = 'us'");
    assert_true(last_is(fixture, "op = 'update' AND tbl = 'pool' AND key = 'www.gslb.example.com us'"
                                 " AND before ->> 'weight' = 100 AND after ->> 'weight' = 9"
                                 " AND abs(at - unixepoch()) < 5"));
    fixture_run(fixture, "DELETE FROM endpoint WHERE region = 'us'");
    assert_true(last_is(fixture, "op = 'delete' AND key = 'www.gslb.example.com us 203.0.113.1'"
                                 " AND before ->> 'address' = '203.0.113.1' AND after IS NULL"));
    fixture_run(fixture, "UPDATE zone SET serial = 7");
    assert_true(last_is(fixture, "tbl = 'zone' AND after ->> 'serial' = 7"));
    /* A serial that moves with a record is no change of its own. */
    assert_int_equal(rows_where(fixture, "tbl = 'zone' AND op = 'update'"), 1);
}

static void test_the_audit_holds_every_column_of_every_table(void **state)
{
    struct fixture *fixture = *state;
    const char *each =
        "INSERT INTO vantage(name, public_key) VALUES ('v', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=');"
        "INSERT INTO tsig_key(name, secret) VALUES ('k', 'AAAAAAAAAAAAAAAAAAAAAA==');"
        "INSERT INTO transfer(zone, key) VALUES ('gslb.example.com', 'k');"
        "INSERT INTO notify(zone, address) VALUES ('gslb.example.com', '192.0.2.1');"
        "UPDATE tsig_key SET secret = secret; UPDATE transfer SET net = net; UPDATE notify SET key = key;"
        "DELETE FROM transfer; DELETE FROM notify; DELETE FROM tsig_key;"
        "UPDATE zone SET ttl = ttl; UPDATE record SET ttl = ttl; UPDATE region SET note = note;"
        "UPDATE monitor SET port = port; UPDATE policy SET geofence = geofence; UPDATE rule SET tier = tier;"
        "UPDATE service SET ttl = ttl; UPDATE pool SET note = note; UPDATE endpoint SET note = note;"
        "UPDATE vantage SET asn = asn; DELETE FROM endpoint; DELETE FROM pool; DELETE FROM service;"
        "DELETE FROM rule; DELETE FROM policy; DELETE FROM monitor; DELETE FROM region;"
        "DELETE FROM record; DELETE FROM zone; DELETE FROM vantage";
    fixture_run(fixture, each);
    /* Each of the thirteen tables that people write to has been inserted into, updated and deleted from, with
     * whole rows each time. */
    const char *partial =
        "SELECT count(*) FROM audit AS a WHERE EXISTS (SELECT 1 FROM pragma_table_info(a.tbl) AS c WHERE"
        " (a.op <> 'insert' AND c.name NOT IN (SELECT key FROM json_each(a.before))) OR"
        " (a.op <> 'delete' AND c.name NOT IN (SELECT key FROM json_each(a.after))))";
    assert_int_equal(fixture_number(fixture, "SELECT count(DISTINCT tbl || op) FROM audit"), 39);
    assert_int_equal(fixture_number(fixture, partial), 0);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, fixture_setup_session, fixture_teardown)
    const struct CMUnitTest tests[] = {
        test(test_the_audit_keeps_no_secret),
        test(test_the_audit_tells_rows_before_and_after),
        test(test_the_audit_holds_every_column_of_every_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
