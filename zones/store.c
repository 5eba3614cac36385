#include "zones/store.h"

#include "zones/store_db.h"

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
#include "zones/schema.inc"
    '\0'};

/* From version 1 to 2, from 2 to 3, and so on; zones/schema.sql makes the newest. */
static const char *const store_steps[] = {NULL};

#define SERVICE_COLUMNS "name, policy, monitor, sticky, all_down, ttl, answers, panic_below"
#define ZONE_COLUMNS    "name, mname, rname, ttl, negative_ttl, refresh, retry, expire, serial"

/* The peers of the zones that a condition picks, once for those that may copy and once for those that are told. */
#define PEERS(condition)                                                                                 \
    "SELECT p.zone, coalesce(p.net, ''), NULL, 0, p.key, k.algorithm, k.secret FROM transfer AS p"        \
    " LEFT JOIN tsig_key AS k ON k.name = p.key " condition                                              \
    " UNION ALL SELECT p.zone, NULL, p.address, p.port, p.key, k.algorithm, k.secret FROM notify AS p"   \
    " LEFT JOIN tsig_key AS k ON k.name = p.key " condition " ORDER BY 1, 3, 2, 4, 5"

static const char *const statement_texts[STATEMENTS] = {
    [STATEMENT_CHANGE_COUNTER] = "PRAGMA data_version",
    [STATEMENT_ZONES] = "SELECT " ZONE_COLUMNS " FROM zone ORDER BY name",
    [STATEMENT_ZONE] = "SELECT " ZONE_COLUMNS " FROM zone WHERE name = ?1",
    [STATEMENT_RECORDS] =
        "SELECT name, type, data, ttl FROM record WHERE zone = ?1 ORDER BY name, type, data",
    /* The zones below are looked for once, and only when a service could be in one. */
    [STATEMENT_SERVICES] =
        "SELECT " SERVICE_COLUMNS " FROM service AS s"
        " WHERE (?1 IN (s.name, '.') OR substr(s.name, -length(?1) - 1) = '.' || ?1)"
        " AND (NOT EXISTS (SELECT 1 FROM zone AS z"
        "                  WHERE ?1 = '.' OR substr(z.name, -length(?1) - 1) = '.' || ?1)"
        "      OR (SELECT zone FROM service_zone WHERE service = s.name) = ?1)"
        " ORDER BY s.name",
    [STATEMENT_SERVICES_ALL] = "SELECT " SERVICE_COLUMNS " FROM service ORDER BY name",
    [STATEMENT_POOLS] =
        "SELECT region, weight, min_up, state, until FROM pool WHERE service = ?1 ORDER BY region",
    [STATEMENT_ENDPOINTS] = "SELECT region, address, weight, state, until, check_address"
                            " FROM endpoint WHERE service = ?1 ORDER BY region, address",
    [STATEMENT_REGIONS] =
        "SELECT name, latitude, longitude, state, until, monitor, target FROM region ORDER BY name",
    [STATEMENT_MONITORS] =
        "SELECT name, type, port, host, path, method, expect_status, expect_body, tls_verify,"
        " interval_s, timeout_s, fall, rise, latency_max_ms, quorum FROM monitor ORDER BY name",
    [STATEMENT_VANTAGES] =
        "SELECT name, public_key, latitude, longitude, asn, enabled FROM vantage ORDER BY name",
    [STATEMENT_POLICIES] = "SELECT name, method, geofence FROM policy ORDER BY name",
    [STATEMENT_RULES] = "SELECT client, region, tier, weight FROM rule WHERE policy = ?1",
    [STATEMENT_PLACES] = "SELECT name, latitude, longitude FROM region WHERE latitude IS NOT NULL",
    [STATEMENT_STATES] =
        "SELECT NULL, name, NULL, state, until FROM region WHERE state <> 'auto'"
        " UNION ALL SELECT service, region, NULL, state, until FROM pool WHERE state <> 'auto'"
        " UNION ALL SELECT service, region, address, state, until FROM endpoint WHERE state <> 'auto'",
    [STATEMENT_PEERS] = PEERS("WHERE p.zone = ?1"),
    [STATEMENT_PEERS_ALL] = PEERS(""),
    [STATEMENT_DEFAULTS] = "SELECT region, tier, weight FROM rule WHERE policy = ?1 AND client = 'default'"
                           " ORDER BY tier, region",
    [STATEMENT_ZONE_PUT] =
        "INSERT INTO zone(" ZONE_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
        " ON CONFLICT(name) DO UPDATE SET mname = excluded.mname, rname = excluded.rname,"
        " ttl = excluded.ttl, negative_ttl = excluded.negative_ttl, refresh = excluded.refresh,"
        " retry = excluded.retry, expire = excluded.expire,"
        " serial = iif((excluded.serial - serial) & 4294967295 BETWEEN 1 AND 2147483647,"
        " excluded.serial, serial)"
        " WHERE (mname, rname, ttl, negative_ttl, refresh, retry, expire)"
        " IS NOT (excluded.mname, excluded.rname, excluded.ttl, excluded.negative_ttl,"
        " excluded.refresh, excluded.retry, excluded.expire)"
        " OR (excluded.serial - serial) & 4294967295 BETWEEN 1 AND 2147483647",
    [STATEMENT_ZONE_PRUNE] =
        "DELETE FROM record WHERE zone = ?1 AND NOT EXISTS (SELECT 1 FROM temp.kept"
        " AS k WHERE k.name = record.name AND k.type = record.type AND k.data = record.data)",
    [STATEMENT_RECORD_PUT] = "INSERT INTO record(zone, name, type, ttl, data) VALUES (?1, ?2, ?3, ?4, ?5)"
                             " ON CONFLICT(zone, name, type, data) DO UPDATE SET ttl = excluded.ttl"
                             " WHERE ttl IS NOT excluded.ttl",
    [STATEMENT_RECORD_KEEP] = "INSERT OR IGNORE INTO temp.kept(name, type, data) VALUES (?1, ?2, ?3)",
    [STATEMENT_VANTAGE_ADD] = "INSERT INTO vantage(name, public_key, latitude, longitude, asn, enabled)"
                              " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [STATEMENT_VANTAGE_REMOVE] = "DELETE FROM vantage WHERE name = ?1",
};

