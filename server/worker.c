#include "server/worker.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/rng.h"
#include "server/answer/answer.h"
#include "server/answer/world.h"
#include "server/process/channel.h"
#include "server/process/sandbox.h"
#include "server/transfer/tsig.h"
#include "server/transport/tcp.h"
#include "server/transport/tls.h"
#include "server/transport/udp.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    WORKER_UDP_SOCKETS_MAX = 128,
    WORKER_TURN_MS = 2,      /* for one socket, before others get theirs */
    WORKER_TURN_MIN = 4,     /* queries in the first batch of a turn: more are coming */
    WORKER_BUSY_MIN = 16,    /* queries in a turn: a socket with more is busy */
    WORKER_DRAIN_MAX = 1024, /* batches of one socket that are still answered after SIGTERM */
    WORKER_OTHER_FDS = 224,  /* descriptors besides those of sockets: most are for a world on its way */
};
_Static_assert((int)WORKER_OTHER_FDS >= (int)CHANNEL_PARTS_MAX + 16,
               "a world that finds no room for its descriptors is cut, and ends the worker");

struct worker;

struct udp_listener {
    struct worker *worker;
    struct udp_socket socket;
    struct event event; /* there are queries; pending while the socket is not busy */
    struct event turn;  /* the next turn of a busy socket; pending while it is */
    bool busy;
};

struct worker {
    const struct worker_setup *setup;
    struct event_base *base;
    struct event channel, term, beat;
    struct udp_listener udp_listeners[WORKER_UDP_SOCKETS_MAX];
    size_t udp_count;
    struct udp *udp;
    struct tcp *tcp;
    struct answerer answerer;
    struct rng rng;
    struct world world;
    struct file_map packs[PACKS_MAX], policies[POLICIES_MAX]; /* what the world's images are in */
    int status;
};

static void worker_stop(struct worker *worker, int status)
{
    worker->status = status;
    (void)event_base_loopbreak(worker->base);
}

static void worker_fail(struct worker *worker, const struct diag *diag)
{
    log_message(LOG_LEVEL_ERROR, "worker", diag->text);
    worker_stop(worker, EXIT_FAILURE);
}

/* UDP ------------------------------------------------------------------------------------------ */

/* Answer what is there, and under load what comes during a turn: to wait for the next batch in the socket
 * takes less CPU time than to come back to it by way of the event loop. Returns whether more is coming. */
static bool turn_serve(const struct udp_listener *listener)
{
    struct worker *worker = listener->worker;
    worker->answerer.now = clock_now();
    const int64_t end_ms = worker->answerer.now.mono_ms + WORKER_TURN_MS;
    unsigned count = udp_serve(worker->udp, &listener->socket, &worker->answerer), total = count;
    if (total < WORKER_TURN_MIN)
        return false;
    while (count > 0) {
        worker->answerer.now = clock_now();
        if (worker->answerer.now.mono_ms >= end_ms)
            return total >= WORKER_BUSY_MIN;
        count = udp_await(worker->udp, &listener->socket, &worker->answerer);
        total += count;
    }
    return false;
}

/* A busy socket gets its turns without being asked for in the event loop: the kernel would tell the loop of
 * each packet that comes and goes. Between two turns the loop serves everything else that is ready. */
static void on_queries(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    static const struct timeval at_once = {0};
    struct udp_listener *listener = arg;
    const bool was_busy = listener->busy;
    listener->busy = turn_serve(listener);
    int status = 0;
    if (listener->busy)
        status = event_add(&listener->turn, &at_once);
    if (listener->busy && !was_busy)
        status |= event_del(&listener->event);
    else if (!listener->busy && was_busy)
        status |= event_add(&listener->event, NULL);
    if (status < 0) {
        log_message(LOG_LEVEL_ERROR, "worker", "cannot wait for queries");
        worker_stop(listener->worker, EXIT_FAILURE);
    }
}

/* Answer what is left in a socket. */
static void queries_drain(const struct udp_listener *listener)
{
    struct worker *worker = listener->worker;
    for (unsigned i = 0; i < WORKER_DRAIN_MAX; i++) {
        worker->answerer.now = clock_now();
        if (udp_serve(worker->udp, &listener->socket, &worker->answerer) < UDP_BATCH_MAX)
            return;
    }
}

