/* health/batch.c - votes, replies and requests; the list of checks is in batch_checks.c. */
#include "health/batch.h"

#include "health/field.h"

#include <stdlib.h>
#include <string.h>

/* Printing ------------------------------------------------------------------------------------- */

static json_t *pack_head(const struct batch_head *head)
{
    return json_pack("{s:s, s:I, s:I}", "vantage", head->vantage, "seq", (json_int_t)head->seq,
                     "clock_ms", (json_int_t)head->clock_ms);
}

static json_t *pack_result(const struct batch_result *result)
{
    const struct vote *vote = &result->vote;
    return json_pack("{s:s, s:s, s:I, s:i, s:s}", "check", result->check, "vote",
                     verdict_print(vote->verdict), "since_ms", (json_int_t)vote->since_ms,
                     "latency_ms", (int)vote->latency_ms, "reason", vote->reason);
}

enum err batch_print_votes(const struct batch_head *head, const struct batch_result *results,
                           size_t count, struct buffer *ret, struct diag *reterr)
{
    const size_t off = ret->len;
    if (count > BATCH_RESULTS_MAX)
        return diag_set(reterr, ERR_LIMIT, "votes: %zu results; at most %d", count,
                        BATCH_RESULTS_MAX);
    field_list_open(ret, pack_head(head), "results");
    for (size_t i = 0; i < count; i++)
        field_list_put(ret, i, pack_result(&results[i]));
    field_list_close(ret);
    return field_check(ret, off, BATCH_LEN_MAX, "votes", reterr);
}

enum err batch_print_reply(const struct batch_reply *reply, struct buffer *ret, struct diag *reterr)
{
    const size_t off = ret->len;
    if (reply->rechecks_count > BATCH_RECHECKS_MAX)
        return diag_set(reterr, ERR_LIMIT, "reply: %zu checks to repeat; at most %d",
                        reply->rechecks_count, BATCH_RECHECKS_MAX);
    json_t *head =
        json_pack("{s:I, s:I}", "checks_generation", (json_int_t)reply->checks_generation,
                  "clock_ms", (json_int_t)reply->clock_ms);
    field_list_open(ret, head, "recheck");
    for (size_t i = 0; i < reply->rechecks_count; i++)
        field_list_put(ret, i, json_string(reply->rechecks[i]));
    field_list_close(ret);
    return field_check(ret, off, BATCH_LEN_MAX, "reply", reterr);
}

enum err batch_print_request(const struct batch_head *head, struct buffer *ret, struct diag *reterr)
{
    const size_t off = ret->len;
    field_put(ret, pack_head(head));
    return field_check(ret, off, BATCH_LEN_MAX, "request", reterr);
}

/* Parsing -------------------------------------------------------------------------------------- */

static void parse_head(struct field_reader *reader, struct batch_head *ret)
{
    const char *vantage = field_text(reader, "vantage", BATCH_VANTAGE_MAX);
    if (!reader->err && vantage[0] == '\0')
        field_fail(reader, ERR_SYNTAX, "vantage", "is empty");
    memcpy(ret->vantage, vantage, strlen(vantage) + 1);
    ret->seq = field_number(reader, "seq", 0, BATCH_NUMBER_MAX);
    ret->clock_ms = field_number(reader, "clock_ms", 0, BATCH_NUMBER_MAX);
}

static void parse_reason(struct field_reader *reader, struct vote *ret)
{
    const char *reason = field_text(reader, "reason", VOTE_REASON_MAX);
    if (!vote_reason_is_valid(reason))
        field_fail(reader, ERR_SYNTAX, "reason", "is not printable ASCII");
    vote_explain(ret, reason);
}

static void parse_result(struct field_reader *reader, struct batch_result *ret)
{
    ret->check = field_text(reader, "check", CHECK_ID_MAX);
    const char *verdict = field_text(reader, "vote", sizeof "unknown");
    if (!verdict_parse(verdict, &ret->vote.verdict))
        field_fail(reader, ERR_SYNTAX, "vote", "is none of up, down and unknown");
    ret->vote.since_ms = field_number(reader, "since_ms", 0, BATCH_NUMBER_MAX);
    ret->vote.latency_ms = (uint16_t)field_number(reader, "latency_ms", 0, VOTE_LATENCY_MAX_MS);
    parse_reason(reader, &ret->vote);
}

