#include "server/states.h"

#include "common/log.h"
#include "server/words.h"
#include "zones/history.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    STATES_LOGGED_MAX = 100, /* changes of one commit or one expiry; the others are counted */
};

/* A state that is not auto, as the operator left it. */
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

struct states {
    struct control *control;
    const struct roster *roster; /* of the current world, lent; NULL: there is none */
    struct list list;
    bool due;      /* the list is not in health.db yet */
    bool refused;  /* ... and could not be put there: logged once */
    int64_t next_s; /* when the next `until` ends one; 0: none does */
    uint8_t wanted[BOARD_SLOTS_MAX]; /* enum state by slot, while words are written; otherwise zeros */
};

/* The list ---------------------------------------------------------------------------------------------- */

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

static bool is_same(const struct row *a, const struct row *b)
{
    return a->state == b->state && a->until_s == b->until_s && strcmp(a->service, b->service) == 0 &&
           strcmp(a->region, b->region) == 0 && strcmp(a->address, b->address) == 0;
}

static bool list_is_same(const struct list *a, const struct list *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!is_same(&a->rows[i], &b->rows[i]))
            return false;
    return true;
}

/* The board --------------------------------------------------------------------------------------------- */

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

/* Note by slot what the rows that have not ended want. */
static void mark(struct states *states, const struct roster *roster, int64_t now_s)
{
    states->next_s = 0;
    for (size_t i = 0; i < states->list.count; i++) {
        const struct row *row = &states->list.rows[i];
        if (row->until_s != 0 && row->until_s <= now_s)
            continue;
        const struct roster_subject *subject = roster_find(roster, row->service, row->region, row->address);
        if (!subject)
            continue;
        states->wanted[subject->slot] = (uint8_t)row->state;
        if (row->until_s != 0 && (states->next_s == 0 || row->until_s < states->next_s))
            states->next_s = row->until_s;
    }
}

void states_apply(struct states *states, const struct roster *roster, struct moment now)
{
    struct board *board = states->control->board;
    size_t changed = 0;
    states->roster = roster;
    mark(states, roster, now.wall_ms / 1000);
    for (size_t i = 0; i < roster->count; i++) {
        const struct roster_subject *subject = &roster->subjects[i];
        const enum state was = board_get(board, subject->slot).state;
        const enum state is = (enum state)states->wanted[subject->slot];
        states->wanted[subject->slot] = STATE_AUTO;
        if (is == was)
            continue;
        words_set_state(board, subject->slot, is);
        if (changed++ < STATES_LOGGED_MAX)
            log_change(subject, was, is);
    }
    log_rest(changed);
}

/* The store and health.db ------------------------------------------------------------------------------- */

static enum err read_store(struct store *store, struct list *ret, struct diag *reterr)
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
        if (state_parse(state.state, &row.state))
            err = list_put(ret, &row, reterr);
    }
    struct diag diag;
    const enum err ended = store_rows_end(&rows, &diag);
    return err == OK && ended != OK ? diag_set(reterr, ended, "%s", diag.text) : err;
}

enum err states_load(struct states *states, struct store *store, struct moment now, struct diag *reterr)
{
    struct list list = {0};
    const enum err err = read_store(store, &list, reterr);
    if (err != OK) {
        list_free(&list);
        return err;
    }
    states->due = states->due || !list_is_same(&list, &states->list);
    list_free(&states->list);
    states->list = list;
    if (states->roster)
        states_apply(states, states->roster, now);
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

/* What stood in the store when health.db was last written: until the store itself is read. */
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
    states->list = recall.list;
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
    if (*states)
        list_free(&(*states)->list);
    free(*states);
    *states = NULL;
}

static enum subject_kind kind_of(const struct row *row)
{
    if (*row->address)
        return SUBJECT_ENDPOINT;
    return *row->service ? SUBJECT_POOL : SUBJECT_REGION;
}

static enum err record(const struct states *states, struct diag *reterr)
{
    struct history *history = states->control->history;
    const struct list *list = &states->list;
    struct history_state *rows = calloc(list->count + 1, sizeof *rows);
    if (!rows)
        return diag_set(reterr, ERR_MEMORY, "out of memory for the operator's states");
    for (size_t i = 0; i < list->count; i++)
        rows[i] = (struct history_state){
            .kind = kind_of(&list->rows[i]),
            .service = list->rows[i].service,
            .region = list->rows[i].region,
            .address = list->rows[i].address,
            .state = state_print(list->rows[i].state),
            .until_ms = list->rows[i].until_s * 1000,
        };
    enum err err = history_begin(history, reterr);
    if (err == OK) {
        history_put_states(history, rows, list->count);
        err = history_commit(history, reterr);
    }
    free(rows);
    return err;
}

void states_tick(struct states *states, struct moment now)
{
    struct diag diag;
    if (states->roster && states->next_s != 0 && states->next_s <= now.wall_ms / 1000)
        states_apply(states, states->roster, now);
    if (!states->due || !states->control->history)
        return;
    const enum err err = record(states, &diag);
    if (err != OK && err != ERR_BUSY && !states->refused)
        log_message(LOG_LEVEL_WARNING, "states-not-kept", diag.text);
    states->refused = err != OK;
    states->due = err != OK;
}
