#include "server/control/abuse.h"

#include "server/answer/codes.h"
#include "tests/unit/log_capture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS = 2, START_MS = 1000000 };

struct rig {
    struct counters *workers[WORKERS];
    struct abuse abuse;
    struct log_capture capture;
};

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    for (unsigned i = 0; i < WORKERS; i++)
        assert_non_null(rig->workers[i] = calloc(1, sizeof *rig->workers[i]));
    rig->workers[0]->limited[RRL_ANSWER] = 77; /* of another control's time */
    abuse_init(&rig->abuse, (const struct counters *const *)rig->workers, WORKERS, START_MS);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    for (unsigned i = 0; i < WORKERS; i++)
        free(rig->workers[i]);
    free(rig);
    return 0;
}

/* What is logged so many milliseconds after the start, but for the line's time. */
static const char *tick(struct rig *rig, int64_t after_ms)
{
    log_capture_begin(&rig->capture);
    abuse_tick(&rig->abuse, START_MS + after_ms);
    const char *text = log_capture_end(&rig->capture);
    const char *event = strstr(text, "event=");
    return event ? event : text;
}

static void limited(struct rig *rig, unsigned worker, unsigned count, const char *client, int64_t after_ms)
{
    struct ip ip;
    assert_int_equal(ip_parse(client, &ip, NULL), OK);
    rig->workers[worker]->limited[RRL_NXDOMAIN] += count;
    rig->workers[worker]->limited_net[RRL_NXDOMAIN] = rrl_net_pack(&ip);
    rig->workers[worker]->limited_ms[RRL_NXDOMAIN] = (uint64_t)(START_MS + after_ms);
}

static void test_limited_replies_are_told_with_the_last_network(void **state)
{
    struct rig *rig = *state;
    limited(rig, 1, 5, "192.0.2.77", 4000);
    limited(rig, 0, 7, "2001:db8:1:23ff::1", 3000);
    assert_string_equal(tick(rig, ABUSE_LOOK_MS - 1), "");
    assert_string_equal(tick(rig, ABUSE_LOOK_MS),
                        "event=rate-limit class=nxdomain replies=12 seconds=5 last=192.0.2.0/24\n");
    limited(rig, 0, 1, "2001:db8:1:23ff::1", 6000);
    assert_string_equal(tick(rig, ABUSE_LOOK_MS + ABUSE_LINE_MS),
                        "event=rate-limit class=nxdomain replies=1 seconds=60 last=2001:db8:1:2300::/56\n");
}

static void test_a_kind_has_one_line_a_minute_however_much_comes(void **state)
{
    struct rig *rig = *state;
    unsigned lines = 0;
    uint64_t told = 0;
    for (int64_t after_ms = 0; after_ms <= 10 * ABUSE_LINE_MS; after_ms += 200) {
        limited(rig, 0, 1000, "192.0.2.1", after_ms);
        const char *text = tick(rig, after_ms);
        if (!*text)
            continue;
        lines++;
        told += strtoull(strstr(text, "replies=") + strlen("replies="), NULL, 10);
        assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    }
    assert_int_equal(lines, 10);
    /* The rest is told later. */
    assert_int_equal(told, 1000 * (1 + (9 * ABUSE_LINE_MS + ABUSE_LOOK_MS) / 200));
}

static void test_each_kind_has_its_line_when_there_are_many_of_it(void **state)
{
    struct rig *rig = *state;
    struct counters *worker = rig->workers[1];
    const struct {
        uint64_t *counter;
        const char *name;
    } rows[] = {
        {&worker->drops[DROP_SHORT], "short"}, {&worker->drops[DROP_RESPONSE], "response"},
        {&worker->drops[DROP_PORT], "port"},   {&worker->rcodes[RCODE_FORMERR], "formerr"},
        {&worker->proxy_refused, "proxy"},     {&worker->tcp_refused, "tcp"},
        {&worker->tls_failed, "handshake"},
    };
    assert_int_equal(sizeof rows / sizeof rows[0], ABUSE_KINDS - RRL_CLASSES - 2);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const int64_t begin_ms = (int64_t)(i + 1) * ABUSE_LINE_MS;
        char line[96];
        *rows[i].counter += ABUSE_COUNT_MIN - 1;
        assert_string_equal(tick(rig, begin_ms - 2 * ABUSE_LOOK_MS), "");
        *rows[i].counter += 1;
        (void)snprintf(line, sizeof line, "event=abuse kind=%s count=%d seconds=", rows[i].name,
                       ABUSE_COUNT_MIN);
        const char *text = tick(rig, begin_ms - ABUSE_LOOK_MS);
        if (strncmp(text, line, strlen(line)) != 0)
            fail_msg("\"%s\" for %s", text, rows[i].name);
        assert_string_equal(tick(rig, begin_ms), "");
    }
}

