#include "health/suspect.h"

int64_t suspect_patience_ms(int64_t interval_ms, int64_t timeout_ms, uint32_t fall)
{
    return interval_ms + (int64_t)fall * timeout_ms + SUSPECT_PUSH_MS;
}

bool suspect_contradicts(unsigned up, unsigned down, unsigned needed, size_t voters_count)
{
    const unsigned others_down = down - 1;
    const size_t others = voters_count - 1;
    return others_down < needed && up > others_down && up >= (others < 2 ? others : 2);
}

void suspect_init(struct suspect *suspect)
{
    *suspect = (struct suspect){.agreed_since_ms = INT64_MAX};
}

void suspect_restore(struct suspect *suspect, int64_t agree_ms)
{
    *suspect = (struct suspect){.suspected = true, .agree_ms = agree_ms, .agreed_since_ms = INT64_MAX};
}

static bool is_contradicted(uint32_t probed, uint32_t contradicted)
{
    return contradicted >= SUSPECT_TARGETS_MIN && (uint64_t)contradicted * 2 >= probed;
}

enum suspect_change suspect_step(struct suspect *suspect, uint32_t probed, uint32_t contradicted,
                                 int64_t now_ms)
{
    const bool agrees = probed > 0 && !is_contradicted(probed, contradicted);
    if (!agrees)
        suspect->agreed_since_ms = INT64_MAX;
    else if (suspect->agreed_since_ms == INT64_MAX)
        suspect->agreed_since_ms = now_ms;

    if (!suspect->suspected) {
        suspect->suspected = is_contradicted(probed, contradicted);
        return suspect->suspected ? SUSPECT_RAISED : SUSPECT_SAME;
    }
    if (!agrees || now_ms - suspect->agreed_since_ms < suspect->agree_ms)
        return SUSPECT_SAME;
    suspect->suspected = false;
    return SUSPECT_CLEARED;
}
