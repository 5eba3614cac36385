#include "zones/compile/last.h"

#include <stdio.h>

static enum err path_check(int len, const char *state_dir, struct diag *reterr)
{
    return len < LAST_PATH_MAX
               ? OK
               : diag_set(reterr, ERR_LIMIT, "the path of the state directory is too long: %s", state_dir);
}

enum err last_path(const char *state_dir, const char *file, char ret[LAST_PATH_MAX], struct diag *reterr)
{
    return path_check(snprintf(ret, LAST_PATH_MAX, "%s/%s", state_dir, file), state_dir, reterr);
}

enum err last_image_path(const char *state_dir, const char *file, char ret[LAST_PATH_MAX],
                         struct diag *reterr)
{
    return path_check(snprintf(ret, LAST_PATH_MAX, "%s/images/%s", state_dir, file), state_dir, reterr);
}

static bool err_is_damage(enum err err)
{
    return err == ERR_MISSING || err == ERR_CORRUPT || err == ERR_VERSION || err == ERR_LIMIT;
}

static enum err manifest_open(const char *state_dir, struct problems *problems, struct last *last,
                              struct diag *reterr)
{
    char path[LAST_PATH_MAX];
    struct diag diag;
    enum err err = last_path(state_dir, "manifest.json", path, reterr);
    if (err != OK)
        return err;
    err = manifest_read(path, &last->manifest, &diag);
    if (err == OK)
        return OK;
    if (!err_is_damage(err))
        return diag_set(reterr, err, "%s", diag.text);
    if (err != ERR_MISSING)
        problems_put(problems, "manifest.json", "%s; everything was compiled anew", diag.text);
    return manifest_new(&last->manifest, reterr);
}

static enum err pack_open(const char *state_dir, unsigned bucket, struct problems *problems,
                          struct last *last, struct diag *reterr)
{
    const char *file = last->manifest->packs[bucket];
    char path[LAST_PATH_MAX];
    struct diag diag;
    if (file[0] == '\0')
        return OK;
    enum err err = last_image_path(state_dir, file, path, reterr);
    if (err != OK)
        return err;
    err = file_map_open(path, &last->maps[bucket], &diag);
    if (err == OK)
        err = image_open(last->maps[bucket].bytes, last->maps[bucket].len, &last->packs[bucket], &diag);
    if (err == OK || !err_is_damage(err))
        return err == OK ? OK : diag_set(reterr, err, "%s", diag.text);
    problems_put(problems, file, "%s; its zones were compiled anew", diag.text);
    return OK;
}

enum err last_open(const char *state_dir, struct problems *problems, struct last *ret, struct diag *reterr)
{
    *ret = (struct last){.state_dir = state_dir};
    enum err err = manifest_open(state_dir, problems, ret, reterr);
    for (unsigned i = 0; i < PACKS_MAX && err == OK; i++)
        err = pack_open(state_dir, i, problems, ret, reterr);
    if (err != OK)
        last_close(ret);
    return err;
}

void last_close(struct last *last)
{
    manifest_free(&last->manifest);
    for (unsigned i = 0; i < PACKS_MAX; i++)
        file_map_close(&last->maps[i]);
}
