/* zones/history/history.h - STATE/health.db: what is, and what was, for people and for the next start.
 *
 * Written by the control process only; read by it at start, by gslbctl and by whoever opens it with
 * `sqlite3`. The tables are those of docs/HEALTH.md. Verdicts are texts here (verdict_print() of
 * health/board.h); times are unix time in milliseconds in this face, in seconds in the tables.
 *
 * Writing is a transaction of puts. Puts cannot fail: the first error sticks, history_commit() gives it and
 * undoes them all, so whoever wants a row in the file keeps it until a commit was OK. Events are different:
 * they are kept here until a commit takes them, HISTORY_PENDING_MAX of them. Nobody waits longer than
 * HISTORY_BUSY_MS for a lock, and readers never lock a writer out (WAL).
 *
 *    history_begin -> history_put_health ... -> history_commit
 *    history_event                           -> the next history_commit
 */
#ifndef ZONES_HISTORY_HISTORY_H
#define ZONES_HISTORY_HISTORY_H

#include "common/err.h"
#include "zones/image/image.h"
#include "zones/image/manifest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HISTORY_VERSION = 1,
    HISTORY_BUSY_MS = 20,        /* the longest wait for a lock, since the control loop waits too */
    HISTORY_OPEN_BUSY_MS = 2000, /* ... of history_open(): there is no loop yet, and all memory to lose */
    HISTORY_EVENTS_MAX = 100000, /* rows of `event`; the oldest go */
    HISTORY_EVENTS_AGE_S = 90 * 86400,
    HISTORY_LOADS_MAX = 10000,     /* rows of `load` */
    HISTORY_PENDING_MAX = 16384,   /* events that wait for a file that can be written; more are counted */
    HISTORY_TRIM_ROWS = 1000,      /* rows that one commit drops at most for the limits above */
    HISTORY_WAL_PAGES = 1000,      /* of 4 KiB; then they are copied into the file */
    HISTORY_WAL_PAGES_MAX = 65536, /* where a reader keeps them from being copied, nothing more is written */
};

struct history; /* an open file; heap */

/* A row of region_health, pool_health or endpoint_health. The counts are of votes; for a pool of its
 * endpoints, and for a region without a monitor of its pools. */
struct history_health {
    enum subject_kind kind;
    const char *service; /* "" for a region */
    const char *region;
    const char *address; /* "" for a region or a pool */
    const char *verdict; /* "up", "down", "unknown" */
    int64_t since_ms;
    uint32_t up, down, unknown;
    uint32_t latency_ms;
    const char *reason;
};

/* A row of vantage_health. */
struct history_vantage {
    const char *name;
    int64_t seen_ms; /* 0: never */
    uint32_t votes;  /* fresh ones */
    bool suspect;
    int64_t votes_seq, checks_seq; /* of the last messages that were taken from it; -1: none was */
};

/* A row of vote: the last word of one vantage point on one check. */
struct history_vote {
    const char *vantage;
    const char *check; /* "MONITOR ADDRESS" */
    const char *verdict;
    int64_t since_ms; /* the vantage point's clock */
    uint32_t latency_ms;
    const char *reason;
};

/* A row of damping: how often one check has flapped (health/flap.h). A check that has not has none. */
struct history_damping {
    const char *check;
    uint32_t doublings;
    int64_t changed_ms; /* its last change of verdict */
    int64_t up_ms;      /* its last change from down to up; 0: none */
};

/* A row of operator_state: a state that is not auto. */
struct history_state {
    enum subject_kind kind;
    const char *service; /* "" as in struct history_health */
    const char *region;
    const char *address;
    const char *state; /* "up", "drain", "down" */
    int64_t until_ms;  /* 0: for ever */
};

/* A subject is "endpoint SERVICE REGION ADDRESS", "pool SERVICE REGION", "region REGION", "vantage NAME" or
 * "votes". */
struct history_event {
    int64_t at_ms;
    const char *subject;
    const char *was, *is;
    const char *reason;
};

/* A row of load: one attempt to take what the store holds. */
struct history_load {
    uint64_t generation;
    int64_t at_ms;
    bool ok;
    uint64_t zones, problems;
};

/* A row of problem. */
struct history_problem {
    int64_t at_ms;
    const char *zone, *subject, *message;
};

/* Open for writing; made when missing, with mode 0640. A file that is no database, or whose contents are
 * broken, is moved aside (`health.db.broken`) and a new one made, with a line in the log: at once, or at
 * the history_begin() after it was noticed. ERR_VERSION: a newer program's. ERR_SYSTEM: it can be neither
 * opened nor made. */
