/* tests/scenario/backend.c - a small real HTTP back end for the scenarios and the demo.
 *
 *    backend --listen ADDRESS@PORT [--name TEXT] [--status N] [--deny-file FILE]
 *
 * Answers GET and HEAD of /healthz with the status and "ok NAME", and every other path with 200
 * and "NAME". Peers whose address is a line of the deny file get no reply, as if their path were
 * cut; it is read at each request. Prints "ready" on stdout once it listens, and exits on
 * SIGTERM.
 */
#include "common/ip.h"
#include "common/option.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option_def defs[] = {
    {"listen", OPTION_ONE, "ADDRESS@PORT", "where to serve"},
    {"name", OPTION_ONE, "TEXT", "what to call itself; backend"},
    {"status", OPTION_ONE, "N", "the status of /healthz; 200"},
    {"deny-file", OPTION_ONE, "FILE", "addresses of peers that get no reply, one a line"},
};

enum { DEFS_COUNT = sizeof defs / sizeof defs[0] };

struct backend {
    struct listen at;
    const char *name;
    const char *deny_path; /* or NULL */
    int status;
};

/* Whether the deny file names the peer. */
static bool is_denied(const struct backend *backend, struct evhttp_request *request)
{
    char *peer, line[IP_TEXT_MAX + 1];
    ev_uint16_t port;
    bool found = false;
    FILE *deny = backend->deny_path ? fopen(backend->deny_path, "r") : NULL;
    if (!deny)
        return false;
    evhttp_connection_get_peer(evhttp_request_get_connection(request), &peer, &port);
    while (!found && fgets(line, sizeof line, deny)) {
        line[strcspn(line, "\n")] = '\0';
        found = strcmp(line, peer) == 0;
    }
    (void)fclose(deny);
    return found;
}

static void answer(struct evhttp_request *request, int status, const char *word, const char *name)
{
    struct evbuffer *body = evbuffer_new();
    if (body)
        (void)evbuffer_add_printf(body, "%s%s\n", word, name);
    evhttp_send_reply(request, status, status < 400 ? "OK" : "Failing", body);
    if (body)
        evbuffer_free(body);
}

static void on_health(struct evhttp_request *request, void *context)
{
    const struct backend *backend = context;
    if (!is_denied(backend, request))
        answer(request, backend->status, backend->status < 400 ? "ok " : "failing ", backend->name);
}

static void on_other(struct evhttp_request *request, void *context)
{
    const struct backend *backend = context;
    if (!is_denied(backend, request))
        answer(request, HTTP_OK, "", backend->name);
}

static void on_stop(evutil_socket_t signal, short what, void *context)
{
    struct event_base *base = context;
    (void)signal;
    (void)what;
    (void)event_base_loopbreak(base);
}

static enum err listen_at(struct evhttp *http, const struct listen *at, struct diag *reterr)
{
    char ip[IP_TEXT_MAX], text[LISTEN_TEXT_MAX];
    if (evhttp_bind_socket(http, ip_print(&at->ip, ip), at->port) != 0)
        return diag_errno(reterr, "cannot listen at %s", listen_print(at, text));
    return OK;
}

/* Serve until SIGTERM. */
static enum err serve(struct backend *backend, struct diag *reterr)
{
    struct event_base *base = event_base_new();
    struct evhttp *http = base ? evhttp_new(base) : NULL;
    struct event *stop = base ? evsignal_new(base, SIGTERM, on_stop, base) : NULL;
    enum err err = diag_set(reterr, ERR_MEMORY, "out of memory");
    if (http && stop && event_add(stop, NULL) == 0 &&
        evhttp_set_cb(http, "/healthz", on_health, backend) == 0) {
        evhttp_set_gencb(http, on_other, backend);
        err = listen_at(http, &backend->at, reterr);
    }
    if (!err) {
        (void)puts("ready");
        (void)fflush(stdout);
        (void)event_base_dispatch(base);
    }
    if (stop)
        event_free(stop);
    if (http)
        evhttp_free(http);
    if (base)
        event_base_free(base);
    return err;
}

static enum err read_options(const struct options *options, struct backend *backend,
                             struct diag *reterr)
{
    const char *at = NULL;
    const char *name = option_get(options, "name", 0);
    int64_t status = HTTP_OK;
    enum err err = option_needed(options, "listen", &at, reterr);
    if (!err)
        err = listen_parse(at, &backend->at, reterr);
    if (!err)
        err = option_number(options, "status", 100, 599, HTTP_OK, &status, reterr);
    backend->name = name ? name : "backend";
    backend->deny_path = option_get(options, "deny-file", 0);
    backend->status = (int)status;
    return err;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct backend backend;
    struct diag diag;
    enum err err = option_parse(defs, DEFS_COUNT, argc, argv, &options, &diag);
    if (!err && options.help)
        option_print(stdout, defs, DEFS_COUNT);
    else if (!err)
        err = read_options(&options, &backend, &diag);
    if (!err && !options.help)
        err = serve(&backend, &diag);
    if (err)
        (void)fprintf(stderr, "backend: %s\n", diag.text);
    option_fini(&options);
    return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
