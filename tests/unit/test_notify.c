#include "common/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* What arrives at the socket `name` (an '@' stands for the NUL of an abstract one) after `state`
 * was sent. */
static void assert_arrives(const char *name, const char *state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char got[64] = "";
    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s", name);
    if (name[0] == '@')
        at.sun_path[0] = '\0';
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    const socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, len), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    notify_send(state);
    assert_int_equal(recv(fd, got, sizeof got - 1, 0), (ssize_t)strlen(state));
    assert_string_equal(got, state);
    close(fd);
}

static void test_send_reaches_a_path_and_an_abstract_name(void **state)
{
    (void)state;
    char directory[] = "/tmp/test-notify-XXXXXX", name[64];
    assert_non_null(mkdtemp(directory));
    (void)snprintf(name, sizeof name, "%s/socket", directory);
    assert_arrives(name, "READY=1");
    (void)unlink(name);
    (void)rmdir(directory);
    (void)snprintf(name, sizeof name, "@test-notify-%ld", (long)getpid());
    assert_arrives(name, "STOPPING=1");
}

static void test_send_to_nobody_does_nothing(void **state)
{
    (void)state;
    static char names[4][256] = {"", "relative/path", "/nowhere/at/all", "/"};
    memset(names[3], 'x', sizeof names[3] - 1);
    names[3][0] = '/';
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(setenv("NOTIFY_SOCKET", names[i], 1), 0);
        notify_send("READY=1");
    }
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    notify_send("READY=1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_send_reaches_a_path_and_an_abstract_name),
        cmocka_unit_test(test_send_to_nobody_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
