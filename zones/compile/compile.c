#include "zones/compile/compile.h"

#include "common/file.h"
#include "zones/compile/census.h"
#include "zones/compile/compile_packs.h"
#include "zones/compile/compile_policies.h"
#include "zones/compile/last.h"
#include "zones/compile/problems.h"
#include "zones/store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct compile_job {
    const struct compile_request *request;
    struct last last;
    struct store *store;
    struct manifest *next;
    struct census census;
    struct compile_result result;
    bool policies_written[POLICIES_MAX];
    bool packs_written[PACKS_MAX];
};

/* Files ---------------------------------------------------------------------------------------- */

static enum err dir_make(const char *path, struct diag *reterr)
{
    return mkdir(path, 0750) == 0 || errno == EEXIST ? OK
                                                     : diag_errno(reterr, "cannot make directory %s", path);
}

static enum err dirs_make(const char *state_dir, struct diag *reterr)
{
    char path[LAST_PATH_MAX];
    enum err err = last_path(state_dir, "images", path, reterr);
    if (err == OK)
        err = dir_make(state_dir, reterr);
    return err == OK ? dir_make(path, reterr) : err;
}

static void image_remove(const struct compile_job *job, const char *file)
{
    char path[LAST_PATH_MAX];
    if (last_image_path(job->request->state_dir, file, path, NULL) == OK)
        (void)unlink(path);
}

/* After a failure: the images that this run wrote, of which nobody knows. */
static void images_remove(const struct compile_job *job)
{
    for (unsigned i = 0; i < POLICIES_MAX; i++)
        if (job->policies_written[i])
            image_remove(job, job->next->policies[i].file);
    for (unsigned i = 0; i < PACKS_MAX; i++)
        if (job->packs_written[i])
            image_remove(job, job->next->packs[i]);
}

/* The world ------------------------------------------------------------------------------------ */

/* One past the last world's, and past that of a world which was published but never committed. */
static uint64_t generation_next(const struct compile_job *job)
{
    uint64_t generation = job->last.manifest->generation;
    char path[LAST_PATH_MAX];
    struct manifest *published = NULL;
    if (last_path(job->request->state_dir, "manifest.next", path, NULL) == OK &&
        manifest_read(path, &published, NULL) == OK && published->generation > generation)
        generation = published->generation;
    manifest_free(&published);
    return generation + 1;
}

static enum err sources_open(struct compile_job *job, struct diag *reterr)
{
    struct problems problems = {.zone = ""};
    enum err err = dirs_make(job->request->state_dir, reterr);
    if (err == OK)
        err = store_open_read(job->request->store_path, &job->store, reterr);
    if (err == OK)
        err = store_begin(job->store, reterr);
    if (err == OK)
        err = manifest_new(&job->next, reterr);
    if (err != OK)
        return err;
    problems.manifest = job->next;
    err = last_open(job->request->state_dir, &problems, &job->last, reterr);
    if (err == OK && problems.failed)
        err = diag_set(reterr, ERR_MEMORY, "out of memory");
    if (err == OK)
        job->next->generation = generation_next(job);
    return err;
}

static enum err images_compile(struct compile_job *job, struct diag *reterr)
{
    struct problems problems = {.manifest = job->next, .zone = ""};
    enum err err = census_read(job->store, &job->last, job->next, &problems, &job->census, reterr);
    if (err == OK)
        err = compile_policies(job->request, job->store, &job->last, &job->census, &problems,
                               job->policies_written, reterr);
    if (err == OK && problems.failed)
        err = diag_set(reterr, ERR_MEMORY, "out of memory");
    if (err == OK)
        err = compile_packs(job->request, job->store, &job->last, &job->census, &job->result,
                            job->packs_written, reterr);
    return err;
}

/* Whether the next world is the last one but for its generation. */
static enum err worlds_compare(struct compile_job *job, bool *ret_same, struct diag *reterr)
{
    char *last = NULL, *next = NULL;
    const uint64_t generation = job->next->generation;
    job->next->generation = job->last.manifest->generation;
    enum err err = manifest_print(job->last.manifest, &last, reterr);
    if (err == OK)
        err = manifest_print(job->next, &next, reterr);
    job->next->generation = generation;
    *ret_same = err == OK && job->last.manifest->generation > 0 && strcmp(last, next) == 0;
    free(last);
    free(next);
    return err;
}

