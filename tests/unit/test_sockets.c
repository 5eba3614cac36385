/* tests/unit/test_sockets.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/process/sockets.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* An address of ours with a port that the kernel found free for TCP, where connections that have ended keep
 * theirs for a while; for UDP it is free too, mostly. */
static struct listen find_free(const char *text)
{
    struct listen at;
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    assert_int_equal(listen_parse(text, &at, NULL), OK);
    at.port = 0;
    const int fd = socket(at.ip.family == IP_V6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
    const socklen_t own_len = listen_to_sockaddr(&at, &address);
    if (bind(fd, (const struct sockaddr *)&address, own_len) != 0)
        skip(); /* no IPv6 here */
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    return listen_from_sockaddr(&address);
}

static void test_workers_share_a_port_that_others_do_not_get(void **state)
{
    (void)state;
    static const char *const texts[] = {"127.0.0.1@1", "::1@1"};
    for (size_t i = 0; i < 2; i++) {
        struct listen at = find_free(texts[i]);
        int fds[4];
        struct diag diag;
        char text[LISTEN_TEXT_MAX];
        /* What is free for one transport may be taken for the other. */
        for (unsigned tries = 0; tries < 50 && sockets_probe(&at, &diag) != OK; tries++)
            at = find_free(texts[i]);
        assert_int_equal(sockets_probe(&at, &diag), OK);
        assert_int_equal(sockets_udp(&at, &fds[0], &diag), OK);
        assert_int_equal(sockets_udp(&at, &fds[1], &diag), OK);
        assert_int_equal(sockets_probe(&at, &diag), ERR_SYSTEM);
        assert_non_null(strstr(diag.text, listen_print(&at, text)));
        assert_non_null(strstr(diag.text, "UDP"));
        assert_int_equal(sockets_tcp(&at, &fds[2], &diag), OK);
        assert_int_equal(sockets_tcp(&at, &fds[3], &diag), OK);
        for (size_t j = 0; j < 4; j++) {
            assert_true(fcntl(fds[j], F_GETFL) & O_NONBLOCK);
            assert_true(fcntl(fds[j], F_GETFD) & FD_CLOEXEC);
            close(fds[j]);
        }
    }
}

static void test_the_control_port_is_not_shared(void **state)
{
    (void)state;
    const struct listen at = find_free("127.0.0.1@1");
    int fd, other;
    struct diag diag;
    char text[LISTEN_TEXT_MAX];
    assert_int_equal(sockets_control(&at, &fd, &diag), OK);
    assert_int_equal(sockets_control(&at, &other, &diag), ERR_SYSTEM);
    assert_non_null(strstr(diag.text, listen_print(&at, text)));
    close(fd);
}

static void test_an_address_of_somebody_else_is_named(void **state)
{
    (void)state;
    struct listen at;
    struct diag diag;
    int fd;
    assert_int_equal(listen_parse("192.0.2.1@5300", &at, NULL), OK);
    assert_int_equal(sockets_udp(&at, &fd, &diag), ERR_SYSTEM);
    assert_non_null(strstr(diag.text, "192.0.2.1@5300"));
    assert_non_null(strstr(diag.text, "take one that \"ip address\" shows"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workers_share_a_port_that_others_do_not_get),
        cmocka_unit_test(test_the_control_port_is_not_shared),
        cmocka_unit_test(test_an_address_of_somebody_else_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
