/* server/control/announce.h - NOTIFY: the secondaries of a zone are told that it has changed (RFC 1996).
 *
 * Control compares each new world with the one before. For a zone whose serial has moved every
 * PEER_NOTIFY of its image gets a message with the new SOA, signed if the peer has a key, as soon
 * as all workers answer with that serial; again after 1, 2, 4 and 8 seconds until it acknowledges.
 * A newer change takes the place of one that is still being told. Whoever misses them all finds out
 * at the zone's refresh time.
 *
 *    new world -> announce_world() -> pending -> announce_tick() sends ... acknowledged, or given up
 *
 * Each message has one fate, which is counted. Those that an operator should know of have a line in the log,
 * one of each fate in ANNOUNCE_LOG_MS: a secondary that is gone may be that of thousands of zones.
 *
 * What comes back is from the network: it is matched by address, ID and question, and its signature
 * checked.
 */
#ifndef SERVER_CONTROL_ANNOUNCE_H
#define SERVER_CONTROL_ANNOUNCE_H

#include "common/clock.h"
#include "common/err.h"
#include "common/ip.h"
#include "server/answer/counters.h"
#include "zones/image/image.h"

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ANNOUNCE_PENDING_MAX = 4096, /* messages that are not acknowledged yet; more are left out */
    ANNOUNCE_SENDS_MAX = 5,      /* of one message (RFC 1996 3.6) */
    ANNOUNCE_BURST_MAX = 100,    /* messages in one tick */
    ANNOUNCE_WAIT_MS = 1000,     /* for the first acknowledgement; doubled each time */
    ANNOUNCE_WORKERS_MS = 2000,  /* the longest that workers are waited for */
    ANNOUNCE_LOG_MS = 10 * 1000, /* between two lines on one fate */
};

/* What became of a message, unless a newer change took its place. */
enum announce_fate {
    ANNOUNCE_ACKNOWLEDGED,
    ANNOUNCE_REFUSED,  /* the reply has an rcode */
    ANNOUNCE_GIVEN_UP, /* no reply */
    ANNOUNCE_LEFT_OUT, /* there was no room for it */
    ANNOUNCE_FATES,
};

struct announce; /* heap */

struct announce_setup {
    struct event_base *base;
    const struct listen *listens; /* where we answer: messages come from the first of each family */
    size_t listens_count;
    const struct counters *const *workers; /* lent until announce_free() */
    size_t workers_count;
};

/* ERR_MEMORY, ERR_SYSTEM: no socket, or libcrypto is not all there. */
NODISCARD enum err announce_new(const struct announce_setup *setup, struct announce **ret,
                                struct diag *reterr);
void announce_free(struct announce **announce);

/* Generation `generation` of the world has these packs; `last` are those before it, NULL: none, and
 * every zone counts as changed. */
void announce_world(struct announce *announce, const struct image *last, const struct image *packs,
                    uint64_t generation, int64_t now_ms);

/* Send what is due. */
void announce_tick(struct announce *announce, struct moment now);

/* Messages that are not acknowledged. */
unsigned announce_pending(const struct announce *announce);

/* Messages by their fate since announce_new(), and what was sent for them, repetitions included. */
uint64_t announce_count(const struct announce *announce, enum announce_fate fate);
uint64_t announce_sends(const struct announce *announce);

/* The names in metrics and the log: "given_up". */
const char *announce_fate_name(enum announce_fate fate);

#endif
