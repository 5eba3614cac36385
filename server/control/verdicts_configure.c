/* server/control/verdicts_configure.c - from one roster to the next: who keeps which verdict.
 *
 * The next world is built beside the last one. Its subjects inherit by name: the first time from health.db
 * and the board, later from the last world. A new check, which is also one whose monitor was changed,
 * begins with the verdict of its subjects, so that no edit hands out what is down.
 */
#include "server/control/verdicts.h"

#include "common/log.h"
#include "server/control/verdicts_state.h"
#include "server/control/words.h"

#include <stdlib.h>
#include <string.h>

/* Building ------------------------------------------------------------------------------------- */

/* At least one, so that NULL always means out of memory. */
static void *allocate(size_t count, size_t size)
{
    return calloc(count ? count : 1, size);
}

static enum err check_slots(const struct verdicts *verdicts, const struct roster *roster, struct diag *reterr)
{
    if (roster->slots_end <= board_slots(verdicts->board))
        return OK;
    return diag_set(reterr, ERR_LIMIT, "the world has %u slots; the board has %u", roster->slots_end,
                    board_slots(verdicts->board));
}

static enum err build_world(const struct roster *roster, struct verdicts_world *world, struct diag *reterr)
{
    world->roster = roster;
    world->vantages_count = roster->manifest->vantages_count;
    const enum err err = checks_build(roster, &world->checks, reterr);
    if (err)
        return err;
    const size_t cells = world->checks->count * world->vantages_count;
    world->rows = allocate(roster->count, sizeof *world->rows);
    world->seen = allocate(world->checks->count, sizeof *world->seen);
    world->vantages = allocate(world->vantages_count, sizeof *world->vantages);
    world->cells = allocate(cells, sizeof *world->cells);
    world->queue = allocate(cells, sizeof *world->queue);
    if (world->rows && world->seen && world->vantages && world->cells && world->queue)
        return OK;
    return diag_set(reterr, ERR_MEMORY, "verdicts: out of memory for %zu subjects", roster->count);
}

/* The row of a subject of another roster or of health.db; NULL: there is none of that name. */
static struct verdicts_row *find_row(const struct verdicts_world *world, enum subject_kind kind,
                                     const char *service, const char *region, const char *address)
{
    const struct roster_subject *found = roster_find(world->roster, service, region, address);
    return found && found->kind == kind ? &world->rows[found - world->roster->subjects] : NULL;
}

/* Inheriting ----------------------------------------------------------------------------------- */

static void recall_health(void *context, const struct history_health *old)
{
    struct verdicts_world *world = context;
    struct verdicts_row *row = find_row(world, old->kind, old->service, old->region, old->address);
    if (!row || !verdict_parse(old->verdict, &row->verdict))
        return;
    row->since_ms = old->since_ms;
}

static void recall_vantage(void *context, const struct history_vantage *old)
{
    struct verdicts_world *world = context;
    for (size_t v = 0; v < world->vantages_count; v++) {
        struct intake_sender *sender = &world->vantages[v].sender;
        if (strcmp(sender->name, old->name) != 0)
            continue;
        sender->seqs[INTAKE_VOTES] = old->votes_seq;
        sender->seqs[INTAKE_CHECKS] = old->checks_seq;
        world->vantages[v].seen_ms = old->seen_ms;
    }
}

/* What is in health.db. That it cannot be read is no reason not to start; then all is unknown, which
 * serves. */
static void recall_file(const struct verdicts *verdicts, struct verdicts_world *world)
{
    const struct history_taker taker = {.context = world, .health = recall_health, .vantage = recall_vantage};
    struct diag diag;
    enum err err = OK;
    if (!verdicts->history)
        return;
    for (int kind = SUBJECT_REGION; !err && kind <= SUBJECT_ENDPOINT; kind++)
        err = history_each_health(verdicts->history, (enum subject_kind)kind, &taker, &diag);
    if (!err)
        err = history_each_vantage(verdicts->history, &taker, &diag);
    if (err)
        log_message(LOG_LEVEL_ERROR, "history", diag.text);
}

