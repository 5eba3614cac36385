/* tests/unit/test_history.c - health.db: rows in and out, and what a broken, locked or full file does. */
#include "zones/history/history.h"

#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
    char dir[40];
    char path[64];
};

static struct place make_place(void)
{
    struct place place = {.dir = "/tmp/history-test.XXXXXX"};
    assert_non_null(mkdtemp(place.dir));
    (void)snprintf(place.path, sizeof place.path, "%s/health.db", place.dir);
    return place;
}

static void remove_place(const struct place *place)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".broken", ".broken-wal", ".broken-shm"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char path[96];
        (void)snprintf(path, sizeof path, "%s%s", place->path, suffixes[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(place->dir), 0);
}

static struct history *open_history(const struct place *place)
{
    struct history *history = NULL;
    struct diag diag = {""};
    if (history_open(place->path, &history, &diag) != OK)
        fail_msg("%s", diag.text);
    return history;
}

/* The first column of the first row, as another program sees it. */
static int64_t ask(const struct place *place, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open_v2(place->path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    const int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
}

static const struct history_health eu_down = {.kind = SUBJECT_ENDPOINT,
                                              .service = "www.example.com",
                                              .region = "eu",
                                              .address = "192.0.2.1",
                                              .verdict = "down",
                                              .since_ms = 1700000000500,
                                              .up = 1,
                                              .down = 3,
                                              .unknown = 1,
                                              .latency_ms = 12,
                                              .reason = "3 of 5 down: timeout"};

static void put_one(struct history *history, const struct history_health *row)
{
    assert_int_equal(history_begin(history, NULL), OK);
    history_put_health(history, row);
    assert_int_equal(history_commit(history, NULL), OK);
}

/* What a taker was given. */
struct taken {
    unsigned count;
    char text[512];
};

static void take_health(void *context, const struct history_health *row)
{
    struct taken *taken = context;
    taken->count++;
    (void)snprintf(taken->text, sizeof taken->text, "%d %s %s %s %s %lld %u %u %u %u %s", (int)row->kind,
                   row->service, row->region, row->address, row->verdict, (long long)row->since_ms, row->up,
                   row->down, row->unknown, row->latency_ms, row->reason);
}

static void take_event(void *context, const struct history_event *row)
{
    struct taken *taken = context;
    taken->count++;
    (void)snprintf(taken->text, sizeof taken->text, "%lld %s %s %s %s", (long long)row->at_ms, row->subject,
                   row->was, row->is, row->reason);
}

static void take_vantage(void *context, const struct history_vantage *row)
{
    struct taken *taken = context;
    taken->count++;
    (void)snprintf(taken->text, sizeof taken->text, "%s %lld %u %d %lld %lld", row->name,
                   (long long)row->seen_ms, row->votes, row->suspect, (long long)row->votes_seq,
                   (long long)row->checks_seq);
}

static void take_state(void *context, const struct history_state *row)
{
    struct taken *taken = context;
    taken->count++;
    (void)snprintf(taken->text, sizeof taken->text, "%d %s %s %s %s %lld", (int)row->kind, row->service,
                   row->region, row->address, row->state, (long long)row->until_ms);
}

static void take_problem(void *context, const struct history_problem *row)
{
    struct taken *taken = context;
    taken->count++;
    (void)snprintf(taken->text, sizeof taken->text, "%lld %s %s %s", (long long)row->at_ms, row->zone,
                   row->subject, row->message);
}

static void test_a_new_file_has_the_tables_of_the_design(void **state)
{
    (void)state;
    static const char *const queries[] = {
        "SELECT count(*) FROM (SELECT service, region, address, verdict, since, up, down, unknown, "
        "latency_ms, reason"
        " FROM endpoint_health)",
        "SELECT count(*) FROM (SELECT service, region, verdict, since, up, down, unknown, latency_ms, reason"
        " FROM pool_health)",
        "SELECT count(*) FROM (SELECT region, verdict, since, up, down, unknown, latency_ms, reason FROM "
        "region_health)",
        "SELECT count(*) FROM (SELECT name, last_seen, votes, suspect FROM vantage_health)",
        "SELECT count(*) FROM (SELECT at, subject, was, \"is\", reason FROM event)",
        "SELECT count(*) FROM (SELECT generation, at, ok, zones, problems FROM load)",
        "SELECT count(*) FROM (SELECT at, zone, subject, message FROM problem)",
    };
    const struct place place = make_place();
    struct history *history = open_history(&place);
    struct stat st;
    assert_int_equal(stat(place.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
        assert_int_equal(ask(&place, queries[i]), 0);
    assert_int_equal(ask(&place, "PRAGMA user_version"), HISTORY_VERSION);
    assert_int_equal(ask(&place, "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND strict = 0"
                                 " AND name NOT LIKE 'sqlite_%'"),
                     0);
    history_close(&history);
    remove_place(&place);
}

static void test_rows_come_back_as_they_were_put(void **state)
{
    (void)state;
    const struct place place = make_place();
    struct history *history = open_history(&place);
    put_one(history, &eu_down);
    struct history_health again = eu_down;
    again.up = 2;
    put_one(history, &again);
    history_close(&history);
    assert_int_equal(history_open_read(place.path, &history, NULL), OK);
    struct taken taken = {0};
    const struct history_taker taker = {.context = &taken, .health = take_health};
    assert_int_equal(history_each_health(history, SUBJECT_ENDPOINT, &taker, NULL), OK);
    assert_int_equal(taken.count, 1);
    assert_string_equal(taken.text,
                        "2 www.example.com eu 192.0.2.1 down 1700000000000 2 3 1 12 3 of 5 down: timeout");
    assert_int_equal(history_each_health(history, SUBJECT_POOL, &taker, NULL), OK);
    assert_int_equal(taken.count, 1);
    history_close(&history);
    remove_place(&place);
}

static void test_each_kind_of_row_has_its_own_key(void **state)
{
    (void)state;
    const struct place place = make_place();
    struct history *history = open_history(&place);
    for (int kind = SUBJECT_REGION; kind <= SUBJECT_ENDPOINT; kind++) {
        struct history_health row = eu_down;
        row.kind = (enum subject_kind)kind;
        put_one(history, &row);
        row.region = "us";
        put_one(history, &row);
        assert_int_equal(history_begin(history, NULL), OK);
        history_drop_health(history, &row);
        assert_int_equal(history_commit(history, NULL), OK);
        struct taken taken = {0};
        const struct history_taker taker = {.context = &taken, .health = take_health};
        assert_int_equal(history_each_health(history, row.kind, &taker, NULL), OK);
        assert_int_equal(taken.count, 1);
        assert_non_null(strstr(taken.text, " eu "));
    }
    history_close(&history);
    remove_place(&place);
}

static void test_vantage_points_states_and_problems_are_kept(void **state)
{
    (void)state;
    const struct place place = make_place();
    struct history *history = open_history(&place);
    char zone[] = "example.com", subject[] = "www A x", message[] = "bad";
    const struct manifest_problem problem = {.zone = zone, .subject = subject, .message = message};
    const struct history_state drain = {SUBJECT_POOL, "www.example.com", "eu", "", "drain", 1700000060000};
    const struct history_vantage vantage = {
        .name = "ams", .seen_ms = 5000, .votes = 9, .suspect = true, .votes_seq = 77, .checks_seq = -1};
    assert_int_equal(history_begin(history, NULL), OK);
    history_put_vantage(history, &vantage);
    history_put_states(history, &drain, 1);
    history_put_problems(history, &problem, 1, 9000);
    history_put_load(history, &(struct history_load){.generation = 3, .at_ms = 9000, .ok = true, .zones = 2});
    assert_int_equal(history_commit(history, NULL), OK);
    struct taken taken = {0};
    const struct history_taker taker = {
        .context = &taken, .vantage = take_vantage, .state = take_state, .problem = take_problem};
    assert_int_equal(history_each_vantage(history, &taker, NULL), OK);
    assert_string_equal(taken.text, "ams 5000 9 1 77 -1");
    assert_int_equal(history_each_state(history, &taker, NULL), OK);
    assert_string_equal(taken.text, "1 www.example.com eu  drain 1700000060000");
    assert_int_equal(history_each_problem(history, &taker, NULL), OK);
    assert_string_equal(taken.text, "9000 example.com www A x bad");
    assert_int_equal(history_begin(history, NULL), OK);
    history_put_problems(history, NULL, 0, 9000);
    history_put_states(history, NULL, 0);
    history_clear(history);
    assert_int_equal(history_commit(history, NULL), OK);
    assert_int_equal(ask(&place,
                         "SELECT (SELECT count(*) FROM problem) + (SELECT count(*) FROM operator_state)"
                         " + (SELECT count(*) FROM vantage_health)"),
                     0);
    assert_int_equal(ask(&place, "SELECT count(*) FROM load WHERE generation = 3 AND ok = 1"), 1);
    history_close(&history);
    remove_place(&place);
}

static void add_events(struct history *history, unsigned count, int64_t at_ms)
{
    for (unsigned i = 0; i < count; i++)
        history_event(history, &(struct history_event){at_ms + i, "region eu", "up", "down", "why"});
}

static void test_events_wait_for_a_commit(void **state)
{
    (void)state;
    const struct place place = make_place();
    struct history *history = open_history(&place);
    add_events(history, 3, 1700000000250);
    assert_int_equal(history_pending(history), 3);
    assert_int_equal(ask(&place, "SELECT count(*) FROM event"), 0);
    put_one(history, &eu_down);
    assert_int_equal(history_pending(history), 0);
    struct taken taken = {0};
    const struct history_taker taker = {.context = &taken, .event = take_event};
    assert_int_equal(history_each_event(history, 2, &taker, NULL), OK);
    assert_int_equal(taken.count, 2);
    assert_string_equal(taken.text, "1700000000252 region eu up down why");
    history_close(&history);
    remove_place(&place);
}

static void test_events_that_find_no_place_are_counted(void **state)
{
    (void)state;
    const struct place place = make_place();
    struct history *history = open_history(&place);
    add_events(history, HISTORY_PENDING_MAX + 5, 1000);
    assert_int_equal(history_pending(history), HISTORY_PENDING_MAX);
    assert_int_equal(history_lost(history), 5);
    history_close(&history);
    remove_place(&place);
}

static void test_old_events_go(void **state)
{
    (void)state;
    const struct place place = make_place();
    struct history *history = open_history(&place);
    add_events(history, 10, 1000);
    put_one(history, &eu_down);
    add_events(history, 1, (int64_t)HISTORY_EVENTS_AGE_S * 1000 + 60000);
    put_one(history, &eu_down);
    assert_int_equal(ask(&place, "SELECT count(*) FROM event"), 1);
    assert_int_equal(ask(&place, "UPDATE event SET rowid = rowid + 200000 RETURNING 1"), 1);
    add_events(history, 1, (int64_t)HISTORY_EVENTS_AGE_S * 1000 + 60000);
    put_one(history, &eu_down);
    assert_int_equal(ask(&place, "SELECT count(*) FROM event"), 2);
    assert_int_equal(ask(&place,
                         "INSERT INTO event SELECT at, subject, was, \"is\", reason, ms FROM event LIMIT 1"
                         " RETURNING 1"),
                     1);
    assert_int_equal(
        ask(&place, "UPDATE event SET rowid = 1 WHERE rowid = (SELECT min(rowid) FROM event) RETURNING 1"),
        1);
    add_events(history, 1, (int64_t)HISTORY_EVENTS_AGE_S * 1000 + 60000);
    put_one(history, &eu_down);
    assert_int_equal(ask(&place, "SELECT count(*) FROM event WHERE rowid = 1"), 0);
    assert_int_equal(ask(&place, "SELECT count(*) FROM event"), 3);
    history_close(&history);
    remove_place(&place);
}

static void test_a_writer_that_holds_the_lock_costs_one_try(void **state)
{
    (void)state;
    const struct place place = make_place();
    struct history *history = open_history(&place);
    sqlite3 *other;
    struct diag diag = {""};
    assert_int_equal(sqlite3_open(place.path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(history_begin(history, &diag), ERR_BUSY);
    assert_non_null(strstr(diag.text, "locked"));
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    put_one(history, &eu_down);
    sqlite3_close(other);
    history_close(&history);
    remove_place(&place);
}

static void test_a_reader_keeps_nobody_from_writing(void **state)
{
    (void)state;
    const struct place place = make_place();
    struct history *history = open_history(&place);
    sqlite3 *other;
    assert_int_equal(sqlite3_open(place.path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN; SELECT * FROM event", NULL, NULL, NULL), SQLITE_OK);
    put_one(history, &eu_down);
    history_tidy(history);
    sqlite3_close(other);
    assert_int_equal(ask(&place, "SELECT count(*) FROM endpoint_health"), 1);
    history_close(&history);
    remove_place(&place);
}

static void test_a_commit_that_fails_leaves_nothing(void **state)
{
    (void)state;
    const struct place place = make_place();
    struct history *history = open_history(&place);
    struct history_health row = eu_down;
    struct diag diag = {""};
    add_events(history, 1, 1000);
    assert_int_equal(history_begin(history, NULL), OK);
    history_put_health(history, &row);
    row.reason = NULL; /* what a failed allocation would bind */
    row.address = "192.0.2.2";
    history_put_health(history, &row);
    assert_int_not_equal(history_commit(history, &diag), OK);
    assert_non_null(strstr(diag.text, "NOT NULL"));
    assert_int_equal(ask(&place, "SELECT count(*) FROM endpoint_health"), 0);
    assert_int_equal(history_pending(history), 1);
    put_one(history, &eu_down);
    assert_int_equal(ask(&place, "SELECT count(*) FROM event"), 1);
    history_close(&history);
    remove_place(&place);
}

/* RLIMIT_FSIZE makes writes fail as a full disk does, with another errno. */
static void test_a_full_disk_is_an_error_and_passes(void **state)
{
    (void)state;
    const struct place place = make_place();
    struct history *history = open_history(&place);
    struct rlimit was;
    (void)signal(SIGXFSZ, SIG_IGN);
    struct diag diag = {""};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    struct rlimit tight = {.rlim_cur = 64 * 1024, .rlim_max = was.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    add_events(history, 5000, 1000);
    enum err err = history_begin(history, &diag);
    if (err == OK)
        err = history_commit(history, &diag);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(err, ERR_SYSTEM);
    assert_int_equal(history_pending(history), 5000);
    put_one(history, &eu_down);
    assert_int_equal(history_pending(history), 0);
    assert_int_equal(ask(&place, "SELECT count(*) FROM event"), 5000);
    history_close(&history);
    remove_place(&place);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_a_broken_file_is_moved_aside(void **state)
{
    (void)state;
    const struct place place = make_place();
    char broken[96];
    (void)snprintf(broken, sizeof broken, "%s.broken", place.path);
    write_file(
        place.path,
        "this is no database, whatever its name may say; long enough to be read as a header of one ....");
    struct history *history = open_history(&place);
    assert_int_equal(history_epoch(history), 1);
    assert_int_equal(access(broken, F_OK), 0);
    put_one(history, &eu_down);
    assert_int_equal(ask(&place, "SELECT count(*) FROM endpoint_health"), 1);
    history_close(&history);
    remove_place(&place);
}

/* Write over everything behind the first page, as a dying disk would. */
static void spoil(const struct place *place)
{
    struct stat st;
    assert_int_equal(stat(place->path, &st), 0);
    FILE *file = fopen(place->path, "r+");
    assert_non_null(file);
    for (off_t at = 4096; at < st.st_size; at++) {
        assert_int_equal(fseek(file, at, SEEK_SET), 0);
        assert_int_not_equal(fputc(0x55, file), EOF);
    }
    assert_int_equal(fclose(file), 0);
}

static void test_a_file_that_breaks_while_it_is_open_is_replaced(void **state)
{
    (void)state;
    const struct place place = make_place();
    struct history *history = open_history(&place);
    put_one(history, &eu_down);
    history_close(&history);
    (void)ask(&place, "PRAGMA wal_checkpoint(TRUNCATE)");
    spoil(&place);
    history = open_history(&place);
    struct taken taken = {0};
    const struct history_taker taker = {.context = &taken, .health = take_health};
    assert_int_equal(history_each_health(history, SUBJECT_ENDPOINT, &taker, NULL), ERR_CORRUPT);
    assert_int_equal(history_epoch(history), 0);
    put_one(history, &eu_down);
    assert_int_equal(history_epoch(history), 1);
    assert_int_equal(ask(&place, "SELECT count(*) FROM endpoint_health"), 1);
    history_close(&history);
    remove_place(&place);
}

static void test_a_file_that_is_gone_is_made_again(void **state)
{
    (void)state;
    static const char *const ways[] = {"rm health.db", "rm health.db*",
                                       "cp health.db copy && mv copy health.db"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const struct place place = make_place();
        struct history *history = open_history(&place);
        char command[128];
        put_one(history, &eu_down);
        (void)snprintf(command, sizeof command, "cd %s && %s", place.dir, ways[i]);
        assert_int_equal(system(command), 0);
        put_one(history, &eu_down);
        assert_int_equal(history_epoch(history), 1);
        assert_int_equal(ask(&place, "SELECT count(*) FROM endpoint_health"), 1);
        put_one(history, &eu_down);
        assert_int_equal(history_epoch(history), 1);
        history_close(&history);
        remove_place(&place);
    }
}

static void test_a_file_that_cannot_be_opened_is_tried_again(void **state)
{
    (void)state;
    const struct place place = make_place();
    struct history *history = NULL;
    struct diag diag;
    struct taken taken = {0};
    const struct history_taker taker = {.context = &taken, .health = take_health};
    assert_int_equal(mkdir(place.path, 0700), 0);
    assert_int_equal(history_open(place.path, &history, &diag), ERR_SYSTEM);
    assert_int_equal(history_open_later(place.path, &history, &diag), OK);
    assert_int_equal(history_each_health(history, SUBJECT_ENDPOINT, &taker, &diag), OK);
    history_event(history, &(struct history_event){.subject = "s", .was = "up", .is = "down", .reason = "r"});
    assert_int_equal(history_begin(history, &diag), ERR_SYSTEM);
    assert_int_equal(rmdir(place.path), 0);
    put_one(history, &eu_down);
    assert_int_equal(history_epoch(history), 1);
    assert_int_equal(ask(&place, "SELECT count(*) FROM endpoint_health"), 1);
    assert_int_equal(ask(&place, "SELECT count(*) FROM event"), 1);
    history_close(&history);
    remove_place(&place);
}

static void test_a_newer_program_s_file_is_left_alone(void **state)
{
    (void)state;
    const struct place place = make_place();
    struct history *history = open_history(&place);
    struct diag diag = {""};
    history_close(&history);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(place.path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(history_open(place.path, &history, &diag), ERR_VERSION);
    assert_int_equal(history_open_read(place.path, &history, NULL), ERR_VERSION);
    assert_non_null(strstr(diag.text, "version 99"));
    assert_int_equal(ask(&place, "PRAGMA user_version"), 99);
    remove_place(&place);
}

static void test_reading_what_is_not_there_says_so(void **state)
{
    (void)state;
    const struct place place = make_place();
    struct history *history = NULL;
    struct diag diag = {""};
    assert_int_equal(history_open_read(place.path, &history, &diag), ERR_MISSING);
    assert_non_null(strstr(diag.text, place.path));
    assert_null(history);
    remove_place(&place);
}

static void take_damping(void *context, const struct history_damping *row)
{
    struct taken *taken = context;
    taken->count++;
    (void)snprintf(taken->text, sizeof taken->text, "%s %u %lld %lld", row->check, row->doublings,
                   (long long)row->changed_ms, (long long)row->up_ms);
}

static void test_damping_is_kept_in_files_that_had_no_room_for_it_too(void **state)
{
    (void)state;
    const struct place place = make_place();
    struct history *history = open_history(&place);
    history_close(&history);
    (void)ask(&place, "SELECT count(*) FROM damping");
    sqlite3 *db;
    assert_int_equal(sqlite3_open(place.path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DROP TABLE damping", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    history = open_history(&place);
    const struct history_damping row = {
        .check = "web 192.0.2.1", .doublings = 3, .changed_ms = 7000, .up_ms = 6000};
    assert_int_equal(history_begin(history, NULL), OK);
    history_put_damping(history, &row);
    history_put_damping(history, &(struct history_damping){.check = "web 192.0.2.2"});
    history_drop_check(history, "web 192.0.2.2");
    assert_int_equal(history_commit(history, NULL), OK);
    struct taken taken = {0};
    const struct history_taker taker = {.context = &taken, .damping = take_damping};
    assert_int_equal(history_each_damping(history, &taker, NULL), OK);
    assert_int_equal(taken.count, 1);
    assert_string_equal(taken.text, "web 192.0.2.1 3 7000 6000");
    history_close(&history);
    remove_place(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_file_has_the_tables_of_the_design),
        cmocka_unit_test(test_rows_come_back_as_they_were_put),
        cmocka_unit_test(test_each_kind_of_row_has_its_own_key),
        cmocka_unit_test(test_vantage_points_states_and_problems_are_kept),
        cmocka_unit_test(test_events_wait_for_a_commit),
        cmocka_unit_test(test_events_that_find_no_place_are_counted),
        cmocka_unit_test(test_old_events_go),
        cmocka_unit_test(test_a_writer_that_holds_the_lock_costs_one_try),
        cmocka_unit_test(test_a_reader_keeps_nobody_from_writing),
        cmocka_unit_test(test_a_commit_that_fails_leaves_nothing),
        cmocka_unit_test(test_a_full_disk_is_an_error_and_passes),
        cmocka_unit_test(test_a_broken_file_is_moved_aside),
        cmocka_unit_test(test_a_file_that_breaks_while_it_is_open_is_replaced),
        cmocka_unit_test(test_a_file_that_is_gone_is_made_again),
        cmocka_unit_test(test_a_file_that_cannot_be_opened_is_tried_again),
        cmocka_unit_test(test_a_newer_program_s_file_is_left_alone),
        cmocka_unit_test(test_reading_what_is_not_there_says_so),
        cmocka_unit_test(test_damping_is_kept_in_files_that_had_no_room_for_it_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
