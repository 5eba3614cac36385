/* health/key.h - Ed25519 keys of vantage points: the prober signs, the nameserver verifies.
 *
 * A public key is 32 bytes in base64 (44 characters), as the store's vantage.public_key has it. A
 * private key is a PKCS #8 PEM file that only its owner may read. A signature covers a domain and
 * the raw body behind it; the domain is a constant text for each kind of message, so that one kind
 * can never pass for another (RFC 8032 8.3 on contexts).
 */
#ifndef HEALTH_KEY_H
#define HEALTH_KEY_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KEY_PUBLIC_LEN = 32,
    KEY_PUBLIC_TEXT_MAX = 45,    /* with the NUL */
    KEY_SIGNATURE_TEXT_MAX = 89, /* 64 bytes in base64, and the NUL */
    KEY_FILE_MAX = 4096,         /* bytes; a real one has about 120 */
};

struct key; /* a private key; heap */

struct key_public {
    uint8_t bytes[KEY_PUBLIC_LEN];
};

NODISCARD enum err key_generate(struct key **ret, struct diag *reterr);

/* Write a new file that only its owner can read. ERR_EXISTS: there is one; ERR_SYSTEM: it could not
 * be written, and is gone. */
NODISCARD enum err key_save(const struct key *key, const char *path, struct diag *reterr);

/* ERR_MISSING: no such file. ERR_REFUSED: others may read it. ERR_CORRUPT: not an Ed25519 private
 * key in PEM. */
NODISCARD enum err key_load(const char *path, struct key **ret, struct diag *reterr);
void key_free(struct key **key);

struct key_public key_public(const struct key *key);

/* To and from base64. The parser returns false for anything but 32 bytes. */
const char *key_print(const struct key_public *key, char text[KEY_PUBLIC_TEXT_MAX]);
bool key_parse(const char *text, struct key_public *ret);

/* Sign `domain` and `len` bytes of body; the signature in base64. */
NODISCARD enum err key_sign(const struct key *key, const char *domain, const void *body, size_t len,
                            char text[KEY_SIGNATURE_TEXT_MAX], struct diag *reterr);

/* Whether `text` is this key's signature of `domain` and the body. False for any text that is not
 * base64 of 64 bytes, and when memory is out. */
bool key_verify(const struct key_public *key, const char *domain, const void *body, size_t len,
                const char *text);

#endif
