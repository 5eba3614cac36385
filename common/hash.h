/* common/hash.h - one fast 64-bit hash for tables, rendezvous draws and image checksums.
 *
 * Not for anything an attacker gains by colliding: the tables it serves are built from the
 * operator's data, and signatures are Ed25519 (health/key.h).
 */
#ifndef COMMON_HASH_H
#define COMMON_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Scramble 64 bits: every input bit reaches every output bit (splitmix64's finaliser). */
static inline uint64_t hash_mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* Hash `len` bytes. The same on every machine: images are little-endian and so is this. */
uint64_t hash_bytes(const void *bytes, size_t len, uint64_t seed);

#endif
