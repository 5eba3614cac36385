/* health/tally.c - votes in, verdicts out. The roster, which changes seldom, is in tally_configure.c. */
#include "health/tally_state.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bool is_fresh(const struct tally_row *row, const struct tally_cell *cell, int64_t now_ms)
{
    return cell->arrived_ms != INT64_MIN && now_ms - cell->arrived_ms <= row->fresh_ms;
}

/* What the cell says in the verdict's rule. */
static enum verdict effective(const struct tally *tally, const struct tally_row *row,
                              const struct tally_cell *cells, size_t vantage, int64_t now_ms)
{
    if (!tally->vantages[vantage].enabled || !is_fresh(row, &cells[vantage], now_ms))
        return VERDICT_UNKNOWN;
    return (enum verdict)cells[vantage].verdict;
}

/* Votes ---------------------------------------------------------------------------------------- */

static void keep_reason(struct tally_cell *cell, const char *reason)
{
    if (strcmp(cell->reason ? cell->reason : "", reason) == 0)
        return;
    free(cell->reason);
    cell->reason = reason[0] ? strdup(reason) : NULL; /* out of memory: a vote without its reason */
}

/* Put the target into the list of each vantage point that sees nothing wrong with it. */
static void ask_others(struct tally *tally, uint32_t target, int64_t now_ms)
{
    struct tally_row *row = &tally->targets[target];
    const struct tally_cell *cells = tally_state_cells(tally, target);
    if (row->recheck_ms != INT64_MIN && now_ms - row->recheck_ms < row->interval_ms)
        return;
    row->recheck_ms = now_ms;
    for (size_t v = 0; v < tally->vantages_count; v++) {
        struct tally_column *other = &tally->vantages[v];
        const bool content = cells[v].verdict == VERDICT_UP && !cells[v].reason;
        if (!other->enabled || !content || row->rechecks >> v & 1 ||
            other->rechecks_count == TALLY_RECHECKS_MAX)
            continue;
        other->rechecks[other->rechecks_count++] = target;
        row->rechecks |= UINT64_C(1) << v;
    }
}

void tally_vote(struct tally *tally, uint32_t vantage, uint32_t target, const struct vote *vote,
                int64_t now_ms)
{
    assert(vantage < tally->vantages_count && target < tally->targets_count);
    const struct tally_row *row = &tally->targets[target];
    struct tally_cell *cell = &tally_state_cells(tally, target)[vantage];
    const bool fresh = is_fresh(row, cell, now_ms);
    const bool content = fresh && cell->verdict == VERDICT_UP && !cell->reason;

    if (!fresh || cell->verdict != vote->verdict) {
        cell->changed_ms = now_ms;
        tally->wakes[target] = TALLY_WAKE_NOW;
    }
    cell->arrived_ms = now_ms;
    cell->since_ms = vote->since_ms;
    cell->latency_ms = vote->latency_ms;
    cell->verdict = (uint8_t)vote->verdict;
    keep_reason(cell, vote->reason);
    tally->vantages[vantage].seen_ms = now_ms;
    if (content && (vote->verdict == VERDICT_DOWN || vote_is_doubtful(vote)))
        ask_others(tally, target, now_ms);
}

size_t tally_take_rechecks(struct tally *tally, uint32_t vantage, uint32_t *ret, size_t ret_cap)
{
    assert(vantage < tally->vantages_count);
    struct tally_column *column = &tally->vantages[vantage];
    size_t count = 0;
    while (count < ret_cap && column->rechecks_count > 0) {
        const uint32_t target = column->rechecks[--column->rechecks_count];
        tally->targets[target].rechecks &= ~(UINT64_C(1) << vantage);
        ret[count++] = target;
    }
    return count;
}

/* Reasons -------------------------------------------------------------------------------------- */

static bool counts_as_down(const struct tally *tally, uint32_t target, size_t vantage,
                           int64_t now_ms)
{
    return !tally->vantages[vantage].suspect.suspected &&
           effective(tally, &tally->targets[target], tally_state_cells(tally, target), vantage,
                     now_ms) == VERDICT_DOWN;
}

/* The commonest reason of the down votes, the first such one of equals; "" if there is none. */
static const char *common_reason(const struct tally *tally, uint32_t target, int64_t now_ms)
{
    const struct tally_cell *cells = tally_state_cells(tally, target);
    const char *best = "";
    unsigned best_count = 0;
    for (size_t v = 0; v < tally->vantages_count; v++) {
        if (!cells[v].reason || !counts_as_down(tally, target, v, now_ms))
            continue;
        unsigned same = 0;
        for (size_t w = v; w < tally->vantages_count; w++)
            same += cells[w].reason && counts_as_down(tally, target, w, now_ms) &&
                    strcmp(cells[v].reason, cells[w].reason) == 0;
        if (same > best_count) {
            best = cells[v].reason;
            best_count = same;
        }
    }
    return best;
}

