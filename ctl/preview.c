#include "ctl/preview.h"

#include "common/clock.h"
#include "zones/compile/last.h"
#include "zones/history/history.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    GEO_PATHS_MAX = OPTION_VALUES_MAX,
    TAKES_MAX = 5, /* of a world that is published anew again and again */
};

static enum err map_image(const struct preview *p, const char *file, struct file_map *ret,
                          struct diag *reterr)
{
    char path[LAST_PATH_MAX];
    const enum err err = last_image_path(p->images_of, file, path, reterr);
    return err == OK ? file_map_open(path, ret, reterr) : err;
}

static enum err map_world(struct preview *p, struct diag *reterr)
{
    enum err err = OK;
    p->world.generation = p->manifest->generation;
    for (unsigned i = 0; i < PACKS_MAX && err == OK; i++) {
        struct file_map *map = &p->maps[i];
        if (p->manifest->packs[i][0] == '\0')
            continue;
        err = map_image(p, p->manifest->packs[i], map, reterr);
        if (err == OK)
            err = image_open(map->bytes, map->len, &p->world.packs[i], reterr);
    }
    for (unsigned i = 0; i < POLICIES_MAX && err == OK; i++) {
        struct file_map *map = &p->maps[PACKS_MAX + i];
        if (!p->manifest->policies[i].name || p->manifest->policies[i].file[0] == '\0')
            continue;
        err = map_image(p, p->manifest->policies[i].file, map, reterr);
        if (err == OK)
            err = geo_open(map->bytes, map->len, &p->world.policies[i], reterr);
    }
    return err;
}

enum err preview_compile(const struct command_input *input, struct preview **ret, struct diag *reterr)
{
    struct preview *p = calloc(1, sizeof *p);
    *ret = p;
    if (!p)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    const char *tmp = getenv("TMPDIR");
    if ((size_t)snprintf(p->dir, sizeof p->dir, "%s/gslbctl.XXXXXX", tmp ? tmp : "/tmp") >= sizeof p->dir ||
        !mkdtemp(p->dir)) {
        p->dir[0] = '\0';
        return diag_errno(reterr, "cannot make a temporary directory in %s", tmp ? tmp : "/tmp");
    }
    const char *paths[GEO_PATHS_MAX];
    const size_t count = option_count(input->options, "geoip");
    for (size_t i = 0; i < count; i++)
        paths[i] = option_get(input->options, "geoip", i);
    const struct compile_request request = {
        .store_path = input->store_path, .state_dir = p->dir, .geo_paths = paths, .geo_paths_count = count};
    enum err err = compile_world(&request, &p->result, reterr);
    if (err != OK)
        return err;
    char path[sizeof p->dir + 16];
    (void)snprintf(path, sizeof path, "%s/manifest.next", p->dir);
    p->images_of = p->dir;
    err = manifest_read(path, &p->manifest, reterr);
    return err == OK ? map_world(p, reterr) : err;
}

static void unmap_world(struct preview *p)
{
    for (size_t i = 0; i < sizeof p->maps / sizeof *p->maps; i++)
        file_map_close(&p->maps[i]);
    manifest_free(&p->manifest);
    p->world = (struct world){0};
}

enum err preview_take(const struct command_input *input, struct preview **ret, struct diag *reterr)
{
    struct preview *p = calloc(1, sizeof *p);
    char *path = command_state_path(input, "manifest.json");
    enum err err = p && path ? ERR_MISSING : diag_set(reterr, ERR_MEMORY, "out of memory");
    *ret = p;
    /* Images go when the next world is out, which may have happened since the manifest was read. */
    for (unsigned i = 0; i < TAKES_MAX && err == ERR_MISSING; i++) {
        unmap_world(p);
        p->images_of = input->state_dir;
        err = manifest_read(path, &p->manifest, reterr);
        if (err == OK)
            err = map_world(p, reterr);
    }
    free(path);
    return err;
}

/* A subject's word is found by its names: there are few states and verdicts that matter, and one preview. */
struct words {
    struct preview *preview;
    int64_t now_s;
};

static bool is_subject(const struct image_zone *zone, const struct image_subject *subject,
                       enum subject_kind kind, const char *service, const char *region, const char *address)
{
    return subject->kind == (uint32_t)kind && strcmp(image_at(zone, subject->service_off), service) == 0 &&
           strcmp(image_at(zone, subject->region_off), region) == 0 &&
           (kind == SUBJECT_POOL || strcmp(image_at(zone, subject->address_off), address) == 0);
}

static bool region_slot(const struct manifest *manifest, const char *region, uint32_t *ret)
{
    for (uint32_t i = 0; i < REGIONS_MAX; i++)
        if (manifest->regions[i].name && strcmp(manifest->regions[i].name, region) == 0) {
            *ret = i;
            return true;
        }
    return false;
}

/* The slot of a region, a pool or an endpoint, by its names. False: the preview has none. */
static bool slot_of(const struct preview *p, enum subject_kind kind, const char *service, const char *region,
                    const char *address, uint32_t *ret)
{
    uint8_t wire[NAME_WIRE_MAX];
    size_t len;
    unsigned idx;
    if (kind == SUBJECT_REGION)
        return region_slot(p->manifest, region, ret);
    if (name_parse(service, wire, &len, NULL) != OK)
        return false;
    struct name_suffixes suffixes;
    name_suffixes(wire, &suffixes);
    const struct image_zone *zone = image_zone_find(p->world.packs, wire, &suffixes, 0, &idx);
    const struct image_subject *subjects = zone ? image_at(zone, zone->subjects_off) : NULL;
    for (uint32_t i = 0; zone && i < zone->subjects_count; i++)
        if (is_subject(zone, &subjects[i], kind, service, region, address)) {
            *ret = subjects[i].slot;
            return true;
        }
    return false;
}

