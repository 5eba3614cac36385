#include "zones/history/history.h"

#include "zones/history/history_db.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const history_sql[HISTORY_STATEMENTS] = {
    [HISTORY_BEGIN] = "BEGIN IMMEDIATE",
    [HISTORY_COMMIT] = "COMMIT",
    [HISTORY_ROLLBACK] = "ROLLBACK",
    [HISTORY_PUT_REGION] =
        "REPLACE INTO region_health(verdict, since, up, down, unknown, latency_ms, reason, region)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    [HISTORY_PUT_POOL] =
        "REPLACE INTO pool_health(verdict, since, up, down, unknown, latency_ms, reason, region,"
        " service) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [HISTORY_PUT_ENDPOINT] =
        "REPLACE INTO endpoint_health(verdict, since, up, down, unknown, latency_ms, reason,"
        " region, service, address) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [HISTORY_DROP_REGION] = "DELETE FROM region_health WHERE region = ?",
    [HISTORY_DROP_POOL] = "DELETE FROM pool_health WHERE region = ? AND service = ?",
    [HISTORY_DROP_ENDPOINT] = "DELETE FROM endpoint_health WHERE region = ? AND service = ? AND address = ?",
    [HISTORY_PUT_VANTAGE] =
        "REPLACE INTO vantage_health(name, last_seen, votes, suspect, votes_seq, checks_seq)"
        " VALUES (?, ?, ?, ?, ?, ?)",
    [HISTORY_DROP_VANTAGE] = "DELETE FROM vantage_health WHERE name = ?",
    [HISTORY_DROP_VANTAGE_VOTES] = "DELETE FROM vote WHERE vantage = ?",
    [HISTORY_PUT_VOTE] = "REPLACE INTO vote(vantage, check_id, verdict, since, latency_ms, reason)"
                         " VALUES (?, ?, ?, ?, ?, ?)",
    [HISTORY_PUT_DAMPING] = "REPLACE INTO damping(check_id, doublings, changed, up) VALUES (?, ?, ?, ?)",
    [HISTORY_DROP_CHECK] = "DELETE FROM vote WHERE check_id = ?",
    [HISTORY_DROP_DAMPING] = "DELETE FROM damping WHERE check_id = ?",
    [HISTORY_CLEAR_REGIONS] = "DELETE FROM region_health",
    [HISTORY_CLEAR_POOLS] = "DELETE FROM pool_health",
    [HISTORY_CLEAR_ENDPOINTS] = "DELETE FROM endpoint_health",
    [HISTORY_CLEAR_VANTAGES] = "DELETE FROM vantage_health",
    [HISTORY_CLEAR_DAMPING] = "DELETE FROM damping",
    [HISTORY_CLEAR_VOTES] = "DELETE FROM vote",
    [HISTORY_PUT_LOAD] = "INSERT INTO load(generation, at, ok, zones, problems) VALUES (?, ?, ?, ?, ?)",
    [HISTORY_TRIM_LOADS] = "DELETE FROM load WHERE rowid <= (SELECT max(rowid) FROM load) - ?",
    [HISTORY_DROP_PROBLEMS] = "DELETE FROM problem",
    [HISTORY_PUT_PROBLEM] = "INSERT INTO problem(at, zone, subject, message) VALUES (?, ?, ?, ?)",
    [HISTORY_DROP_STATES] = "DELETE FROM operator_state",
    [HISTORY_PUT_STATE] = "INSERT INTO operator_state(kind, service, region, address, state, until)"
                          " VALUES (?, ?, ?, ?, ?, ?)",
    [HISTORY_PUT_EVENT] = "INSERT INTO event(at, subject, was, \"is\", reason, ms) VALUES (?, ?, ?, ?, ?, ?)",
    /* Looks at the oldest only, so that its cost is bounded. */
    [HISTORY_TRIM_EVENTS] = "DELETE FROM event WHERE rowid IN (SELECT id FROM"
                            " (SELECT rowid AS id, at FROM event ORDER BY rowid LIMIT ?)"
                            " WHERE at < ? OR id <= (SELECT max(rowid) FROM event) - ?)",
};