/* Errors --------------------------------------------------------------------------------------- */

/* The sentence of a refusal by the schema, out of what SQLite wraps it in (zones/schema.sql); NULL where it
 * is none. */
static const char *sentence_unwrap(const char *text, char *room, size_t cap)
{
    static const char *const wraps[] = {"JSON path error near '", "bad JSON path: '"};
    for (size_t i = 0; i < sizeof wraps / sizeof wraps[0]; i++) {
        const size_t len = strlen(wraps[i]);
        if (strncmp(text, wraps[i], len) != 0)
            continue;
        size_t put = 0;
        for (const char *p = text + len; *p && put + 1 < cap; p++) {
            if (*p == '\'') /* each one is doubled; the last one closes */
                p++;
            if (*p == '\0')
                break;
            room[put++] = *p;
        }
        room[put] = '\0';
        return room;
    }
    return NULL;
}

enum err store_fail(const struct store *store, struct diag *reterr)
{
    const char *text = sqlite3_errmsg(store->db);
    char room[DIAG_TEXT_MAX];
    const char *sentence = sentence_unwrap(text, room, sizeof room);
    if (sentence)
        return diag_set(reterr, ERR_REFUSED, "%s", sentence);
    switch (sqlite3_errcode(store->db) & 0xff) {
    case SQLITE_NOMEM:
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return diag_set(reterr, ERR_BUSY,
                        "store %s: another program's transaction is open; commit it and try again",
                        store->path);
    case SQLITE_NOTADB:
        return diag_set(reterr, ERR_CORRUPT, "%s is not a store; make one with: gslbctl --store FILE init",
                        store->path);
    case SQLITE_CORRUPT:
        return diag_set(reterr, ERR_CORRUPT,
                        "store %s is damaged (%s); remove its -wal and -shm, then put a backup in its place"
                        " (STORE.md, Restore)",
                        store->path, text);
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
        return diag_set(reterr, ERR_SYSTEM,
                        "cannot open store %s, or make its -wal and -shm beside it;"
                        " check who may read the file and write to its directory (%s)",
                        store->path, text);
    case SQLITE_CONSTRAINT:
        return diag_set(reterr, ERR_REFUSED, "%s", text);
    case SQLITE_ERROR:
        return diag_set(reterr, ERR_CORRUPT, "store %s is not as it was made: %s", store->path, text);
    default:
        return diag_set(reterr, ERR_SYSTEM, "store %s: %s", store->path, text);
    }
}

static enum err store_run(struct store *store, const char *sql, struct diag *reterr)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? OK : store_fail(store, reterr);
}

enum err store_statement(struct store *store, enum statement which, struct sqlite3_stmt **ret,
                         struct diag *reterr)
{
    struct sqlite3_stmt **at = &store->statements[which];
    if (!*at && sqlite3_prepare_v3(store->db, statement_texts[which], -1, SQLITE_PREPARE_PERSISTENT, at,
                                   NULL) != SQLITE_OK)
        return store_fail(store, reterr);
    sqlite3_reset(*at);
    sqlite3_clear_bindings(*at);
    *ret = *at;
    return OK;
}

/* Run a statement that gives no rows. */
static enum err statement_finish(struct store *store, struct sqlite3_stmt *statement, struct diag *reterr)
{
    const enum err err = sqlite3_step(statement) == SQLITE_DONE ? OK : store_fail(store, reterr);
    sqlite3_reset(statement);
    return err;
}

