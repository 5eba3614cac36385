/* common/rng.h - the random draws of the answer path: no system call, no state outside the struct.
 *
 * xoroshiro128+ (Blackman and Vigna, 2018). Seeded from the kernel when a worker starts; tests seed
 * it with a constant. It spreads load; it keeps no secret.
 */
#ifndef COMMON_RNG_H
#define COMMON_RNG_H

#include "common/hash.h"

#include <stdint.h>

struct rng {
    uint64_t state[2];
};

static inline void rng_init(struct rng *rng, uint64_t seed)
{
    rng->state[0] = hash_mix(seed + UINT64_C(0x9e3779b97f4a7c15));
    rng->state[1] = hash_mix(seed + UINT64_C(0x3c6ef372fe94f82a)) | 1;
}

static inline uint64_t rng_u64(struct rng *rng)
{
    const uint64_t a = rng->state[0];
    uint64_t b = rng->state[1];
    const uint64_t sum = a + b;
    b ^= a;
    rng->state[0] = (a << 24 | a >> 40) ^ b ^ b << 16;
    rng->state[1] = b << 37 | b >> 27;
    return sum;
}

/* A number in 0 .. below-1, every one as likely to within 2^-32. Requires below > 0. */
static inline uint32_t rng_below(struct rng *rng, uint32_t below)
{
    return (uint32_t)((rng_u64(rng) >> 32) * below >> 32);
}

#endif
