/* tests/unit/test_rebuild.c - with server/control/compiler.c: the compiler is this program, executed anew. */
#include "tests/unit/control_rig.h"

#include "server/control/compiler.h"

#include <dirent.h>

enum { DEADLINE_MS = 20000 };

static bool is_loaded(const struct rig *rig, uint64_t generation)
{
    char path[64];
    struct manifest *manifest = NULL;
    (void)snprintf(path, sizeof path, "%s/manifest.json", rig->state_dir);
    const bool committed = manifest_read(path, &manifest, NULL) == OK && manifest->generation == generation;
    manifest_free(&manifest);
    return committed && rig->control.metrics.generation == generation;
}

/* One turn of the loop, of a second at most: where nothing is to come the deadline does. */
static void turn(const struct rig *rig)
{
    const struct timeval wait = {.tv_sec = 1};
    assert_int_equal(event_base_loopexit(rig->control.base, &wait), 0);
    assert_in_range(event_base_loop(rig->control.base, EVLOOP_ONCE), 0, 1);
}

/* Run the loop until that generation is current and committed. */
static void wait_for(struct rig *rig, uint64_t generation)
{
    const int64_t deadline_ms = clock_mono_ms() + DEADLINE_MS;
    while (!is_loaded(rig, generation)) {
        if (clock_mono_ms() > deadline_ms)
            fail_msg("generation %llu never came", (unsigned long long)generation);
        turn(rig);
    }
}

static void wait_for_failure(struct rig *rig, uint64_t count)
{
    const int64_t deadline_ms = clock_mono_ms() + DEADLINE_MS;
    while (rig->control.metrics.loads_failed < count) {
        assert_true(clock_mono_ms() < deadline_ms);
        turn(rig);
    }
}

