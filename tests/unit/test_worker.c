#include "server/worker.h"

#include "server/process/channel.h"
#include "tests/world_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

enum { A = 1, TXT = 16, WAIT_MS = 5000, CONNECTIONS_MAX = 8, BIG = 400, MANY = 1500, MESSAGE_CAP = 65535 };

static const struct zone_record records[] = {
    {"@", "NS", "ns", 300}, {"ns", "A", "192.0.2.1", 300}, {"host", "A", "192.0.2.10", 300},
};

static const struct world_service services[] = {
    {.name = "svc", .ttl_s = 30, .pools = {{0, 100, 1, {"198.51.100.1"}}}},
};

/* A worker in a process of its own, its sockets on loopback, and the other ends of all that it has. */
struct running {
    struct world_fixture world;
    pid_t pid;
    int channel, board_fd, counters_fd;
    int udp_fds[3], tcp_fds[1]; /* 127.0.0.1, ::1, 0.0.0.0 */
    uint16_t udp_ports[3], tcp_port;
    const struct counters *counters;
};

static int listen_on(const char *address, int type, uint16_t *ret_port)
{
    struct sockaddr_storage at;
    struct listen bound = {.ip = geo_fixture_ip(address)};
    socklen_t len = listen_to_sockaddr(&bound, &at);
    const int fd = socket(at.ss_family, type | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, len), 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(fd, 64), 0);
    len = sizeof at;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *ret_port = listen_from_sockaddr(&at).port;
    return fd;
}

static int file_of(const struct buffer *bytes)
{
    const int fd = memfd_create("image", 0);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes->bytes, bytes->len), (ssize_t)bytes->len);
    return fd;
}

/* Records for a TXT answer of about 24 KB, for those who do not read. */
static void zone_make(struct running *running)
{
    static char texts[BIG][64];
    static struct zone_record rows[COUNT(records) + BIG];
    static char policy_texts[][16] = {"default", "p"};
    memcpy(rows, records, sizeof records);
    for (unsigned i = 0; i < BIG; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "\"%050u\"", i);
        rows[COUNT(records) + i] = (struct zone_record){"big", "TXT", texts[i], 300};
    }
    const struct world_zone zone = {"example.com", rows, COUNT(rows), services, 1, 0};
    struct policy_rule rules[] = {{policy_texts[0], 0, 1, POLICY_WEIGHT_OF_POOL}};
    const struct policy policy = {.name = policy_texts[1], .rules = rules, .rules_count = 1};
    world_fixture_make(&running->world, &zone, 1, &policy);
}

static void board_make(struct running *running)
{
    struct board *board;
    assert_int_equal(board_create(BOARD_SLOTS_MAX, &running->board_fd, NULL), OK);
    assert_int_equal(board_open_writer(running->board_fd, BOARD_SLOTS_MAX, &board, NULL), OK);
    for (uint32_t slot = 0; slot < WORLD_SLOTS; slot++)
        board_set(board, slot, (struct health){.share = BOARD_SHARE_ALL});
    board_close(&board);
}

static void start(struct running *running)
{
    int ends[2];
    assert_int_equal(channel_create(ends, NULL), OK);
    running->channel = ends[0];
    running->pid = fork();
    assert_true(running->pid >= 0);
    if (running->pid == 0) {
        const struct worker_setup setup = {
            .udp_fds = running->udp_fds, .udp_count = 3, .tcp_fds = running->tcp_fds, .tcp_count = 1,
            .channel_fd = ends[1], .board_fd = running->board_fd, .counters_fd = running->counters_fd,
            .tcp_connections_max = CONNECTIONS_MAX, .tls_connections_max = CONNECTIONS_MAX,
            .identity = &running->world.identity, .cookies = &running->world.cookies};
        close(ends[0]);
        _exit(worker_run(&setup));
    }
    close(ends[1]);
}

static void world_send(struct running *running, uint64_t generation, uint8_t present)
{
    struct channel_packet packet = {.message = {.kind = MESSAGE_WORLD, .parts_count = 2,
                                                .generation = generation}};
    const uint8_t bucket = (uint8_t)(running->world.zones[0].draft.origin_hash % PACKS_MAX);
    packet.message.parts[0] = (struct channel_part){.kind = PART_PACK, .index = bucket, .present = present};
    packet.message.parts[1] = (struct channel_part){.kind = PART_POLICY, .index = 0, .present = 1};
    packet.fds[0] = present ? file_of(&running->world.packs[0].bytes) : -1;
    packet.fds[1] = file_of(&running->world.geo.image);
    assert_int_equal(channel_send(running->channel, &packet, NULL), OK);
    for (unsigned i = 0; i < 2; i++)
        if (packet.fds[i] >= 0)
            close(packet.fds[i]);
    for (unsigned i = 0; i < WAIT_MS && running->counters->generation != generation; i++)
        (void)poll(NULL, 0, 1);
    assert_int_equal(running->counters->generation, generation);
}

