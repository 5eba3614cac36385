#include "zones/store/store.h"

#include "store_fixture.h"

#include <sys/stat.h>

static void expect_open(const char *path, enum err err, const char *words)
{
    struct diag diag = {.text = ""};
    struct store *store = NULL;
    assert_int_equal(store_open_read(path, &store, &diag), err);
    assert_null(store);
    if (!strstr(diag.text, words) || !strstr(diag.text, path))
        fail_msg("\"%s\" lacks \"%s\"", diag.text, words);
}

/* Files ---------------------------------------------------------------------------------------- */

static void test_init_makes_one_file_and_leaves_a_store_alone(void **state)
{
    struct fixture *fixture = *state;
    char path[64];
    struct diag diag = {.text = ""};
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/new.db", fixture->dir);
    const mode_t mask = umask(0);
    assert_int_equal(store_init(path, &diag), OK);
    (void)umask(mask);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    assert_int_equal(store_init(path, &diag), ERR_EXISTS);
    assert_non_null(strstr(diag.text, "nothing was changed"));
    (void)snprintf(path, sizeof path, "%s/no/new.db", fixture->dir);
    assert_int_equal(store_init(path, &diag), ERR_SYSTEM);
    assert_non_null(strstr(diag.text, "cannot create"));
    /* and nothing is left lying about */
    char command[96];
    (void)snprintf(command, sizeof command, "ls %s | grep -q '\\.new\\.'", fixture->dir);
    assert_int_not_equal(system(command), 0);
}

static void test_what_is_no_store_is_named(void **state)
{
    struct fixture *fixture = *state;
    char path[64];
    (void)snprintf(path, sizeof path, "%s/other", fixture->dir);
    expect_open(path, ERR_MISSING, "there is no store");
    assert_int_equal(file_replace(path, "", 0, 0600, NULL), OK);
    expect_open(path, ERR_CORRUPT, "is not a store");
    assert_int_equal(
        file_replace(path, "this is a text file, which is no database at all.........", 50, 0600, NULL), OK);
    expect_open(path, ERR_CORRUPT, "is not a store");
    assert_int_equal(store_init(path, NULL), ERR_CORRUPT);
    expect_open(fixture->dir, ERR_SYSTEM, "store");
}

static void test_a_store_cut_short_is_damaged(void **state)
{
    struct fixture *fixture = *state;
    fixture_run(fixture, "PRAGMA wal_checkpoint(TRUNCATE)");
    assert_int_equal(truncate(fixture->path, 8192), 0);
    struct diag diag = {.text = ""};
    struct store *store;
    enum err err = store_open_read(fixture->path, &store, &diag);
    if (err == OK) {
        err = store_begin(store, &diag);
        store_close(&store);
    }
    assert_int_equal(err, ERR_CORRUPT);
    assert_non_null(strstr(diag.text, "remove its -wal and -shm, then put a backup in its place"));
}

static void test_a_store_out_of_wal_mode_is_not_read(void **state)
{
    struct fixture *fixture = *state;
    fixture_run(fixture, "PRAGMA journal_mode = delete");
    expect_open(fixture->path, ERR_REFUSED, "PRAGMA journal_mode = wal");
}

static void test_another_version_is_refused(void **state)
{
    struct fixture *fixture = *state;
    fixture_run(fixture, "PRAGMA user_version = 2");
    expect_open(fixture->path, ERR_VERSION, "use a newer gslbd");
    struct store *store;
    assert_int_equal(store_open_write(fixture->path, &store, NULL), ERR_VERSION);
    assert_int_equal(store_init(fixture->path, NULL), ERR_VERSION);
    fixture_run(fixture, "PRAGMA user_version = 0");
    expect_open(fixture->path, ERR_VERSION, "has version 0");
}

static void test_an_older_store_is_taken_through_every_step(void **state)
{
    struct fixture *fixture = *state;
    const char *const steps[] = {
        "ALTER TABLE region ADD COLUMN colour TEXT; UPDATE region SET colour = 'red'",
        "UPDATE region SET colour = 'blue' WHERE colour = 'red'",
        NULL,
    };
    struct store *store = fixture_writer(fixture);
    assert_int_equal(store_migrate(store, steps, NULL), OK);
    assert_int_equal(store_migrate(store, steps, NULL), OK);
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM region WHERE colour = 'blue'"), 2);
    assert_int_equal(fixture_number(fixture, "PRAGMA user_version"), 3);
    store_close(&store);
}

