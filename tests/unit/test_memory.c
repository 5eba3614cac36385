/* tests/unit/test_memory.c - health/ when memory runs out: an error, no leak, and nothing has changed.
 *
 * Linked with --wrap for malloc, calloc, realloc and strdup, so that the Nth allocation of our own
 * objects fails (Jansson's never do: see field.c). Leaks are found by the sanitizers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "health/batch.h"
#include "health/board.h"
#include "health/key.h"
#include "health/tally.h"

#include <stdlib.h>
#include <unistd.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

static unsigned left = 0; /* allocations until the one that fails; 0: none does */
static bool mallocs_fail = true;

static bool is_refused(void)
{
    return left > 0 && --left == 0;
}

void *__wrap_malloc(size_t size)
{
    return mallocs_fail && is_refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return is_refused() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return is_refused() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return is_refused() ? NULL : __real_strdup(text);
}

/* Run `attempt` with its first, second, ... allocation failing, until it needs no more; returns how
 * many failed. */
static unsigned exhaust(enum err (*attempt)(void))
{
    for (unsigned nth = 1;; nth++) {
        left = nth;
        const enum err err = attempt();
        const bool reached = left == 0;
        left = 0;
        if (!reached) {
            assert_int_equal(err, OK);
            return nth - 1;
        }
        assert_int_equal(err, ERR_MEMORY);
    }
}

static enum err make_board(void)
{
    struct board *board = NULL;
    const enum err err = board_new(100, &board, NULL);
    board_close(&board);
    return err;
}

static enum err map_board(void)
{
    struct board *board = NULL;
    int fd = -1;
    assert_int_equal(board_create(100, &fd, NULL), OK);
    const enum err err = board_open(fd, 100, &board, NULL);
    board_close(&board);
    assert_int_equal(close(fd), 0);
    return err;
}

static void test_a_board_without_memory_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(exhaust(make_board), 2);
    assert_int_equal(exhaust(map_board), 1);
}

static const struct tally_vantage vantages[] = {{"a", 1, true}, {"b", 2, true}};
static const struct tally_target targets[] = {
    {.id = "m 1", .interval_ms = 10000, .timeout_ms = 3000, .fall = 3, .verdict = VERDICT_UP},
    {.id = "m 2", .interval_ms = 10000, .timeout_ms = 3000, .fall = 3, .verdict = VERDICT_UP},
};
static const struct tally_config before = {vantages, 2, targets, 2};
static const struct tally_config after = {vantages, 1, targets + 1, 1};

static enum err make_tally(void)
{
    struct tally *tally = NULL;
    const enum err err = tally_new(0, &tally, NULL);
    tally_free(&tally);
    return err;
}

/* A configuration that fails leaves votes, verdicts and numbers as they were. */
static enum err reconfigure_tally(void)
{
    const unsigned nth = left;
    const struct vote down = {.verdict = VERDICT_DOWN, .reason = "timeout"};
    struct tally *tally = NULL;
    left = 0;
    assert_int_equal(tally_new(0, &tally, NULL), OK);
    assert_int_equal(tally_configure(tally, &before, 0, NULL), OK);
    tally_vote(tally, 1, 1, &down, 1000);
    left = nth;
    const enum err err = tally_configure(tally, &after, 2000, NULL);
    if (err) {
        assert_int_equal(tally_find_target(tally, "m 1"), 0);
        assert_int_equal(tally_find_vantage(tally, "b"), 1);
        assert_string_equal(tally_vote_of(tally, 1, 1, 2000).reason, "timeout");
    } else {
        assert_int_equal(tally_find_target(tally, "m 1"), TALLY_NONE);
    }
    tally_free(&tally);
    return err;
}

static void test_a_tally_without_memory_stays_as_it_was(void **state)
{
    (void)state;
    assert_int_equal(exhaust(make_tally), 7);
    assert_int_equal(exhaust(reconfigure_tally), 7); /* five tables and two names */
}

static void test_a_vote_whose_reason_does_not_fit_counts_without_it(void **state)
{
    (void)state;
    const struct vote down = {.verdict = VERDICT_DOWN, .reason = "timeout"};
    struct tally *tally = NULL;
    assert_int_equal(tally_new(0, &tally, NULL), OK);
    assert_int_equal(tally_configure(tally, &before, 0, NULL), OK);
    left = 1;
    tally_vote(tally, 0, 0, &down, 1000);
    assert_int_equal(left, 0);
    tally_vote(tally, 1, 0, &down, 1000);
    const struct tally_report report = tally_step(tally, 1000);
    assert_int_equal(report.changes_count, 1);
    assert_string_equal(report.changes[0].reason, "2 of 2 down: timeout");
    assert_string_equal(tally_vote_of(tally, 0, 0, 1000).reason, "");
    tally_free(&tally);
}