NODISCARD enum err history_open(const char *path, struct history **ret, struct diag *reterr);

/* After that has failed: without a file, and so without rows, until a history_begin() can open it. Each
 * tries, as it does when the file has been deleted or another one is in its place. ERR_LIMIT: the path;
 * ERR_MEMORY. */
NODISCARD enum err history_open_later(const char *path, struct history **ret, struct diag *reterr);

/* Open for reading. ERR_MISSING: no such file. ERR_CORRUPT. ERR_VERSION. ERR_SYSTEM. */
NODISCARD enum err history_open_read(const char *path, struct history **ret, struct diag *reterr);
void history_close(struct history **history);

/* How many files this has been beside the first: whoever knows what is in the file compares it after
 * history_begin(). */
unsigned history_epoch(const struct history *history);

/* Control. Begin a transaction. ERR_BUSY: another writer has the lock, or a reader has kept its snapshot
 * for too long. ERR_SYSTEM: disk full, or the file is not writable, or cannot be opened; ERR_VERSION. */
NODISCARD enum err history_begin(struct history *history, struct diag *reterr);

/* Control. End it, with the events that wait. On an error nothing of it is in the file. */
NODISCARD enum err history_commit(struct history *history, struct diag *reterr);

/* Control, outside a transaction, when nothing urgent waits. Copy the log into the file when it has grown:
 * may wait for the disk. */
void history_tidy(struct history *history);

/* Control, within a transaction. Put a row in the place of the one with the same key, or drop it. */
void history_put_health(struct history *history, const struct history_health *row);
void history_put_vantage(struct history *history, const struct history_vantage *row);
void history_put_vote(struct history *history, const struct history_vote *row);
void history_drop_health(struct history *history, const struct history_health *row);
void history_drop_vantage(struct history *history, const char *name); /* with its votes */
void history_put_damping(struct history *history, const struct history_damping *row);
void history_drop_check(struct history *history, const char *check); /* its votes and damping */
void history_clear(struct history *history); /* all rows of health, vantage points, votes and damping */

/* Control, within a transaction. Append a row to load. */
void history_put_load(struct history *history, const struct history_load *row);

/* Control, within a transaction. Let these be all rows of problem. */
void history_put_problems(struct history *history, const struct manifest_problem *problems, size_t count,
                          int64_t now_ms);

/* Control, within a transaction. Let these be all rows of operator_state. */
void history_put_states(struct history *history, const struct history_state *states, size_t count);

/* Control, at any time. Append an event; the texts are copied. */
void history_event(struct history *history, const struct history_event *event);

/* Events that wait, and those that found no place since history_open(). */
size_t history_pending(const struct history *history);
uint64_t history_lost(const struct history *history);

/* Who wants rows: called for each; the texts are the history's until it returns. */
struct history_taker {
    void *context;
    void (*health)(void *context, const struct history_health *row);
    void (*vantage)(void *context, const struct history_vantage *row);
    void (*vote)(void *context, const struct history_vote *row);
    void (*damping)(void *context, const struct history_damping *row);
    void (*state)(void *context, const struct history_state *row);
    void (*event)(void *context, const struct history_event *row);
    void (*load)(void *context, const struct history_load *row);
    void (*problem)(void *context, const struct history_problem *row);
};

/* Give rows to the taker's function for them: health of one kind in order of its key, vantage points by name,
 * votes by check and vantage point, damping by check, events and loads from the oldest of the last `limit`
 * on, problems in the order of the compiler. ERR_BUSY. ERR_CORRUPT. ERR_SYSTEM. */
NODISCARD enum err history_each_health(struct history *history, enum subject_kind kind,
                                       const struct history_taker *taker, struct diag *reterr);
NODISCARD enum err history_each_vantage(struct history *history, const struct history_taker *taker,
                                        struct diag *reterr);
NODISCARD enum err history_each_vote(struct history *history, const struct history_taker *taker,
                                     struct diag *reterr);
NODISCARD enum err history_each_damping(struct history *history, const struct history_taker *taker,
                                        struct diag *reterr);
NODISCARD enum err history_each_state(struct history *history, const struct history_taker *taker,
                                      struct diag *reterr);
NODISCARD enum err history_each_event(struct history *history, uint32_t limit,
                                      const struct history_taker *taker, struct diag *reterr);
NODISCARD enum err history_each_load(struct history *history, uint32_t limit,
                                     const struct history_taker *taker, struct diag *reterr);
NODISCARD enum err history_each_problem(struct history *history, const struct history_taker *taker,
                                        struct diag *reterr);

#endif
