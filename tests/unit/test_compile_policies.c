/* What a compiler makes of policies, and takes over from the one before: images, their trees, and geo
 * databases that were read. */
#include "zones/compile/compile_policies.h"

#include "compile_fixture.h"
#include "geoip/database.h"
#include "geoip/geo.h"
#include "geoip/saved.h"

#include <sys/stat.h>

static const char *const as_australia = "16777216,16777471,AU\n";
static const char *const as_austria = "16777216,16777727,AT\n16777728,16777983,AU\n";

/* A world with one database of one line. */
struct atlas {
    struct world world;
    char path[64];
    const char *paths[1];
};

static void file_put(const char *path, const char *text)
{
    assert_int_equal(file_create(path, text, strlen(text), 0600, NULL), OK);
}

static void atlas_make(struct atlas *atlas, void **state)
{
    *atlas = (struct atlas){.world = world_of(state)};
    (void)snprintf(atlas->path, sizeof atlas->path, "%s/geoip", atlas->world.fixture->dir);
    atlas->paths[0] = atlas->path;
    atlas->world.request.geo_paths = atlas->paths;
    atlas->world.request.geo_paths_count = 1;
    file_put(atlas->path, as_australia);
}

static void kept_path(const struct atlas *atlas, char ret[LAST_PATH_MAX])
{
    char file[MANIFEST_FILE_MAX];
    manifest_source_file(file_identity(atlas->path), file);
    assert_int_equal(last_image_path(atlas->world.state_dir, file, ret, NULL), OK);
}

static bool is_kept(const struct atlas *atlas)
{
    char path[LAST_PATH_MAX];
    kept_path(atlas, path);
    return access(path, F_OK) == 0;
}

/* Keep something else of the database than it says: whoever has that has not read it. */
static void keep_another(const struct atlas *atlas, const char *text)
{
    char path[LAST_PATH_MAX], other[80];
    struct source *source;
    (void)snprintf(other, sizeof other, "%s.other", atlas->path);
    file_put(other, text);
    assert_int_equal(database_read(other, &source, NULL), OK);
    source->identity = file_identity(atlas->path);
    kept_path(atlas, path);
    assert_int_equal(saved_write(source, path, NULL), OK);
    source_free(&source);
}

/* Set of the client 1.0.0.1, most specific. */
static const char *client_set(const struct world *world)
{
    static char name[64];
    char path[LAST_PATH_MAX];
    struct file_map map;
    struct geo geo;
    const struct ip ip = {.family = IP_V4, .bytes = {1, 0, 0, 1}};
    assert_int_equal(last_image_path(world->state_dir, world->last.manifest->policies[0].file, path, NULL),
                     OK);
    assert_int_equal(file_map_open(path, &map, NULL), OK);
    assert_int_equal(geo_open(map.bytes, map.len, &geo, NULL), OK);
    const struct geo_chain chain = geo_chain_get(&geo, geo_find(&geo, &ip).class);
    (void)snprintf(name, sizeof name, "%s", geo_set_name(&geo, chain.sets[0]));
    file_map_close(&map);
    return name;
}

static const char *const clients =
    "INSERT INTO rule(policy, client, region)"
    " VALUES ('global', 'country:AU', 'us'), ('global', 'country:AT', 'eu')";
static const char *const another =
    "INSERT INTO rule(policy, client, region) VALUES ('global', 'net:192.0.2.0/24', 'eu')";

static void test_a_new_client_needs_no_database_that_was_read_before(void **state)
{
    struct atlas atlas;
    atlas_make(&atlas, state);
    fixture_run(atlas.world.fixture, clients);
    deploy(&atlas.world);
    assert_true(is_kept(&atlas));
    assert_string_equal(client_set(&atlas.world), "country:AU");
    keep_another(&atlas, as_austria);
    fixture_run(atlas.world.fixture, another);
    deploy(&atlas.world);
    assert_string_equal(atlas.world.last.manifest->policies[0].file, "policy-0-2.img");
    assert_string_equal(client_set(&atlas.world), "country:AT");
    last_close(&atlas.world.last);
}

static void test_what_is_kept_and_damaged_is_made_anew(void **state)
{
    struct atlas atlas;
    char path[LAST_PATH_MAX];
    atlas_make(&atlas, state);
    fixture_run(atlas.world.fixture, clients);
    deploy(&atlas.world);
    kept_path(&atlas, path);
    file_put(path, "nonsense");
    fixture_run(atlas.world.fixture, another);
    deploy(&atlas.world);
    assert_int_equal(atlas.world.result.problems, 0);
    assert_string_equal(client_set(&atlas.world), "country:AU");
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size > 64);
    last_close(&atlas.world.last);
}

static void test_a_database_that_has_changed_is_read_again(void **state)
{
    struct atlas atlas;
    atlas_make(&atlas, state);
    fixture_run(atlas.world.fixture, clients);
    deploy(&atlas.world);
    file_put(atlas.path, as_austria);
    deploy(&atlas.world);
    assert_string_equal(client_set(&atlas.world), "country:AT");
    assert_true(is_kept(&atlas));
    last_close(&atlas.world.last);
}

static void test_an_edit_of_choices_looks_at_no_database(void **state)
{
    struct atlas atlas;
    char path[LAST_PATH_MAX];
    atlas_make(&atlas, state);
    fixture_run(atlas.world.fixture, clients);
    deploy(&atlas.world);
    kept_path(&atlas, path);
    assert_int_equal(unlink(path), 0);
    fixture_run(atlas.world.fixture, "UPDATE rule SET weight = 7 WHERE client = 'country:AU'");
    compile(&atlas.world);
    assert_false(is_kept(&atlas));
    commit(&atlas.world);
    look(&atlas.world);
    assert_string_equal(atlas.world.last.manifest->policies[0].file, "policy-0-2.img");
    assert_string_equal(client_set(&atlas.world), "country:AU");
    compile(&atlas.world);
    assert_int_equal(atlas.world.result.generation, 0);
    last_close(&atlas.world.last);
}

