/* zones/compile/compile_packs.h - the packs of the next world: zones that did not change copied, the others
 * compiled.
 *
 * Whether a zone changed is told by its fingerprint alone: its serial, which the store's triggers move, and
 * for a zone with services the census and the zones inside it. A pack in which nothing changed keeps its
 * file.
 */
#ifndef ZONES_COMPILE_COMPILE_PACKS_H
#define ZONES_COMPILE_COMPILE_PACKS_H

#include "common/err.h"
#include "zones/compile/census.h"
#include "zones/compile/compile_request.h"
#include "zones/compile/last.h"
#include "zones/store/store.h"

#include <stdbool.h>

/* Write the packs that change to STATE/images as of the generation of `census->next`, and fill in its packs,
 * zones_count, slots_end and problems; `written[bucket]` says which are new. `ret->zones_built` is set.
 * ERR_MEMORY, ERR_SYSTEM, and errors of the store. */
NODISCARD enum err compile_packs(const struct compile_request *request, struct store *store,
                                 const struct last *last, const struct census *census,
                                 struct compile_result *ret, bool written[PACKS_MAX], struct diag *reterr);

#endif
