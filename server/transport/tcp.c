#include "server/transport/tcp.h"

#include "common/clock.h"
#include "server/transport/connection.h"
#include "server/transport/tcp_serve.h"

#include <assert.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TCP_LISTENERS_MAX = 192 }; /* 64 of each kind */

struct listener {
    struct tcp *tcp;
    enum tcp_kind kind;
    struct event event;
};

struct tcp {
    struct tcp_setup setup;
    struct event sweep;
    struct listener listeners[TCP_LISTENERS_MAX];
    unsigned listeners_count;
    struct connections connections;
    struct tcp_server server;
};

static struct counters *counters_of(const struct tcp *tcp)
{
    return tcp->setup.answerer->counters;
}

/* Time ----------------------------------------------------------------------------------------- */

static bool is_over(const struct connection *connection, uint32_t limit_ms, int64_t now_ms)
{
    return connection && now_ms - connection->active_ms > limit_ms;
}

static void time_out(struct connection *connection)
{
    connection->home->setup.counters->tcp_timeouts++;
    connection_close(connection);
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
    struct connections *all = &tcp->connections;
    const int64_t now_ms = clock_mono_ms();
    while (is_over(TAILQ_FIRST(&all->greeting), TCP_GREETING_MS, now_ms))
        time_out(TAILQ_FIRST(&all->greeting));
    while (is_over(TAILQ_FIRST(&all->open), connection_idle_plain_ms(all), now_ms))
        time_out(TAILQ_FIRST(&all->open));
    while (is_over(TAILQ_FIRST(&all->secure), connection_idle_tls_ms(all), now_ms))
        time_out(TAILQ_FIRST(&all->secure));
    listeners_start(tcp);
}

/* Accepting ------------------------------------------------------------------------------------ */

static void refuse(int fd, uint64_t *count)
{
    ++*count;
    close(fd);
}

/* One more that has to greet first. */
static void greeter_open(struct connections *all, int fd, const struct listen *peer, enum phase phase)
{
    if (all->greeting_count == TCP_GREETINGS_MAX)
        time_out(TAILQ_FIRST(&all->greeting));
    connection_open(all, fd, peer, phase);
}

/* Whether there is room for one more of a kind. */
static bool has_room(const struct tcp *tcp, enum tcp_kind kind)
{
    const struct connections *all = &tcp->connections;
    return all->open_count < tcp->setup.connections_max &&
           (kind != TCP_TLS || (all->tls && all->tls_count < tcp->setup.tls_connections_max));
}

static void peer_accept(const struct listener *listener, int fd, const struct listen *peer)
{
    struct tcp *tcp = listener->tcp;
    struct connections *all = &tcp->connections;
    const bool proxied = listener->kind == TCP_PROXIED, secure = listener->kind == TCP_TLS;
    if (proxied && !proxy_is_peer(&tcp->setup.proxies, &peer->ip))
        refuse(fd, &counters_of(tcp)->proxy_refused);
    else if (!has_room(tcp, listener->kind))
        refuse(fd, &counters_of(tcp)->tcp_refused);
    else if (proxied) /* who the client is and whether it may have one more is still to come */
        greeter_open(all, fd, peer, PHASE_HEADER);
    else if (!clients_enter(&all->clients, &peer->ip))
        refuse(fd, &counters_of(tcp)->tcp_refused);
    else if (secure)
        greeter_open(all, fd, peer, PHASE_HANDSHAKE);
    else
        connection_open(all, fd, peer, PHASE_OPEN);
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
    SSL_CTX_free(tcp->connections.tls);
    tcp->connections.tls = *context;
    *context = NULL;
}

/* The whole ------------------------------------------------------------------------------------ */

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
    struct tcp *tcp = calloc(1, sizeof *tcp);
    if (!tcp)
        return diag_set(reterr, ERR_MEMORY, "tcp: out of memory");
    tcp->setup = *setup;
    tcp->server.answerer = setup->answerer;
    const struct connections_setup connections = {.base = setup->base,
                                                  .counters = setup->answerer->counters,
                                                  .on_ready = tcp_serve,
                                                  .server = &tcp->server,
                                                  .max = setup->connections_max,
                                                  .tls_max = setup->tls_connections_max,
                                                  .seed = setup->seed};
    enum err err = connection_init(&tcp->connections, &connections, reterr);
    if (err == OK)
        err = sweep_start(tcp, reterr);
    if (err == OK)
        *ret = tcp;
    else
        tcp_free(&tcp);
    return err;
}

void tcp_drain(struct tcp *tcp)
{
    struct connections *all = &tcp->connections;
    for (unsigned i = 0; i < tcp->listeners_count; i++)
        on_acceptable(event_get_fd(&tcp->listeners[i].event), EV_READ, &tcp->listeners[i]);
    listeners_stop(tcp);
    tcp->listeners_count = 0;
    for (uint32_t i = 0; i < all->slots_used; i++)
        if (all->slots[i].fd >= 0)
            tcp_serve_rest(&all->slots[i]);
}

void tcp_free(struct tcp **tcp)
{
    if (!*tcp)
        return;
    connection_fini(&(*tcp)->connections);
    listeners_stop(*tcp);
    if (event_initialized(&(*tcp)->sweep))
        (void)event_del(&(*tcp)->sweep);
    free(*tcp);
    *tcp = NULL;
}
