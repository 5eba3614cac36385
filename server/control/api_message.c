#include "server/control/api_message.h"

#include "common/log.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* What a refusal is to HTTP, and what it means to whoever reads the prober's log. */
static const struct {
    int status;
    const char *message;
} refusals[INTAKE_COUNT] = {
    [INTAKE_STRANGER] = {403, "there is no such vantage point; add it with gslbctl vantage add"},
    [INTAKE_DISABLED] = {403, "this vantage point is disabled, or its public key does not parse"},
    [INTAKE_SIGNATURE] = {401, "the signature is not this vantage point's"},
    [INTAKE_MALFORMED] = {400, "the body does not parse"},
    [INTAKE_NAME] = {403, "the body names another vantage point than the header"},
    [INTAKE_CLOCK] = {409, "the clocks are more than 30 s apart"},
    [INTAKE_SEQUENCE] = {409, "the sequence number is not above the last one"},
};

static void put_json(struct buffer *ret, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    if (text)
        (void)buffer_put(ret, text, strlen(text));
    free(text);
    json_decref(value);
}

static void log_refusal(struct api_desk *desk, enum intake why, const struct api_message *message,
                        const char *sentence, int64_t now_ms)
{
    if (desk->refused[why].logged_ms != 0 && now_ms - desk->refused[why].logged_ms < API_MESSAGE_LOG_MS) {
        desk->refused[why].since++;
        return;
    }
    struct log_line line;
    log_begin(&line, LOG_LEVEL_WARNING, "refused");
    log_text(&line, "reason", intake_print(why));
    log_text(&line, "vantage", message->vantage ? message->vantage : "");
    log_text(&line, "peer", message->peer);
    log_number(&line, "more_before", (int64_t)desk->refused[why].since);
    log_text(&line, "message", sentence);
    log_end(&line);
    desk->refused[why].logged_ms = now_ms;
    desk->refused[why].since = 0;
}

/* {"error":"...","message":"...","clock_ms":N}, and of a sequence that is behind "last":N, above
 * which the sender may go on. */
static json_t *refusal_of(const struct api_desk *desk, enum intake why,
                          const struct api_message *message, const char *sentence, int64_t clock_ms)
{
    json_t *object = json_pack("{s:s, s:s, s:I}", "error", intake_print(why), "message", sentence,
                               "clock_ms", (json_int_t)clock_ms);
    if (why == INTAKE_SEQUENCE) {
        const struct intake_sender *sender = verdicts_sender(desk->verdicts, message->vantage);
        (void)json_object_set_new(object, "last", json_integer(sender->seqs[message->kind]));
    }
    return object;
}

static int refuse(struct api_desk *desk, enum intake why, const struct api_message *message,
                  const char *sentence, struct moment now, struct buffer *ret)
{
    desk->metrics->refusals[why]++;
    log_refusal(desk, why, message, sentence, now.mono_ms);
    put_json(ret, refusal_of(desk, why, message, sentence, now.wall_ms));
    return refusals[why].status;
}

static int fail(const char *sentence, struct moment now, struct buffer *ret)
{
    put_json(ret, json_pack("{s:s, s:s, s:I}", "error", "unavailable", "message", sentence, "clock_ms",
                            (json_int_t)now.wall_ms));
    return 503;
}

static int take_votes(struct api_desk *desk, struct intake_sender *sender, const struct api_message *message,
                      struct moment now, struct buffer *ret)
{
    struct batch_votes votes;
    struct diag diag;
    const enum err err = batch_parse_votes(message->body, message->len, &votes, &diag);
    if (err == ERR_MEMORY)
        return fail(diag.text, now, ret);
    if (err)
        return refuse(desk, INTAKE_MALFORMED, message, diag.text, now, ret);
    const enum intake intake = intake_check_head(sender, INTAKE_VOTES, &votes.head, now.wall_ms);
    if (intake == INTAKE_OK)
        verdicts_tally(desk->verdicts, sender, &votes, now);
    batch_votes_fini(&votes);
    if (intake != INTAKE_OK)
        return refuse(desk, intake, message, refusals[intake].message, now, ret);
    verdicts_tick(desk->verdicts, now);
    return verdicts_reply(desk->verdicts, sender, now, ret, &diag) == OK ? 200 : fail(diag.text, now, ret);
}

static int give_checks(struct api_desk *desk, struct intake_sender *sender, const struct api_message *message,
                       struct moment now, struct buffer *ret)
{
    struct batch_head head;
    struct diag diag;
    if (batch_parse_request(message->body, message->len, &head, &diag) != OK)
        return refuse(desk, INTAKE_MALFORMED, message, diag.text, now, ret);
    const enum intake intake = intake_check_head(sender, INTAKE_CHECKS, &head, now.wall_ms);
    if (intake != INTAKE_OK)
        return refuse(desk, intake, message, refusals[intake].message, now, ret);
    const enum err err = checks_print(verdicts_checks(desk->verdicts), sender->name, ret, &diag);
    return err == OK ? 200 : fail(diag.text, now, ret);
}

int api_message_take(struct api_desk *desk, const struct api_message *message, struct moment now,
                     struct buffer *ret)
{
    if (!verdicts_checks(desk->verdicts))
        return fail("no world is published yet; try again", now, ret);
    struct intake_sender *sender =
        message->vantage ? verdicts_sender(desk->verdicts, message->vantage) : NULL;
    const enum intake intake =
        intake_check_body(sender, message->kind, message->body, message->len, message->signature);
    if (intake != INTAKE_OK)
        return refuse(desk, intake, message, refusals[intake].message, now, ret);
    return message->kind == INTAKE_VOTES ? take_votes(desk, sender, message, now, ret)
                                         : give_checks(desk, sender, message, now, ret);
}
