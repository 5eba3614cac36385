#include "zones/compile/compile_packs.h"

#include "common/file.h"
#include "common/hash.h"
#include "zones/compile/blob.h"
#include "zones/compile/compile_peers.h"
#include "zones/compile/compile_zone.h"
#include "zones/compile/draft.h"
#include "zones/compile/journal.h"
#include "zones/compile/pack.h"
#include "zones/compile/slots.h"
#include "zones/compile/zone_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct packs_job {
    const struct compile_request *request;
    struct store *store;
    const struct last *last;
    const struct census *census;
    struct compile_result *result;
    struct zone_list list;
    uint32_t *order; /* rows of the list by bucket */
    uint32_t firsts[PACKS_MAX + 1];
    struct slots *slots; /* NULL until the first zone is compiled */
    struct draft draft;
    struct pack pack;
};

/* What has changed ----------------------------------------------------------------------------- */

/* Bit 0 says that the zone has services: then what they refer to counts too. */
static uint64_t fingerprint_of(const struct packs_job *job, const struct zone_row *row, bool services)
{
    uint64_t hash = hash_mix(row->hash ^ hash_mix((uint64_t)row->serial << 32 | IMAGE_VERSION));
    if (row->peers)
        hash = hash_mix(hash ^ row->peers);
    if (services)
        hash = hash_mix(hash ^ hash_mix(job->census->fingerprint ^ hash_mix(row->inside)));
    return (hash & ~UINT64_C(1)) | services;
}

/* The zone's blob in the last world, or NULL. */
static const struct image_zone *last_find(const struct packs_job *job, const struct zone_row *row)
{
    struct name_suffixes suffixes;
    const uint8_t *name = job->list.names.bytes + row->name_off;
    name_suffixes(name, &suffixes);
    return image_zone_get(job->last->packs, name, &suffixes, 0);
}

static bool zone_is_current(const struct packs_job *job, const struct zone_row *row,
                            const struct image_zone *zone)
{
    return zone && zone->fingerprint == fingerprint_of(job, row, zone->fingerprint & 1);
}

static uint32_t last_count(const struct packs_job *job, uint32_t bucket)
{
    uint32_t cursor = 0, count = 0;
    while (image_zone_next(&job->last->packs[bucket], &cursor))
        count++;
    return count;
}

/* Zones ---------------------------------------------------------------------------------------- */

/* Slots and services are for zones that are compiled; most compiles of a large store have few of those. */
static enum err sources_open(struct packs_job *job, struct diag *reterr)
{
    if (job->slots)
        return OK;
    enum err err = zone_list_services(&job->list, job->store, reterr);
    if (err == OK)
        err = slots_new(&job->slots, reterr);
    for (unsigned i = 0; i < PACKS_MAX && err == OK; i++) {
        const struct image_zone *zone;
        for (uint32_t cursor = 0; err == OK && (zone = image_zone_next(&job->last->packs[i], &cursor));)
            if (zone->subjects_count > 0)
                err = slots_inherit(job->slots, zone, reterr);
    }
    return err;
}

/* Append what stands for a zone that has problems and no last form: without it, names in it would be those of
 * the zone above, which denies them. Its fingerprint is that of no rows, so that each compile tries again.
 * `*ret_new` says whether it was appended. */
static enum err absent_put(struct packs_job *job, uint32_t idx, const struct zone_sources *sources,
                           struct problems *problems, bool *ret_new, struct diag *reterr)
{
    enum err err = compile_zone_absent(sources, idx, &job->draft, problems, ret_new, reterr);
    if (err != OK || !*ret_new)
        return err;
    const size_t mark = pack_mark(&job->pack);
    err = blob_put(&job->draft, 0, &job->pack.bytes, reterr);
    if (err == OK)
        pack_zone_put(&job->pack, mark);
    return err;
}

/* Compile a zone and append its blob. If it does not compile, append the last one, or what stands for it.
 * `*ret_new` says whether something that is not in the last pack was appended. */
static enum err zone_put(struct packs_job *job, uint32_t idx, const struct image_zone *last, bool *ret_new,
                         struct diag *reterr)
{
    enum err err = sources_open(job, reterr);
    if (err != OK)
        return err;
    const struct zone_row *row = zone_list_row(&job->list, idx);
    const struct zone_sources sources = {job->store, job->census, &job->list, job->slots};
    struct problems problems = {.manifest = job->census->next,
                                .zone = zone_list_text(&job->list, row->text_off)};
    *ret_new = false;
    err = compile_zone(&sources, idx, &job->draft, &problems, reterr);
    if (err != OK)
        return err;
    if (problems.count > 0 && !last)
        return absent_put(job, idx, &sources, &problems, ret_new, reterr);
    if (problems.count > 0) {
        pack_zone_copy(&job->pack, last);
        return OK;
    }
    const size_t mark = pack_mark(&job->pack);
    err =
        blob_put(&job->draft, fingerprint_of(job, row, row->services_count > 0), &job->pack.bytes, reterr);
    if (err == OK && compile_peers_may_copy(&job->draft))
        err = journal_put(&job->pack.bytes, mark, last, reterr);
    if (err != OK)
        return err;
    pack_zone_put(&job->pack, mark);
    *ret_new = true;
    job->result->zones_built++;
    return OK;
}

