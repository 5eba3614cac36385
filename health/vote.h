/* health/vote.h - what one vantage point says of one target.
 *
 * A prober makes votes, a nameserver keeps the last one of each vantage point for each target. A vote is
 * *fresh* for three intervals and one timeout after it arrived; then it counts as unknown.
 *
 * An `up` vote that has a reason is in doubt: the last probe failed, and it takes more failures in
 * a row before the vote turns. It counts as up; a nameserver asks the other vantage points to look.
 */
#ifndef HEALTH_VOTE_H
#define HEALTH_VOTE_H

#include "health/board.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    VOTE_REASON_MAX = 121,       /* bytes with the NUL; printable ASCII */
    VOTE_LATENCY_MAX_MS = 65535, /* what a word of the board can hold */
    VOTE_FRESH_INTERVALS = 3,
};

struct vote {
    enum verdict verdict;
    uint16_t latency_ms; /* of the last success; 0 before there was one */
    int64_t since_ms;    /* when the verdict became what it is; the vantage point's wall clock */
    char reason[VOTE_REASON_MAX]; /* of the last failure, or empty */
};

/* For how long a vote stays fresh. */
int64_t vote_fresh_ms(int64_t interval_ms, int64_t timeout_ms);

/* Copy `reason` into the vote, cut to VOTE_REASON_MAX, with '?' for what is not printable ASCII. */
void vote_explain(struct vote *vote, const char *reason);

/* Whether `reason` could stand in a vote as it is. */
bool vote_reason_is_valid(const char *reason);

/* Up, although the last probe failed. */
bool vote_is_doubtful(const struct vote *vote);

#endif
