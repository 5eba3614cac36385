/* tests/unit/test_publish.c - with server/control/roster.c and server/control/words.c, its parts. */
#include "tests/unit/control_rig.h"

#include "server/control/words.h"

static const char *const service = "www.gslb.example.com";

static void test_the_first_world_goes_whole(void **state)
{
    struct rig *rig = *state;
    struct channel_message message;
    struct diag diag;
    assert_null(publish_roster(rig->control.publish));
    assert_int_equal(rig_publish(rig, &diag), OK);
    assert_int_equal(rig_receive(rig, &message), 2); /* a pack and a policy */
    assert_int_equal(message.kind, MESSAGE_WORLD);
    assert_int_equal(message.parts_count, CHANNEL_IMAGES_MAX);
    assert_int_equal(message.generation, publish_manifest(rig->control.publish)->generation);
    assert_int_equal(rig->control.metrics.generation, message.generation);
    assert_int_equal(rig->control.metrics.zones, 1);
}

static void test_later_worlds_go_as_what_changed(void **state)
{
    struct rig *rig = *state;
    struct channel_message message;
    struct diag diag;
    assert_int_equal(rig_publish(rig, &diag), OK);
    assert_int_equal(rig_receive(rig, &message), 2);
    fixture_run(
        rig->store,
        "INSERT INTO record(zone, name, type, data) VALUES ('gslb.example.com', 'a', 'A', '192.0.2.1')");
    assert_int_equal(rig_publish(rig, &diag), OK);
    assert_int_equal(rig_receive(rig, &message), 1);
    assert_int_equal(message.parts_count, 1);
    assert_int_equal(message.parts[0].kind, PART_PACK);
    fixture_run(rig->store, "DELETE FROM endpoint; DELETE FROM pool; DELETE FROM service; DELETE FROM record;"
                            "DELETE FROM zone");
    assert_int_equal(rig_publish(rig, &diag), OK);
    assert_int_equal(rig_receive(rig, &message), 0);
    assert_int_equal(message.parts_count, 1);
    assert_int_equal(message.parts[0].present, 0);
}

static void test_the_roster_has_every_subject(void **state)
{
    struct rig *rig = *state;
    struct diag diag;
    fixture_run(rig->store, "UPDATE region SET monitor = 'web', target = '192.0.2.80' WHERE name = 'eu';"
                            "UPDATE pool SET min_up = 3 WHERE region = 'us'");
    assert_int_equal(rig_publish(rig, &diag), OK);
    const struct roster *roster = publish_roster(rig->control.publish);
    assert_int_equal(roster->count, 6);
    const struct roster_subject *eu = roster_find(roster, "", "eu", "");
    assert_int_equal(eu->kind, SUBJECT_REGION);
    assert_in_range(eu->slot, 0, REGIONS_MAX - 1);
    assert_string_equal(eu->monitor->name, "web");
    assert_string_equal(eu->check, "192.0.2.80");
    assert_null(roster_find(roster, "", "us", "")->monitor);
    const struct roster_subject *pool = roster_find(roster, service, "us", "");
    assert_int_equal(pool->kind, SUBJECT_POOL);
    assert_string_equal(pool->check, "");
    assert_int_equal(pool->min_up, 3);
    const struct roster_subject *endpoint = roster_find(roster, service, "us", "203.0.113.1");
    assert_int_equal(endpoint->kind, SUBJECT_ENDPOINT);
    assert_string_equal(endpoint->check, "203.0.113.1");
    assert_int_equal(endpoint->family, KIND_V4);
    assert_ptr_equal(endpoint->monitor, eu->monitor);
    assert_null(roster_find(roster, service, "eu", "203.0.113.1"));
    for (size_t i = 0; i < roster->count; i++) {
        assert_true(roster->subjects[i].slot < roster->slots_end);
        assert_true(i == 0 || roster->subjects[i - 1].kind <= roster->subjects[i].kind);
    }
}

static void test_words_are_there_before_the_world_is_sent(void **state)
{
    struct rig *rig = *state;
    struct diag diag;
    fixture_run(rig->store, "UPDATE pool SET state = 'down' WHERE region = 'us'");
    rig_load_states(rig);
    shutdown(rig->supervisor_fd, SHUT_RDWR); /* nobody can receive */
    assert_int_equal(rig_publish(rig, &diag), ERR_MISSING);
    assert_int_equal(rig_word(rig, service, "us", "").state, STATE_DOWN);
    assert_int_equal(rig_word(rig, service, "us", "").share, BOARD_SHARE_ALL);
    assert_int_equal(rig_word(rig, service, "eu", "198.51.100.1").share, BOARD_SHARE_ALL);
}

