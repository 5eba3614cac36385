#include "server/control/announce.h"

#include "common/log.h"
#include "server/transfer/tsig.h"

#include "secondary_fixture.h"
#include "tests/unit/log_capture.h"

#include <event2/event.h>
#include <sys/socket.h>

/* A secondary of the zone on loopback, and who tells it. */
struct rig {
    struct secondary *secondary;
    struct announce *announce;
    struct event_base *base;
    struct counters *workers[1];
    struct listen here;
    struct sockaddr_storage from; /* of the last message */
    int fd;
    uint8_t message[1500];
    size_t len;
};

static const struct listen loopback = {.ip = {.family = IP_V4, .bytes = {127, 0, 0, 1}},
                                       .port = 53};

static struct listen socket_name(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    return listen_from_sockaddr(&address);
}

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    void *secondary;
    struct sockaddr_storage address;
    char sql[256];
    assert_non_null(rig);
    log_set_level(LOG_LEVEL_ERROR);
    (void)secondary_setup(&secondary);
    rig->secondary = secondary;
    rig->base = event_base_new();
    rig->workers[0] = calloc(1, sizeof *rig->workers[0]);
    rig->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    struct listen any_port = loopback;
    any_port.port = 0;
    const socklen_t len = listen_to_sockaddr(&any_port, &address);
    assert_int_equal(bind(rig->fd, (struct sockaddr *)&address, len), 0);
    rig->here = socket_name(rig->fd);
    const struct announce_setup announce = {.base = rig->base,
                                            .listens = &loopback,
                                            .listens_count = 1,
                                            .workers = (const struct counters *const *)rig->workers,
                                            .workers_count = 1};
    struct diag diag = {.text = ""};
    if (announce_new(&announce, &rig->announce, &diag) != OK)
        fail_msg("%s", diag.text);
    (void)snprintf(
        sql, sizeof sql,
        "INSERT INTO notify(zone, address, port) VALUES ('gslb.example.com', '127.0.0.1', %u)",
        rig->here.port);
    fixture_run(rig->secondary->store, sql);
    secondary_deploy(rig->secondary);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    void *secondary = rig->secondary;
    announce_free(&rig->announce);
    event_base_free(rig->base);
    close(rig->fd);
    free(rig->workers[0]);
    free(rig);
    return secondary_teardown(&secondary);
}

static const struct moment start = {.mono_ms = 5000, .wall_ms = SECONDARY_NOW_S * INT64_C(1000)};

static void tick(struct rig *rig, int64_t after_ms)
{
    announce_tick(rig->announce,
                  (struct moment){start.mono_ms + after_ms, start.wall_ms + after_ms});
}

/* Whether a message has come. */
static bool take(struct rig *rig)
{
    socklen_t len = sizeof rig->from;
    const ssize_t got = recvfrom(rig->fd, rig->message, sizeof rig->message, 0,
                                 (struct sockaddr *)&rig->from, &len);
    rig->len = got > 0 ? (size_t)got : 0;
    return got > 0;
}

/* Send back what has come as an acknowledgement, with an octet changed. */
static void acknowledge(struct rig *rig, size_t len, size_t off, uint8_t change)
{
    uint8_t ack[1500];
    memcpy(ack, rig->message, len);
    ack[2] |= QUERY_QR;
    ack[off] ^= change;
    assert_true(sendto(rig->fd, ack, len, 0, (struct sockaddr *)&rig->from,
                       sizeof(struct sockaddr_in)) > 0);
    (void)event_base_loop(rig->base, EVLOOP_NONBLOCK);
}

static void announce(struct rig *rig, const struct image *last)
{
    announce_world(rig->announce, last, rig->secondary->world.packs, 1, start.mono_ms);
}

static void test_a_new_serial_is_told_once_workers_have_it(void **state)
{
    struct rig *rig = *state;
    announce(rig, NULL);
    tick(rig, 0);
    assert_false(take(rig)); /* the worker still answers with the old one */
    rig->workers[0]->generation = 1;
    tick(rig, 100);
    assert_true(take(rig));
    const uint32_t serial = secondary_zone(rig->secondary)->serial;
    const uint8_t bytes[4] = {(uint8_t)(serial >> 24), (uint8_t)(serial >> 16),
                              (uint8_t)(serial >> 8), (uint8_t)serial};
    assert_memory_equal(rig->message + 2, "\x24\0\0\1\0\1\0\0\0\0\4gslb\7example\3com\0\0\6\0\1",
                        32);
    assert_non_null(memmem(rig->message, rig->len, bytes, sizeof bytes));
    acknowledge(rig, 12 + 22, 4, 0);
    assert_int_equal(announce_pending(rig->announce), 0);
    assert_int_equal(announce_count(rig->announce, ANNOUNCE_ACKNOWLEDGED), 1);
    assert_int_equal(announce_sends(rig->announce), 1);
}

static void test_workers_are_not_waited_for_for_ever(void **state)
{
    struct rig *rig = *state;
    announce(rig, NULL);
    tick(rig, ANNOUNCE_WORKERS_MS - 1);
    assert_false(take(rig));
    tick(rig, ANNOUNCE_WORKERS_MS);
    assert_true(take(rig));
}

static void test_only_a_zone_that_moved_is_told(void **state)
{
    struct rig *rig = *state;
    struct image same[PACKS_MAX];
    memcpy(same, rig->secondary->world.packs, sizeof same);
    announce(rig, same);
    assert_int_equal(announce_pending(rig->announce), 0);
    const struct image none[PACKS_MAX] = {{0}};
    announce(rig, none);
    assert_int_equal(announce_pending(rig->announce), 1);
    announce(rig, none); /* in the place of the first */
    assert_int_equal(announce_pending(rig->announce), 1);
}

