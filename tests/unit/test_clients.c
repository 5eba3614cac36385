#include "server/transport/clients.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct ip address(const char *text)
{
    struct ip ip;
    assert_int_equal(ip_parse(text, &ip, NULL), OK);
    return ip;
}

static bool enter(struct clients *clients, const char *text)
{
    const struct ip ip = address(text);
    return clients_enter(clients, &ip);
}

static void leave(struct clients *clients, const char *text)
{
    const struct ip ip = address(text);
    clients_leave(clients, &ip);
}

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct clients));
    assert_non_null(*state);
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void test_a_client_has_as_many_as_its_limit(void **state)
{
    struct clients *clients = *state;
    clients_init(clients, 2, 1);
    assert_true(enter(clients, "192.0.2.1"));
    assert_true(enter(clients, "192.0.2.1"));
    assert_false(enter(clients, "192.0.2.1"));
    assert_true(enter(clients, "192.0.2.2"));
    leave(clients, "192.0.2.1");
    assert_true(enter(clients, "192.0.2.1"));
    assert_false(enter(clients, "192.0.2.1"));
}

static void test_an_ipv6_client_is_a_64_and_a_mapped_one_is_ipv4(void **state)
{
    struct clients *clients = *state;
    clients_init(clients, 1, 2);
    assert_true(enter(clients, "2001:db8::1"));
    assert_false(enter(clients, "2001:db8::ffff:1"));
    assert_true(enter(clients, "2001:db8:0:1::1"));
    assert_true(enter(clients, "192.0.2.1"));
    assert_false(enter(clients, "::ffff:192.0.2.1"));
}

static void test_no_seed_makes_the_same_clients_share(void **state)
{
    struct clients *clients = *state;
    unsigned shared = 0;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        clients_init(clients, 1, seed);
        assert_true(enter(clients, "192.0.2.1"));
        shared += !enter(clients, "192.0.2.2");
    }
    assert_true(shared < 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_client_has_as_many_as_its_limit),
        cmocka_unit_test(test_an_ipv6_client_is_a_64_and_a_mapped_one_is_ipv4),
        cmocka_unit_test(test_no_seed_makes_the_same_clients_share),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
