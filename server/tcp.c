#include "server/tcp.h"

#include "common/clock.h"
#include "server/aside.h"
#include "server/clients.h"
#include "server/framer.h"
#include "server/reply.h"

#include <assert.h>
#include <errno.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TCP_LISTENERS_MAX = 64,
    MESSAGE_LEN_MAX = FRAMER_PREFIX_LEN + REPLY_TCP_LEN_MAX,
    OUTPUT_LEN_MAX =
        2 * MESSAGE_LEN_MAX, /* replies that are sent at once: room for one more of any size */
};

/* Replies that the kernel did not take yet. */
struct spare {
    struct spare *next; /* of the free ones */
    size_t at, len;
    uint8_t bytes[OUTPUT_LEN_MAX];
};

struct connection {
    struct tcp *tcp;
    struct connection *older,
        *newer; /* among the open ones, by `active_ms`; `newer` of a free one is the next */
    int64_t active_ms;
    struct event event; /* readable; when it is busy writable */
    struct spare *spare;
    struct transfer *transfer; /* that is being sent; NULL: none */
    struct listen peer;
    int fd;       /* -1: closed */
    bool ended;   /* the client has sent all that it will */
    bool writing; /* it waits for being writable */
    struct framer framer;
};

struct listener {
    struct tcp *tcp;
    struct event event;
};

struct tcp {
    struct event_base *base;
    struct answerer *answerer;
    struct event sweep;
    struct listener listeners[TCP_LISTENERS_MAX];
    unsigned listeners_count;
    struct connection *slots;
    uint32_t slots_count;
    uint32_t slots_used; /* the first so many have been open once */
    uint32_t open_count;
    struct connection *free, *oldest, *newest;
    struct spare *spares, *spare_free;
    struct transfers transfers;
    struct clients clients;
    size_t output_len;
    uint8_t output[OUTPUT_LEN_MAX];
};

/* The row of open connections ------------------------------------------------------------------ */

static void row_append(struct connection *connection, int64_t now_ms)
{
    struct tcp *tcp = connection->tcp;
    connection->active_ms = now_ms;
    connection->newer = NULL;
    connection->older = tcp->newest;
    if (tcp->newest)
        tcp->newest->newer = connection;
    else
        tcp->oldest = connection;
    tcp->newest = connection;
}

static void row_remove(struct connection *connection)
{
    struct tcp *tcp = connection->tcp;
    if (connection->older)
        connection->older->newer = connection->newer;
    else
        tcp->oldest = connection->newer;
    if (connection->newer)
        connection->newer->older = connection->older;
    else
        tcp->newest = connection->older;
}

/* It has done what keeps it alive. */
static void row_renew(struct connection *connection)
{
    row_remove(connection);
    row_append(connection, clock_mono_ms());
}

/* Opening and closing -------------------------------------------------------------------------- */

static void spare_give(struct connection *connection)
{
    connection->spare->next = connection->tcp->spare_free;
    connection->tcp->spare_free = connection->spare;
    connection->spare = NULL;
}

static void connection_close(struct connection *connection)
{
    struct tcp *tcp = connection->tcp;
    (void)event_del(&connection->event);
    close(connection->fd);
    connection->fd = -1;
    row_remove(connection);
    clients_leave(&tcp->clients, &connection->peer.ip);
    transfer_free(&connection->transfer);
    if (connection->spare)
        spare_give(connection);
    connection->newer = tcp->free;
    tcp->free = connection;
    tcp->answerer->counters->tcp_open = --tcp->open_count;
}

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);

/* It has something to send, and reads nothing before that is done. */
static bool connection_is_busy(const struct connection *connection)
{
    return connection->spare || connection->transfer;
}

/* Wait for what the connection waits for. False: it cannot be waited for, and has been closed. */
static bool connection_watch(struct connection *connection)
{
    (void)event_del(&connection->event);
    connection->writing = connection_is_busy(connection);
    const int failed = connection->writing
                           ? event_assign(&connection->event, connection->tcp->base, connection->fd,
                                          EV_WRITE | EV_PERSIST, on_writable, connection)
                           : event_assign(&connection->event, connection->tcp->base, connection->fd,
                                          EV_READ | EV_PERSIST, on_readable, connection);
    if (!failed && event_add(&connection->event, NULL) == 0)
        return true;
    connection_close(connection);
    return false;
}