static void test_it_is_told_five_times_and_given_up(void **state)
{
    struct rig *rig = *state;
    static const int64_t at_ms[] = {0, 1000, 3000, 7000, 15000};
    rig->workers[0]->generation = 1;
    announce(rig, NULL);
    for (size_t i = 0; i < sizeof at_ms / sizeof *at_ms; i++) {
        tick(rig, at_ms[i] - 1);
        assert_false(take(rig));
        tick(rig, at_ms[i]);
        assert_true(take(rig));
    }
    tick(rig, 30999);
    assert_int_equal(announce_pending(rig->announce), 1);
    tick(rig, 31000);
    assert_false(take(rig));
    assert_int_equal(announce_pending(rig->announce), 0);
    assert_int_equal(announce_count(rig->announce, ANNOUNCE_GIVEN_UP), 1);
    assert_int_equal(announce_sends(rig->announce), ANNOUNCE_SENDS_MAX);
}

/* Tell, and let it be given up by `end_ms`. Returns the log. */
static const char *give_up(struct rig *rig, struct log_capture *capture, int64_t begin_ms, int64_t end_ms)
{
    announce_world(rig->announce, NULL, rig->secondary->world.packs, 1, start.mono_ms + begin_ms);
    log_capture_begin(capture);
    for (int64_t after_ms = begin_ms; after_ms < end_ms; after_ms += 100)
        tick(rig, after_ms);
    while (take(rig))
        continue;
    return log_capture_end(capture);
}

static void test_those_given_up_have_one_line_in_ten_seconds(void **state)
{
    struct rig *rig = *state;
    struct log_capture capture;
    log_set_level(LOG_LEVEL_NOTICE);
    fixture_run(rig->secondary->store,
                "INSERT INTO notify(zone, address, port) VALUES ('gslb.example.com', '127.0.0.2', 1),"
                " ('gslb.example.com', '127.0.0.3', 1)");
    secondary_deploy(rig->secondary);
    rig->workers[0]->generation = 1;
    const char *text = give_up(rig, &capture, 0, 40000);
    assert_non_null(
        strstr(text, " level=warning event=notify result=given_up zone=gslb.example.com to=127.0.0."));
    assert_non_null(strstr(text, " more_before=0 message=\"it does not acknowledge\"\n"));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    text = give_up(rig, &capture, 40000, 80000);
    assert_non_null(strstr(text, " more_before=2 "));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    assert_int_equal(announce_count(rig->announce, ANNOUNCE_GIVEN_UP), 6);
    log_set_level(LOG_LEVEL_ERROR);
}

static void test_only_its_own_acknowledgement_counts(void **state)
{
    struct rig *rig = *state;
    static const struct {
        size_t len, off;
        uint8_t change;
    } rows[] = {
        {34, 0, 1},          /* another ID */
        {34, 2, QUERY_QR},   /* no reply */
        {34, 2, 0x08},       /* another opcode */
        {34, 13, 'g' ^ 'h'}, /* another zone */
        {34, 12, 0xc0},      /* no name */
        {34, 5, 1},          /* no question */
        {12, 4, 0},          {1, 0, 0}, {20, 4, 0},
    };
    rig->workers[0]->generation = 1;
    announce(rig, NULL);
    tick(rig, 0);
    assert_true(take(rig));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        acknowledge(rig, rows[i].len < 4 ? 4 : rows[i].len, rows[i].off, rows[i].change);
        if (announce_pending(rig->announce) != 1)
            fail_msg("row %zu", i);
    }
    acknowledge(rig, 34, 3, RCODE_REFUSED); /* it has heard, and will not hear again */
    assert_int_equal(announce_pending(rig->announce), 0);
    assert_int_equal(announce_count(rig->announce, ANNOUNCE_REFUSED), 1);
    assert_int_equal(announce_count(rig->announce, ANNOUNCE_ACKNOWLEDGED), 0);
}

static void test_who_has_a_key_is_told_and_answers_with_it(void **state)
{
    struct rig *rig = *state;
    fixture_run(rig->secondary->store, "UPDATE notify SET key = 'k.example'");
    secondary_deploy(rig->secondary);
    rig->workers[0]->generation = 1;
    announce(rig, NULL);
    /* Acknowledgements are checked by the real clock. */
    announce_tick(rig->announce, (struct moment){start.mono_ms, clock_wall_ms()});
    assert_true(take(rig));
    struct tsig_chain chain = secondary_chain(rig->secondary);
    struct tsig tsig;
    assert_true(tsig_find(rig->message, rig->len, &tsig));
    assert_int_equal(tsig_check(&chain, rig->message, &tsig, clock_wall_ms() / 1000), TSIG_OK);
    acknowledge(rig, 34, 4, 0); /* unsigned */
    assert_int_equal(announce_pending(rig->announce), 1);
    struct writer w = writer_of(rig->message, sizeof rig->message);
    rig->message[2] |= QUERY_QR;
    memcpy(rig->message + 6, "\0\0\0\0\0\0", 6);
    (void)writer_space(&w, 34);
    assert_true(tsig_sign(&chain, &w, clock_wall_ms() / 1000));
    acknowledge(rig, writer_len(&w), 4, 0);
    assert_int_equal(announce_pending(rig->announce), 0);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        test(test_a_new_serial_is_told_once_workers_have_it),
        test(test_workers_are_not_waited_for_for_ever),
        test(test_only_a_zone_that_moved_is_told),
        test(test_it_is_told_five_times_and_given_up),
        test(test_those_given_up_have_one_line_in_ten_seconds),
        test(test_only_its_own_acknowledgement_counts),
        test(test_who_has_a_key_is_told_and_answers_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
