#include "zones/compile/compile_policies.h"

#include "common/file.h"
#include "common/frame.h"
#include "common/hash.h"
#include "geoip/build.h"
#include "geoip/database.h"
#include "geoip/geo.h"
#include "geoip/saved.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The geo databases, opened when the first policy needs them. */
struct databases {
    const struct compile_request *request;
    uint64_t *identities; /* of the request's files */
    uint64_t fingerprint; /* of these */
    struct source **sources; /* those that could be read */
    size_t sources_count;
    bool opened;
    bool broken; /* at least one could not be read */
};

struct policy_job {
    const struct compile_request *request;
    const struct last *last;
    struct census *census;
    struct problems *problems;
    bool *written;
    struct databases *databases;
};

/* Fingerprints --------------------------------------------------------------------------------- */

static uint64_t text_hash(uint64_t hash, const char *text)
{
    return hash_bytes(text, strlen(text), hash);
}

static uint64_t policy_fingerprint(const struct policy *policy, uint64_t databases)
{
    uint64_t hash =
        hash_mix(text_hash(databases, policy->name) ^ (uint64_t)policy->method << 1 ^ policy->geofence);
    for (size_t i = 0; i < policy->rules_count; i++) {
        const struct policy_rule *rule = &policy->rules[i];
        const uint64_t numbers[] = {rule->region, (uint64_t)rule->tier, rule->weight};
        hash = hash_bytes(numbers, sizeof numbers, text_hash(hash, rule->client));
    }
    for (size_t i = 0; i < policy->places_count && policy->method == POLICY_NEAREST; i++) {
        const struct policy_place *place = &policy->places[i];
        const double numbers[] = {place->region, place->latitude, place->longitude};
        hash = hash_bytes(numbers, sizeof numbers, hash);
    }
    return hash;
}

/* Databases ------------------------------------------------------------------------------------ */

static enum err databases_init(const struct compile_request *request, struct databases *ret,
                               struct diag *reterr)
{
    const size_t count = request->geo_paths_count;
    *ret = (struct databases){.request = request, .fingerprint = GEO_VERSION};
    ret->identities = calloc(count + 1, sizeof *ret->identities);
    ret->sources = calloc(count + 1, sizeof(struct source *));
    if (!ret->identities || !ret->sources)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++) {
        ret->identities[i] = file_identity(request->geo_paths[i]);
        ret->fingerprint = hash_mix(ret->fingerprint ^ ret->identities[i]);
    }
    return OK;
}

/* Where a compiler keeps what it has read of a database. */
static bool saved_path(const struct compile_request *request, uint64_t identity, char ret[LAST_PATH_MAX])
{
    char file[MANIFEST_FILE_MAX];
    manifest_source_file(identity, file);
    return identity != 0 && last_image_path(request->state_dir, file, ret, NULL) == OK;
}

/* What is saved is not needed: whatever is wrong with it, or with saving it, the database itself is read. */
static enum err database_open(const struct compile_request *request, const char *path, struct source **ret,
                              struct diag *reterr)
{
    char file[LAST_PATH_MAX];
    const uint64_t identity = file_identity(path);
    if (saved_path(request, identity, file) && saved_read(file, path, identity, ret, NULL) == OK)
        return OK;
    const enum err err = database_read(path, ret, reterr);
    if (err == OK && saved_path(request, (*ret)->identity, file))
        (void)!saved_write(*ret, file, NULL);
    return err;
}

static enum err databases_open(struct databases *databases, struct problems *problems, struct diag *reterr)
{
    const struct compile_request *request = databases->request;
    if (databases->opened)
        return OK;
    databases->opened = true;
    for (size_t i = 0; i < request->geo_paths_count; i++) {
        struct diag diag;
        const enum err err = database_open(request, request->geo_paths[i],
                                           &databases->sources[databases->sources_count], &diag);
        if (err == ERR_MEMORY)
            return diag_set(reterr, err, "%s", diag.text);
        if (err == OK) {
            databases->sources_count++;
            continue;
        }
        databases->broken = true;
        problems_put(problems, request->geo_paths[i], "%s", diag.text);
    }
    return OK;
}

static void databases_close(struct databases *databases)
{
    for (size_t i = 0; i < databases->sources_count; i++)
        source_free(&databases->sources[i]);
    free(databases->sources);
    free(databases->identities);
}

/* One policy ----------------------------------------------------------------------------------- */

/* Whether the image is there and as long as it says. */
static bool image_is_whole(const char *state_dir, const char *file)
{
    char path[LAST_PATH_MAX];
    struct file_map map = {0};
    if (file[0] == '\0' || last_image_path(state_dir, file, path, NULL) != OK ||
        file_map_open(path, &map, NULL) != OK)
        return false;
    struct frame frame = {0};
    if (map.len >= sizeof frame)
        memcpy(&frame, map.bytes, sizeof frame);
    const bool whole = map.len >= sizeof frame && frame.len == map.len;
    file_map_close(&map);
    return whole;
}