/* A slot that is free, if possible one that was in use: the others' memory is not touched before
 * it is needed. */
static struct connection *slot_take(struct tcp *tcp)
{
    struct connection *slot = tcp->free;
    if (!slot)
        return &tcp->slots[tcp->slots_used++];
    tcp->free = slot->newer;
    return slot;
}

static void connection_open(struct tcp *tcp, int fd, const struct listen *peer)
{
    struct connection *connection = slot_take(tcp);
    connection->tcp = tcp;
    connection->fd = fd;
    connection->peer = *peer;
    connection->spare = NULL;
    connection->transfer = NULL;
    connection->ended = connection->writing = false;
    framer_init(&connection->framer);
    row_append(connection, clock_mono_ms());
    tcp->answerer->counters->tcp_open = ++tcp->open_count;
    tcp->answerer->counters->tcp_accepted++;
    (void)event_assign(&connection->event, tcp->base, fd, EV_READ | EV_PERSIST, on_readable,
                       connection);
    if (event_add(&connection->event, NULL) < 0)
        connection_close(connection);
}

static uint32_t idle_max_ms(const struct tcp *tcp)
{
    if (tcp->open_count < tcp->slots_count / 4)
        return TCP_IDLE_LONG_MS;
    return tcp->open_count <= tcp->slots_count / 4 * 3 ? TCP_IDLE_MS : TCP_IDLE_SHORT_MS;
}

/* Answering ------------------------------------------------------------------------------------ */

/* Keep what the kernel did not take. False: there is no room. */
static bool rest_keep(struct connection *connection, const uint8_t *bytes, size_t len)
{
    struct spare *spare = connection->tcp->spare_free;
    if (!spare)
        return false;
    connection->tcp->spare_free = spare->next;
    memcpy(spare->bytes, bytes, len);
    spare->at = 0;
    spare->len = len;
    connection->spare = spare;
    return true;
}

