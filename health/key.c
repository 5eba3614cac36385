#include "health/key.h"

#include "common/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIGNATURE_LEN = 64, BLOCK_MAX = 66 }; /* base64 decodes to a multiple of 3 */

struct key {
    EVP_PKEY *pkey;
};

static enum err take(EVP_PKEY *pkey, struct key **ret, struct diag *reterr)
{
    struct key *key = malloc(sizeof *key);
    if (!key) {
        EVP_PKEY_free(pkey);
        return diag_set(reterr, ERR_MEMORY, "key: out of memory");
    }
    key->pkey = pkey;
    *ret = key;
    return OK;
}

enum err key_generate(struct key **ret, struct diag *reterr)
{
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (!pkey)
        return diag_set(reterr, ERR_SYSTEM, "key: cannot generate an Ed25519 key");
    return take(pkey, ret, reterr);
}

void key_free(struct key **key)
{
    if (!*key)
        return;
    EVP_PKEY_free((*key)->pkey);
    free(*key);
    *key = NULL;
}

/* Write `len` bytes to a new file; on failure there is none. */
static enum err write_new(const char *path, const void *bytes, size_t len, struct diag *reterr)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return diag_set(reterr, ERR_EXISTS, "%s: exists already; a key is never overwritten", path);
    if (fd < 0)
        return diag_errno(reterr, "%s: cannot create the key file", path);
    const ssize_t written = write(fd, bytes, len);
    const bool whole = written == (ssize_t)len && fsync(fd) == 0;
    enum err err = OK;
    if (!whole) {
        if (written >= 0 && written < (ssize_t)len)
            errno = ENOSPC;
        err = diag_errno(reterr, "%s: cannot write the key", path);
        unlink(path);
    }
    close(fd);
    return err;
}

enum err key_save(const struct key *key, const char *path, struct diag *reterr)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) != 1) {
        BIO_free(bio);
        return diag_set(reterr, ERR_MEMORY, "key: cannot encode the private key");
    }
    char *pem = NULL;
    const long len = BIO_get_mem_data(bio, &pem);
    const enum err err = write_new(path, pem, (size_t)len, reterr);
    BIO_free(bio);
    return err;
}

/* No passphrase, so that a locked key is refused instead of asked for on the terminal. */
static int no_passphrase(char *text, int size, int writing, void *context)
{
    (void)text;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static EVP_PKEY *parse_private(const struct buffer *pem)
{
    BIO *bio = BIO_new_mem_buf(pem->bytes, (int)pem->len);
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    if (pkey && EVP_PKEY_get_base_id(pkey) != EVP_PKEY_ED25519) {
        EVP_PKEY_free(pkey);
        return NULL;
    }
    return pkey;
}

enum err key_load(const char *path, struct key **ret, struct diag *reterr)
{
    struct buffer pem = {0};
    enum err err = file_check_private(path, reterr);
    if (!err)
        err = file_read(path, KEY_FILE_MAX, &pem, reterr);
    if (err)
        return err;
    EVP_PKEY *pkey = parse_private(&pem);
    OPENSSL_cleanse(pem.bytes, pem.len);
    buffer_fini(&pem);
    if (!pkey)
        return diag_set(reterr, ERR_CORRUPT,
                        "%s: not an Ed25519 private key in PEM without a passphrase", path);
    return take(pkey, ret, reterr);
}

struct key_public key_public(const struct key *key)
{
    struct key_public public;
    size_t len = sizeof public.bytes;
    const int ok = EVP_PKEY_get_raw_public_key(key->pkey, public.bytes, &len);
    assert(ok == 1 && len == sizeof public.bytes);
    return public;
}

/* Decode base64 of exactly `len` bytes, one or two short of a multiple of 3, in its one canonical form. */
static bool decode(const char *text, uint8_t *bytes, size_t len)
{
    const size_t text_len = (len + 2) / 3 * 4;
    uint8_t block[BLOCK_MAX];
    char again[KEY_SIGNATURE_TEXT_MAX];
    if (strnlen(text, text_len + 1) != text_len)
        return false;
    if (EVP_DecodeBlock(block, (const uint8_t *)text, (int)text_len) < (int)len)
        return false;
    EVP_EncodeBlock((uint8_t *)again, block, (int)len);
    if (memcmp(again, text, text_len) != 0)
        return false;
    memcpy(bytes, block, len);
    return true;
}

const char *key_print(const struct key_public *key, char text[KEY_PUBLIC_TEXT_MAX])
{
    EVP_EncodeBlock((uint8_t *)text, key->bytes, KEY_PUBLIC_LEN);
    return text;
}

bool key_parse(const char *text, struct key_public *ret)
{
    return decode(text, ret->bytes, KEY_PUBLIC_LEN);
}

/* Domain and body in one piece, as EVP wants them for Ed25519; NULL when memory is out. */
static uint8_t *join(const char *domain, const void *body, size_t len, size_t *ret_len)
{
    const size_t domain_len = strlen(domain);
    uint8_t *bytes = malloc(domain_len + len + 1);
    if (!bytes)
        return NULL;
    memcpy(bytes, domain, domain_len);
    if (len > 0)
        memcpy(bytes + domain_len, body, len);
    *ret_len = domain_len + len;
    return bytes;
}

enum err key_sign(const struct key *key, const char *domain, const void *body, size_t len,
                  char text[KEY_SIGNATURE_TEXT_MAX], struct diag *reterr)
{
    uint8_t signature[SIGNATURE_LEN];
    size_t signature_len = sizeof signature;
    size_t joined_len = 0;
    uint8_t *joined = join(domain, body, len, &joined_len);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const bool ok = joined && ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->pkey) == 1 &&
                    EVP_DigestSign(ctx, signature, &signature_len, joined, joined_len) == 1;
    EVP_MD_CTX_free(ctx);
    free(joined);
    if (!ok)
        return diag_set(reterr, ERR_MEMORY, "key: cannot sign %zu bytes", len);
    EVP_EncodeBlock((uint8_t *)text, signature, SIGNATURE_LEN);
    return OK;
}

bool key_verify(const struct key_public *key, const char *domain, const void *body, size_t len,
                const char *text)
{
    uint8_t signature[SIGNATURE_LEN];
    if (!decode(text, signature, sizeof signature))
        return false;
    size_t joined_len = 0;
    uint8_t *joined = join(domain, body, len, &joined_len);
    EVP_PKEY *pkey =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->bytes, sizeof key->bytes);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const bool ok = joined && pkey && ctx &&
                    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
                    EVP_DigestVerify(ctx, signature, sizeof signature, joined, joined_len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    free(joined);
    return ok;
}
