#include "common/siphash.h"

#include <endian.h>
#include <string.h>

enum { COMPRESSION_ROUNDS = 2, FINAL_ROUNDS = 4 };

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void rounds(uint64_t v[4], unsigned count)
{
    for (; count > 0; count--) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32) + v[3];
        v[2] += v[1];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[2] = rotate(v[2], 32);
    }
}

static void word_take(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    rounds(v, COMPRESSION_ROUNDS);
    v[0] ^= word;
}

static uint64_t load(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return le64toh(word);
}

struct siphash_key siphash_key_of(const uint8_t bytes[SIPHASH_KEY_LEN])
{
    return (struct siphash_key){.words = {load(bytes), load(bytes + 8)}};
}

uint64_t siphash_24(const struct siphash_key *key, const void *bytes, size_t len)
{
    const uint64_t k0 = key->words[0], k1 = key->words[1];
    uint64_t v[4] = {k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
                     k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)};
    const uint8_t *at = bytes;
    size_t left = len;
    for (; left >= 8; left -= 8, at += 8)
        word_take(v, load(at));
    uint64_t last = (uint64_t)len << 56;
    for (size_t i = 0; i < left; i++)
        last |= (uint64_t)at[i] << 8 * i;
    word_take(v, last);
    v[2] ^= 0xff;
    rounds(v, FINAL_ROUNDS);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
