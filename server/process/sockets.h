/* server/process/sockets.h - the sockets that the supervisor opens before it gives up its privileges.
 *
 * Every worker gets a UDP and a TCP socket of its own for each address to answer at (SO_REUSEPORT: the kernel
 * spreads clients over them by address and port), which outlive the worker, so that what arrives while it is
 * started again waits.
 */
#ifndef SERVER_PROCESS_SOCKETS_H
#define SERVER_PROCESS_SOCKETS_H

#include "common/err.h"
#include "common/ip.h"

enum {
    /* Bytes asked for each way of a UDP socket: about 50 ms at a million queries a second. */
    SOCKETS_BUFFER_LEN = 4 * 1024 * 1024,
    SOCKETS_BACKLOG = 511, /* TCP connections that wait for accept() */
};

/* Open one, bound, non-blocking and close-on-exec; TCP ones listen. IPv6 sockets take IPv6 only. ERR_SYSTEM
 * names the address: in use, not this host's, or not permitted. */
NODISCARD enum err sockets_udp(const struct listen *at, int *ret_fd, struct diag *reterr);
NODISCARD enum err sockets_tcp(const struct listen *at, int *ret_fd, struct diag *reterr);

/* The control port: TCP, and this process's alone. */
NODISCARD enum err sockets_control(const struct listen *at, int *ret_fd, struct diag *reterr);

/* Whether somebody else has `at`, which SO_REUSEPORT would not tell. ERR_SYSTEM names the address. To be
 * asked before the first socket of ours is bound there. */
NODISCARD enum err sockets_probe(const struct listen *at, struct diag *reterr);
NODISCARD enum err sockets_probe_tcp(const struct listen *at, struct diag *reterr);

#endif
