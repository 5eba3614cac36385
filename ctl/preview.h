/* ctl/preview.h - a world to look at: the one that gslbd would make of a store, or the one that it serves.
 *
 * For the first the compiler of gslbd runs in this process and leaves its images in a temporary directory;
 * states come from the store, verdicts from health.db when a state directory is given, and are unknown
 * otherwise. The second are the images that STATE/manifest.json names, with states and verdicts from
 * health.db; nothing there is written. Either way they are mapped as a worker maps them.
 */
#ifndef CTL_PREVIEW_H
#define CTL_PREVIEW_H

#include "common/file.h"
#include "ctl/command.h"
#include "server/answer/world.h"
#include "zones/compile/compile.h"
#include "zones/image/manifest.h"

struct preview {
    char dir[64]; /* the temporary directory; "" without one */
    const char *images_of; /* the directory whose images/ these are: `dir`, or the state directory */
    struct compile_result result;
    struct manifest *manifest;
    struct file_map maps[PACKS_MAX + POLICIES_MAX];
    struct board *board;
    struct world world; /* on `maps` and `board` */
};

/* Compile the store and map what comes out. Caller: preview_free(), whatever came back. */
NODISCARD enum err preview_compile(const struct command_input *input, struct preview **ret,
                                   struct diag *reterr);

/* Map the world that gslbd serves. Requires a state directory. ERR_MISSING: gslbd has not published one.
 * Caller: preview_free(), whatever came back. */
NODISCARD enum err preview_take(const struct command_input *input, struct preview **ret, struct diag *reterr);

/* After either: fill in the board. */
NODISCARD enum err preview_open(const struct command_input *input, struct preview *preview,
                                struct diag *reterr);

void preview_free(struct preview **preview);

#endif
