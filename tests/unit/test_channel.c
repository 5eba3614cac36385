/* tests/unit/test_channel.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/parts.h"
#include "server/process/channel.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct pair {
    int fds[2];
};

static int open_pair(void **state)
{
    static struct pair pair;
    assert_int_equal(channel_create(pair.fds, NULL), OK);
    assert_int_equal(fcntl(pair.fds[1], F_SETFL, O_NONBLOCK), 0);
    *state = &pair;
    return 0;
}

static int close_pair(void **state)
{
    const struct pair *pair = *state;
    close(pair->fds[0]);
    close(pair->fds[1]);
    return 0;
}

static size_t count_descriptors(void)
{
    size_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static bool is_same_file(int a, int b)
{
    struct stat left, right;
    return fstat(a, &left) == 0 && fstat(b, &right) == 0 && left.st_ino == right.st_ino &&
           left.st_dev == right.st_dev;
}

static void test_send_takes_descriptors_along_in_order(void **state)
{
    const struct pair *pair = *state;
    struct channel_packet sent = {.message = {.kind = MESSAGE_WORLD,
                                              .generation = 7,
                                              .parts_count = 3,
                                              .parts = {{PART_PACK, 5, 1}, {PART_PACK, 6, 0},
                                                        {PART_POLICY, 1, 1}}}};
    sent.fds[0] = open("/dev/null", O_RDONLY);
    sent.fds[2] = open("/dev/zero", O_RDONLY);
    struct channel_packet got;
    assert_int_equal(channel_send(pair->fds[0], &sent, NULL), OK);
    assert_int_equal(channel_receive(pair->fds[1], &got, NULL), OK);
    assert_memory_equal(&got.message, &sent.message, sizeof got.message);
    assert_true(is_same_file(got.fds[0], sent.fds[0]));
    assert_int_equal(got.fds[1], -1);
    assert_true(is_same_file(got.fds[2], sent.fds[2]));
    assert_true(fcntl(got.fds[2], F_GETFD) & FD_CLOEXEC);
    close(got.fds[0]);
    close(got.fds[2]);
    close(sent.fds[0]);
    close(sent.fds[2]);
}

static void test_a_whole_world_is_one_message(void **state)
{
    const struct pair *pair = *state;
    struct parts parts;
    struct channel_packet whole, got;
    parts_init(&parts);
    parts.generation = 1;
    for (size_t i = 0; i < CHANNEL_PARTS_MAX; i++)
        parts.fds[i] = STDERR_FILENO;
    parts_whole(&parts, &whole);
    assert_int_equal(channel_send(pair->fds[0], &whole, NULL), OK);
    assert_int_equal(channel_receive(pair->fds[1], &got, NULL), OK);
    assert_int_equal(got.message.parts_count, CHANNEL_PARTS_MAX);
    for (size_t i = 0; i < CHANNEL_PARTS_MAX; i++)
        assert_int_equal(close(got.fds[i]), 0);
}

static void test_receive_says_busy_and_missing(void **state)
{
    struct pair *pair = *state;
    struct channel_packet packet = {.message = {.kind = MESSAGE_RELOAD}};
    struct diag diag;
    assert_int_equal(channel_receive(pair->fds[1], &packet, &diag), ERR_BUSY);
    close(pair->fds[0]);
    assert_int_equal(channel_receive(pair->fds[1], &packet, &diag), ERR_MISSING);
    assert_int_equal(channel_send(pair->fds[1], &packet, &diag), ERR_MISSING);
    pair->fds[0] = dup(STDERR_FILENO);
}

static void test_send_says_busy_when_nobody_reads(void **state)
{
    const struct pair *pair = *state;
    const struct channel_packet packet = {.message = {.kind = MESSAGE_RELOAD}};
    struct diag diag;
    enum err err = OK;
    for (int i = 0; i < 100000 && err == OK; i++)
        err = channel_send(pair->fds[1], &packet, &diag);
    assert_int_equal(err, ERR_BUSY);
}

static void test_receive_refuses_what_is_not_ours_and_keeps_no_descriptor(void **state)
{
    const struct pair *pair = *state;
    const struct channel_part pack = {PART_PACK, 0, 1};
    struct channel_packet cases[] = {
        {.message = {.kind = 99, .parts_count = 1, .parts = {pack}}},
        {.message = {.kind = MESSAGE_WORLD, .parts_count = 1, .parts = {{PART_PACK, PACKS_MAX, 1}}}},
        {.message = {.kind = MESSAGE_WORLD, .parts_count = 1, .parts = {{PART_POLICY, POLICIES_MAX, 1}}}},
        {.message = {.kind = MESSAGE_WORLD, .parts_count = 1, .parts = {{7, 0, 1}}}},
        {.message = {.kind = MESSAGE_SECRETS, .parts_count = 1, .parts = {{PART_SECRETS, 1, 1}}}},
        {.message = {.kind = MESSAGE_WORLD, .parts_count = 1, .parts = {{PART_PACK, 0, 2}}}},
    };
    const size_t before = count_descriptors();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct channel_packet got;
        struct diag diag;
        cases[i].fds[0] = STDERR_FILENO;
        assert_int_equal(channel_send(pair->fds[0], &cases[i], &diag), OK);
        if (channel_receive(pair->fds[1], &got, &diag) != ERR_CORRUPT)
            fail_msg("case %zu was taken", i);
    }
    assert_int_equal(count_descriptors(), before);
}

static void test_receive_refuses_another_length(void **state)
{
    const struct pair *pair = *state;
    struct channel_packet got;
    struct diag diag;
    assert_int_equal(send(pair->fds[0], "short", 5, 0), 5);
    assert_int_equal(channel_receive(pair->fds[1], &got, &diag), ERR_CORRUPT);
    struct channel_message message = {.kind = MESSAGE_WORLD, .parts_count = CHANNEL_PARTS_MAX + 1};
    assert_int_equal(send(pair->fds[0], &message, sizeof message, 0), sizeof message);
    assert_int_equal(channel_receive(pair->fds[1], &got, &diag), ERR_CORRUPT);
    message = (struct channel_message){.kind = MESSAGE_WORLD, .parts_count = 1, .parts = {{PART_PACK, 0, 1}}};
    assert_int_equal(send(pair->fds[0], &message, sizeof message, 0), sizeof message);
    assert_int_equal(channel_receive(pair->fds[1], &got, &diag), ERR_CORRUPT); /* a descriptor is missing */
}

