/* tests/unit/test_udp.c - batches of queries over a real socket on loopback. */
#include "common/rng.h"
#include "server/transport/udp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { QUERY_LEN = 17 };

/* A server's socket, a client that is connected to it, and an answerer without zones. */
struct fixture {
    struct udp *udp;
    struct udp_socket server;
    int client_fd;
    struct rng rng;
    struct counters counters;
    struct identity identity;
    struct cookie_page cookies;
    struct world world;
    struct answerer answerer;
};

static int setup(void **state)
{
    static struct fixture fixture;
    struct diag diag;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    fixture = (struct fixture){.client_fd = socket(AF_INET, SOCK_DGRAM, 0)};
    fixture.answerer = (struct answerer){.world = &fixture.world, .rng = &fixture.rng,
                                         .counters = &fixture.counters, .identity = &fixture.identity,
                                         .cookies = &fixture.cookies};
    rng_init(&fixture.rng, 1);
    if (bind(fd, (struct sockaddr *)&at, len) < 0 || getsockname(fd, (struct sockaddr *)&at, &len) < 0 ||
        connect(fixture.client_fd, (struct sockaddr *)&at, len) < 0 || udp_new(&fixture.udp, &diag) != OK ||
        udp_open(fd, &fixture.server, &diag) != OK)
        return -1;
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    close(fixture->server.fd);
    close(fixture->client_fd);
    free(fixture->udp);
    return 0;
}

/* Ask for the root's A so many times. */
static void ask(const struct fixture *fixture, unsigned times)
{
    uint8_t query[QUERY_LEN] = {[5] = 1, [14] = 1, [16] = 1};
    for (unsigned i = 0; i < times; i++) {
        query[1] = (uint8_t)i;
        assert_int_equal(send(fixture->client_fd, query, sizeof query, 0), sizeof query);
    }
}

static void expect_replies(const struct fixture *fixture, unsigned first, unsigned count)
{
    uint8_t reply[512];
    for (unsigned i = first; i < first + count; i++) {
        assert_int_equal(recv(fixture->client_fd, reply, sizeof reply, MSG_DONTWAIT), QUERY_LEN);
        assert_int_equal(reply[1], i);
        assert_true(reply[2] & 0x80);
    }
    assert_true(recv(fixture->client_fd, reply, sizeof reply, MSG_DONTWAIT) < 0);
}

static void test_a_socket_without_queries_keeps_nobody(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(udp_serve(fixture->udp, &fixture->server, &fixture->answerer), 0);
    assert_int_equal(udp_await(fixture->udp, &fixture->server, &fixture->answerer), 0);
}

static void test_a_batch_is_answered_and_the_rest_stays(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, UDP_BATCH_MAX + 3);
    assert_int_equal(udp_serve(fixture->udp, &fixture->server, &fixture->answerer), UDP_BATCH_MAX);
    expect_replies(fixture, 0, UDP_BATCH_MAX);
    assert_int_equal(udp_await(fixture->udp, &fixture->server, &fixture->answerer), 3);
    expect_replies(fixture, UDP_BATCH_MAX, 3);
}

/* A socket that udp_open() has made ready, bound to this address. */
static int open_at(struct listen at)
{
    struct sockaddr_storage address;
    struct udp_socket opened;
    struct diag diag;
    const socklen_t len = listen_to_sockaddr(&at, &address);
    const int fd = socket(address.ss_family, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(udp_open(fd, &opened, &diag), OK);
    return fd;
}

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

/* Whoever can forge an ICMP could have our replies cut into fragments, and put his own among them. */
static void test_the_path_mtu_is_not_believed(void **state)
{
    (void)state;
    static const char *const texts[] = {"127.0.0.1", "0.0.0.0", "::1", "::"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct listen at = {.port = 0};
        assert_int_equal(ip_parse(texts[i], &at.ip, NULL), OK);
        const int fd = open_at(at);
        if (at.ip.family == IP_V4)
            assert_int_equal(option_of(fd, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_OMIT);
        else
            assert_int_equal(option_of(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER), IPV6_PMTUDISC_OMIT);
        close(fd);
    }
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        test(test_a_socket_without_queries_keeps_nobody),
        test(test_a_batch_is_answered_and_the_rest_stays),
        cmocka_unit_test(test_the_path_mtu_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
