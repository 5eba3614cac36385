/* zones/history/history_read.c - rows of health.db, for the next start and for gslbctl. */
#include "zones/history/history.h"

#include "zones/history/history_db.h"

#include <string.h>

/* A walk over the rows of a query: `give` turns one into a call of the taker. */
struct walk {
    const char *sql;
    int64_t limit; /* 0: the query has no parameter */
    int kind;
    void (*give)(sqlite3_stmt *row, int kind, const struct history_taker *taker);
};

static enum err walk(struct history *history, const struct walk *walk, const struct history_taker *taker,
                     struct diag *reterr)
{
    sqlite3_stmt *row;
    if (!history->db && !history->broken)
        return OK;
    if (!history->db)
        return diag_set(reterr, ERR_CORRUPT, "%s is broken", history->path);
    if (sqlite3_prepare_v2(history->db, walk->sql, -1, &row, NULL))
        return history_fail(history, reterr);
    if (walk->limit > 0)
        (void)sqlite3_bind_int64(row, 1, walk->limit);
    int step;
    while ((step = sqlite3_step(row)) == SQLITE_ROW)
        walk->give(row, walk->kind, taker);
    const enum err err = step == SQLITE_DONE ? OK : history_fail(history, reterr);
    sqlite3_finalize(row);
    return err;
}

static const char *text(sqlite3_stmt *row, int column)
{
    const unsigned char *value = sqlite3_column_text(row, column);
    return value ? (const char *)value : "";
}

