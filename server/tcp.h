/* server/tcp.h - queries over TCP (RFC 7766): many on one connection, each answered in its turn.
 *
 * Connections live in slots made at start. A connection is either read from, its whole messages
 * answered and the replies sent at once; or, when the kernel did not take all of the replies,
 * written to and not read from until it has. What was not taken waits in one of a few spare
 * buffers; without a free one the connection is closed, so that a client which does not read
 * costs nobody else.
 *
 * A zone transfer is sent message by message as the kernel takes them, a few in each turn; nothing is read from
 * its connection meanwhile.
 *
 * A connection's time runs from the last query whose reply the kernel has taken, whatever else
 * arrives, so that neither a slow writer nor a slow reader stays.
 */
#ifndef SERVER_TCP_H
#define SERVER_TCP_H

#include "common/err.h"
#include "server/answer.h"

#include <event2/event.h>
#include <stdint.h>

enum {
    TCP_IDLE_LONG_MS = 30 * 1000, /* below a quarter of the connections */
    TCP_IDLE_MS = 10 * 1000,
    TCP_IDLE_SHORT_MS = 2 * 1000, /* above three quarters */
    TCP_SWEEP_MS = 500,           /* how often idle connections are looked for */
    TCP_SPARES_MAX = 64,          /* connections with replies that the kernel did not take */
    TCP_ACCEPTS_MAX = 16,         /* in a row, before others get their turn */
    TCP_DRAIN_READS_MAX = 16,     /* of each connection when the worker stops */
};

struct tcp; /* heap */

/* Make the slots. The base, the answerer and the seed's secrecy are the worker's; the answerer
 * is told the time and how long connections may idle. ERR_MEMORY. */
NODISCARD enum err tcp_new(struct event_base *base, struct answerer *answerer,
                           uint32_t connections_max, uint64_t seed, struct tcp **ret,
                           struct diag *reterr);

/* Accept on a listening socket from now on. It stays the caller's. ERR_MEMORY. */
NODISCARD enum err tcp_listen(struct tcp *tcp, int fd, struct diag *reterr);

/* Accept no more; answer what has arrived; close all. */
void tcp_drain(struct tcp *tcp);

/* Close all. */
void tcp_free(struct tcp **tcp);

#endif
