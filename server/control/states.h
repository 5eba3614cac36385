/* server/control/states.h - the operator's states (auto, up, drain, down) on the board, from the store and
 * from health.db.
 *
 * The world that is served may be older than the store. A subject's word is the stricter (up < auto < drain <
 * down) of what the store says now and what it said when the subject's form was compiled: its *granted*
 * state. So a drain is on the board as soon as its commit is seen, before anything is compiled, while what is
 * loosened or deleted waits for the world of that commit, and stands for ever where there is none: in a zone
 * that does not compile. When a commit changes nothing but states, the compiler says so at once, and that
 * grants them too.
 *
 *    states_load       the store's states, at a commit             tightens
 *    states_compiling  a compiler starts: it compiles those
 *    states_apply      its world is about to be published          grants, tightens; loosens once all have it
 *    states_settle     it has found the world as it is             grants, loosens
 *
 * `until` is ended by states_tick(), which is told the wall clock each time, so a clock that jumps costs
 * nothing. What is on the board is also kept in health.db, so that a server restarted without its store keeps
 * its drains.
 */
#ifndef SERVER_CONTROL_STATES_H
#define SERVER_CONTROL_STATES_H

#include "common/clock.h"
#include "common/err.h"
#include "server/control/roster.h"
#include "server/control/wiring.h"
#include "zones/store/store.h"

struct states;

NODISCARD enum err states_new(struct control *control, struct states **ret, struct diag *reterr);
void states_free(struct states **states);

/* Take the states that stand in the store now, instead of those that were, and write to the board what that
 * changes. On an error the old ones stay. */
NODISCARD enum err states_load(struct states *states, struct store *store, struct moment now,
                               struct diag *reterr);

/* A compiler starts: what it reports is of the states that were loaded last, or of later ones. */
void states_compiling(struct states *states);

/* Take the roster of a world that is about to be published, and tighten what its states tighten. The roster
 * is lent until the next one comes. */
void states_apply(struct states *states, const struct roster *roster, struct moment now);

/* The current world is what the last compiler would have made. */
void states_settle(struct states *states, struct moment now);

/* Loosen what waited for the workers, end what `until` has ended, and write what health.db does not have yet.
 * Every VERDICTS_TICK_MS. */
void states_tick(struct states *states, struct moment now);

#endif