static void test_a_step_that_fails_leaves_the_store_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    const char *const steps[] = {"ALTER TABLE region ADD COLUMN colour TEXT", "UPDATE nothing SET x = 1",
                                 NULL};
    struct store *store = fixture_writer(fixture);
    assert_int_equal(store_migrate(store, steps, NULL), ERR_CORRUPT);
    store_close(&store);
    assert_int_equal(fixture_number(fixture, "PRAGMA user_version"), 1);
    assert_int_equal(
        fixture_number(fixture, "SELECT count(*) FROM pragma_table_info('region') WHERE name = 'colour'"), 0);
}

/* Other people's transactions ------------------------------------------------------------------ */

static void test_a_commit_moves_the_change_counter(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_reader(fixture);
    uint32_t before, after;
    assert_int_equal(store_change_counter(store, &before, NULL), OK);
    fixture_run(fixture, "BEGIN; UPDATE pool SET weight = 3");
    assert_int_equal(store_change_counter(store, &after, NULL), OK);
    assert_int_equal(before, after);
    fixture_run(fixture, "COMMIT");
    assert_int_equal(store_change_counter(store, &after, NULL), OK);
    assert_int_not_equal(before, after);
    store_close(&store);
}

static void test_a_replaced_file_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_reader(fixture);
    char moved[64];
    assert_true(store_is_current(store));
    (void)snprintf(moved, sizeof moved, "%s/moved", fixture->dir);
    assert_int_equal(rename(fixture->path, moved), 0);
    assert_false(store_is_current(store));
    store_close(&store);
}

static unsigned count_services(struct store *store, const char *zone)
{
    struct store_rows rows;
    struct store_service service;
    unsigned count = 0;
    if (zone)
        store_services(store, zone, &rows);
    else
        store_services_all(store, &rows);
    while (store_service_next(&rows, &service))
        count++;
    assert_int_equal(store_rows_end(&rows, NULL), OK);
    return count;
}

static void database_copy(sqlite3 *from, sqlite3 *to)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    assert_non_null(backup);
    assert_int_equal(sqlite3_backup_step(backup, -1), SQLITE_DONE);
    assert_int_equal(sqlite3_backup_finish(backup), SQLITE_OK);
}

/* As the shell's .backup and .restore do it, with the store open all the time. */
static void test_a_restored_backup_is_a_commit_like_any_other(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_reader(fixture);
    uint32_t before, after;
    sqlite3 *saved;
    assert_int_equal(sqlite3_open(":memory:", &saved), SQLITE_OK);
    database_copy(fixture->db, saved);
    fixture_run(fixture, "INSERT INTO service(name, policy) VALUES ('a.gslb.example.com', 'global')");
    assert_int_equal(count_services(store, NULL), 2);
    assert_int_equal(store_change_counter(store, &before, NULL), OK);
    database_copy(saved, fixture->db);
    assert_int_equal(store_change_counter(store, &after, NULL), OK);
    assert_int_not_equal(before, after);
    assert_int_equal(count_services(store, NULL), 1);
    store_close(&store);
    store = fixture_reader(fixture);
    store_close(&store);
    assert_int_equal(sqlite3_close(saved), SQLITE_OK);
}

static void test_a_snapshot_stands_while_others_write(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_reader(fixture);
    struct store_rows rows;
    struct store_region region;
    assert_int_equal(store_begin(store, NULL), OK);
    fixture_run(fixture, "INSERT INTO region(name) VALUES ('ap')");
    unsigned count = 0;
    store_regions(store, &rows);
    while (store_region_next(&rows, &region))
        count++;
    assert_int_equal(store_rows_end(&rows, NULL), OK);
    assert_int_equal(count, 2);
    store_end(store);
    store_regions(store, &rows);
    assert_true(store_region_next(&rows, &region));
    assert_string_equal(region.name, "ap");
    assert_int_equal(store_rows_end(&rows, NULL), OK);
    store_close(&store);
}

