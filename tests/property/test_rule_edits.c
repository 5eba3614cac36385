/* However a world was reached, edit by edit and database by database, its policies' images are those of a
 * compile from scratch. */
#include "common/rng.h"
#include "tests/unit/compile_fixture.h"

#include <sys/stat.h>

enum { STEPS = 300, DATABASES = 2 };

/* A server that has seen all edits, and the databases. */
struct lab {
    struct world world;
    struct rng rng;
    char paths[DATABASES][64];
    const char *lent[DATABASES];
};

static const char *const rows =
    "INSERT OR IGNORE INTO region(name, latitude, longitude) VALUES ('asia', 1.3, 103.8);"
    "UPDATE region SET latitude = 50, longitude = 8 WHERE name = 'eu';"
    "INSERT INTO policy(name, method) VALUES ('near', 'nearest');"
    "INSERT INTO rule(policy, client, region)"
    " VALUES ('near', 'default', 'eu'), ('near', 'net:10.0.0.0/8', 'us')";

static const char *const clients[] = {"default", "continent:EU", "continent:AS", "country:DE", "country:FR",
                                      "country:CN", "asn:64500", "net:192.0.2.0/24", "net:1.0.0.0/8",
                                      "net:2001:db8::/32"};
static const char *const policies[] = {"global", "near"};
static const char *const regions[] = {"eu", "us", "asia"};
static const char *const countries[] = {"DE", "FR", "CN", "US", "??"};

static const char *draw(struct lab *lab, const char *const *texts, uint32_t count)
{
    return texts[rng_below(&lab->rng, count)];
}

/* A database of a few ranges, of one family. */
static void database_write(struct lab *lab, unsigned idx)
{
    FILE *file = fopen(lab->paths[idx], "w");
    assert_non_null(file);
    for (unsigned i = 0, at = 1; i < 5; i++, at += 1 + rng_below(&lab->rng, 20))
        if (idx == 0)
            fprintf(file, "%u,%u,%s\n", at << 24, (at << 24) + rng_below(&lab->rng, 1 << 24),
                    draw(lab, countries, 5));
        else
            fprintf(file, "2001:%x::,2001:%x:%x::,%s\n", at, at, rng_below(&lab->rng, 1 << 16),
                    draw(lab, countries, 5));
    assert_int_equal(fclose(file), 0);
}

/* One edit of the store. One that it refuses, as a rule twice or the last of its client's, is none. */
static void edit(struct lab *lab)
{
    static const char *const forms[] = {
        "UPDATE rule SET weight = ?4 WHERE policy = ?1 AND client = ?2 AND region = ?3",
        "UPDATE rule SET tier = 1 + ?4 % 3 WHERE policy = ?1 AND client = ?2",
        "UPDATE rule SET region = ?3 WHERE policy = ?1 AND client = ?2",
        "UPDATE policy SET geofence = ?4 % 2 WHERE name = ?1",
        "INSERT INTO rule(policy, client, region, tier) VALUES (?1, ?2, ?3, 1 + ?4 % 2)",
        "INSERT INTO rule(policy, client, region, weight) VALUES (?1, ?2, ?3, ?4)",
        "DELETE FROM rule WHERE policy = ?1 AND client = ?2 AND region = ?3",
        "UPDATE rule SET client = CASE client WHEN 'country:DE' THEN 'country:FR' ELSE 'country:DE' END"
        " WHERE policy = ?1 AND client IN ('country:DE', 'country:FR')",
        "UPDATE region SET latitude = ?4 - 45, longitude = ?4 WHERE name = ?3",
    };
    sqlite3_stmt *statement;
    const char *sql = draw(lab, forms, 9);
    assert_int_equal(sqlite3_prepare_v2(lab->world.fixture->db, sql, -1, &statement, NULL), SQLITE_OK);
    const char *const texts[] = {draw(lab, policies, 2), draw(lab, clients, 10), draw(lab, regions, 3)};
    for (int i = 0; i < sqlite3_bind_parameter_count(statement) && i < 3; i++)
        (void)sqlite3_bind_text(statement, i + 1, texts[i], -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(statement, 4, (int)rng_below(&lab->rng, 100));
    (void)sqlite3_step(statement);
    sqlite3_finalize(statement);
}

static void read_image(const struct world *world, unsigned idx, struct buffer *ret)
{
    char path[LAST_PATH_MAX];
    assert_int_equal(last_image_path(world->state_dir, world->last.manifest->policies[idx].file, path, NULL),
                     OK);
    assert_int_equal(file_read(path, 1 << 24, ret, NULL), OK);
}

/* Compile the same store and databases in an empty directory. */
static void expect_as_from_scratch(struct lab *lab)
{
    struct world fresh = lab->world;
    char command[128];
    fresh.last = (struct last){0};
    (void)snprintf(fresh.state_dir, sizeof fresh.state_dir, "%s/fresh", lab->world.fixture->dir);
    deploy(&fresh);
    for (unsigned i = 0; i < 2; i++) {
        struct buffer edited, anew;
        assert_string_equal(lab->world.last.manifest->policies[i].name,
                            fresh.last.manifest->policies[i].name);
        read_image(&lab->world, i, &edited);
        read_image(&fresh, i, &anew);
        assert_int_equal(edited.len, anew.len);
        assert_memory_equal(edited.bytes, anew.bytes, anew.len);
        buffer_fini(&edited);
        buffer_fini(&anew);
    }
    last_close(&fresh.last);
    (void)snprintf(command, sizeof command, "rm -r %s", fresh.state_dir);
    assert_int_equal(system(command), 0);
}

static void test_edits_lead_where_a_compile_from_scratch_does(void **state)
{
    struct lab lab = {.world = world_of(state)};
    rng_init(&lab.rng, 20261120);
    for (unsigned i = 0; i < DATABASES; i++) {
        (void)snprintf(lab.paths[i], sizeof lab.paths[i], "%s/geo%u", lab.world.fixture->dir, i);
        lab.lent[i] = lab.paths[i];
        database_write(&lab, i);
    }
    lab.world.request.geo_paths = lab.lent;
    lab.world.request.geo_paths_count = DATABASES;
    fixture_run(lab.world.fixture, rows);
    deploy(&lab.world);
    unsigned generations = 0;
    for (unsigned step = 0; step < STEPS; step++) {
        if (rng_below(&lab.rng, 20) == 0)
            database_write(&lab, rng_below(&lab.rng, DATABASES));
        for (unsigned edits = rng_below(&lab.rng, 3); edits > 0; edits--)
            edit(&lab);
        deploy(&lab.world);
        generations += lab.world.result.generation > 0;
        expect_as_from_scratch(&lab);
    }
    assert_true(generations > STEPS / 4);
    last_close(&lab.world.last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_edits_lead_where_a_compile_from_scratch_does,
                                        fixture_setup_session, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