static enum err manifest_publish(struct compile_job *job, struct diag *reterr)
{
    char path[LAST_PATH_MAX];
    bool same;
    enum err err = worlds_compare(job, &same, reterr);
    if (err != OK || same)
        return err;
    err = last_path(job->request->state_dir, "manifest.next", path, reterr);
    if (err == OK)
        err = manifest_write(job->next, path, reterr);
    if (err == OK)
        job->result.generation = job->next->generation;
    return err;
}

/* With nothing else to do. The first policy is the one that would wait: those that come after it find what
 * was saved. */
static void databases_prepare(const struct compile_request *request, const struct manifest *manifest)
{
    for (unsigned i = 0; i < POLICIES_MAX; i++)
        if (manifest->policies[i].name)
            return;
    compile_policies_prepare(request);
}

enum err compile_world(const struct compile_request *request, struct compile_result *ret,
                       struct diag *reterr)
{
    struct compile_job *job = calloc(1, sizeof *job);
    if (!job)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    job->request = request;
    enum err err = sources_open(job, reterr);
    if (err == OK)
        err = images_compile(job, reterr);
    if (err == OK)
        err = manifest_publish(job, reterr);
    if (err == OK) {
        job->result.zones_count = job->next->zones_count;
        job->result.problems = job->next->problems_total;
        *ret = job->result;
    } else if (job->next) {
        images_remove(job);
        if (err == ERR_SYSTEM)
            compile_policies_forget(request);
    }
    if (job->store)
        store_end(job->store);
    store_close(&job->store);
    if (err == OK && ret->generation == 0)
        databases_prepare(request, job->next);
    manifest_free(&job->next);
    last_close(&job->last);
    free(job);
    return err;
}

/* Commit --------------------------------------------------------------------------------------- */

/* Make an image durable if it is of this generation; the others were when theirs was committed. */
static enum err image_sync(const char *state_dir, const char *file, uint64_t generation,
                           struct diag *reterr)
{
    char tail[32], path[LAST_PATH_MAX];
    (void)snprintf(tail, sizeof tail, "-%llu.img", (unsigned long long)generation);
    const char *at = strrchr(file, '-');
    if (!at || strcmp(at, tail) != 0)
        return OK;
    const enum err err = last_image_path(state_dir, file, path, reterr);
    return err == OK ? file_sync(path, reterr) : err;
}

static enum err images_sync(const char *state_dir, const struct manifest *manifest, struct diag *reterr)
{
    char path[LAST_PATH_MAX];
    enum err err = OK;
    for (unsigned i = 0; i < PACKS_MAX && err == OK; i++)
        err = image_sync(state_dir, manifest->packs[i], manifest->generation, reterr);
    for (unsigned i = 0; i < POLICIES_MAX && err == OK; i++)
        err = image_sync(state_dir, manifest->policies[i].file, manifest->generation, reterr);
    if (err == OK)
        err = last_path(state_dir, "images", path, reterr);
    return err == OK ? file_sync(path, reterr) : err;
}

enum err compile_commit(const struct compile_request *request, struct diag *reterr)
{
    char from[LAST_PATH_MAX], to[LAST_PATH_MAX];
    struct manifest *manifest = NULL;
    enum err err = last_path(request->state_dir, "manifest.next", from, reterr);
    if (err == OK)
        err = last_path(request->state_dir, "manifest.json", to, reterr);
    if (err == OK)
        err = manifest_read(from, &manifest, reterr);
    if (err == OK)
        err = images_sync(request->state_dir, manifest, reterr);
    if (err == OK)
        err = file_sync(from, reterr);
    if (err == OK && rename(from, to) != 0)
        err = diag_errno(reterr, "cannot replace %s", to);
    if (err == OK)
        err = file_sync(request->state_dir, reterr);
    if (err == OK)
        databases_prepare(request, manifest);
    manifest_free(&manifest);
    return err;
}