static void test_parts_change_only_what_a_delta_names(void **state)
{
    (void)state;
    struct parts parts;
    struct channel_packet delta = {
        .message = {.kind = MESSAGE_WORLD, .generation = 3, .parts_count = 2,
                    .parts = {{PART_PACK, 1, 1}, {PART_POLICY, 2, 1}}}};
    parts_init(&parts);
    delta.fds[0] = open("/dev/null", O_RDONLY);
    delta.fds[1] = open("/dev/zero", O_RDONLY);
    parts_apply(&parts, &delta);
    assert_int_equal(parts.generation, 3);
    assert_int_equal(parts.fds[1], delta.fds[0]);
    assert_int_equal(parts.fds[PACKS_MAX + 2], delta.fds[1]);
    struct channel_packet gone = {
        .message = {.kind = MESSAGE_WORLD, .generation = 4, .parts_count = 1, .parts = {{PART_PACK, 1, 0}}}};
    gone.fds[0] = -1;
    parts_apply(&parts, &gone);
    assert_int_equal(parts.fds[1], -1);
    assert_int_equal(fcntl(delta.fds[0], F_GETFD), -1); /* closed */
    assert_int_equal(parts.fds[PACKS_MAX + 2], delta.fds[1]);
    struct channel_packet whole;
    parts_whole(&parts, &whole);
    assert_int_equal(whole.message.generation, 4);
    for (size_t i = 0; i < CHANNEL_PARTS_MAX; i++)
        assert_int_equal(whole.message.parts[i].present, i == PACKS_MAX + 2);
    close(delta.fds[1]);
}

static void test_secrets_are_kept_from_one_world_to_the_next(void **state)
{
    (void)state;
    struct parts parts;
    struct channel_packet secrets = {.message = {.kind = MESSAGE_SECRETS, .parts_count = 1,
                                                 .parts = {{PART_SECRETS, 0, 1}}}};
    struct channel_packet world = {.message = {.kind = MESSAGE_WORLD, .generation = 3,
                                               .parts_count = CHANNEL_IMAGES_MAX}};
    struct channel_packet whole;
    parts_init(&parts);
    secrets.fds[0] = open("/dev/null", O_RDONLY);
    parts_apply(&parts, &secrets);
    assert_int_equal(parts.generation, 0); /* there is no world yet */
    for (size_t i = 0; i < CHANNEL_IMAGES_MAX; i++) {
        const bool is_pack = i < PACKS_MAX;
        world.message.parts[i] =
            (struct channel_part){is_pack ? PART_PACK : PART_POLICY,
                                  (uint8_t)(is_pack ? i : i - PACKS_MAX), 0};
        world.fds[i] = -1;
    }
    parts_apply(&parts, &world);
    parts_whole(&parts, &whole);
    assert_int_equal(whole.message.generation, 3);
    assert_int_equal(whole.message.parts[CHANNEL_PARTS_MAX - 1].kind, PART_SECRETS);
    assert_int_equal(whole.message.parts[CHANNEL_PARTS_MAX - 1].present, 1);
    assert_int_equal(whole.fds[CHANNEL_PARTS_MAX - 1], secrets.fds[0]);
    close(secrets.fds[0]);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, open_pair, close_pair)
    const struct CMUnitTest tests[] = {
        test(test_send_takes_descriptors_along_in_order),
        test(test_a_whole_world_is_one_message),
        test(test_receive_says_busy_and_missing),
        test(test_send_says_busy_when_nobody_reads),
        test(test_receive_refuses_what_is_not_ours_and_keeps_no_descriptor),
        test(test_receive_refuses_another_length),
        cmocka_unit_test(test_parts_change_only_what_a_delta_names),
        cmocka_unit_test(test_secrets_are_kept_from_one_world_to_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
