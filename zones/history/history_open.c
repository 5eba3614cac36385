/* zones/history/history_open.c - health.db as a file: made, opened, found broken, moved aside. */
#include "zones/history/history.h"

#include "common/log.h"
#include "zones/history/history_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HISTORY_PATH_MAX = 4096 };

/* Tables whose rows are put by key are WITHOUT ROWID: one tree to write, not two. */
static const char history_schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE endpoint_health(service TEXT NOT NULL, region TEXT NOT NULL, address TEXT NOT NULL,"
    " verdict TEXT NOT NULL, since INTEGER NOT NULL, up INTEGER NOT NULL, down INTEGER NOT NULL,"
    " unknown INTEGER NOT NULL, latency_ms INTEGER NOT NULL, reason TEXT NOT NULL,"
    " PRIMARY KEY(service, region, address)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE pool_health(service TEXT NOT NULL, region TEXT NOT NULL, verdict TEXT NOT NULL,"
    " since INTEGER NOT NULL, up INTEGER NOT NULL, down INTEGER NOT NULL, unknown INTEGER NOT NULL,"
    " latency_ms INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY(service, region)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE region_health(region TEXT NOT NULL PRIMARY KEY, verdict TEXT NOT NULL, since INTEGER NOT "
    "NULL,"
    " up INTEGER NOT NULL, down INTEGER NOT NULL, unknown INTEGER NOT NULL, latency_ms INTEGER NOT NULL,"
    " reason TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE vantage_health(name TEXT NOT NULL PRIMARY KEY, last_seen INTEGER NOT NULL,"
    " votes INTEGER NOT NULL, suspect INTEGER NOT NULL, votes_seq INTEGER NOT NULL,"
    " checks_seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE vote(vantage TEXT NOT NULL, check_id TEXT NOT NULL, verdict TEXT NOT NULL,"
    " since INTEGER NOT NULL, latency_ms INTEGER NOT NULL, reason TEXT NOT NULL,"
    " PRIMARY KEY(check_id, vantage)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE event(at INTEGER NOT NULL, subject TEXT NOT NULL, was TEXT NOT NULL, \"is\" TEXT NOT NULL,"
    " reason TEXT NOT NULL, ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE load(generation INTEGER NOT NULL, at INTEGER NOT NULL, ok INTEGER NOT NULL,"
    " zones INTEGER NOT NULL, problems INTEGER NOT NULL) STRICT;"
    "CREATE TABLE problem(at INTEGER NOT NULL, zone TEXT NOT NULL, subject TEXT NOT NULL,"
    " message TEXT NOT NULL) STRICT;"
    "CREATE TABLE operator_state(kind TEXT NOT NULL, service TEXT NOT NULL, region TEXT NOT NULL,"
    " address TEXT NOT NULL, state TEXT NOT NULL, until INTEGER,"
    " PRIMARY KEY(kind, service, region, address)) STRICT;"
    "PRAGMA user_version = 1;"
    "COMMIT;";

/* A table that files of version 1 have only since it is needed; whoever does not know it does not miss it. */
static const char history_addition[] =
    "CREATE TABLE IF NOT EXISTS damping(check_id TEXT NOT NULL PRIMARY KEY, doublings INTEGER NOT NULL,"
    " changed INTEGER NOT NULL, up INTEGER) STRICT, WITHOUT ROWID;";
_Static_assert(HISTORY_VERSION == 1, "the schema sets the version");

enum err history_fail(struct history *history, struct diag *reterr)
{
    const int code = sqlite3_errcode(history->db) & 0xff;
    const char *message = sqlite3_errmsg(history->db);
    switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return diag_set(reterr, ERR_BUSY, "%s is locked by another writer", history->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        history->broken = true;
        return diag_set(reterr, ERR_CORRUPT, "%s: %s", history->path, message);
    case SQLITE_NOMEM:
        return diag_set(reterr, ERR_MEMORY, "%s: out of memory", history->path);
    default:
        return diag_set(reterr, ERR_SYSTEM, "%s: %s", history->path, message);
    }
}

static enum err execute(struct history *history, const char *sql, struct diag *reterr)
{
    return sqlite3_exec(history->db, sql, NULL, NULL, NULL) ? history_fail(history, reterr) : OK;
}

/* Close the file, keep the rest. */
static void detach(struct history *history)
{
    for (int i = 0; i < HISTORY_STATEMENTS; i++) {
        sqlite3_finalize(history->statements[i]);
        history->statements[i] = NULL;
    }
    sqlite3_close(history->db);
    history->db = NULL;
}

void history_dispose(struct history **history)
{
    if (!*history)
        return;
    detach(*history);
    free((*history)->waiting);
    free((*history)->path);
    free(*history);
    *history = NULL;
}

/* Make the file with its mode; SQLite would give it the umask's. */
static enum err touch(const char *path, struct diag *reterr)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0 && errno == EEXIST)
        return OK;
    if (fd < 0)
        return diag_errno(reterr, "cannot make %s", path);
    const enum err err = fchmod(fd, 0640) < 0 ? diag_errno(reterr, "cannot set the mode of %s", path) : OK;
    close(fd);
    return err;
}