static void test_a_reader_never_stands_in_a_shells_way(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_reader(fixture);
    struct store_rows rows;
    struct store_region region;
    /* the shell has no busy timeout */
    assert_int_equal(store_begin(store, NULL), OK);
    store_regions(store, &rows);
    assert_true(store_region_next(&rows, &region));
    fixture_run(fixture, "BEGIN IMMEDIATE; UPDATE region SET note = 'x'; COMMIT; PRAGMA wal_checkpoint");
    assert_int_equal(store_rows_end(&rows, NULL), OK);
    store_end(store);
    /* and a transaction that it leaves open stops no reader, nor a new one */
    fixture_run(fixture, "BEGIN EXCLUSIVE; UPDATE region SET note = 'y'");
    struct store *second = fixture_reader(fixture);
    assert_int_equal(store_begin(second, NULL), OK);
    store_close(&second);
    store_close(&store);
    fixture_run(fixture, "COMMIT");
}

/* Rows ----------------------------------------------------------------------------------------- */

static void test_the_first_session_is_read_back(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_reader(fixture);
    struct store_rows zones, records, services, pools, endpoints;
    struct store_zone zone;
    struct store_record record;
    struct store_service service;
    struct store_pool pool;
    struct store_endpoint endpoint;
    assert_int_equal(store_begin(store, NULL), OK);
    store_zones(store, &zones);
    assert_true(store_zone_next(&zones, &zone));
    assert_string_equal(zone.rname, "hostmaster@example.com");
    assert_int_equal(zone.negative_ttl_s, 60);
    assert_int_equal(zone.expire_s, 1209600);
    store_records(store, zone.name, &records);
    assert_true(store_record_next(&records, &record));
    assert_string_equal(record.name, "@");
    assert_int_equal(record.ttl_s, STORE_TTL_OF_ZONE);
    assert_true(store_record_next(&records, &record));
    assert_string_equal(record.data, "192.0.2.53");
    assert_false(store_record_next(&records, &record));
    assert_int_equal(store_rows_end(&records, NULL), OK);
    store_services(store, zone.name, &services);
    assert_true(store_service_next(&services, &service));
    assert_string_equal(service.monitor, "web");
    assert_string_equal(service.all_down, "serve_all");
    store_pools(store, service.name, &pools);
    assert_true(store_pool_next(&pools, &pool));
    assert_true(store_pool_next(&pools, &pool));
    assert_string_equal(pool.region, "us");
    assert_int_equal(pool.weight, 100);
    store_endpoints(store, service.name, &endpoints);
    assert_true(store_endpoint_next(&endpoints, &endpoint));
    assert_string_equal(endpoint.address, "198.51.100.1");
    assert_null(endpoint.check_address);
    assert_int_equal(endpoint.until_s, 0);
    assert_int_equal(store_rows_end(&endpoints, NULL), OK);
    assert_int_equal(store_rows_end(&pools, NULL), OK);
    assert_false(store_service_next(&services, &service));
    assert_int_equal(store_rows_end(&services, NULL), OK);
    assert_false(store_zone_next(&zones, &zone));
    assert_int_equal(store_rows_end(&zones, NULL), OK);
    store_close(&store);
}

static void test_monitors_have_milliseconds(void **state)
{
    struct fixture *fixture = *state;
    fixture_run(fixture,
                "UPDATE monitor SET interval_s = 0.5, timeout_s = 0.0104, quorum = 3, latency_max_ms = 7");
    struct store *store = fixture_reader(fixture);
    struct store_rows rows;
    struct store_monitor monitor;
    store_monitors(store, &rows);
    assert_true(store_monitor_next(&rows, &monitor));
    assert_int_equal(monitor.interval_ms, 500);
    assert_int_equal(monitor.timeout_ms, 10);
    assert_int_equal(monitor.latency_max_ms, 7);
    assert_int_equal(monitor.port, 80);
    assert_string_equal(monitor.quorum, "3");
    assert_null(monitor.host);
    assert_true(monitor.tls_verify);
    assert_int_equal(store_rows_end(&rows, NULL), OK);
    store_close(&store);
}

static void test_services_go_to_their_longest_zone(void **state)
{
    struct fixture *fixture = *state;
    fixture_run(
        fixture,
        "INSERT INTO zone(name, mname, rname) VALUES"
        " ('example.com', 'ns1.example.com', 'h@example.com'),"
        " ('lb.example.com', 'ns1.example.com', 'h@example.com');"
        "INSERT INTO service(name, policy) VALUES ('example.com', 'global'), ('api.example.com', 'global')");
    struct store *store = fixture_reader(fixture);
    assert_int_equal(count_services(store, "example.com"), 2);
    assert_int_equal(count_services(store, "gslb.example.com"), 1);
    assert_int_equal(count_services(store, "lb.example.com"), 0);
    assert_int_equal(count_services(store, NULL), 3);
    store_close(&store);
}

