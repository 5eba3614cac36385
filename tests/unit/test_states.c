/* tests/unit/test_states.c - what the operator says is on the board at once where it is stricter. */
#include "tests/unit/control_rig.h"

static const char *const service = "www.gslb.example.com";

/* Take the store's states as at a commit that a compiler then finds to change nothing else. */
static void load_and_settle(struct rig *rig)
{
    rig_load_states(rig);
    states_compiling(rig->control.states);
    states_settle(rig->control.states, rig_after(0));
}

/* ... that a compiler makes a world of. */
static void load_and_publish(struct rig *rig)
{
    struct diag diag;
    rig_load_states(rig);
    states_compiling(rig->control.states);
    assert_int_equal(rig_publish(rig, &diag), OK);
}

static void test_load_tightens_at_once_and_loosens_when_nothing_else_has_changed(void **state)
{
    struct rig *rig = *state;
    struct diag diag;
    assert_int_equal(rig_publish(rig, &diag), OK);
    fixture_run(rig->store, "UPDATE region SET state = 'drain', until = NULL WHERE name = 'eu';"
                            "UPDATE pool SET state = 'up' WHERE region = 'us';"
                            "UPDATE endpoint SET state = 'down' WHERE region = 'us'");
    rig_load_states(rig);
    assert_int_equal(rig_word(rig, "", "eu", "").state, STATE_DRAIN);
    assert_int_equal(rig_word(rig, "", "us", "").state, STATE_AUTO);
    assert_int_equal(rig_word(rig, service, "us", "").state, STATE_AUTO);
    assert_int_equal(rig_word(rig, service, "us", "203.0.113.1").state, STATE_DOWN);
    load_and_settle(rig);
    assert_int_equal(rig_word(rig, service, "us", "").state, STATE_UP);
    fixture_run(rig->store, "UPDATE region SET state = 'auto'; UPDATE pool SET state = 'auto';"
                            "UPDATE endpoint SET state = 'auto'");
    rig_load_states(rig);
    assert_int_equal(rig_word(rig, "", "eu", "").state, STATE_DRAIN);
    assert_int_equal(rig_word(rig, service, "us", "").state, STATE_AUTO); /* up hands out more than auto */
    assert_int_equal(rig_word(rig, service, "us", "203.0.113.1").state, STATE_DOWN);
    load_and_settle(rig);
    assert_int_equal(rig_word(rig, "", "eu", "").state, STATE_AUTO);
    assert_int_equal(rig_word(rig, service, "us", "203.0.113.1").state, STATE_AUTO);
}

static void test_what_is_deleted_keeps_its_state_until_a_world_is_without_it(void **state)
{
    struct rig *rig = *state;
    struct diag diag;
    fixture_run(rig->store, "UPDATE endpoint SET state = 'down' WHERE region = 'us'");
    load_and_publish(rig);
    assert_int_equal(rig_word(rig, service, "us", "203.0.113.1").state, STATE_DOWN);
    fixture_run(rig->store, "DELETE FROM endpoint WHERE region = 'us'");
    rig_load_states(rig);
    assert_int_equal(rig_word(rig, service, "us", "203.0.113.1").state, STATE_DOWN);
    states_compiling(rig->control.states);
    states_tick(rig->control.states, rig_after(1));
    assert_int_equal(rig_word(rig, service, "us", "203.0.113.1").state, STATE_DOWN);
    const uint32_t slot =
        roster_find(publish_roster(rig->control.publish), service, "us", "203.0.113.1")->slot;
    assert_int_equal(rig_publish(rig, &diag), OK);
    assert_null(roster_find(publish_roster(rig->control.publish), service, "us", "203.0.113.1"));
    /* Workers may still have the last world. */
    assert_int_equal(board_get(rig->control.board, slot).state, STATE_DOWN);
}

