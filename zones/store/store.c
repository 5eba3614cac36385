#include "zones/store/store.h"

#include "zones/store/store_db.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The application_id of a store: "gslb". */
#define STORE_MAGIC 0x67736c62

static const char store_schema[] = {
#include "zones/store/schema.inc"
    '\0'};

/* From version 1 to 2, from 2 to 3, and so on; zones/store/schema.sql makes the newest. */
static const char *const store_steps[] = {NULL};

static enum err pragma_get(struct store *store, const char *sql, int64_t *ret, struct diag *reterr)
{
    struct sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) != SQLITE_OK)
        return store_fail(store, reterr);
    enum err err = OK;
    if (sqlite3_step(statement) == SQLITE_ROW)
        *ret = sqlite3_column_int64(statement, 0);
    else
        err = store_fail(store, reterr);
    sqlite3_finalize(statement);
    return err;
}

void store_close(struct store **store)
{
    if (!*store)
        return;
    for (size_t i = 0; i < STATEMENTS; i++)
        sqlite3_finalize((*store)->statements[i]);
    sqlite3_close((*store)->db);
    free((*store)->path);
    free(*store);
    *store = NULL;
}

/* Open `path`, which has to be there. `flags` are SQLite's. */
static enum err file_open(const char *path, int flags, struct store **ret, struct diag *reterr)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        if (errno == ENOENT)
            return diag_set(reterr, ERR_MISSING,
                            "there is no store %s; make one with: gslbctl --store FILE init", path);
        return diag_errno(reterr, "cannot open store %s", path);
    }
    struct store *store = calloc(1, sizeof *store);
    if (!store || !(store->path = strdup(path))) {
        free(store);
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    }
    store->device = st.st_dev;
    store->inode = st.st_ino;
    enum err err = OK;
    if (sqlite3_open_v2(path, &store->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL) !=
        SQLITE_OK)
        err = store->db ? store_fail(store, reterr) : diag_set(reterr, ERR_MEMORY, "out of memory");
    if (err != OK) {
        store_close(&store);
        return err;
    }
    (void)sqlite3_busy_timeout(store->db, STORE_BUSY_MS);
    *ret = store;
    return OK;
}

/* Whether it is a store at all. A read-only opener needs the -wal and -shm files beside it, or to be able to
 * make them. */
static enum err magic_check(struct store *store, struct diag *reterr)
{
    int64_t magic = 0;
    const enum err err = pragma_get(store, "PRAGMA application_id", &magic, reterr);
    if (err != OK)
        return err;
    if (magic != STORE_MAGIC)
        return diag_set(reterr, ERR_CORRUPT, "%s is not a store; make one with: gslbctl --store FILE init",
                        store->path);
    return OK;
}

static int64_t steps_newest(const char *const *steps)
{
    int64_t newest = 1;
    while (steps[newest - 1])
        newest++;
    return newest;
}

/* ERR_VERSION unless the store has a version that these steps know, which goes to `ret`. */
static enum err version_get(struct store *store, const char *const *steps, int64_t *ret, struct diag *reterr)
{
    const enum err err = pragma_get(store, "PRAGMA user_version", ret, reterr);
    if (err != OK)
        return err;
    const int64_t newest = steps_newest(steps);
    if (*ret > newest)
        return diag_set(reterr, ERR_VERSION,
                        "store %s has version %lld and this program knows versions up to %lld; "
                        "use a newer gslbd",
                        store->path, (long long)*ret, (long long)newest);
    if (*ret < 1)
        return diag_set(reterr, ERR_VERSION,
                        "store %s has version %lld, which no program has made; remove its -wal and -shm,"
                        " then put a backup in its place (STORE.md, Restore)",
                        store->path, (long long)*ret);
    return OK;
}

enum err store_migrate(struct store *store, const char *const *steps, struct diag *reterr)
{
    int64_t version;
    enum err err = version_get(store, steps, &version, reterr);
    if (err != OK || version == steps_newest(steps))
        return err;
    err = store_change_begin(store, reterr);
    if (err != OK)
        return err;
    /* Again, now that nobody else can do it. */
    err = version_get(store, steps, &version, reterr);
    for (; err == OK && steps[version - 1]; version++) {
        char set[48];
        (void)snprintf(set, sizeof set, "PRAGMA user_version = %lld", (long long)version + 1);
        err = store_run(store, steps[version - 1], reterr);
        if (err == OK)
            err = store_run(store, set, reterr);
    }
    if (err == OK)
        err = store_change_commit(store, reterr);
    else
        store_change_undo(store);
    return err;
}