/* "4 of 5 up", "3 of 5 up, 1 down: timeout", "3 of 5 down: timeout" or "no votes of 5". */
static void explain(const struct tally *tally, uint32_t target, int64_t now_ms,
                    char ret[TALLY_REASON_MAX])
{
    const struct quorum_count *votes = &tally->targets[target].votes;
    const size_t n = tally->enabled_count;
    if (votes->up == 0 && votes->down == 0) {
        snprintf(ret, TALLY_REASON_MAX, "no votes of %zu", n);
        return;
    }
    if (votes->down == 0) {
        snprintf(ret, TALLY_REASON_MAX, "%u of %zu up", votes->up, n);
        return;
    }
    const char *reason = common_reason(tally, target, now_ms);
    const char *colon = reason[0] ? ": " : "";
    if (votes->up > votes->down)
        snprintf(ret, TALLY_REASON_MAX, "%u of %zu up, %u down%s%s", votes->up, n, votes->down,
                 colon, reason);
    else
        snprintf(ret, TALLY_REASON_MAX, "%u of %zu down%s%s", votes->down, n, colon, reason);
}

/* Judging -------------------------------------------------------------------------------------- */

static enum quorum_rule apply_rule(const struct tally *tally, struct tally_row *row,
                                   const struct tally_cell *cells, int64_t now_ms)
{
    struct quorum_voter voters[TALLY_VANTAGES_MAX];
    size_t count = 0;
    for (size_t v = 0; v < tally->vantages_count; v++) {
        const struct tally_column *column = &tally->vantages[v];
        if (column->enabled)
            voters[count++] = (struct quorum_voter){
                .vote = effective(tally, row, cells, v, now_ms),
                .suspect = column->suspect.suspected,
                .asn = column->asn,
            };
    }
    return quorum_decide(voters, count, quorum_needed(row->quorum, count), &row->votes);
}

/* The fresh votes for `verdict`, suspicions aside. */
static unsigned count_plain(const struct tally *tally, const struct tally_row *row,
                            const struct tally_cell *cells, enum verdict verdict, int64_t now_ms)
{
    unsigned count = 0;
    for (size_t v = 0; v < tally->vantages_count; v++)
        count += effective(tally, row, cells, v, now_ms) == verdict;
    return count;
}

/* Keep the sums of the vantage points in step with what each says of this target. */
static void count_attendance(struct tally *tally, const struct tally_row *row,
                             struct tally_cell *cells, int64_t now_ms)
{
    const unsigned up = count_plain(tally, row, cells, VERDICT_UP, now_ms);
    const unsigned down = count_plain(tally, row, cells, VERDICT_DOWN, now_ms);
    const unsigned needed = quorum_needed(row->quorum, tally->enabled_count);
    const bool contradicted =
        down > 0 && suspect_contradicts(up, down, needed, tally->enabled_count);
    for (size_t v = 0; v < tally->vantages_count; v++) {
        struct tally_column *column = &tally->vantages[v];
        struct tally_cell *cell = &cells[v];
        const enum verdict says = effective(tally, row, cells, v, now_ms);
        const bool patient = now_ms - cell->changed_ms >= row->patience_ms;
        const bool counted = says != VERDICT_UNKNOWN;
        const bool contradicts = contradicted && says == VERDICT_DOWN && patient;
        column->votes = column->votes - cell->counted + counted;
        column->contradicted = column->contradicted - cell->contradicts + contradicts;
        cell->counted = counted;
        cell->contradicts = contradicts;
    }
}

/* When the votes will say something else by themselves: one ages out, or a down vote begins to contradict. */
static int64_t next_wake(const struct tally *tally, const struct tally_row *row,
                         const struct tally_cell *cells, int64_t now_ms)
{
    int64_t wake_ms = flap_due_ms(&row->flap, now_ms);
    for (size_t v = 0; v < tally->vantages_count; v++) {
        if (!is_fresh(row, &cells[v], now_ms))
            continue;
        const int64_t patient_ms = cells[v].changed_ms + row->patience_ms;
        wake_ms = sooner(wake_ms, cells[v].arrived_ms + row->fresh_ms + 1);
        if (cells[v].verdict == VERDICT_DOWN && patient_ms > now_ms)
            wake_ms = sooner(wake_ms, patient_ms);
    }
    return wake_ms;
}

/* Judge one target; a changed verdict is written to `ret` and gives true. */
static bool judge(struct tally *tally, uint32_t target, int64_t now_ms, struct tally_change *ret)
{
    struct tally_row *row = &tally->targets[target];
    struct tally_cell *cells = tally_state_cells(tally, target);
    const enum verdict was = row->verdict;
    const enum quorum_rule rule = apply_rule(tally, row, cells, now_ms);
    row->verdict = flap_step(&row->flap, was, rule, now_ms);
    count_attendance(tally, row, cells, now_ms);
    tally->wakes[target] = next_wake(tally, row, cells, now_ms);
    if (row->verdict == was)
        return false;
    row->since_ms = now_ms;
    *ret = (struct tally_change){
        .target = target, .was = was, .is = row->verdict, .votes = row->votes};
    explain(tally, target, now_ms, ret->reason);
    return true;
}

