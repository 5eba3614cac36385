#include "prober/exchange.h"

#include "common/clock.h"
#include "health/key.h"

#include <assert.h>
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    URL_MAX = 320,
    HEADER_MAX = 192,
    /* How far before our clock a number of ours can be that a nameserver has believed: then the
     * clock was ahead of the nameserver's, now it is behind. */
    SEQ_AHEAD_MAX_MS = 2 * INTAKE_SKEW_MAX_MS,
};

struct exchange {
    const struct caller *caller;
    struct exchange_kind kind;
    struct exchange_finish finish;
    struct transfer transfer;
    struct curl_slist *headers; /* of the message on its way */
    struct buffer body;
    struct buffer answer;
    int64_t seq;       /* of the last message */
    int64_t taken_seq; /* the highest that the nameserver is known to have */
    int64_t given_seq; /* the highest of ours */
    char error[CURL_ERROR_SIZE]; /* libcurl's own sentence */
};

bool exchange_is_running(const struct exchange *exchange)
{
    return exchange->transfer.running;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

struct batch_head exchange_head(struct exchange *exchange)
{
    struct batch_head head = {.clock_ms = clock_wall_ms()};
    /* A number that is far before the clock is of a clock that was wrong, which no nameserver with the
     * right time has believed. To go on from there would lock our next process out, until its clock
     * is there too. */
    if (exchange->seq > head.clock_ms + SEQ_AHEAD_MAX_MS)
        exchange->seq = exchange->taken_seq;
    exchange->seq = later(exchange->seq + 1, head.clock_ms);
    exchange->given_seq = later(exchange->given_seq, exchange->seq);
    head.seq = exchange->seq;
    (void)snprintf(head.vantage, sizeof head.vantage, "%s", exchange->caller->vantage);
    return head;
}

/* What libcurl calls --------------------------------------------------------------------------- */

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    const struct exchange *exchange = context;
    (void)purpose;
    const int fd =
        egress_socket(exchange->caller->egress, address->family == AF_INET6 ? IP_V6 : IP_V4);
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static size_t take_answer(char *bytes, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    (void)size; /* always 1 */
    if (count > exchange->kind.answer_max - exchange->answer.len)
        return 0;
    (void)buffer_put(&exchange->answer, bytes, count);
    return exchange->answer.failed ? 0 : count;
}

/* The sentence of a transfer that failed: the same for each failure of a kind, so that the log
 * can tell a new one. */
static enum err explain(const struct exchange *exchange, CURLcode code, struct diag *reterr)
{
    long error = 0;
    (void)curl_easy_getinfo(exchange->transfer.easy, CURLINFO_OS_ERRNO, &error);
    if (code == CURLE_WRITE_ERROR)
        return diag_set(reterr, ERR_LIMIT, "an answer over %zu bytes, or out of memory",
                        exchange->kind.answer_max);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return diag_set(reterr, ERR_SYSTEM, "no answer in time");
    if (code == CURLE_COULDNT_CONNECT && error != 0)
        return diag_set(reterr, ERR_SYSTEM, "cannot connect: %s", strerror((int)error));
    return diag_set(reterr, ERR_SYSTEM, "%s",
                    exchange->error[0] ? exchange->error : curl_easy_strerror(code));
}

/* Go on above the last number that the nameserver has from us: from an earlier process with a
 * clock that was ahead, or from before our clock was set back. What neither has led to is not believed. */
static void resume_above(struct exchange *exchange, int64_t last)
{
    if (last < exchange->seq ||
        last > later(clock_wall_ms() + SEQ_AHEAD_MAX_MS, exchange->given_seq))
        return;
    exchange->seq = last;
    exchange->taken_seq = last;
}

/* A status other than 200, with what the nameserver says of it: {"message":"...","last":N}, its
 * own sentence and the number that ours was not above. */
static enum err take_refusal(struct exchange *exchange, long status, struct diag *reterr)
{
    const struct buffer *answer = &exchange->answer;
    json_t *object =
        answer->len > 0 ? json_loadb((const char *)answer->bytes, answer->len, 0, NULL) : NULL;
    const char *message = json_string_value(json_object_get(object, "message"));
    resume_above(exchange, json_integer_value(json_object_get(object, "last")));
    const enum err err = message ? diag_set(reterr, ERR_REFUSED, "status %ld: %s", status, message)
                                 : diag_set(reterr, ERR_REFUSED, "status %ld", status);
    json_decref(object);
    return err;
}

/* OK for a whole 200 only. */
static enum err judge(struct exchange *exchange, CURLcode code, struct diag *reterr)
{
    long status = 0;
    if (code != CURLE_OK)
        return explain(exchange, code, reterr);
    (void)curl_easy_getinfo(exchange->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        return take_refusal(exchange, status, reterr);
    exchange->taken_seq = exchange->seq;
    return OK;
}

static void on_done(struct transfer *transfer, CURLcode code)
{
    struct exchange *exchange =
        (struct exchange *)((char *)transfer - offsetof(struct exchange, transfer));
    struct diag diag = {.text = ""};
    long connects = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connects);
    const enum err err = judge(exchange, code, &diag);
    struct buffer bytes = exchange->answer;
    exchange->answer = (struct buffer){0};
    buffer_fini(&exchange->body);
    const struct exchange_answer answer = {
        .err = err, .diag = &diag, .bytes = &bytes, .reconnected = connects > 0};
    exchange->finish.call(exchange->finish.context, &answer);
    buffer_fini(&bytes);
}

/* Setting up ----------------------------------------------------------------------------------- */

static bool set_server(struct exchange *exchange, const struct listen *server)
{
    CURL *easy = exchange->transfer.easy;
    char url[URL_MAX];
    (void)snprintf(url, sizeof url, "https://%s:%u%s", exchange->caller->server_name, server->port,
                   exchange->kind.path);
    return multi_aim(&exchange->transfer, server) &&
           curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK;
}

static bool set_transport(struct exchange *exchange)
{
    CURL *easy = exchange->transfer.easy;
    const char *ca_path = exchange->caller->ca_path;
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK &&
           (!ca_path || curl_easy_setopt(easy, CURLOPT_CAINFO, ca_path) == CURLE_OK) &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)EXCHANGE_CONNECT_TIMEOUT_MS) ==
               CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)exchange->kind.timeout_ms) == CURLE_OK;
}

