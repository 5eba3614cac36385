/* tests/unit/test_verdicts_memory.c - a new world when memory runs out: an error, no leak, and the old one
 * stands.
 *
 * Linked with --wrap for malloc, calloc and strdup, so that the Nth allocation of our own objects fails.
 * Leaks are found by the sanitizers.
 */
#include "server/control/verdicts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/roster_fixture.h"

#define WWW "www.example.com"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
char *__wrap_strdup(const char *text);

static unsigned left = 0; /* allocations until the one that fails; 0: none does */

static bool is_refused(void)
{
    return left > 0 && --left == 0;
}

void *__wrap_malloc(size_t size)
{
    return is_refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return is_refused() ? NULL : __real_calloc(count, size);
}

char *__wrap_strdup(const char *text)
{
    return is_refused() ? NULL : __real_strdup(text);
}

static const struct fixture_row old_rows[] = {
    {SUBJECT_POOL, 300, WWW, "eu", NULL, NULL, NULL},
    {SUBJECT_ENDPOINT, 400, WWW, "eu", "192.0.2.1", "192.0.2.1", "web"},
};
static const struct fixture_row new_rows[] = {
    {SUBJECT_POOL, 300, WWW, "eu", NULL, NULL, NULL},
    {SUBJECT_ENDPOINT, 400, WWW, "eu", "192.0.2.1", "192.0.2.1", NULL},
    {SUBJECT_ENDPOINT, 401, WWW, "eu", "192.0.2.2", "192.0.2.2", "web"},
};
enum { VANTAGES = 1, SLOTS = 1024, ATTEMPTS_MAX = 200 };

static const struct moment now = {.mono_ms = 50000, .wall_ms = 1700000000000};

static void vote_down(struct verdicts *verdicts)
{
    struct batch_result result = {.check = "web 192.0.2.1", .vote = {.verdict = VERDICT_DOWN}};
    const struct batch_votes votes = {.results = &result, .results_count = 1};
    verdicts_tally(verdicts, verdicts_sender(verdicts, "v0"), &votes, now);
    verdicts_tick(verdicts, now);
}

static void test_a_world_for_which_there_is_no_memory_changes_nothing(void **state)
{
    (void)state;
    struct fixture old = fixture_open(old_rows, 2, VANTAGES, NULL),
                   next = fixture_open(new_rows, 3, VANTAGES, NULL);
    struct board *board;
    struct verdicts *verdicts;
    assert_int_equal(board_new(SLOTS, &board, NULL), OK);
    assert_int_equal(verdicts_new(board, NULL, now, &verdicts, NULL), OK);
    assert_int_equal(verdicts_configure(verdicts, old.roster, now, NULL), OK);
    vote_down(verdicts);
    enum err err = ERR_MEMORY;
    unsigned attempt = 0;
    while (err == ERR_MEMORY && attempt < ATTEMPTS_MAX) {
        struct diag diag = {""};
        left = ++attempt;
        err = verdicts_configure(verdicts, next.roster, now, &diag);
        left = 0;
        if (err == OK)
            break;
        assert_int_equal(err, ERR_MEMORY);
        assert_non_null(strstr(diag.text, "out of memory"));
        assert_int_equal(board_get(board, 400).verdict, VERDICT_DOWN);
        assert_int_equal(verdicts_checks(verdicts)->roster == old.roster, 1);
    }
    assert_int_equal(err, OK);
    assert_true(attempt > 10);
    assert_int_equal(board_get(board, 400).verdict, VERDICT_UNKNOWN);
    verdicts_free(&verdicts);
    board_close(&board);
    fixture_close(&old);
    fixture_close(&next);
}

static void test_verdicts_that_find_no_memory_are_not_made(void **state)
{
    (void)state;
    struct board *board;
    struct verdicts *verdicts = NULL;
    assert_int_equal(board_new(SLOTS, &board, NULL), OK);
    enum err err = ERR_MEMORY;
    for (unsigned attempt = 1; err != OK && attempt < ATTEMPTS_MAX; attempt++) {
        left = attempt;
        err = verdicts_new(board, NULL, now, &verdicts, NULL);
        left = 0;
        assert_true(err == OK || (err == ERR_MEMORY && !verdicts));
    }
    assert_int_equal(err, OK);
    verdicts_free(&verdicts);
    board_close(&board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_world_for_which_there_is_no_memory_changes_nothing),
        cmocka_unit_test(test_verdicts_that_find_no_memory_are_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
