/* server/transport/udp.h - queries over UDP: receive a batch, answer each in its buffer, send the batch.
 *
 * A worker has one batch of buffers, made at its start, and lends it to each of its sockets in
 * turn. A socket bound to a wildcard address answers from the address that was asked.
 */
#ifndef SERVER_TRANSPORT_UDP_H
#define SERVER_TRANSPORT_UDP_H

#include "common/err.h"
#include "server/answer/answer.h"
#include "server/transport/proxy.h"

#include <stdbool.h>

enum {
    UDP_BATCH_MAX = 16, /* queries of one recvmmsg(): more cost more cache misses than they save calls */
    UDP_WAIT_MS = 1,    /* that udp_await() waits; the kernel makes it a tick of its clock, at most 4 ms */
};

struct udp_socket {
    int fd;
    bool wildcard;                     /* control messages tell which address was asked */
    const struct proxy_peers *proxies; /* who may ask, with a header in front; NULL: anybody, without one */
};

struct udp; /* a batch; heap */

/* A batch lasts as long as its process. ERR_MEMORY. */
NODISCARD enum err udp_new(struct udp **ret, struct diag *reterr);

/* Make a bound socket ready to be served, for anybody. The descriptor stays the caller's. ERR_SYSTEM. */
NODISCARD enum err udp_open(int fd, struct udp_socket *ret, struct diag *reterr);

/* Answer what is there, at most a batch; returns how many queries were received. Does not wait:
 * what the kernel does not take is dropped and counted. */
unsigned udp_serve(struct udp *udp, const struct udp_socket *socket,
                   const struct answerer *answerer);

/* As udp_serve(), but wait up to UDP_WAIT_MS for the first query. For a socket that queries keep coming to:
 * the next is nearly there, and a wait in the kernel's receiver costs less than one in the event loop. */
unsigned udp_await(struct udp *udp, const struct udp_socket *socket,
                   const struct answerer *answerer);

#endif
