#include "server/control/http.h"

#include "common/clock.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

/* One connection: made before evhttp has it, gone when OpenSSL frees its SSL. */
struct http_connection {
    LIST_ENTRY(http_connection) link;
    struct http *http; /* NULL: it outlived the server */
    struct bufferevent *bufferevent;
    int64_t active_ms; /* opened, or completed a request */
    size_t received;   /* bytes of the request that is not complete */
    bool trusted;
    bool closing;
};

struct http {
    struct event_base *base;
    SSL_CTX *tls;
    struct evhttp *evhttp;
    struct event *sweep;
    int *fds; /* heap; ours once all of them are served */
    size_t fds_count;
    void (*serve)(void *context, struct evhttp_request *request);
    void *context;
    LIST_HEAD(, http_connection) connections;
    size_t count;
    size_t received; /* by all connections that are not closing */
    uint64_t evicted;
};

/* Connections ---------------------------------------------------------------------------------- */

static void forget(void *parent, void *pointer, CRYPTO_EX_DATA *slots, int idx, long number, void *argument)
{
    (void)parent;
    (void)slots;
    (void)idx;
    (void)number;
    (void)argument;
    struct http_connection *connection = pointer;
    if (!connection)
        return;
    if (connection->http) {
        connection->http->received -= connection->received;
        connection->http->count--;
        LIST_REMOVE(connection, link);
    }
    free(connection);
}

/* Where an SSL keeps its connection. -1: OpenSSL is out of memory. */
static int slot(void)
{
    static int idx = -1;
    if (idx < 0)
        idx = SSL_get_ex_new_index(0, NULL, NULL, NULL, forget);
    return idx;
}

static void settle(struct http_connection *connection)
{
    if (connection->http)
        connection->http->received -= connection->received;
    connection->received = 0;
}

/* evhttp owns the connection, so it is told by the end of the stream. */
static void close_soon(struct http_connection *connection)
{
    const evutil_socket_t fd = bufferevent_getfd(connection->bufferevent);
    settle(connection);
    connection->closing = true;
    if (fd >= 0)
        (void)shutdown(fd, SHUT_RDWR);
}

/* Close the stranger, or failing that the prober, that has been silent longest. */
static void evict(struct http *http)
{
    struct http_connection *at, *victim = NULL;
    LIST_FOREACH(at, &http->connections, link)
    {
        const bool better = !victim || (victim->trusted && !at->trusted) ||
                            (victim->trusted == at->trusted && at->active_ms <= victim->active_ms);
        if (!at->closing && better)
            victim = at;
    }
    if (!victim)
        return;
    close_soon(victim);
    http->evicted++;
}

/* Bytes have come; whether evhttp takes them out again at once does not count. */
static void on_received(struct evbuffer *input, const struct evbuffer_cb_info *info, void *context)
{
    (void)input;
    struct http_connection *connection = context;
    if (!connection->http || connection->closing)
        return;
    connection->received += info->n_added;
    connection->http->received += info->n_added;
    if (connection->http->received > HTTP_BUFFERED_MAX)
        evict(connection->http);
}

static bool attach(struct http *http, SSL *ssl, struct bufferevent *bufferevent)
{
    struct http_connection *connection = calloc(1, sizeof *connection);
    if (!connection || !evbuffer_add_cb(bufferevent_get_input(bufferevent), on_received, connection) ||
        !SSL_set_ex_data(ssl, slot(), connection)) {
        free(connection);
        return false;
    }
    connection->http = http;
    connection->bufferevent = bufferevent;
    connection->active_ms = clock_mono_ms();
    LIST_INSERT_HEAD(&http->connections, connection, link);
    http->count++;
    return true;
}

/* evhttp asks for a connection's bufferevent. With NULL it would go on without TLS, and then serve() drops
 * it. */
static struct bufferevent *open_connection(struct event_base *base, void *context)
{
    struct http *http = context;
    if (http->count >= HTTP_CONNECTIONS_MAX)
        evict(http);
    SSL *ssl = SSL_new(http->tls);
    if (!ssl)
        return NULL;
    struct bufferevent *bufferevent =
        bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (!bufferevent) {
        SSL_free(ssl);
        return NULL;
    }
    if (attach(http, ssl, bufferevent))
        return bufferevent;
    bufferevent_free(bufferevent);
    return NULL;
}

static struct http_connection *connection_of(struct evhttp_request *request)
{
    struct evhttp_connection *owner = evhttp_request_get_connection(request);
    SSL *ssl = owner ? bufferevent_openssl_get_ssl(evhttp_connection_get_bufferevent(owner)) : NULL;
    return ssl ? SSL_get_ex_data(ssl, slot()) : NULL;
}

void http_trust(struct evhttp_request *request)
{
    struct http_connection *connection = connection_of(request);
    if (connection)
        connection->trusted = true;
}

size_t http_connections(const struct http *http)
{
    return http->count;
}

uint64_t http_evicted(const struct http *http)
{
    return http->evicted;
}

