/* tests/unit/tls_fixture.h - certificates and keys, made on the spot, as PEM. */
#ifndef TESTS_TLS_FIXTURE_H
#define TESTS_TLS_FIXTURE_H

#include "server/transport/tls.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include <cmocka.h>

static uint32_t tls_fixture_text(BIO *bio, uint8_t *at, size_t cap)
{
    char *text;
    const long len = BIO_get_mem_data(bio, &text);
    assert_true(len > 0 && (size_t)len <= cap);
    memcpy(at, text, (size_t)len);
    BIO_free(bio);
    return (uint32_t)len;
}

/* A pair that is good from a day before to `days` after now. */
static inline void tls_fixture_make(long days, struct tls_secrets *ret)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    assert_true(key && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                                  (const unsigned char *)"ns1", -1, -1, 0));
    assert_true(X509_set_issuer_name(certificate, name) && X509_set_pubkey(certificate, key));
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), -86400));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), days * 86400));
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    BIO *chain = BIO_new(BIO_s_mem()), *text = BIO_new(BIO_s_mem());
    assert_true(PEM_write_bio_X509(chain, certificate) &&
                PEM_write_bio_PrivateKey(text, key, NULL, NULL, 0, NULL, NULL));
    memset(ret, 0, sizeof *ret);
    ret->chain_len = tls_fixture_text(chain, ret->chain, sizeof ret->chain);
    ret->key_len = tls_fixture_text(text, ret->key, sizeof ret->key);
    memset(ret->ticket_keys, 7, sizeof ret->ticket_keys);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

#endif
