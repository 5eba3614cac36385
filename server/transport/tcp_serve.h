/* server/transport/tcp_serve.h - talking over a connection: greetings, queries, replies, transfers.
 *
 * A connection is either read from, its whole messages answered in turn and the replies sent at once; or,
 * when the kernel did not take all of the replies, written to and not read from until it has. Replies are
 * gathered in one buffer of the worker. What was not taken waits in one of a few spare ones; without a free
 * one the connection is closed, so that a client which does not read costs nobody else.
 *
 * A zone transfer is sent message by message as the kernel takes them, a few in each turn; nothing is read
 * from its connection meanwhile.
 */
#ifndef SERVER_TRANSPORT_TCP_SERVE_H
#define SERVER_TRANSPORT_TCP_SERVE_H

#include "server/answer/answer.h"
#include "server/transfer/transfer.h"
#include "server/transport/connection.h"

enum {
    TCP_SERVE_READS_MAX = 16, /* of each connection when the worker stops */
};

/* What the connections of a worker are served with. */
struct tcp_server {
    struct answerer *answerer; /* is told the time and how long connections may idle */
    struct transfers transfers;
    size_t output_len;
    uint8_t output[CONNECTION_OUTPUT_LEN_MAX];
};

/* The connection can be read or written: go on with it. An event's callback. */
void tcp_serve(evutil_socket_t fd, short what, void *connection);

/* Answer what has arrived, then close. */
void tcp_serve_rest(struct connection *connection);

#endif
