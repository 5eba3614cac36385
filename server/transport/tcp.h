/* server/transport/tcp.h - queries over TCP (RFC 7766): whose connections are accepted, and for how long.
 *
 *    tcp.c accepts, sweeps, drains -> tcp_serve.c talks -> connection.c opens, waits, closes
 *
 * Where a PROXY header or a TLS handshake comes first, a connection greets until that is done, for
 * TCP_GREETING_MS at most. When as many greet as may, the oldest of them makes room for the next.
 *
 * After that a connection's time runs from the last query whose reply the kernel has taken, whatever else
 * arrives, so that neither a slow writer nor a slow reader stays. The more connections there are, the less
 * time each has.
 */
#ifndef SERVER_TRANSPORT_TCP_H
#define SERVER_TRANSPORT_TCP_H

#include "common/err.h"
#include "server/answer/answer.h"
#include "server/transport/proxy.h"

#include <event2/event.h>
#include <stdint.h>

struct ssl_ctx_st;

enum {
    TCP_GREETING_MS = 5 * 1000, /* for a PROXY header, for a TLS handshake */
    TCP_GREETINGS_MAX = 128,    /* at the same time */
    TCP_SWEEP_MS = 500,         /* how often idle connections are looked for */
    TCP_ACCEPTS_MAX = 16,       /* in a row, before others get their turn */
};

/* What comes in front of the first query. */
enum tcp_kind { TCP_PLAIN, TCP_PROXIED, TCP_TLS };

struct tcp_setup {
    struct event_base *base;
    struct answerer *answerer; /* is told the time and how long connections may idle */
    uint32_t connections_max, tls_connections_max;
    uint64_t seed; /* nobody else's */
    struct proxy_peers proxies;
};

struct tcp; /* heap */

/* Make the slots. ERR_MEMORY. */
NODISCARD enum err tcp_new(const struct tcp_setup *setup, struct tcp **ret, struct diag *reterr);

/* Accept on a listening socket from now on. It stays the caller's. ERR_MEMORY. */
NODISCARD enum err tcp_listen(struct tcp *tcp, int fd, enum tcp_kind kind, struct diag *reterr);

/* What TLS connections begin with from now on; taken. Before the first they are refused. */
void tcp_secure(struct tcp *tcp, struct ssl_ctx_st **context);

/* Accept no more; answer what has arrived; close all. */
void tcp_drain(struct tcp *tcp);

/* Close all. */
void tcp_free(struct tcp **tcp);

#endif