static int index_find(const void *context, const char *region)
{
    (void)context;
    return strcmp(region, "us") == 0 ? 0 : strcmp(region, "eu") == 0 ? 5 : -1;
}

static void test_a_policy_comes_with_rules_and_places(void **state)
{
    struct fixture *fixture = *state;
    fixture_run(fixture, "INSERT INTO region(name, latitude, longitude) VALUES ('ap', 1, 2);"
                         "UPDATE region SET latitude = 50, longitude = 8 WHERE name = 'eu';"
                         "UPDATE region SET latitude = 40, longitude = -74 WHERE name = 'us';"
                         "INSERT INTO rule(policy, client, region) VALUES ('global', 'country:JP', 'ap');"
                         "INSERT INTO policy(name, method, geofence) VALUES ('near', 'nearest', 1)");
    struct store *store = fixture_reader(fixture);
    const struct store_region_indexes indexes = {.find = index_find};
    struct store_rows rows;
    struct policy policy;
    store_policies(store, &rows);
    assert_true(store_policy_next(&rows, &indexes, &policy));
    assert_string_equal(policy.name, "global");
    assert_int_equal(policy.method, POLICY_RULES);
    assert_int_equal(policy.rules_count, 4); /* "ap" has no index */
    unsigned weighed = 0;
    for (size_t i = 0; i < policy.rules_count; i++)
        weighed += policy.rules[i].weight != POLICY_WEIGHT_OF_POOL;
    assert_int_equal(weighed, 1);
    assert_int_equal(policy.places_count, 2);
    assert_int_equal(policy.places[0].region, 0);
    assert_true(policy.places[1].latitude == 50);
    policy_fini(&policy);
    assert_true(store_policy_next(&rows, &indexes, &policy));
    assert_int_equal(policy.method, POLICY_NEAREST);
    assert_true(policy.geofence);
    assert_int_equal(policy.rules_count, 0);
    policy_fini(&policy);
    assert_false(store_policy_next(&rows, &indexes, &policy));
    assert_int_equal(store_rows_end(&rows, NULL), OK);
    store_close(&store);
}

static void test_states_are_those_that_are_not_auto(void **state)
{
    struct fixture *fixture = *state;
    fixture_run(fixture, "UPDATE pool SET state = 'down' WHERE region = 'us';"
                         "UPDATE endpoint SET state = 'up', until = 2000000000 WHERE region = 'us'");
    struct store *store = fixture_reader(fixture);
    struct store_rows rows;
    struct store_state found;
    store_states(store, &rows);
    assert_true(store_state_next(&rows, &found));
    assert_null(found.service);
    assert_string_equal(found.region, "eu");
    assert_string_equal(found.state, "drain");
    assert_true(store_state_next(&rows, &found));
    assert_string_equal(found.service, "www.gslb.example.com");
    assert_null(found.address);
    assert_true(store_state_next(&rows, &found));
    assert_string_equal(found.address, "203.0.113.1");
    assert_int_equal(found.until_s, 2000000000);
    assert_false(store_state_next(&rows, &found));
    assert_int_equal(store_rows_end(&rows, NULL), OK);
    store_close(&store);
}

static void test_a_value_past_the_triggers_is_an_error_and_no_row(void **state)
{
    struct fixture *fixture = *state;
    fixture_run(fixture, "DROP TRIGGER pool_before_update; UPDATE pool SET weight = -1");
    struct store *store = fixture_reader(fixture);
    struct store_rows rows;
    struct store_pool pool;
    struct diag diag;
    store_pools(store, "www.gslb.example.com", &rows);
    assert_false(store_pool_next(&rows, &pool));
    assert_int_equal(store_rows_end(&rows, &diag), ERR_CORRUPT);
    assert_string_equal(diag.text, "pool: \"eu\" has a bad weight; correct it in the store");
    fixture_run(fixture, "DROP TABLE endpoint");
    struct store_endpoint endpoint;
    store_endpoints(store, "www.gslb.example.com", &rows);
    assert_false(store_endpoint_next(&rows, &endpoint));
    assert_int_equal(store_rows_end(&rows, &diag), ERR_CORRUPT);
    assert_non_null(strstr(diag.text, "no such table"));
    store_close(&store);
}

/* Changes -------------------------------------------------------------------------------------- */

