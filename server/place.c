#include "server/place.h"

#include "common/log.h"
#include "server/answer/counters.h"
#include "server/cookie_file.h"
#include "server/process/sockets.h"
#include "server/worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A UDP and a TCP socket for each address. */
static enum err open_pairs(const struct listen *listens, size_t count, int *ret_udp_fds, int *ret_tcp_fds,
                           struct diag *reterr)
{
    enum err err = OK;
    for (size_t i = 0; err == OK && i < count; i++) {
        err = sockets_udp(&listens[i], &ret_udp_fds[i], reterr);
        if (err == OK)
            err = sockets_tcp(&listens[i], &ret_tcp_fds[i], reterr);
    }
    return err;
}

enum err place_open(struct place *place, const struct settings *settings, struct cookie_page *cookies,
                    struct diag *reterr)
{
    *place = (struct place){.channel_fd = -1, .cookies = cookies};
    enum err err = counters_create(&place->counters_fd, reterr);
    if (err == OK)
        err = open_pairs(settings->listens, settings->listens_count, place->udp_fds, place->tcp_fds, reterr);
    if (err == OK)
        err = open_pairs(settings->proxy_listens, settings->proxy_listens_count, place->proxy_udp_fds,
                         place->proxy_tcp_fds, reterr);
    for (size_t i = 0; err == OK && i < settings->tls_listens_count; i++)
        err = sockets_tcp(&settings->tls_listens[i], &place->tls_fds[i], reterr);
    return err;
}

static size_t put_fds(int *keep, size_t at, const int *fds, size_t count)
{
    memcpy(keep + at, fds, count * sizeof *keep);
    return at + count;
}

static void close_others(const struct place *place, const struct settings *settings, int board_fd,
                         int channel_fd)
{
    int keep[5 * SETTINGS_LISTENS_MAX + 3] = {board_fd, channel_fd, place->counters_fd};
    size_t count = 3;
    count = put_fds(keep, count, place->udp_fds, settings->listens_count);
    count = put_fds(keep, count, place->tcp_fds, settings->listens_count);
    count = put_fds(keep, count, place->tls_fds, settings->tls_listens_count);
    count = put_fds(keep, count, place->proxy_udp_fds, settings->proxy_listens_count);
    count = put_fds(keep, count, place->proxy_tcp_fds, settings->proxy_listens_count);
    child_close_others(keep, count);
}

/* In the child. */
static _Noreturn void work(const struct place *place, const struct settings *settings, int board_fd,
                           int channel_fd)
{
    struct diag diag;
    close_others(place, settings, board_fd, channel_fd);
    if (cookie_file_protect(place->cookies, &diag) != OK) {
        log_message(LOG_LEVEL_ERROR, "worker", diag.text);
        _exit(EXIT_FAILURE);
    }
    const struct worker_setup setup = {
        .udp_fds = place->udp_fds,
        .udp_count = settings->listens_count,
        .tcp_fds = place->tcp_fds,
        .tcp_count = settings->listens_count,
        .tls_fds = place->tls_fds,
        .tls_count = settings->tls_listens_count,
        .proxy_udp_fds = place->proxy_udp_fds,
        .proxy_tcp_fds = place->proxy_tcp_fds,
        .proxy_count = settings->proxy_listens_count,
        .proxies = {settings->proxies, settings->proxies_count},
        .channel_fd = channel_fd,
        .board_fd = board_fd,
        .counters_fd = place->counters_fd,
        .pulse = place->child.pulse,
        .tcp_connections_max = settings->tcp_connections_max,
        .tls_connections_max = settings->tls_connections_max,
        .identity = &settings->identity,
        .cookies = place->cookies,
        .rrl = {.rate = settings->rate,
                .workers = settings->workers_count,
                .slip = settings->rate_slip,
                .exempt = settings->rate_exempt,
                .exempt_count = settings->rate_exempt_count},
    };
    _exit(worker_run(&setup));
}

enum err place_start(struct place *place, const struct settings *settings, int board_fd,
                     const struct parts *parts, int64_t now_ms, struct diag *reterr)
{
    int fd;
    const pid_t pid = child_fork(&place->child, "gslbd:worker", now_ms, &fd, reterr);
    if (pid < 0)
        return ERR_SYSTEM;
    if (pid == 0)
        work(place, settings, board_fd, fd);
    place->channel_fd = fd;
    place->behind = true;
    place_catch_up(place, parts);
    return OK;
}

void place_send(struct place *place, const struct channel_packet *delta)
{
    struct diag diag;
    if (place->channel_fd < 0 || place->behind)
        return;
    /* A worker that is gone gets the whole in its successor. */
    place->behind = channel_send(place->channel_fd, delta, &diag) == ERR_BUSY;
}

void place_catch_up(struct place *place, const struct parts *parts)
{
    struct channel_packet whole;
    if (!place->behind)
        return;
    place->behind = false;
    parts_whole(parts, &whole);
    place_send(place, &whole);
}

void place_ended(struct place *place, int64_t now_ms)
{
    close(place->channel_fd);
    place->channel_fd = -1;
    place->behind = false;
    child_ended(&place->child, now_ms);
}
