/* tests/unit/test_watch.c */
#include "tests/unit/store_fixture.h"

#include "common/clock.h"
#include "server/control/watch.h"

#include <event2/event.h>
#include <fcntl.h>

enum { DEADLINE_MS = 20000 };

struct seen {
    struct fixture *store;
    struct event_base *base;
    struct watch *watch;
    unsigned commits, geo;
    enum err answer; /* of the commit callback */
};

static enum err on_commit(void *context, struct store *store, struct diag *reterr)
{
    struct seen *seen = context;
    assert_non_null(store);
    seen->commits++;
    return seen->answer == OK ? OK : diag_set(reterr, seen->answer, "not now");
}

static void on_geo(void *context)
{
    struct seen *seen = context;
    seen->geo++;
}

static void start(struct seen *seen, const char *const *geo_paths, size_t geo_paths_count)
{
    const struct watch_setup setup = {.base = seen->base,
                                      .store_path = seen->store->path,
                                      .geo_paths = geo_paths,
                                      .geo_paths_count = geo_paths_count,
                                      .context = seen,
                                      .commit = on_commit,
                                      .geo = on_geo};
    assert_int_equal(watch_new(&setup, &seen->watch, NULL), OK);
}

/* Run the loop until `*count` is `wanted`. */
static void wait_for(const struct seen *seen, const unsigned *count, unsigned wanted)
{
    const int64_t begun_ms = clock_mono_ms();
    while (*count != wanted) {
        if (clock_mono_ms() - begun_ms > DEADLINE_MS)
            fail_msg("%u, where %u was expected", *count, wanted);
        assert_int_equal(event_base_loop(seen->base, EVLOOP_ONCE), 0);
    }
}

static int setup(void **state)
{
    struct seen *seen = calloc(1, sizeof *seen);
    assert_non_null(seen);
    (void)fixture_setup((void **)&seen->store);
    seen->base = event_base_new();
    *state = seen;
    return 0;
}

static int teardown(void **state)
{
    struct seen *seen = *state;
    watch_free(&seen->watch);
    event_base_free(seen->base);
    (void)fixture_teardown((void **)&seen->store);
    free(seen);
    return 0;
}

static void test_check_tells_of_the_store_once(void **state)
{
    struct seen *seen = *state;
    struct diag diag;
    start(seen, NULL, 0);
    assert_int_equal(seen->commits, 0);
    assert_int_equal(watch_check(seen->watch, &diag), OK);
    assert_int_equal(seen->commits, 1);
    assert_int_equal(watch_check(seen->watch, &diag), OK);
    assert_int_equal(seen->commits, 1);
}

static void test_a_commit_is_seen_without_a_signal(void **state)
{
    struct seen *seen = *state;
    struct diag diag;
    start(seen, NULL, 0);
    assert_int_equal(watch_check(seen->watch, &diag), OK);
    for (unsigned i = 0; i < 3; i++) {
        fixture_run(seen->store, "INSERT INTO region(name) VALUES ('r' || abs(random()))");
        wait_for(seen, &seen->commits, 2 + i);
    }
}

static void test_a_transaction_is_seen_when_it_commits(void **state)
{
    struct seen *seen = *state;
    struct diag diag;
    start(seen, NULL, 0);
    assert_int_equal(watch_check(seen->watch, &diag), OK);
    fixture_run(seen->store, "BEGIN IMMEDIATE; INSERT INTO region(name) VALUES ('eu')");
    assert_int_equal(watch_check(seen->watch, &diag), OK);
    assert_int_equal(seen->commits, 1);
    fixture_run(seen->store, "COMMIT");
    assert_int_equal(watch_check(seen->watch, &diag), OK);
    assert_int_equal(seen->commits, 2);
}

static void test_a_commit_that_was_not_taken_is_told_again(void **state)
{
    struct seen *seen = *state;
    struct diag diag;
    start(seen, NULL, 0);
    seen->answer = ERR_BUSY;
    assert_int_equal(watch_check(seen->watch, &diag), ERR_BUSY);
    assert_string_equal(diag.text, "not now");
    seen->answer = OK;
    assert_int_equal(watch_check(seen->watch, &diag), OK);
    assert_int_equal(seen->commits, 2);
}

/* Votes wait as long as a look does. */
static void test_a_store_that_is_locked_is_not_waited_for(void **state)
{
    struct seen *seen = *state;
    struct diag diag;
    start(seen, NULL, 0);
    fixture_run(seen->store, "PRAGMA locking_mode = EXCLUSIVE; INSERT INTO region(name) VALUES ('eu')");
    const int64_t begun_ms = clock_mono_ms();
    assert_int_equal(watch_check(seen->watch, &diag), ERR_BUSY);
    assert_in_range(clock_mono_ms() - begun_ms, 0, STORE_BUSY_MS / 2);
    assert_int_equal(seen->commits, 0);
    assert_int_equal(sqlite3_close(seen->store->db), SQLITE_OK);
    assert_int_equal(sqlite3_open(seen->store->path, &seen->store->db), SQLITE_OK);
    wait_for(seen, &seen->commits, 1);
}

static void test_a_store_that_is_missing_is_opened_when_it_is_there(void **state)
{
    struct seen *seen = *state;
    struct diag diag;
    char away[64];
    start(seen, NULL, 0);
    assert_int_equal(watch_check(seen->watch, &diag), OK);
    (void)snprintf(away, sizeof away, "%s.away", seen->store->path);
    assert_int_equal(rename(seen->store->path, away), 0);
    assert_int_equal(watch_check(seen->watch, &diag), ERR_MISSING);
    assert_non_null(strstr(diag.text, seen->store->path));
    assert_int_equal(store_init(seen->store->path, &diag), OK); /* another file */
    wait_for(seen, &seen->commits, 2);
}

static void write_file(const char *path, const char *text)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void test_a_geo_database_is_seen_when_it_is_rewritten_replaced_or_removed(void **state)
{
    struct seen *seen = *state;
    char paths[2][64];
    (void)snprintf(paths[0], sizeof paths[0], "%s/geo", seen->store->dir);
    (void)snprintf(paths[1], sizeof paths[1], "%s/geo.new", seen->store->dir);
    write_file(paths[0], "one");
    start(seen, (const char *const[]){paths[0]}, 1);
    write_file(paths[0], "longer");
    wait_for(seen, &seen->geo, 1);
    write_file(paths[1], "newest");
    assert_int_equal(rename(paths[1], paths[0]), 0);
    wait_for(seen, &seen->geo, 2);
    assert_int_equal(unlink(paths[0]), 0);
    wait_for(seen, &seen->geo, 3);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        test(test_check_tells_of_the_store_once),
        test(test_a_commit_is_seen_without_a_signal),
        test(test_a_transaction_is_seen_when_it_commits),
        test(test_a_commit_that_was_not_taken_is_told_again),
        test(test_a_store_that_is_locked_is_not_waited_for),
        test(test_a_store_that_is_missing_is_opened_when_it_is_there),
        test(test_a_geo_database_is_seen_when_it_is_rewritten_replaced_or_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
