/* zones/compile/last.h - the last good world as the compiler finds it in the state directory: its manifest,
 * and its packs mapped.
 */
#ifndef ZONES_COMPILE_LAST_H
#define ZONES_COMPILE_LAST_H

#include "common/err.h"
#include "common/file.h"
#include "zones/compile/problems.h"
#include "zones/image/image.h"
#include "zones/image/manifest.h"

enum { LAST_PATH_MAX = 4096 };

struct last {
    const char *state_dir; /* lent */
    struct manifest *manifest; /* an empty one when there is no last world */
    struct file_map maps[PACKS_MAX];
    struct image packs[PACKS_MAX]; /* {0}: none, or one that cannot be used */
};

/* Open it. A manifest or pack that is damaged is as good as none: a problem is put and its zones are compiled
 * anew. ERR_MEMORY, ERR_SYSTEM. */
NODISCARD enum err last_open(const char *state_dir, struct problems *problems, struct last *ret,
                             struct diag *reterr);
void last_close(struct last *last);

/* STATE/images/FILE and STATE/FILE. ERR_LIMIT: over LAST_PATH_MAX. */
NODISCARD enum err last_image_path(const char *state_dir, const char *file, char ret[LAST_PATH_MAX],
                                   struct diag *reterr);
NODISCARD enum err last_path(const char *state_dir, const char *file, char ret[LAST_PATH_MAX],
                             struct diag *reterr);

#endif
