#include "common/hash.h"

#include <string.h>

static const uint64_t lane_odd = UINT64_C(0x9e3779b97f4a7c15);

static uint64_t load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t fold(uint64_t lane, uint64_t word)
{
    __extension__ const unsigned __int128 product = (unsigned __int128)(lane ^ word) * lane_odd;
    return (uint64_t)product ^ (uint64_t)(product >> 64) ^ word;
}

uint64_t hash_bytes(const void *bytes, size_t len, uint64_t seed)
{
    const uint8_t *p = bytes;
    uint64_t lane[4] = {seed + 1, seed + 2, seed + 3, seed + 4};
    size_t left = len;
    for (; left >= 32; left -= 32, p += 32)
        for (unsigned i = 0; i < 4; i++)
            lane[i] = fold(lane[i], load64(p + 8 * i));
    uint8_t tail[32] = {0};
    memcpy(tail, p, left);
    for (unsigned i = 0; i < 4; i++)
        lane[i] = fold(lane[i], load64(tail + 8 * i));
    return hash_mix(lane[0] ^ hash_mix(lane[1] ^ hash_mix(lane[2] ^ hash_mix(lane[3] ^ len))));
}
