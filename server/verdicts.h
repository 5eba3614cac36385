/* server/verdicts.h - the verdicts: from votes to words of the board, rows of health.db and lines of the log.
 *
 * The control process has one. It owns the tally, and the checks of the current roster. A changed verdict goes to
 * health.db first and to the board at once after it, so that a process that is killed between the two does not forget a
 * verdict that somebody has seen; a file that cannot be written delays nothing, is logged once and tried again.
 *
 *    api --votes--> verdicts_tally() --verdicts_tick()--> history_event, history_put_health -> words_set_verdict
 *
 * Whose verdict is what:
 *    endpoint with a monitor    its check's
 *    endpoint without           unknown, which serves
 *    region with a monitor      its own check's
 *    pool                       down when all its endpoints are down, unknown when none is up, else up
 *    region without a monitor   likewise, by its pools
 * The last two are for people (health.db, metrics): the board has only what was voted on.
 */
#ifndef SERVER_VERDICTS_H
#define SERVER_VERDICTS_H

#include "common/clock.h"
#include "common/err.h"
#include "health/board.h"
#include "server/checks.h"
#include "server/roster.h"
#include "zones/history.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    VERDICTS_TICK_MS = 200,    /* how often control calls verdicts_tick() */
    VERDICTS_RECORD_MS = 1000, /* how old the rows of health.db may be */
};

struct verdicts; /* heap */

/* A subject of the roster as it stands. */
struct verdicts_status {
    enum verdict verdict;
    int64_t since_ms; /* unix time */
    uint32_t up, down, unknown; /* as in struct history_health */
    uint32_t latency_ms;
};

/* Nothing to judge yet. The board (a writer's) and the history (NULL: nothing is remembered) must outlive it. ERR_MEMORY. */
NODISCARD enum err verdicts_new(struct board *board, struct history *history, struct moment now,
                                struct verdicts **ret, struct diag *reterr);
void verdicts_free(struct verdicts **verdicts);

/* Take the roster of a world that is about to be published: after this its words have their verdicts. The first time
 * those of health.db and of the board as it is (where they differ, down), later those that their subjects have. Call
 * it before the states are set, and free the last roster only after it. Resets the words of new subjects. On
 * failure nothing has changed. ERR_MEMORY. ERR_LIMIT. */
NODISCARD enum err verdicts_configure(struct verdicts *verdicts, const struct roster *roster, struct moment now,
                                      struct diag *reterr);

/* Judge, store, write and log what has changed. Every VERDICTS_TICK_MS, and after votes. */
void verdicts_tick(struct verdicts *verdicts, struct moment now);

/* The checks of the current roster; NULL before the first. */
const struct checks *verdicts_checks(const struct verdicts *verdicts);

/* Nothing is fresh: every verdict holds. */
bool verdicts_blind(const struct verdicts *verdicts);

/* The subject with this index in the roster. */
struct verdicts_status verdicts_get(const struct verdicts *verdicts, size_t subject, struct moment now);

#endif
