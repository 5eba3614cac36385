/* tests/unit/control_rig.h - a control process's parts without the process: a store, a state directory, a
 * board, and the other end of the channel where the supervisor would be.
 */
#ifndef TESTS_UNIT_CONTROL_RIG_H
#define TESTS_UNIT_CONTROL_RIG_H

#include "server/control/control.h"
#include "server/control/publish.h"
#include "server/control/rebuild.h"
#include "server/control/states.h"
#include "server/control/verdicts.h"
#include "server/process/channel.h"
#include "tests/unit/store_fixture.h"
#include "zones/compile/compile.h"
#include "zones/history/history.h"

#include <event2/event.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

struct rig {
    struct fixture *store;
    char state_dir[48];
    struct settings settings;
    struct control_setup setup;
    struct control control;
    int supervisor_fd; /* non-blocking */
};

static inline void rig_give_up(struct control *control, const struct diag *why)
{
    (void)why;
    control->exit_status = CONTROL_EXIT_CONFIGURATION;
    (void)event_base_loopbreak(control->base);
}

static inline void rig_control_open(struct rig *rig)
{
    struct control *control = &rig->control;
    char path[64];
    *control = (struct control){.setup = &rig->setup,
                                .settings = &rig->settings,
                                .base = event_base_new(),
                                .give_up = rig_give_up};
    (void)snprintf(path, sizeof path, "%s/health.db", rig->state_dir);
    assert_int_equal(board_open_writer(rig->setup.board_fd, BOARD_SLOTS_MAX, &control->board, NULL), OK);
    assert_int_equal(history_open(path, &control->history, NULL), OK);
    assert_int_equal(verdicts_new(control->board, control->history, clock_now(), &control->verdicts, NULL),
                     OK);
    assert_int_equal(states_new(control, &control->states, NULL), OK);
    assert_int_equal(publish_new(control, &control->publish, NULL), OK);
    assert_int_equal(rebuild_new(control, &control->rebuild, NULL), OK);
}

static inline void rig_control_close(struct rig *rig)
{
    struct control *control = &rig->control;
    rebuild_free(&control->rebuild);
    verdicts_free(&control->verdicts);
    states_free(&control->states);
    publish_free(&control->publish);
    history_close(&control->history);
    board_close(&control->board);
    event_base_free(control->base);
}

/* As when control has died and is started again: the store, the state directory, the board and the channel
 * stay. */
static inline void rig_control_restart(struct rig *rig)
{
    rig_control_close(rig);
    rig_control_open(rig);
}

static inline int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    int fds[2];
    assert_non_null(rig);
    (void)fixture_setup_session((void **)&rig->store);
    (void)snprintf(rig->state_dir, sizeof rig->state_dir, "%s/state", rig->store->dir);
    assert_int_equal(mkdir(rig->state_dir, 0700), 0);
    assert_int_equal(channel_create(fds, NULL), OK);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    rig->supervisor_fd = fds[0];
    rig->settings = (struct settings){.store_path = rig->store->path, .state_dir = rig->state_dir};
    rig->setup = (struct control_setup){.settings = &rig->settings, .channel_fd = fds[1]};
    assert_int_equal(board_create(BOARD_SLOTS_MAX, &rig->setup.board_fd, NULL), OK);
    rig_control_open(rig);
    *state = rig;
    return 0;
}

static inline int rig_teardown(void **state)
{
    struct rig *rig = *state;
    rig_control_close(rig);
    close(rig->supervisor_fd);
    close(rig->setup.channel_fd);
    close(rig->setup.board_fd);
    (void)fixture_teardown((void **)&rig->store);
    free(rig);
    return 0;
}

/* What the compiler process does, here; publishes the world before it is committed. */
static inline enum err rig_publish(struct rig *rig, struct diag *diag)
{
    const struct compile_request request = {.store_path = rig->store->path, .state_dir = rig->state_dir};
    struct compile_result result;
    char path[64];
    (void)snprintf(path, sizeof path, "%s/manifest.next", rig->state_dir);
    assert_int_equal(compile_world(&request, &result, diag), OK);
    const enum err err = publish_world(rig->control.publish, path, diag);
    if (err == OK)
        assert_int_equal(compile_commit(&request, diag), OK);
    return err;
}

enum { RIG_NOW_S = 1800000000 };

/* A moment, so many seconds after a fixed one. */
static inline struct moment rig_after(int64_t s)
{
    return (struct moment){.mono_ms = s * 1000, .wall_ms = (RIG_NOW_S + s) * 1000};
}

/* Take the operator's states from the store, at rig_after(0). */
static inline void rig_load_states(struct rig *rig)
{
    struct store *store;
    assert_int_equal(store_open_read(rig->store->path, &store, NULL), OK);
    assert_int_equal(states_load(rig->control.states, store, rig_after(0), NULL), OK);
    store_close(&store);
}

/* The word of a subject of the current world. */
static inline struct health rig_word(const struct rig *rig, const char *service, const char *region,
                                     const char *address)
{
    const struct roster_subject *subject =
        roster_find(publish_roster(rig->control.publish), service, region, address);
    if (!subject)
        fail_msg("there is no subject \"%s\" \"%s\" \"%s\"", service, region, address);
    return board_get(rig->control.board, subject->slot);
}

/* Take one message from the channel, close its descriptors, and say how many parts are present; -1: there is
 * none. */
static inline int rig_receive(const struct rig *rig, struct channel_message *ret)
{
    struct channel_packet packet;
    int count = 0;
    if (channel_receive(rig->supervisor_fd, &packet, NULL) != OK)
        return -1;
    for (uint32_t i = 0; i < packet.message.parts_count; i++)
        if (packet.fds[i] >= 0) {
            close(packet.fds[i]);
            count++;
        }
    *ret = packet.message;
    return count;
}

#endif
