/* ctl/cmd_status.c - gslbctl status: what health.db says now, as a page for people or as JSON for programs.
 *
 * Everything is read into one JSON document; the page is printed from it, so that both say the same.
 */
#include "common/clock.h"
#include "ctl/command.h"
#include "ctl/page.h"
#include "zones/history/history.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char *const health_members[] = {
    [SUBJECT_REGION] = "regions", [SUBJECT_POOL] = "pools", [SUBJECT_ENDPOINT] = "endpoints"};

static const char *const kind_words[] = {
    [SUBJECT_REGION] = "region", [SUBJECT_POOL] = "pool", [SUBJECT_ENDPOINT] = "endpoint"};

/* Append to the array that is the document's member `name`. */
static void append(json_t *document, const char *name, json_t *value)
{
    json_t *array = json_object_get(document, name);
    if (!array) {
        array = json_array();
        (void)json_object_set_new(document, name, array);
    }
    (void)json_array_append_new(array, value);
}

static void take_health(void *context, const struct history_health *row)
{
    append(context, health_members[row->kind],
           json_pack("{s:s, s:s, s:s, s:s, s:f, s:i, s:i, s:i, s:i, s:s}", "service", row->service, "region",
                     row->region, "address", row->address, "verdict", row->verdict, "since",
                     (double)row->since_ms / 1000, "up", (int)row->up, "down", (int)row->down, "unknown",
                     (int)row->unknown, "latency_ms", (int)row->latency_ms, "reason", row->reason));
}

static void take_vantage(void *context, const struct history_vantage *row)
{
    append(context, "vantages",
           json_pack("{s:s, s:f, s:i, s:b}", "name", row->name, "last_seen", (double)row->seen_ms / 1000,
                     "votes", (int)row->votes, "suspect", (int)row->suspect));
}

static void take_vote(void *context, const struct history_vote *row)
{
    append(context, "votes",
           json_pack("{s:s, s:s, s:s, s:f, s:i, s:s}", "vantage", row->vantage, "check", row->check, "vote",
                     row->verdict, "since", (double)row->since_ms / 1000, "latency_ms", (int)row->latency_ms,
                     "reason", row->reason));
}

/* A state whose `until` has come is none. */
static void take_state(void *context, const struct history_state *row)
{
    if (row->until_ms != 0 && row->until_ms <= clock_wall_ms())
        return;
    append(context, "states",
           json_pack("{s:s, s:s, s:s, s:s, s:s, s:f}", "kind", kind_words[row->kind], "service", row->service,
                     "region", row->region, "address", row->address, "state", row->state, "until",
                     (double)row->until_ms / 1000));
}

static void take_load(void *context, const struct history_load *row)
{
    (void)json_object_set_new(context, "load",
                              json_pack("{s:I, s:f, s:b, s:I, s:I}", "generation",
                                        (json_int_t)row->generation, "at", (double)row->at_ms / 1000, "ok",
                                        (int)row->ok, "zones", (json_int_t)row->zones, "problems",
                                        (json_int_t)row->problems));
}

static void take_problem(void *context, const struct history_problem *row)
{
    append(context, "problems",
           json_pack("{s:f, s:s, s:s, s:s}", "at", (double)row->at_ms / 1000, "zone", row->zone, "subject",
                     row->subject, "message", row->message));
}

static enum err read_all(struct history *history, json_t *document, struct diag *reterr)
{
    const struct history_taker taker = {.context = document,
                                        .health = take_health,
                                        .vantage = take_vantage,
                                        .vote = take_vote,
                                        .state = take_state,
                                        .load = take_load,
                                        .problem = take_problem};
    enum err err = OK;
    for (enum subject_kind kind = SUBJECT_REGION; kind <= SUBJECT_ENDPOINT && err == OK; kind++) {
        (void)json_object_set_new(document, health_members[kind], json_array());
        err = history_each_health(history, kind, &taker, reterr);
    }
    static const char *const others[] = {"vantages", "votes", "states", "problems"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        (void)json_object_set_new(document, others[i], json_array());
    if (err == OK)
        err = history_each_vantage(history, &taker, reterr);
    if (err == OK)
        err = history_each_vote(history, &taker, reterr);
    if (err == OK)
        err = history_each_state(history, &taker, reterr);
    if (err == OK)
        err = history_each_load(history, 1, &taker, reterr);
    if (err == OK)
        err = history_each_problem(history, &taker, reterr);
    return err;
}

/* When health.db was last written: a dead gslbd leaves rows that look as fresh as ever. */
static void read_written(const struct command_input *input, json_t *document)
{
    static const char *const files[] = {"health.db", "health.db-wal"};
    double written = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct stat status;
        char *path = command_state_path(input, files[i]);
        if (path && stat(path, &status) == 0) {
            const double at = (double)status.st_mtim.tv_sec + (double)status.st_mtim.tv_nsec / 1e9;
            written = at > written ? at : written;
        }
        free(path);
    }
    (void)json_object_set_new(document, "written", json_real(written));
}

static enum err open_history(const struct command_input *input, struct history **ret, struct diag *reterr)
{
    char *path = command_state_path(input, "health.db");
    const enum err err =
        path ? history_open_read(path, ret, reterr) : diag_set(reterr, ERR_MEMORY, "out of memory");
    free(path);
    return err;
}

enum err cmd_status(const struct command_input *input, enum command_end *ret_end, struct diag *reterr)
{
    (void)ret_end;
    struct history *history = NULL;
    json_t *document = json_object();
    enum err err =
        document ? open_history(input, &history, reterr) : diag_set(reterr, ERR_MEMORY, "out of memory");
    if (err == OK) {
        read_written(input, document);
        err = read_all(history, document, reterr);
    }
    if (err == OK && option_count(input->options, "json")) {
        (void)json_dumpf(document, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(13));
        printf("\n");
    } else if (err == OK) {
        page_print(document, clock_wall_ms() / 1000);
    }
    history_close(&history);
    json_decref(document);
    return err;
}

static void take_event(void *context, const struct history_event *row)
{
    (void)context;
    char at[32];
    printf("%s  %s: %s -> %s%s%s%s\n", page_time(row->at_ms, at), row->subject, row->was, row->is,
           row->reason[0] ? " (" : "", row->reason, row->reason[0] ? ")" : "");
}

enum err cmd_events(const struct command_input *input, enum command_end *ret_end, struct diag *reterr)
{
    int64_t count;
    struct history *history = NULL;
    const struct history_taker taker = {.event = take_event};
    enum err err = command_misused(
        option_number(input->options, "count", 1, HISTORY_EVENTS_MAX, 50, &count, reterr), ret_end);
    if (err == OK)
        err = open_history(input, &history, reterr);
    if (err == OK)
        err = history_each_event(history, (uint32_t)count, &taker, reterr);
    history_close(&history);
    return err;
}