/* The first number of the first row. */
static enum err ask(struct history *history, const char *sql, int64_t *ret, struct diag *reterr)
{
    sqlite3_stmt *statement;
    enum err err = OK;
    if (sqlite3_prepare_v2(history->db, sql, -1, &statement, NULL))
        return history_fail(history, reterr);
    if (sqlite3_step(statement) == SQLITE_ROW)
        *ret = sqlite3_column_int64(statement, 0);
    else
        err = history_fail(history, reterr);
    sqlite3_finalize(statement);
    return err;
}

/* Whether the tables are ours. `*ret_empty`: there is no table at all. */
static enum err check_version(struct history *history, bool *ret_empty, struct diag *reterr)
{
    int64_t version = 0, tables = 0;
    enum err err = ask(history, "PRAGMA user_version", &version, reterr);
    if (!err)
        err = ask(history, "SELECT count(*) FROM sqlite_schema", &tables, reterr);
    if (err)
        return err;
    *ret_empty = version == 0 && tables == 0;
    if (version > HISTORY_VERSION)
        return diag_set(reterr, ERR_VERSION,
                        "%s has version %lld, a newer program's; this one knows version %d", history->path,
                        (long long)version, HISTORY_VERSION);
    if (*ret_empty || version == HISTORY_VERSION)
        return OK;
    history->broken = true;
    return diag_set(reterr, ERR_CORRUPT, "%s is not a health.db", history->path);
}

static int note_pages(void *context, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    struct history *history = context;
    history->wal_pages = pages;
    return SQLITE_OK;
}

static enum err attach(struct history *history, int flags, struct diag *reterr)
{
    if (sqlite3_open_v2(history->path, &history->db, flags | SQLITE_OPEN_NOMUTEX, NULL)) {
        const enum err err = history_fail(history, reterr);
        detach(history);
        return err;
    }
    (void)sqlite3_busy_timeout(history->db, HISTORY_BUSY_MS);
    return OK;
}

/* NORMAL: a commit waits for no disk; what a power cut takes away is the last seconds, and the rest is
 * whole. The log stays when we close, so that a reader who may not write the directory can open the file. */
static enum err prepare_writer(struct history *history, struct diag *reterr)
{
    int keep = 1;
    bool empty;
    enum err err = execute(history,
                           "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                           "PRAGMA journal_size_limit = 16777216; PRAGMA wal_autocheckpoint = 0",
                           reterr);
    if (!err)
        err = check_version(history, &empty, reterr);
    if (!err && empty)
        err = execute(history, history_schema, reterr);
    if (!err)
        err = execute(history, history_addition, reterr);
    if (err)
        return err;
    (void)sqlite3_file_control(history->db, NULL, SQLITE_FCNTL_PERSIST_WAL, &keep);
    (void)sqlite3_wal_hook(history->db, note_pages, history);
    return OK;
}

/* Which file is at the path. */
static enum err identify(struct history *history, struct diag *reterr)
{
    struct stat st;
    if (stat(history->path, &st) < 0)
        return diag_errno(reterr, "cannot look at %s", history->path);
    history->device = st.st_dev;
    history->inode = st.st_ino;
    return OK;
}

bool history_is_current(const struct history *history)
{
    struct stat st;
    return history->db && stat(history->path, &st) == 0 && st.st_dev == history->device &&
           st.st_ino == history->inode;
}

