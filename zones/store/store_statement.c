/* zones/store/store_statement.c - what is asked of a store, in transactions, and what it says when it
 * refuses. */
#include "zones/store/store_db.h"

#include <sqlite3.h>
#include <string.h>

#define SERVICE_COLUMNS "name, policy, monitor, sticky, all_down, ttl, answers, panic_below"
#define ZONE_COLUMNS    "name, mname, rname, ttl, negative_ttl, refresh, retry, expire, serial"

/* The peers of the zones that a condition picks, once for those that may copy and once for those
 * that are told. */
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

/* The sentence of a refusal by the schema, out of what SQLite wraps it in (zones/store/schema.sql); NULL
 * where it is none. */
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

enum err store_run(struct store *store, const char *sql, struct diag *reterr)
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

/* Transactions --------------------------------------------------------------------------------- */

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
