#include "server/control/verdicts.h"

#include "common/log.h"
#include "server/control/verdicts_state.h"
#include "server/control/words.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum err verdicts_new(struct board *board, struct history *history, struct moment now, struct verdicts **ret,
                      struct diag *reterr)
{
    struct verdicts *verdicts = calloc(1, sizeof *verdicts);
    if (!verdicts)
        return diag_set(reterr, ERR_MEMORY, "verdicts: out of memory");
    const enum err err = tally_new(now.mono_ms, &verdicts->tally, reterr);
    if (err) {
        free(verdicts);
        return err;
    }
    verdicts->board = board;
    verdicts->history = history;
    verdicts->epoch = history ? history_epoch(history) : 0;
    verdicts->recorded_ms = now.mono_ms - VERDICTS_RECORD_MS;
    board_sight_set(board, BOARD_SEEING); /* until the tally says otherwise */
    *ret = verdicts;
    return OK;
}

void verdicts_world_fini(struct verdicts_world *world)
{
    checks_free(&world->checks);
    free(world->rows);
    free(world->seen);
    free(world->vantages);
    free(world->cells);
    free(world->queue);
    *world = (struct verdicts_world){0};
}

void verdicts_free(struct verdicts **verdicts)
{
    if (!*verdicts)
        return;
    verdicts_world_fini(&(*verdicts)->world);
    tally_free(&(*verdicts)->tally);
    free(*verdicts);
    *verdicts = NULL;
}

/* Changes -------------------------------------------------------------------------------------- */

/* What children amount to of which `needed` have to serve; one of which nothing is known does. */
static enum verdict derive(uint32_t up, uint32_t unknown, uint32_t needed)
{
    if (up >= needed)
        return VERDICT_UP;
    return up + unknown >= needed ? VERDICT_UNKNOWN : VERDICT_DOWN;
}

/* As steering sees it, which asks for endpoints of one kind: the best of its kinds. */
static enum verdict derive_pool(const struct roster_subject *pool, const struct verdicts_row *row)
{
    enum verdict best = VERDICT_DOWN;
    for (int kind = 0; kind < KINDS; kind++) {
        const uint16_t *counts = row->kinds[kind];
        const enum verdict is = derive(counts[VERDICT_UP], counts[VERDICT_UNKNOWN], pool->min_up);
        if (is == VERDICT_UP || best == VERDICT_DOWN)
            best = is;
    }
    return best;
}

enum verdict verdicts_derive(const struct roster_subject *subject, const struct verdicts_row *row)
{
    if (row->counts[VERDICT_UP] + row->counts[VERDICT_DOWN] + row->counts[VERDICT_UNKNOWN] == 0)
        return VERDICT_UNKNOWN;
    if (subject->kind == SUBJECT_POOL)
        return derive_pool(subject, row);
    return derive(row->counts[VERDICT_UP], row->counts[VERDICT_UNKNOWN], 1);
}

void verdicts_count(struct verdicts_row *parent, const struct roster_subject *child, enum verdict verdict)
{
    parent->counts[verdict]++;
    if (child->kind == SUBJECT_ENDPOINT)
        parent->kinds[child->family][verdict]++;
}

void verdicts_discount(struct verdicts_row *parent, const struct roster_subject *child, enum verdict verdict)
{
    parent->counts[verdict]--;
    if (child->kind == SUBJECT_ENDPOINT)
        parent->kinds[child->family][verdict]--;
}

/* Set the verdict of a row, and of those above whose verdict that changes. */
static void change(struct verdicts *verdicts, uint32_t subject, enum verdict is, struct moment now)
{
    while (subject != VERDICTS_NONE && verdicts->world.rows[subject].verdict != is) {
        struct verdicts_row *row = &verdicts->world.rows[subject];
        row->was = row->verdict;
        row->verdict = is;
        row->since_ms = now.wall_ms;
        row->changed = row->dirty = true;
        verdicts_put_event(verdicts, subject, now);
        const struct roster_subject *child = &verdicts->world.roster->subjects[subject];
        subject = row->parent;
        if (subject == VERDICTS_NONE)
            return;
        struct verdicts_row *above = &verdicts->world.rows[subject];
        verdicts_discount(above, child, row->was);
        verdicts_count(above, child, is);
        above->dirty = true;
        is = verdicts_derive(&verdicts->world.roster->subjects[subject], above);
    }
}

static void change_check(struct verdicts *verdicts, const struct tally_change *changed, struct moment now)
{
    const struct checks *checks = verdicts->world.checks;
    const struct checks_row *check = &checks->rows[changed->target];
    verdicts->world.seen[changed->target].flapped = true;
    for (uint32_t i = 0; i < check->subjects_count; i++) {
        struct verdicts_row *row = &verdicts->world.rows[checks->subjects[check->subjects_begin + i]];
        row->counts[VERDICT_UP] = changed->votes.up;
        row->counts[VERDICT_DOWN] = changed->votes.down;
        row->counts[VERDICT_UNKNOWN] = changed->votes.unknown;
        change(verdicts, checks->subjects[check->subjects_begin + i], changed->is, now);
    }
}

static void store_words(struct verdicts *verdicts)
{
    const struct verdicts_world *world = &verdicts->world;
    for (size_t i = 0; i < world->roster->count; i++)
        if (world->rows[i].changed && world->checks->of[i] != CHECKS_NONE)
            words_set_verdict(verdicts->board, world->roster->subjects[i].slot, world->rows[i].verdict,
                              world->rows[i].latency_ms);
}

