/* server/states.h - the operator's states (auto, up, drain, down) on the board, from the store and from health.db.
 *
 * A state is written to its word as soon as a commit is seen, before anything is compiled. `until` is ended by
 * states_tick(), which is told the wall clock each time, so a clock that jumps costs nothing. The states are also kept in health.db, so that a server restarted without its store keeps its drains.
 */
#ifndef SERVER_STATES_H
#define SERVER_STATES_H

#include "common/clock.h"
#include "common/err.h"
#include "server/control.h"
#include "server/roster.h"
#include "zones/store.h"

struct states;

NODISCARD enum err states_new(struct control *control, struct states **ret, struct diag *reterr);
void states_free(struct states **states);

/* Take the states that stand in the store now, instead of those that were; write those that changed to the board. On
 * an error the old ones stay. */
NODISCARD enum err states_load(struct states *states, struct store *store, struct moment now, struct diag *reterr);

/* Write the state of every subject of `roster` to its word: before its world is published. The roster is lent until
 * the next one comes. */
void states_apply(struct states *states, const struct roster *roster, struct moment now);

/* End what `until` has ended, and write what health.db does not have yet. Every VERDICTS_TICK_MS. */
void states_tick(struct states *states, struct moment now);

#endif
