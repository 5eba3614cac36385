/* tests/unit/test_metrics.c - the numbers of workers, verdicts and control in Prometheus' text format. */
#include "server/control/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>

#include "server/control/exposition.h"
#include "tests/unit/roster_fixture.h"

#define WWW "www.example.com"

static const struct fixture_row rows[] = {
    {SUBJECT_POOL, 300, WWW, "eu", NULL, NULL, NULL},
    {SUBJECT_ENDPOINT, 400, WWW, "eu", "192.0.2.1", "192.0.2.1", "web"},
    {SUBJECT_ENDPOINT, 401, "odd\"\\\nname", "eu", "192.0.2.2", "192.0.2.2", "web"},
};
enum { ROWS = sizeof rows / sizeof rows[0], VANTAGES = 3, SLOTS = 1024 };

static const struct moment now = {.mono_ms = 50000, .wall_ms = 1700000000000};

struct rig {
    struct fixture fixture;
    struct board *board;
    struct verdicts *verdicts;
    struct metrics metrics;
    struct counters *workers[2];
    struct metrics_view view;
    struct buffer text;
};

static int open_rig(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    rig->fixture = fixture_open(rows, ROWS, VANTAGES, NULL);
    assert_int_equal(board_new(SLOTS, &rig->board, NULL), OK);
    assert_int_equal(verdicts_new(rig->board, NULL, now, &rig->verdicts, NULL), OK);
    assert_int_equal(verdicts_configure(rig->verdicts, rig->fixture.roster, now, NULL), OK);
    for (int i = 0; i < 2; i++)
        assert_non_null(rig->workers[i] = calloc(1, sizeof *rig->workers[i]));
    rig->view = (struct metrics_view){.metrics = &rig->metrics,
                                      .workers = (const struct counters *const *)rig->workers,
                                      .workers_count = 2,
                                      .roster = rig->fixture.roster,
                                      .verdicts = rig->verdicts};
    *state = rig;
    return 0;
}

static int close_rig(void **state)
{
    struct rig *rig = *state;
    buffer_fini(&rig->text);
    verdicts_free(&rig->verdicts);
    board_close(&rig->board);
    fixture_close(&rig->fixture);
    free(rig->workers[0]);
    free(rig->workers[1]);
    free(rig);
    return 0;
}

static const char *print(struct rig *rig)
{
    buffer_fini(&rig->text);
    assert_int_equal(metrics_print(&rig->view, &rig->text, NULL), OK);
    (void)buffer_put(&rig->text, "", 1);
    return (const char *)rig->text.bytes;
}

static void expect(struct rig *rig, const char *line)
{
    char whole[256];
    (void)snprintf(whole, sizeof whole, "\n%s\n", line);
    if (!strstr(print(rig), whole))
        fail_msg("there is no line\n%s\nin\n%s", line, (const char *)rig->text.bytes);
}

static void test_workers_are_summed(void **state)
{
    struct rig *rig = *state;
    for (uint64_t i = 0; i < 2; i++) {
        rig->workers[i]->queries[TRANSPORT_UDP] = 100 + i;
        rig->workers[i]->types[COUNTED_AAAA] = 10 + i;
        rig->workers[i]->rcodes[3] = 20 + i;
        rig->workers[i]->drops[DROP_PORT] = 30 + i;
        rig->workers[i]->answers[300] = 40 + i;
        rig->workers[i]->generation = 6 + i;
        rig->workers[i]->tcp_open = 1;
        rig->workers[i]->tls_open = 3 + i;
        rig->workers[i]->tls_handshakes = 62 + i;
        rig->workers[i]->tls_failed = 64 + i;
        rig->workers[i]->proxy_refused = 66 + i;
        rig->workers[i]->cookies[COOKIE_GOOD] = 50 + i;
        rig->workers[i]->rate_truncated = 60 + i;
        rig->workers[i]->limited[RRL_ERROR] = 55 + i;
        rig->workers[i]->transfers = 80 + i;
        rig->workers[i]->transfers_refused = 90 + i;
        rig->workers[i]->tsig_refused = 95 + i;
        rig->workers[i]->rate_bad_cookies = 70 + i;
    }
    rig->metrics.generation = 7;
    expect(rig, "gslbd_queries_total{transport=\"udp\"} 201");
    expect(rig, "gslbd_queries_by_type_total{type=\"AAAA\"} 21");
    expect(rig, "gslbd_replies_total{rcode=\"NXDOMAIN\"} 41");
    expect(rig, "gslbd_drops_total{reason=\"port\"} 61");
    expect(rig, "gslbd_answers_total{service=\"www.example.com\",region=\"eu\"} 81");
    expect(rig, "gslbd_tcp_open 2");
    expect(rig, "gslbd_tls_open 7");
    expect(rig, "gslbd_tls_handshakes_total 125");
    expect(rig, "gslbd_tls_handshakes_failed_total 129");
    expect(rig, "gslbd_proxy_refused_total 133");
    expect(rig, "gslbd_cookies_total{cookie=\"good\"} 101");
    expect(rig, "gslbd_cookies_total{cookie=\"absent\"} 0");
    expect(rig, "gslbd_drops_total{reason=\"rate\"} 0");
    expect(rig, "gslbd_rate_truncated_total 121");
    expect(rig, "gslbd_rate_limited_total{class=\"error\"} 111");
    expect(rig, "gslbd_transfers_total 161");
    expect(rig, "gslbd_transfers_refused_total 181");
    expect(rig, "gslbd_tsig_refused_total 191");
    expect(rig, "gslbd_notifies_pending 0");
    expect(rig, "gslbd_notifies_total{result=\"given_up\"} 0");
    expect(rig, "gslbd_history_events_lost_total 0");
    expect(rig, "gslbd_rate_bad_cookies_total 141");
    expect(rig, "gslbd_image_generation{process=\"control\"} 7");
    expect(rig, "gslbd_image_generation{process=\"worker\",worker=\"0\"} 6");
    expect(rig, "gslbd_image_generation{process=\"worker\",worker=\"1\"} 7");
}

