/* tests/unit/test_batch.c - the messages between prober and nameserver, there and back, and what is
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "health/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct batch_head head = {
    .vantage = "ams1", .seq = 1790000000123, .clock_ms = 1790000000456};

static void test_votes_come_back_as_they_were(void **state)
{
    (void)state;
    const struct batch_result results[] = {
        {"web 192.0.2.1", {VERDICT_UP, 12, 1790000000000, ""}},
        {"web 2001:db8::1", {VERDICT_DOWN, 0, 0, "status 503 \"gone\" \\ ~"}},
        {"b\xc3\xa9 x", {VERDICT_UNKNOWN, VOTE_LATENCY_MAX_MS, BATCH_NUMBER_MAX, "no route"}},
    };
    struct buffer text = {0};
    struct batch_votes votes;
    assert_int_equal(batch_print_votes(&head, results, 3, &text, NULL), OK);
    assert_int_equal(batch_parse_votes(text.bytes, text.len, &votes, NULL), OK);
    assert_string_equal(votes.head.vantage, "ams1");
    assert_int_equal(votes.head.seq, head.seq);
    assert_int_equal(votes.head.clock_ms, head.clock_ms);
    assert_int_equal(votes.results_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(votes.results[i].check, results[i].check);
        assert_int_equal(votes.results[i].vote.verdict, results[i].vote.verdict);
        assert_int_equal(votes.results[i].vote.latency_ms, results[i].vote.latency_ms);
        assert_int_equal(votes.results[i].vote.since_ms, results[i].vote.since_ms);
        assert_string_equal(votes.results[i].vote.reason, results[i].vote.reason);
    }
    batch_votes_fini(&votes);
    buffer_fini(&text);
}

static void test_votes_are_printed_as_documented(void **state)
{
    (void)state;
    const struct batch_result result = {"web 192.0.2.1", {VERDICT_DOWN, 3, 7, "timeout"}};
    const char *want =
        "{\"vantage\":\"ams1\",\"seq\":1790000000123,\"clock_ms\":1790000000456,\"results\":[{"
        "\"check\":"
        "\"web "
        "192.0.2.1\",\"vote\":\"down\",\"since_ms\":7,\"latency_ms\":3,\"reason\":\"timeout\"}]}";
    struct buffer text = {0};
    assert_int_equal(batch_print_votes(&head, &result, 1, &text, NULL), OK);
    assert_int_equal(text.len, strlen(want));
    assert_memory_equal(text.bytes, want, text.len);
    buffer_fini(&text);
}

static void test_a_full_batch_of_the_longest_results_fits(void **state)
{
    (void)state;
    struct batch_result *results = calloc(BATCH_RESULTS_MAX + 1, sizeof *results);
    char id[CHECK_ID_MAX];
    struct buffer text = {0};
    struct batch_votes votes;
    memset(id, '"', sizeof id - 1); /* each takes two bytes */
    id[sizeof id - 1] = '\0';
    for (size_t i = 0; i <= BATCH_RESULTS_MAX; i++) {
        results[i] = (struct batch_result){
            .check = id,
            .vote = {VERDICT_UNKNOWN, VOTE_LATENCY_MAX_MS, BATCH_NUMBER_MAX, ""},
        };
        memset(results[i].vote.reason, '\\', VOTE_REASON_MAX - 1);
    }
    assert_int_equal(batch_print_votes(&head, results, BATCH_RESULTS_MAX + 1, &text, NULL),
                     ERR_LIMIT);
    assert_int_equal(batch_print_votes(&head, results, BATCH_RESULTS_MAX, &text, NULL), OK);
    assert_int_equal(batch_parse_votes(text.bytes, text.len, &votes, NULL), OK);
    assert_int_equal(votes.results_count, BATCH_RESULTS_MAX);
    batch_votes_fini(&votes);
    buffer_fini(&text);
    free(results);
}

/* A votes message with these results. */
static enum err parse_results(const char *results, struct diag *diag)
{
    char text[4096];
    snprintf(text, sizeof text, "{\"vantage\":\"a\",\"seq\":1,\"clock_ms\":2,\"results\":%s}",
             results);
    struct batch_votes votes;
    const enum err err = batch_parse_votes(text, strlen(text), &votes, diag);
    if (!err)
        batch_votes_fini(&votes);
    return err;
}

