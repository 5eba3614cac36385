/* tests/unit/test_verdicts_restart.c - what outlives control besides the verdicts: damping and suspicions;
 * and what does not: events without a file. */
#include "server/control/verdicts.h"

#include <poll.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/roster_fixture.h"

#define WWW "www.example.com"

static const struct fixture_row rows[] = {
    {SUBJECT_POOL, 300, WWW, "eu", NULL, NULL, NULL},
    {SUBJECT_ENDPOINT, 400, WWW, "eu", "192.0.2.1", "192.0.2.1", "fast"},
    {SUBJECT_ENDPOINT, 401, WWW, "eu", "192.0.2.2", "192.0.2.2", "fast"},
    {SUBJECT_ENDPOINT, 402, WWW, "eu", "192.0.2.3", "192.0.2.3", "fast"},
};
enum { ROWS = sizeof rows / sizeof *rows, ENDPOINTS = 3, VANTAGES = 5, SLOTS = 1024 };

/* A control process, of which the board and the file stay when it ends. */
struct rig {
    char dir[40], path[64];
    struct fixture fixture;
    struct board *board;
    struct history *history;
    struct verdicts *verdicts;
    struct moment now;
};

static void start(struct rig *rig)
{
    assert_int_equal(history_open(rig->path, &rig->history, NULL), OK);
    assert_int_equal(verdicts_new(rig->board, rig->history, rig->now, &rig->verdicts, NULL), OK);
    assert_int_equal(verdicts_configure(rig->verdicts, rig->fixture.roster, rig->now, NULL), OK);
}

static void stop(struct rig *rig)
{
    verdicts_free(&rig->verdicts);
    history_close(&rig->history);
}

/* Another process, by another monotonic clock. */
static void restart(struct rig *rig)
{
    stop(rig);
    rig->now.mono_ms = 1000;
    start(rig);
}

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    *rig = (struct rig){.dir = "/tmp/restart-test.XXXXXX",
                        .now = {.mono_ms = 50000, .wall_ms = 1700000000000}};
    assert_non_null(mkdtemp(rig->dir));
    (void)snprintf(rig->path, sizeof rig->path, "%s/health.db", rig->dir);
    rig->fixture = fixture_open(rows, ROWS, VANTAGES, NULL);
    assert_int_equal(board_new(SLOTS, &rig->board, NULL), OK);
    start(rig);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    struct rig *rig = *state;
    stop(rig);
    board_close(&rig->board);
    fixture_close(&rig->fixture);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char path[96];
        (void)snprintf(path, sizeof path, "%s%s", rig->path, suffixes[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(rig->dir), 0);
    free(rig);
    return 0;
}

static void vote(struct rig *rig, unsigned vantage, unsigned endpoint, enum verdict verdict)
{
    char name[16], check[32];
    (void)snprintf(name, sizeof name, "v%u", vantage);
    (void)snprintf(check, sizeof check, "fast 192.0.2.%u", endpoint + 1);
    struct batch_result result = {.check = check, .vote = {.verdict = verdict, .since_ms = 1}};
    const struct batch_votes votes = {.results = &result, .results_count = 1};
    struct intake_sender *sender = verdicts_sender(rig->verdicts, name);
    assert_non_null(sender);
    verdicts_tally(rig->verdicts, sender, &votes, rig->now);
}

static void pass_second(struct rig *rig)
{
    verdicts_tick(rig->verdicts, rig->now);
    rig->now.mono_ms += 1000;
    rig->now.wall_ms += 1000;
}

/* All vote so each second until the word says it; returns how many seconds that took. */
static int vote_until(struct rig *rig, enum verdict verdict)
{
    int seconds = 0;
    while (board_get(rig->board, 400).verdict != verdict) {
        for (unsigned v = 0; v < VANTAGES; v++)
            vote(rig, v, 0, verdict);
        pass_second(rig);
        assert_in_range(seconds++, 0, 1000);
    }
    return seconds;
}

static void test_a_restart_does_not_forget_how_often_an_endpoint_has_flapped(void **state)
{
    struct rig *rig = *state;
    /* Each with a restart before it goes down again, and after. */
    static const int waits_s[] = {10, 20, 40, 80};
    (void)vote_until(rig, VERDICT_UP);
    for (size_t i = 0; i < sizeof waits_s / sizeof *waits_s; i++) {
        restart(rig);
        (void)vote_until(rig, VERDICT_DOWN);
        restart(rig);
        assert_in_range(vote_until(rig, VERDICT_UP), waits_s[i], waits_s[i] + 2);
    }
}