static void test_a_zone_that_does_not_compile_keeps_its_states(void **state)
{
    static const char typo[] = "INSERT INTO record(zone, name, type, data)"
                               " VALUES ('gslb.example.com', 'typo', 'A', '1.2.3.400');";
    struct rig *rig = *state;
    fixture_run(rig->store, "UPDATE endpoint SET state = 'down' WHERE region = 'us';"
                            "UPDATE region SET state = 'down' WHERE name = 'us'");
    load_and_publish(rig);
    fixture_run(rig->store, typo);
    fixture_run(rig->store, "DELETE FROM endpoint WHERE region = 'us'; UPDATE pool SET state = 'drain';"
                            "UPDATE region SET state = 'auto'");
    load_and_publish(rig);
    assert_true(publish_manifest(rig->control.publish)->problems_count > 0);
    states_tick(rig->control.states, rig_after(1));
    assert_int_equal(rig_word(rig, service, "us", "203.0.113.1").state, STATE_DOWN);
    assert_int_equal(rig_word(rig, service, "us", "").state, STATE_DRAIN);
    assert_int_equal(rig_word(rig, "", "us", "").state, STATE_AUTO); /* no zone's */
    fixture_run(rig->store, "UPDATE pool SET state = 'auto'");
    load_and_settle(rig);
    assert_int_equal(rig_word(rig, service, "us", "").state, STATE_AUTO); /* as when the zone last compiled */
    fixture_run(rig->store,
                "DELETE FROM record WHERE name = 'typo'; INSERT INTO endpoint(service, region, address)"
                " VALUES ('www.gslb.example.com', 'us', '203.0.113.1')");
    load_and_publish(rig);
    states_tick(rig->control.states, rig_after(1));
    assert_int_equal(rig_word(rig, service, "us", "203.0.113.1").state, STATE_AUTO);
}

static void test_a_commit_while_a_compiler_runs_is_not_what_it_compiles(void **state)
{
    struct rig *rig = *state;
    fixture_run(rig->store, "UPDATE pool SET state = 'down'");
    load_and_publish(rig);
    states_compiling(rig->control.states);
    fixture_run(rig->store, "UPDATE pool SET state = 'auto'");
    rig_load_states(rig);
    states_settle(rig->control.states, rig_after(0));
    assert_int_equal(rig_word(rig, service, "us", "").state, STATE_DOWN);
    load_and_settle(rig);
    assert_int_equal(rig_word(rig, service, "us", "").state, STATE_AUTO);
}

/* A worker in the rig, and what it says that it answers from. */
static void test_what_a_world_loosens_waits_until_the_workers_have_it(void **state)
{
    struct rig *rig = *state;
    static struct counters worker;
    const struct counters *workers[] = {&worker};
    rig->setup.workers_count = 1;
    rig->control.counters = workers;
    fixture_run(rig->store, "UPDATE pool SET state = 'down' WHERE region = 'us'");
    load_and_publish(rig);
    worker.generation = rig->control.metrics.generation;
    fixture_run(rig->store,
                "UPDATE pool SET state = 'auto'; UPDATE pool SET state = 'drain' WHERE region = 'eu';"
                "INSERT INTO record(zone, name, type, data)"
                " VALUES ('gslb.example.com', 'a', 'A', '192.0.2.1')");
    load_and_publish(rig);
    states_tick(rig->control.states, rig_after(1));
    assert_int_equal(rig_word(rig, service, "us", "").state, STATE_DOWN);
    assert_int_equal(rig_word(rig, service, "eu", "").state, STATE_DRAIN);
    worker.generation = rig->control.metrics.generation;
    states_tick(rig->control.states, rig_after(2));
    assert_int_equal(rig_word(rig, service, "us", "").state, STATE_AUTO);
    rig->setup.workers_count = 0;
}

static void test_a_subject_that_was_deleted_while_gslbd_was_stopped_keeps_its_state(void **state)
{
    struct rig *rig = *state;
    struct diag diag;
    char path[64];
    (void)snprintf(path, sizeof path, "%s/manifest.json", rig->state_dir);
    assert_int_equal(rig_publish(rig, &diag), OK);
    fixture_run(rig->store, "UPDATE endpoint SET state = 'down' WHERE region = 'us'");
    rig_load_states(rig);
    states_tick(rig->control.states, rig_after(1));
    rig_control_restart(rig);
    fixture_run(rig->store, "DELETE FROM endpoint WHERE region = 'us'");
    assert_int_equal(publish_world(rig->control.publish, path, &diag), OK);
    rig_load_states(rig);
    states_tick(rig->control.states, rig_after(1));
    assert_int_equal(rig_word(rig, service, "us", "203.0.113.1").state, STATE_DOWN);
}

