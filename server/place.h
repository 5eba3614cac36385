/* server/place.h - a worker's place in the supervisor: what outlives the worker that works there.
 *
 * The sockets, so that queries wait in them while a worker is started again, the page of counters, and the
 * channel to whoever works there now.
 */
#ifndef SERVER_PLACE_H
#define SERVER_PLACE_H

#include "common/err.h"
#include "server/parts.h"
#include "server/process/child.h"
#include "server/process/settings.h"

#include <stdbool.h>
#include <stdint.h>

struct place {
    struct child child;
    int channel_fd; /* -1: nobody works there */
    bool behind;    /* a world found no room in the channel: the whole is due */
    int counters_fd;
    struct cookie_page *cookies;       /* the supervisor's */
    int udp_fds[SETTINGS_LISTENS_MAX]; /* one for each of settings->listens */
    int tcp_fds[SETTINGS_LISTENS_MAX];
    int tls_fds[SETTINGS_LISTENS_MAX];       /* ... ->tls_listens */
    int proxy_udp_fds[SETTINGS_LISTENS_MAX]; /* ... ->proxy_listens */
    int proxy_tcp_fds[SETTINGS_LISTENS_MAX];
};

/* Open a worker's sockets and counters; the page of cookie secrets is lent. An error ends the supervisor:
 * nothing is closed. */
NODISCARD enum err place_open(struct place *place, const struct settings *settings,
                              struct cookie_page *cookies, struct diag *reterr);

/* Start a worker there and hand it the whole world. `board_fd` is opened read-only. On failure nobody works
 * there. */
NODISCARD enum err place_start(struct place *place, const struct settings *settings, int board_fd,
                               const struct parts *parts, int64_t now_ms, struct diag *reterr);

/* Send what changed. A worker that does not take it now is `behind`; place_catch_up() sends it the whole. */
void place_send(struct place *place, const struct channel_packet *delta);
void place_catch_up(struct place *place, const struct parts *parts);

/* The worker has ended. */
void place_ended(struct place *place, int64_t now_ms);

#endif
