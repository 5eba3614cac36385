/* zones/store/store_change.c - what is written to a store: zone files, vantage points. */
#include "zones/store/store.h"

#include "zones/store/store_db.h"

#include <sqlite3.h>

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
