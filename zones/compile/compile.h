/* zones/compile/compile.h - from one snapshot of the store and the geo databases to the next world's images.
 *
 * The unit is the zone, and the policy: what did not change since the last world is taken over from it, and
 * what does not compile keeps its last good form and leaves a problem in the manifest. compile_world() leaves
 * the images and `manifest.next` in the state directory, which is enough to publish; compile_commit() then
 * makes them durable and turns `manifest.next` into `manifest.json`. A compiler that dies between any two
 * lines leaves the last good world as it was.
 */
#ifndef ZONES_COMPILE_COMPILE_H
#define ZONES_COMPILE_COMPILE_H

#include "common/err.h"
#include "zones/compile/compile_request.h"
#include "zones/image/manifest.h"

/* ERR_MISSING, ERR_CORRUPT, ERR_VERSION, ERR_BUSY: the store; ERR_SYSTEM: the state directory (disk full);
 * ERR_LIMIT: over REGIONS_MAX or POLICIES_MAX; ERR_MEMORY. On an error nothing of the last world has changed.
 * Problems of single zones, policies and geo files are not errors. */
NODISCARD enum err compile_world(const struct compile_request *request, struct compile_result *ret,
                                 struct diag *reterr);

/* After a compile_world() that gave a generation. Then there is time to read geo databases that no policy has
 * needed yet. */
NODISCARD enum err compile_commit(const struct compile_request *request, struct diag *reterr);

#endif