#define KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void test_vantage_points_come_and_go(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_writer(fixture);
    struct diag diag;
    struct store_vantage vantage = {.name = "ams",
                                    .public_key = KEY,
                                    .placed = true,
                                    .latitude = 52.4,
                                    .longitude = 4.9,
                                    .asn = 64500,
                                    .enabled = true};
    assert_int_equal(store_vantage_add(store, &vantage, NULL), OK);
    assert_int_equal(store_vantage_add(store, &vantage, &diag), ERR_EXISTS);
    assert_string_equal(diag.text, "vantage: there is already one named \"ams\"; remove it first");
    vantage.name = "it's";
    assert_int_equal(store_vantage_add(store, &vantage, &diag), ERR_REFUSED);
    assert_string_equal(diag.text,
                        "vantage: name \"it's\" may hold only letters, digits, \"-\", \"_\" and dots");
    struct store_rows rows;
    struct store_vantage found;
    store_vantages(store, &rows);
    assert_true(store_vantage_next(&rows, &found));
    assert_true(found.placed && found.enabled && found.latitude == 52.4);
    assert_int_equal(found.asn, 64500);
    assert_string_equal(found.public_key, KEY);
    assert_int_equal(store_rows_end(&rows, NULL), OK);
    assert_int_equal(store_vantage_remove(store, "ams", NULL), OK);
    assert_int_equal(store_vantage_remove(store, "ams", &diag), ERR_MISSING);
    store_close(&store);
}

static void test_a_change_that_is_undone_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_writer(fixture);
    const struct store_vantage vantage = {.name = "ams", .public_key = KEY, .enabled = true};
    assert_int_equal(store_change_begin(store, NULL), OK);
    assert_int_equal(store_vantage_add(store, &vantage, NULL), OK);
    store_change_undo(store);
    assert_int_equal(fixture_number(fixture, "SELECT count(*) FROM vantage"), 0);
    store_close(&store);
}

/* The manual ----------------------------------------------------------------------------------- */

static void test_the_manual_has_the_first_session_and_every_column(void **state)
{
    struct fixture *fixture = *state;
    struct buffer manual = fixture_file("../../../docs/STORE.md");
    struct buffer session = fixture_file("first_session.sql");
    assert_non_null(strstr((const char *)manual.bytes, (const char *)session.bytes));
    sqlite3_stmt *columns;
    const char *sql = "SELECT '`' || c.name || '`' FROM sqlite_schema AS t, pragma_table_info(t.name) AS c"
                      " WHERE t.type = 'table'";
    assert_int_equal(sqlite3_prepare_v2(fixture->db, sql, -1, &columns, NULL), SQLITE_OK);
    unsigned count = 0;
    for (; sqlite3_step(columns) == SQLITE_ROW; count++)
        if (!strstr((const char *)manual.bytes, (const char *)sqlite3_column_text(columns, 0)))
            fail_msg("docs/STORE.md lacks %s", (const char *)sqlite3_column_text(columns, 0));
    assert_int_equal(count, 95);
    sqlite3_finalize(columns);
    buffer_fini(&manual);
    buffer_fini(&session);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, fixture_setup_session, fixture_teardown)
    const struct CMUnitTest tests[] = {
        test(test_init_makes_one_file_and_leaves_a_store_alone),
        test(test_what_is_no_store_is_named),
        test(test_a_store_cut_short_is_damaged),
        test(test_a_store_out_of_wal_mode_is_not_read),
        test(test_another_version_is_refused),
        test(test_an_older_store_is_taken_through_every_step),
        test(test_a_step_that_fails_leaves_the_store_as_it_was),
        test(test_a_commit_moves_the_change_counter),
        test(test_a_replaced_file_is_noticed),
        test(test_a_restored_backup_is_a_commit_like_any_other),
        test(test_a_snapshot_stands_while_others_write),
        test(test_a_reader_never_stands_in_a_shells_way),
        test(test_the_first_session_is_read_back),
        test(test_monitors_have_milliseconds),
        test(test_services_go_to_their_longest_zone),
        test(test_a_policy_comes_with_rules_and_places),
        test(test_states_are_those_that_are_not_auto),
        test(test_a_value_past_the_triggers_is_an_error_and_no_row),
        test(test_vantage_points_come_and_go),
        test(test_a_change_that_is_undone_leaves_nothing),
        test(test_the_manual_has_the_first_session_and_every_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
