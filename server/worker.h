/* server/worker.h - the worker process: it owns its sockets, maps the images and answers. Nothing else.
 *
 * One libevent loop. UDP sockets are drained in batches (recvmmsg, sendmmsg), TCP connections live in slots
 * made at start, and a new world is taken from the channel between two batches. After worker_run() has set
 * itself up, a seccomp filter denies everything but receiving, sending and mapping what the channel brings.
 */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include "common/err.h"
#include "server/answer/cookie.h"
#include "server/answer/identity.h"
#include "server/answer/rrl.h"
#include "server/process/child.h"
#include "server/transport/proxy.h"

#include <stddef.h>
#include <stdint.h>

/* What the supervisor made for one worker. The descriptors are the worker's from here on. */
struct worker_setup {
    const int *udp_fds; /* bound, SO_REUSEPORT: this worker's own */
    size_t udp_count;
    const int *tcp_fds; /* listening, SO_REUSEPORT: this worker's own */
    size_t tcp_count;
    const int *tls_fds; /* as tcp_fds */
    size_t tls_count;
    const int *proxy_udp_fds; /* as udp_fds and tcp_fds, with a PROXY header in front */
    const int *proxy_tcp_fds;
    size_t proxy_count;
    struct proxy_peers proxies; /* who may send one */
    int channel_fd;             /* worlds and secrets of TLS come here; its end is the end of the worker */
    int board_fd;
    int counters_fd;
    struct child_pulse *pulse; /* shows the supervisor that the loop turns; NULL: nobody looks */
    uint32_t tcp_connections_max, tls_connections_max;
    const struct identity *identity;
    const struct cookie_page *cookies; /* shared, read-only */
    struct rrl_config rrl;             /* rate 0: no limit; its key is the worker's to draw */
};

/* Worker. Answers until SIGTERM (drains: stops accepting, answers what is in its sockets, closes) or until
 * the channel ends. Returns the process's exit status. Until the first world has come it answers nothing:
 * queries wait in the sockets. */
int worker_run(const struct worker_setup *setup);

#endif
