#include "prober/schedule.h"

#include "common/clock.h"
#include "common/log.h"
#include "prober/lag.h"
#include "prober/runner.h"
#include "prober/trouble.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>

enum { WARN_EVERY_MS = 60 * 1000 };

struct schedule {
    const struct gear *gear;
    struct schedule_news news;
    size_t probes_max;
    size_t running_count;
    uint64_t last_no;
    struct task *oldest, *newest; /* by result_no */
    struct task *first, *last;    /* of those that wait */
    struct event *room;           /* made active when one that waits may start */
    struct lag lag;
    struct event *tick;
    int64_t wall_offset_ms; /* wall time at start less monotonic time */
    int64_t warned_ms;
    struct rng rng;
};

/* The clock of health/probe.h: wall time at start, monotonic from there. */
static int64_t now_ms(const struct schedule *schedule)
{
    return clock_mono_ms() + schedule->wall_offset_ms;
}

/* One line a minute at most. */
static void warn(struct schedule *schedule, const char *event, const char *what, int64_t number)
{
    const int64_t now = clock_mono_ms();
    if (now - schedule->warned_ms < WARN_EVERY_MS)
        return;
    schedule->warned_ms = now;
    struct log_line line;
    log_begin(&line, LOG_LEVEL_WARNING, event);
    log_number(&line, what, number);
    log_end(&line);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    struct schedule *schedule = context;
    (void)fd;
    (void)what;
    const int64_t stall_ms = lag_tick(&schedule->lag, clock_mono_ms());
    if (stall_ms > 0)
        warn(schedule, "stalled", "stall_ms", stall_ms);
}

/* The chain of results ------------------------------------------------------------------------- */

static void unchain(struct schedule *schedule, struct task *task)
{
    if (task->result_no == 0)
        return;
    *(task->older ? &task->older->newer : &schedule->oldest) = task->newer;
    *(task->newer ? &task->newer->older : &schedule->newest) = task->older;
}

static void chain_newest(struct schedule *schedule, struct task *task)
{
    unchain(schedule, task);
    task->result_no = ++schedule->last_no;
    task->older = schedule->newest;
    task->newer = NULL;
    *(task->older ? &task->older->newer : &schedule->oldest) = task;
    schedule->newest = task;
}

uint64_t schedule_last_no(const struct schedule *schedule)
{
    return schedule->last_no;
}

const struct task *schedule_after(const struct schedule *schedule, uint64_t no)
{
    const struct task *after = NULL;
    for (const struct task *task = schedule->newest; task && task->result_no > no;
         task = task->older)
        after = task;
    return after;
}

/* Those that wait ------------------------------------------------------------------------------ */

static void put_waiting(struct schedule *schedule, struct task *task)
{
    task->waiting = true;
    task->ahead = schedule->last;
    task->behind = NULL;
    *(task->ahead ? &task->ahead->behind : &schedule->first) = task;
    schedule->last = task;
}

static void take_waiting(struct schedule *schedule, struct task *task)
{
    task->waiting = false;
    *(task->ahead ? &task->ahead->behind : &schedule->first) = task->behind;
    *(task->behind ? &task->behind->ahead : &schedule->last) = task->ahead;
}

/* Probes --------------------------------------------------------------------------------------- */

/* Whether the vote says something that a nameserver should hear at once. */
static bool is_news(const struct vote *before, const struct vote *after)
{
    return before->verdict != after->verdict || vote_is_doubtful(before) != vote_is_doubtful(after);
}

static void arm(struct task *task)
{
    const struct timeval in = clock_timeval(task->probe.due_ms - now_ms(task->schedule));
    (void)event_add(task->due, &in);
}

/* Take a result into the vote, and plan the next probe. */
static void settle(struct task *task, const struct probe_result *result)
{
    struct schedule *schedule = task->schedule;
    const struct vote before = task->probe.vote;
    probe_finish(&task->probe, result, now_ms(schedule), &schedule->rng);
    chain_newest(schedule, task);
    arm(task);
    if (is_news(&before, &task->probe.vote))
        schedule->news.call(schedule->news.context, task);
}

static void give_up(struct task *task)
{
    const struct probe_result result = trouble_unknown("prober: too many probes at once");
    warn(task->schedule, "overloaded", "probes_max", (int64_t)task->schedule->probes_max);
    probe_begin(&task->probe, now_ms(task->schedule));
    settle(task, &result);
}

static void start(struct task *task)
{
    task->running = true;
    task->schedule->running_count++;
    task->began_ms = clock_mono_ms();
    probe_begin(&task->probe, now_ms(task->schedule));
    runner_start(task->runner);
}

/* There is room: start who has waited longest. */
static void on_room(evutil_socket_t fd, short what, void *context)
{
    struct schedule *schedule = context;
    (void)fd;
    (void)what;
    while (schedule->first && schedule->running_count < schedule->probes_max) {
        struct task *task = schedule->first;
        take_waiting(schedule, task);
        if (now_ms(schedule) - task->probe.due_ms >= task->check.interval_ms)
            give_up(task);
        else
            start(task);
    }
}

