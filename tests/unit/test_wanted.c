/* tests/unit/test_wanted.c - the union of what several nameservers list. The lists ask for
 * probes in a day, so none runs. */
#include "prober/wanted.h"
#include "tests/unit/prober_rig.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

enum { LISTED_MAX = 4 };

struct fixture {
    struct rig rig;
    struct schedule *schedule;
    struct wanted *wanted;
};

static void ignore_news(void *context, const struct task *task)
{
    (void)context;
    (void)task;
}

static void set_up(struct fixture *fixture)
{
    rig_init(&fixture->rig, NULL);
    assert_int_equal(schedule_new(&fixture->rig.gear, 10, (struct schedule_news){ignore_news, NULL},
                                  &fixture->schedule, NULL),
                     OK);
    assert_int_equal(wanted_new(fixture->schedule, &fixture->wanted, NULL), OK);
}

static void tear_down(struct fixture *fixture)
{
    wanted_free(&fixture->wanted);
    schedule_free(&fixture->schedule);
    rig_fini(&fixture->rig);
}

/* Nameserver `server` lists http checks of 127.0.0.1 with these paths, which are their ids too
 * up to a `?`. */
static enum err take(struct fixture *fixture, unsigned server, const char *const paths[LISTED_MAX])
{
    static const struct listen at = {.ip = {.family = IP_V4, .bytes = {127, 0, 0, 1}}, .port = 80};
    char ids[LISTED_MAX][32];
    struct check checks[LISTED_MAX];
    struct batch_checks list = {.generation = 1, .phase = 0.5, .checks = checks};
    for (; list.checks_count < LISTED_MAX && paths[list.checks_count]; list.checks_count++) {
        const size_t i = list.checks_count;
        checks[i] = rig_check(CHECK_HTTP, &at);
        (void)snprintf(ids[i], sizeof ids[i], "%.*s", (int)strcspn(paths[i], "?"), paths[i]);
        checks[i].id = ids[i];
        checks[i].path = paths[i];
        checks[i].interval_ms = CHECK_INTERVAL_MAX_MS;
    }
    return wanted_take(fixture->wanted, server, &list, NULL);
}

#define TAKE(fixture, server, ...)                                                                 \
    assert_int_equal(take(fixture, server, (const char *const[LISTED_MAX]){__VA_ARGS__}), OK)

static void test_what_two_nameservers_list_is_probed_once(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    TAKE(&f, 0, "/a", "/b");
    assert_int_equal(wanted_count(f.wanted), 2);
    TAKE(&f, 1, "/b", "/c");
    assert_int_equal(wanted_count(f.wanted), 3);
    TAKE(&f, 63, "/a", "/b", "/c");
    assert_int_equal(wanted_count(f.wanted), 3);
    tear_down(&f);
}

static void test_a_check_goes_when_nobody_lists_it(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    TAKE(&f, 0, "/a", "/b");
    TAKE(&f, 1, "/b");
    TAKE(&f, 0, NULL);
    assert_int_equal(wanted_count(f.wanted), 1);
    TAKE(&f, 1, NULL);
    assert_int_equal(wanted_count(f.wanted), 0);
    tear_down(&f);
}

static void test_one_id_with_two_definitions_is_two_checks(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    TAKE(&f, 0, "/a?old");
    TAKE(&f, 1, "/a?old");
    TAKE(&f, 0, "/a?new");
    assert_int_equal(wanted_count(f.wanted), 2);
    TAKE(&f, 1, "/a?new");
    assert_int_equal(wanted_count(f.wanted), 1);
    tear_down(&f);
}

static void test_a_check_listed_twice_is_one(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    TAKE(&f, 0, "/a", "/a", "/a");
    assert_int_equal(wanted_count(f.wanted), 1);
    tear_down(&f);
}

static void test_a_recheck_of_what_was_never_listed_is_ignored(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    TAKE(&f, 0, "/a");
    wanted_hurry(f.wanted, 0, "/nonsense");
    wanted_hurry(f.wanted, 1, "/a");
    assert_int_not_equal(event_base_loop(f.rig.base, EVLOOP_NONBLOCK), -1);
    assert_int_equal(schedule_last_no(f.schedule), 0);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_two_nameservers_list_is_probed_once),
        cmocka_unit_test(test_a_check_goes_when_nobody_lists_it),
        cmocka_unit_test(test_one_id_with_two_definitions_is_two_checks),
        cmocka_unit_test(test_a_check_listed_twice_is_one),
        cmocka_unit_test(test_a_recheck_of_what_was_never_listed_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