/* Send; returns how many bytes the kernel took, or -1 when the connection is of no more use. */
static ssize_t bytes_send(const struct connection *connection, const uint8_t *bytes, size_t len)
{
    const ssize_t sent = send(connection->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return sent;
}

/* Send the replies that have been gathered. False: the connection cannot go on. */
static bool output_flush(struct connection *connection)
{
    struct tcp *tcp = connection->tcp;
    const size_t len = tcp->output_len;
    tcp->output_len = 0;
    if (len == 0)
        return true;
    const ssize_t sent = bytes_send(connection, tcp->output, len);
    if (sent < 0)
        return false;
    if ((size_t)sent == len) {
        row_renew(connection);
        return true;
    }
    return rest_keep(connection, tcp->output + sent, len - (size_t)sent);
}

/* A message of `len` bytes has been written behind its prefix. */
static void output_take(struct tcp *tcp, size_t len)
{
    uint8_t *prefix = tcp->output + tcp->output_len;
    prefix[0] = (uint8_t)(len >> 8);
    prefix[1] = (uint8_t)len;
    tcp->output_len += FRAMER_PREFIX_LEN + len;
}

static bool output_has_room(const struct tcp *tcp)
{
    return sizeof tcp->output - tcp->output_len >= MESSAGE_LEN_MAX;
}

/* Gather the reply to one query, or begin the transfer that it asks for. False: it gets none. */
static bool query_answer(struct connection *connection, const uint8_t *query, size_t len)
{
    struct tcp *tcp = connection->tcp;
    uint8_t *packet = tcp->output + tcp->output_len + FRAMER_PREFIX_LEN;
    memcpy(packet, query, len);
    size_t reply_len =
        answer(tcp->answerer, TRANSPORT_TCP, &connection->peer, packet, len, REPLY_TCP_LEN_MAX);
    if (reply_len == ANSWER_ASIDE) {
        const struct aside aside = {tcp->answerer, TRANSPORT_TCP, &connection->peer,
                                    &tcp->transfers};
        reply_len = aside_answer(&aside, packet, len, REPLY_TCP_LEN_MAX, &connection->transfer);
    }
    if (reply_len == 0)
        return connection->transfer != NULL;
    output_take(tcp, reply_len);
    return true;
}

/* Answer the whole queries that are there, until the kernel does not keep up. False: the
 * connection cannot go on. */
static bool queries_answer(struct connection *connection)
{
    const struct tcp *tcp = connection->tcp;
    tcp->answerer->now = clock_now();
    tcp->answerer->tcp_idle_ms = idle_max_ms(tcp);
    while (!connection_is_busy(connection)) {
        const uint8_t *query;
        size_t len;
        const enum framing framing = framer_next(&connection->framer, &query, &len);
        if (framing == FRAMING_MORE) {
            framer_compact(&connection->framer);
            return output_flush(connection);
        }
        if (framing == FRAMING_TOO_LONG || !query_answer(connection, query, len)) {
            (void)output_flush(connection);
            return false;
        }
        if (!output_has_room(tcp) && !output_flush(connection))
            return false;
    }
    return output_flush(connection);
}

/* Send as much of a transfer as is one turn's. False: the connection cannot go on. */
static bool transfer_send(struct connection *connection)
{
    struct tcp *tcp = connection->tcp;
    bool whole = true;
    while (connection->transfer && !connection->spare && output_has_room(tcp)) {
        uint8_t *packet = tcp->output + tcp->output_len + FRAMER_PREFIX_LEN;
        const size_t len =
            transfer_next(connection->transfer, packet, REPLY_TCP_LEN_MAX, tcp->answerer->now);
        if (len > 0) {
            output_take(tcp, len);
            continue;
        }
        whole = transfer_is_done(connection->transfer);
        transfer_free(&connection->transfer);
    }
    return output_flush(connection) && whole;
}

/* Answer what is there and wait for what comes next; a client that has ended gets what it asked
 * for. */
static void connection_go_on(struct connection *connection)
{
    bool goes_on, again;
    do {
        goes_on = queries_answer(connection);
        const bool streams = connection->transfer != NULL;
        goes_on = goes_on && transfer_send(connection);
        again = streams && !connection_is_busy(connection); /* queries behind a transfer */
    } while (goes_on && again);
    if (!goes_on || (connection->ended && !connection_is_busy(connection)))
        connection_close(connection);
    else if (connection->writing != connection_is_busy(connection))
        (void)connection_watch(connection);
}

/* Read once. False: there was nothing. */
static bool connection_read(struct connection *connection)
{
    size_t room;
    uint8_t *at = framer_space(&connection->framer, &room);
    const ssize_t len = recv(connection->fd, at, room, MSG_DONTWAIT);
    if (len < 0) {
        if (errno != EAGAIN && errno != EINTR)
            connection_close(connection);
        return false;
    }
    connection->ended = len == 0;
    framer_fill(&connection->framer, (size_t)len);
    connection_go_on(connection);
    return true;
}

/* Send more of what the kernel did not take. False: there is still a rest, or the connection was closed. */
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
    spare_give(connection);
    row_renew(connection);
    return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    (void)connection_read(arg);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct connection *connection = arg;
    if (!connection->spare || spare_send(connection))
        connection_go_on(connection);
}

/* Accepting ------------------------------------------------------------------------------------ */

static void peer_accept(struct tcp *tcp, int fd, const struct listen *peer)
{
    if (tcp->open_count < tcp->slots_count && clients_enter(&tcp->clients, &peer->ip)) {
        connection_open(tcp, fd, peer);
        return;
    }
    tcp->answerer->counters->tcp_refused++;
    close(fd);
}

static void listeners_stop(struct tcp *tcp)
{
    for (unsigned i = 0; i < tcp->listeners_count; i++)
        (void)event_del(&tcp->listeners[i].event);
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct tcp *tcp = ((struct listener *)arg)->tcp;
    for (unsigned i = 0; i < TCP_ACCEPTS_MAX; i++) {
        struct sockaddr_storage address = {0};
        socklen_t len = sizeof address;
        const int accepted =
            accept4(fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                listeners_stop(tcp); /* until the next sweep: there is no room for any */
            return;
        }
        const struct listen peer = listen_from_sockaddr(&address);
        peer_accept(tcp, accepted, &peer);
    }
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct tcp *tcp = arg;
    const int64_t now_ms = clock_mono_ms();
    while (tcp->oldest && now_ms - tcp->oldest->active_ms > idle_max_ms(tcp)) {
        tcp->answerer->counters->tcp_timeouts++;
        connection_close(tcp->oldest);
    }
    for (unsigned i = 0; i < tcp->listeners_count; i++)
        (void)event_add(&tcp->listeners[i].event, NULL);
}