/* `busy_ms` is how long to wait for somebody who repairs the file, as the first to open it after a crash. */
static enum err open_writer(struct history *history, int busy_ms, struct diag *reterr)
{
    enum err err = touch(history->path, reterr);
    if (!err)
        err = attach(history, SQLITE_OPEN_READWRITE, reterr);
    if (!err)
        (void)sqlite3_busy_timeout(history->db, busy_ms);
    if (!err)
        err = prepare_writer(history, reterr);
    if (!err)
        err = identify(history, reterr);
    if (!err)
        (void)sqlite3_busy_timeout(history->db, HISTORY_BUSY_MS);
    if (err && history->db)
        detach(history);
    return err;
}

/* Rename PATH-suffix to PATH.broken-suffix. That there is none is fine. */
static enum err set_aside(const char *path, const char *suffix, struct diag *reterr)
{
    char from[HISTORY_PATH_MAX], to[HISTORY_PATH_MAX];
    (void)snprintf(from, sizeof from, "%s%s", path, suffix);
    (void)snprintf(to, sizeof to, "%s.broken%s", path, suffix);
    if (rename(from, to) < 0 && errno != ENOENT)
        return diag_errno(reterr, "cannot move %s to %s", from, to);
    return OK;
}

/* The file is another one by now. */
static void begin_anew(struct history *history, const char *why)
{
    struct log_line line;
    history->broken = false;
    history->epoch++;
    history->wal_pages = 0;
    log_begin(&line, LOG_LEVEL_ERROR, "history");
    log_text(&line, "file", history->path);
    log_text(&line, "message", why);
    log_end(&line);
}

enum err history_replace(struct history *history, struct diag *reterr)
{
    detach(history);
    enum err err = set_aside(history->path, "", reterr);
    if (!err)
        err = set_aside(history->path, "-wal", reterr);
    if (!err)
        err = set_aside(history->path, "-shm", reterr);
    if (!err)
        err = open_writer(history, HISTORY_BUSY_MS, reterr);
    if (!err)
        begin_anew(history, "it was broken and is now beside itself as .broken; a new one was begun");
    return err;
}

enum err history_reopen(struct history *history, struct diag *reterr)
{
    const char *why = history->db ? "it was gone; a new one was begun" : "it could not be opened, and is now";
    detach(history);
    const enum err err = open_writer(history, HISTORY_BUSY_MS, reterr);
    if (!err)
        begin_anew(history, why);
    return err;
}

static enum err make(const char *path, struct history **ret, struct diag *reterr)
{
    if (strlen(path) + sizeof ".broken-wal" > HISTORY_PATH_MAX)
        return diag_set(reterr, ERR_LIMIT, "the path of health.db is too long");
    struct history *history = calloc(1, sizeof *history);
    char *own = strdup(path);
    if (!history || !own) {
        free(history);
        free(own);
        return diag_set(reterr, ERR_MEMORY, "%s: out of memory", path);
    }
    history->path = own;
    *ret = history;
    return OK;
}

enum err history_open(const char *path, struct history **ret, struct diag *reterr)
{
    struct history *history = NULL;
    enum err err = make(path, &history, reterr);
    if (err)
        return err;
    err = open_writer(history, HISTORY_OPEN_BUSY_MS, reterr);
    if (err && history->broken)
        err = history_replace(history, reterr);
    if (err)
        history_dispose(&history);
    else
        *ret = history;
    return err;
}

enum err history_open_later(const char *path, struct history **ret, struct diag *reterr)
{
    return make(path, ret, reterr);
}

enum err history_open_read(const char *path, struct history **ret, struct diag *reterr)
{
    struct history *history = NULL;
    bool empty = false;
    if (access(path, F_OK) < 0)
        return diag_set(reterr, ERR_MISSING,
                        "%s: there is no such file; gslbd makes it in its --state directory", path);
    enum err err = make(path, &history, reterr);
    if (!err)
        err = attach(history, SQLITE_OPEN_READONLY, reterr);
    if (!err)
        err = check_version(history, &empty, reterr);
    if (!err && empty)
        err = diag_set(reterr, ERR_MISSING, "%s is empty; gslbd fills it when it starts", path);
    if (err)
        history_dispose(&history);
    else
        *ret = history;
    return err;
}