static size_t count_images(const struct rig *rig)
{
    char path[64];
    size_t count = 0;
    const struct dirent *entry;
    (void)snprintf(path, sizeof path, "%s/images", rig->state_dir);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void test_a_request_becomes_a_committed_world(void **state)
{
    struct rig *rig = *state;
    rebuild_request(rig->control.rebuild);
    wait_for(rig, 1);
    assert_int_equal(rig->control.metrics.loads_ok, 1);
    assert_int_equal(rig->control.metrics.loads_failed, 0);
    assert_int_equal(rig->control.exit_status, 0);
}

static void test_requests_during_a_compile_are_not_lost(void **state)
{
    struct rig *rig = *state;
    rebuild_request(rig->control.rebuild);
    wait_for(rig, 1);
    rebuild_request(rig->control.rebuild);
    fixture_run(rig->store, "INSERT INTO region(name) VALUES ('asia')");
    rebuild_request(rig->control.rebuild); /* whether the compiler that runs sees it or not */
    rebuild_request(rig->control.rebuild);
    wait_for(rig, 2);
    assert_int_equal(rig->control.metrics.loads_failed, 0);
    assert_non_null(roster_find(publish_roster(rig->control.publish), "", "asia", ""));
}

static void test_images_of_earlier_worlds_are_removed(void **state)
{
    struct rig *rig = *state;
    rebuild_request(rig->control.rebuild);
    wait_for(rig, 1);
    const size_t count = count_images(rig);
    fixture_run(rig->store, "UPDATE service SET ttl = 5");
    rebuild_request(rig->control.rebuild);
    wait_for(rig, 2);
    /* The commit is reported after it can be seen. */
    const int64_t deadline_ms = clock_mono_ms() + DEADLINE_MS;
    while (count_images(rig) != count && clock_mono_ms() < deadline_ms)
        turn(rig);
    assert_int_equal(count_images(rig), count);
}

static void test_without_a_world_a_failure_is_the_end(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(unlink(rig->store->path), 0);
    rebuild_request(rig->control.rebuild);
    wait_for_failure(rig, 1);
    assert_int_equal(rig->control.exit_status, CONTROL_EXIT_CONFIGURATION);
}

static void test_with_a_world_a_failure_changes_nothing_and_is_tried_again(void **state)
{
    struct rig *rig = *state;
    char away[64];
    rebuild_request(rig->control.rebuild);
    wait_for(rig, 1);
    (void)snprintf(away, sizeof away, "%s.away", rig->store->path);
    fixture_run(rig->store, "UPDATE service SET ttl = 5; PRAGMA wal_checkpoint(TRUNCATE)");
    assert_int_equal(rename(rig->store->path, away), 0);
    rebuild_request(rig->control.rebuild);
    wait_for_failure(rig, 1);
    assert_int_equal(rig->control.exit_status, 0);
    assert_int_equal(rig->control.metrics.generation, 1);
    assert_int_equal(rename(away, rig->store->path), 0);
    wait_for(rig, 2);
}

/* The workers have the first world, and control's own is the second, which the store is no more. */
static void test_a_world_that_was_not_sent_and_is_taken_back_goes_from_control_too(void **state)
{
    struct rig *rig = *state;
    struct channel_message message;
    const struct channel_packet filler = {.message = {.kind = MESSAGE_RELOAD}};
    rebuild_request(rig->control.rebuild);
    wait_for(rig, 1);
    assert_int_equal(fcntl(rig->setup.channel_fd, F_SETFL, O_NONBLOCK), 0);
    while (channel_send(rig->setup.channel_fd, &filler, NULL) == OK)
        ;
    fixture_run(rig->store, "INSERT INTO region(name) VALUES ('asia')");
    rebuild_request(rig->control.rebuild);
    wait_for_failure(rig, 1);
    fixture_run(rig->store, "DELETE FROM region WHERE name = 'asia'");
    while (rig_receive(rig, &message) >= 0)
        ;
    wait_for(rig, 1);
    assert_null(roster_find(publish_roster(rig->control.publish), "", "asia", ""));
    assert_false(publish_is_unsent(rig->control.publish));
    assert_int_equal(rig_receive(rig, &message), 2);
    assert_int_equal(message.parts_count, CHANNEL_IMAGES_MAX);
    assert_int_equal(message.generation, 1);
}

static void count_problem(void *context, const struct history_problem *row)
{
    (void)row;
    ++*(size_t *)context;
}

static void test_problems_are_in_a_health_db_that_was_begun_anew_by_a_load(void **state)
{
    struct rig *rig = *state;
    size_t count = 0;
    char command[128];
    const struct history_taker taker = {.context = &count, .problem = count_problem};
    fixture_run(rig->store, "INSERT INTO record(zone, name, type, data)"
                            " VALUES ('gslb.example.com', 'x', 'A', 'nonsense')");
    rebuild_request(rig->control.rebuild);
    wait_for(rig, 1);
    (void)snprintf(command, sizeof command, "rm %s/health.db* %s*", rig->state_dir, rig->store->path);
    assert_int_equal(system(command), 0);
    rebuild_request(rig->control.rebuild);
    wait_for_failure(rig, 1);
    rebuild_tick(rig->control.rebuild);
    assert_int_equal(history_epoch(rig->control.history), 1);
    assert_int_equal(history_each_problem(rig->control.history, &taker, NULL), OK);
    assert_int_equal(count, 1);
}

int main(int argc, char **argv)
{
    if (strcmp(argv[0], COMPILER_NAME) == 0)
        return compiler_main(argc, argv);
#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        test(test_a_request_becomes_a_committed_world),
        test(test_requests_during_a_compile_are_not_lost),
        test(test_images_of_earlier_worlds_are_removed),
        test(test_without_a_world_a_failure_is_the_end),
        test(test_with_a_world_a_failure_changes_nothing_and_is_tried_again),
        test(test_a_world_that_was_not_sent_and_is_taken_back_goes_from_control_too),
        test(test_problems_are_in_a_health_db_that_was_begun_anew_by_a_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
