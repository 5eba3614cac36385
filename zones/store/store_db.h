/* zones/store/store_db.h - the inside of an open store, for zones/store*.c only.
 *
 * Each statement is prepared once, when it is first asked for, and reset after use: a compile asks for the
 * records of a hundred thousand zones.
 */
#ifndef ZONES_STORE_STORE_DB_H
#define ZONES_STORE_STORE_DB_H

#include "zones/store/store.h"

#include <sys/types.h>

struct sqlite3;
struct sqlite3_stmt;

enum statement {
    STATEMENT_CHANGE_COUNTER,
    STATEMENT_ZONES,
    STATEMENT_ZONE,
    STATEMENT_RECORDS,
    STATEMENT_SERVICES,
    STATEMENT_SERVICES_ALL,
    STATEMENT_POOLS,
    STATEMENT_ENDPOINTS,
    STATEMENT_REGIONS,
    STATEMENT_MONITORS,
    STATEMENT_VANTAGES,
    STATEMENT_POLICIES,
    STATEMENT_RULES,
    STATEMENT_PLACES,
    STATEMENT_STATES,
    STATEMENT_PEERS,
    STATEMENT_PEERS_ALL,
    STATEMENT_DEFAULTS,
    STATEMENT_ZONE_PUT,
    STATEMENT_ZONE_PRUNE,
    STATEMENT_RECORD_PUT,
    STATEMENT_RECORD_KEEP,
    STATEMENT_VANTAGE_ADD,
    STATEMENT_VANTAGE_REMOVE,
    STATEMENTS,
};

struct store {
    char *path;
    dev_t device;
    ino_t inode;
    struct sqlite3 *db;
    struct sqlite3_stmt *statements[STATEMENTS];
};

/* The statement, reset and without values. ERR_CORRUPT: a table or column is not there. */
NODISCARD enum err store_statement(struct store *store, enum statement which, struct sqlite3_stmt **ret,
                                   struct diag *reterr);

/* Run SQL that gives no rows. */
NODISCARD enum err store_run(struct store *store, const char *sql, struct diag *reterr);

/* The sentence and the error for what SQLite said last. */
enum err store_fail(const struct store *store, struct diag *reterr);

#endif
