/* health/quorum.h - the verdict that a set of votes amounts to.
 *
 * Let n be the enabled vantage points, Q the quorum, D the fresh down votes of those that are not
 * suspect, U the fresh up votes of all.
 *
 *    down   D >= Q, and the D votes come from at least two networks if the enabled vantage points do
 *    up     U > D, D < Q and U >= min(2, n)
 *    hold   otherwise: the verdict stays what it is
 *
 * Q counts configured vantage points, not fresh ones: losing probers can delay a failover and never
 * cause one. A pure function of its arguments: the same votes give the same verdict on every
 * nameserver.
 */
#ifndef HEALTH_QUORUM_H
#define HEALTH_QUORUM_H

#include "health/board.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    QUORUM_MAJORITY = 0,    /* as a setting: more than half */
    QUORUM_VOTERS_MAX = 64, /* vantage points; a set of them fits one word */
};

/* An enabled vantage point, and its vote on the target at hand. */
struct quorum_voter {
    enum verdict vote; /* unknown when there is none or it is not fresh */
    bool suspect;
    uint32_t asn; /* 0 where the store has none; all those count as one network */
};

struct quorum_count {
    uint8_t up;
    uint8_t down;    /* of vantage points that are not suspect */
    uint8_t unknown; /* the others of the n */
};

enum quorum_rule { QUORUM_HOLD, QUORUM_UP, QUORUM_DOWN };

/* Q for `voters_count` enabled vantage points: `setting` itself, or the majority. */
unsigned quorum_needed(unsigned setting, size_t voters_count);

/* Apply the rule; `*ret` has the counts that it went by. Requires needed > 0 and voters_count <=
 * QUORUM_VOTERS_MAX. */
enum quorum_rule quorum_decide(const struct quorum_voter *voters, size_t voters_count,
                               unsigned needed, struct quorum_count *ret);

#endif