static uint32_t count(sqlite3_stmt *row, int column)
{
    const int64_t value = sqlite3_column_int64(row, column);
    return value < 0 ? 0 : value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

/* Seconds in the table; one that somebody has edited out of range counts as the epoch. */
static int64_t time_ms(sqlite3_stmt *row, int column)
{
    const int64_t value_s = sqlite3_column_int64(row, column);
    return value_s < 0 || value_s > INT64_MAX / 1000 - 1 ? 0 : value_s * 1000;
}

static void give_health(sqlite3_stmt *row, int kind, const struct history_taker *taker)
{
    const struct history_health health = {.kind = (enum subject_kind)kind,
                                          .service = text(row, 0),
                                          .region = text(row, 1),
                                          .address = text(row, 2),
                                          .verdict = text(row, 3),
                                          .since_ms = time_ms(row, 4),
                                          .up = count(row, 5),
                                          .down = count(row, 6),
                                          .unknown = count(row, 7),
                                          .latency_ms = count(row, 8),
                                          .reason = text(row, 9)};
    taker->health(taker->context, &health);
}

enum err history_each_health(struct history *history, enum subject_kind kind,
                             const struct history_taker *taker, struct diag *reterr)
{
    static const char *const queries[] = {
        [SUBJECT_REGION] = "SELECT '', region, '', verdict, since, up, down, unknown, latency_ms, reason"
                           " FROM region_health ORDER BY region",
        [SUBJECT_POOL] = "SELECT service, region, '', verdict, since, up, down, unknown, latency_ms, reason"
                         " FROM pool_health ORDER BY service, region",
        [SUBJECT_ENDPOINT] =
            "SELECT service, region, address, verdict, since, up, down, unknown, latency_ms, reason"
            " FROM endpoint_health ORDER BY service, region, address",
    };
    return walk(history, &(struct walk){.sql = queries[kind], .kind = (int)kind, .give = give_health}, taker,
                reterr);
}

static void give_vantage(sqlite3_stmt *row, int kind, const struct history_taker *taker)
{
    (void)kind;
    const struct history_vantage vantage = {.name = text(row, 0),
                                            .seen_ms = time_ms(row, 1),
                                            .votes = count(row, 2),
                                            .suspect = sqlite3_column_int(row, 3) != 0,
                                            .votes_seq = sqlite3_column_int64(row, 4),
                                            .checks_seq = sqlite3_column_int64(row, 5)};
    taker->vantage(taker->context, &vantage);
}

enum err history_each_vantage(struct history *history, const struct history_taker *taker, struct diag *reterr)
{
    static const struct walk vantages = {
        .sql =
            "SELECT name, last_seen, votes, suspect, votes_seq, checks_seq FROM vantage_health ORDER BY name",
        .give = give_vantage,
    };
    return walk(history, &vantages, taker, reterr);
}

static void give_vote(sqlite3_stmt *row, int kind, const struct history_taker *taker)
{
    (void)kind;
    const struct history_vote vote = {.vantage = text(row, 0),
                                      .check = text(row, 1),
                                      .verdict = text(row, 2),
                                      .since_ms = time_ms(row, 3),
                                      .latency_ms = count(row, 4),
                                      .reason = text(row, 5)};
    taker->vote(taker->context, &vote);
}

enum err history_each_vote(struct history *history, const struct history_taker *taker, struct diag *reterr)
{
    static const struct walk votes = {
        .sql = "SELECT vantage, check_id, verdict, since, latency_ms, reason FROM vote ORDER BY check_id, "
               "vantage",
        .give = give_vote,
    };
    return walk(history, &votes, taker, reterr);
}

static void give_damping(sqlite3_stmt *row, int kind, const struct history_taker *taker)
{
    (void)kind;
    const struct history_damping damping = {.check = text(row, 0),
                                            .doublings = count(row, 1),
                                            .changed_ms = time_ms(row, 2),
                                            .up_ms = time_ms(row, 3)};
    taker->damping(taker->context, &damping);
}

enum err history_each_damping(struct history *history, const struct history_taker *taker, struct diag *reterr)
{
    static const struct walk damping = {
        .sql = "SELECT check_id, doublings, changed, up FROM damping ORDER BY check_id",
        .give = give_damping,
    };
    return walk(history, &damping, taker, reterr);
}

static void give_state(sqlite3_stmt *row, int kind, const struct history_taker *taker)
{
    (void)kind;
    const char *name = text(row, 0);
    const struct history_state state = {.kind = strcmp(name, "region") == 0 ? SUBJECT_REGION
                                                : strcmp(name, "pool") == 0 ? SUBJECT_POOL
                                                                            : SUBJECT_ENDPOINT,
                                        .service = text(row, 1),
                                        .region = text(row, 2),
                                        .address = text(row, 3),
                                        .state = text(row, 4),
                                        .until_ms = time_ms(row, 5)};
    taker->state(taker->context, &state);
}

enum err history_each_state(struct history *history, const struct history_taker *taker, struct diag *reterr)
{
    static const struct walk states = {
        .sql = "SELECT kind, service, region, address, state, until FROM operator_state ORDER BY rowid",
        .give = give_state,
    };
    return walk(history, &states, taker, reterr);
}

static void give_event(sqlite3_stmt *row, int kind, const struct history_taker *taker)
{
    (void)kind;
    const struct history_event event = {.at_ms = time_ms(row, 0) + count(row, 5) % 1000,
                                        .subject = text(row, 1),
                                        .was = text(row, 2),
                                        .is = text(row, 3),
                                        .reason = text(row, 4)};
    taker->event(taker->context, &event);
}

enum err history_each_event(struct history *history, uint32_t limit, const struct history_taker *taker,
                            struct diag *reterr)
{
    const struct walk events = {
        .sql = "SELECT at, subject, was, \"is\", reason, ms FROM"
               " (SELECT rowid AS id, * FROM event ORDER BY rowid DESC LIMIT ?) ORDER BY id",
        .limit = limit,
        .give = give_event,
    };
    return limit == 0 ? OK : walk(history, &events, taker, reterr);
}

static void give_load(sqlite3_stmt *row, int kind, const struct history_taker *taker)
{
    (void)kind;
    const struct history_load load = {.generation = (uint64_t)sqlite3_column_int64(row, 0),
                                      .at_ms = time_ms(row, 1),
                                      .ok = sqlite3_column_int(row, 2) != 0,
                                      .zones = count(row, 3),
                                      .problems = count(row, 4)};
    taker->load(taker->context, &load);
}

enum err history_each_load(struct history *history, uint32_t limit, const struct history_taker *taker,
                           struct diag *reterr)
{
    const struct walk loads = {
        .sql = "SELECT generation, at, ok, zones, problems FROM"
               " (SELECT rowid AS id, * FROM load ORDER BY rowid DESC LIMIT ?) ORDER BY id",
        .limit = limit,
        .give = give_load,
    };
    return limit == 0 ? OK : walk(history, &loads, taker, reterr);
}

static void give_problem(sqlite3_stmt *row, int kind, const struct history_taker *taker)
{
    (void)kind;
    const struct history_problem problem = {
        .at_ms = time_ms(row, 0), .zone = text(row, 1), .subject = text(row, 2), .message = text(row, 3)};
    taker->problem(taker->context, &problem);
}

enum err history_each_problem(struct history *history, const struct history_taker *taker, struct diag *reterr)
{
    static const struct walk problems = {
        .sql = "SELECT at, zone, subject, message FROM problem ORDER BY rowid",
        .give = give_problem,
    };
    return walk(history, &problems, taker, reterr);
}
