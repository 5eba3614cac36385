/* server/transport/tcp_state.h - connections: tcp.c opens and closes them, tcp_serve.c talks over them.
 *
 *    accepted -> (PHASE_HEADER: PROXY header) -> (PHASE_HANDSHAKE: TLS) -> PHASE_OPEN -> closed
 *
 * A connection is in one of two rows, each in the order of `active_ms`, the oldest first: that of
 * those that have to greet first, or that of the open ones.
 */
#ifndef SERVER_TRANSPORT_TCP_STATE_H
#define SERVER_TRANSPORT_TCP_STATE_H

#include "server/answer/reply.h"
#include "server/transfer/transfer.h"
#include "server/transport/clients.h"
#include "server/transport/framer.h"
#include "server/transport/tcp.h"
#include "server/transport/tls.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <sys/queue.h>

enum {
    TCP_LISTENERS_MAX = 192, /* 64 of each kind */
    TCP_MESSAGE_LEN_MAX = FRAMER_PREFIX_LEN + REPLY_TCP_LEN_MAX,
    /* Replies that are sent at once: room for one more of any size. */
    TCP_OUTPUT_LEN_MAX = 2 * TCP_MESSAGE_LEN_MAX,
};

/* Replies that the kernel did not take yet. */
struct spare {
    SLIST_ENTRY(spare) link; /* of the free ones */
    size_t at, len;
    uint8_t bytes[TCP_OUTPUT_LEN_MAX];
};

enum phase {
    PHASE_HEADER,    /* a PROXY header comes first; the connection counts for nobody yet */
    PHASE_HANDSHAKE, /* of TLS */
    PHASE_OPEN,
};

struct connection {
    struct tcp *tcp;
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
    bool ended;                /* the client has sent all that it will */
    struct framer framer;
};

TAILQ_HEAD(row, connection);

struct listener {
    struct tcp *tcp;
    enum tcp_kind kind;
    struct event event;
};

struct tcp {
    struct tcp_setup setup;
    struct ssl_ctx_st *tls; /* NULL: there is no certificate */
    struct event sweep;
    struct listener listeners[TCP_LISTENERS_MAX];
    unsigned listeners_count;
    struct connection *slots;
    uint32_t slots_used; /* the first so many have been open once */
    uint32_t open_count, greeting_count;
    struct row free, greeting, open;
    struct spare *spares;
    SLIST_HEAD(, spare) spares_free;
    struct transfers transfers;
    struct clients clients;
    size_t output_len;
    uint8_t output[TCP_OUTPUT_LEN_MAX];
};

/* It has done what keeps it alive. */
void tcp_renew(struct connection *connection);

/* It has said all that comes before the first query. */
void tcp_greeted(struct connection *connection);

/* Wait for EV_READ or EV_WRITE. False: it cannot be waited for, and has been closed. */
bool tcp_await(struct connection *connection, short what);

void tcp_close(struct connection *connection);

/* The connection can be read or written: go on with it. An event's callback. */
void tcp_serve(evutil_socket_t fd, short what, void *connection);

/* Answer what has arrived, then close. */
void tcp_serve_rest(struct connection *connection);

#endif
