/* server/control/verdicts_votes.c - what vantage points say, and what they are told. */
#include "server/control/verdicts.h"

#include "common/hash.h"
#include "server/control/verdicts_state.h"

#include <assert.h>
#include <string.h>

struct intake_sender *verdicts_sender(struct verdicts *verdicts, const char *name)
{
    for (size_t v = 0; v < verdicts->world.vantages_count; v++)
        if (strcmp(verdicts->world.vantages[v].sender.name, name) == 0)
            return &verdicts->world.vantages[v].sender;
    return NULL;
}

static uint32_t number_of(const struct verdicts *verdicts, const struct intake_sender *sender)
{
    uint32_t vantage = 0;
    while (vantage < verdicts->world.vantages_count && &verdicts->world.vantages[vantage].sender != sender)
        vantage++;
    assert(vantage < verdicts->world.vantages_count);
    return vantage;
}

/* Queue the vote for health.db if it says something new. */
static void note(struct verdicts_world *world, uint32_t check, uint32_t vantage, const struct vote *vote)
{
    const size_t idx = check * world->vantages_count + vantage;
    struct verdicts_cell *cell = &world->cells[idx];
    const uint32_t reason_hash = (uint32_t)hash_bytes(vote->reason, strlen(vote->reason), 0);
    if (cell->verdict == vote->verdict && cell->reason_hash == reason_hash &&
        !verdicts_moved(cell->latency_ms, vote->latency_ms))
        return;
    if (!cell->dirty)
        world->queue[world->queue_count++] = (uint32_t)idx;
    *cell = (struct verdicts_cell){.verdict = (uint8_t)vote->verdict,
                                   .dirty = true,
                                   .latency_ms = vote->latency_ms,
                                   .reason_hash = reason_hash};
}

void verdicts_tally(struct verdicts *verdicts, const struct intake_sender *sender,
                    const struct batch_votes *votes, struct moment now)
{
    const uint32_t vantage = number_of(verdicts, sender);
    verdicts->world.vantages[vantage].seen_ms = now.wall_ms;
    for (size_t i = 0; i < votes->results_count; i++) {
        const struct batch_result *result = &votes->results[i];
        const uint32_t check = tally_find_target(verdicts->tally, result->check);
        if (check == TALLY_NONE)
            continue;
        tally_vote(verdicts->tally, vantage, check, &result->vote, now.mono_ms);
        note(&verdicts->world, check, vantage, &result->vote);
        verdicts->world.vantages[vantage].votes[result->vote.verdict]++;
    }
}

enum err verdicts_reply(struct verdicts *verdicts, const struct intake_sender *sender, struct moment now,
                        struct buffer *ret, struct diag *reterr)
{
    uint32_t checks[BATCH_RECHECKS_MAX];
    const char *ids[BATCH_RECHECKS_MAX];
    const size_t count =
        tally_take_rechecks(verdicts->tally, number_of(verdicts, sender), checks, BATCH_RECHECKS_MAX);
    for (size_t i = 0; i < count; i++)
        ids[i] = verdicts->world.checks->rows[checks[i]].id;
    const struct batch_reply reply = {.checks_generation = (int64_t)verdicts->world.checks->generation,
                                      .clock_ms = now.wall_ms,
                                      .rechecks = ids,
                                      .rechecks_count = count};
    return batch_print_reply(&reply, ret, reterr);
}

size_t verdicts_vantages(const struct verdicts *verdicts)
{
    return verdicts->world.vantages_count;
}

struct verdicts_attendance verdicts_vantage(const struct verdicts *verdicts, size_t idx)
{
    assert(idx < verdicts->world.vantages_count);
    const struct verdicts_vantage *vantage = &verdicts->world.vantages[idx];
    const struct history_vantage row = verdicts_vantage_row(verdicts, idx);
    struct verdicts_attendance ret = {.name = vantage->sender.name,
                                      .enabled = vantage->sender.enabled,
                                      .suspect = row.suspect,
                                      .fresh = row.votes,
                                      .seen_ms = row.seen_ms};
    memcpy(ret.votes, vantage->votes, sizeof ret.votes);
    return ret;
}