enum err tcp_listen(struct tcp *tcp, int fd, struct diag *reterr)
{
    assert(tcp->listeners_count < TCP_LISTENERS_MAX);
    struct listener *listener = &tcp->listeners[tcp->listeners_count++];
    listener->tcp = tcp;
    (void)event_assign(&listener->event, tcp->base, fd, EV_READ | EV_PERSIST, on_acceptable,
                       listener);
    if (event_add(&listener->event, NULL) < 0)
        return diag_set(reterr, ERR_MEMORY, "tcp: cannot wait for connections");
    return OK;
}

/* The whole ------------------------------------------------------------------------------------ */

static void spares_init(struct tcp *tcp)
{
    for (unsigned i = 0; i < TCP_SPARES_MAX; i++) {
        tcp->spares[i].next = tcp->spare_free;
        tcp->spare_free = &tcp->spares[i];
    }
}

static enum err sweep_start(struct tcp *tcp, struct diag *reterr)
{
    const struct timeval interval = {.tv_usec = TCP_SWEEP_MS * 1000};
    (void)event_assign(&tcp->sweep, tcp->base, -1, EV_PERSIST, on_sweep, tcp);
    if (event_add(&tcp->sweep, &interval) < 0)
        return diag_set(reterr, ERR_MEMORY, "tcp: no memory for a timer");
    return OK;
}

enum err tcp_new(struct event_base *base, struct answerer *answerer, uint32_t connections_max,
                 uint64_t seed, struct tcp **ret, struct diag *reterr)
{
    struct tcp *tcp = calloc(1, sizeof *tcp);
    if (!tcp)
        return diag_set(reterr, ERR_MEMORY, "tcp: out of memory");
    tcp->base = base;
    tcp->answerer = answerer;
    tcp->slots_count = connections_max;
    tcp->slots = calloc(connections_max, sizeof *tcp->slots);
    tcp->spares = calloc(TCP_SPARES_MAX, sizeof *tcp->spares);
    clients_init(&tcp->clients, connections_max - connections_max / 4, seed);
    enum err err = OK;
    if (!tcp->slots || !tcp->spares)
        err = diag_set(reterr, ERR_MEMORY, "tcp: no memory for %u connections", connections_max);
    else
        err = sweep_start(tcp, reterr);
    if (err != OK) {
        tcp_free(&tcp);
        return err;
    }
    spares_init(tcp);
    answerer->counters->tcp_open = 0; /* those of a worker that died went with it */
    *ret = tcp;
    return OK;
}

static void connection_drain(struct connection *connection)
{
    for (unsigned i = 0; i < TCP_DRAIN_READS_MAX && connection->fd >= 0 && !connection_is_busy(connection); i++)
        if (!connection_read(connection))
            break;
    if (connection->fd >= 0)
        connection_close(connection);
}

void tcp_drain(struct tcp *tcp)
{
    for (unsigned i = 0; i < tcp->listeners_count; i++)
        on_acceptable(event_get_fd(&tcp->listeners[i].event), EV_READ, &tcp->listeners[i]);
    listeners_stop(tcp);
    tcp->listeners_count = 0;
    for (uint32_t i = 0; i < tcp->slots_used; i++)
        connection_drain(&tcp->slots[i]);
}

void tcp_free(struct tcp **tcp)
{
    if (!*tcp)
        return;
    while ((*tcp)->oldest)
        connection_close((*tcp)->oldest);
    listeners_stop(*tcp);
    if (event_initialized(&(*tcp)->sweep))
        (void)event_del(&(*tcp)->sweep);
    free((*tcp)->slots);
    free((*tcp)->spares);
    free(*tcp);
    *tcp = NULL;
}