static void log_changes(struct verdicts *verdicts, struct moment now)
{
    const struct verdicts_world *world = &verdicts->world;
    for (uint32_t i = (uint32_t)world->roster->count; i-- > 0;) { /* endpoints first: they are the cause */
        struct verdicts_row *row = &world->rows[i];
        const struct roster_subject *at = &world->roster->subjects[i];
        if (!row->changed)
            continue;
        char reason[TALLY_REASON_MAX];
        verdicts_explain(verdicts, i, now, reason);
        struct log_line line;
        log_begin(&line, LOG_LEVEL_NOTICE, "verdict");
        if (at->kind != SUBJECT_REGION)
            log_text(&line, "service", at->service);
        log_text(&line, "region", at->region);
        if (at->kind == SUBJECT_ENDPOINT)
            log_text(&line, "address", at->address);
        log_text(&line, "was", verdict_print(row->was));
        log_text(&line, "is", verdict_print(row->verdict));
        log_text(&line, "reason", reason);
        log_end(&line);
        row->changed = false;
    }
}

/* Vantage points and sight --------------------------------------------------------------------- */

static void tell(const struct verdicts *verdicts, enum log_level level, const char *event,
                 const struct history_event *row)
{
    struct log_line line;
    log_begin(&line, level, event);
    log_text(&line, "subject", row->subject);
    log_text(&line, "was", row->was);
    log_text(&line, "is", row->is);
    log_text(&line, "reason", row->reason);
    log_end(&line);
    if (verdicts->history)
        history_event(verdicts->history, row);
}

static void tell_suspects(const struct verdicts *verdicts, uint64_t raised, uint64_t cleared,
                          struct moment now)
{
    for (size_t v = 0; v < verdicts->world.vantages_count; v++) {
        const bool suspected = raised >> v & 1;
        char name[BATCH_VANTAGE_MAX + sizeof "vantage "], reason[64];
        if (!suspected && !(cleared >> v & 1))
            continue;
        (void)snprintf(name, sizeof name, "vantage %s", verdicts->world.vantages[v].sender.name);
        (void)snprintf(reason, sizeof reason, "contradicts the others on %u of %u targets",
                       tally_attendance(verdicts->tally, (uint32_t)v).contradicted,
                       tally_attendance(verdicts->tally, (uint32_t)v).votes);
        const struct history_event row = {.at_ms = now.wall_ms,
                                          .subject = name,
                                          .was = suspected ? "trusted" : "suspect",
                                          .is = suspected ? "suspect" : "trusted",
                                          .reason = suspected ? reason : "agrees with the others again"};
        tell(verdicts, suspected ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE, "suspect", &row);
    }
}

static void tell_sight(struct verdicts *verdicts, enum tally_sight sight, struct moment now)
{
    static const struct history_event lost = {
        .subject = "votes", .was = "fresh", .is = "none", .reason = "no vote is fresh; every verdict holds"};
    static const struct history_event back = {
        .subject = "votes", .was = "none", .is = "fresh", .reason = "votes have come again"};
    if (sight == TALLY_SIGHT_SAME)
        return;
    const bool blind = sight == TALLY_SIGHT_LOST;
    struct history_event row = blind ? lost : back;
    row.at_ms = now.wall_ms;
    board_sight_set(verdicts->board, blind ? BOARD_BLIND : BOARD_SEEING);
    tell(verdicts, blind ? LOG_LEVEL_ERROR : LOG_LEVEL_NOTICE, "blind", &row);
}

/* Ticks ---------------------------------------------------------------------------------------- */

/* One step of the tally, in the order that a verdict takes: file, board, log. Returns whether there is
 * more. */
static bool step(struct verdicts *verdicts, struct moment now)
{
    const struct tally_report report = tally_step(verdicts->tally, now.mono_ms);
    for (size_t i = 0; i < report.changes_count; i++)
        change_check(verdicts, &report.changes[i], now);
    if (report.changes_count > 0) {
        verdicts_write(verdicts, now);
        store_words(verdicts);
        log_changes(verdicts, now);
    }
    tell_suspects(verdicts, report.suspected, report.cleared, now);
    tell_sight(verdicts, report.sight, now);
    return report.more;
}

void verdicts_tick(struct verdicts *verdicts, struct moment now)
{
    if (!verdicts->world.roster)
        return;
    for (int i = 0; i < VERDICTS_STEPS_MAX; i++)
        if (!step(verdicts, now))
            break;
    if (now.mono_ms - verdicts->recorded_ms < VERDICTS_RECORD_MS)
        return;
    verdicts->recorded_ms = now.mono_ms;
    verdicts_refresh(verdicts, now);
    verdicts_record(verdicts, now);
}

/* Reading -------------------------------------------------------------------------------------- */

const struct checks *verdicts_checks(const struct verdicts *verdicts)
{
    return verdicts->world.checks;
}

bool verdicts_blind(const struct verdicts *verdicts)
{
    return board_sight_get(verdicts->board) == BOARD_BLIND;
}

uint64_t verdicts_failures(const struct verdicts *verdicts)
{
    return verdicts->failures;
}

uint64_t verdicts_events_lost(const struct verdicts *verdicts)
{
    return verdicts->history ? history_lost(verdicts->history) : 0;
}

struct verdicts_status verdicts_get(const struct verdicts *verdicts, size_t subject)
{
    assert(verdicts->world.roster && subject < verdicts->world.roster->count);
    const struct verdicts_row *row = &verdicts->world.rows[subject];
    return (struct verdicts_status){.verdict = row->verdict,
                                    .since_ms = row->since_ms,
                                    .up = row->counts[VERDICT_UP],
                                    .down = row->counts[VERDICT_DOWN],
                                    .unknown = row->counts[VERDICT_UNKNOWN],
                                    .latency_ms = row->latency_ms};
}
