/* server/answer/refused.h - the last one that was refused: who and for which zone, from a worker to control.
 *
 * A log line names one of those that it counts, so that an operator finds the secondary whose row or key is
 * wrong. A worker keeps the last one in its page of counters (server/answer/counters.h) and is the only
 * writer; control reads it when it has a line to write. A reader gets a refusal whole or not at all, never
 * the address of one with the zone of another:
 *
 *    turn: odd while it is being written, 0 before the first | words: a struct refusal
 *
 * A worker that dies in between leaves an odd turn, and its successor's next refusal makes it even again.
 * Not on the answer path: only queries that it sets aside come here.
 */
#ifndef SERVER_ANSWER_REFUSED_H
#define SERVER_ANSWER_REFUSED_H

#include "common/ip.h"
#include "common/name.h"

#include <stdbool.h>
#include <stdint.h>

struct refusal {
    int64_t at_ms; /* monotonic */
    struct ip client;
    uint8_t zone_len; /* 0: the name is in none of our zones */
    uint8_t zone[NAME_WIRE_MAX];
};

enum {
    REFUSED_WORDS = sizeof(struct refusal) / sizeof(uint64_t),
    REFUSED_TRIES_MAX = 64, /* to read it while the worker writes */
};

enum refused_kind {
    REFUSED_TSIG,     /* the signature is wrong */
    REFUSED_TRANSFER, /* the transfer is not allowed */
    REFUSED_KINDS,
};

/* Zeroed at first. */
struct refused {
    uint64_t turn;
    uint64_t words[REFUSED_WORDS];
};

/* Worker. Wait-free; 300 bytes are written. */
void refused_put(struct refused *refused, const struct refusal *refusal);

/* Control. False: there is none yet, the worker keeps on writing, it died while it wrote, or what it wrote
 * is none. */
bool refused_find(const struct refused *refused, struct refusal *ret);

#endif