static void parse_results(struct field_reader *reader, struct batch_votes *ret)
{
    const json_t *list = field_list(reader, "results", BATCH_RESULTS_MAX);
    const size_t count = json_array_size(list);
    ret->results = calloc(count + 1, sizeof *ret->results);
    if (!ret->results)
        field_fail(reader, ERR_MEMORY, "results", "do not fit into memory");
    struct field_reader item = *reader;
    item.what = "votes: results";
    for (size_t i = 0; i < count && !item.err; i++) {
        item.object = json_array_get(list, i);
        parse_result(&item, &ret->results[i]);
        ret->results_count++;
    }
    reader->err = item.err;
}

enum err batch_parse_votes(const void *bytes, size_t len, struct batch_votes *ret,
                           struct diag *reterr)
{
    struct batch_votes votes = {0};
    struct field_store store = {0};
    json_t *root = NULL;
    enum err err = field_load(bytes, len, BATCH_LEN_MAX, "votes", &root, reterr);
    if (!err)
        err = field_store_init(&store, len, reterr);
    if (!err) {
        struct field_reader reader = {
            .object = root, .what = "votes", .store = &store, .reterr = reterr};
        parse_head(&reader, &votes.head);
        parse_results(&reader, &votes);
        err = reader.err;
    }
    json_decref(root);
    votes.texts = store.texts;
    if (err)
        batch_votes_fini(&votes);
    else
        *ret = votes;
    return err;
}

void batch_votes_fini(struct batch_votes *votes)
{
    free(votes->results);
    free(votes->texts);
    *votes = (struct batch_votes){0};
}

static void parse_rechecks(struct field_reader *reader, struct batch_reply *ret)
{
    const json_t *list = field_list(reader, "recheck", BATCH_RECHECKS_MAX);
    const size_t count = json_array_size(list);
    ret->rechecks = calloc(count + 1, sizeof *ret->rechecks);
    if (!ret->rechecks)
        field_fail(reader, ERR_MEMORY, "recheck", "does not fit into memory");
    for (size_t i = 0; i < count && !reader->err; i++) {
        ret->rechecks[i] = field_item(reader, json_array_get(list, i), "recheck", CHECK_ID_MAX);
        ret->rechecks_count++;
    }
}

enum err batch_parse_reply(const void *bytes, size_t len, struct batch_reply *ret,
                           struct diag *reterr)
{
    struct batch_reply reply = {0};
    struct field_store store = {0};
    json_t *root = NULL;
    enum err err = field_load(bytes, len, BATCH_LEN_MAX, "reply", &root, reterr);
    if (!err)
        err = field_store_init(&store, len, reterr);
    if (!err) {
        struct field_reader reader = {
            .object = root, .what = "reply", .store = &store, .reterr = reterr};
        reply.checks_generation = field_number(&reader, "checks_generation", 0, BATCH_NUMBER_MAX);
        reply.clock_ms = field_number(&reader, "clock_ms", 0, BATCH_NUMBER_MAX);
        parse_rechecks(&reader, &reply);
        err = reader.err;
    }
    json_decref(root);
    reply.texts = store.texts;
    if (err)
        batch_reply_fini(&reply);
    else
        *ret = reply;
    return err;
}

void batch_reply_fini(struct batch_reply *reply)
{
    free(reply->rechecks);
    free(reply->texts);
    *reply = (struct batch_reply){0};
}

enum err batch_parse_request(const void *bytes, size_t len, struct batch_head *ret,
                             struct diag *reterr)
{
    struct batch_head head = {0};
    struct field_store store = {0};
    json_t *root = NULL;
    enum err err = field_load(bytes, len, BATCH_LEN_MAX, "request", &root, reterr);
    if (!err)
        err = field_store_init(&store, len, reterr);
    if (!err) {
        struct field_reader reader = {
            .object = root, .what = "request", .store = &store, .reterr = reterr};
        parse_head(&reader, &head);
        err = reader.err;
    }
    json_decref(root);
    free(store.texts);
    if (!err)
        *ret = head;
    return err;
}
