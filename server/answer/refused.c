#include "server/answer/refused.h"

#include <string.h>

_Static_assert(sizeof(struct refusal) % sizeof(uint64_t) == 0, "a refusal is whole words");

void refused_put(struct refused *refused, const struct refusal *refusal)
{
    uint64_t words[REFUSED_WORDS];
    const uint64_t odd = refused->turn | 1;
    memcpy(words, refusal, sizeof words);
    __atomic_store_n(&refused->turn, odd, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE); /* who sees one of its words sees this turn or a later one */
    for (unsigned i = 0; i < REFUSED_WORDS; i++)
        __atomic_store_n(&refused->words[i], words[i], __ATOMIC_RELAXED);
    __atomic_store_n(&refused->turn, odd + 1, __ATOMIC_RELEASE);
}

/* Copy what is there. False: it was written meanwhile. */
static bool copy(const struct refused *refused, uint64_t turn, struct refusal *ret)
{
    uint64_t words[REFUSED_WORDS];
    for (unsigned i = 0; i < REFUSED_WORDS; i++)
        words[i] = __atomic_load_n(&refused->words[i], __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    memcpy(ret, words, sizeof words);
    return turn % 2 == 0 && __atomic_load_n(&refused->turn, __ATOMIC_RELAXED) == turn;
}

/* Whether it can be printed, whatever a worker has come to. */
static bool is_sound(const struct refusal *refusal)
{
    size_t len;
    return refusal->zone_len == 0 ||
           (name_check(refusal->zone, refusal->zone_len, &len) && len == refusal->zone_len);
}

bool refused_find(const struct refused *refused, struct refusal *ret)
{
    for (unsigned tries = 0; tries < REFUSED_TRIES_MAX; tries++) {
        const uint64_t turn = __atomic_load_n(&refused->turn, __ATOMIC_ACQUIRE);
        if (turn == 0)
            return false;
        if (copy(refused, turn, ret))
            return is_sound(ret);
    }
    return false;
}
