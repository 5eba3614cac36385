#include "health/probe.h"

#include <assert.h>
#include <stdio.h>

static int64_t at_least(int64_t value, int64_t floor)
{
    return value > floor ? value : floor;
}

/* The first point of the grid behind `after_ms`, a little late by chance. */
static int64_t next_on_grid(const struct probe_plan *plan, int64_t after_ms, struct rng *rng)
{
    const int64_t jitter_ms = plan->interval_ms / PROBE_JITTER_SHARE;
    const int64_t period_ms = plan->interval_ms - jitter_ms;
    const int64_t origin_ms = (int64_t)(plan->phase * (double)period_ms);
    const int64_t into_ms = ((after_ms - origin_ms) % period_ms + period_ms) % period_ms;
    return after_ms - into_ms + period_ms + rng_below(rng, (uint32_t)jitter_ms + 1);
}

void probe_init(struct probe *probe, const struct probe_plan *plan, int64_t now_ms, struct rng *rng)
{
    assert(plan->timeout_ms > 0 && plan->timeout_ms <= plan->interval_ms);
    assert(plan->fall > 0 && plan->rise > 0 && plan->phase >= 0 && plan->phase < 1);
    *probe = (struct probe){
        .plan = *plan,
        .due_ms = next_on_grid(plan, now_ms, rng),
        .started_ms = now_ms - plan->timeout_ms,
        .vote = {.since_ms = now_ms},
    };
}

void probe_replan(struct probe *probe, const struct probe_plan *plan, int64_t now_ms,
                  struct rng *rng)
{
    struct probe next;
    probe_init(&next, plan, now_ms, rng);
    next.started_ms = probe->started_ms;
    next.due_ms = at_least(next_on_grid(plan, probe->started_ms, rng), now_ms);
    if (probe->due_ms == PROBE_NEVER)
        next.due_ms = PROBE_NEVER;
    next.settled = probe->settled;
    next.row = probe->row;
    next.vote = probe->vote;
    *probe = next;
}

void probe_begin(struct probe *probe, int64_t now_ms)
{
    assert(probe->due_ms != PROBE_NEVER);
    probe->due_ms = PROBE_NEVER;
    probe->started_ms = now_ms;
}

static void settle(struct probe *probe, enum verdict verdict)
{
    probe->settled = verdict;
    probe->row = 0;
}

/* Count a result that says `verdict`, of which it takes `needed` in a row. */
static void count(struct probe *probe, enum verdict verdict, uint32_t needed)
{
    if (probe->settled == verdict || probe->settled == VERDICT_UNKNOWN)
        settle(probe, verdict);
    else if (++probe->row >= needed)
        settle(probe, verdict);
}

static void set_vote(struct probe *probe, enum verdict verdict, int64_t now_ms)
{
    if (probe->vote.verdict == verdict)
        return;
    probe->vote.verdict = verdict;
    probe->vote.since_ms = now_ms;
}

static void take_success(struct probe *probe, uint32_t latency_ms)
{
    count(probe, VERDICT_UP, probe->plan.rise);
    probe->vote.latency_ms =
        (uint16_t)(latency_ms < VOTE_LATENCY_MAX_MS ? latency_ms : VOTE_LATENCY_MAX_MS);
    if (probe->settled == VERDICT_UP)
        vote_explain(&probe->vote, "");
}

static void take_failure(struct probe *probe, const char *reason)
{
    count(probe, VERDICT_DOWN, probe->plan.fall);
    vote_explain(&probe->vote, reason);
}

static bool is_slow(const struct probe *probe, const struct probe_result *result)
{
    const uint32_t max_ms = probe->plan.latency_max_ms;
    return result->outcome == PROBE_OK && max_ms > 0 && result->latency_ms > max_ms;
}

static void take_result(struct probe *probe, const struct probe_result *result)
{
    char slow[VOTE_REASON_MAX];
    if (is_slow(probe, result)) {
        snprintf(slow, sizeof slow, "slower than %u ms", probe->plan.latency_max_ms);
        take_failure(probe, slow);
    } else if (result->outcome == PROBE_OK) {
        take_success(probe, result->latency_ms);
    } else if (result->outcome == PROBE_FAILED) {
        take_failure(probe, result->reason);
    } else {
        vote_explain(&probe->vote, result->reason);
    }
}

void probe_finish(struct probe *probe, const struct probe_result *result, int64_t now_ms,
                  struct rng *rng)
{
    assert(probe->due_ms == PROBE_NEVER);
    take_result(probe, result);
    const bool local = result->outcome == PROBE_UNKNOWN;
    set_vote(probe, local ? VERDICT_UNKNOWN : probe->settled, now_ms);
    const bool falling = !local && probe->settled == VERDICT_UP && probe->row > 0;
    const int64_t next_ms = falling ? probe->started_ms + probe->plan.timeout_ms
                                    : next_on_grid(&probe->plan, probe->started_ms, rng);
    probe->due_ms = at_least(next_ms, now_ms);
}

void probe_hurry(struct probe *probe, int64_t now_ms)
{
    if (probe->due_ms == PROBE_NEVER)
        return;
    const int64_t soonest_ms = at_least(now_ms, probe->started_ms + probe->plan.timeout_ms);
    if (soonest_ms < probe->due_ms)
        probe->due_ms = soonest_ms;
}
