/* common/siphash.h - SipHash-2-4: a keyed hash of short messages that nobody without the key can
 * foretell.
 *
 * By Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012). It makes DNS cookies (RFC
 * 9018 4.4) and picks the buckets of tables that an attacker would like to aim at. For all else
 * there is hash.h, which is faster.
 */
#ifndef COMMON_SIPHASH_H
#define COMMON_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

enum { SIPHASH_KEY_LEN = 16 };

struct siphash_key {
    uint64_t words[2];
};

/* The key that these bytes are. */
struct siphash_key siphash_key_of(const uint8_t bytes[SIPHASH_KEY_LEN]);

/* Hash `len` bytes. The algorithm's eight bytes are those of the result in little-endian order. */
uint64_t siphash_24(const struct siphash_key *key, const void *bytes, size_t len);

#endif