static void test_bad_results_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *results, *names;
    } cases[] = {
        {"{}", "results"},
        {"[1]", "check"},
        {"[[]]", "check"},
        {"[null]", "check"},
        {"[{\"check\":1,\"vote\":\"up\",\"since_ms\":1,\"latency_ms\":1,\"reason\":\"\"}]",
         "check"},
        {"[{\"check\":\"a\\nb\",\"vote\":\"up\",\"since_ms\":1,\"latency_ms\":1,\"reason\":\"\"}]",
         "check"},
        {"[{\"check\":\"a\",\"vote\":\"UP\",\"since_ms\":1,\"latency_ms\":1,\"reason\":\"\"}]",
         "vote"},
        {"[{\"check\":\"a\",\"vote\":\"unknownn\",\"since_ms\":1,\"latency_ms\":1,\"reason\":\"\"}"
         "]",
         "vote"},
        {"[{\"check\":\"a\",\"vote\":\"up\",\"since_ms\":-1,\"latency_ms\":1,\"reason\":\"\"}]",
         "since_ms"},
        {"[{\"check\":\"a\",\"vote\":\"up\",\"since_ms\":1.5,\"latency_ms\":1,\"reason\":\"\"}]",
         "since_ms"},
        {"[{\"check\":\"a\",\"vote\":\"up\",\"since_ms\":9007199254740993,\"latency_ms\":1,"
         "\"reason\":\"\"}]",
         "since_ms"},
        {"[{\"check\":\"a\",\"vote\":\"up\",\"since_ms\":1,\"latency_ms\":65536,\"reason\":\"\"}]",
         "latency_ms"},
        {"[{\"check\":\"a\",\"vote\":\"up\",\"since_ms\":1,\"latency_ms\":1}]", "reason"},
        {"[{\"check\":\"a\",\"vote\":\"up\",\"since_ms\":1,\"latency_ms\":1,\"reason\":\"\\u00e9\"}"
         "]",
         "reason"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct diag diag;
        char quoted[32];
        snprintf(quoted, sizeof quoted, "\"%s\"", cases[i].names);
        assert_int_equal(parse_results(cases[i].results, &diag), ERR_SYNTAX);
        if (!strstr(diag.text, quoted))
            fail_msg("case %zu does not name %s: %s", i, quoted, diag.text);
    }
}

static void test_a_reason_of_120_bytes_is_the_longest(void **state)
{
    (void)state;
    char results[512], reason[VOTE_REASON_MAX + 1];
    memset(reason, 'x', sizeof reason);
    for (int len = VOTE_REASON_MAX - 1; len <= VOTE_REASON_MAX; len++) {
        snprintf(results, sizeof results,
                 "[{\"check\":\"a\",\"vote\":\"up\",\"since_ms\":1,\"latency_ms\":1,\"reason\":\"%."
                 "*s\"}]",
                 len, reason);
        assert_int_equal(parse_results(results, NULL), len < VOTE_REASON_MAX ? OK : ERR_SYNTAX);
    }
}

static void test_members_that_are_not_known_are_passed_over(void **state)
{
    (void)state;
    assert_int_equal(
        parse_results(
            "[{\"check\":\"a\",\"vote\":\"up\",\"since_ms\":1,\"latency_ms\":1,\"reason\":\"\","
            "\"certificate_days\":3}]",
            NULL),
        OK);
}

static void test_bad_heads_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "7",
        "{",
        "{}",
        "{\"vantage\":\"\",\"seq\":1,\"clock_ms\":1}",
        "{\"vantage\":\"a\",\"seq\":-1,\"clock_ms\":1}",
        "{\"vantage\":\"a\",\"seq\":\"1\",\"clock_ms\":1}",
        "{\"vantage\":\"a\",\"seq\":1}",
        "{\"vantage\":\"a\",\"seq\":1,\"seq\":2,\"clock_ms\":1}",
        "{\"vantage\":\"a\\u0000b\",\"seq\":1,\"clock_ms\":1}",
        "{\"vantage\":\"a\",\"seq\":1,\"clock_ms\":1} x",
        "{\"vantage\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"seq\":"
        "1,\"clock_ms\":1}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct batch_head parsed;
        assert_int_equal(batch_parse_request(bad[i], strlen(bad[i]), &parsed, NULL), ERR_SYNTAX);
    }
}