/* The board outlives control: it may be ahead of a file that could not be written, or behind one by the
 * verdict that control died over. Where they differ, the subject is down until votes say otherwise. */
static void recall_board(const struct verdicts *verdicts, struct verdicts_world *world, struct moment now)
{
    for (size_t i = 0; i < world->roster->count; i++) {
        struct verdicts_row *row = &world->rows[i];
        const struct health word = board_get(verdicts->board, world->roster->subjects[i].slot);
        const bool blank = word.share == 0 && word.state == STATE_AUTO && word.verdict == VERDICT_UNKNOWN;
        row->inherited = !blank;
        if (word.verdict == VERDICT_DOWN || row->verdict == VERDICT_UNKNOWN) {
            row->since_ms = row->verdict == word.verdict && row->since_ms ? row->since_ms : now.wall_ms;
            row->verdict = word.verdict;
        }
    }
}

static void inherit_rows(const struct verdicts_world *old, struct verdicts_world *world)
{
    for (uint32_t i = 0; i < old->roster->count; i++) {
        const struct roster_subject *from = &old->roster->subjects[i];
        struct verdicts_row *row = find_row(world, from->kind, from->service, from->region, from->address);
        if (!row)
            continue;
        *row = old->rows[i];
        row->origin = i;
        row->inherited = world->roster->subjects[row - world->rows].slot == from->slot;
    }
}

/* What was last seen of the checks that stay, by the tally's numbers, which are still those of the last
 * world. */
static void inherit_checks(const struct verdicts *verdicts, struct verdicts_world *world)
{
    const struct verdicts_world *old = &verdicts->world;
    for (size_t i = 0; i < world->checks->count; i++) {
        const uint32_t from = tally_find_target(verdicts->tally, world->checks->rows[i].id);
        if (from == TALLY_NONE)
            continue;
        world->seen[i] = old->seen[from];
        for (size_t v = 0; v < world->vantages_count; v++) {
            const uint32_t voter = tally_find_vantage(verdicts->tally, world->vantages[v].sender.name);
            const size_t cell = i * world->vantages_count + v;
            if (voter == TALLY_NONE)
                continue;
            world->cells[cell] = old->cells[from * old->vantages_count + voter];
            if (world->cells[cell].dirty)
                world->queue[world->queue_count++] = (uint32_t)cell;
        }
    }
}

static void inherit_vantages(const struct verdicts_world *old, struct verdicts_world *world)
{
    for (size_t v = 0; v < world->vantages_count; v++)
        for (size_t w = 0; w < old->vantages_count; w++) {
            struct verdicts_vantage *to = &world->vantages[v];
            const struct verdicts_vantage *from = &old->vantages[w];
            if (strcmp(from->sender.name, to->sender.name) != 0)
                continue;
            memcpy(to->sender.seqs, from->sender.seqs, sizeof to->sender.seqs);
            memcpy(to->votes, from->votes, sizeof to->votes);
            to->seen_ms = from->seen_ms;
            to->written = from->written;
        }
}

static void name_vantages(struct verdicts_world *world)
{
    for (size_t v = 0; v < world->vantages_count; v++) {
        const struct manifest_vantage *from = &world->roster->manifest->vantages[v];
        struct key_public key = {{0}};
        const bool parses = key_parse(from->public_key, &key);
        intake_sender_init(&world->vantages[v].sender, from->name, &key);
        world->vantages[v].sender.enabled = from->enabled && parses;
    }
}

static void inherit(const struct verdicts *verdicts, struct verdicts_world *world, struct moment now)
{
    name_vantages(world);
    for (size_t i = 0; i < world->roster->count; i++)
        world->rows[i].origin = VERDICTS_NONE;
    if (verdicts->world.roster) {
        inherit_rows(&verdicts->world, world);
        inherit_vantages(&verdicts->world, world);
        inherit_checks(verdicts, world);
    } else {
        recall_file(verdicts, world);
        recall_board(verdicts, world, now);
    }
}

/* The tally ------------------------------------------------------------------------------------ */