/* A bad result is worth nothing when the loop stood still meanwhile. */
static bool is_spoiled(const struct task *task, const struct probe_result *result)
{
    const uint32_t max_ms = task->check.latency_max_ms;
    const bool good = result->outcome == PROBE_OK && (max_ms == 0 || result->latency_ms <= max_ms);
    return !good && lag_spoiled(&task->schedule->lag, task->began_ms, clock_mono_ms());
}

static void stop_running(struct task *task)
{
    struct schedule *schedule = task->schedule;
    task->running = false;
    schedule->running_count--;
    if (schedule->first)
        event_active(schedule->room, EV_TIMEOUT, 0);
}

/* struct finish: the probe has ended. */
static void on_result(void *context, const struct probe_result *result)
{
    struct task *task = context;
    const struct probe_result stalled = trouble_unknown("prober: was stalled");
    stop_running(task);
    settle(task, is_spoiled(task, result) ? &stalled : result);
}

static void on_due(evutil_socket_t fd, short what, void *context)
{
    struct task *task = context;
    struct schedule *schedule = task->schedule;
    (void)fd;
    (void)what;
    if (now_ms(schedule) <
        task->probe.due_ms) /* a timer of the loop may be early by its resolution */
        arm(task);
    else if (schedule->first || schedule->running_count >= schedule->probes_max)
        put_waiting(schedule, task);
    else
        start(task);
}

/* The schedule --------------------------------------------------------------------------------- */

static bool set_events(struct schedule *schedule)
{
    const struct timeval every = clock_timeval(LAG_TICK_MS);
    schedule->room = evtimer_new(schedule->gear->base, on_room, schedule);
    schedule->tick = event_new(schedule->gear->base, -1, EV_PERSIST, on_tick, schedule);
    return schedule->room && schedule->tick && event_add(schedule->tick, &every) == 0;
}

enum err schedule_new(const struct gear *gear, size_t probes_max, struct schedule_news news,
                      struct schedule **ret, struct diag *reterr)
{
    uint64_t seed;
    struct schedule *schedule = calloc(1, sizeof *schedule);
    if (!schedule)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    schedule->gear = gear;
    schedule->probes_max = probes_max;
    schedule->news = news;
    schedule->wall_offset_ms = clock_wall_ms() - clock_mono_ms();
    schedule->warned_ms = clock_mono_ms() - WARN_EVERY_MS;
    lag_init(&schedule->lag, clock_mono_ms());
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        seed = (uint64_t)clock_wall_ms();
    rng_init(&schedule->rng, seed);
    if (!set_events(schedule)) {
        schedule_free(&schedule);
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    }
    *ret = schedule;
    return OK;
}

void schedule_free(struct schedule **schedule)
{
    if (!*schedule)
        return;
    assert(!(*schedule)->oldest && !(*schedule)->first && (*schedule)->running_count == 0);
    if ((*schedule)->room)
        event_free((*schedule)->room);
    if ((*schedule)->tick)
        event_free((*schedule)->tick);
    free(*schedule);
    *schedule = NULL;
}

/* Tasks ---------------------------------------------------------------------------------------- */

static void inherit(struct task *task, const struct task *like)
{
    task->probe.settled = like->probe.settled;
    task->probe.vote = like->probe.vote;
}

enum err schedule_add(struct schedule *schedule, struct task *task, double phase,
                      const struct task *like, struct diag *reterr)
{
    const struct probe_plan plan = check_plan(&task->check, phase);
    const struct finish finish = {on_result, task};
    task->schedule = schedule;
    probe_init(&task->probe, &plan, now_ms(schedule), &schedule->rng);
    if (like)
        inherit(task, like);
    task->due = evtimer_new(schedule->gear->base, on_due, task);
    if (!task->due)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    const enum err err = runner_new(schedule->gear, &task->check, finish, &task->runner, reterr);
    if (err) {
        event_free(task->due);
        task->due = NULL;
        return err;
    }
    arm(task);
    return OK;
}

void schedule_remove(struct schedule *schedule, struct task *task)
{
    runner_free(&task->runner);
    event_free(task->due);
    task->due = NULL;
    if (task->running)
        stop_running(task);
    if (task->waiting)
        take_waiting(schedule, task);
    unchain(schedule, task);
}

void schedule_rephase(struct schedule *schedule, struct task *task, double phase)
{
    const struct probe_plan plan = check_plan(&task->check, phase);
    if (task->running || task->waiting)
        task->probe.plan = plan; /* the next probe is planned when this one ends */
    else {
        probe_replan(&task->probe, &plan, now_ms(schedule), &schedule->rng);
        arm(task);
    }
}

void schedule_hurry(struct schedule *schedule, struct task *task)
{
    if (task->waiting || task->running)
        return;
    probe_hurry(&task->probe, now_ms(schedule));
    arm(task);
}
