/* server/control/verdicts_record.c - what of the verdicts goes to health.db, in which words, and when. */
#include "server/control/verdicts.h"

#include "common/hash.h"
#include "common/log.h"
#include "server/control/verdicts_state.h"
#include "server/control/words.h"

#include <stdio.h>
#include <string.h>

enum {
    VERDICTS_SUBJECT_MAX = 2048, /* bytes of an event's subject: a name of 1024, a region, an address */
    VERDICTS_EVENT_MAX = 1024,   /* bytes of an event's reason; 64 vantage points with long names are cut */
    VERDICTS_LATENCY_SHARE = 4,  /* a latency that moves by a quarter is a new one ... */
    VERDICTS_LATENCY_MIN_MS = 5, /* ... if that is as much as this */
};

enum extent { EXTENT_SUBJECTS, EXTENT_ALL };

bool verdicts_moved(uint32_t was_ms, uint32_t is_ms)
{
    const uint32_t by_ms = was_ms < is_ms ? is_ms - was_ms : was_ms - is_ms;
    const bool appeared = (was_ms == 0) != (is_ms == 0);
    return appeared || (by_ms >= VERDICTS_LATENCY_MIN_MS && by_ms >= was_ms / VERDICTS_LATENCY_SHARE);
}

/* Reasons and events --------------------------------------------------------------------------- */

void verdicts_explain(const struct verdicts *verdicts, uint32_t subject, struct moment now,
                      char ret[TALLY_REASON_MAX])
{
    static const char *const parts[] = {[SUBJECT_REGION] = "pools", [SUBJECT_POOL] = "endpoints"};
    const struct verdicts_world *world = &verdicts->world;
    const struct verdicts_row *row = &world->rows[subject];
    const struct roster_subject *at = &world->roster->subjects[subject];
    const uint32_t check = world->checks->of[subject];
    const enum verdict told = row->verdict == VERDICT_DOWN ? VERDICT_DOWN : VERDICT_UP;
    const uint32_t total = row->counts[VERDICT_UP] + row->counts[VERDICT_DOWN] + row->counts[VERDICT_UNKNOWN];
    if (check != CHECKS_NONE)
        memcpy(ret, tally_status(verdicts->tally, check, now.mono_ms).reason, TALLY_REASON_MAX);
    else if (at->kind == SUBJECT_ENDPOINT)
        (void)snprintf(ret, TALLY_REASON_MAX, "not probed");
    else if (total == 0)
        (void)snprintf(ret, TALLY_REASON_MAX, "no %s", parts[at->kind]);
    else if (at->kind == SUBJECT_POOL && at->min_up > 1)
        (void)snprintf(ret, TALLY_REASON_MAX, "%u of %u endpoints %s; it needs %u", row->counts[told], total,
                       verdict_print(told), at->min_up);
    else
        (void)snprintf(ret, TALLY_REASON_MAX, "%u of %u %s %s", row->counts[told], total, parts[at->kind],
                       verdict_print(told));
}

/* Append " WORD: name name" for the vantage points that vote `verdict` on the check. */
static size_t print_voters(const struct verdicts *verdicts, uint32_t check, enum verdict verdict,
                           int64_t now_ms, char *text, size_t len)
{
    const char *before = verdict_print(verdict);
    const char *between = "; ";
    for (size_t v = 0; v < verdicts->world.vantages_count; v++) {
        const struct manifest_vantage *vantage = &verdicts->world.roster->manifest->vantages[v];
        const enum verdict says = tally_vote_of(verdicts->tally, (uint32_t)v, check, now_ms).verdict;
        if (!vantage->enabled || says != verdict || len >= VERDICTS_EVENT_MAX)
            continue;
        len += (size_t)snprintf(text + len, VERDICTS_EVENT_MAX - len, "%s%s%s%s", between, before,
                                before[0] ? ": " : " ", vantage->name);
        before = between = "";
    }
    return len < VERDICTS_EVENT_MAX ? len : VERDICTS_EVENT_MAX - 1;
}

