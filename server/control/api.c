#include "server/control/api.h"

#include "common/clock.h"
#include "server/control/api_message.h"
#include "server/control/http.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)HTTP_BODY_MAX >= (int)BATCH_LEN_MAX, "the largest batch gets in");

enum { API_METRICS_MS = 500 }; /* how old /metrics may be: scrapers cannot make control work all the time */

struct api {
    struct http *http;
    struct api_desk desk;
    const struct metrics_view *view;
    struct buffer metrics; /* the last text */
    int64_t metrics_ms;    /* of it, by mono_ms; INT64_MIN: none */
};

/* Sending -------------------------------------------------------------------------------------- */

static void send_reply(struct evhttp_request *request, int status, const char *type, const void *bytes,
                       size_t len)
{
    struct evbuffer *body = evbuffer_new();
    if (!body || evbuffer_add(body, bytes, len) < 0 ||
        evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", type) < 0)
        evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
    else
        evhttp_send_reply(request, status, NULL, body);
    if (body)
        evbuffer_free(body);
}

static void send_text(struct evhttp_request *request, int status, const char *text)
{
    send_reply(request, status, "text/plain; charset=utf-8", text, strlen(text));
}

/* What `buffer` has, or 503 when memory ran out on the way; gives the buffer back. */
static void send_buffer(struct evhttp_request *request, int status, const char *type, struct buffer *buffer)
{
    if (buffer->failed)
        send_text(request, HTTP_SERVUNAVAIL, "out of memory\n");
    else
        send_reply(request, status, type, buffer->bytes, buffer->len);
    buffer_fini(buffer);
}

/* Routes --------------------------------------------------------------------------------------- */

static void take_message(struct api *api, struct evhttp_request *request, enum intake_kind kind)
{
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
    struct evbuffer *input = evhttp_request_get_input_buffer(request);
    const size_t len = evbuffer_get_length(input);
    char *peer = NULL;
    ev_uint16_t port = 0;
    evhttp_connection_get_peer(evhttp_request_get_connection(request), &peer, &port);
    const struct api_message message = {
        .kind = kind,
        .vantage = evhttp_find_header(headers, INTAKE_HEADER_VANTAGE),
        .signature = evhttp_find_header(headers, INTAKE_HEADER_SIGNATURE),
        .peer = peer ? peer : "",
        .body = len > 0 ? evbuffer_pullup(input, -1) : (const void *)"",
        .len = len,
    };
    if (!message.body) {
        send_text(request, HTTP_SERVUNAVAIL, "out of memory\n");
        return;
    }
    struct buffer reply = {0};
    const int status = api_message_take(&api->desk, &message, clock_now(), &reply);
    if (status == HTTP_OK)
        http_trust(request);
    send_buffer(request, status, "application/json", &reply);
}

static void take_votes(struct api *api, struct evhttp_request *request)
{
    take_message(api, request, INTAKE_VOTES);
}

static void give_checks(struct api *api, struct evhttp_request *request)
{
    take_message(api, request, INTAKE_CHECKS);
}

static void give_metrics(struct api *api, struct evhttp_request *request)
{
    const struct moment now = clock_now();
    api->desk.metrics->connections = http_connections(api->http);
    api->desk.metrics->connections_evicted = http_evicted(api->http);
    if (api->metrics_ms == INT64_MIN || now.mono_ms - api->metrics_ms >= API_METRICS_MS) {
        struct diag diag;
        buffer_fini(&api->metrics);
        api->metrics_ms = metrics_print(api->view, &api->metrics, &diag) == OK ? now.mono_ms : INT64_MIN;
    }
    if (api->metrics_ms == INT64_MIN)
        send_text(request, HTTP_SERVUNAVAIL, "out of memory\n");
    else
        send_reply(request, HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", api->metrics.bytes,
                   api->metrics.len);
}

static void give_health(struct api *api, struct evhttp_request *request)
{
    if (api->view->metrics->generation > 0)
        send_text(request, HTTP_OK, "ok\n");
    else
        send_text(request, HTTP_SERVUNAVAIL, "no world is published yet\n");
}

static void give_index(struct api *api, struct evhttp_request *request)
{
    (void)api;
    send_text(request, HTTP_OK,
              "gslbd control port\n\n"
              "GET  /metrics    counters in Prometheus' text format\n"
              "GET  /healthz    200 when a world is published\n"
              "POST /v1/votes   signed votes of a vantage point\n"
              "POST /v1/checks  signed request for its list of checks\n");
}

static const struct {
    const char *path;
    enum evhttp_cmd_type method;
    void (*serve)(struct api *api, struct evhttp_request *request);
} routes[] = {
    {"/v1/votes", EVHTTP_REQ_POST, take_votes}, {"/v1/checks", EVHTTP_REQ_POST, give_checks},
    {"/metrics", EVHTTP_REQ_GET, give_metrics}, {"/healthz", EVHTTP_REQ_GET, give_health},
    {"/", EVHTTP_REQ_GET, give_index},
};

static void serve(void *context, struct evhttp_request *request)
{
    struct api *api = context;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    const enum evhttp_cmd_type command = evhttp_request_get_command(request);
    const enum evhttp_cmd_type method = command == EVHTTP_REQ_HEAD ? EVHTTP_REQ_GET : command;
    api->desk.metrics->requests++;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (strcmp(path && path[0] ? path : "/", routes[i].path) != 0)
            continue;
        if (routes[i].method == method)
            routes[i].serve(api, request);
        else
            send_text(request, HTTP_BADMETHOD, "not with this method\n");
        return;
    }
    send_text(request, HTTP_NOTFOUND, "there is no such thing here\n");
}

/* Life ----------------------------------------------------------------------------------------- */

enum err api_start(const struct api_setup *setup, struct api **ret, struct diag *reterr)
{
    struct api *api = calloc(1, sizeof *api);
    if (!api)
        return diag_set(reterr, ERR_MEMORY, "control port: out of memory");
    api->desk.verdicts = setup->verdicts;
    api->desk.metrics = setup->metrics;
    api->view = setup->view;
    api->metrics_ms = INT64_MIN;
    const struct http_setup http = {.base = setup->base,
                                    .tls = setup->tls,
                                    .fds = setup->fds,
                                    .fds_count = setup->fds_count,
                                    .serve = serve,
                                    .context = api};
    const enum err err = http_start(&http, &api->http, reterr);
    if (err)
        free(api);
    else
        *ret = api;
    return err;
}

void api_stop(struct api **api)
{
    if (!*api)
        return;
    http_stop(&(*api)->http);
    buffer_fini(&(*api)->metrics);
    free(*api);
    *api = NULL;
}
