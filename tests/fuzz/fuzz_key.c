/* tests/fuzz/fuzz_key.c - keys in text: one of 32 bytes has one text, and a private key in a file is
 * refused or signs. */
#include "common/base64.h"
#include "health/key.h"
#include "tests/fuzz/scratch.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { TEXT_LEN_MAX = 1024 };

static void base64_try(const char *text)
{
    uint8_t bytes[TEXT_LEN_MAX], again[2 * TEXT_LEN_MAX];
    size_t len;
    if (base64_parse(text, bytes, sizeof bytes, &len, NULL) == OK)
        assert(EVP_EncodeBlock(again, bytes, (int)len) == (int)strlen(text) &&
               strcmp((char *)again, text) == 0);
    const enum err err = base64_parse(text, bytes, 16, &len, NULL);
    assert(err != OK || len <= 16);
}

static void public_try(const char *text)
{
    struct key_public key;
    char again[KEY_PUBLIC_TEXT_MAX];
    if (!key_parse(text, &key))
        return;
    assert(strcmp(key_print(&key, again), text) == 0);
    assert(!key_verify(&key, "fuzz\n", "body", 4, text));
}

static void private_try(const uint8_t *bytes, size_t len)
{
    struct scratch file = scratch_open(bytes, len);
    struct key *key = NULL;
    struct diag diag;
    char signature[KEY_SIGNATURE_TEXT_MAX];
    assert(fchmod(file.fd, 0600) == 0);
    if (key_load(file.path, &key, &diag) == OK) {
        const struct key_public public = key_public(key);
        assert(key_sign(key, "fuzz\n", "body", 4, signature, NULL) == OK);
        assert(key_verify(&public, "fuzz\n", "body", 4, signature) &&
               !key_verify(&public, "fuzz\n", "Body", 4, signature));
        assert(!key_verify(&public, "buzz\n", "body", 4, signature));
    }
    key_free(&key);
    scratch_close(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char text[TEXT_LEN_MAX];
    if (len >= sizeof text)
        return 0;
    memcpy(text, bytes, len);
    text[len] = '\0';
    base64_try(text);
    public_try(text);
    private_try(bytes, len);
    return 0;
}