static void bind_text(struct sqlite3_stmt *statement, int at, const char *text)
{
    (void)sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

static void bind_number(struct sqlite3_stmt *statement, int at, int64_t value)
{
    (void)sqlite3_bind_int64(statement, at, value);
}

/* Files ---------------------------------------------------------------------------------------- */

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

enum err store_begin(struct store *store, struct diag *reterr)
{
    /* The snapshot is taken by the first read. */
    const enum err err = store_run(store, "BEGIN; SELECT 1 FROM zone LIMIT 1", reterr);
    if (err != OK)
        store_end(store);
    return err;
}

void store_end(struct store *store)
{
    if (!sqlite3_get_autocommit(store->db))
        (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

/* Changes -------------------------------------------------------------------------------------- */

enum err store_change_begin(struct store *store, struct diag *reterr)
{
    return store_run(store, "BEGIN IMMEDIATE", reterr);
}

enum err store_change_commit(struct store *store, struct diag *reterr)
{
    const enum err err = store_run(store, "COMMIT", reterr);
    if (err != OK)
        store_change_undo(store);
    return err;
}

void store_change_undo(struct store *store)
{
    store_end(store);
}

enum err store_zone_put(struct store *store, const struct store_zone *zone, struct diag *reterr)
{
    struct sqlite3_stmt *statement;
    enum err err =
        store_run(store,
                  "CREATE TEMP TABLE IF NOT EXISTS kept(name, type, data, PRIMARY KEY (name, type, data))"
                  " WITHOUT ROWID; DELETE FROM temp.kept",
                  reterr);
    if (err == OK)
        err = store_statement(store, STATEMENT_ZONE_PUT, &statement, reterr);
    if (err != OK)
        return err;
    const uint32_t numbers[] = {zone->ttl_s,   zone->negative_ttl_s, zone->refresh_s,
                                zone->retry_s, zone->expire_s,       zone->serial};
    bind_text(statement, 1, zone->name);
    bind_text(statement, 2, zone->mname);
    bind_text(statement, 3, zone->rname);
    for (int i = 0; i < 6; i++)
        bind_number(statement, 4 + i, numbers[i]);
    return statement_finish(store, statement, reterr);
}

enum err store_record_put(struct store *store, const char *zone, const struct store_record *record,
                          struct diag *reterr)
{
    struct sqlite3_stmt *put, *keep;
    enum err err = store_statement(store, STATEMENT_RECORD_PUT, &put, reterr);
    if (err == OK)
        err = store_statement(store, STATEMENT_RECORD_KEEP, &keep, reterr);
    if (err != OK)
        return err;
    bind_text(put, 1, zone);
    bind_text(put, 2, record->name);
    bind_text(put, 3, record->type);
    if (record->ttl_s != STORE_TTL_OF_ZONE)
        bind_number(put, 4, record->ttl_s);
    bind_text(put, 5, record->data);
    bind_text(keep, 1, record->name);
    bind_text(keep, 2, record->type);
    bind_text(keep, 3, record->data);
    err = statement_finish(store, put, reterr);
    return err == OK ? statement_finish(store, keep, reterr) : err;
}

enum err store_zone_prune(struct store *store, const char *zone, struct diag *reterr)
{
    struct sqlite3_stmt *statement;
    const enum err err = store_statement(store, STATEMENT_ZONE_PRUNE, &statement, reterr);
    if (err != OK)
        return err;
    bind_text(statement, 1, zone);
    return statement_finish(store, statement, reterr);
}

enum err store_vantage_add(struct store *store, const struct store_vantage *vantage, struct diag *reterr)
{
    struct sqlite3_stmt *statement;
    enum err err = store_statement(store, STATEMENT_VANTAGE_ADD, &statement, reterr);
    if (err != OK)
        return err;
    bind_text(statement, 1, vantage->name);
    bind_text(statement, 2, vantage->public_key);
    if (vantage->placed) {
        (void)sqlite3_bind_double(statement, 3, vantage->latitude);
        (void)sqlite3_bind_double(statement, 4, vantage->longitude);
    }
    if (vantage->asn > 0)
        bind_number(statement, 5, vantage->asn);
    bind_number(statement, 6, vantage->enabled);
    err = statement_finish(store, statement, reterr);
    if (err == ERR_REFUSED && sqlite3_extended_errcode(store->db) == SQLITE_CONSTRAINT_PRIMARYKEY)
        return diag_set(reterr, ERR_EXISTS, "vantage: there is already one named \"%s\"; remove it first",
                        vantage->name);
    return err;
}

enum err store_vantage_remove(struct store *store, const char *name, struct diag *reterr)
{
    struct sqlite3_stmt *statement;
    enum err err = store_statement(store, STATEMENT_VANTAGE_REMOVE, &statement, reterr);
    if (err != OK)
        return err;
    bind_text(statement, 1, name);
    err = statement_finish(store, statement, reterr);
    if (err == OK && sqlite3_changes(store->db) == 0)
        return diag_set(reterr, ERR_MISSING, "vantage: there is none named \"%s\"", name);
    return err;
}
