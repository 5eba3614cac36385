#include "server/transport/tcp.h"

#include "common/clock.h"
#include "server/transport/tcp_state.h"

#include <assert.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct counters *counters_of(const struct tcp *tcp)
{
    return tcp->setup.answerer->counters;
}

/* Rows ----------------------------------------------------------------------------------------- */

static struct row *row_of(const struct connection *connection)
{
    struct tcp *tcp = connection->tcp;
    return connection->phase == PHASE_OPEN ? &tcp->open : &tcp->greeting;
}

static void row_append(struct connection *connection)
{
    connection->active_ms = clock_mono_ms();
    TAILQ_INSERT_TAIL(row_of(connection), connection, link);
    connection->tcp->greeting_count += connection->phase != PHASE_OPEN;
}

static void row_remove(struct connection *connection)
{
    TAILQ_REMOVE(row_of(connection), connection, link);
    connection->tcp->greeting_count -= connection->phase != PHASE_OPEN;
}

void tcp_renew(struct connection *connection)
{
    row_remove(connection);
    row_append(connection);
}

void tcp_greeted(struct connection *connection)
{
    row_remove(connection);
    connection->phase = PHASE_OPEN;
    row_append(connection);
}

/* Opening and closing -------------------------------------------------------------------------- */

void tcp_close(struct connection *connection)
{
    struct tcp *tcp = connection->tcp;
    (void)event_del(&connection->event);
    counters_of(tcp)->tls_failed += connection->phase == PHASE_HANDSHAKE;
    tls_close(&connection->tls);
    close(connection->fd);
    connection->fd = -1;
    row_remove(connection);
    if (connection->phase != PHASE_HEADER)
        clients_leave(&tcp->clients, &connection->peer.ip);
    transfer_free(&connection->transfer);
    if (connection->spare)
        SLIST_INSERT_HEAD(&tcp->spares_free, connection->spare, link);
    TAILQ_INSERT_HEAD(&tcp->free, connection, link);
    counters_of(tcp)->tcp_open = --tcp->open_count;
}

bool tcp_await(struct connection *connection, short what)
{
    if (connection->awaited == what)
        return true;
    (void)event_del(&connection->event);
    connection->awaited = what;
    if (event_assign(&connection->event, connection->tcp->setup.base, connection->fd,
                     (short)(what | EV_PERSIST), tcp_serve, connection) == 0 &&
        event_add(&connection->event, NULL) == 0)
        return true;
    tcp_close(connection);
    return false;
}

/* A slot that is free, if possible one that was in use: the others' memory is not touched before
 * it is needed. */
static struct connection *slot_take(struct tcp *tcp)
{
    struct connection *slot = TAILQ_FIRST(&tcp->free);
    if (!slot)
        return &tcp->slots[tcp->slots_used++];
    TAILQ_REMOVE(&tcp->free, slot, link);
    return slot;
}

static void connection_open(struct tcp *tcp, int fd, const struct listen *peer, enum phase phase)
{
    struct connection *connection = slot_take(tcp);
    connection->tcp = tcp;
    connection->fd = fd;
    connection->peer = *peer;
    connection->spare = NULL;
    connection->transfer = NULL;
    connection->tls = NULL;
    connection->phase = (uint8_t)phase;
    connection->ended = false;
    connection->awaited = 0;
    framer_init(&connection->framer);
    row_append(connection);
    counters_of(tcp)->tcp_open = ++tcp->open_count;
    counters_of(tcp)->tcp_accepted++;
    (void)event_assign(&connection->event, tcp->setup.base, fd, EV_READ | EV_PERSIST, tcp_serve,
                       connection);
    if (phase == PHASE_HANDSHAKE)
        connection->tls = tls_open(tcp->tls, fd);
    if (phase == PHASE_HANDSHAKE && !connection->tls)
        tcp_close(connection);
    else
        (void)tcp_await(connection, EV_READ);
}

/* Time ----------------------------------------------------------------------------------------- */

uint32_t tcp_idle_limit_ms(uint32_t open_count, uint32_t max)
{
    if (open_count < max / 4)
        return TCP_IDLE_LONG_MS;
    return open_count <= max / 4 * 3 ? TCP_IDLE_MS : TCP_IDLE_SHORT_MS;
}

static bool is_over(const struct connection *connection, uint32_t limit_ms, int64_t now_ms)
{
    return connection && now_ms - connection->active_ms > limit_ms;
}

static void connection_time_out(struct connection *connection)
{
    counters_of(connection->tcp)->tcp_timeouts++;
    tcp_close(connection);
}

static void listeners_start(struct tcp *tcp)
{
    for (unsigned i = 0; i < tcp->listeners_count; i++)
        (void)event_add(&tcp->listeners[i].event, NULL);
}

static void listeners_stop(struct tcp *tcp)
{
    for (unsigned i = 0; i < tcp->listeners_count; i++)
        (void)event_del(&tcp->listeners[i].event);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct tcp *tcp = arg;
    const uint32_t max = tcp->setup.connections_max;
    const int64_t now_ms = clock_mono_ms();
    while (is_over(TAILQ_FIRST(&tcp->greeting), TCP_GREETING_MS, now_ms))
        connection_time_out(TAILQ_FIRST(&tcp->greeting));
    while (is_over(TAILQ_FIRST(&tcp->open), tcp_idle_limit_ms(tcp->open_count, max), now_ms))
        connection_time_out(TAILQ_FIRST(&tcp->open));
    listeners_start(tcp);
}

/* Accepting ------------------------------------------------------------------------------------ */

static void refuse(int fd, uint64_t *count)
{
    ++*count;
    close(fd);
}

