/* tests/unit/compile_fixture.h - a store, and the world that is compiled from it, committed and looked at.
 */
#ifndef TESTS_UNIT_COMPILE_FIXTURE_H
#define TESTS_UNIT_COMPILE_FIXTURE_H

#include "common/name.h"
#include "zones/compile/compile.h"
#include "zones/compile/last.h"

#include "store_fixture.h"

#include <dirent.h>

/* A store and the world that is compiled from it. */
struct world {
    struct fixture *fixture;
    char state_dir[64];
    struct compile_request request;
    struct compile_result result;
    struct last last; /* after look() */
};

static inline struct world world_of(void **state)
{
    struct world world = {.fixture = *state};
    (void)snprintf(world.state_dir, sizeof world.state_dir, "%s/state", world.fixture->dir);
    return world;
}

/* The store has the rows of the first session. */
static inline int world_setup_session(void **state)
{
    struct world *world = malloc(sizeof *world);
    assert_non_null(world);
    (void)fixture_setup_session(state);
    *world = world_of(state);
    *state = world;
    return 0;
}

static inline int world_teardown(void **state)
{
    struct world *world = *state;
    void *fixture = world->fixture;
    last_close(&world->last);
    free(world);
    return fixture_teardown(&fixture);
}

static inline void compile(struct world *world)
{
    struct diag diag = {.text = ""};
    world->request.store_path = world->fixture->path;
    world->request.state_dir = world->state_dir;
    if (compile_world(&world->request, &world->result, &diag) != OK)
        fail_msg("%s", diag.text);
}

static inline void commit(struct world *world)
{
    struct diag diag = {.text = ""};
    if (world->result.generation > 0 && compile_commit(&world->request, &diag) != OK)
        fail_msg("%s", diag.text);
}

/* Open what was committed. */
static inline void look(struct world *world)
{
    struct problems problems = {0};
    struct diag diag;
    last_close(&world->last);
    if (last_open(world->state_dir, &problems, &world->last, &diag) != OK)
        fail_msg("%s", diag.text);
}

static inline void deploy(struct world *world)
{
    compile(world);
    commit(world);
    look(world);
}

static inline const struct image_zone *zone_get(const struct world *world, const char *text)
{
    uint8_t name[NAME_WIRE_MAX];
    size_t len;
    struct name_suffixes suffixes;
    assert_int_equal(name_parse(text, name, &len, NULL), OK);
    name_suffixes(name, &suffixes);
    return image_zone_get(world->last.packs, name, &suffixes, 0);
}

static inline struct found find(const struct world *world, const char *text, uint16_t qtype)
{
    uint8_t name[NAME_WIRE_MAX];
    size_t len;
    struct name_suffixes suffixes;
    unsigned idx;
    assert_int_equal(name_parse(text, name, &len, NULL), OK);
    name_suffixes(name, &suffixes);
    const struct image_zone *zone = image_zone_find(world->last.packs, name, &suffixes, 0, &idx);
    assert_non_null(zone);
    return image_find(zone, name, &suffixes, idx, qtype);
}

/* The slot of a pool (`address` "") or endpoint, 0 when it is not there. */
static inline uint32_t slot_of(const struct world *world, const char *service, const char *region,
                        const char *address)
{
    for (unsigned i = 0; i < PACKS_MAX; i++) {
        const struct image_zone *zone;
        for (uint32_t cursor = 0; (zone = image_zone_next(&world->last.packs[i], &cursor));) {
            const struct image_subject *s = image_at(zone, zone->subjects_off);
            for (uint32_t k = 0; k < zone->subjects_count; k++, s++)
                if (strcmp(image_at(zone, s->service_off), service) == 0 &&
                    strcmp(image_at(zone, s->region_off), region) == 0 &&
                    strcmp(s->kind == SUBJECT_POOL ? "" : image_at(zone, s->address_off), address) == 0)
                    return s->slot;
        }
    }
    return 0;
}

static inline void expect_problem(const struct world *world, const char *zone, const char *subject,
                           const char *words)
{
    const struct manifest *manifest = world->last.manifest;
    for (size_t i = 0; i < manifest->problems_count; i++) {
        const struct manifest_problem *problem = &manifest->problems[i];
        if (strcmp(problem->zone, zone) == 0 && strcmp(problem->subject, subject) == 0 &&
            strstr(problem->message, words))
            return;
    }
    for (size_t i = 0; i < manifest->problems_count; i++)
        print_message("%s | %s | %s\n", manifest->problems[i].zone, manifest->problems[i].subject,
                      manifest->problems[i].message);
    fail_msg("no problem of %s, %s with \"%s\"", zone, subject, words);
}

static inline unsigned images_count(const struct world *world)
{
    char path[128];
    unsigned count = 0;
    (void)snprintf(path, sizeof path, "%s/images", world->state_dir);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

#endif
