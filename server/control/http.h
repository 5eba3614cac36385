/* server/control/http.h - the control port's HTTPS server: libevent's evhttp over TLS, with bounds.
 *
 * Whoever connects costs a connection and what it sends. A connection is closed when it has completed no
 * request for HTTP_IDLE_MAX_MS, however busily it trickles. When HTTP_CONNECTIONS_MAX are open, or all
 * together hold HTTP_BUFFERED_MAX bytes, those go first that are nobody's we know and have been silent
 * longest; a prober's stay, so that strangers cannot shut the votes out.
 */
#ifndef SERVER_CONTROL_HTTP_H
#define SERVER_CONTROL_HTTP_H

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

struct event_base;
struct evhttp_request;
struct ssl_ctx_st;

enum {
    HTTP_CONNECTIONS_MAX = 256,    /* 64 vantage points, their successors, scrapers and strangers */
    HTTP_BODY_MAX = 8 << 20,       /* bytes: BATCH_LEN_MAX of health/batch.h */
    HTTP_HEADERS_MAX = 8192,       /* bytes of a request's headers */
    HTTP_BUFFERED_MAX = 128 << 20, /* bytes of unfinished requests and unread replies, all together */
    HTTP_IDLE_MAX_MS = 30 * 1000,  /* without a completed request; probers have one a second */
    HTTP_SWEEP_MS = 500,           /* between two looks at all of this */
    HTTP_BACKLOG = 128,
};

struct http_setup {
    struct event_base *base;
    struct ssl_ctx_st *tls; /* a reference is taken */
    const int *fds;         /* bound stream sockets; they become the server's */
    size_t fds_count;
    void (*serve)(void *context, struct evhttp_request *request); /* answers each request, at once */
    void *context;
};

struct http; /* heap */

/* Start to serve GET, HEAD and POST. On failure the sockets stay the caller's. ERR_MEMORY. ERR_SYSTEM: a
 * socket cannot listen. */
NODISCARD enum err http_start(const struct http_setup *setup, struct http **ret, struct diag *reterr);

/* Close everything. The event loop has to turn once more before its base is freed. */
void http_stop(struct http **http);

/* This request's connection is a prober's: it is closed for others' sake last. */
void http_trust(struct evhttp_request *request);

/* Open connections, and those that were closed to make room. */
size_t http_connections(const struct http *http);
uint64_t http_evicted(const struct http *http);

#endif
