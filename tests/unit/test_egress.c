#include "prober/egress.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_add_takes_one_local_address_a_family(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err err;
        const char *message;
    } cases[] = {
        {"127.0.0.2", OK, ""},
        {"127.0.0.3", ERR_EXISTS,
         "127.0.0.3 is the second IPv4 address; one a family is enough"},
        {"192.0.2.9", ERR_EXISTS,
         "192.0.2.9 is the second IPv4 address; one a family is enough"},
        {"2001:db8::9", ERR_MISSING, "2001:db8::9 is not an address of this host; see \"ip address\""},
        {"localhost", ERR_SYNTAX, NULL},
        {"", ERR_SYNTAX, NULL},
    };
    struct egress egress = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct diag diag = {.text = ""};
        assert_int_equal(egress_add(&egress, cases[i].text, &diag), cases[i].err);
        if (cases[i].message)
            assert_string_equal(diag.text, cases[i].message);
    }
    assert_int_equal(egress.v4.bytes[3], 2);
    assert_int_equal(egress.v6.family, IP_NONE);
}

static void test_add_refuses_an_address_of_another_host(void **state)
{
    (void)state;
    struct egress egress = {0};
    assert_int_equal(egress_add(&egress, "192.0.2.9", NULL), ERR_MISSING);
    assert_int_equal(egress.v4.family, IP_NONE);
}

static void test_socket_connects_from_the_address(void **state)
{
    (void)state;
    struct egress egress = {0};
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    assert_int_equal(egress_add(&egress, "127.0.0.7", NULL), OK);
    const int fd = egress_socket(&egress, IP_V4);
    const struct listen to = {.ip = {.family = IP_V4, .bytes = {127, 0, 0, 1}}, .port = 9};
    assert_true(fd >= 0);
    len = listen_to_sockaddr(&to, &at);
    assert_int_equal(connect(fd, (const struct sockaddr *)&at, len), -1);
    assert_int_equal(errno, EINPROGRESS);
    len = sizeof at;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(listen_from_sockaddr(&at).ip.bytes[3], 7);
    close(fd);
}

static void test_socket_of_the_other_family_is_not_bound(void **state)
{
    (void)state;
    struct egress egress = {0};
    assert_int_equal(egress_add(&egress, "127.0.0.7", NULL), OK);
    const int fd = egress_socket(&egress, IP_V6);
    assert_true(fd >= 0 || errno == EAFNOSUPPORT);
    if (fd >= 0)
        close(fd);
}

static void test_a_lost_address_has_no_route(void **state)
{
    (void)state;
    struct egress egress = {0};
    const struct listen to = {.ip = {.family = IP_V4, .bytes = {127, 0, 0, 1}}, .port = 9};
    assert_true(egress_has_route(&egress, &to));
    assert_int_equal(ip_parse("192.0.2.9", &egress.v4, NULL), OK);
    assert_false(egress_has_route(&egress, &to));
    assert_int_equal(egress_socket(&egress, IP_V4), -1);
    assert_int_equal(errno, EADDRNOTAVAIL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_takes_one_local_address_a_family),
        cmocka_unit_test(test_add_refuses_an_address_of_another_host),
        cmocka_unit_test(test_socket_connects_from_the_address),
        cmocka_unit_test(test_socket_of_the_other_family_is_not_bound),
        cmocka_unit_test(test_a_lost_address_has_no_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