/* One more that has to greet first. */
static void greeter_open(struct tcp *tcp, int fd, const struct listen *peer, enum phase phase)
{
    if (tcp->greeting_count == TCP_GREETINGS_MAX)
        connection_time_out(TAILQ_FIRST(&tcp->greeting));
    connection_open(tcp, fd, peer, phase);
}

static void peer_accept(const struct listener *listener, int fd, const struct listen *peer)
{
    struct tcp *tcp = listener->tcp;
    const bool proxied = listener->kind == TCP_PROXIED, secure = listener->kind == TCP_TLS;
    if (proxied && !proxy_is_peer(&tcp->setup.proxies, &peer->ip))
        refuse(fd, &counters_of(tcp)->proxy_refused);
    else if (tcp->open_count == tcp->setup.connections_max || (secure && !tcp->tls))
        refuse(fd, &counters_of(tcp)->tcp_refused);
    else if (proxied) /* who the client is and whether it may have one more is still to come */
        greeter_open(tcp, fd, peer, PHASE_HEADER);
    else if (!clients_enter(&tcp->clients, &peer->ip))
        refuse(fd, &counters_of(tcp)->tcp_refused);
    else if (secure)
        greeter_open(tcp, fd, peer, PHASE_HANDSHAKE);
    else
        connection_open(tcp, fd, peer, PHASE_OPEN);
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    const struct listener *listener = arg;
    for (unsigned i = 0; i < TCP_ACCEPTS_MAX; i++) {
        struct sockaddr_storage address = {0};
        socklen_t len = sizeof address;
        const int accepted =
            accept4(fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                listeners_stop(listener->tcp); /* until the next sweep: there is no room for any */
            return;
        }
        const struct listen peer = listen_from_sockaddr(&address);
        peer_accept(listener, accepted, &peer);
    }
}

enum err tcp_listen(struct tcp *tcp, int fd, enum tcp_kind kind, struct diag *reterr)
{
    assert(tcp->listeners_count < TCP_LISTENERS_MAX);
    struct listener *listener = &tcp->listeners[tcp->listeners_count++];
    listener->tcp = tcp;
    listener->kind = kind;
    (void)event_assign(&listener->event, tcp->setup.base, fd, EV_READ | EV_PERSIST, on_acceptable,
                       listener);
    if (event_add(&listener->event, NULL) < 0)
        return diag_set(reterr, ERR_MEMORY, "tcp: cannot wait for connections");
    return OK;
}

void tcp_secure(struct tcp *tcp, struct ssl_ctx_st **context)
{
    SSL_CTX_free(tcp->tls);
    tcp->tls = *context;
    *context = NULL;
}

/* The whole ------------------------------------------------------------------------------------ */

static void rows_init(struct tcp *tcp)
{
    TAILQ_INIT(&tcp->free);
    TAILQ_INIT(&tcp->greeting);
    TAILQ_INIT(&tcp->open);
    SLIST_INIT(&tcp->spares_free);
    for (unsigned i = 0; tcp->spares && i < TCP_SPARES_MAX; i++)
        SLIST_INSERT_HEAD(&tcp->spares_free, &tcp->spares[i], link);
}

static enum err sweep_start(struct tcp *tcp, struct diag *reterr)
{
    const struct timeval interval = {.tv_usec = TCP_SWEEP_MS * 1000};
    (void)event_assign(&tcp->sweep, tcp->setup.base, -1, EV_PERSIST, on_sweep, tcp);
    if (event_add(&tcp->sweep, &interval) < 0)
        return diag_set(reterr, ERR_MEMORY, "tcp: no memory for a timer");
    return OK;
}

enum err tcp_new(const struct tcp_setup *setup, struct tcp **ret, struct diag *reterr)
{
    const uint32_t max = setup->connections_max;
    struct tcp *tcp = calloc(1, sizeof *tcp);
    if (!tcp)
        return diag_set(reterr, ERR_MEMORY, "tcp: out of memory");
    tcp->setup = *setup;
    tcp->slots = calloc(max, sizeof *tcp->slots);
    tcp->spares = calloc(TCP_SPARES_MAX, sizeof *tcp->spares);
    rows_init(tcp);
    clients_init(&tcp->clients, max - max / 4, setup->seed);
    enum err err = OK;
    if (!tcp->slots || !tcp->spares)
        err = diag_set(reterr, ERR_MEMORY, "tcp: no memory for %u connections", max);
    else
        err = sweep_start(tcp, reterr);
    if (err != OK) {
        tcp_free(&tcp);
        return err;
    }
    counters_of(tcp)->tcp_open = 0; /* those of a worker that died went with it */
    *ret = tcp;
    return OK;
}

void tcp_drain(struct tcp *tcp)
{
    for (unsigned i = 0; i < tcp->listeners_count; i++)
        on_acceptable(event_get_fd(&tcp->listeners[i].event), EV_READ, &tcp->listeners[i]);
    listeners_stop(tcp);
    tcp->listeners_count = 0;
    for (uint32_t i = 0; i < tcp->slots_used; i++)
        if (tcp->slots[i].fd >= 0)
            tcp_serve_rest(&tcp->slots[i]);
}

void tcp_free(struct tcp **tcp)
{
    if (!*tcp)
        return;
    for (uint32_t i = 0; i < (*tcp)->slots_used; i++)
        if ((*tcp)->slots[i].fd >= 0)
            tcp_close(&(*tcp)->slots[i]);
    listeners_stop(*tcp);
    if (event_initialized(&(*tcp)->sweep))
        (void)event_del(&(*tcp)->sweep);
    SSL_CTX_free((*tcp)->tls);
    free((*tcp)->slots);
    free((*tcp)->spares);
    free(*tcp);
    *tcp = NULL;
}