static void test_without_a_policy_databases_are_read_after_the_commit(void **state)
{
    struct atlas atlas;
    atlas_make(&atlas, state);
    fixture_run(
        atlas.world.fixture,
        "DELETE FROM endpoint; DELETE FROM pool; DELETE FROM service; DELETE FROM rule; DELETE FROM policy");
    compile(&atlas.world);
    assert_false(is_kept(&atlas));
    commit(&atlas.world);
    assert_true(is_kept(&atlas));
    /* nor when nothing has changed */
    char path[LAST_PATH_MAX];
    kept_path(&atlas, path);
    assert_int_equal(unlink(path), 0);
    compile(&atlas.world);
    assert_int_equal(atlas.world.result.generation, 0);
    assert_true(is_kept(&atlas));
    last_close(&atlas.world.last);
}

/* A file cannot be written where a directory stands in its way, which root too is refused. */
static void test_what_cannot_be_kept_is_no_error(void **state)
{
    struct atlas atlas;
    char path[LAST_PATH_MAX], command[LAST_PATH_MAX + 16];
    atlas_make(&atlas, state);
    kept_path(&atlas, path);
    (void)snprintf(command, sizeof command, "mkdir -p %s/full", path);
    assert_int_equal(system(command), 0);
    fixture_run(atlas.world.fixture, clients);
    deploy(&atlas.world);
    assert_int_equal(atlas.world.result.problems, 0);
    assert_string_equal(client_set(&atlas.world), "country:AU");
    last_close(&atlas.world.last);
}

static void test_what_is_kept_makes_room_when_an_image_cannot_be_written(void **state)
{
    struct atlas atlas;
    char command[256];
    atlas_make(&atlas, state);
    fixture_run(atlas.world.fixture, clients);
    deploy(&atlas.world);
    assert_true(is_kept(&atlas));
    fixture_run(atlas.world.fixture, "UPDATE rule SET weight = 7");
    (void)snprintf(command, sizeof command, "mkdir -p %s/images/policy-0-2.img/full", atlas.world.state_dir);
    assert_int_equal(system(command), 0);
    assert_int_equal(compile_world(&atlas.world.request, &atlas.world.result, NULL), ERR_SYSTEM);
    assert_false(is_kept(&atlas));
    look(&atlas.world);
    assert_string_equal(client_set(&atlas.world), "country:AU");
    last_close(&atlas.world.last);
}

static void test_a_policy_is_built_again_when_its_rules_change(void **state)
{
    struct world world = world_of(state);
    deploy(&world);
    fixture_run(world.fixture,
                "UPDATE rule SET weight = 51 WHERE client = 'continent:EU' AND region = 'us'");
    deploy(&world);
    assert_string_equal(world.last.manifest->policies[0].file, "policy-0-2.img");
    assert_int_equal(world.result.zones_built, 0);
    fixture_run(world.fixture, "DROP TRIGGER rule_before_update;"
                               "UPDATE rule SET client = 'net:nonsense' WHERE client = 'default'");
    deploy(&world);
    expect_problem(&world, "", "global", "nonsense");
    assert_string_equal(world.last.manifest->policies[0].file, "policy-0-2.img");
    last_close(&world.last);
}

static void test_a_policy_with_too_many_rules_keeps_its_last_image_and_others_go_live(void **state)
{
    struct world world = world_of(state);
    deploy(&world);
    fixture_run(world.fixture, "DROP TRIGGER rule_before_insert;"
                               "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
                               " SELECT i + 1 FROM n WHERE i < 65540)"
                               " INSERT INTO rule(policy, client, region)"
                               " SELECT 'global', 'asn:' || i, 'eu' FROM n;"
                               "INSERT INTO policy(name) VALUES ('other');"
                               "INSERT INTO rule(policy, client, region) VALUES ('other', 'default', 'us');"
                               "INSERT INTO record(zone, name, type, data)"
                               " VALUES ('gslb.example.com', 'fresh', 'A', '192.0.2.9')");
    deploy(&world);
    expect_problem(&world, "", "global", "rules are over POLICY_RULES_MAX (65536)");
    assert_int_equal(world.result.problems, 1);
    assert_string_equal(world.last.manifest->policies[0].file, "policy-0-1.img");
    assert_string_equal(world.last.manifest->policies[1].file, "policy-1-2.img");
    assert_int_equal(find(&world, "fresh.gslb.example.com", 1).kind, FOUND_RRSET);
    last_close(&world.last);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, fixture_setup_session, fixture_teardown)
    const struct CMUnitTest tests[] = {
        test(test_a_new_client_needs_no_database_that_was_read_before),
        test(test_what_is_kept_and_damaged_is_made_anew),
        test(test_a_database_that_has_changed_is_read_again),
        test(test_an_edit_of_choices_looks_at_no_database),
        test(test_without_a_policy_databases_are_read_after_the_commit),
        test(test_what_cannot_be_kept_is_no_error),
        test(test_what_is_kept_makes_room_when_an_image_cannot_be_written),
        test(test_a_policy_is_built_again_when_its_rules_change),
        test(test_a_policy_with_too_many_rules_keeps_its_last_image_and_others_go_live),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
