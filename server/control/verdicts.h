/* server/control/verdicts.h - the verdicts: from votes to words of the board, rows of health.db and lines of
 * the log.
 *
 * The control process has one. It owns the tally, and the checks of the current roster. A changed verdict
 * goes to health.db first and to the board at once after it, so that a process that is killed between the
 * two does not forget a verdict that somebody has seen; a file that cannot be written delays nothing, is
 * logged once and tried again.
 *
 *    api --votes--> verdicts_tally() --verdicts_tick()--> rows and events -> words -> log
 *
 * Whose verdict is what:
 *    endpoint with a monitor    its check's
 *    endpoint without           unknown, which serves
 *    region with a monitor      its own check's
 *    pool                       up with min_up endpoints of one kind that are up, down where the unknown
 *                               ones are not enough for that either, else unknown
 *    region without a monitor   likewise, with one of its pools
 * The last two are for people (health.db, metrics): the board has only what was voted on.
 */
#ifndef SERVER_CONTROL_VERDICTS_H
#define SERVER_CONTROL_VERDICTS_H

#include "common/clock.h"
#include "common/err.h"
#include "health/board.h"
#include "health/intake.h"
#include "server/control/checks.h"
#include "server/control/roster.h"
#include "zones/history/history.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    VERDICTS_TICK_MS = 200,    /* how often control calls verdicts_tick() */
    VERDICTS_RECORD_MS = 800,  /* how old the rows of health.db may be, before the next tick sees to it */
    VERDICTS_VOTES_MAX = 4096, /* rows of `vote` that are written at once; the rest a second later */
    VERDICTS_STEPS_MAX = 64,   /* of the tally in one tick; the rest is for the next */
};

struct verdicts; /* heap */

/* A subject of the roster as it stands. */
struct verdicts_status {
    enum verdict verdict;
    int64_t since_ms;           /* unix time */
    uint32_t up, down, unknown; /* as in struct history_health; at most a second old */
    uint32_t latency_ms;
};

/* A vantage point as it stands. */
struct verdicts_attendance {
    const char *name;
    bool enabled;
    bool suspect;
    uint32_t fresh;    /* votes that count, up or down */
    int64_t seen_ms;   /* its last message, unix time; 0: never */
    uint64_t votes[3]; /* taken since control started, by enum verdict */
};

/* Nothing to judge yet. The board (a writer's) and the history (NULL: nothing is remembered) must outlive
 * it. ERR_MEMORY. */
NODISCARD enum err verdicts_new(struct board *board, struct history *history, struct moment now,
                                struct verdicts **ret, struct diag *reterr);
void verdicts_free(struct verdicts **verdicts);

/* Take the roster of a world that is about to be published: after this its words have their verdicts. The
 * first time those of health.db and of the board as it is (where the two differ: down), later those that
 * their subjects have. Call it before the states are set, and free the last roster only after it. Resets
 * the words of new subjects. On failure nothing has changed. ERR_MEMORY. ERR_LIMIT: of slots, checks or
 * vantage points. */
NODISCARD enum err verdicts_configure(struct verdicts *verdicts, const struct roster *roster,
                                      struct moment now, struct diag *reterr);

/* Judge, store, write and log what has changed. Every VERDICTS_TICK_MS, and after votes. */
void verdicts_tick(struct verdicts *verdicts, struct moment now);

/* The checks of the current roster; NULL before the first. */
const struct checks *verdicts_checks(const struct verdicts *verdicts);

/* The vantage point of this name, for health/intake.h; NULL: there is none. Lent until the next
 * verdicts_configure(). */
struct intake_sender *verdicts_sender(struct verdicts *verdicts, const char *name);

/* Take in what a vantage point says; whoever calls has made sure that it was it. Results on checks that are
 * not ours are passed over: its list was an older one. */
void verdicts_tally(struct verdicts *verdicts, const struct intake_sender *sender,
                    const struct batch_votes *votes, struct moment now);

/* Append the reply to it: what it should look at now, and which list of checks is current. */
NODISCARD enum err verdicts_reply(struct verdicts *verdicts, const struct intake_sender *sender,
                                  struct moment now, struct buffer *ret, struct diag *reterr);

/* Nothing is fresh: every verdict holds. */
bool verdicts_blind(const struct verdicts *verdicts);

/* Transactions of health.db that failed. */
uint64_t verdicts_failures(const struct verdicts *verdicts);

/* Events that health.db will never have: too many waited for it. */
uint64_t verdicts_events_lost(const struct verdicts *verdicts);

/* The subject with this index in the roster. */
struct verdicts_status verdicts_get(const struct verdicts *verdicts, size_t subject);

/* Vantage points, enabled or not, by number. */
size_t verdicts_vantages(const struct verdicts *verdicts);
struct verdicts_attendance verdicts_vantage(const struct verdicts *verdicts, size_t idx);

#endif