/* Without WAL an operator's edit would lock us out and our reading would lock the operator out. */
static enum err wal_check(struct store *store, struct diag *reterr)
{
    struct sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(store->db, "PRAGMA journal_mode", -1, &statement, NULL) != SQLITE_OK)
        return store_fail(store, reterr);
    const bool wal = sqlite3_step(statement) == SQLITE_ROW &&
                     sqlite3_stricmp((const char *)sqlite3_column_text(statement, 0), "wal") == 0;
    sqlite3_finalize(statement);
    if (wal)
        return OK;
    return diag_set(reterr, ERR_REFUSED,
                    "store %s is not in WAL mode; run: sqlite3 %s 'PRAGMA journal_mode = wal'", store->path,
                    store->path);
}

static enum err read_check(struct store *store, struct diag *reterr)
{
    enum err err = magic_check(store, reterr);
    int64_t version = 0;
    if (err == OK)
        err = version_get(store, store_steps, &version, reterr);
    if (err == OK && version < steps_newest(store_steps))
        err = diag_set(reterr, ERR_VERSION,
                       "store %s has version %lld; bring it up to date with: gslbctl --store FILE init",
                       store->path, (long long)version);
    return err == OK ? wal_check(store, reterr) : err;
}

static enum err open_reader(const char *path, int busy_ms, struct store **ret, struct diag *reterr)
{
    struct store *store;
    enum err err = file_open(path, SQLITE_OPEN_READONLY, &store, reterr);
    if (err != OK)
        return err;
    (void)sqlite3_busy_timeout(store->db, busy_ms);
    /* A checkpoint on close takes a lock that others would run into. */
    (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    err = read_check(store, reterr);
    if (err == OK)
        *ret = store;
    else
        store_close(&store);
    return err;
}

enum err store_open_read(const char *path, struct store **ret, struct diag *reterr)
{
    return open_reader(path, STORE_BUSY_MS, ret, reterr);
}

enum err store_open_poll(const char *path, struct store **ret, struct diag *reterr)
{
    return open_reader(path, STORE_POLL_BUSY_MS, ret, reterr);
}

enum err store_open_write(const char *path, struct store **ret, struct diag *reterr)
{
    struct store *store;
    enum err err = file_open(path, SQLITE_OPEN_READWRITE, &store, reterr);
    if (err != OK)
        return err;
    err = magic_check(store, reterr);
    if (err == OK)
        err = store_migrate(store, store_steps, reterr);
    if (err == OK)
        *ret = store;
    else
        store_close(&store);
    return err;
}

/* A new store at `path`, where nothing is. Closing it leaves one file. */
static enum err file_make(const char *path, struct diag *reterr)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
    if (fd < 0)
        return diag_errno(reterr, "cannot create %s", path);
    close(fd);
    struct store *store;
    enum err err = file_open(path, SQLITE_OPEN_READWRITE, &store, reterr);
    if (err != OK)
        return err;
    err = store_run(store, store_schema, reterr);
    store_close(&store);
    return err;
}

/* What there is at `path` instead of a new store. */
static enum err present_check(const char *path, struct diag *reterr)
{
    struct store *store;
    enum err err = file_open(path, SQLITE_OPEN_READWRITE, &store, reterr);
    if (err != OK)
        return err;
    err = magic_check(store, reterr);
    int64_t version = 0;
    if (err == OK)
        err = version_get(store, store_steps, &version, reterr);
    if (err == OK && version == steps_newest(store_steps))
        err = diag_set(reterr, ERR_EXISTS, "%s is a store already; nothing was changed", path);
    if (err == OK)
        err = store_migrate(store, store_steps, reterr);
    store_close(&store);
    return err;
}

enum err store_init(const char *path, struct diag *reterr)
{
    char *temporary = NULL;
    if (access(path, F_OK) == 0)
        return present_check(path, reterr);
    if (asprintf(&temporary, "%s.new.%ld", path, (long)getpid()) < 0)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    enum err err = file_make(temporary, reterr);
    /* link() and not rename(), so that a store that has appeared meanwhile stays. */
    if (err == OK && link(temporary, path) != 0)
        err = diag_errno(reterr, "cannot create %s", path);
    (void)unlink(temporary);
    free(temporary);
    return err;
}

enum err store_change_counter(struct store *store, uint32_t *ret, struct diag *reterr)
{
    struct sqlite3_stmt *statement;
    enum err err = store_statement(store, STATEMENT_CHANGE_COUNTER, &statement, reterr);
    if (err != OK)
        return err;
    if (sqlite3_step(statement) == SQLITE_ROW)
        *ret = (uint32_t)sqlite3_column_int64(statement, 0);
    else
        err = store_fail(store, reterr);
    sqlite3_reset(statement);
    return err;
}

bool store_is_current(const struct store *store)
{
    struct stat st;
    return stat(store->path, &st) == 0 && st.st_dev == store->device && st.st_ino == store->inode;
}
