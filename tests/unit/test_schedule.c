/* tests/unit/test_schedule.c - when probes run, how many, and in which order their results are
 * found. */
#include "common/clock.h"
#include "prober/lag.h"
#include "prober/schedule.h"
#include "tests/unit/prober_rig.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>

#include <string.h>

enum { TASKS_MAX = 16 };

struct fixture {
    struct rig rig;
    struct schedule *schedule;
    struct task tasks[TASKS_MAX];
    size_t tasks_count;
    unsigned news_count;
    struct rig_raw *mute; /* NULL unless there is one */
};

static void count_news(void *context, const struct task *task)
{
    struct fixture *fixture = context;
    (void)task;
    fixture->news_count++;
}

static void set_up(struct fixture *fixture, size_t probes_max)
{
    *fixture = (struct fixture){0};
    rig_init(&fixture->rig, NULL);
    const struct schedule_news news = {count_news, fixture};
    assert_int_equal(schedule_new(&fixture->rig.gear, probes_max, news, &fixture->schedule, NULL),
                     OK);
}

static void tear_down(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->tasks_count; i++)
        schedule_remove(fixture->schedule, &fixture->tasks[i]);
    schedule_free(&fixture->schedule);
    if (fixture->mute)
        rig_raw_free(&fixture->mute);
    rig_fini(&fixture->rig);
}

static struct task *add(struct fixture *fixture, const struct check *check, const struct task *like)
{
    struct task *task = &fixture->tasks[fixture->tasks_count++];
    task->check = *check;
    assert_int_equal(schedule_add(fixture->schedule, task, 0.25, like, NULL), OK);
    return task;
}

/* A tcp check that is due soon, and often. */
static struct check quick_check(const struct listen *at)
{
    struct check check = rig_check(CHECK_TCP, at);
    check.interval_ms = CHECK_INTERVAL_MIN_MS;
    check.timeout_ms = CHECK_INTERVAL_MIN_MS;
    return check;
}

/* One that is due some time tomorrow. */
static struct check rare_check(const struct listen *at)
{
    struct check check = rig_check(CHECK_TCP, at);
    check.interval_ms = CHECK_INTERVAL_MAX_MS;
    return check;
}

static bool is_probed(const void *context)
{
    const struct task *task = context;
    return task->result_no > 0;
}

static bool is_down(const void *context)
{
    const struct task *task = context;
    return task->probe.vote.verdict == VERDICT_DOWN;
}

static void test_a_due_check_is_probed_again_and_again(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, 4);
    const struct listen at = rig_closed_port();
    const struct check check = quick_check(&at);
    const struct task *task = add(&f, &check, NULL);
    rig_wait(&f.rig, is_down, task);
    assert_string_equal(task->probe.vote.reason, "connection refused");
    assert_int_equal(f.news_count, 1);
    const uint64_t first_no = task->result_no;
    while (task->result_no < first_no + 3)
        assert_int_not_equal(event_base_loop(f.rig.base, EVLOOP_ONCE), -1);
    assert_int_equal(f.news_count, 1); /* a vote that stays is no news */
    tear_down(&f);
}

static void test_from_up_doubt_and_the_turn_are_news(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, 4);
    const struct listen at = rig_closed_port();
    const struct check check = quick_check(&at);
    struct task before = {
        .probe = {.settled = VERDICT_UP, .vote = {.verdict = VERDICT_UP, .latency_ms = 7}}};
    const struct task *task = add(&f, &check, &before);
    assert_int_equal(task->probe.vote.verdict, VERDICT_UP);
    rig_wait(&f.rig, is_probed, task);
    assert_true(vote_is_doubtful(&task->probe.vote));
    assert_int_equal(f.news_count, 1);
    rig_wait(&f.rig, is_down, task);
    assert_int_equal(f.news_count, 2);
    assert_int_equal(task->result_no, check.fall);
    tear_down(&f);
}

static void test_hurry_brings_a_probe_forward(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, 4);
    const struct listen at = rig_closed_port();
    const struct check check = rare_check(&at);
    struct task *task = add(&f, &check, NULL);
    schedule_hurry(f.schedule, task);
    rig_wait(&f.rig, is_probed, task);
    assert_int_equal(task->probe.vote.verdict, VERDICT_DOWN);
    tear_down(&f);
}

static void test_results_are_found_in_the_order_they_came(void **state)
{
    (void)state;
    static const size_t order[] = {2, 0, 1, 2, 2, 0};
    struct fixture f;
    set_up(&f, 4);
    const struct listen at = rig_closed_port();
    struct check check = rare_check(&at);
    check.timeout_ms = CHECK_TIMEOUT_MIN_MS;
    for (size_t i = 0; i < 3; i++)
        (void)add(&f, &check, NULL);
    assert_null(schedule_after(f.schedule, 0));
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        schedule_hurry(f.schedule, &f.tasks[order[i]]);
        while (schedule_last_no(f.schedule) == i)
            assert_int_not_equal(event_base_loop(f.rig.base, EVLOOP_ONCE), -1);
    }
    /* The last results are 3 of task 1, 5 of task 2 and 6 of task 0. */
    const struct task *task = schedule_after(f.schedule, 0);
    assert_ptr_equal(task, &f.tasks[1]);
    assert_ptr_equal(task->newer, &f.tasks[2]);
    assert_ptr_equal(task->newer->newer, &f.tasks[0]);
    assert_null(task->newer->newer->newer);
    assert_ptr_equal(schedule_after(f.schedule, 3), &f.tasks[2]);
    assert_ptr_equal(schedule_after(f.schedule, 5), &f.tasks[0]);
    assert_null(schedule_after(f.schedule, 6));
    tear_down(&f);
}

