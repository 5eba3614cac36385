/* tests/unit/verdicts_rig.h - control without its processes: a roster, a board, a history and the verdicts on
 * them.
 */
#ifndef TESTS_UNIT_VERDICTS_RIG_H
#define TESTS_UNIT_VERDICTS_RIG_H

#include "server/control/verdicts.h"
#include "tests/unit/roster_fixture.h"

#include <sqlite3.h>
#include <unistd.h>

#define WWW "www.example.com"

static const struct fixture_row rows[] = {
    {SUBJECT_POOL, 300, WWW, "eu", NULL, NULL, NULL},
    {SUBJECT_POOL, 301, WWW, "us", NULL, NULL, NULL},
    {SUBJECT_ENDPOINT, 400, WWW, "eu", "192.0.2.1", "192.0.2.1", "web"},
    {SUBJECT_ENDPOINT, 401, WWW, "eu", "192.0.2.2", "192.0.2.2", "web"},
    {SUBJECT_ENDPOINT, 402, WWW, "us", "192.0.2.1", "192.0.2.1", "web"},
    {SUBJECT_ENDPOINT, 403, WWW, "us", "192.0.2.9", "192.0.2.9", NULL},
};
enum { ROWS = sizeof rows / sizeof rows[0], VANTAGES = 5, SLOTS = 1024 };

/* Control, without its processes. */
struct rig {
    char dir[40];
    char path[64];
    struct fixture fixture;
    struct board *board;
    struct history *history;
    struct verdicts *verdicts;
    struct moment now;
};

static inline void start(struct rig *rig)
{
    struct diag diag = {""};
    if (history_open(rig->path, &rig->history, &diag) != OK)
        fail_msg("%s", diag.text);
    assert_int_equal(verdicts_new(rig->board, rig->history, rig->now, &rig->verdicts, NULL), OK);
    assert_int_equal(verdicts_configure(rig->verdicts, rig->fixture.roster, rig->now, NULL), OK);
}

/* Control dies without a word: nothing is written on the way out. */
static inline void stop(struct rig *rig)
{
    verdicts_free(&rig->verdicts);
    history_close(&rig->history);
}

static inline struct rig open_rig(void)
{
    struct rig rig = {.dir = "/tmp/verdicts-test.XXXXXX",
                      .now = {.mono_ms = 50000, .wall_ms = 1700000000000}};
    assert_non_null(mkdtemp(rig.dir));
    (void)snprintf(rig.path, sizeof rig.path, "%s/health.db", rig.dir);
    rig.fixture = fixture_open(rows, ROWS, VANTAGES, NULL);
    assert_int_equal(board_new(SLOTS, &rig.board, NULL), OK);
    start(&rig);
    return rig;
}

static inline void close_rig(struct rig *rig)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".broken", ".broken-wal", ".broken-shm"};
    stop(rig);
    board_close(&rig->board);
    fixture_close(&rig->fixture);
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char path[96];
        (void)snprintf(path, sizeof path, "%s%s", rig->path, suffixes[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(rig->dir), 0);
}

/* Another world of these rows takes the place of the current one. */
static inline void publish(struct rig *rig, const struct fixture_row *next, uint32_t count)
{
    struct fixture fixture = fixture_open(next, count, VANTAGES, NULL);
    assert_int_equal(verdicts_configure(rig->verdicts, fixture.roster, rig->now, NULL), OK);
    fixture_close(&rig->fixture);
    rig->fixture = fixture;
}

static inline void pass(struct rig *rig, int64_t ms)
{
    rig->now.mono_ms += ms;
    rig->now.wall_ms += ms;
}

static inline void vote(struct rig *rig, unsigned vantage, const char *check, enum verdict verdict,
                 const char *reason)
{
    char name[8];
    (void)snprintf(name, sizeof name, "v%u", vantage);
    struct batch_result result = {.check = check,
                                  .vote = {.verdict = verdict, .latency_ms = 20, .since_ms = 1}};
    vote_explain(&result.vote, reason);
    const struct batch_votes votes = {.results = &result, .results_count = 1};
    struct intake_sender *sender = verdicts_sender(rig->verdicts, name);
    assert_non_null(sender);
    verdicts_tally(rig->verdicts, sender, &votes, rig->now);
}

/* The first `count` vantage points vote, and it is judged. */
static inline void vote_all(struct rig *rig, unsigned count, const char *check, enum verdict verdict)
{
    for (unsigned v = 0; v < count; v++)
        vote(rig, v, check, verdict, verdict == VERDICT_DOWN ? "timeout" : "");
    verdicts_tick(rig->verdicts, rig->now);
}

static inline enum verdict word(const struct rig *rig, uint32_t slot)
{
    return board_get(rig->board, slot).verdict;
}

static inline enum verdict row(const struct rig *rig, const char *service, const char *region,
                               const char *address)
{
    return verdicts_get(rig->verdicts, fixture_find(&rig->fixture, service, region, address)).verdict;
}

/* The first column of the first row, as text; "none" when there is no row. */
static inline const char *ask(const struct rig *rig, const char *sql)
{
    static char text[512];
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open_v2(rig->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    const bool found = sqlite3_step(statement) == SQLITE_ROW;
    const unsigned char *value = found ? sqlite3_column_text(statement, 0) : NULL;
    (void)snprintf(text, sizeof text, "%s", value ? (const char *)value : "none");
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return text;
}

#endif
