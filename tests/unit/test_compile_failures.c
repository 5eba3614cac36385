/* tests/unit/test_compile_failures.c - what a compile makes of databases, files and disks that fail it. */
#include "zones/compile/compile.h"

#include "compile_fixture.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Geo databases -------------------------------------------------------------------------------- */

static const char *tor_file(char path[256])
{
    const char *srcdir = getenv("srcdir");
    (void)snprintf(path, 256, "%s/tests/data/tor/geoip", srcdir ? srcdir : ".");
    return path;
}

static void test_a_broken_database_keeps_the_last_policy_image(void **state)
{
    struct world *world = *state;
    char good[256], bad[96];
    (void)snprintf(bad, sizeof bad, "%s/geo", world->fixture->dir);
    const char *const paths[] = {tor_file(good), bad};
    char command[400];
    (void)snprintf(command, sizeof command, "cp %s %s", good, bad);
    assert_int_equal(system(command), 0);
    world->request.geo_paths = paths;
    world->request.geo_paths_count = 2;
    deploy(world);
    assert_int_equal(world->result.problems, 0);
    (void)snprintf(command, sizeof command, "echo nonsense > %s", bad);
    assert_int_equal(system(command), 0);
    deploy(world);
    expect_problem(world, "", bad, bad);
    assert_string_equal(world->last.manifest->policies[0].file, "policy-0-1.img");
    (void)snprintf(command, sizeof command, "rm %s", bad);
    assert_int_equal(system(command), 0);
    deploy(world);
    expect_problem(world, "", bad, bad);
    (void)snprintf(command, sizeof command, "cp %s %s", good, bad);
    assert_int_equal(system(command), 0);
    deploy(world);
    assert_int_equal(world->result.problems, 0);
    assert_string_not_equal(world->last.manifest->policies[0].file, "policy-0-1.img");
}

static void test_a_first_start_is_not_held_up_by_a_missing_database(void **state)
{
    struct world *world = *state;
    const char *const paths[] = {"/nowhere/geoip"};
    world->request.geo_paths = paths;
    world->request.geo_paths_count = 1;
    deploy(world);
    expect_problem(world, "", "/nowhere/geoip", "/nowhere/geoip");
    assert_string_equal(world->last.manifest->policies[0].file, "policy-0-1.img");
    compile(world);
    assert_int_equal(world->result.generation, 0);
}

/* Failures ------------------------------------------------------------------------------------- */

static void test_a_compile_that_is_never_committed_changes_nothing(void **state)
{
    struct world *world = *state;
    deploy(world);
    fixture_run(
        world->fixture,
        "INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'x', 'A', '192.0.2.1')");
    compile(world);
    assert_int_equal(world->result.generation, 2);
    look(world);
    assert_int_equal(world->last.manifest->generation, 1);
    assert_int_equal(find(world, "x.gslb.example.com", 1).kind, FOUND_NXDOMAIN);
    /* the next one has a number of its own: workers may have been given this one */
    deploy(world);
    assert_int_equal(world->result.generation, 3);
    assert_int_equal(find(world, "x.gslb.example.com", 1).kind, FOUND_RRSET);
}

static void test_damaged_state_is_compiled_anew(void **state)
{
    struct world *world = *state;
    deploy(world);
    char command[160];
    (void)snprintf(command, sizeof command, "for f in %s/images/pack-*; do echo x >> $f; done",
                   world->state_dir);
    assert_int_equal(system(command), 0);
    deploy(world);
    assert_int_equal(world->result.zones_built, 1);
    assert_int_equal(world->result.problems, 1);
    (void)snprintf(command, sizeof command, "echo '{' > %s/manifest.json", world->state_dir);
    assert_int_equal(system(command), 0);
    deploy(world);
    expect_problem(world, "", "manifest.json", "compiled anew");
    assert_int_equal(find(world, "www.gslb.example.com", 1).kind, FOUND_SERVICE);
    deploy(world);
    assert_int_equal(world->result.problems, 0);
}

/* A pack cannot be written where a directory stands in its way, which root too is refused. */
static void test_a_pack_that_cannot_be_written_is_an_error_and_the_last_world_stands(void **state)
{
    struct world *world = *state;
    deploy(world);
    const unsigned images = images_count(world);
    char file[160];
    fixture_run(world->fixture, "UPDATE rule SET weight = 7; INSERT INTO record(zone, name, type, data)"
                                " VALUES ('gslb.example.com', 'x', 'A', '192.0.2.1')");
    (void)snprintf(file, sizeof file, "%s/images/pack-%u-2.img/full", world->state_dir,
                   (unsigned)(name_hash((const uint8_t *)"\4gslb\7example\3com") % PACKS_MAX));
    char command[200];
    (void)snprintf(command, sizeof command, "mkdir -p %s", file);
    assert_int_equal(system(command), 0);
    struct diag diag = {.text = ""};
    assert_int_equal(compile_world(&world->request, &world->result, &diag), ERR_SYSTEM);
    assert_non_null(strstr(diag.text, "pack-"));
    assert_int_equal(images_count(world), images + 1);
    look(world);
    assert_int_equal(world->last.manifest->generation, 1);
    assert_int_equal(find(world, "www.gslb.example.com", 1).kind, FOUND_SERVICE);
}

/* A file may grow to `limit` bytes and no further, as on a full disk. */
static void limit_files(rlim_t limit)
{
    struct rlimit now;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &now), 0);
    now.rlim_cur = limit;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
}

static void test_a_full_disk_is_an_error_and_the_last_world_stands(void **state)
{
    static const rlim_t limits[] = {0, 100, 1000}; /* nothing, part of a pack, part of the manifest */
    struct world *world = *state;
    deploy(world);
    fixture_run(
        world->fixture,
        "INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'x', 'A', '192.0.2.1')");
    const unsigned images = images_count(world);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct diag diag = {.text = ""};
        limit_files(limits[i]);
        const enum err err = compile_world(&world->request, &world->result, &diag);
        limit_files(RLIM_INFINITY);
        assert_int_equal(err, ERR_SYSTEM);
        assert_non_null(strstr(diag.text, world->state_dir));
        assert_int_equal(images_count(world), images);
        look(world);
        assert_int_equal(find(world, "x.gslb.example.com", 1).kind, FOUND_NXDOMAIN);
    }
    deploy(world);
    assert_int_equal(find(world, "x.gslb.example.com", 1).kind, FOUND_RRSET);
}

static void test_a_missing_store_is_missing(void **state)
{
    struct world *world = *state;
    deploy(world);
    struct diag diag = {.text = ""};
    world->request.store_path = "/nowhere/gslb.db";
    assert_int_equal(compile_world(&world->request, &world->result, &diag), ERR_MISSING);
    assert_non_null(strstr(diag.text, "/nowhere/gslb.db"));
    look(world);
    assert_int_equal(world->last.manifest->generation, 1);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, world_setup_session, world_teardown)
    const struct CMUnitTest tests[] = {
        test(test_a_broken_database_keeps_the_last_policy_image),
        test(test_a_first_start_is_not_held_up_by_a_missing_database),
        test(test_a_compile_that_is_never_committed_changes_nothing),
        test(test_damaged_state_is_compiled_anew),
        test(test_a_pack_that_cannot_be_written_is_an_error_and_the_last_world_stands),
        test(test_a_full_disk_is_an_error_and_the_last_world_stands),
        test(test_a_missing_store_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