/* The world ------------------------------------------------------------------------------------ */

static void pack_take(struct worker *worker, unsigned idx, struct file_map map)
{
    file_map_close(&worker->packs[idx]);
    worker->packs[idx] = map;
    worker->world.packs[idx] = (struct image){0};
    if (map.bytes)
        image_attach(map.bytes, &worker->world.packs[idx]);
}

static void policy_take(struct worker *worker, unsigned idx, struct file_map map)
{
    file_map_close(&worker->policies[idx]);
    worker->policies[idx] = map;
    worker->world.policies[idx] = (struct geo){0};
    if (map.bytes)
        geo_attach(map.bytes, &worker->world.policies[idx]);
}

/* What TLS connections begin with from now on; takes the descriptor. A worker that cannot use it
 * goes on with what it has: control has tried the same. */
static void secrets_take(struct worker *worker, int fd)
{
    struct diag diag;
    struct ssl_ctx_st *context;
    if (tls_context_open(fd, &context, &diag) == OK)
        tcp_secure(worker->tcp, &context);
    else
        log_message(LOG_LEVEL_ERROR, "worker", diag.text);
    close(fd);
}

/* Put one part in the place of the one before; takes the descriptor. */
static enum err part_take(struct worker *worker, const struct channel_part *part, int fd,
                          struct diag *reterr)
{
    struct file_map map = {0};
    if (part->kind == PART_SECRETS) {
        if (part->present)
            secrets_take(worker, fd);
        return OK;
    }
    if (part->present) {
        const enum err err = file_map_fd(fd, &map, reterr);
        close(fd);
        if (err != OK)
            return err;
    }
    if (part->kind == PART_PACK)
        pack_take(worker, part->index, map);
    else
        policy_take(worker, part->index, map);
    return OK;
}

static enum err sockets_listen(struct tcp *tcp, const int *fds, size_t count, enum tcp_kind kind,
                               struct diag *reterr)
{
    enum err err = OK;
    for (size_t i = 0; i < count && err == OK; i++)
        err = tcp_listen(tcp, fds[i], kind, reterr);
    return err;
}

static enum err listeners_start(struct worker *worker, struct diag *reterr)
{
    const struct worker_setup *setup = worker->setup;
    for (size_t i = 0; i < worker->udp_count; i++)
        if (event_add(&worker->udp_listeners[i].event, NULL) < 0)
            return diag_set(reterr, ERR_MEMORY, "worker: cannot wait for queries");
    enum err err = sockets_listen(worker->tcp, setup->tcp_fds, setup->tcp_count, TCP_PLAIN, reterr);
    if (err == OK)
        err = sockets_listen(worker->tcp, setup->tls_fds, setup->tls_count, TCP_TLS, reterr);
    if (err == OK)
        err = sockets_listen(worker->tcp, setup->proxy_tcp_fds, setup->proxy_count, TCP_PROXIED,
                             reterr);
    return err;
}

static enum err parts_take(struct worker *worker, const struct channel_packet *packet,
                           struct diag *reterr)
{
    enum err err = OK;
    for (uint32_t i = 0; i < packet->message.parts_count && err == OK; i++)
        err = part_take(worker, &packet->message.parts[i], packet->fds[i], reterr);
    return err;
}

/* Make the world what the message says. Nothing is answered meanwhile. After an error the worker
 * must end: its successor gets the whole world. */
static enum err world_take(struct worker *worker, const struct channel_packet *packet,
                           struct diag *reterr)
{
    enum err err = parts_take(worker, packet, reterr);
    if (err == OK && worker->world.generation == 0)
        err = listeners_start(worker, reterr);
    worker->world.generation = packet->message.generation;
    worker->answerer.counters->generation = packet->message.generation;
    return err;
}