static void test_a_removed_task_leaves_the_order_whole(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, 4);
    const struct listen at = rig_closed_port();
    const struct check check = rare_check(&at);
    for (size_t i = 0; i < 3; i++) {
        schedule_hurry(f.schedule, add(&f, &check, NULL));
        rig_wait(&f.rig, is_probed, &f.tasks[i]);
    }
    schedule_remove(f.schedule, &f.tasks[1]);
    const struct task *task = schedule_after(f.schedule, 0);
    assert_ptr_equal(task, &f.tasks[0]);
    assert_ptr_equal(task->newer, &f.tasks[2]);
    schedule_remove(f.schedule, &f.tasks[0]);
    schedule_remove(f.schedule, &f.tasks[2]);
    assert_null(schedule_after(f.schedule, 0));
    f.tasks_count = 0;
    tear_down(&f);
}

static size_t count_running(const struct fixture *fixture)
{
    size_t count = 0;
    for (size_t i = 0; i < fixture->tasks_count; i++)
        count += fixture->tasks[i].running;
    return count;
}

static bool is_given_up(const void *context)
{
    const struct fixture *fixture = context;
    assert_in_range(count_running(fixture), 0, 2);
    for (size_t i = 0; i < fixture->tasks_count; i++)
        if (strcmp(fixture->tasks[i].probe.vote.reason, "prober: too many probes at once") == 0)
            return fixture->tasks[i].probe.vote.verdict == VERDICT_UNKNOWN;
    return false;
}

static void test_too_many_probes_wait_and_are_given_up_as_unknown(void **state)
{
    (void)state;
    struct fixture f;
    struct listen at;
    set_up(&f, 2);
    f.mute = rig_raw_new(&f.rig, "", 0, RIG_STAY, &at);
    struct check check = quick_check(&at);
    check.type = CHECK_HTTPS; /* a handshake that nobody answers takes the whole timeout */
    for (size_t i = 0; i < 8; i++)
        (void)add(&f, &check, NULL);
    rig_wait(&f.rig, is_given_up, &f);
    tear_down(&f);
}

static void stand_still(int64_t ms)
{
    const int64_t until_ms = clock_mono_ms() + ms;
    while (clock_mono_ms() < until_ms)
        continue;
}

static void test_a_failure_across_a_stall_is_unknown(void **state)
{
    (void)state;
    struct fixture f;
    struct listen at;
    set_up(&f, 4);
    f.mute = rig_raw_new(&f.rig, "", 0, RIG_STAY, &at);
    struct check check = rare_check(&at);
    check.type = CHECK_HTTP;
    check.timeout_ms = 100;
    struct task *task = add(&f, &check, NULL);
    schedule_hurry(f.schedule, task);
    while (!task->running)
        assert_int_not_equal(event_base_loop(f.rig.base, EVLOOP_ONCE), -1);
    stand_still(2 * LAG_STALL_MS);
    rig_wait(&f.rig, is_probed, task);
    assert_string_equal(task->probe.vote.reason, "prober: was stalled");
    assert_int_equal(task->probe.vote.verdict, VERDICT_UNKNOWN);
    tear_down(&f);
}

static void test_another_phase_plans_anew_even_while_a_probe_runs(void **state)
{
    (void)state;
    struct fixture f;
    struct listen at;
    set_up(&f, 4);
    f.mute = rig_raw_new(&f.rig, "", 0, RIG_STAY, &at);
    struct check check = quick_check(&at);
    check.type = CHECK_HTTP;
    struct task *task = add(&f, &check, NULL);
    schedule_rephase(f.schedule, task, 0.75);
    while (!task->running)
        assert_int_not_equal(event_base_loop(f.rig.base, EVLOOP_ONCE), -1);
    schedule_rephase(f.schedule, task, 0.5);
    rig_wait(&f.rig, is_down, task);
    assert_true(task->probe.plan.phase == check_plan(&check, 0.5).phase);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_due_check_is_probed_again_and_again),
        cmocka_unit_test(test_from_up_doubt_and_the_turn_are_news),
        cmocka_unit_test(test_hurry_brings_a_probe_forward),
        cmocka_unit_test(test_results_are_found_in_the_order_they_came),
        cmocka_unit_test(test_a_removed_task_leaves_the_order_whole),
        cmocka_unit_test(test_too_many_probes_wait_and_are_given_up_as_unknown),
        cmocka_unit_test(test_a_failure_across_a_stall_is_unknown),
        cmocka_unit_test(test_another_phase_plans_anew_even_while_a_probe_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