/* v4 sees everything down, the others nothing. */
static void vote_apart(struct rig *rig)
{
    for (unsigned v = 0; v < VANTAGES; v++)
        for (unsigned i = 0; i < ENDPOINTS; i++)
            vote(rig, v, i, v == VANTAGES - 1 ? VERDICT_DOWN : VERDICT_UP);
    pass_second(rig);
}

static void test_a_restart_does_not_clear_a_suspicion(void **state)
{
    struct rig *rig = *state;
    for (int i = 0; i < 20; i++)
        vote_apart(rig);
    assert_true(verdicts_vantage(rig->verdicts, VANTAGES - 1).suspect);
    restart(rig);
    assert_true(verdicts_vantage(rig->verdicts, VANTAGES - 1).suspect);
    assert_false(verdicts_vantage(rig->verdicts, 0).suspect);
    for (int i = 0; i < 20; i++) {
        vote_apart(rig);
        assert_true(verdicts_vantage(rig->verdicts, VANTAGES - 1).suspect);
    }
    for (int second = 0; verdicts_vantage(rig->verdicts, VANTAGES - 1).suspect; second++) {
        assert_in_range(second, 0, 10); /* five intervals, and what is under way */
        for (unsigned v = 0; v < VANTAGES; v++)
            for (unsigned i = 0; i < ENDPOINTS; i++)
                vote(rig, v, i, VERDICT_UP);
        pass_second(rig);
    }
}

static void test_events_that_no_file_took_are_counted(void **state)
{
    struct rig *rig = *state;
    const size_t waiting = history_pending(rig->history);
    for (size_t i = 0; i < HISTORY_PENDING_MAX + 3 - waiting; i++)
        history_event(rig->history, &(struct history_event){1000, "region eu", "up", "down", "why"});
    assert_int_equal(verdicts_events_lost(rig->verdicts), 3);
}

/* Another process that has the file for itself, as who repairs it after a crash; for a moment. */
static pid_t hold(const char *path)
{
    int held[2];
    char byte = 0;
    assert_int_equal(pipe(held), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        sqlite3 *db;
        const bool ok = sqlite3_open(path, &db) == SQLITE_OK &&
                        sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE", NULL, NULL,
                                     NULL) == SQLITE_OK;
        if (!ok || write(held[1], "", 1) != 1)
            _exit(1);
        (void)poll(NULL, 0, 10 * HISTORY_BUSY_MS);
        _exit(0);
    }
    assert_true(pid > 0);
    close(held[1]);
    assert_int_equal(read(held[0], &byte, 1), 1);
    close(held[0]);
    return pid;
}

static void test_a_start_waits_for_who_repairs_the_file(void **state)
{
    struct rig *rig = *state;
    int status;
    pass_second(rig);
    stop(rig);
    const pid_t pid = hold(rig->path);
    start(rig);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_a_long_log_of_a_file_that_is_gone_is_left_alone(void **state)
{
    struct rig *rig = *state;
    char reason[1024];
    memset(reason, 'x', sizeof reason - 1);
    reason[sizeof reason - 1] = '\0';
    for (int i = 0; i < 5 * HISTORY_WAL_PAGES; i++)
        history_event(rig->history, &(struct history_event){1000, "region eu", "up", "down", reason});
    assert_int_equal(history_begin(rig->history, NULL), OK);
    assert_int_equal(history_commit(rig->history, NULL), OK);
    assert_int_equal(unlink(rig->path), 0);
    assert_int_equal(mkdir(rig->path, 0700), 0); /* no file can be made there */
    history_event(rig->history, &(struct history_event){1000, "region eu", "down", "up", reason});
    pass_second(rig);
    assert_int_equal(verdicts_failures(rig->verdicts), 1);
    assert_int_equal(rmdir(rig->path), 0);
    pass_second(rig);
    assert_int_equal(verdicts_failures(rig->verdicts), 1);
    assert_int_equal(history_pending(rig->history), 0);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        test(test_a_restart_does_not_forget_how_often_an_endpoint_has_flapped),
        test(test_a_restart_does_not_clear_a_suspicion),
        test(test_events_that_no_file_took_are_counted),
        test(test_a_start_waits_for_who_repairs_the_file),
        test(test_a_long_log_of_a_file_that_is_gone_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