static enum err sign(void)
{
    const unsigned nth = left;
    struct key *key = NULL;
    char text[KEY_SIGNATURE_TEXT_MAX];
    left = 0;
    assert_int_equal(key_generate(&key, NULL), OK);
    left = nth;
    const enum err err = key_sign(key, "domain\n", "body", 4, text, NULL);
    key_free(&key);
    return err;
}

static enum err generate(void)
{
    struct key *key = NULL;
    const enum err err = key_generate(&key, NULL);
    key_free(&key);
    return err;
}

static void test_a_key_without_memory_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(exhaust(generate), 1);
    assert_int_equal(exhaust(sign), 1);
}

static const char votes_text[] =
    "{\"vantage\":\"a\",\"seq\":1,\"clock_ms\":2,\"results\":[{\"check\":\"m 1\",\"vote\":\"up\","
    "\"since_ms\":1,\"latency_ms\":1,\"reason\":\"\"}]}";
static const char reply_text[] = "{\"recheck\":[\"m 1\"],\"checks_generation\":1,\"clock_ms\":2}";
static const char request_text[] = "{\"vantage\":\"a\",\"seq\":1,\"clock_ms\":2}";
static const char checks_text[] =
    "{\"generation\":4,\"phase\":0,\"checks\":[{\"id\":\"m "
    "1\",\"type\":\"tcp\",\"address\":\"192.0.2.1\",\"port\":80,"
    "\"host\":\"\",\"path\":\"\",\"method\":\"\",\"expect_status\":\"\",\"expect_body\":\"\",\"tls_"
    "verify\":false,"
    "\"interval_ms\":100,\"timeout_ms\":100,\"fall\":1,\"rise\":1,\"latency_max_ms\":1}]}";

/* A message read, printed again and let go of. */
static enum err pass_votes(void)
{
    struct batch_votes votes = {0};
    struct buffer text = {0};
    enum err err = batch_parse_votes(votes_text, sizeof votes_text - 1, &votes, NULL);
    if (!err)
        err = batch_print_votes(&votes.head, votes.results, votes.results_count, &text, NULL);
    batch_votes_fini(&votes);
    buffer_fini(&text);
    return err;
}

static enum err pass_reply(void)
{
    struct batch_reply reply = {0};
    struct buffer text = {0};
    enum err err = batch_parse_reply(reply_text, sizeof reply_text - 1, &reply, NULL);
    if (!err)
        err = batch_print_reply(&reply, &text, NULL);
    batch_reply_fini(&reply);
    buffer_fini(&text);
    return err;
}

static enum err pass_request(void)
{
    struct batch_head head;
    struct buffer text = {0};
    enum err err = batch_parse_request(request_text, sizeof request_text - 1, &head, NULL);
    if (!err)
        err = batch_print_request(&head, &text, NULL);
    buffer_fini(&text);
    return err;
}

static enum err pass_checks(void)
{
    struct batch_checks checks = {0};
    struct buffer text = {0};
    enum err err = batch_parse_checks(checks_text, sizeof checks_text - 1, &checks, NULL);
    if (!err)
        err = batch_print_checks(&checks, &text, NULL);
    batch_checks_fini(&checks);
    buffer_fini(&text);
    return err;
}

static void test_a_message_without_memory_is_an_error(void **state)
{
    (void)state;
    mallocs_fail = false; /* that is how Jansson's are made */
    assert_true(exhaust(pass_votes) >= 2);
    assert_true(exhaust(pass_reply) >= 2);
    assert_true(exhaust(pass_request) >= 1);
    assert_true(exhaust(pass_checks) >= 2);
    mallocs_fail = true;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_board_without_memory_is_an_error),
        cmocka_unit_test(test_a_tally_without_memory_stays_as_it_was),
        cmocka_unit_test(test_a_vote_whose_reason_does_not_fit_counts_without_it),
        cmocka_unit_test(test_a_key_without_memory_is_an_error),
        cmocka_unit_test(test_a_message_without_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