static bool set_callbacks(struct exchange *exchange)
{
    CURL *easy = exchange->transfer.easy;
    return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, exchange) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->error) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK;
}

enum err exchange_new(const struct caller *caller, const struct listen *server,
                      struct exchange_kind kind, struct exchange_finish finish,
                      struct exchange **ret, struct diag *reterr)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    exchange->caller = caller;
    exchange->kind = kind;
    exchange->finish = finish;
    exchange->transfer = (struct transfer){.easy = curl_easy_init(), .done = on_done};
    if (exchange->transfer.easy && set_server(exchange, server) && set_transport(exchange) &&
        set_callbacks(exchange)) {
        *ret = exchange;
        return OK;
    }
    exchange_free(&exchange);
    return diag_set(reterr, ERR_MEMORY, "cannot set up a link to a nameserver: out of memory");
}

void exchange_free(struct exchange **exchange)
{
    struct exchange *e = *exchange;
    if (!e)
        return;
    multi_drop(e->caller->multi, &e->transfer);
    curl_slist_free_all(e->headers);
    buffer_fini(&e->body);
    buffer_fini(&e->answer);
    free(e);
    *exchange = NULL;
}

/* Messages ------------------------------------------------------------------------------------- */

/* Append "name: value"; false when memory is out, and the list is as before. */
static bool put_header(struct curl_slist **headers, const char *name, const char *value)
{
    char text[HEADER_MAX];
    (void)snprintf(text, sizeof text, "%s:%s%s", name, value[0] ? " " : "", value);
    struct curl_slist *longer = curl_slist_append(*headers, text);
    if (longer)
        *headers = longer;
    return longer;
}

static bool set_headers(struct exchange *exchange, const char *signature)
{
    curl_slist_free_all(exchange->headers);
    exchange->headers = NULL;
    return put_header(&exchange->headers, INTAKE_HEADER_VANTAGE, exchange->caller->vantage) &&
           put_header(&exchange->headers, INTAKE_HEADER_SIGNATURE, signature) &&
           put_header(&exchange->headers, "Content-Type", "application/json") &&
           put_header(&exchange->headers, "Expect", "") /* no waiting for 100 Continue */ &&
           curl_easy_setopt(exchange->transfer.easy, CURLOPT_HTTPHEADER, exchange->headers) ==
               CURLE_OK;
}

static bool set_body(struct exchange *exchange)
{
    CURL *easy = exchange->transfer.easy;
    return curl_easy_setopt(easy, CURLOPT_POSTFIELDS, exchange->body.bytes) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body.len) ==
               CURLE_OK;
}

enum err exchange_start(struct exchange *exchange, struct buffer *body, struct diag *reterr)
{
    char signature[KEY_SIGNATURE_TEXT_MAX];
    assert(!exchange->transfer.running);
    buffer_fini(&exchange->body);
    exchange->body = *body;
    *body = (struct buffer){0};
    exchange->error[0] = '\0';
    const enum err err = key_sign(exchange->caller->key, intake_domain(exchange->kind.kind),
                                  exchange->body.bytes, exchange->body.len, signature, reterr);
    if (err)
        return err;
    if (!set_headers(exchange, signature) || !set_body(exchange))
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    return multi_start(exchange->caller->multi, &exchange->transfer, reterr);
}
