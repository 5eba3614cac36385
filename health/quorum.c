#include "health/quorum.h"

#include <assert.h>

unsigned quorum_needed(unsigned setting, size_t voters_count)
{
    return setting == QUORUM_MAJORITY ? (unsigned)voters_count / 2 + 1 : setting;
}

static bool is_down(const struct quorum_voter *voter)
{
    return voter->vote == VERDICT_DOWN && !voter->suspect;
}

static struct quorum_count count_votes(const struct quorum_voter *voters, size_t voters_count)
{
    struct quorum_count count = {0};
    for (size_t i = 0; i < voters_count; i++) {
        if (voters[i].vote == VERDICT_UP)
            count.up++;
        else if (is_down(&voters[i]))
            count.down++;
        else
            count.unknown++;
    }
    return count;
}

/* Whether the voters are in two networks at least. */
static bool spans_networks(const struct quorum_voter *voters, size_t voters_count)
{
    for (size_t i = 1; i < voters_count; i++)
        if (voters[i].asn != voters[0].asn)
            return true;
    return false;
}

/* Whether the down votes are from two networks at least. */
static bool down_spans_networks(const struct quorum_voter *voters, size_t voters_count)
{
    const struct quorum_voter *first = NULL;
    for (size_t i = 0; i < voters_count; i++) {
        if (!is_down(&voters[i]))
            continue;
        if (!first)
            first = &voters[i];
        else if (voters[i].asn != first->asn)
            return true;
    }
    return false;
}

enum quorum_rule quorum_decide(const struct quorum_voter *voters, size_t voters_count,
                               unsigned needed, struct quorum_count *ret)
{
    assert(needed > 0 && voters_count <= QUORUM_VOTERS_MAX);
    const struct quorum_count count = count_votes(voters, voters_count);
    *ret = count;
    if (count.down >= needed) {
        const bool wide =
            !spans_networks(voters, voters_count) || down_spans_networks(voters, voters_count);
        return wide ? QUORUM_DOWN : QUORUM_HOLD;
    }
    const size_t enough = voters_count < 2 ? voters_count : 2;
    return count.up > count.down && count.up >= enough ? QUORUM_UP : QUORUM_HOLD;
}
