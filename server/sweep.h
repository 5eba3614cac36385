/* server/sweep.h - takes away the images that no world names any more. */
#ifndef SERVER_SWEEP_H
#define SERVER_SWEEP_H

#include "zones/manifest.h"

/* Remove every file in STATE/images that `manifest` does not name: those of earlier worlds, and what compilers left that were
 * killed. Requires that `manifest` is both the committed and the current world, and that no compiler writes. What
 * cannot be removed stays until the next time. */
void sweep_images(const char *state_dir, const struct manifest *manifest);

#endif