/* The reason with the votes that made it: "3 of 5 down: timeout; down: ams fra lon; up: nyc sfo". */
static void print_reason(const struct verdicts *verdicts, uint32_t subject, struct moment now,
                         char text[VERDICTS_EVENT_MAX])
{
    const uint32_t check = verdicts->world.checks->of[subject];
    char reason[TALLY_REASON_MAX];
    verdicts_explain(verdicts, subject, now, reason);
    size_t len = (size_t)snprintf(text, VERDICTS_EVENT_MAX, "%s", reason);
    if (check == CHECKS_NONE)
        return;
    len = print_voters(verdicts, check, VERDICT_DOWN, now.mono_ms, text, len);
    len = print_voters(verdicts, check, VERDICT_UP, now.mono_ms, text, len);
    (void)print_voters(verdicts, check, VERDICT_UNKNOWN, now.mono_ms, text, len);
}

void verdicts_put_event(const struct verdicts *verdicts, uint32_t subject, struct moment now)
{
    static const char *const kinds[] = {"region", "pool", "endpoint"};
    const struct roster_subject *at = &verdicts->world.roster->subjects[subject];
    const struct verdicts_row *row = &verdicts->world.rows[subject];
    char name[VERDICTS_SUBJECT_MAX], reason[VERDICTS_EVENT_MAX];
    if (!verdicts->history)
        return;
    (void)snprintf(name, sizeof name, "%s%s%s %s%s%s", kinds[at->kind], at->service[0] ? " " : "",
                   at->service, at->region, at->address[0] ? " " : "", at->address);
    print_reason(verdicts, subject, now, reason);
    history_event(verdicts->history, &(struct history_event){.at_ms = now.wall_ms,
                                                             .subject = name,
                                                             .was = verdict_print(row->was),
                                                             .is = verdict_print(row->verdict),
                                                             .reason = reason});
}

/* Refreshing ----------------------------------------------------------------------------------- */

static void take_status(struct verdicts *verdicts, size_t check, const struct tally_status *status)
{
    const struct verdicts_world *world = &verdicts->world;
    const struct checks_row *row = &world->checks->rows[check];
    for (uint32_t i = 0; i < row->subjects_count; i++) {
        const uint32_t idx = world->checks->subjects[row->subjects_begin + i];
        struct verdicts_row *subject = &world->rows[idx];
        subject->counts[VERDICT_UP] = status->votes.up;
        subject->counts[VERDICT_DOWN] = status->votes.down;
        subject->counts[VERDICT_UNKNOWN] = status->votes.unknown;
        subject->latency_ms = status->latency_ms;
        subject->dirty = true;
        words_set_verdict(verdicts->board, world->roster->subjects[idx].slot, subject->verdict,
                          subject->latency_ms);
    }
}

void verdicts_refresh(struct verdicts *verdicts, struct moment now)
{
    for (uint32_t check = 0; check < verdicts->world.checks->count; check++) {
        struct verdicts_seen *seen = &verdicts->world.seen[check];
        const struct tally_status status = tally_status(verdicts->tally, check, now.mono_ms);
        const uint64_t reason_hash = hash_bytes(status.reason, strlen(status.reason), 0);
        if (memcmp(&seen->votes, &status.votes, sizeof seen->votes) == 0 &&
            seen->reason_hash == reason_hash && !verdicts_moved(seen->latency_ms, status.latency_ms))
            continue;
        *seen = (struct verdicts_seen){.votes = status.votes,
                                       .latency_ms = status.latency_ms,
                                       .reason_hash = reason_hash,
                                       .flapped = seen->flapped};
        take_status(verdicts, check, &status);
    }
}

/* Rows ----------------------------------------------------------------------------------------- */

