#include "server/place.h"

#include "common/log.h"
#include "server/cookie_file.h"
#include "server/counters.h"
#include "server/sockets.h"
#include "server/worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum err place_open(struct place *place, unsigned index, const struct settings *settings, struct cookie_page *cookies,
                    struct diag *reterr)
{
    *place = (struct place){.index = index, .channel_fd = -1, .cookies = cookies};
    enum err err = counters_create(&place->counters_fd, reterr);
    for (size_t i = 0; err == OK && i < settings->listens_count; i++) {
        err = sockets_udp(&settings->listens[i], &place->udp_fds[i], reterr);
        if (err == OK)
            err = sockets_tcp(&settings->listens[i], &place->tcp_fds[i], reterr);
    }
    return err;
}

/* In the child. */
static _Noreturn void work(const struct place *place, const struct settings *settings, int board_fd, int channel_fd)
{
    int keep[2 * SETTINGS_LISTENS_MAX + 3] = {board_fd, channel_fd, place->counters_fd};
    const size_t count = settings->listens_count;
    memcpy(keep + 3, place->udp_fds, count * sizeof *keep);
    memcpy(keep + 3 + count, place->tcp_fds, count * sizeof *keep);
    child_close_others(keep, 3 + 2 * count);
    struct diag diag;
    if (cookie_file_protect(place->cookies, &diag) != OK) {
        log_message(LOG_LEVEL_ERROR, "worker", diag.text);
        _exit(EXIT_FAILURE);
    }
    const struct worker_setup setup = {
        .index = place->index,
        .udp_fds = place->udp_fds,
        .udp_count = count,
        .tcp_fds = place->tcp_fds,
        .tcp_count = count,
        .channel_fd = channel_fd,
        .board_fd = board_fd,
        .counters_fd = place->counters_fd,
        .pulse = place->child.pulse,
        .tcp_connections_max = settings->tcp_connections_max,
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

enum err place_start(struct place *place, const struct settings *settings, int board_fd, const struct parts *parts,
                     int64_t now_ms, struct diag *reterr)
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