static void on_channel(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct worker *worker = arg;
    struct channel_packet packet;
    struct diag diag;
    enum err err = channel_receive(fd, &packet, &diag);
    if (err == ERR_BUSY)
        return;
    if (err == ERR_MISSING) { /* the supervisor has gone */
        worker_stop(worker, EXIT_SUCCESS);
        return;
    }
    if (err == OK && packet.message.kind == MESSAGE_WORLD)
        err = world_take(worker, &packet, &diag);
    else if (err == OK && packet.message.kind == MESSAGE_SECRETS)
        err = parts_take(worker, &packet, &diag);
    if (err != OK)
        worker_fail(worker, &diag);
}

/* Setting up ----------------------------------------------------------------------------------- */

static void on_term(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct worker *worker = arg;
    if (worker->world.generation > 0) {
        for (size_t i = 0; i < worker->udp_count; i++)
            queries_drain(&worker->udp_listeners[i]);
        tcp_drain(worker->tcp);
    }
    worker_stop(worker, EXIT_SUCCESS);
}

static void log_descriptors(uint32_t wanted, uint32_t fitting, rlim_t limit)
{
    struct log_line line;
    log_begin(&line, LOG_LEVEL_WARNING, "descriptors");
    log_number(&line, "tcp_connections", wanted);
    log_number(&line, "fitting", fitting);
    log_number(&line, "limit", (int64_t)limit);
    log_end(&line);
}

/* As many descriptors as we may have; returns how many TCP connections that leaves room for, at most as many
 * as are wanted. Who connects takes no room from what the channel brings. */
static uint32_t connections_fit(const struct worker_setup *setup)
{
    const uint32_t wanted = setup->tcp_connections_max;
    const rlim_t others = WORKER_OTHER_FDS + setup->udp_count + setup->tcp_count + setup->tls_count +
                          2 * setup->proxy_count;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return wanted;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max >= others + wanted)
        return wanted;
    const uint32_t fitting = limit.rlim_max > others ? (uint32_t)(limit.rlim_max - others) : 1;
    log_descriptors(wanted, fitting, limit.rlim_max);
    return fitting;
}

static enum err seed_get(uint64_t *ret, struct diag *reterr)
{
    if (getrandom(ret, sizeof *ret, 0) != (ssize_t)sizeof *ret)
        return diag_errno(reterr, "worker: getrandom");
    return OK;
}

/* The table of rates, if they are limited. */
static enum err rates_open(struct worker *worker, struct diag *reterr)
{
    struct rrl_config config = worker->setup->rrl;
    if (config.rate == 0)
        return OK;
    if (getrandom(&config.key, sizeof config.key, 0) != (ssize_t)sizeof config.key)
        return diag_errno(reterr, "worker: getrandom");
    struct rrl *rrl = aligned_alloc(_Alignof(struct rrl), sizeof *rrl);
    if (!rrl)
        return diag_set(reterr, ERR_MEMORY, "worker: no memory for a table of rates");
    rrl_init(rrl, &config);
    worker->answerer.rrl = rrl;
    return OK;
}

/* What answers: the board, the counters, chance. */
static enum err answerer_open(struct worker *worker, struct diag *reterr)
{
    struct board *board;
    uint64_t seed;
    enum err err = board_open(worker->setup->board_fd, BOARD_SLOTS_MAX, &board, reterr);
    if (err == OK)
        err = counters_open_writer(worker->setup->counters_fd, &worker->answerer.counters, reterr);
    if (err == OK)
        err = seed_get(&seed, reterr);
    if (err != OK)
        return err;
    rng_init(&worker->rng, seed);
    worker->world.board = board;
    worker->answerer.world = &worker->world;
    worker->answerer.rng = &worker->rng;
    worker->answerer.identity = worker->setup->identity;
    worker->answerer.cookies = worker->setup->cookies;
    return rates_open(worker, reterr);
}

