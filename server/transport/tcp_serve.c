#include "server/transport/tcp_serve.h"

#include "common/clock.h"
#include "server/transfer/aside.h"
#include "server/transport/proxy.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* Bytes ---------------------------------------------------------------------------------------- */

/* Send; returns how many bytes the kernel took, or -1 when the connection is of no more use. */
static ssize_t bytes_send(const struct connection *connection, const uint8_t *bytes, size_t len)
{
    const ssize_t sent = connection->tls
                             ? tls_send(connection->tls, bytes, len)
                             : send(connection->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return sent;
}

/* Read once into the framer. False: there was nothing, or the connection has been closed. */
static bool bytes_receive(struct connection *connection)
{
    size_t room;
    uint8_t *at = framer_space(&connection->framer, &room);
    const ssize_t len = connection->tls ? tls_receive(connection->tls, at, room)
                                        : recv(connection->fd, at, room, MSG_DONTWAIT);
    if (len < 0) {
        if (errno != EAGAIN && errno != EINTR)
            connection_close(connection);
        return false;
    }
    connection->ended = len == 0;
    framer_fill(&connection->framer, (size_t)len);
    return true;
}

/* Replies -------------------------------------------------------------------------------------- */

/* Keep what the kernel did not take. */
static void rest_keep(struct connection *connection, const uint8_t *bytes, size_t len)
{
    struct spare *spare = connection_spare_take(connection);
    memcpy(spare->bytes, bytes, len);
    spare->at = 0;
    spare->len = len;
}

/* Send the replies that have been gathered. False: the connection cannot go on. */
static bool output_flush(struct connection *connection)
{
    struct tcp_server *server = connection->home->setup.server;
    const size_t len = server->output_len;
    server->output_len = 0;
    if (len == 0)
        return true;
    const ssize_t sent = bytes_send(connection, server->output, len);
    if (sent < 0)
        return false;
    if ((size_t)sent == len)
        connection_renew(connection);
    else
        rest_keep(connection, server->output + sent, len - (size_t)sent);
    return true;
}

/* A message of `len` bytes has been written behind its prefix. */
static void output_take(struct tcp_server *server, size_t len)
{
    uint8_t *prefix = server->output + server->output_len;
    prefix[0] = (uint8_t)(len >> 8);
    prefix[1] = (uint8_t)len;
    server->output_len += FRAMER_PREFIX_LEN + len;
}

static bool output_has_room(const struct tcp_server *server)
{
    return sizeof server->output - server->output_len >= CONNECTION_MESSAGE_LEN_MAX;
}

/* It has something to send, and reads nothing before that is done. */
static bool is_busy(const struct connection *connection)
{
    return connection->spare || connection->transfer;
}

/* Gather the reply to one query, or begin the transfer that it asks for. False: it gets none. */
static bool query_answer(struct connection *connection, const uint8_t *query, size_t len)
{
    struct tcp_server *server = connection->home->setup.server;
    const struct answerer *answerer = server->answerer;
    const enum transport transport = connection->tls ? TRANSPORT_TLS : TRANSPORT_TCP;
    uint8_t *packet = server->output + server->output_len + FRAMER_PREFIX_LEN;
    memcpy(packet, query, len);
    size_t reply_len =
        answer(answerer, transport, &connection->peer, packet, len, REPLY_TCP_LEN_MAX);
    if (reply_len == ANSWER_ASIDE) {
        const struct aside aside = {answerer, transport, &connection->peer, &server->transfers};
        reply_len = aside_answer(&aside, packet, len, REPLY_TCP_LEN_MAX, &connection->transfer);
    }
    if (reply_len == 0)
        return connection->transfer != NULL;
    output_take(server, reply_len);
    return true;
}

/* Answer the whole queries that are there, until the kernel does not keep up. False: the
 * connection cannot go on. */
static bool queries_answer(struct connection *connection)
{
    const struct connections *home = connection->home;
    const struct tcp_server *server = home->setup.server;
    struct answerer *answerer = server->answerer;
    answerer->now = clock_now();
    answerer->tcp_idle_ms =
        connection->secure ? connection_idle_tls_ms(home) : connection_idle_plain_ms(home);
    while (!is_busy(connection)) {
        const uint8_t *query;
        size_t len;
        const enum framing framing = framer_next(&connection->framer, &query, &len);
        if (framing == FRAMING_MORE) {
            framer_compact(&connection->framer);
            return output_flush(connection);
        }
        answerer->counters->drops[DROP_LONG] += framing == FRAMING_TOO_LONG;
        if (framing == FRAMING_TOO_LONG || !query_answer(connection, query, len)) {
            (void)output_flush(connection);
            return false;
        }
        if (!output_has_room(server) && !output_flush(connection))
            return false;
    }
    return output_flush(connection);
}

/* Send as much of a transfer as is one turn's. False: the connection cannot go on. */
static bool transfer_send(struct connection *connection)
{
    struct tcp_server *server = connection->home->setup.server;
    bool whole = true;
    while (connection->transfer && !connection->spare && output_has_room(server)) {
        uint8_t *packet = server->output + server->output_len + FRAMER_PREFIX_LEN;
        const size_t len = transfer_next(connection->transfer, packet, REPLY_TCP_LEN_MAX,
                                         server->answerer->now);
        if (len > 0) {
            output_take(server, len);
            continue;
        }
        whole = transfer_is_done(connection->transfer);
        transfer_free(&connection->transfer);
    }
    return output_flush(connection) && whole;
}

/* Answer until there is nothing left to answer, or to be waited before the rest of it. False: the
 * connection cannot go on. */
static bool queries_and_transfers(struct connection *connection)
{
    for (;;) {
        if (!queries_answer(connection))
            return false;
        if (!connection->transfer)
            return true;
        if (!transfer_send(connection))
            return false;
        if (is_busy(connection))
            return true; /* otherwise there may be queries behind it */
    }
}

/* Answer what is there and wait for what comes next; a client that has ended gets what it asked
 * for. False: the connection has been closed, or is not to be read from. */
static bool queries_serve(struct connection *connection)
{
    if (!queries_and_transfers(connection) || (connection->ended && !is_busy(connection))) {
        connection_close(connection);
        return false;
    }
    return connection_await(connection, is_busy(connection) ? EV_WRITE : EV_READ) && !is_busy(connection);
}

/* Read and answer; what TLS has taken off the socket already too. */
static void stream_read(struct connection *connection)
{
    while (bytes_receive(connection) && queries_serve(connection))
        if (!connection->tls || !tls_has_more(connection->tls))
            return;
}

/* Send more of what the kernel did not take. False: there is still a rest, or the connection was
 * closed. */
static bool spare_send(struct connection *connection)
{
    struct spare *spare = connection->spare;
    const ssize_t sent = bytes_send(connection, spare->bytes + spare->at, spare->len - spare->at);
    if (sent < 0) {
        connection_close(connection);
        return false;
    }
    spare->at += (size_t)sent;
    if (spare->at < spare->len)
        return false;
    connection_spare_return(connection);
    connection_renew(connection);
    return true;
}

static void stream_write(struct connection *connection)
{
    if (connection->spare && !spare_send(connection))
        return;
    if (queries_serve(connection) && connection->tls && tls_has_more(connection->tls))
        stream_read(connection);
}

/* Greetings ------------------------------------------------------------------------------------ */

/* The client is who the header says, or the proxy itself. False: it has too many connections. */
static bool header_take(struct connection *connection, const struct proxy_header *header)
{
    struct connections *home = connection->home;
    if (header->client.ip.family != IP_NONE)
        connection->peer = header->client;
    if (!clients_enter(&home->clients, &connection->peer.ip)) {
        home->setup.counters->tcp_refused++;
        return false;
    }
    framer_skip(&connection->framer, header->len);
    framer_compact(&connection->framer);
    connection_greeted(connection);
    return true;
}

static void header_read(struct connection *connection)
{
    struct proxy_header header;
    size_t len;
    if (!bytes_receive(connection))
        return;
    const uint8_t *bytes = framer_bytes(&connection->framer, &len);
    const enum proxying proxying = proxy_parse(bytes, len, &header);
    if (proxying == PROXYING_MORE && !connection->ended)
        return;
    if (proxying != PROXYING_HEADER) {
        connection->home->setup.counters->proxy_refused++;
        connection_close(connection);
    } else if (header_take(connection, &header)) {
        (void)queries_serve(connection);
    } else {
        connection_close(connection);
    }
}

static void handshake_go_on(struct connection *connection)
{
    const enum tls_step step = tls_handshake(connection->tls);
    if (step == TLS_FAILED) {
        connection_close(connection);
    } else if (step != TLS_DONE) {
        (void)connection_await(connection, step == TLS_READ ? EV_READ : EV_WRITE);
    } else {
        connection->home->setup.counters->tls_handshakes++;
        connection_greeted(connection);
        if (connection_await(connection, EV_READ))
            stream_read(connection); /* the first queries may have come along */
    }
}

/* Events --------------------------------------------------------------------------------------- */

void tcp_serve(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct connection *connection = arg;
    switch ((enum phase)connection->phase) {
    case PHASE_HEADER:
        header_read(connection);
        return;
    case PHASE_HANDSHAKE:
        handshake_go_on(connection);
        return;
    case PHASE_OPEN:
        if (is_busy(connection))
            stream_write(connection);
        else
            stream_read(connection);
        return;
    }
}

void tcp_serve_rest(struct connection *connection)
{
    for (unsigned i = 0; i < TCP_SERVE_READS_MAX && connection->phase == PHASE_OPEN; i++)
        if (is_busy(connection) || !bytes_receive(connection) || !queries_serve(connection))
            break;
    if (connection->fd >= 0)
        connection_close(connection);
}