/* What a check begins with: down if one of its subjects is, else up if one is. */
static void begin_check(const struct verdicts_world *world, size_t check, struct moment now,
                        struct tally_target *ret)
{
    const struct checks_row *row = &world->checks->rows[check];
    for (uint32_t i = 0; i < row->subjects_count; i++) {
        const struct verdicts_row *subject = &world->rows[world->checks->subjects[row->subjects_begin + i]];
        if (subject->verdict == VERDICT_UNKNOWN || ret->verdict == VERDICT_DOWN)
            continue;
        ret->verdict = subject->verdict;
        ret->since_ms = now.mono_ms - (now.wall_ms - subject->since_ms);
    }
}

static void list_targets(const struct verdicts_world *world, struct moment now, struct tally_target *ret)
{
    for (size_t i = 0; i < world->checks->count; i++) {
        const struct manifest_monitor *monitor = world->checks->rows[i].monitor;
        ret[i] = (struct tally_target){.id = world->checks->rows[i].id,
                                       .interval_ms = monitor->interval_ms,
                                       .timeout_ms = monitor->timeout_ms,
                                       .fall = monitor->fall,
                                       .quorum = monitor->quorum,
                                       .since_ms = now.mono_ms};
        begin_check(world, i, now, &ret[i]);
    }
}

static enum err configure_tally(struct verdicts *verdicts, const struct verdicts_world *world,
                                struct moment now, struct diag *reterr)
{
    const struct manifest *manifest = world->roster->manifest;
    struct tally_target *targets = allocate(world->checks->count, sizeof *targets);
    struct tally_vantage *vantages = allocate(manifest->vantages_count, sizeof *vantages);
    enum err err = OK;
    if (!targets || !vantages)
        err = diag_set(reterr, ERR_MEMORY, "verdicts: out of memory for %zu checks", world->checks->count);
    if (!err) {
        list_targets(world, now, targets);
        for (size_t v = 0; v < manifest->vantages_count; v++)
            vantages[v] = (struct tally_vantage){.name = manifest->vantages[v].name,
                                                 .asn = manifest->vantages[v].asn,
                                                 .enabled = manifest->vantages[v].enabled};
        const struct tally_config config = {.vantages = vantages,
                                            .vantages_count = manifest->vantages_count,
                                            .targets = targets,
                                            .targets_count = world->checks->count};
        err = tally_configure(verdicts->tally, &config, now.mono_ms, reterr);
    }
    free(targets);
    free(vantages);
    return err;
}

/* What the tally is told after a restart. */
struct recall {
    struct tally *tally;
    struct moment now;
};

static void recall_damping(void *context, const struct history_damping *old)
{
    const struct recall *recall = context;
    const uint32_t target = tally_find_target(recall->tally, old->check);
    const int64_t offset_ms = recall->now.wall_ms - recall->now.mono_ms;
    const struct flap kept = {.doublings = (uint8_t)(old->doublings < UINT8_MAX ? old->doublings : UINT8_MAX),
                              .calm_ms = old->changed_ms - offset_ms,
                              .up_ms = old->up_ms != 0 ? old->up_ms - offset_ms : FLAP_NEVER};
    if (target != TALLY_NONE)
        tally_restore_flap(recall->tally, target, &kept, recall->now.mono_ms);
}

static void recall_suspect(void *context, const struct history_vantage *old)
{
    const struct recall *recall = context;
    const uint32_t vantage = tally_find_vantage(recall->tally, old->name);
    if (old->suspect && vantage != TALLY_NONE)
        tally_restore_suspect(recall->tally, vantage);
}

/* Damping and suspicions of health.db. Without them flapping costs little more than before. */
static void recall_tally(const struct verdicts *verdicts, struct moment now)
{
    struct recall recall = {.tally = verdicts->tally, .now = now};
    const struct history_taker taker = {
        .context = &recall, .damping = recall_damping, .vantage = recall_suspect};
    struct diag diag;
    if (!verdicts->history)
        return;
    enum err err = history_each_damping(verdicts->history, &taker, &diag);
    if (!err)
        err = history_each_vantage(verdicts->history, &taker, &diag);
    if (err)
        log_message(LOG_LEVEL_ERROR, "history", diag.text);
}

