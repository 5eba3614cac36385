#include "health/vote.h"

#include <stddef.h>

static bool is_printable(char c)
{
    return c >= ' ' && c <= '~';
}

int64_t vote_fresh_ms(int64_t interval_ms, int64_t timeout_ms)
{
    return VOTE_FRESH_INTERVALS * interval_ms + timeout_ms;
}

void vote_explain(struct vote *vote, const char *reason)
{
    size_t len = 0;
    for (; reason[len] && len < VOTE_REASON_MAX - 1; len++)
        vote->reason[len] = is_printable(reason[len]) ? reason[len] : '?';
    vote->reason[len] = '\0';
}

bool vote_reason_is_valid(const char *reason)
{
    size_t len = 0;
    while (is_printable(reason[len]))
        len++;
    return reason[len] == '\0' && len < VOTE_REASON_MAX;
}

bool vote_is_doubtful(const struct vote *vote)
{
    return vote->verdict == VERDICT_UP && vote->reason[0] != '\0';
}
