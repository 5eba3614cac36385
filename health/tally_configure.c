/* health/tally_configure.c - the roster of a tally: who votes, on what. A new one is built beside
 * the old and then filled from it, so that running out of memory changes nothing. */
#include "health/tally_state.h"

#include "common/hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { INDEX_SPARE = 2 }; /* slots a target, at least */

/* At least one, so that NULL always means out of memory. */
static void *allocate(size_t count, size_t size)
{
    return calloc(count ? count : 1, size);
}

/* Free all but `changes`, which every roster of a tally shares. */
static void dispose(struct tally *tally)
{
    for (size_t v = 0; tally->vantages && v < tally->vantages_count; v++)
        free(tally->vantages[v].name);
    for (size_t t = 0; tally->targets && t < tally->targets_count; t++)
        free(tally->targets[t].id);
    for (size_t c = 0; tally->cells && c < tally->targets_count * tally->vantages_count; c++)
        free(tally->cells[c].reason);
    free(tally->vantages);
    free(tally->targets);
    free(tally->wakes);
    free(tally->cells);
    free(tally->index);
}

/* The slot of `id`, or the free one where it would be. */
static uint32_t *find_slot(const struct tally *tally, const char *id)
{
    const uint64_t hash = hash_bytes(id, strlen(id), 0);
    for (uint64_t at = hash;; at++) {
        uint32_t *slot = &tally->index[at & (tally->index_cap - 1)];
        if (*slot == 0 || strcmp(tally->targets[*slot - 1].id, id) == 0)
            return slot;
    }
}

uint32_t tally_find_target(const struct tally *tally, const char *id)
{
    return *find_slot(tally, id) - 1; /* a free slot is 0, and TALLY_NONE is -1 */
}

uint32_t tally_find_vantage(const struct tally *tally, const char *name)
{
    for (uint32_t v = 0; v < tally->vantages_count; v++)
        if (strcmp(tally->vantages[v].name, name) == 0)
            return v;
    return TALLY_NONE;
}

/* Building ------------------------------------------------------------------------------------- */

static enum err check_limits(const struct tally_config *config, struct diag *reterr)
{
    if (config->vantages_count > TALLY_VANTAGES_MAX)
        return diag_set(reterr, ERR_LIMIT, "vantage: %zu of them; at most %d",
                        config->vantages_count, TALLY_VANTAGES_MAX);
    if (config->targets_count > TALLY_TARGETS_MAX)
        return diag_set(reterr, ERR_LIMIT, "monitor: %zu addresses to check; at most %d",
                        config->targets_count, TALLY_TARGETS_MAX);
    return OK;
}

static enum err no_memory(const struct tally_config *config, struct diag *reterr)
{
    return diag_set(reterr, ERR_MEMORY,
                    "health: out of memory for %zu targets and %zu vantage points",
                    config->targets_count, config->vantages_count);
}

static enum err allocate_all(struct tally *next, const struct tally_config *config,
                             struct diag *reterr)
{
    next->vantages_count = config->vantages_count;
    next->targets_count = config->targets_count;
    next->index_cap = 1;
    while (next->index_cap < config->targets_count * INDEX_SPARE + 1)
        next->index_cap *= 2;
    next->vantages = allocate(config->vantages_count, sizeof *next->vantages);
    next->targets = allocate(config->targets_count, sizeof *next->targets);
    next->wakes = allocate(config->targets_count, sizeof *next->wakes);
    next->cells = allocate(config->targets_count * config->vantages_count, sizeof *next->cells);
    next->index = allocate(next->index_cap, sizeof *next->index);
    if (next->vantages && next->targets && next->wakes && next->cells && next->index)
        return OK;
    return no_memory(config, reterr);
}

static enum err build_vantages(struct tally *next, const struct tally_config *config,
                               struct diag *reterr)
{
    next->vantages_count = 0; /* of those that are built: what tally_find_vantage() may look at */
    for (size_t v = 0; v < config->vantages_count; v++) {
        const struct tally_vantage *from = &config->vantages[v];
        if (tally_find_vantage(next, from->name) != TALLY_NONE)
            return diag_set(reterr, ERR_EXISTS, "vantage: \"%s\" is there twice", from->name);
        struct tally_column *column = &next->vantages[v];
        column->name = strdup(from->name);
        if (!column->name)
            return no_memory(config, reterr);
        column->asn = from->asn;
        column->enabled = from->enabled;
        suspect_init(&column->suspect);
        next->enabled_count += from->enabled;
        next->vantages_count++;
    }
    return OK;
}

static void build_row(struct tally_row *row, const struct tally_target *from, int64_t now_ms)
{
    row->fresh_ms = vote_fresh_ms(from->interval_ms, from->timeout_ms);
    row->patience_ms = suspect_patience_ms(from->interval_ms, from->timeout_ms, from->fall);
    row->interval_ms = from->interval_ms;
    row->quorum = from->quorum;
    row->verdict = from->verdict;
    row->since_ms = from->since_ms;
    row->recheck_ms = INT64_MIN;
    flap_init(&row->flap, now_ms);
}

