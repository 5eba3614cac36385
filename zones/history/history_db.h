/* zones/history/history_db.h - the inside of an open health.db, for zones/history*.c only.
 */
#ifndef ZONES_HISTORY_HISTORY_DB_H
#define ZONES_HISTORY_HISTORY_DB_H

#include "zones/history/history.h"

#include <sqlite3.h>
#include <sys/types.h>

enum history_statement {
    HISTORY_BEGIN,
    HISTORY_COMMIT,
    HISTORY_ROLLBACK,
    HISTORY_PUT_REGION,
    HISTORY_PUT_POOL,
    HISTORY_PUT_ENDPOINT,
    HISTORY_DROP_REGION,
    HISTORY_DROP_POOL,
    HISTORY_DROP_ENDPOINT,
    HISTORY_PUT_VANTAGE,
    HISTORY_DROP_VANTAGE,
    HISTORY_DROP_VANTAGE_VOTES,
    HISTORY_PUT_VOTE,
    HISTORY_PUT_DAMPING,
    HISTORY_DROP_CHECK,
    HISTORY_DROP_DAMPING,
    HISTORY_CLEAR_REGIONS,
    HISTORY_CLEAR_POOLS,
    HISTORY_CLEAR_ENDPOINTS,
    HISTORY_CLEAR_VANTAGES,
    HISTORY_CLEAR_DAMPING,
    HISTORY_CLEAR_VOTES,
    HISTORY_PUT_LOAD,
    HISTORY_TRIM_LOADS,
    HISTORY_DROP_PROBLEMS,
    HISTORY_PUT_PROBLEM,
    HISTORY_DROP_STATES,
    HISTORY_PUT_STATE,
    HISTORY_PUT_EVENT,
    HISTORY_TRIM_EVENTS,
    HISTORY_STATEMENTS,
};

/* An event that waits, and its texts in one allocation. */
struct history_waiting {
    struct history_event event;
    char *texts;
};

struct history {
    char *path;
    sqlite3 *db;          /* NULL: there is no file, history_begin() tries to open one */
    dev_t device;         /* which file it is */
    ino_t inode;
    sqlite3_stmt *statements[HISTORY_STATEMENTS]; /* prepared when first asked for */
    unsigned epoch;
    bool broken; /* SQLite found it corrupt */
    bool open_transaction;
    enum err err; /* of this transaction: the first */
    struct diag diag;
    int wal_pages;                   /* after the last commit */
    struct history_waiting *waiting; /* heap, [waiting_cap] */
    size_t waiting_count, waiting_cap;
    uint64_t lost;
};

/* The error and the sentence for what SQLite said last. Notes when the file is broken. */
enum err history_fail(struct history *history, struct diag *reterr);

/* Close the file and give back the rest; NULL is none. No event may wait. */
void history_dispose(struct history **history);

/* Whether the open file is still the one at its path. */
bool history_is_current(const struct history *history);

/* Open what is at the path now, or make it. Logs it. ERR_SYSTEM, ERR_VERSION: it cannot be. */
NODISCARD enum err history_reopen(struct history *history, struct diag *reterr);

/* Move the broken file aside and go on with a new one. Logs it. ERR_SYSTEM: that cannot be done. */
NODISCARD enum err history_replace(struct history *history, struct diag *reterr);

#endif
