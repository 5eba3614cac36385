/* server/transport/tcp.h - queries over TCP (RFC 7766): many on one connection, each answered in its turn.
 *
 * Connections live in slots made at start. A connection is either read from, its whole messages
 * answered and the replies sent at once; or, when the kernel did not take all of the replies,
 * written to and not read from until it has. What was not taken waits in one of a few spare
 * buffers; without a free one the connection is closed, so that a client which does not read
 * costs nobody else.
 *
 * A zone transfer is sent message by message as the kernel takes them, a few in each turn; nothing is read from
 * its connection meanwhile.
 *
 * A connection's time runs from the last query whose reply the kernel has taken, whatever else
 * arrives, so that neither a slow writer nor a slow reader stays. The more connections there are,
 * the less time each has.
 *
 * Where a PROXY header or a TLS handshake comes first, a connection greets until that is done, for
 * TCP_GREETING_MS at most. When as many greet as may, the oldest of them makes room for the next.
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
    TCP_IDLE_LONG_MS = 30 * 1000, /* below a quarter of the connections */
    TCP_IDLE_MS = 10 * 1000,
    TCP_IDLE_SHORT_MS = 2 * 1000, /* above three quarters */
    TCP_GREETING_MS = 5 * 1000,   /* for a PROXY header, for a TLS handshake */
    TCP_GREETINGS_MAX = 128,      /* at the same time */
    TCP_SWEEP_MS = 500,           /* how often idle connections are looked for */
    TCP_SPARES_MAX = 64,          /* connections with replies that the kernel did not take */
    TCP_ACCEPTS_MAX = 16,         /* in a row, before others get their turn */
    TCP_DRAIN_READS_MAX = 16,     /* of each connection when the worker stops */
};

/* What comes in front of the first query. */
enum tcp_kind { TCP_PLAIN, TCP_PROXIED, TCP_TLS };

struct tcp_setup {
    struct event_base *base;
    struct answerer *answerer; /* is told the time and how long connections may idle */
    uint32_t connections_max;
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

/* How long a connection may be idle when so many of `max` are open (RFC 7766 6.2.3). */
uint32_t tcp_idle_limit_ms(uint32_t open_count, uint32_t max);

/* Accept no more; answer what has arrived; close all. */
void tcp_drain(struct tcp *tcp);

/* Close all. */
void tcp_free(struct tcp **tcp);

#endif