static enum err udp_listener_open(struct worker *worker, int fd, const struct proxy_peers *proxies,
                                  struct diag *reterr)
{
    struct udp_listener *listener = &worker->udp_listeners[worker->udp_count];
    if (worker->udp_count == WORKER_UDP_SOCKETS_MAX)
        return diag_set(reterr, ERR_LIMIT, "worker: more than %d addresses to listen on",
                        WORKER_UDP_SOCKETS_MAX);
    const enum err err = udp_open(fd, &listener->socket, reterr);
    if (err != OK)
        return err;
    worker->udp_count++;
    listener->worker = worker;
    listener->socket.proxies = proxies;
    (void)event_assign(&listener->event, worker->base, fd, EV_READ | EV_PERSIST, on_queries,
                       listener);
    (void)evtimer_assign(&listener->turn, worker->base, on_queries, listener);
    return OK;
}

static enum err udp_prepare(struct worker *worker, struct diag *reterr)
{
    const struct worker_setup *setup = worker->setup;
    enum err err = udp_new(&worker->udp, reterr);
    for (size_t i = 0; i < setup->udp_count && err == OK; i++)
        err = udp_listener_open(worker, setup->udp_fds[i], NULL, reterr);
    for (size_t i = 0; i < setup->proxy_count && err == OK; i++)
        err = udp_listener_open(worker, setup->proxy_udp_fds[i], &setup->proxies, reterr);
    return err;
}

static enum err tcp_prepare(struct worker *worker, struct diag *reterr)
{
    const uint32_t fitting = connections_fit(worker->setup), tls_fitting = fitting - fitting / 4;
    const uint32_t tls_max = worker->setup->tls_connections_max;
    const bool tight = fitting < worker->setup->tcp_connections_max;
    struct tcp_setup setup = {.base = worker->base,
                              .answerer = &worker->answerer,
                              .connections_max = fitting,
                              .tls_connections_max = tight && tls_fitting < tls_max ? tls_fitting : tls_max,
                              .proxies = worker->setup->proxies};
    enum err err = seed_get(&setup.seed, reterr);
    if (err == OK)
        err = tcp_new(&setup, &worker->tcp, reterr);
    if (err == OK && worker->setup->tls_count > 0)
        err = tls_prepare(reterr);
    return err;
}

static void on_beat(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    const struct worker *worker = arg;
    child_beat(worker->setup->pulse);
}

static enum err control_start(struct worker *worker, struct diag *reterr)
{
    (void)event_assign(&worker->channel, worker->base, worker->setup->channel_fd,
                       EV_READ | EV_PERSIST, on_channel, worker);
    (void)evsignal_assign(&worker->term, worker->base, SIGTERM, on_term, worker);
    (void)event_assign(&worker->beat, worker->base, -1, EV_PERSIST, on_beat, worker);
    const struct timeval beat = {.tv_usec = CHILD_BEAT_MS * 1000};
    if (event_add(&worker->channel, NULL) < 0 || evsignal_add(&worker->term, NULL) < 0 ||
        event_add(&worker->beat, &beat) < 0)
        return diag_set(reterr, ERR_MEMORY, "worker: cannot wait for its channel");
    return OK;
}

static enum err worker_open(struct worker *worker, struct diag *reterr)
{
    worker->base = event_base_new();
    if (!worker->base)
        return diag_set(reterr, ERR_MEMORY, "worker: no memory for an event loop");
    enum err err = answerer_open(worker, reterr);
    if (err == OK)
        err = tsig_start(reterr);
    if (err == OK)
        err = tcp_prepare(worker, reterr);
    if (err == OK)
        err = udp_prepare(worker, reterr);
    if (err == OK)
        err = control_start(worker, reterr);
    return err == OK ? sandbox_enter(reterr) : err;
}

int worker_run(const struct worker_setup *setup)
{
    struct diag diag;
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker) {
        log_message(LOG_LEVEL_ERROR, "worker", "out of memory");
        return EXIT_FAILURE;
    }
    worker->setup = setup;
    if (worker_open(worker, &diag) != OK) {
        log_message(LOG_LEVEL_ERROR, "worker", diag.text);
        return EXIT_FAILURE;
    }
    worker->answerer.counters->starts++;
    child_beat(setup->pulse);
    if (event_base_dispatch(worker->base) < 0) {
        log_message(LOG_LEVEL_ERROR, "worker", "the event loop failed");
        worker->status = EXIT_FAILURE;
    }
    return worker->status; /* the process ends, and with it all that it holds */
}
