/* server/control/watch.h - notices, without a signal, that the store or a geo database has changed.
 *
 * The store: SQLite's change counter, asked every WATCH_POLL_MS, and right away and then in quick steps when
 * inotify saw a write beside it (the write-ahead log is written before its commit can be seen). A store that
 * is moved away, replaced or missing is opened again when one is there.
 *
 * A geo database: its inode, size and times, every WATCH_GEO_MS. It has changed when they differ from what
 * they were and stay so from one look to the next, so that a file that is being written is left alone.
 */
#ifndef SERVER_CONTROL_WATCH_H
#define SERVER_CONTROL_WATCH_H

#include "common/err.h"
#include "zones/store/store.h"

#include <stddef.h>

enum {
    WATCH_POLL_MS = 100, /* a commit is seen at the latest after this */
    WATCH_QUICK_MS = 1,  /* the first step after a write; each is twice as long */
    WATCH_GEO_MS = 500,
    /* To the next try at a store that cannot be read; at one that is locked: WATCH_POLL_MS. */
    WATCH_RETRY_MS = 1000,
};

struct event_base;

struct watch_setup {
    struct event_base *base;
    const char *store_path; /* texts are lent for the life of the watch */
    const char *const *geo_paths;
    size_t geo_paths_count;
    void *context;

    /* There was a commit, or another store. On an error it is called again. */
    enum err (*commit)(void *context, struct store *store, struct diag *reterr);

    /* A geo database has changed. */
    void (*geo)(void *context);
};

struct watch;

/* Begin. The first look at the store is watch_check()'s. ERR_MEMORY, ERR_SYSTEM. */
NODISCARD enum err watch_new(const struct watch_setup *setup, struct watch **ret, struct diag *reterr);
void watch_free(struct watch **watch);

/* Look at the store now. Errors are those of store_open_poll() and of `commit`. The looks that follow by
 * themselves log theirs, each sentence once. */
NODISCARD enum err watch_check(struct watch *watch, struct diag *reterr);

#endif
