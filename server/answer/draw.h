/* server/answer/draw.h - weighted draws: by chance, or such that the same client draws the same again.
 *
 * Whatever may be drawn gets a *key*, and the smallest key wins. The key is an exponential
 * variate divided by the weight, so that the chance to win is the weight's share of all weights,
 * and the n smallest keys are a draw of n without replacement (Efraimidis and Spirakis, 2006).
 * Weight 0 is standby: its keys lie behind all others'.
 *
 * A sticky draw takes its variate from a hash of the client and of what may be drawn, instead of
 * from the random numbers. That is weighted rendezvous hashing: what goes away moves only those
 * who had it.
 */
#ifndef SERVER_ANSWER_DRAW_H
#define SERVER_ANSWER_DRAW_H

#include "common/ip.h"
#include "common/rng.h"

#include <stdint.h>

enum {
    DRAW_V4_BITS = 24, /* of the client's address that a sticky draw looks at */
    DRAW_V6_BITS = 56,
};

struct draw {
    struct rng *rng; /* NULL: sticky */
    uint64_t seed;   /* of a sticky draw */
};

struct draw draw_random(struct rng *rng);

/* `salt` tells services apart, so that not all of them send a client the same way. */
struct draw draw_sticky(const struct ip *client, uint64_t salt);

/* The bits of a client's address that a sticky draw looks at. */
unsigned draw_sticky_bits(const struct ip *client);

/* Hot path. The key of something. `id` tells it from the others of a sticky draw and must not
 * depend on where or when it was compiled. */
double draw_key(const struct draw *draw, uint64_t id, uint64_t weight);

/* What may be drawn, by its index somewhere. */
struct draw_lot {
    double key;
    uint32_t idx;
};

/* Hot path. Put the `wanted` smallest keys of `lots` first, in order. Requires wanted <= count. Cost:
 * count * log(wanted). */
void draw_smallest(struct draw_lot *lots, uint32_t count, uint32_t wanted);

#endif
