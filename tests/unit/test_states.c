/* tests/unit/test_states.c */
#include "tests/unit/control_rig.h"

static const char *const service = "www.gslb.example.com";

static void test_load_writes_the_words_at_once(void **state)
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
    assert_int_equal(rig_word(rig, service, "us", "").state, STATE_UP);
    assert_int_equal(rig_word(rig, service, "us", "203.0.113.1").state, STATE_DOWN);
    fixture_run(rig->store, "UPDATE region SET state = 'auto'; UPDATE pool SET state = 'auto'; DELETE FROM endpoint");
    rig_load_states(rig);
    assert_int_equal(rig_word(rig, "", "eu", "").state, STATE_AUTO);
    assert_int_equal(rig_word(rig, service, "us", "").state, STATE_AUTO);
    assert_int_equal(rig_word(rig, service, "us", "203.0.113.1").state, STATE_AUTO);
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
    for (size_t i = 0; i < 2; i++)
        board_set(rig->control.board, slots[i], (struct health){.share = BOARD_SHARE_ALL}); /* as after a reboot */
    rig_control_restart(rig);
    assert_int_equal(publish_world(rig->control.publish, path, &diag), OK);
    assert_int_equal(rig_word(rig, "", "eu", "").state, STATE_DRAIN);
    assert_int_equal(rig_word(rig, service, "us", "").state, STATE_DOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_load_writes_the_words_at_once, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_state_of_what_is_not_compiled_yet_waits_for_its_world, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_until_ends_a_state, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_states_outlive_control_without_the_store, rig_setup, rig_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