/* Bounds --------------------------------------------------------------------------------------- */

/* Bytes of unfinished requests and of replies that nobody reads. */
static size_t buffered(const struct http *http)
{
    const struct http_connection *at;
    size_t len = http->received;
    LIST_FOREACH(at, &http->connections, link)
    {
        if (!at->closing)
            len += evbuffer_get_length(bufferevent_get_output(at->bufferevent));
    }
    return len;
}

static void on_sweep(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct http *http = context;
    const int64_t now_ms = clock_mono_ms();
    struct http_connection *at;
    LIST_FOREACH(at, &http->connections, link)
    {
        if (!at->closing && now_ms - at->active_ms > HTTP_IDLE_MAX_MS)
            close_soon(at);
    }
    for (size_t left = http->count; left > 0 && buffered(http) > HTTP_BUFFERED_MAX; left--)
        evict(http);
}

static void on_complete(struct evhttp_request *request, void *context)
{
    struct http *http = context;
    struct http_connection *connection = connection_of(request);
    if (!connection) {
        evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
        return;
    }
    settle(connection);
    connection->active_ms = clock_mono_ms();
    http->serve(http->context, request);
}

/* Life ----------------------------------------------------------------------------------------- */

static enum err listen_on(struct http *http, int fd, struct diag *reterr)
{
    const int now =
        1; /* a reply is a few records: the last is not to wait for an acknowledgement of the first */
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &now, sizeof now) < 0 ||
        evutil_make_socket_nonblocking(fd) < 0)
        return diag_errno(reterr, "control port: cannot prepare the socket");
    struct evconnlistener *listener =
        evconnlistener_new(http->base, NULL, NULL, LEV_OPT_CLOSE_ON_EXEC, HTTP_BACKLOG, fd);
    if (!listener)
        return diag_errno(reterr, "control port: cannot listen");
    if (evhttp_bind_listener(http->evhttp, listener))
        return OK; /* it is freed with evhttp */
    evconnlistener_free(listener);
    return diag_set(reterr, ERR_MEMORY, "control port: out of memory");
}

static void set_bounds(struct http *http)
{
    evhttp_set_max_body_size(http->evhttp, HTTP_BODY_MAX);
    evhttp_set_max_headers_size(http->evhttp, HTTP_HEADERS_MAX);
    evhttp_set_timeout(http->evhttp, HTTP_IDLE_MAX_MS / 1000);
    evhttp_set_allowed_methods(http->evhttp, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST);
}

static enum err make(const struct http_setup *setup, struct http **ret, struct diag *reterr)
{
    struct http *http = calloc(1, sizeof *http);
    if (!http)
        return diag_set(reterr, ERR_MEMORY, "control port: out of memory");
    LIST_INIT(&http->connections);
    http->base = setup->base;
    http->serve = setup->serve;
    http->context = setup->context;
    (void)SSL_CTX_up_ref(setup->tls);
    http->tls = setup->tls;
    http->fds = calloc(setup->fds_count + 1, sizeof *http->fds);
    for (size_t i = 0; http->fds && i < setup->fds_count; i++)
        http->fds[i] = setup->fds[i];
    http->evhttp = evhttp_new(setup->base);
    http->sweep = event_new(setup->base, -1, EV_PERSIST, on_sweep, http);
    const struct timeval every = {.tv_sec = HTTP_SWEEP_MS / 1000, .tv_usec = HTTP_SWEEP_MS % 1000 * 1000};
    if (http->fds && http->evhttp && http->sweep && slot() >= 0 && event_add(http->sweep, &every) == 0) {
        *ret = http;
        return OK;
    }
    http_stop(&http);
    return diag_set(reterr, ERR_MEMORY, "control port: out of memory");
}

enum err http_start(const struct http_setup *setup, struct http **ret, struct diag *reterr)
{
    struct http *http = NULL;
    enum err err = make(setup, &http, reterr);
    if (err)
        return err;
    set_bounds(http);
    evhttp_set_bevcb(http->evhttp, open_connection, http);
    evhttp_set_gencb(http->evhttp, on_complete, http);
    for (size_t i = 0; !err && i < setup->fds_count; i++)
        err = listen_on(http, setup->fds[i], reterr);
    if (err) {
        http_stop(&http);
        return err;
    }
    http->fds_count = setup->fds_count;
    *ret = http;
    return OK;
}

void http_stop(struct http **http)
{
    struct http *old = *http;
    struct http_connection *at;
    if (!old)
        return;
    if (old->evhttp)
        evhttp_free(old->evhttp);
    /* Those whose end waits for the loop's next turn. */
    LIST_FOREACH(at, &old->connections, link)
    {
        at->http = NULL;
    }
    if (old->sweep)
        event_free(old->sweep);
    for (size_t i = 0; i < old->fds_count; i++)
        close(old->fds[i]);
    free(old->fds);
    SSL_CTX_free(old->tls);
    free(old);
    *http = NULL;
}