static const char *const kind_names[] = {"region", "pool", "endpoint"};

/* Statements ----------------------------------------------------------------------------------- */

static void stick(struct history *history, enum err err)
{
    if (history->err == OK)
        history->err = err;
}

static sqlite3_stmt *prepare(struct history *history, enum history_statement which, struct diag *reterr)
{
    sqlite3_stmt **at = &history->statements[which];
    if (!*at && sqlite3_prepare_v3(history->db, history_sql[which], -1, SQLITE_PREPARE_PERSISTENT, at, NULL))
        (void)history_fail(history, reterr);
    return *at;
}

/* A statement and the number of the parameter that is set next. */
struct binder {
    struct history *history;
    sqlite3_stmt *statement; /* NULL: the transaction has failed */
    int next;
};

static struct binder bind(struct history *history, enum history_statement which)
{
    assert(history->open_transaction);
    struct binder binder = {.history = history};
    if (history->err != OK)
        return binder;
    binder.statement = prepare(history, which, &history->diag);
    if (!binder.statement)
        stick(history, ERR_SYSTEM);
    return binder;
}

/* The text must live until run(). What cannot be bound for want of memory is NULL: the tables refuse it. */
static void bind_text(struct binder *binder, const char *text)
{
    if (binder->statement)
        (void)sqlite3_bind_text(binder->statement, ++binder->next, text, -1, SQLITE_STATIC);
}

static void bind_number(struct binder *binder, int64_t number)
{
    if (binder->statement)
        (void)sqlite3_bind_int64(binder->statement, ++binder->next, number);
}

static void run(struct binder *binder)
{
    if (!binder->statement)
        return;
    if (sqlite3_step(binder->statement) != SQLITE_DONE)
        stick(binder->history, history_fail(binder->history, &binder->history->diag));
    (void)sqlite3_reset(binder->statement);
    (void)sqlite3_clear_bindings(binder->statement);
}

static void put_text(struct history *history, enum history_statement which, const char *text)
{
    struct binder binder = bind(history, which);
    bind_text(&binder, text);
    run(&binder);
}

/* Rows ----------------------------------------------------------------------------------------- */

/* The key of a row, as far as its kind has one. */
static void bind_key(struct binder *binder, const struct history_health *row)
{
    bind_text(binder, row->region);
    if (row->kind != SUBJECT_REGION)
        bind_text(binder, row->service);
    if (row->kind == SUBJECT_ENDPOINT)
        bind_text(binder, row->address);
}

void history_put_health(struct history *history, const struct history_health *row)
{
    struct binder binder = bind(history, HISTORY_PUT_REGION + row->kind);
    bind_text(&binder, row->verdict);
    bind_number(&binder, row->since_ms / 1000);
    bind_number(&binder, row->up);
    bind_number(&binder, row->down);
    bind_number(&binder, row->unknown);
    bind_number(&binder, row->latency_ms);
    bind_text(&binder, row->reason);
    bind_key(&binder, row);
    run(&binder);
}

void history_drop_health(struct history *history, const struct history_health *row)
{
    struct binder binder = bind(history, HISTORY_DROP_REGION + row->kind);
    bind_key(&binder, row);
    run(&binder);
}

void history_put_vantage(struct history *history, const struct history_vantage *row)
{
    struct binder binder = bind(history, HISTORY_PUT_VANTAGE);
    bind_text(&binder, row->name);
    bind_number(&binder, row->seen_ms / 1000);
    bind_number(&binder, row->votes);
    bind_number(&binder, row->suspect);
    bind_number(&binder, row->votes_seq);
    bind_number(&binder, row->checks_seq);
    run(&binder);
}

void history_drop_vantage(struct history *history, const char *name)
{
    put_text(history, HISTORY_DROP_VANTAGE, name);
    put_text(history, HISTORY_DROP_VANTAGE_VOTES, name);
}

void history_put_vote(struct history *history, const struct history_vote *row)
{
    struct binder binder = bind(history, HISTORY_PUT_VOTE);
    bind_text(&binder, row->vantage);
    bind_text(&binder, row->check);
    bind_text(&binder, row->verdict);
    bind_number(&binder, row->since_ms / 1000);
    bind_number(&binder, row->latency_ms);
    bind_text(&binder, row->reason);
    run(&binder);
}