static void test_a_body_over_the_limit_is_refused_unread(void **state)
{
    (void)state;
    struct batch_head parsed;
    assert_int_equal(batch_parse_request("", (size_t)BATCH_LEN_MAX + 1, &parsed, NULL), ERR_LIMIT);
}

static void test_more_results_than_the_limit_are_refused(void **state)
{
    (void)state;
    struct buffer text = {0};
    struct batch_votes votes;
    const char *start = "{\"vantage\":\"a\",\"seq\":1,\"clock_ms\":2,\"results\":[0";
    buffer_put(&text, start, strlen(start));
    for (int i = 0; i < BATCH_RESULTS_MAX; i++)
        buffer_put(&text, ",0", 2);
    buffer_put(&text, "]}", 2);
    struct diag diag;
    assert_int_equal(batch_parse_votes(text.bytes, text.len, &votes, &diag), ERR_SYNTAX);
    assert_string_equal(diag.text, "votes: \"results\" is not a list of at most 8192");
    buffer_fini(&text);
}

static void test_a_request_comes_back_as_it_was(void **state)
{
    (void)state;
    struct buffer text = {0};
    struct batch_head parsed;
    assert_int_equal(batch_print_request(&head, &text, NULL), OK);
    assert_int_equal(batch_parse_request(text.bytes, text.len, &parsed, NULL), OK);
    assert_string_equal(parsed.vantage, head.vantage);
    assert_int_equal(parsed.seq, head.seq);
    assert_int_equal(parsed.clock_ms, head.clock_ms);
    buffer_fini(&text);
}

static void test_a_reply_comes_back_as_it_was(void **state)
{
    (void)state;
    const char *ids[] = {"web 192.0.2.1", "web 192.0.2.2"};
    for (size_t count = 0; count <= 2; count++) {
        const struct batch_reply reply = {
            .checks_generation = 9, .clock_ms = 10, .rechecks = ids, .rechecks_count = count};
        struct buffer text = {0};
        struct batch_reply parsed;
        assert_int_equal(batch_print_reply(&reply, &text, NULL), OK);
        assert_int_equal(batch_parse_reply(text.bytes, text.len, &parsed, NULL), OK);
        assert_int_equal(parsed.checks_generation, 9);
        assert_int_equal(parsed.clock_ms, 10);
        assert_int_equal(parsed.rechecks_count, count);
        for (size_t i = 0; i < count; i++)
            assert_string_equal(parsed.rechecks[i], ids[i]);
        batch_reply_fini(&parsed);
        buffer_fini(&text);
    }
}

static void test_bad_replies_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"checks_generation\":1,\"clock_ms\":1}",
        "{\"checks_generation\":1,\"clock_ms\":1,\"recheck\":[1]}",
        "{\"checks_generation\":1,\"clock_ms\":1,\"recheck\":[\"a\\tb\"]}",
        "{\"checks_generation\":true,\"clock_ms\":1,\"recheck\":[]}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct batch_reply parsed;
        assert_int_equal(batch_parse_reply(bad[i], strlen(bad[i]), &parsed, NULL), ERR_SYNTAX);
    }
}

static struct check sample(void)
{
    return (struct check){.id = "web 192.0.2.1",
                          .type = CHECK_HTTPS,
                          .address = "192.0.2.1",
                          .port = 443,
                          .host = "www.example.com",
                          .path = "/healthz?x=\"y\"",
                          .method = "HEAD",
                          .expect_status = {.count = 1, .ranges = {{200, 299}}},
                          .expect_body = "ok\n",
                          .tls_verify = true,
                          .interval_ms = 10000,
                          .timeout_ms = 3000,
                          .fall = 3,
                          .rise = 2,
                          .latency_max_ms = 500};
}

