/* tests/unit/test_child.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/process/channel.h"
#include "server/process/child.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_a_calm_child_is_due_at_once(void **state)
{
    (void)state;
    struct child child = {.pid = 1, .started_ms = 1000};
    assert_int_equal(child_wait_ms(&child, 1000), -1);
    child_ended(&child, 1000 + CHILD_CALM_MS);
    assert_int_equal(child_wait_ms(&child, 1000 + CHILD_CALM_MS), 0);
}

static void test_one_that_keeps_dying_waits_twice_as_long_each_time(void **state)
{
    (void)state;
    struct child child = {.pid = 1};
    int64_t now_ms = 0, wanted_ms = 0;
    for (int i = 0; i < 20; i++) {
        child.pid = 1;
        child.started_ms = now_ms;
        child_ended(&child, now_ms + 1);
        now_ms++;
        assert_int_equal(child_wait_ms(&child, now_ms), wanted_ms);
        now_ms += wanted_ms;
        wanted_ms = wanted_ms == 0 ? CHILD_DELAY_MIN_MS : wanted_ms * 2;
        if (wanted_ms > CHILD_DELAY_MAX_MS)
            wanted_ms = CHILD_DELAY_MAX_MS;
    }
    child.pid = 1;
    child.started_ms = now_ms;
    child_ended(&child, now_ms + CHILD_CALM_MS);
    assert_int_equal(child_wait_ms(&child, now_ms + CHILD_CALM_MS), 0);
}

/* The exit status of what `body` returns in a child. */
static int run_in_child(int (*body)(void))
{
    struct child child = {0};
    int status, fd;
    const pid_t pid = child_fork(&child, "test:child", 0, &fd, NULL);
    if (pid == 0)
        _exit(body());
    assert_true(pid > 0);
    assert_int_equal(child.pid, pid);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    close(fd);
    return WEXITSTATUS(status);
}

static int look_at_comm(void)
{
    char comm[32] = "";
    FILE *file = fopen("/proc/self/comm", "r");
    if (!file || !fgets(comm, sizeof comm, file))
        return 1;
    return strcmp(comm, "test:child\n") != 0;
}

static void test_fork_names_the_child(void **state)
{
    (void)state;
    assert_int_equal(run_in_child(look_at_comm), 0);
}

static void test_fork_gives_each_side_an_end_of_a_channel(void **state)
{
    (void)state;
    struct child child = {0};
    struct channel_packet packet = {.message = {.kind = MESSAGE_RELOAD}};
    int fd, status;
    const pid_t pid = child_fork(&child, "test:child", 0, &fd, NULL);
    if (pid == 0) /* waits for ours, and answers */
        _exit(channel_receive(fd, &packet, NULL) != OK || channel_send(fd, &packet, NULL) != OK);
    struct diag diag;
    assert_int_equal(channel_receive(fd, &packet, &diag), ERR_BUSY); /* non-blocking here, not there */
    assert_int_equal(channel_send(fd, &packet, &diag), OK);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(channel_receive(fd, &packet, &diag), OK);
    assert_int_equal(channel_receive(fd, &packet, &diag), ERR_MISSING);
    close(fd);
}

static int close_all_but_three(void)
{
    int fds[8];
    for (int i = 0; i < 8; i++)
        fds[i] = dup(STDERR_FILENO);
    int keep[] = {fds[6], -1, fds[2], fds[3], fds[2]};
    const int highest = fcntl(STDERR_FILENO, F_DUPFD, 200);
    child_close_others(keep, 5);
    for (int i = 0; i < 8; i++) {
        const int is_open = fcntl(fds[i], F_GETFD) >= 0;
        if (is_open != (i == 2 || i == 3 || i == 6))
            return 1 + i;
    }
    return fcntl(highest, F_GETFD) >= 0 || fcntl(STDERR_FILENO, F_GETFD) < 0 ? 20 : 0;
}

static void test_close_others_keeps_what_is_named_and_the_standard_ones(void **state)
{
    (void)state;
    assert_int_equal(run_in_child(close_all_but_three), 0);
}

static void test_a_child_hangs_when_so_many_looks_find_no_beat(void **state)
{
    (void)state;
    struct child_pulse pulse = {0};
    struct child child = {.pid = 1, .pulse = &pulse};
    int64_t now_ms = 0;
    for (int i = 0; i < 100; i++) /* it is starting */
        assert_false(child_look(&child, 3, now_ms += CHILD_LOOK_MS));
    for (int i = 0; i < 100; i++) {
        child_beat(&pulse);
        assert_false(child_look(&child, 3, now_ms += CHILD_LOOK_MS));
        assert_false(child_look(&child, 3, now_ms += CHILD_LOOK_MS));
        assert_false(child_look(&child, 3, now_ms += CHILD_LOOK_MS));
    }
    assert_true(child_look(&child, 3, now_ms += CHILD_LOOK_MS));
    assert_false(child_look(&child, 3, now_ms += CHILD_LOOK_MS)); /* it is being killed */
}

static void test_time_in_which_nobody_looks_is_no_silence(void **state)
{
    (void)state;
    struct child_pulse pulse = {0};
    struct child child = {.pid = 1, .pulse = &pulse};
    child_beat(&pulse);
    assert_false(child_look(&child, 2, CHILD_LOOK_MS));
    for (int i = 0; i < 10; i++)
        assert_false(child_look(&child, 2, CHILD_LOOK_MS + i)); /* too soon to be looks */
    assert_false(child_look(&child, 2, 3600 * 1000));
    child_beat(&pulse);
    assert_false(child_look(&child, 2, 7200 * 1000));
    child.pulse = NULL;
    assert_false(child_look(&child, 0, 9000 * 1000));
}

static void test_fork_shares_a_pulse(void **state)
{
    (void)state;
    struct child child = {0};
    int status, fd;
    const pid_t pid = child_fork(&child, "test:child", 0, &fd, NULL);
    if (pid == 0) {
        child_beat(child.pulse);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(child.pulse->beats, 1);
    child_ended(&child, 0);
    assert_null(child.pulse);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_calm_child_is_due_at_once),
        cmocka_unit_test(test_one_that_keeps_dying_waits_twice_as_long_each_time),
        cmocka_unit_test(test_a_child_hangs_when_so_many_looks_find_no_beat),
        cmocka_unit_test(test_time_in_which_nobody_looks_is_no_silence),
        cmocka_unit_test(test_fork_shares_a_pulse),
        cmocka_unit_test(test_fork_names_the_child),
        cmocka_unit_test(test_fork_gives_each_side_an_end_of_a_channel),
        cmocka_unit_test(test_close_others_keeps_what_is_named_and_the_standard_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