static void put_subject(const struct verdicts *verdicts, uint32_t idx, struct moment now)
{
    const struct roster_subject *subject = &verdicts->world.roster->subjects[idx];
    const struct verdicts_row *row = &verdicts->world.rows[idx];
    char reason[TALLY_REASON_MAX];
    verdicts_explain(verdicts, idx, now, reason);
    history_put_health(verdicts->history, &(struct history_health){.kind = subject->kind,
                                                                   .service = subject->service,
                                                                   .region = subject->region,
                                                                   .address = subject->address,
                                                                   .verdict = verdict_print(row->verdict),
                                                                   .since_ms = row->since_ms,
                                                                   .up = row->counts[VERDICT_UP],
                                                                   .down = row->counts[VERDICT_DOWN],
                                                                   .unknown = row->counts[VERDICT_UNKNOWN],
                                                                   .latency_ms = row->latency_ms,
                                                                   .reason = reason});
}

struct history_vantage verdicts_vantage_row(const struct verdicts *verdicts, size_t vantage)
{
    const struct verdicts_vantage *from = &verdicts->world.vantages[vantage];
    const struct tally_attendance at = tally_attendance(verdicts->tally, (uint32_t)vantage);
    return (struct history_vantage){
        .name = from->sender.name,
        .seen_ms = from->seen_ms,
        .votes = at.votes,
        .suspect = at.suspect,
        .votes_seq = from->sender.seqs[INTAKE_VOTES],
        .checks_seq = from->sender.seqs[INTAKE_CHECKS],
    };
}

/* Whether a row is worth writing; the table has seconds. */
static bool differs(const struct history_vantage *a, const struct history_vantage *b)
{
    return a->seen_ms / 1000 != b->seen_ms / 1000 || a->votes != b->votes || a->suspect != b->suspect ||
           a->votes_seq != b->votes_seq || a->checks_seq != b->checks_seq;
}

static void put_vantages(const struct verdicts *verdicts)
{
    for (size_t v = 0; v < verdicts->world.vantages_count; v++) {
        const struct history_vantage row = verdicts_vantage_row(verdicts, v);
        if (verdicts->rewrite || differs(&row, &verdicts->world.vantages[v].written))
            history_put_vantage(verdicts->history, &row);
    }
}

static void put_vote(const struct verdicts *verdicts, uint32_t cell, struct moment now)
{
    const struct verdicts_world *world = &verdicts->world;
    const uint32_t check = (uint32_t)(cell / world->vantages_count),
                   vantage = (uint32_t)(cell % world->vantages_count);
    const struct vote vote = tally_vote_of(verdicts->tally, vantage, check, now.mono_ms);
    history_put_vote(verdicts->history,
                     &(struct history_vote){.vantage = world->vantages[vantage].sender.name,
                                            .check = world->checks->rows[check].id,
                                            .verdict = verdict_print(vote.verdict),
                                            .since_ms = vote.since_ms,
                                            .latency_ms = vote.latency_ms,
                                            .reason = vote.reason});
}

/* Put the damping of a check that has been down and up again. */
static void put_damping(const struct verdicts *verdicts, uint32_t check, struct moment now)
{
    const struct flap flap = tally_flap(verdicts->tally, check);
    const int64_t offset_ms = now.wall_ms - now.mono_ms;
    if (flap.up_ms == FLAP_NEVER)
        return;
    history_put_damping(verdicts->history,
                        &(struct history_damping){.check = verdicts->world.checks->rows[check].id,
                                                  .doublings = flap.doublings,
                                                  .changed_ms = flap.calm_ms + offset_ms,
                                                  .up_ms = flap.up_ms + offset_ms});
}

/* How many votes one transaction takes, from the end of the queue. */
static size_t portion(const struct verdicts_world *world)
{
    return world->queue_count < VERDICTS_VOTES_MAX ? world->queue_count : VERDICTS_VOTES_MAX;
}

/* Transactions --------------------------------------------------------------------------------- */

/* Whoever has a vote is in the queue again. */
static void requeue(struct verdicts_world *world)
{
    world->queue_count = 0;
    for (size_t cell = 0; cell < world->checks->count * world->vantages_count; cell++) {
        world->cells[cell].dirty = world->cells[cell].verdict != VERDICT_UNKNOWN;
        if (world->cells[cell].dirty)
            world->queue[world->queue_count++] = (uint32_t)cell;
    }
}

