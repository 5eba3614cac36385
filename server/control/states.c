#include "server/control/states.h"

#include "common/hash.h"
#include "common/log.h"
#include "server/control/words.h"
#include "zones/history/history.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    STATES_LOGGED_MAX = 100, /* changes of one commit or one expiry; the others are counted */
};

/* A state as the operator left it. Of pools and endpoints there are those that are not auto. */
struct row {
    const char *service, *region, *address; /* "" where there is none */
    enum state state;
    int64_t until_s; /* unix time; 0: for ever */
    char *texts;     /* heap: where the names are, once it is in a list */
};

struct list {
    struct row *rows;
    size_t count, cap;
};

/* What of the board is written. */
enum reach {
    REACH_STRICTER, /* words that become stricter: the others are for the world that comes */
    REACH_ALL,
};

struct states {
    struct control *control;
    const struct roster *roster; /* of the current world, lent; NULL: there is none */
    struct list list;      /* of the store; before it is read: nothing */
    struct list compiling; /* of the store when the compiler started, if it has changed since */
    struct list granted;   /* what the subjects of the roster were compiled with */
    bool loaded;           /* the store has been read */
    bool compiles;         /* a compiler was started, of ... */
    bool same;             /* ... `list`, not of `compiling` */
    bool waits;            /* words that loosen wait for the workers to have the world */
    bool due;              /* what is on the board is not in health.db yet */
    bool refused;          /* ... and could not be put there: logged once */
    unsigned epoch;        /* of health.db when it was */
    uint64_t hash;         /* of what is in health.db, or is due */
    int64_t next_s;        /* when the next `until` ends one; 0: none does */
    uint32_t says[BOARD_SLOTS_MAX]; /* by slot, 1 + index of its row in `list`; 0: none that has not ended */
    uint32_t grants[BOARD_SLOTS_MAX]; /* ... in `granted` */
};

/* The list ------------------------------------------------------------------------------------- */

static void list_free(struct list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->rows[i].texts);
    free(list->rows);
    *list = (struct list){0};
}

static enum err list_grow(struct list *list, struct diag *reterr)
{
    if (list->count < list->cap)
        return OK;
    const size_t cap = list->cap ? list->cap * 2 : 64;
    struct row *rows = reallocarray(list->rows, cap, sizeof *rows);
    if (!rows)
        return diag_set(reterr, ERR_MEMORY, "out of memory for the operator's states");
    list->rows = rows;
    list->cap = cap;
    return OK;
}

/* Append a row, its texts copied. */
static enum err list_put(struct list *list, const struct row *row, struct diag *reterr)
{
    const enum err err = list_grow(list, reterr);
    if (err != OK)
        return err;
    const size_t service_len = strlen(row->service) + 1, region_len = strlen(row->region) + 1;
    const size_t address_len = strlen(row->address) + 1;
    char *texts = malloc(service_len + region_len + address_len);
    if (!texts)
        return diag_set(reterr, ERR_MEMORY, "out of memory for the operator's states");
    list->rows[list->count++] = (struct row){
        .service = memcpy(texts, row->service, service_len),
        .region = memcpy(texts + service_len, row->region, region_len),
        .address = memcpy(texts + service_len + region_len, row->address, address_len),
        .state = row->state,
        .until_s = row->until_s,
        .texts = texts,
    };
    return OK;
}

/* The board ------------------------------------------------------------------------------------ */

static void log_change(const struct roster_subject *subject, enum state was, enum state is)
{
    struct log_line line;
    log_begin(&line, LOG_LEVEL_NOTICE, "state");
    if (*subject->service)
        log_text(&line, "service", subject->service);
    log_text(&line, "region", subject->region);
    if (*subject->address)
        log_text(&line, "address", subject->address);
    log_text(&line, "was", state_print(was));
    log_text(&line, "is", state_print(is));
    log_end(&line);
}