static void take_health(void *context, const struct history_health *row)
{
    const struct words *words = context;
    uint32_t slot;
    if (!slot_of(words->preview, row->kind, row->service, row->region, row->address, &slot))
        return;
    struct health health = board_get(words->preview->board, slot);
    if (!verdict_parse(row->verdict, &health.verdict))
        return;
    health.latency_ms = (uint16_t)(row->latency_ms > UINT16_MAX ? UINT16_MAX : row->latency_ms);
    board_set(words->preview->board, slot, health);
}

/* Verdicts of endpoints, and of regions that are probed themselves; the other rows only sum these up. */
static enum err take_verdicts(const struct command_input *input, struct words *words, struct diag *reterr)
{
    char *path = command_state_path(input, "health.db");
    struct history *history = NULL;
    const struct history_taker taker = {.context = words, .health = take_health};
    enum err err =
        path ? history_open_read(path, &history, reterr) : diag_set(reterr, ERR_MEMORY, "out of memory");
    if (err == OK)
        err = history_each_health(history, SUBJECT_ENDPOINT, &taker, reterr);
    if (err == OK)
        err = history_each_health(history, SUBJECT_REGION, &taker, reterr);
    for (uint32_t i = 0; i < REGIONS_MAX && err == OK; i++)
        if (!words->preview->manifest->regions[i].monitor) {
            struct health health = board_get(words->preview->board, i);
            health.verdict = VERDICT_UNKNOWN;
            board_set(words->preview->board, i, health);
        }
    history_close(&history);
    free(path);
    return err;
}

/* An operator's state, unless it has ended. */
static void put_state(const struct words *words, enum subject_kind kind, const struct store_state *row)
{
    uint32_t slot;
    if (row->until_s != 0 && row->until_s <= words->now_s)
        return;
    if (!slot_of(words->preview, kind, row->service, row->region, row->address, &slot))
        return;
    struct health health = board_get(words->preview->board, slot);
    if (state_parse(row->state, &health.state))
        board_set(words->preview->board, slot, health);
}

static void take_state(void *context, const struct history_state *row)
{
    const struct store_state state = {
        .service = row->service, .region = row->region, .address = row->address, .state = row->state,
        .until_s = row->until_ms / 1000};
    put_state(context, row->kind, &state);
}

/* The states that gslbd goes by. */
static enum err take_states_served(const struct command_input *input, struct words *words,
                                   struct diag *reterr)
{
    char *path = command_state_path(input, "health.db");
    struct history *history = NULL;
    const struct history_taker taker = {.context = words, .state = take_state};
    enum err err =
        path ? history_open_read(path, &history, reterr) : diag_set(reterr, ERR_MEMORY, "out of memory");
    if (err == OK)
        err = history_each_state(history, &taker, reterr);
    history_close(&history);
    free(path);
    return err;
}

static enum err take_states_stored(const struct command_input *input, struct words *words,
                                   struct diag *reterr)
{
    struct store *store;
    struct store_rows rows;
    struct store_state row;
    enum err err = store_open_read(input->store_path, &store, reterr);
    if (err != OK)
        return err;
    store_states(store, &rows);
    while (store_state_next(&rows, &row)) {
        const enum subject_kind kind = row.address   ? SUBJECT_ENDPOINT
                                       : row.service ? SUBJECT_POOL
                                                     : SUBJECT_REGION;
        put_state(words, kind, &row);
    }
    err = store_rows_end(&rows, reterr);
    store_close(&store);
    return err;
}

enum err preview_open(const struct command_input *input, struct preview *preview, struct diag *reterr)
{
    struct words words = {.preview = preview, .now_s = clock_wall_ms() / 1000};
    enum err err =
        board_new(preview->manifest->slots_end > REGIONS_MAX ? preview->manifest->slots_end : REGIONS_MAX,
                  &preview->board, reterr);
    if (err != OK)
        return err;
    preview->world.board = preview->board;
    if (input->state_dir)
        err = take_verdicts(input, &words, reterr);
    if (err != OK)
        return err;
    return preview->dir[0] ? take_states_stored(input, &words, reterr)
                           : take_states_served(input, &words, reterr);
}

/* Remove a directory of plain files, and itself. */
static void remove_dir(const char *dir)
{
    DIR *all = opendir(dir);
    for (const struct dirent *entry; all && (entry = readdir(all));)
        if (entry->d_type != DT_DIR)
            (void)unlinkat(dirfd(all), entry->d_name, 0);
    if (all)
        closedir(all);
    (void)rmdir(dir);
}

void preview_free(struct preview **preview)
{
    struct preview *p = *preview;
    if (!p)
        return;
    board_close(&p->board);
    unmap_world(p);
    if (p->dir[0]) {
        char images[sizeof p->dir + 8];
        (void)snprintf(images, sizeof images, "%s/images", p->dir);
        remove_dir(images);
        remove_dir(p->dir);
    }
    free(p);
    *preview = NULL;
}