static int setup(void **state)
{
    struct running *running = calloc(1, sizeof *running);
    assert_non_null(running);
    (void)signal(SIGPIPE, SIG_IGN);
    zone_make(running);
    board_make(running);
    assert_int_equal(counters_create(&running->counters_fd, NULL), OK);
    assert_int_equal(counters_open(running->counters_fd, &running->counters, NULL), OK);
    running->udp_fds[0] = listen_on("127.0.0.1", SOCK_DGRAM, &running->udp_ports[0]);
    running->udp_fds[1] = listen_on("::1", SOCK_DGRAM, &running->udp_ports[1]);
    running->udp_fds[2] = listen_on("0.0.0.0", SOCK_DGRAM, &running->udp_ports[2]);
    running->tcp_fds[0] = listen_on("127.0.0.1", SOCK_STREAM, &running->tcp_port);
    start(running);
    *state = running;
    return 0;
}

static int exit_status(struct running *running)
{
    int status;
    assert_int_equal(waitpid(running->pid, &status, 0), running->pid);
    running->pid = 0;
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int teardown(void **state)
{
    struct running *running = *state;
    int status;
    close(running->channel);
    if (running->pid > 0)
        (void)waitpid(running->pid, &status, 0);
    for (unsigned i = 0; i < 3; i++)
        close(running->udp_fds[i]);
    close(running->tcp_fds[0]);
    close(running->board_fd);
    close(running->counters_fd);
    world_fixture_fini(&running->world);
    free(running);
    return 0;
}

/* Clients -------------------------------------------------------------------------------------- */

static int connect_to(const char *address, uint16_t port, int type)
{
    struct sockaddr_storage to;
    const struct listen at = {.ip = geo_fixture_ip(address), .port = port};
    const socklen_t len = listen_to_sockaddr(&at, &to);
    const int fd = socket(to.ss_family, type, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, len), 0);
    return fd;
}

/* Receive what there is, at most `cap` bytes; -1 after WAIT_MS without any. */
static ssize_t wait_for(int fd, uint8_t *bytes, size_t cap)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    return poll(&ready, 1, WAIT_MS) == 1 ? recv(fd, bytes, cap, 0) : -1;
}

/* Receive exactly `len` bytes. */
static void take(int fd, uint8_t *bytes, size_t len)
{
    while (len > 0) {
        const ssize_t got = wait_for(fd, bytes, len);
        assert_true(got > 0);
        bytes += got;
        len -= (size_t)got;
    }
}

/* Ask for an A record over a connected UDP socket; returns the rcode and sets the number of answers. */
static int ask_udp(int fd, const char *name, unsigned *ret_answers)
{
    uint8_t packet[4096];
    const struct world_query query = {.name = name, .qtype = A};
    const size_t len = world_query_put(&query, packet, sizeof packet);
    assert_int_equal(send(fd, packet, len, 0), (ssize_t)len);
    const ssize_t got = wait_for(fd, packet, sizeof packet);
    assert_true(got >= 12);
    *ret_answers = (unsigned)(packet[6] << 8 | packet[7]);
    return packet[3] & 15;
}

static size_t tcp_query_put(const char *name, uint16_t qtype, uint16_t id, uint8_t *bytes, size_t cap)
{
    const struct world_query query = {.name = name, .qtype = qtype};
    const size_t len = world_query_put(&query, bytes + 2, cap - 2);
    bytes[0] = (uint8_t)(len >> 8);
    bytes[1] = (uint8_t)len;
    bytes[2] = (uint8_t)(id >> 8);
    bytes[3] = (uint8_t)id;
    return 2 + len;
}

static int connect_tcp(const struct running *running)
{
    return connect_to("127.0.0.1", running->tcp_port, SOCK_STREAM);
}

/* Ask for an A record over a stream. */
static void ask_tcp(int fd, const char *name, uint16_t id)
{
    uint8_t bytes[256];
    const size_t len = tcp_query_put(name, A, id, bytes, sizeof bytes);
    assert_int_equal(send(fd, bytes, len, 0), (ssize_t)len);
}

/* Take one reply off a stream; returns its id. */
static unsigned tcp_reply_take(int fd, unsigned *ret_answers)
{
    static uint8_t bytes[MESSAGE_CAP];
    take(fd, bytes, 2);
    const size_t len = (size_t)(bytes[0] << 8 | bytes[1]);
    assert_true(len >= 12);
    take(fd, bytes, len);
    *ret_answers = (unsigned)(bytes[6] << 8 | bytes[7]);
    return (unsigned)(bytes[0] << 8 | bytes[1]);
}