static void log_rest(size_t count)
{
    struct log_line line;
    if (count <= STATES_LOGGED_MAX)
        return;
    log_begin(&line, LOG_LEVEL_NOTICE, "states");
    log_number(&line, "more", (int64_t)count - STATES_LOGGED_MAX);
    log_end(&line);
}

/* Note by slot which rows of the list have not ended. */
static void mark(struct states *states, const struct list *list, uint32_t by_slot[BOARD_SLOTS_MAX],
                 int64_t now_s)
{
    for (size_t i = 0; i < states->roster->count; i++)
        by_slot[states->roster->subjects[i].slot] = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct row *row = &list->rows[i];
        const struct roster_subject *subject =
            roster_find(states->roster, row->service, row->region, row->address);
        if (!subject || (row->until_s != 0 && row->until_s <= now_s))
            continue;
        by_slot[subject->slot] = (uint32_t)i + 1;
        if (row->until_s != 0 && (states->next_s == 0 || row->until_s < states->next_s))
            states->next_s = row->until_s;
    }
}

/* Up hands out more than auto, which is what a row that is not there says. */
static unsigned strictness(enum state state)
{
    static const unsigned ranks[] = {[STATE_UP] = 0, [STATE_AUTO] = 1, [STATE_DRAIN] = 2, [STATE_DOWN] = 3};
    return ranks[state];
}

static enum state state_of(const struct row *row)
{
    return row ? row->state : STATE_AUTO;
}

/* The row that the word of a slot follows; NULL is auto. */
static const struct row *follow(const struct states *states, uint32_t slot)
{
    const uint32_t says = states->says[slot], grants = states->grants[slot];
    const struct row *said = says ? &states->list.rows[says - 1] : NULL;
    const struct row *granted = grants ? &states->granted.rows[grants - 1] : NULL;
    if (!states->loaded)
        return granted;
    return strictness(state_of(said)) >= strictness(state_of(granted)) ? said : granted;
}

/* Write to the board what differs, as far as `reach` goes. Returns whether anything is left that loosens. */
static bool write_words(struct states *states, enum reach reach)
{
    struct board *board = states->control->board;
    const struct roster *roster = states->roster;
    size_t changed = 0;
    bool left = false;
    for (size_t i = 0; i < roster->count; i++) {
        const struct roster_subject *subject = &roster->subjects[i];
        const enum state was = board_get(board, subject->slot).state;
        const enum state is = state_of(follow(states, subject->slot));
        const bool loosens = strictness(is) < strictness(was);
        if (is == was || (loosens && reach == REACH_STRICTER)) {
            left |= is != was;
            continue;
        }
        words_set_state(board, subject->slot, is);
        if (changed++ < STATES_LOGGED_MAX)
            log_change(subject, was, is);
    }
    log_rest(changed);
    return left;
}

static uint64_t hash_board(const struct states *states)
{
    uint64_t hash = 1;
    for (size_t i = 0; i < states->roster->count; i++) {
        const struct row *row = follow(states, states->roster->subjects[i].slot);
        if (state_of(row) == STATE_AUTO)
            continue;
        hash = hash_bytes(row->service, strlen(row->service) + 1, hash);
        hash = hash_bytes(row->region, strlen(row->region) + 1, hash);
        hash = hash_bytes(row->address, strlen(row->address) + 1, hash);
        hash = hash_mix(hash ^ ((uint64_t)row->until_s << 2 | row->state));
    }
    return hash;
}

/* Whether every worker answers from the current world. One that has none yet does not answer. */
static bool workers_are_current(const struct control *control)
{
    for (size_t i = 0; i < control->setup->workers_count; i++) {
        const uint64_t generation = __atomic_load_n(&control->counters[i]->generation, __ATOMIC_RELAXED);
        if (generation != 0 && generation != control->metrics.generation)
            return false;
    }
    return true;
}