void history_put_damping(struct history *history, const struct history_damping *row)
{
    struct binder binder = bind(history, HISTORY_PUT_DAMPING);
    bind_text(&binder, row->check);
    bind_number(&binder, row->doublings);
    bind_number(&binder, row->changed_ms / 1000);
    if (row->up_ms != 0)
        bind_number(&binder, row->up_ms / 1000);
    run(&binder);
}

void history_drop_check(struct history *history, const char *check)
{
    put_text(history, HISTORY_DROP_CHECK, check);
    put_text(history, HISTORY_DROP_DAMPING, check);
}

void history_clear(struct history *history)
{
    for (int which = HISTORY_CLEAR_REGIONS; which <= HISTORY_CLEAR_VOTES; which++) {
        struct binder binder = bind(history, (enum history_statement)which);
        run(&binder);
    }
}

void history_put_load(struct history *history, const struct history_load *row)
{
    struct binder binder = bind(history, HISTORY_PUT_LOAD);
    bind_number(&binder, (int64_t)row->generation);
    bind_number(&binder, row->at_ms / 1000);
    bind_number(&binder, row->ok);
    bind_number(&binder, (int64_t)row->zones);
    bind_number(&binder, (int64_t)row->problems);
    run(&binder);
    binder = bind(history, HISTORY_TRIM_LOADS);
    bind_number(&binder, HISTORY_LOADS_MAX);
    run(&binder);
}

void history_put_problems(struct history *history, const struct manifest_problem *problems, size_t count,
                          int64_t now_ms)
{
    struct binder binder = bind(history, HISTORY_DROP_PROBLEMS);
    run(&binder);
    for (size_t i = 0; i < count; i++) {
        binder = bind(history, HISTORY_PUT_PROBLEM);
        bind_number(&binder, now_ms / 1000);
        bind_text(&binder, problems[i].zone);
        bind_text(&binder, problems[i].subject);
        bind_text(&binder, problems[i].message);
        run(&binder);
    }
}

void history_put_states(struct history *history, const struct history_state *states, size_t count)
{
    struct binder binder = bind(history, HISTORY_DROP_STATES);
    run(&binder);
    for (size_t i = 0; i < count; i++) {
        binder = bind(history, HISTORY_PUT_STATE);
        bind_text(&binder, kind_names[states[i].kind]);
        bind_text(&binder, states[i].service);
        bind_text(&binder, states[i].region);
        bind_text(&binder, states[i].address);
        bind_text(&binder, states[i].state);
        if (states[i].until_ms != 0)
            bind_number(&binder, states[i].until_ms / 1000);
        run(&binder);
    }
}

/* Events --------------------------------------------------------------------------------------- */

/* Copy `from` to `*at`, which moves on. */
static const char *copy(char **at, const char *from)
{
    char *to = *at;
    *at = stpcpy(to, from) + 1;
    return to;
}

static bool reserve(struct history *history)
{
    if (history->waiting_count < history->waiting_cap)
        return true;
    if (history->waiting_cap == HISTORY_PENDING_MAX)
        return false;
    const size_t cap = history->waiting_cap ? history->waiting_cap * 2 : 64;
    struct history_waiting *waiting = realloc(history->waiting, cap * sizeof *waiting);
    if (!waiting)
        return false;
    history->waiting = waiting;
    history->waiting_cap = cap;
    return true;
}

void history_event(struct history *history, const struct history_event *event)
{
    const size_t len =
        strlen(event->subject) + strlen(event->was) + strlen(event->is) + strlen(event->reason) + 4;
    char *texts = reserve(history) ? malloc(len) : NULL;
    if (!texts) {
        history->lost++;
        return;
    }
    char *at = texts;
    struct history_waiting *waiting = &history->waiting[history->waiting_count++];
    waiting->texts = texts;
    waiting->event = (struct history_event){.at_ms = event->at_ms,
                                            .subject = copy(&at, event->subject),
                                            .was = copy(&at, event->was),
                                            .is = copy(&at, event->is),
                                            .reason = copy(&at, event->reason)};
}

