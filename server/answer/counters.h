/* server/answer/counters.h - what a worker counts: its own page of numbers, read by control for /metrics.
 *
 * One memfd for each worker, made by the supervisor, so that a worker's successor goes on counting where it
 * died. Only that worker writes (plain loads and stores of aligned 64-bit words); control reads it as it is.
 * What needs more words than one is read whole or not at all (server/answer/refused.h).
 */
#ifndef SERVER_ANSWER_COUNTERS_H
#define SERVER_ANSWER_COUNTERS_H

#include "common/err.h"
#include "health/board.h"
#include "server/answer/cookie.h"
#include "server/answer/refused.h"
#include "server/answer/rrl.h"

#include <stddef.h>
#include <stdint.h>

enum transport { TRANSPORT_UDP, TRANSPORT_TCP, TRANSPORT_TLS, TRANSPORTS };

/* Query types that are counted by name; the rest are OTHER. */
enum counted_type {
    COUNTED_A,
    COUNTED_AAAA,
    COUNTED_CNAME,
    COUNTED_NS,
    COUNTED_SOA,
    COUNTED_MX,
    COUNTED_TXT,
    COUNTED_PTR,
    COUNTED_SRV,
    COUNTED_SVCB,
    COUNTED_HTTPS,
    COUNTED_CAA,
    COUNTED_DS,
    COUNTED_DNSKEY,
    COUNTED_ANY,
    COUNTED_OTHER,
    COUNTED_TYPES,
};

/* What is not answered, and why. */
enum drop {
    DROP_SHORT,    /* shorter than a header */
    DROP_RESPONSE, /* QR is set: a reply could loop */
    DROP_PORT,     /* a source port that nobody asks from */
    DROP_LONG,     /* longer than a query may be, on a connection, which is closed */
    DROP_SEND,     /* the kernel took no reply */
    DROP_RATE,     /* over the rate that its network may have */
    DROPS,
};

enum { COUNTED_RCODES = 24 };

struct counters {
    uint64_t generation; /* of the world that the worker answers from */
    uint64_t starts;     /* of workers in this place */
    uint64_t queries[TRANSPORTS];
    uint64_t types[COUNTED_TYPES];
    uint64_t rcodes[COUNTED_RCODES]; /* extended ones too (RFC 6891 6.1.3) */
    uint64_t drops[DROPS];
    uint64_t cookies[COOKIE_VERDICTS];
    uint64_t limited[RRL_CLASSES];     /* replies over the rate that their network may have */
    uint64_t limited_net[RRL_CLASSES]; /* the network of the last one (rrl_net_pack()), */
    uint64_t limited_ms[RRL_CLASSES];  /* and when that was (monotonic) */
    uint64_t rate_truncated, rate_bad_cookies; /* those of them that were not dropped */
    uint64_t truncated;
    uint64_t client_subnets;      /* queries with a usable client subnet */
    uint64_t steered;       /* answers of services, and of each service and family in hints */
    uint64_t below_serving; /* ... for which nothing was healthy and undrained */
    uint64_t transfers, transfers_refused; /* of zones, to secondaries */
    uint64_t transfers_incremental;        /* of those, the ones of what has changed alone */
    uint64_t tsig_refused;                 /* messages with a signature that is wrong */
    uint64_t tcp_accepted, tcp_open, tcp_refused, tcp_timeouts;
    uint64_t tls_handshakes, tls_failed, tls_open;
    uint64_t proxy_refused; /* connections and datagrams without a header, or not from a proxy */
    uint64_t answers[BOARD_SLOTS_MAX]; /* by the slot of the pool that served; pages touched where used */
    struct refused refused[REFUSED_KINDS]; /* the last of tsig_refused and of transfers_refused */
};

/* A zeroed memfd of sizeof(struct counters). */
NODISCARD enum err counters_create(int *ret_fd, struct diag *reterr);

/* Map it: for the worker that owns it, and for control. Unmapped by process exit. */
NODISCARD enum err counters_open_writer(int fd, struct counters **ret, struct diag *reterr);
NODISCARD enum err counters_open(int fd, const struct counters **ret, struct diag *reterr);

/* The names in metrics: "udp", "A", "NOERROR", "short", "good", "nxdomain". */
const char *counters_transport_name(enum transport transport);
const char *counters_type_name(enum counted_type type);
const char *counters_rcode_name(unsigned rcode);
const char *counters_drop_name(enum drop drop);
const char *counters_cookie_name(enum cookie_verdict verdict);
const char *counters_limited_name(enum rrl_class class);

/* Control. The sum over all workers of the 64-bit number at byte `off` of their counters. */
uint64_t counters_sum(const struct counters *const *workers, size_t workers_count, size_t off);

/* Hot path. */
enum counted_type counters_type_of(uint16_t qtype);

#endif