static void test_checks_come_back_as_they_were(void **state)
{
    (void)state;
    struct check checks[] = {sample(), sample()};
    checks[1].type = CHECK_TCP;
    checks[1].expect_status.count = 0;
    checks[1].host = checks[1].path = checks[1].method = checks[1].expect_body = "";
    checks[1].tls_verify = false;
    const struct batch_checks list = {
        .generation = 4, .phase = 0.4, .checks = checks, .checks_count = 2};
    struct buffer text = {0};
    struct batch_checks parsed;
    assert_int_equal(batch_print_checks(&list, &text, NULL), OK);
    assert_int_equal(batch_parse_checks(text.bytes, text.len, &parsed, NULL), OK);
    assert_int_equal(parsed.generation, 4);
    assert_true(parsed.phase == 0.4);
    assert_int_equal(parsed.checks_count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct check *got = &parsed.checks[i], *want = &checks[i];
        assert_string_equal(got->id, want->id);
        assert_int_equal(got->type, want->type);
        assert_string_equal(got->address, want->address);
        assert_int_equal(got->port, want->port);
        assert_string_equal(got->host, want->host);
        assert_string_equal(got->path, want->path);
        assert_string_equal(got->method, want->method);
        assert_int_equal(got->expect_status.count, want->expect_status.count);
        assert_string_equal(got->expect_body, want->expect_body);
        assert_int_equal(got->tls_verify, want->tls_verify);
        assert_int_equal(got->interval_ms, want->interval_ms);
        assert_int_equal(got->timeout_ms, want->timeout_ms);
        assert_int_equal(got->fall, want->fall);
        assert_int_equal(got->rise, want->rise);
        assert_int_equal(got->latency_max_ms, want->latency_max_ms);
    }
    batch_checks_fini(&parsed);
    buffer_fini(&text);
}

static void test_a_check_that_cannot_run_makes_the_list_fail(void **state)
{
    (void)state;
    struct check check = sample();
    check.path = "no slash";
    const struct batch_checks list = {.checks = &check, .checks_count = 1};
    struct buffer text = {0};
    struct batch_checks parsed;
    struct diag diag;
    assert_int_equal(batch_print_checks(&list, &text, NULL), OK);
    assert_int_equal(batch_parse_checks(text.bytes, text.len, &parsed, &diag), ERR_SYNTAX);
    assert_string_equal(diag.text,
                        "check \"web 192.0.2.1\": path does not begin with / or is not printable");
    buffer_fini(&text);
}

static void test_bad_lists_of_checks_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"generation\":1,\"phase\":1,\"checks\":[]}",
        "{\"generation\":1,\"phase\":-0.1,\"checks\":[]}",
        "{\"generation\":1,\"phase\":\"0\",\"checks\":[]}",
        "{\"generation\":1,\"phase\":0}",
        "{\"generation\":1,\"phase\":0,\"checks\":[{}]}",
        "{\"phase\":0,\"checks\":[]}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct batch_checks parsed;
        assert_int_equal(batch_parse_checks(bad[i], strlen(bad[i]), &parsed, NULL), ERR_SYNTAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_votes_come_back_as_they_were),
        cmocka_unit_test(test_votes_are_printed_as_documented),
        cmocka_unit_test(test_a_full_batch_of_the_longest_results_fits),
        cmocka_unit_test(test_bad_results_are_refused_by_name),
        cmocka_unit_test(test_a_reason_of_120_bytes_is_the_longest),
        cmocka_unit_test(test_members_that_are_not_known_are_passed_over),
        cmocka_unit_test(test_bad_heads_are_refused),
        cmocka_unit_test(test_a_body_over_the_limit_is_refused_unread),
        cmocka_unit_test(test_more_results_than_the_limit_are_refused),
        cmocka_unit_test(test_a_request_comes_back_as_it_was),
        cmocka_unit_test(test_a_reply_comes_back_as_it_was),
        cmocka_unit_test(test_bad_replies_are_refused),
        cmocka_unit_test(test_checks_come_back_as_they_were),
        cmocka_unit_test(test_a_check_that_cannot_run_makes_the_list_fail),
        cmocka_unit_test(test_bad_lists_of_checks_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