static enum err build_targets(struct tally *next, const struct tally_config *config, int64_t now_ms,
                              struct diag *reterr)
{
    for (size_t t = 0; t < config->targets_count; t++) {
        uint32_t *slot = find_slot(next, config->targets[t].id);
        if (*slot != 0)
            return diag_set(reterr, ERR_EXISTS, "check \"%s\" is there twice",
                            config->targets[t].id);
        next->targets[t].id = strdup(config->targets[t].id);
        if (!next->targets[t].id)
            return no_memory(config, reterr);
        build_row(&next->targets[t], &config->targets[t], now_ms);
        next->wakes[t] = TALLY_WAKE_NOW;
        *slot = (uint32_t)t + 1;
    }
    for (size_t c = 0; c < next->targets_count * next->vantages_count; c++)
        next->cells[c].arrived_ms = INT64_MIN;
    return OK;
}

/* Carrying over -------------------------------------------------------------------------------- */

static void carry_row(const struct tally_row *from, struct tally_row *to)
{
    to->verdict = from->verdict;
    to->since_ms = from->since_ms;
    to->flap = from->flap;
}

static void carry_cell(struct tally_cell *from, struct tally_cell *to)
{
    *to = *from;
    to->counted = false; /* the sums begin at 0; the next step judges every target */
    to->contradicts = false;
    from->reason = NULL;
}

static void carry_over(struct tally *old, struct tally *next)
{
    uint32_t old_vantage[TALLY_VANTAGES_MAX];
    for (size_t v = 0; v < next->vantages_count; v++) {
        old_vantage[v] = tally_find_vantage(old, next->vantages[v].name);
        if (old_vantage[v] == TALLY_NONE)
            continue;
        next->vantages[v].suspect = old->vantages[old_vantage[v]].suspect;
        next->vantages[v].seen_ms = old->vantages[old_vantage[v]].seen_ms;
    }
    for (uint32_t t = 0; t < next->targets_count; t++) {
        const uint32_t old_target = tally_find_target(old, next->targets[t].id);
        if (old_target == TALLY_NONE)
            continue;
        carry_row(&old->targets[old_target], &next->targets[t]);
        for (size_t v = 0; v < next->vantages_count; v++)
            if (old_vantage[v] != TALLY_NONE)
                carry_cell(&tally_state_cells(old, old_target)[old_vantage[v]],
                           &tally_state_cells(next, t)[v]);
    }
}

enum err tally_configure(struct tally *tally, const struct tally_config *config, int64_t now_ms,
                         struct diag *reterr)
{
    struct tally next = {
        .changes = tally->changes, .sighted_ms = tally->sighted_ms, .blind = tally->blind};
    enum err err = check_limits(config, reterr);
    if (!err)
        err = allocate_all(&next, config, reterr);
    if (!err)
        err = build_vantages(&next, config, reterr);
    if (!err)
        err = build_targets(&next, config, now_ms, reterr);
    if (err) {
        dispose(&next);
        return err;
    }
    carry_over(tally, &next);
    dispose(tally);
    *tally = next;
    return OK;
}

void tally_restore_flap(struct tally *tally, uint32_t target, const struct flap *kept, int64_t now_ms)
{
    assert(target < tally->targets_count);
    flap_restore(&tally->targets[target].flap, kept, now_ms);
}

void tally_restore_suspect(struct tally *tally, uint32_t vantage)
{
    assert(vantage < tally->vantages_count);
    int64_t longest_ms = 0;
    for (size_t t = 0; t < tally->targets_count; t++)
        if (tally->targets[t].interval_ms > longest_ms)
            longest_ms = tally->targets[t].interval_ms;
    suspect_restore(&tally->vantages[vantage].suspect, SUSPECT_AGREE_INTERVALS * longest_ms);
}

enum err tally_new(int64_t now_ms, struct tally **ret, struct diag *reterr)
{
    static const struct tally_config nothing;
    struct tally *tally = calloc(1, sizeof *tally);
    struct tally_change *changes = calloc(TALLY_CHANGES_MAX, sizeof *changes);
    if (!tally || !changes || allocate_all(tally, &nothing, NULL)) {
        if (tally)
            dispose(tally);
        free(tally);
        free(changes);
        return diag_set(reterr, ERR_MEMORY, "health: out of memory");
    }
    tally->changes = changes;
    tally->sighted_ms = now_ms;
    *ret = tally;
    return OK;
}

void tally_free(struct tally **tally)
{
    if (!*tally)
        return;
    free((*tally)->changes);
    dispose(*tally);
    free(*tally);
    *tally = NULL;
}