/* Look at the lists anew. What loosens waits while the workers do not have the world for it. */
static void update(struct states *states, enum reach reach, struct moment now)
{
    states->next_s = 0;
    mark(states, &states->list, states->says, now.wall_ms / 1000);
    mark(states, &states->granted, states->grants, now.wall_ms / 1000);
    states->waits = write_words(states, reach);
    const uint64_t hash = hash_board(states);
    states->due = states->due || hash != states->hash;
    states->hash = hash;
}

static enum reach reach_now(const struct states *states)
{
    return workers_are_current(states->control) ? REACH_ALL : REACH_STRICTER;
}

/* Granting ------------------------------------------------------------------------------------- */

static bool has_region(const struct list *list, const char *name)
{
    for (size_t i = 0; i < list->count && !*list->rows[i].service; i++)
        if (strcmp(list->rows[i].region, name) == 0)
            return true;
    return false;
}

/* Whether the row's subject is in the world as it was before the store said what `compiled` says. */
static bool is_kept(const struct roster *roster, const struct list *compiled, const struct row *row)
{
    const struct roster_subject *subject = roster_find(roster, row->service, row->region, row->address);
    if (subject && subject->kind == SUBJECT_REGION)
        return !has_region(compiled, row->region);
    return subject && subject->kept;
}

/* The compiler's states are granted, but to what it has kept. Without memory for that all is as it was. */
static void grant(struct states *states)
{
    const struct list *compiled = states->same ? &states->list : &states->compiling;
    const struct list *granted = &states->granted;
    struct list next = {0};
    struct diag diag;
    enum err err = OK;
    if (!states->compiles)
        return;
    for (size_t i = 0; err == OK && i < compiled->count; i++)
        if (!is_kept(states->roster, compiled, &compiled->rows[i]))
            err = list_put(&next, &compiled->rows[i], &diag);
    for (size_t i = 0; err == OK && i < granted->count; i++)
        if (is_kept(states->roster, compiled, &granted->rows[i]))
            err = list_put(&next, &granted->rows[i], &diag);
    if (err != OK) {
        log_message(LOG_LEVEL_ERROR, "states", diag.text);
        list_free(&next);
        return;
    }
    list_free(&states->granted);
    states->granted = next;
}

void states_compiling(struct states *states)
{
    list_free(&states->compiling);
    states->compiles = states->loaded;
    states->same = true;
}

void states_apply(struct states *states, const struct roster *roster, struct moment now)
{
    states->roster = roster;
    grant(states);
    update(states, REACH_STRICTER, now);
}

void states_settle(struct states *states, struct moment now)
{
    grant(states);
    update(states, reach_now(states), now);
}

/* The store and health.db ---------------------------------------------------------------------- */

/* All of them, auto too: one that is not there is one that was deleted. */
static enum err read_regions(struct store *store, struct list *ret, struct diag *reterr)
{
    struct store_rows rows;
    struct store_region region;
    enum err err = OK;
    store_regions(store, &rows);
    while (err == OK && store_region_next(&rows, &region)) {
        struct row row = {.service = "", .region = region.name, .address = "", .until_s = region.until_s};
        if (state_parse(region.state, &row.state))
            err = list_put(ret, &row, reterr);
    }
    const enum err end = store_rows_end(&rows, err == OK ? reterr : NULL);
    return err == OK ? end : err;
}

static enum err read_others(struct store *store, struct list *ret, struct diag *reterr)
{
    struct store_rows rows;
    struct store_state state;
    enum err err = OK;
    store_states(store, &rows);
    while (err == OK && store_state_next(&rows, &state)) {
        struct row row = {.service = state.service ? state.service : "",
                          .region = state.region,
                          .address = state.address ? state.address : "",
                          .until_s = state.until_s};
        if (state.service && state_parse(state.state, &row.state))
            err = list_put(ret, &row, reterr);
    }
    const enum err end = store_rows_end(&rows, err == OK ? reterr : NULL);
    return err == OK ? end : err;
}

/* Regions come first. */
static enum err read_store(struct store *store, struct list *ret, struct diag *reterr)
{
    enum err err = store_begin(store, reterr);
    if (err != OK)
        return err;
    err = read_regions(store, ret, reterr);
    if (err == OK)
        err = read_others(store, ret, reterr);
    store_end(store);
    return err;
}

