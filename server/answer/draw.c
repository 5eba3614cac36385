#include "server/answer/draw.h"

#include <math.h>

/* More than any exponential variate below: the largest is 53 * ln 2. */
static const double standby_key = 64;

struct draw draw_random(struct rng *rng)
{
    return (struct draw){.rng = rng};
}

unsigned draw_sticky_bits(const struct ip *client)
{
    return client->family == IP_V4 ? DRAW_V4_BITS : DRAW_V6_BITS;
}

struct draw draw_sticky(const struct ip *client, uint64_t salt)
{
    struct ip prefix = *client;
    ip_mask(&prefix, draw_sticky_bits(client));
    return (struct draw){.seed =
                             hash_bytes(prefix.bytes, sizeof prefix.bytes, salt ^ prefix.family)};
}

/* An exponential variate of mean 1 from 64 random bits. */
static double variate(uint64_t bits)
{
    return -log((double)((bits >> 11) + 1) * 0x1p-53);
}

double draw_key(const struct draw *draw, uint64_t id, uint64_t weight)
{
    const uint64_t bits = draw->rng ? rng_u64(draw->rng) : hash_mix(draw->seed ^ hash_mix(id));
    return weight > 0 ? variate(bits) / (double)weight : standby_key + variate(bits);
}

static void swap(struct draw_lot *a, struct draw_lot *b)
{
    const struct draw_lot was = *a;
    *a = *b;
    *b = was;
}

/* Restore the heap, largest key on top, below `at`. */
static void sift(struct draw_lot *heap, uint32_t count, uint32_t at)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= count)
            return;
        if (child + 1 < count && heap[child + 1].key > heap[child].key)
            child++;
        if (heap[child].key <= heap[at].key)
            return;
        swap(&heap[child], &heap[at]);
        at = child;
    }
}

void draw_smallest(struct draw_lot *lots, uint32_t count, uint32_t wanted)
{
    for (uint32_t at = wanted / 2; at-- > 0;)
        sift(lots, wanted, at);
    for (uint32_t i = wanted; i < count && wanted > 0; i++) {
        if (lots[i].key < lots[0].key) {
            swap(&lots[i], &lots[0]);
            sift(lots, wanted, 0);
        }
    }
    for (uint32_t left = wanted; left > 1; left--) {
        swap(&lots[0], &lots[left - 1]);
        sift(lots, left - 1, 0);
    }
}