static void expect_closed(int fd)
{
    uint8_t byte;
    const ssize_t got = wait_for(fd, &byte, 1);
    assert_true(got == 0 || (got < 0 && errno == ECONNRESET));
    close(fd);
}

/* Tests ---------------------------------------------------------------------------------------- */

static void test_a_query_waits_for_the_first_world(void **state)
{
    struct running *running = *state;
    uint8_t packet[4096];
    const struct world_query query = {.name = "host.example.com", .qtype = A};
    const int fd = connect_to("127.0.0.1", running->udp_ports[0], SOCK_DGRAM);
    const size_t len = world_query_put(&query, packet, sizeof packet);
    assert_int_equal(send(fd, packet, len, 0), (ssize_t)len);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 50), 0);
    world_send(running, 1, 1);
    assert_true(wait_for(fd, packet, sizeof packet) > (ssize_t)len);
    close(fd);
}

static void test_every_udp_socket_answers_from_the_address_that_was_asked(void **state)
{
    struct running *running = *state;
    static const struct {
        const char *address;
        unsigned socket;
    } rows[] = {{"127.0.0.1", 0}, {"::1", 1}, {"127.0.0.1", 2}, {"127.0.0.2", 2}, {"127.9.8.7", 2}};
    world_send(running, 1, 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned answers;
        /* It takes only what that address sends. */
        const int fd = connect_to(rows[i].address, running->udp_ports[rows[i].socket], SOCK_DGRAM);
        assert_int_equal(ask_udp(fd, "svc.example.com", &answers), 0);
        assert_int_equal(answers, 1);
        close(fd);
    }
    assert_int_equal(running->counters->queries[TRANSPORT_UDP], COUNT(rows));
}

static void test_a_batch_of_queries_is_answered(void **state)
{
    struct running *running = *state;
    uint8_t packet[4096];
    const struct world_query query = {.name = "host.example.com", .qtype = A};
    const int fd = connect_to("127.0.0.1", running->udp_ports[0], SOCK_DGRAM);
    for (unsigned i = 0; i < 150; i++) {
        const size_t len = world_query_put(&query, packet, sizeof packet);
        packet[1] = (uint8_t)i;
        const size_t sent = i % 10 == 9 ? 5 : len; /* some are too short */
        assert_int_equal(send(fd, packet, sent, 0), (ssize_t)sent);
    }
    world_send(running, 1, 1);
    for (unsigned i = 0; i < 150; i++) {
        if (i % 10 == 9)
            continue;
        assert_true(wait_for(fd, packet, sizeof packet) > 12);
        assert_int_equal(packet[1], i);
    }
    assert_int_equal(running->counters->drops[DROP_SHORT], 15);
    close(fd);
}

static void test_tcp_answers_pipelined_queries_in_order(void **state)
{
    struct running *running = *state;
    unsigned answers;
    world_send(running, 1, 1);
    const int fd = connect_tcp(running);
    for (uint16_t i = 0; i < MANY; i++) {
        ask_tcp(fd, i % 2 ? "host.example.com" : "nothere.example.com", i);
    }
    for (uint16_t i = 0; i < MANY; i++) {
        assert_int_equal(tcp_reply_take(fd, &answers), i);
        assert_int_equal(answers, i % 2);
    }
    close(fd);
}

/* Segments with data that have come on a connection. */
static unsigned segments_of(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    return info.tcpi_data_segs_in;
}

static void test_a_reply_and_its_length_come_in_one_segment(void **state)
{
    struct running *running = *state;
    unsigned answers;
    world_send(running, 1, 1);
    const int fd = connect_tcp(running);
    for (uint16_t i = 1; i <= 5; i++) {
        ask_tcp(fd, "host.example.com", i);
        assert_int_equal(tcp_reply_take(fd, &answers), i);
        assert_int_equal(segments_of(fd), i);
    }
    close(fd);
}

static void test_a_slow_reader_gets_all_of_it_and_delays_nobody(void **state)
{
    struct running *running = *state;
    uint8_t bytes[256];
    unsigned answers;
    world_send(running, 1, 1);
    const int slow = connect_tcp(running);
    /* 36 MB of replies: the kernel holds a part, a spare buffer the rest. */
    for (uint16_t i = 0; i < MANY; i++) {
        const size_t len = tcp_query_put("big.example.com", TXT, i, bytes, sizeof bytes);
        if (send(slow, bytes, len, MSG_DONTWAIT) != (ssize_t)len) {
            assert_true(i > 10);
            break;
        }
    }
    const int quick = connect_tcp(running);
    ask_tcp(quick, "host.example.com", 7);
    assert_int_equal(tcp_reply_take(quick, &answers), 7);
    for (uint16_t i = 0; i < 400; i++) {
        assert_int_equal(tcp_reply_take(slow, &answers), i);
        assert_int_equal(answers, BIG);
    }
    close(slow);
    close(quick);
}