static void begin_anew(struct verdicts *verdicts)
{
    history_clear(verdicts->history);
    for (size_t i = 0; i < verdicts->world.roster->count; i++)
        verdicts->world.rows[i].dirty = true;
    for (size_t i = 0; i < verdicts->world.checks->count; i++)
        verdicts->world.seen[i].flapped = true;
    requeue(&verdicts->world);
}

static void put(struct verdicts *verdicts, enum extent extent, struct moment now)
{
    const struct verdicts_world *world = &verdicts->world;
    if (verdicts->rewrite)
        begin_anew(verdicts);
    for (uint32_t i = 0; i < world->roster->count; i++)
        if (world->rows[i].dirty)
            put_subject(verdicts, i, now);
    for (uint32_t i = 0; i < world->checks->count; i++)
        if (world->seen[i].flapped)
            put_damping(verdicts, i, now);
    if (extent == EXTENT_SUBJECTS && !verdicts->rewrite)
        return;
    put_vantages(verdicts);
    for (size_t i = world->queue_count - portion(world); i < world->queue_count; i++)
        put_vote(verdicts, world->queue[i], now);
}

/* What put() has put is in the file. */
static void settle(struct verdicts *verdicts, enum extent extent)
{
    struct verdicts_world *world = &verdicts->world;
    for (size_t i = 0; i < world->roster->count; i++)
        world->rows[i].dirty = false;
    for (size_t i = 0; i < world->checks->count; i++)
        world->seen[i].flapped = false;
    if (extent == EXTENT_SUBJECTS && !verdicts->rewrite)
        return;
    for (size_t v = 0; v < world->vantages_count; v++)
        world->vantages[v].written = verdicts_vantage_row(verdicts, v);
    for (size_t left = portion(world); left > 0; left--)
        world->cells[world->queue[--world->queue_count]].dirty = false;
    verdicts->rewrite = false;
}

static bool is_needed(const struct verdicts *verdicts)
{
    const struct verdicts_world *world = &verdicts->world;
    bool needed = verdicts->rewrite || world->queue_count > 0 || history_pending(verdicts->history) > 0 ||
                  verdicts->epoch != history_epoch(verdicts->history);
    for (size_t i = 0; !needed && i < world->roster->count; i++)
        needed = world->rows[i].dirty;
    for (size_t v = 0; !needed && v < world->vantages_count; v++) {
        const struct history_vantage row = verdicts_vantage_row(verdicts, v);
        needed = differs(&row, &world->vantages[v].written);
    }
    return needed;
}

static void note_outcome(struct verdicts *verdicts, enum err err, const struct diag *diag)
{
    if (err && !verdicts->failing)
        log_message(LOG_LEVEL_ERROR, "history", diag->text);
    else if (!err && verdicts->failing)
        log_message(LOG_LEVEL_NOTICE, "history", "health.db is being written again");
    verdicts->failing = err != OK;
    verdicts->failures += err != OK;
}

static void write_extent(struct verdicts *verdicts, enum extent extent, struct moment now)
{
    struct diag diag;
    if (!verdicts->history || !is_needed(verdicts))
        return;
    enum err err = history_begin(verdicts->history, &diag);
    if (!err) {
        verdicts->rewrite |= verdicts->epoch != history_epoch(verdicts->history);
        verdicts->epoch = history_epoch(verdicts->history);
        put(verdicts, extent, now);
        err = history_commit(verdicts->history, &diag);
    }
    if (!err)
        settle(verdicts, extent);
    note_outcome(verdicts, err, &diag);
}

void verdicts_write(struct verdicts *verdicts, struct moment now)
{
    write_extent(verdicts, EXTENT_SUBJECTS, now);
}

void verdicts_record(struct verdicts *verdicts, struct moment now)
{
    write_extent(verdicts, EXTENT_ALL, now);
    if (verdicts->history)
        history_tidy(verdicts->history);
}