/* Taking its place ----------------------------------------------------------------------------- */

static void set_row(struct verdicts_row *row, enum verdict verdict, struct moment now)
{
    if (row->verdict != verdict || row->since_ms == 0)
        row->since_ms = now.wall_ms;
    row->verdict = verdict;
}

/* The verdict of each endpoint and each region with a monitor is its check's, or unknown. */
static void set_voted(const struct verdicts *verdicts, struct verdicts_world *world, struct moment now)
{
    for (size_t i = 0; i < world->roster->count; i++) {
        const uint32_t check = world->checks->of[i];
        struct verdicts_row *row = &world->rows[i];
        row->parent = VERDICTS_NONE;
        if (check != CHECKS_NONE) {
            set_row(row, tally_status(verdicts->tally, check, now.mono_ms).verdict, now);
            continue;
        }
        memset(row->counts, 0, sizeof row->counts);
        memset(row->kinds, 0, sizeof row->kinds);
        row->latency_ms = 0;
        if (world->roster->subjects[i].kind == SUBJECT_ENDPOINT)
            set_row(row, VERDICT_UNKNOWN, now);
    }
}

/* Count the subjects of one kind where they belong: endpoints in pools, pools in regions that have no
 * check. */
static void count_kind(struct verdicts_world *world, enum subject_kind kind)
{
    for (size_t i = 0; i < world->roster->count; i++) {
        const struct roster_subject *subject = &world->roster->subjects[i];
        if (subject->kind != kind)
            continue;
        struct verdicts_row *above =
            kind == SUBJECT_ENDPOINT ? find_row(world, SUBJECT_POOL, subject->service, subject->region, "")
                                     : find_row(world, SUBJECT_REGION, "", subject->region, "");
        if (!above || world->checks->of[above - world->rows] != CHECKS_NONE)
            continue;
        world->rows[i].parent = (uint32_t)(above - world->rows);
        verdicts_count(above, subject, world->rows[i].verdict);
    }
}

static void derive_kind(struct verdicts_world *world, enum subject_kind kind, struct moment now)
{
    for (size_t i = 0; i < world->roster->count; i++)
        if (world->roster->subjects[i].kind == kind && world->checks->of[i] == CHECKS_NONE)
            set_row(&world->rows[i], verdicts_derive(&world->roster->subjects[i], &world->rows[i]), now);
}

/* The check of a subject, "" for none. */
static const char *check_id(const struct verdicts_world *world, size_t subject)
{
    const uint32_t check = world->checks->of[subject];
    return check != CHECKS_NONE ? world->checks->rows[check].id : "";
}

/* Whether the subject has another check than it had, or is new. */
static bool has_joined(const struct verdicts_world *old, const struct verdicts_world *world, size_t subject)
{
    const uint32_t origin = world->rows[subject].origin;
    return origin == VERDICTS_NONE || strcmp(check_id(old, origin), check_id(world, subject)) != 0;
}

/* A check that has a new subject is looked at as if nothing had been seen of it: the subject has
 * nothing yet. */
static void forget_seen(const struct verdicts_world *old, const struct verdicts_world *world)
{
    for (size_t i = 0; i < world->roster->count; i++) {
        const uint32_t check = world->checks->of[i];
        if (check == CHECKS_NONE || !has_joined(old, world, i))
            continue;
        memset(world->rows[i].counts, 0, sizeof world->rows[i].counts);
        world->seen[check] = (struct verdicts_seen){.flapped = world->seen[check].flapped};
    }
}