size_t history_pending(const struct history *history)
{
    return history->waiting_count;
}

unsigned history_epoch(const struct history *history)
{
    return history->epoch;
}

uint64_t history_lost(const struct history *history)
{
    return history->lost;
}

static void put_event(struct history *history, const struct history_event *event)
{
    struct binder binder = bind(history, HISTORY_PUT_EVENT);
    bind_number(&binder, event->at_ms / 1000);
    bind_text(&binder, event->subject);
    bind_text(&binder, event->was);
    bind_text(&binder, event->is);
    bind_text(&binder, event->reason);
    bind_number(&binder, event->at_ms % 1000);
    run(&binder);
}

static void put_events(struct history *history)
{
    if (history->waiting_count == 0)
        return;
    for (size_t i = 0; i < history->waiting_count; i++)
        put_event(history, &history->waiting[i].event);
    const int64_t now_s = history->waiting[history->waiting_count - 1].event.at_ms / 1000;
    struct binder binder = bind(history, HISTORY_TRIM_EVENTS);
    bind_number(&binder, HISTORY_TRIM_ROWS);
    bind_number(&binder, now_s - HISTORY_EVENTS_AGE_S);
    bind_number(&binder, HISTORY_EVENTS_MAX);
    run(&binder);
}

static void forget_events(struct history *history)
{
    for (size_t i = 0; i < history->waiting_count; i++)
        free(history->waiting[i].texts);
    history->waiting_count = 0;
}

/* Transactions --------------------------------------------------------------------------------- */

/* Copy the log into the file, as far as readers allow. What fails here fails again at a commit. */
static void checkpoint(struct history *history)
{
    int pages = 0, copied = 0;
    (void)sqlite3_wal_checkpoint_v2(history->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &copied);
    history->wal_pages = pages > copied ? pages - copied : 0;
}

/* Have a file that can be written to: another one, if the last is broken or gone. */
static enum err ready(struct history *history, struct diag *reterr)
{
    if (history->broken)
        return history_replace(history, reterr);
    return history_is_current(history) ? OK : history_reopen(history, reterr);
}

enum err history_begin(struct history *history, struct diag *reterr)
{
    assert(!history->open_transaction);
    enum err err = ready(history, reterr);
    if (err)
        return err;
    if (history->wal_pages > HISTORY_WAL_PAGES_MAX)
        checkpoint(history);
    if (history->wal_pages > HISTORY_WAL_PAGES_MAX)
        return diag_set(reterr, ERR_BUSY,
                        "%s: a reader has kept a transaction open for so long that %s-wal is at its limit",
                        history->path, history->path);
    sqlite3_stmt *statement = prepare(history, HISTORY_BEGIN, reterr);
    if (!statement)
        return ERR_SYSTEM;
    const int step = sqlite3_step(statement);
    err = step == SQLITE_DONE ? OK : history_fail(history, reterr);
    (void)sqlite3_reset(statement);
    history->open_transaction = err == OK;
    history->err = OK;
    return err;
}

static void undo(struct history *history)
{
    struct diag ignored; /* SQLite has rolled back by itself after some errors, and says so */
    sqlite3_stmt *statement =
        sqlite3_get_autocommit(history->db) ? NULL : prepare(history, HISTORY_ROLLBACK, &ignored);
    if (!statement)
        return;
    (void)sqlite3_step(statement);
    (void)sqlite3_reset(statement);
}

enum err history_commit(struct history *history, struct diag *reterr)
{
    put_events(history);
    struct binder binder = bind(history, HISTORY_COMMIT);
    run(&binder);
    history->open_transaction = false;
    if (history->err != OK) {
        undo(history);
        return diag_set(reterr, history->err, "%s", history->diag.text);
    }
    forget_events(history);
    return OK;
}

void history_tidy(struct history *history)
{
    if (history->db && !history->broken && history->wal_pages >= HISTORY_WAL_PAGES)
        checkpoint(history);
}

void history_close(struct history **history)
{
    if (*history)
        forget_events(*history);
    history_dispose(history);
}