/* Judge what is due; returns whether something is left. */
static bool judge_due(struct tally *tally, int64_t now_ms, size_t *ret_count)
{
    for (uint32_t target = 0; target < tally->targets_count; target++) {
        if (tally->wakes[target] > now_ms)
            continue;
        if (*ret_count == TALLY_CHANGES_MAX)
            return true;
        *ret_count += judge(tally, target, now_ms, &tally->changes[*ret_count]);
    }
    return false;
}

/* The vantage point became suspect, or is so no more: judge again what it votes down. Returns the
 * longest interval of those. */
static int64_t reconsider(struct tally *tally, uint32_t vantage)
{
    int64_t longest_ms = 0;
    for (uint32_t target = 0; target < tally->targets_count; target++) {
        const int64_t interval_ms = tally->targets[target].interval_ms;
        if (tally_state_cells(tally, target)[vantage].verdict != VERDICT_DOWN)
            continue;
        tally->wakes[target] = TALLY_WAKE_NOW;
        longest_ms = interval_ms > longest_ms ? interval_ms : longest_ms;
    }
    return longest_ms;
}

static void step_suspects(struct tally *tally, int64_t now_ms, struct tally_report *report)
{
    for (uint32_t v = 0; v < tally->vantages_count; v++) {
        struct tally_column *column = &tally->vantages[v];
        const enum suspect_change change =
            suspect_step(&column->suspect, column->votes, column->contradicted, now_ms);
        if (change == SUSPECT_SAME)
            continue;
        const int64_t longest_ms = reconsider(tally, v);
        if (change == SUSPECT_RAISED) {
            column->suspect.agree_ms = SUSPECT_AGREE_INTERVALS * longest_ms;
            report->suspected |= UINT64_C(1) << v;
        } else {
            report->cleared |= UINT64_C(1) << v;
        }
        report->more = true;
    }
}

static enum tally_sight step_sight(struct tally *tally, int64_t now_ms)
{
    /* There may be nothing to see, or nobody to look. */
    bool sighted = tally->targets_count == 0 || tally->vantages_count == 0;
    for (size_t v = 0; v < tally->vantages_count; v++)
        sighted |= tally->vantages[v].votes > 0;
    if (sighted)
        tally->sighted_ms = now_ms;
    const bool was_blind = tally->blind;
    tally->blind = !sighted && (was_blind || now_ms - tally->sighted_ms >= TALLY_BLIND_AFTER_MS);
    if (tally->blind == was_blind)
        return TALLY_SIGHT_SAME;
    return tally->blind ? TALLY_SIGHT_LOST : TALLY_SIGHT_BACK;
}

struct tally_report tally_step(struct tally *tally, int64_t now_ms)
{
    struct tally_report report = {.changes = tally->changes};
    report.more = judge_due(tally, now_ms, &report.changes_count);
    if (report.more)
        return report;
    step_suspects(tally, now_ms, &report);
    report.sight = step_sight(tally, now_ms);
    return report;
}

/* Reading -------------------------------------------------------------------------------------- */

static int compare_latency(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

static uint16_t median_latency(const struct tally *tally, uint32_t target, int64_t now_ms)
{
    const struct tally_cell *cells = tally_state_cells(tally, target);
    uint16_t latencies_ms[TALLY_VANTAGES_MAX];
    size_t count = 0;
    for (size_t v = 0; v < tally->vantages_count; v++)
        if (effective(tally, &tally->targets[target], cells, v, now_ms) == VERDICT_UP)
            latencies_ms[count++] = cells[v].latency_ms;
    if (count == 0)
        return 0;
    qsort(latencies_ms, count, sizeof latencies_ms[0], compare_latency);
    return latencies_ms[(count - 1) / 2];
}

struct tally_status tally_status(const struct tally *tally, uint32_t target, int64_t now_ms)
{
    assert(target < tally->targets_count);
    const struct tally_row *row = &tally->targets[target];
    struct tally_status status = {
        .verdict = row->verdict,
        .since_ms = row->since_ms,
        .votes = row->votes,
        .latency_ms = median_latency(tally, target, now_ms),
    };
    explain(tally, target, now_ms, status.reason);
    return status;
}

struct flap tally_flap(const struct tally *tally, uint32_t target)
{
    assert(target < tally->targets_count);
    return tally->targets[target].flap;
}

struct tally_attendance tally_attendance(const struct tally *tally, uint32_t vantage)
{
    assert(vantage < tally->vantages_count);
    const struct tally_column *column = &tally->vantages[vantage];
    return (struct tally_attendance){
        .seen_ms = column->seen_ms,
        .votes = column->votes,
        .contradicted = column->contradicted,
        .suspect = column->suspect.suspected,
    };
}

struct vote tally_vote_of(const struct tally *tally, uint32_t vantage, uint32_t target,
                          int64_t now_ms)
{
    assert(vantage < tally->vantages_count && target < tally->targets_count);
    const struct tally_cell *cells = tally_state_cells(tally, target);
    struct vote vote = {
        .verdict = effective(tally, &tally->targets[target], cells, vantage, now_ms),
        .latency_ms = cells[vantage].latency_ms,
        .since_ms = cells[vantage].since_ms,
    };
    vote_explain(&vote, cells[vantage].reason ? cells[vantage].reason : "");
    return vote;
}