/* Returns how many messages it took. */
static unsigned fill_channel(const struct rig *rig)
{
    const struct channel_packet packet = {.message = {.kind = MESSAGE_RELOAD}};
    unsigned count = 0;
    assert_int_equal(fcntl(rig->setup.channel_fd, F_SETFL, O_NONBLOCK), 0);
    while (channel_send(rig->setup.channel_fd, &packet, NULL) == OK)
        count++;
    return count;
}

static void test_what_was_not_sent_goes_whole_the_next_time(void **state)
{
    struct rig *rig = *state;
    struct channel_message message;
    struct diag diag;
    assert_int_equal(rig_publish(rig, &diag), OK);
    assert_false(publish_is_unsent(rig->control.publish));
    assert_int_equal(rig_receive(rig, &message), 2);
    fixture_run(rig->store, "INSERT INTO region(name) VALUES ('asia')");
    const unsigned count = fill_channel(rig);
    assert_int_equal(rig_publish(rig, &diag), ERR_BUSY);
    assert_true(publish_is_unsent(rig->control.publish));
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(rig_receive(rig, &message), 0);
    assert_int_equal(rig_publish(rig, &diag), OK);
    assert_int_equal(rig_receive(rig, &message), 2);
    assert_int_equal(message.parts_count, CHANNEL_IMAGES_MAX);
    assert_false(publish_is_unsent(rig->control.publish));
}

static void test_another_control_resets_no_verdict(void **state)
{
    struct rig *rig = *state;
    struct diag diag;
    struct channel_message message;
    assert_int_equal(rig_publish(rig, &diag), OK);
    const uint32_t slot =
        roster_find(publish_roster(rig->control.publish), service, "eu", "198.51.100.1")->slot;
    words_set_verdict(rig->control.board, slot, VERDICT_DOWN, 0);
    words_set_state(rig->control.board, slot, STATE_DRAIN);
    rig_control_restart(rig);
    /* So that there is something to publish. */
    fixture_run(rig->store, "INSERT INTO region(name) VALUES ('asia')");
    assert_int_equal(rig_publish(rig, &diag), OK);
    assert_int_equal(rig_word(rig, service, "eu", "198.51.100.1").verdict, VERDICT_DOWN);
    while (rig_receive(rig, &message) >= 0)
        assert_int_equal(message.parts_count, CHANNEL_IMAGES_MAX); /* each control's first world is whole */
}

static void damage(const struct rig *rig, const char *file, off_t at)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/images/%s", rig->state_dir, file);
    const int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "damage", 6, at), 6);
    close(fd);
}

static void test_a_damaged_image_is_named_and_changes_nothing(void **state)
{
    struct rig *rig = *state;
    struct diag diag;
    char path[64], file[MANIFEST_FILE_MAX];
    (void)snprintf(path, sizeof path, "%s/manifest.json", rig->state_dir);
    assert_int_equal(rig_publish(rig, &diag), OK);
    (void)strcpy(file, publish_manifest(rig->control.publish)->policies[0].file);
    rig_control_restart(rig);
    damage(rig, file, 5000);
    assert_int_equal(publish_world(rig->control.publish, path, &diag), ERR_CORRUPT);
    assert_non_null(strstr(diag.text, file));
    assert_null(publish_roster(rig->control.publish));
    assert_int_equal(publish_world(rig->control.publish, "/nonexistent", &diag), ERR_MISSING);
}

static void test_words_change_one_part(void **state)
{
    (void)state;
    struct board *board;
    assert_int_equal(board_new(2, &board, NULL), OK);
    words_set_state(board, 1, STATE_DRAIN);
    words_set_verdict(board, 1, VERDICT_UP, 1000000);
    struct health health = board_get(board, 1);
    assert_int_equal(health.state, STATE_DRAIN);
    assert_int_equal(health.verdict, VERDICT_UP);
    assert_int_equal(health.latency_ms, UINT16_MAX);
    assert_int_equal(health.share, BOARD_SHARE_ALL);
    words_reset(board, 1);
    health = board_get(board, 1);
    assert_int_equal(health.state, STATE_AUTO);
    assert_int_equal(health.verdict, VERDICT_UNKNOWN);
    board_close(&board);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        test(test_the_first_world_goes_whole),
        test(test_later_worlds_go_as_what_changed),
        test(test_the_roster_has_every_subject),
        test(test_words_are_there_before_the_world_is_sent),
        test(test_what_was_not_sent_goes_whole_the_next_time),
        test(test_another_control_resets_no_verdict),
        test(test_a_damaged_image_is_named_and_changes_nothing),
        cmocka_unit_test(test_words_change_one_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
