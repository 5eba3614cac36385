/* server/transport/connection.h - the TCP connections of a worker: their slots, order, opening, closing.
 *
 *    accepted -> (PHASE_HEADER: PROXY header) -> (PHASE_HANDSHAKE: TLS) -> PHASE_OPEN -> closed
 *
 * Connections live in slots made at start. Each open slot is in one of three rows, each in the order of
 * `active_ms`, the oldest first: that of those that have to greet first, that of the open plain ones, or that
 * of the open ones over TLS. These have a bound of their own as well, since OpenSSL's memory is not in the
 * slots.
 *
 * tcp.c accepts them and lets them time out; tcp_serve.c, which `on_ready` leads to, talks over them.
 */
#ifndef SERVER_TRANSPORT_CONNECTION_H
#define SERVER_TRANSPORT_CONNECTION_H

#include "common/err.h"
#include "server/answer/counters.h"
#include "server/answer/reply.h"
#include "server/transfer/transfer.h"
#include "server/transport/clients.h"
#include "server/transport/framer.h"
#include "server/transport/tls.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum {
    CONNECTION_IDLE_LONG_MS = 30 * 1000, /* below a quarter of the connections */
    CONNECTION_IDLE_MS = 10 * 1000,
    CONNECTION_IDLE_SHORT_MS = 2 * 1000, /* above three quarters */
    CONNECTION_SPARES_MAX = 64,          /* connections with replies that the kernel did not take */
    CONNECTION_MESSAGE_LEN_MAX = FRAMER_PREFIX_LEN + REPLY_TCP_LEN_MAX,
    /* Replies that are sent at once: room for one more of any size. */
    CONNECTION_OUTPUT_LEN_MAX = 2 * CONNECTION_MESSAGE_LEN_MAX,
};

/* Replies that the kernel did not take yet. */
struct spare {
    TAILQ_ENTRY(spare) link; /* of the free ones, or of those that are held */
    struct connection *holder;
    size_t at, len;
    uint8_t bytes[CONNECTION_OUTPUT_LEN_MAX];
};

enum phase {
    PHASE_HEADER,    /* a PROXY header comes first; the connection counts for nobody yet */
    PHASE_HANDSHAKE, /* of TLS */
    PHASE_OPEN,
};

struct connection {
    struct connections *home;
    TAILQ_ENTRY(connection) link; /* of its row; of the free ones */
    int64_t active_ms;
    struct event event;
    struct spare *spare;
    struct transfer *transfer; /* that is being sent; NULL: none */
    struct ssl_st *tls;        /* NULL: plain */
    struct listen peer;        /* the client, also where a proxy says so */
    int fd;                    /* -1: closed */
    short awaited;             /* EV_READ or EV_WRITE */
    uint8_t phase;             /* enum phase */
    bool secure;               /* over TLS */
    bool ended;                /* the client has sent all that it will */
    struct framer framer;
};

TAILQ_HEAD(row, connection);
TAILQ_HEAD(spares_row, spare);

struct connections_setup {
    struct event_base *base;
    struct counters *counters;
    event_callback_fn on_ready; /* a connection, its argument, can be read or written */
    struct tcp_server *server;  /* what `on_ready` works with; nothing to us */
    uint32_t max, tls_max; /* connections, and how many of them may be over TLS */
    uint64_t seed; /* nobody else's */
};

struct connections {
    struct connections_setup setup;
    struct ssl_ctx_st *tls; /* NULL: there is no certificate */
    struct connection *slots;
    uint32_t slots_used; /* the first so many have been open once */
    uint32_t open_count, greeting_count, tls_count;
    struct row free, greeting, open, secure;
    struct spare *spares;
    struct spares_row spares_free, spares_held; /* held: the one that has been for longest first */
    struct clients clients;
};

/* Make the slots. connection_fini() also after a failure. ERR_MEMORY. */
NODISCARD enum err connection_init(struct connections *connections, const struct connections_setup *setup,
                                   struct diag *reterr);

/* Close all. */
void connection_fini(struct connections *connections);

/* Open one over an accepted socket, which is taken. Requires fewer than `max` open ones; a client that has
 * been entered, unless a header comes first; where a handshake does, a certificate and fewer than `tls_max`
 * over TLS. One that cannot be waited for is closed again. */
void connection_open(struct connections *connections, int fd, const struct listen *peer, enum phase phase);

/* It has done what keeps it alive. */
void connection_renew(struct connection *connection);

/* It has said all that comes before the first query. */
void connection_greeted(struct connection *connection);

/* Wait for EV_READ or EV_WRITE. False: it cannot be waited for, and has been closed. */
bool connection_await(struct connection *connection, short what);

void connection_close(struct connection *connection);

/* Have a spare for what the kernel did not take. When all are held, the connection that has held its own for
 * longest, whose client does not read, is closed. Requires that this one has none. */
struct spare *connection_spare_take(struct connection *connection);
void connection_spare_return(struct connection *connection);

/* How long a connection may be idle when so many of `max` are open (RFC 7766 6.2.3). */
uint32_t connection_idle_limit_ms(uint32_t open_count, uint32_t max);

/* How long a plain one may be at present, and one over TLS, which has the lesser of two limits. */
uint32_t connection_idle_plain_ms(const struct connections *connections);
uint32_t connection_idle_tls_ms(const struct connections *connections);

#endif