static enum err image_write(const struct policy_job *job, unsigned idx, const struct buffer *image,
                            struct diag *reterr)
{
    struct manifest *next = job->census->next;
    struct manifest_policy *row = &next->policies[idx];
    char path[LAST_PATH_MAX];
    (void)snprintf(row->file, sizeof row->file, "policy-%u-%llu.img", idx,
                   (unsigned long long)next->generation);
    job->written[idx] = true;
    const enum err err = last_image_path(job->request->state_dir, row->file, path, reterr);
    return err == OK ? file_create(path, image->bytes, image->len, 0640, reterr) : err;
}

static enum err policy_build(const struct policy_job *job, unsigned idx, const struct policy *policy,
                             uint64_t fingerprint, struct diag *reterr)
{
    struct manifest_policy *row = &job->census->next->policies[idx];
    const struct databases *databases = job->databases;
    struct buffer image = {0};
    struct diag diag;
    enum err err = build_geo(policy, databases->sources, databases->sources_count, &image, &diag);
    if (err == ERR_MEMORY)
        return diag_set(reterr, err, "%s", diag.text);
    if (err != OK) {
        problems_put(job->problems, policy->name, "%s", diag.text);
        return OK;
    }
    err = image_write(job, idx, &image, reterr);
    row->fingerprint = databases->broken ? 0 : fingerprint;
    buffer_fini(&image);
    return err;
}

/* Take the trees of the last image over, if the rules differ in nothing but their choices. `*ret`
 * says whether. */
static enum err policy_build_choices(const struct policy_job *job, unsigned idx, const struct policy *policy,
                                     uint64_t fingerprint, bool *ret, struct diag *reterr)
{
    struct manifest_policy *row = &job->census->next->policies[idx];
    const struct databases *databases = job->databases;
    struct file_map map = {0};
    struct buffer image = {0};
    char path[LAST_PATH_MAX];
    enum err err = last_image_path(job->request->state_dir, row->file, path, NULL);
    if (err == OK)
        err = file_map_open(path, &map, NULL);
    if (err == OK)
        err = build_choices(policy, map.bytes, map.len, databases->identities,
                            job->request->geo_paths_count, &image, NULL);
    file_map_close(&map);
    *ret = err == OK;
    if (err != OK)
        return OK;
    err = image_write(job, idx, &image, reterr);
    row->fingerprint = fingerprint;
    buffer_fini(&image);
    return err;
}

/* The last image stays in `next` unless a new one takes its place. */
static enum err policy_compile(const struct policy_job *job, const struct policy *policy,
                               struct diag *reterr)
{
    const int idx = census_policy_find(job->census, policy->name);
    if (idx < 0)
        return OK;
    struct manifest_policy *row = &job->census->next->policies[idx];
    const struct manifest_policy *last = &job->last->manifest->policies[idx];
    const uint64_t fingerprint = policy_fingerprint(policy, job->databases->fingerprint);
    const bool known = last->name && strcmp(last->name, policy->name) == 0 &&
                       image_is_whole(job->request->state_dir, last->file);
    if (known) {
        memcpy(row->file, last->file, sizeof row->file);
        row->fingerprint = last->fingerprint;
        if (last->fingerprint == fingerprint)
            return OK;
    }
    bool built = false;
    enum err err = OK;
    if (known)
        err = policy_build_choices(job, (unsigned)idx, policy, fingerprint, &built, reterr);
    if (err != OK || built)
        return err;
    err = databases_open(job->databases, job->problems, reterr);
    if (err != OK || (known && job->databases->broken))
        return err;
    return policy_build(job, (unsigned)idx, policy, fingerprint, reterr);
}

static int region_index(const void *context, const char *region)
{
    return census_region_find(context, region);
}

enum err compile_policies(const struct compile_request *request, struct store *store,
                          const struct last *last, struct census *census, struct problems *problems,
                          bool written[POLICIES_MAX], struct diag *reterr)
{
    struct databases databases;
    const struct policy_job job = {request, last, census, problems, written, &databases};
    const struct store_region_indexes indexes = {.find = region_index, .context = census};
    struct store_rows rows;
    struct policy policy;
    enum err err = databases_init(request, &databases, reterr);
    store_policies(store, &rows);
    while (err == OK && store_policy_next(&rows, &indexes, &policy)) {
        err = policy_compile(&job, &policy, reterr);
        policy_fini(&policy);
    }
    const enum err end = store_rows_end(&rows, err == OK ? reterr : NULL);
    databases_close(&databases);
    return err == OK ? end : err;
}

void compile_policies_prepare(const struct compile_request *request)
{
    for (size_t i = 0; i < request->geo_paths_count; i++) {
        const char *path = request->geo_paths[i];
        char file[MANIFEST_FILE_MAX];
        struct source *source = NULL;
        manifest_source_file(file_identity(path), file);
        if (!image_is_whole(request->state_dir, file) && database_open(request, path, &source, NULL) == OK)
            source_free(&source);
    }
}

void compile_policies_forget(const struct compile_request *request)
{
    char file[LAST_PATH_MAX];
    for (size_t i = 0; i < request->geo_paths_count; i++)
        if (saved_path(request, file_identity(request->geo_paths[i]), file))
            (void)unlink(file);
}
