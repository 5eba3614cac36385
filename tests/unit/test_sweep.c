#include "server/control/sweep.h"

#include "common/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char state_dir[] = "/tmp/test_sweep.XXXXXX";

static const char *image_path(const char *file)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/images/%s", state_dir, file);
    return path;
}

static void image_put(const char *file)
{
    assert_int_equal(file_create(image_path(file), file, strlen(file), 0600, NULL), OK);
}

static bool image_is_there(const char *file)
{
    return access(image_path(file), F_OK) == 0;
}

static void test_only_what_the_world_names_and_databases_as_they_are_stay(void **state)
{
    (void)state;
    char database[64], kept[MANIFEST_FILE_MAX], earlier[MANIFEST_FILE_MAX];
    const char *const paths[] = {"/nowhere/geoip", database};
    struct manifest *manifest;
    assert_int_equal(manifest_new(&manifest, NULL), OK);
    assert_non_null(mkdtemp(state_dir));
    assert_int_equal(mkdir(image_path(""), 0700), 0);
    (void)snprintf(database, sizeof database, "%s/geoip", state_dir);
    assert_int_equal(file_create(database, "old", 3, 0600, NULL), OK);
    manifest_source_file(file_identity(database), earlier);
    assert_int_equal(file_create(database, "newer", 5, 0600, NULL), OK);
    manifest_source_file(file_identity(database), kept);
    (void)snprintf(manifest->packs[3], MANIFEST_FILE_MAX, "pack-3-7.img");
    manifest->policies[1].name = strdup("global");
    (void)snprintf(manifest->policies[1].file, MANIFEST_FILE_MAX, "policy-1-6.img");
    static const char *const named[] = {"pack-3-7.img", "policy-1-6.img", "note"};
    static const char *const unnamed[] = {"pack-3-6.img", "policy-0-6.img", "x.img.new.1"};
    for (unsigned i = 0; i < 3; i++) {
        image_put(named[i]);
        image_put(unnamed[i]);
    }
    image_put(kept);
    image_put(earlier);
    sweep_images(state_dir, manifest, paths, 2);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(image_is_there(named[i]));
        assert_false(image_is_there(unnamed[i]));
    }
    assert_true(image_is_there(kept));
    assert_false(image_is_there(earlier));
    sweep_images(state_dir, manifest, NULL, 0);
    assert_false(image_is_there(kept));
    manifest_free(&manifest);
    char command[64];
    (void)snprintf(command, sizeof command, "rm -r %s", state_dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_the_world_names_and_databases_as_they_are_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