static void test_one_refused_secondary_is_told(void **state)
{
    struct rig *rig = *state;
    rig->workers[0]->transfers_refused++;
    assert_non_null(strstr(tick(rig, ABUSE_LINE_MS), "event=abuse kind=transfer count=1 "));
    rig->workers[1]->tsig_refused++;
    assert_non_null(strstr(tick(rig, 3 * ABUSE_LINE_MS), "event=abuse kind=tsig count=1 "));
}

static void refuse(struct rig *rig, unsigned worker, enum refused_kind kind, const char *client,
                   const char *zone, int64_t after_ms)
{
    struct refusal refusal = {.at_ms = START_MS + after_ms};
    size_t len = 0;
    assert_int_equal(ip_parse(client, &refusal.client, NULL), OK);
    if (zone)
        assert_int_equal(name_parse(zone, refusal.zone, &len, NULL), OK);
    refusal.zone_len = (uint8_t)len;
    refused_put(&rig->workers[worker]->refused[kind], &refusal);
    if (kind == REFUSED_TSIG)
        rig->workers[worker]->tsig_refused++;
    else
        rig->workers[worker]->transfers_refused++;
}

static void test_the_last_client_that_was_refused_is_named_with_its_zone(void **state)
{
    struct rig *rig = *state;
    refuse(rig, 0, REFUSED_TRANSFER, "192.0.2.1", "old.example", 1000);
    refuse(rig, 1, REFUSED_TRANSFER, "2001:db8::7", "a\\.b.example.com", 3000);
    refuse(rig, 0, REFUSED_TRANSFER, "192.0.2.9", "example.com", 2000);
    refuse(rig, 0, REFUSED_TSIG, "192.0.2.4", NULL, 2000);
    refuse(rig, 1, REFUSED_TSIG, "192.0.2.3", "example.com", 1000);
    assert_string_equal(strstr(tick(rig, ABUSE_LINE_MS), "kind=transfer"),
                        "kind=transfer count=3 seconds=60 last=2001:db8::7 zone=\"a\\\\.b.example.com\"\n");
    assert_non_null(strstr(rig->capture.text, "kind=tsig count=2 seconds=60 last=192.0.2.4\n"));
    refuse(rig, 0, REFUSED_TSIG, "192.0.2.5", ".", ABUSE_LINE_MS);
    assert_string_equal(tick(rig, 2 * ABUSE_LINE_MS),
                        "event=abuse kind=tsig count=1 seconds=60 last=192.0.2.5 zone=.\n");
}

/* Each octet of it is four characters in text, and five in the log. */
static void test_the_longest_name_fits_its_line(void **state)
{
    struct rig *rig = *state;
    struct refusal refusal = {.client.family = IP_V6, .zone_len = NAME_WIRE_MAX};
    memset(refusal.zone, 1, sizeof refusal.zone - 1);
    for (unsigned at = 0; at < NAME_WIRE_MAX - 1; at += 2)
        refusal.zone[at + 1] = 0xff;
    refused_put(&rig->workers[0]->refused[REFUSED_TSIG], &refusal);
    rig->workers[0]->tsig_refused++;
    const char *text = tick(rig, ABUSE_LINE_MS);
    assert_string_equal(text + strlen(text) - 8, ".\\\\255\"\n");
}

static void test_a_few_in_each_minute_are_not_told(void **state)
{
    struct rig *rig = *state;
    for (int64_t after_ms = 0; after_ms < 60 * ABUSE_LINE_MS; after_ms += ABUSE_LOOK_MS) {
        rig->workers[0]->rcodes[RCODE_FORMERR] += ABUSE_COUNT_MIN / 20;
        assert_string_equal(tick(rig, after_ms), "");
    }
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_limited_replies_are_told_with_the_last_network),
        test(test_a_kind_has_one_line_a_minute_however_much_comes),
        test(test_each_kind_has_its_line_when_there_are_many_of_it),
        test(test_one_refused_secondary_is_told),
        test(test_the_last_client_that_was_refused_is_named_with_its_zone),
        test(test_the_longest_name_fits_its_line),
        test(test_a_few_in_each_minute_are_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
