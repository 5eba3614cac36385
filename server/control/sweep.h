/* server/control/sweep.h - takes away the images that no world names any more, and what was kept of earlier
 * geo databases. */
#ifndef SERVER_CONTROL_SWEEP_H
#define SERVER_CONTROL_SWEEP_H

#include "zones/image/manifest.h"

#include <stddef.h>

/* Remove every image in STATE/images that `manifest` does not name and that is not kept of a geo database as
 * it is now: those of earlier worlds and databases, and what compilers left that were killed. Requires that
 * `manifest` is both the committed and the current world, and that no compiler writes. What cannot be removed
 * stays until the next time. */
void sweep_images(const char *state_dir, const struct manifest *manifest, const char *const *geo_paths,
                  size_t geo_paths_count);

#endif
