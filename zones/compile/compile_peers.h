/* zones/compile/compile_peers.h - the other nameservers of a zone, from the store's rows to its draft.
 */
#ifndef ZONES_COMPILE_COMPILE_PEERS_H
#define ZONES_COMPILE_COMPILE_PEERS_H

#include "common/err.h"
#include "zones/compile/draft.h"
#include "zones/compile/problems.h"
#include "zones/compile/zone_list.h"
#include "zones/store/store.h"

#include <stdbool.h>

/* Read the peers of a zone and the keys that they use. What is wrong with a row goes to `problems`; it keeps
 * the zone in its last form. ERR_MEMORY, and errors of the store. */
NODISCARD enum err compile_peers(struct store *store, const char *zone, struct draft *draft,
                                 struct problems *problems, struct diag *reterr);

/* Whether somebody may copy the zone. */
bool compile_peers_may_copy(const struct draft *draft);

/* Set `peers` of every row of the list: a hash of its peers and their keys, 0 for none. Errors of
 * the store. */
NODISCARD enum err compile_peers_hash(struct store *store, struct zone_list *list,
                                      struct diag *reterr);

#endif