/* Which rows health.db does not have like this; the counts of votes follow with the next second. */
static void mark_dirty(const struct verdicts_world *old, struct verdicts_world *world)
{
    for (size_t i = 0; i < world->roster->count; i++) {
        struct verdicts_row *row = &world->rows[i];
        const struct verdicts_row *from = row->origin == VERDICTS_NONE ? NULL : &old->rows[row->origin];
        row->dirty = !from || from->dirty || from->verdict != row->verdict ||
                     (from->parent == VERDICTS_NONE) != (row->parent == VERDICTS_NONE) ||
                     memcmp(from->counts, row->counts, sizeof row->counts) != 0 || has_joined(old, world, i);
    }
}

static void set_words(const struct verdicts *verdicts, const struct verdicts_world *world)
{
    for (size_t i = 0; i < world->roster->count; i++) {
        const uint32_t slot = world->roster->subjects[i].slot;
        const bool voted = world->checks->of[i] != CHECKS_NONE;
        if (!world->rows[i].inherited)
            words_reset(verdicts->board, slot);
        words_set_verdict(verdicts->board, slot, voted ? world->rows[i].verdict : VERDICT_UNKNOWN,
                          world->rows[i].latency_ms);
    }
}

/* Drop the rows of what is not there any more. What fails is made good by writing all anew. */
static void drop_gone(struct verdicts *verdicts, const struct verdicts_world *old,
                      const struct verdicts_world *world)
{
    struct history *history = verdicts->history;
    for (size_t i = 0; i < old->roster->count; i++) {
        const struct roster_subject *from = &old->roster->subjects[i];
        if (!find_row(world, from->kind, from->service, from->region, from->address))
            history_drop_health(history, &(struct history_health){.kind = from->kind,
                                                                  .service = from->service,
                                                                  .region = from->region,
                                                                  .address = from->address});
    }
    for (size_t i = 0; i < old->checks->count; i++)
        if (tally_find_target(verdicts->tally, old->checks->rows[i].id) == TALLY_NONE)
            history_drop_check(history, old->checks->rows[i].id);
    for (size_t v = 0; v < old->vantages_count; v++)
        if (tally_find_vantage(verdicts->tally, old->vantages[v].sender.name) == TALLY_NONE)
            history_drop_vantage(history, old->vantages[v].sender.name);
}

/* `old->roster` NULL: what is in the file is another process's. */
static void forget_gone(struct verdicts *verdicts, const struct verdicts_world *old,
                        const struct verdicts_world *world)
{
    struct diag diag;
    if (!verdicts->history)
        return;
    if (!old->roster || history_begin(verdicts->history, &diag) != OK) {
        verdicts->rewrite = true;
        return;
    }
    drop_gone(verdicts, old, world);
    if (history_commit(verdicts->history, &diag) != OK)
        verdicts->rewrite = true;
}

static void warn_refused(const struct checks *checks)
{
    struct log_line line;
    if (checks->refused_count == 0)
        return;
    log_begin(&line, LOG_LEVEL_WARNING, "checks");
    log_number(&line, "not_probed", (int64_t)checks->refused_count);
    log_text(&line, "message", checks->refusal.text);
    log_end(&line);
}

enum err verdicts_configure(struct verdicts *verdicts, const struct roster *roster, struct moment now,
                            struct diag *reterr)
{
    struct verdicts_world next = {0};
    enum err err = check_slots(verdicts, roster, reterr);
    if (!err)
        err = build_world(roster, &next, reterr);
    if (!err) {
        inherit(verdicts, &next, now);
        err = configure_tally(verdicts, &next, now, reterr);
    }
    if (err) {
        verdicts_world_fini(&next);
        return err;
    }
    if (!verdicts->world.roster)
        recall_tally(verdicts, now);
    set_voted(verdicts, &next, now);
    count_kind(&next, SUBJECT_ENDPOINT);
    derive_kind(&next, SUBJECT_POOL, now);
    count_kind(&next, SUBJECT_POOL);
    derive_kind(&next, SUBJECT_REGION, now);
    forget_seen(&verdicts->world, &next);
    mark_dirty(&verdicts->world, &next);
    set_words(verdicts, &next);
    forget_gone(verdicts, &verdicts->world, &next);
    warn_refused(next.checks);
    verdicts_world_fini(&verdicts->world);
    verdicts->world = next;
    return OK;
}