static void test_the_end_of_a_certificate_is_told_where_tls_is_served(void **state)
{
    struct rig *rig = *state;
    static const char name[] = "gslbd_tls_certificate_not_after_timestamp_seconds";
    const struct credentials_setup setup = {
        .base = event_base_new(), .cert_path = "none", .key_path = "none"};
    struct credentials *credentials;
    assert_null(strstr(print(rig), name));
    assert_int_equal(credentials_new(&setup, &credentials, NULL), OK);
    rig->view.credentials = credentials;
    expect(rig, "# TYPE gslbd_tls_certificate_not_after_timestamp_seconds gauge");
    expect(rig, "gslbd_tls_certificate_not_after_timestamp_seconds 0"); /* none yet */
    credentials_free(&credentials);
    event_base_free(setup.base);
}

static void vote(struct rig *rig, const char *vantage)
{
    const struct batch_result result = {.check = "web 192.0.2.1", .vote = {.verdict = VERDICT_DOWN}};
    const struct batch_votes votes = {.results = (struct batch_result[]){result}, .results_count = 1};
    verdicts_tally(rig->verdicts, verdicts_sender(rig->verdicts, vantage), &votes, now);
}

static void test_verdicts_and_votes_are_told(void **state)
{
    struct rig *rig = *state;
    vote(rig, "v0");
    vote(rig, "v1");
    verdicts_tick(rig->verdicts, now);
    expect(rig, "gslbd_endpoint_up{service=\"www.example.com\",region=\"eu\",address=\"192.0.2.1\"} 0");
    expect(rig, "gslbd_pool_up{service=\"www.example.com\",region=\"eu\"} 0");
    expect(rig, "gslbd_region_up{region=\"eu\"} 0");
    expect(rig, "gslbd_region_up{region=\"ap\"} -1");
    expect(rig, "gslbd_votes_total{vantage=\"v0\",verdict=\"down\"} 1");
    expect(rig, "gslbd_votes_total{vantage=\"v2\",verdict=\"down\"} 0");
    expect(rig, "gslbd_vantage_fresh_votes{vantage=\"v0\"} 1");
    expect(rig, "gslbd_vantage_last_seen_seconds{vantage=\"v0\"} 1700000000");
    expect(rig, "gslbd_blind 0");
}

static void test_control_s_own_numbers_are_told(void **state)
{
    struct rig *rig = *state;
    rig->metrics.loads_ok = 4;
    rig->metrics.loads_failed = 1;
    rig->metrics.load_ok_ms = 1700000000250;
    rig->metrics.refusals[INTAKE_CLOCK] = 3;
    rig->metrics.problems = 2;
    expect(rig, "gslbd_loads_total{result=\"ok\"} 4");
    expect(rig, "gslbd_loads_total{result=\"failed\"} 1");
    expect(rig, "gslbd_load_success_timestamp_seconds 1700000000.25");
    expect(rig, "gslbd_messages_refused_total{reason=\"clock\"} 3");
    expect(rig, "gslbd_problems 2");
}

static void test_labels_are_escaped(void **state)
{
    struct rig *rig = *state;
    expect(rig, "gslbd_endpoint_up{service=\"odd\\\"\\\\\\nname\",region=\"eu\",address=\"192.0.2.2\"} -1");
}

/* The families that were opened so far, in one text, to find one that comes back. */
static void check_line(const char *line, char *family, size_t cap, char *seen, size_t seen_cap)
{
    char name[128], mark[132];
    if (sscanf(line, "# HELP %127[a-z_] %*c", name) == 1) {
        (void)snprintf(mark, sizeof mark, " %s ", name);
        if (strstr(seen, mark))
            fail_msg("%s is there twice", name);
        (void)snprintf(seen + strlen(seen), seen_cap - strlen(seen), "%s", mark);
        (void)snprintf(family, cap, "%s", name);
        return;
    }
    assert_int_equal(sscanf(line, "# TYPE %127[a-z_]", name) == 1 || sscanf(line, "%127[a-z_]", name) == 1,
                     1);
    assert_string_equal(name, family);
    const char *value = strrchr(line, ' ');
    if (line[0] != '#' && !(value && (isdigit((unsigned char)value[1]) || value[1] == '-')))
        fail_msg("no number ends \"%s\"", line);
}

static void test_every_sample_stands_in_its_family(void **state)
{
    struct rig *rig = *state;
    char family[128] = "", seen[8192] = "";
    char *text = strdup(print(rig)), *rest = text;
    for (char *line; (line = strtok_r(rest, "\n", &rest)) != NULL;)
        check_line(line, family, sizeof family, seen, sizeof seen);
    assert_true(strlen(seen) > 500);
    free(text);
}

static void test_without_a_world_there_are_numbers_all_the_same(void **state)
{
    struct rig *rig = *state;
    rig->view.roster = NULL;
    rig->view.workers_count = 0;
    expect(rig, "gslbd_queries_total{transport=\"udp\"} 0");
    assert_null(strstr((const char *)rig->text.bytes, "gslbd_endpoint_up{"));
}

#define test(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_workers_are_summed),
        test(test_the_end_of_a_certificate_is_told_where_tls_is_served),
        test(test_verdicts_and_votes_are_told),
        test(test_control_s_own_numbers_are_told),
        test(test_labels_are_escaped),
        test(test_every_sample_stands_in_its_family),
        test(test_without_a_world_there_are_numbers_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