/* What was loaded before is what a compiler that runs was started with. */
static void put_away(struct states *states)
{
    if (states->compiles && states->same) {
        states->compiling = states->list;
        states->same = false;
    } else {
        list_free(&states->list);
    }
}

enum err states_load(struct states *states, struct store *store, struct moment now, struct diag *reterr)
{
    struct list list = {0};
    const enum err err = read_store(store, &list, reterr);
    if (err != OK) {
        list_free(&list);
        return err;
    }
    put_away(states);
    states->list = list;
    states->loaded = true;
    if (states->roster)
        update(states, reach_now(states), now);
    return OK;
}

/* A reading of health.db: how far it got. */
struct recall {
    struct list list;
    enum err err;
    struct diag *reterr;
};

static void recall_state(void *context, const struct history_state *state)
{
    struct recall *recall = context;
    struct row row = {.service = state->service,
                      .region = state->region,
                      .address = state->address,
                      .until_s = state->until_ms / 1000};
    if (recall->err == OK && state_parse(state->state, &row.state))
        recall->err = list_put(&recall->list, &row, recall->reterr);
}

/* What stood on the board when health.db was last written. */
static void remember(struct states *states)
{
    struct diag diag;
    struct recall recall = {.reterr = &diag};
    const struct history_taker taker = {.context = &recall, .state = recall_state};
    if (!states->control->history)
        return;
    const enum err err = history_each_state(states->control->history, &taker, &diag);
    if (err != OK || recall.err != OK)
        log_message(LOG_LEVEL_ERROR, "states-forgotten", diag.text);
    states->granted = recall.list;
    states->epoch = history_epoch(states->control->history);
}

enum err states_new(struct control *control, struct states **ret, struct diag *reterr)
{
    struct states *states = calloc(1, sizeof *states);
    if (!states)
        return diag_set(reterr, ERR_MEMORY, "out of memory for the operator's states");
    states->control = control;
    remember(states);
    *ret = states;
    return OK;
}

void states_free(struct states **states)
{
    if (!*states)
        return;
    list_free(&(*states)->list);
    list_free(&(*states)->compiling);
    list_free(&(*states)->granted);
    free(*states);
    *states = NULL;
}

static enum err record(const struct states *states, struct diag *reterr)
{
    struct history *history = states->control->history;
    const struct roster *roster = states->roster;
    struct history_state *rows = calloc(roster->count + 1, sizeof *rows);
    size_t count = 0;
    if (!rows)
        return diag_set(reterr, ERR_MEMORY, "out of memory for the operator's states");
    for (size_t i = 0; i < roster->count; i++) {
        const struct row *row = follow(states, roster->subjects[i].slot);
        if (state_of(row) == STATE_AUTO)
            continue;
        rows[count++] = (struct history_state){
            .kind = roster->subjects[i].kind,
            .service = row->service,
            .region = row->region,
            .address = row->address,
            .state = state_print(row->state),
            .until_ms = row->until_s * 1000,
        };
    }
    enum err err = history_begin(history, reterr);
    if (err == OK) {
        history_put_states(history, rows, count);
        err = history_commit(history, reterr);
    }
    free(rows);
    return err;
}

void states_tick(struct states *states, struct moment now)
{
    struct diag diag;
    const bool ended = states->next_s != 0 && states->next_s <= now.wall_ms / 1000;
    if (states->roster && (ended || states->waits))
        update(states, reach_now(states), now);
    if (!states->control->history || !states->roster)
        return;
    if (!states->due && states->epoch == history_epoch(states->control->history))
        return;
    const enum err err = record(states, &diag);
    if (err != OK && err != ERR_BUSY && !states->refused)
        log_message(LOG_LEVEL_WARNING, "states-not-kept", diag.text);
    states->refused = err != OK;
    states->due = err != OK;
    states->epoch = history_epoch(states->control->history);
}
