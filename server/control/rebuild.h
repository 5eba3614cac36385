/* server/control/rebuild.h - control's side of compiling: one `gslbd:compiler` at a time
 * (server/control/compiler.h).
 *
 * A change that comes while one runs starts another right after it. If the first change is less than
 * REBUILD_SUPERSEDE_MS ago, it does not wait for that: the compiler is killed, so that a session of many
 * small commits costs one compile and not one for each. A compiler that reports a world gets it published and
 * is then told to commit, so that what cannot be published never becomes the last good world. One that fails,
 * dies or takes too long is logged once for each reason and tried again with back-off; the world stays.
 */
#ifndef SERVER_CONTROL_REBUILD_H
#define SERVER_CONTROL_REBUILD_H

#include "common/err.h"
#include "server/control/wiring.h"

enum {
    REBUILD_TIME_MAX_MS = 300 * 1000, /* a compiler's; 10 million records take about 30 s */
    REBUILD_SUPERSEDE_MS = 100,       /* after the first change; later ones wait, so that there is an end */
    REBUILD_RETRY_MIN_MS = 1000,      /* after a failure; doubles each time ... */
    REBUILD_RETRY_MAX_MS = 60 * 1000, /* ... up to this. A change of the store is tried at once */
    REBUILD_PROBLEMS_LOGGED = 20,     /* of one world; all are in health.db */
};

struct rebuild;

NODISCARD enum err rebuild_new(struct control *control, struct rebuild **ret, struct diag *reterr);

/* Kills a compiler that runs. */
void rebuild_free(struct rebuild **rebuild);

/* The last good world has been published: its problems are those of health.db. */
void rebuild_recovered(struct rebuild *rebuild);

/* Something that the world is compiled from may have changed. Returns at once. */
void rebuild_request(struct rebuild *rebuild);

/* Write what health.db does not have yet. Every VERDICTS_TICK_MS. */
void rebuild_tick(struct rebuild *rebuild);

#endif