static void test_a_state_of_what_is_not_compiled_yet_waits_for_its_world(void **state)
{
    struct rig *rig = *state;
    struct diag diag;
    assert_int_equal(rig_publish(rig, &diag), OK);
    fixture_run(rig->store, "INSERT INTO region(name, state) VALUES ('asia', 'down')");
    rig_load_states(rig);
    assert_int_equal(rig_publish(rig, &diag), OK);
    assert_int_equal(rig_word(rig, "", "asia", "").state, STATE_DOWN);
}

static void test_until_ends_a_state(void **state)
{
    struct rig *rig = *state;
    struct diag diag;
    assert_int_equal(rig_publish(rig, &diag), OK);
    fixture_run(rig->store, "UPDATE region SET state = 'drain', until = 1800000010 WHERE name = 'eu';"
                            "UPDATE pool SET state = 'drain', until = 1800000020 WHERE region = 'eu';"
                            "UPDATE region SET state = 'down', until = 1799999999 WHERE name = 'us'");
    rig_load_states(rig);
    assert_int_equal(rig_word(rig, "", "us", "").state, STATE_AUTO); /* over already */
    static const struct {
        int64_t after_s;
        enum state region, pool;
    } cases[] = {
        {0, STATE_DRAIN, STATE_DRAIN}, {9, STATE_DRAIN, STATE_DRAIN}, {10, STATE_AUTO, STATE_DRAIN},
        {19, STATE_AUTO, STATE_DRAIN}, {20, STATE_AUTO, STATE_AUTO}, {1000, STATE_AUTO, STATE_AUTO},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        states_tick(rig->control.states, rig_after(cases[i].after_s));
        assert_int_equal(rig_word(rig, "", "eu", "").state, cases[i].region);
        assert_int_equal(rig_word(rig, service, "eu", "").state, cases[i].pool);
    }
}

static void test_states_outlive_control_without_the_store(void **state)
{
    struct rig *rig = *state;
    struct diag diag;
    char path[64];
    (void)snprintf(path, sizeof path, "%s/manifest.json", rig->state_dir);
    assert_int_equal(rig_publish(rig, &diag), OK);
    fixture_run(rig->store, "UPDATE region SET state = 'drain', until = NULL WHERE name = 'eu';"
                            "UPDATE pool SET state = 'down', until = 4000000000 WHERE region = 'us'");
    rig_load_states(rig);
    states_tick(rig->control.states, rig_after(1)); /* health.db has them after a tick */
    const uint32_t slots[] = {roster_find(publish_roster(rig->control.publish), "", "eu", "")->slot,
                              roster_find(publish_roster(rig->control.publish), service, "us", "")->slot};
    for (size_t i = 0; i < 2; i++) /* as after a reboot */
        board_set(rig->control.board, slots[i], (struct health){.share = BOARD_SHARE_ALL});
    rig_control_restart(rig);
    assert_int_equal(publish_world(rig->control.publish, path, &diag), OK);
    assert_int_equal(rig_word(rig, "", "eu", "").state, STATE_DRAIN);
    assert_int_equal(rig_word(rig, service, "us", "").state, STATE_DOWN);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        test(test_load_tightens_at_once_and_loosens_when_nothing_else_has_changed),
        test(test_what_is_deleted_keeps_its_state_until_a_world_is_without_it),
        test(test_a_zone_that_does_not_compile_keeps_its_states),
        test(test_a_commit_while_a_compiler_runs_is_not_what_it_compiles),
        test(test_what_a_world_loosens_waits_until_the_workers_have_it),
        test(test_a_subject_that_was_deleted_while_gslbd_was_stopped_keeps_its_state),
        test(test_a_state_of_what_is_not_compiled_yet_waits_for_its_world),
        test(test_until_ends_a_state),
        test(test_states_outlive_control_without_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