static void test_a_half_closed_connection_gets_its_replies(void **state)
{
    struct running *running = *state;
    unsigned answers;
    world_send(running, 1, 1);
    const int fd = connect_tcp(running);
    ask_tcp(fd, "host.example.com", 9);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_int_equal(tcp_reply_take(fd, &answers), 9);
    expect_closed(fd);
}

static void test_a_broken_stream_is_closed_after_what_was_whole(void **state)
{
    struct running *running = *state;
    uint8_t bytes[256];
    unsigned answers;
    world_send(running, 1, 1);
    const int fd = connect_tcp(running);
    size_t len = tcp_query_put("host.example.com", A, 3, bytes, sizeof bytes);
    bytes[len++] = 0xff; /* a message of 65,280 bytes */
    bytes[len++] = 0;
    assert_int_equal(send(fd, bytes, len, 0), (ssize_t)len);
    assert_int_equal(tcp_reply_take(fd, &answers), 3);
    expect_closed(fd);
    const int response = connect_tcp(running);
    len = tcp_query_put("host.example.com", A, 3, bytes, sizeof bytes);
    bytes[4] = 0x80;
    assert_int_equal(send(response, bytes, len, 0), (ssize_t)len);
    expect_closed(response);
}

static void test_one_client_does_not_get_all_connections(void **state)
{
    struct running *running = *state;
    int fds[CONNECTIONS_MAX];
    unsigned answers;
    world_send(running, 1, 1);
    for (unsigned i = 0; i < 6; i++) /* three quarters of eight */
        fds[i] = connect_tcp(running);
    expect_closed(connect_tcp(running));
    for (unsigned i = 0; i < 6; i++) {
        ask_tcp(fds[i], "host.example.com", (uint16_t)i);
        assert_int_equal(tcp_reply_take(fds[i], &answers), i);
    }
    assert_int_equal(running->counters->tcp_open, 6);
    assert_int_equal(running->counters->tcp_refused, 1);
    for (unsigned i = 0; i < 6; i++)
        close(fds[i]);
    for (unsigned i = 0; i < WAIT_MS && running->counters->tcp_open > 0; i++)
        (void)poll(NULL, 0, 1);
    assert_int_equal(running->counters->tcp_open, 0);
}

static void test_the_next_world_takes_the_place_of_the_last(void **state)
{
    struct running *running = *state;
    unsigned answers;
    const int fd = connect_to("127.0.0.1", running->udp_ports[0], SOCK_DGRAM);
    for (uint64_t generation = 1; generation < 20; generation++) {
        world_send(running, generation, generation % 2);
        assert_int_equal(ask_udp(fd, "host.example.com", &answers), generation % 2 ? 0 : 5);
    }
    close(fd);
}

static void test_sigterm_answers_what_is_there_and_ends(void **state)
{
    struct running *running = *state;
    uint8_t packet[4096];
    unsigned answers;
    const struct world_query query = {.name = "host.example.com", .qtype = A};
    world_send(running, 1, 1);
    const int udp = connect_to("127.0.0.1", running->udp_ports[0], SOCK_DGRAM);
    const int tcp = connect_tcp(running);
    assert_int_equal(kill(running->pid, SIGSTOP), 0);
    const size_t len = world_query_put(&query, packet, sizeof packet);
    assert_int_equal(send(udp, packet, len, 0), (ssize_t)len);
    ask_tcp(tcp, "host.example.com", 5);
    assert_int_equal(kill(running->pid, SIGTERM), 0);
    assert_int_equal(kill(running->pid, SIGCONT), 0);
    assert_true(wait_for(udp, packet, sizeof packet) > 12);
    assert_int_equal(tcp_reply_take(tcp, &answers), 5);
    expect_closed(tcp);
    assert_int_equal(exit_status(running), 0);
    close(udp);
}

static void test_without_a_supervisor_it_ends(void **state)
{
    struct running *running = *state;
    world_send(running, 1, 1);
    close(running->channel);
    running->channel = -1;
    assert_int_equal(exit_status(running), 0);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        test(test_a_query_waits_for_the_first_world),
        test(test_every_udp_socket_answers_from_the_address_that_was_asked),
        test(test_a_batch_of_queries_is_answered),
        test(test_tcp_answers_pipelined_queries_in_order),
        test(test_a_reply_and_its_length_come_in_one_segment),
        test(test_a_slow_reader_gets_all_of_it_and_delays_nobody),
        test(test_a_half_closed_connection_gets_its_replies),
        test(test_a_broken_stream_is_closed_after_what_was_whole),
        test(test_one_client_does_not_get_all_connections),
        test(test_the_next_world_takes_the_place_of_the_last),
        test(test_sigterm_answers_what_is_there_and_ends),
        test(test_without_a_supervisor_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