/* Packs ---------------------------------------------------------------------------------------- */

static enum err pack_write(struct packs_job *job, uint32_t bucket, struct diag *reterr)
{
    struct manifest *next = job->census->next;
    char path[LAST_PATH_MAX];
    enum err err = pack_finish(&job->pack, reterr);
    if (err != OK)
        return err;
    (void)snprintf(next->packs[bucket], MANIFEST_FILE_MAX, "pack-%u-%llu.img", bucket,
                   (unsigned long long)next->generation);
    err = last_image_path(job->request->state_dir, next->packs[bucket], path, reterr);
    return err == OK ? file_create(path, job->pack.bytes.bytes, job->pack.bytes.len, 0640, reterr) : err;
}

/* Whether every zone of the bucket stands unchanged in the last pack, and no other does. */
static bool bucket_is_current(const struct packs_job *job, uint32_t bucket)
{
    for (uint32_t i = job->firsts[bucket]; i < job->firsts[bucket + 1]; i++) {
        const struct zone_row *row = zone_list_row(&job->list, job->order[i]);
        if (!zone_is_current(job, row, last_find(job, row)))
            return false;
    }
    return job->firsts[bucket + 1] - job->firsts[bucket] == last_count(job, bucket);
}

static void bucket_keep(struct packs_job *job, uint32_t bucket, uint32_t count)
{
    struct manifest *next = job->census->next;
    next->zones_count += count;
    if (count > 0)
        memcpy(next->packs[bucket], job->last->manifest->packs[bucket], MANIFEST_FILE_MAX);
}

static enum err bucket_compile(struct packs_job *job, uint32_t bucket, bool *ret_written,
                               struct diag *reterr)
{
    const uint32_t first = job->firsts[bucket], count = job->firsts[bucket + 1] - first;
    bool changed = false;
    if (bucket_is_current(job, bucket)) {
        bucket_keep(job, bucket, count);
        return OK;
    }
    pack_begin(&job->pack, bucket, count);
    for (uint32_t i = first; i < first + count; i++) {
        const struct zone_row *row = zone_list_row(&job->list, job->order[i]);
        const struct image_zone *last = last_find(job, row);
        bool new = false;
        enum err err = OK;
        if (zone_is_current(job, row, last))
            pack_zone_copy(&job->pack, last);
        else
            err = zone_put(job, job->order[i], last, &new, reterr);
        if (err != OK)
            return err;
        changed |= new;
    }
    if (!changed && job->pack.head.zones_count == last_count(job, bucket)) {
        bucket_keep(job, bucket, job->pack.head.zones_count);
        return OK;
    }
    if (job->pack.head.zones_count == 0)
        return OK;
    job->census->next->zones_count += job->pack.head.zones_count;
    *ret_written = true;
    return pack_write(job, bucket, reterr);
}

/* The rows by bucket, in order of name within one. */
static enum err buckets_sort(struct packs_job *job, struct diag *reterr)
{
    const uint32_t count = zone_list_count(&job->list);
    uint32_t at[PACKS_MAX];
    job->order = calloc(count + 1, sizeof *job->order);
    if (!job->order)
        return diag_set(reterr, ERR_MEMORY, "out of memory for %u zones", count);
    for (uint32_t i = 0; i < count; i++)
        job->firsts[zone_list_row(&job->list, i)->hash % PACKS_MAX + 1]++;
    for (unsigned i = 0; i < PACKS_MAX; i++) {
        at[i] = job->firsts[i];
        job->firsts[i + 1] += job->firsts[i];
    }
    for (uint32_t i = 0; i < count; i++)
        job->order[at[zone_list_row(&job->list, i)->hash % PACKS_MAX]++] = i;
    return OK;
}

enum err compile_packs(const struct compile_request *request, struct store *store, const struct last *last,
                       const struct census *census, struct compile_result *ret, bool written[PACKS_MAX],
                       struct diag *reterr)
{
    struct packs_job job = {
        .request = request, .store = store, .last = last, .census = census, .result = ret};
    struct problems problems = {.manifest = census->next, .zone = ""};
    enum err err = zone_list_read(store, &problems, &job.list, reterr);
    if (err == OK)
        err = compile_peers_hash(store, &job.list, reterr);
    if (err == OK)
        err = buckets_sort(&job, reterr);
    for (uint32_t bucket = 0; bucket < PACKS_MAX && err == OK; bucket++)
        err = bucket_compile(&job, bucket, &written[bucket], reterr);
    if (err == OK && problems.failed)
        err = diag_set(reterr, ERR_MEMORY, "out of memory");
    const uint32_t last_end =
        last->manifest->slots_end < REGIONS_MAX ? REGIONS_MAX : last->manifest->slots_end;
    census->next->slots_end = job.slots ? slots_end(job.slots) : last_end;
    slots_free(&job.slots);
    draft_fini(&job.draft);
    pack_fini(&job.pack);
    zone_list_fini(&job.list);
    free(job.order);
    return err;
}
