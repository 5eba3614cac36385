#include "server/transport/connection.h"

#include "common/clock.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>

/* Rows ----------------------------------------------------------------------------------------- */

static struct row *row_of(const struct connection *connection)
{
    struct connections *home = connection->home;
    if (connection->phase != PHASE_OPEN)
        return &home->greeting;
    return connection->secure ? &home->secure : &home->open;
}

static void row_append(struct connection *connection)
{
    connection->active_ms = clock_mono_ms();
    TAILQ_INSERT_TAIL(row_of(connection), connection, link);
    connection->home->greeting_count += connection->phase != PHASE_OPEN;
}

static void row_remove(struct connection *connection)
{
    TAILQ_REMOVE(row_of(connection), connection, link);
    connection->home->greeting_count -= connection->phase != PHASE_OPEN;
}

void connection_renew(struct connection *connection)
{
    row_remove(connection);
    row_append(connection);
}

void connection_greeted(struct connection *connection)
{
    row_remove(connection);
    connection->phase = PHASE_OPEN;
    row_append(connection);
}

/* Opening and closing -------------------------------------------------------------------------- */

void connection_close(struct connection *connection)
{
    struct connections *home = connection->home;
    struct counters *counters = home->setup.counters;
    (void)event_del(&connection->event);
    counters->tls_failed += connection->phase == PHASE_HANDSHAKE;
    tls_close(&connection->tls);
    close(connection->fd);
    connection->fd = -1;
    row_remove(connection);
    if (connection->phase != PHASE_HEADER)
        clients_leave(&home->clients, &connection->peer.ip);
    transfer_free(&connection->transfer);
    connection_spare_return(connection);
    TAILQ_INSERT_HEAD(&home->free, connection, link);
    counters->tcp_open = --home->open_count;
    counters->tls_open = home->tls_count -= connection->secure;
}

void connection_spare_return(struct connection *connection)
{
    struct connections *home = connection->home;
    if (!connection->spare)
        return;
    TAILQ_REMOVE(&home->spares_held, connection->spare, link);
    TAILQ_INSERT_HEAD(&home->spares_free, connection->spare, link);
    connection->spare = NULL;
}

struct spare *connection_spare_take(struct connection *connection)
{
    struct connections *home = connection->home;
    if (TAILQ_EMPTY(&home->spares_free)) {
        home->setup.counters->tcp_timeouts++;
        connection_close(TAILQ_FIRST(&home->spares_held)->holder);
    }
    struct spare *spare = TAILQ_FIRST(&home->spares_free);
    TAILQ_REMOVE(&home->spares_free, spare, link);
    TAILQ_INSERT_TAIL(&home->spares_held, spare, link);
    spare->holder = connection;
    return connection->spare = spare;
}

/* Have it called for `what` from now on; event_add() is the caller's. */
static int event_prepare(struct connection *connection, short what)
{
    const struct connections_setup *setup = &connection->home->setup;
    return event_assign(&connection->event, setup->base, connection->fd, (short)(what | EV_PERSIST),
                        setup->on_ready, connection);
}

bool connection_await(struct connection *connection, short what)
{
    if (connection->awaited == what)
        return true;
    (void)event_del(&connection->event);
    connection->awaited = what;
    if (event_prepare(connection, what) == 0 && event_add(&connection->event, NULL) == 0)
        return true;
    connection_close(connection);
    return false;
}

/* A slot that is free, if possible one that was in use: the others' memory is not touched before
 * it is needed. */
static struct connection *slot_take(struct connections *home)
{
    struct connection *slot = TAILQ_FIRST(&home->free);
    if (!slot)
        return &home->slots[home->slots_used++];
    TAILQ_REMOVE(&home->free, slot, link);
    return slot;
}

void connection_open(struct connections *connections, int fd, const struct listen *peer, enum phase phase)
{
    struct connection *connection = slot_take(connections);
    struct counters *counters = connections->setup.counters;
    connection->home = connections;
    connection->fd = fd;
    connection->peer = *peer;
    connection->spare = NULL;
    connection->transfer = NULL;
    connection->tls = NULL;
    connection->phase = (uint8_t)phase;
    connection->secure = phase == PHASE_HANDSHAKE;
    connection->ended = false;
    connection->awaited = 0;
    framer_init(&connection->framer);
    row_append(connection);
    counters->tcp_open = ++connections->open_count;
    counters->tls_open = connections->tls_count += connection->secure;
    counters->tcp_accepted++;
    (void)event_prepare(connection, EV_READ); /* connection_close() needs one that event_del() knows */
    if (phase == PHASE_HANDSHAKE)
        connection->tls = tls_open(connections->tls, fd);
    if (phase == PHASE_HANDSHAKE && !connection->tls)
        connection_close(connection);
    else
        (void)connection_await(connection, EV_READ);
}

uint32_t connection_idle_limit_ms(uint32_t open_count, uint32_t max)
{
    if (open_count < max / 4)
        return CONNECTION_IDLE_LONG_MS;
    return open_count <= max / 4 * 3 ? CONNECTION_IDLE_MS : CONNECTION_IDLE_SHORT_MS;
}

uint32_t connection_idle_plain_ms(const struct connections *connections)
{
    return connection_idle_limit_ms(connections->open_count, connections->setup.max);
}

uint32_t connection_idle_tls_ms(const struct connections *connections)
{
    const uint32_t all_ms = connection_idle_plain_ms(connections);
    const uint32_t tls_ms =
        connection_idle_limit_ms(connections->tls_count, connections->setup.tls_max);
    return all_ms < tls_ms ? all_ms : tls_ms;
}

/* All of them ---------------------------------------------------------------------------------- */

static void rows_init(struct connections *connections)
{
    TAILQ_INIT(&connections->free);
    TAILQ_INIT(&connections->greeting);
    TAILQ_INIT(&connections->open);
    TAILQ_INIT(&connections->secure);
    TAILQ_INIT(&connections->spares_free);
    TAILQ_INIT(&connections->spares_held);
    for (unsigned i = 0; connections->spares && i < CONNECTION_SPARES_MAX; i++)
        TAILQ_INSERT_HEAD(&connections->spares_free, &connections->spares[i], link);
}

enum err connection_init(struct connections *connections, const struct connections_setup *setup,
                         struct diag *reterr)
{
    *connections = (struct connections){.setup = *setup};
    connections->slots = calloc(setup->max, sizeof *connections->slots);
    connections->spares = calloc(CONNECTION_SPARES_MAX, sizeof *connections->spares);
    rows_init(connections);
    clients_init(&connections->clients, setup->max - setup->max / 4, setup->seed);
    if (!connections->slots || !connections->spares)
        return diag_set(reterr, ERR_MEMORY, "tcp: no memory for %u connections", setup->max);
    setup->counters->tcp_open = setup->counters->tls_open = 0; /* those of a worker that died went with it */
    return OK;
}

void connection_fini(struct connections *connections)
{
    for (uint32_t i = 0; i < connections->slots_used; i++)
        if (connections->slots[i].fd >= 0)
            connection_close(&connections->slots[i]);
    SSL_CTX_free(connections->tls);
    free(connections->slots);
    free(connections->spares);
}
