/* ctl/preview.h - the world that gslbd would make of a store, made here: for check and explain.
 *
 * The compiler of gslbd runs in this process and leaves its images in a temporary directory, which are then mapped as a
 * worker maps them. States come from the store; verdicts from health.db when a state directory is given, and
 * are unknown otherwise.
 */
#ifndef CTL_PREVIEW_H
#define CTL_PREVIEW_H

#include "common/file.h"
#include "ctl/command.h"
#include "server/world.h"
#include "zones/compile.h"
#include "zones/manifest.h"

struct preview {
    char dir[64]; /* the temporary directory; "" once removed */
    struct compile_result result;
    struct manifest *manifest;
    struct file_map maps[PACKS_MAX + POLICIES_MAX];
    struct board *board;
    struct world world; /* on `maps` and `board` */
};

/* Compile the store. Caller: preview_free(), whatever came back. */
NODISCARD enum err preview_compile(const struct command_input *input, struct preview **ret, struct diag *reterr);

/* After preview_compile(): map the images and fill in the board. */
NODISCARD enum err preview_open(const struct command_input *input, struct preview *preview, struct diag *reterr);

void preview_free(struct preview **preview);

#endif
