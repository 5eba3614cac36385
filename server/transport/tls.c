#include "server/transport/tls.h"

#include "common/file.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <string.h>
#include <time.h>

/* What OpenSSL said first; the rest of its queue is emptied. */
static enum err fail(struct diag *reterr, enum err err, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_get_error());
    ERR_clear_error();
    return diag_set(reterr, err, "%s: %s", what, reason ? reason : "out of memory");
}

enum err tls_prepare(struct diag *reterr)
{
    uint8_t byte;
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    const bool works = context && RAND_bytes(&byte, sizeof byte) == 1;
    SSL_CTX_free(context);
    return works ? OK : fail(reterr, ERR_SYSTEM, "TLS cannot be used");
}

/* Contexts ------------------------------------------------------------------------------------- */

/* A key that wants a passphrase has nobody to give it. */
static int refuse_passphrase(char *at, int room, int writing, void *arg)
{
    (void)at, (void)room, (void)writing, (void)arg;
    return -1;
}

/* The first certificate is ours, the others lead to a root. */
static bool take_certificates(SSL_CTX *context, BIO *from)
{
    X509 *own = PEM_read_bio_X509_AUX(from, NULL, refuse_passphrase, NULL);
    bool taken = own && SSL_CTX_use_certificate(context, own) == 1;
    X509_free(own);
    X509 *next;
    while (taken && (next = PEM_read_bio_X509(from, NULL, refuse_passphrase, NULL))) {
        taken = SSL_CTX_add0_chain_cert(context, next) == 1;
        if (!taken)
            X509_free(next);
    }
    if (taken && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
        ERR_clear_error(); /* the end */
    return taken && ERR_peek_error() == 0;
}

static enum err take_chain(SSL_CTX *context, const struct tls_secrets *secrets, struct diag *reterr)
{
    BIO *from = BIO_new_mem_buf(secrets->chain, (int)secrets->chain_len);
    const bool taken = from && take_certificates(context, from);
    BIO_free(from);
    return taken ? OK : fail(reterr, ERR_CORRUPT, "the certificate cannot be used (it has to be PEM)");
}

static enum err take_key(SSL_CTX *context, const struct tls_secrets *secrets, struct diag *reterr)
{
    BIO *from = BIO_new_mem_buf(secrets->key, (int)secrets->key_len);
    EVP_PKEY *key = from ? PEM_read_bio_PrivateKey(from, NULL, refuse_passphrase, NULL) : NULL;
    BIO_free(from);
    if (!key)
        return fail(reterr, ERR_CORRUPT,
                    "the key cannot be read (it has to be PEM, without a passphrase)");
    const bool fits =
        SSL_CTX_use_PrivateKey(context, key) == 1 && SSL_CTX_check_private_key(context) == 1;
    EVP_PKEY_free(key);
    return fits ? OK : fail(reterr, ERR_CORRUPT, "the key is not the certificate's");
}

/* RFC 7858 and 9539 know one protocol on this port; somebody who wants another one is in the
 * wrong place. */
static int choose_protocol(SSL *stream, const unsigned char **ret, unsigned char *ret_len,
                           const unsigned char *offered, unsigned offered_len, void *arg)
{
    (void)stream, (void)arg;
    static const unsigned char ours[] = {3, 'd', 'o', 't'};
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, ret_len, ours, sizeof ours, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool restrict_context(SSL_CTX *context)
{
    static const unsigned char id[] = "gslbd dot";
    (void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                           SSL_OP_CIPHER_SERVER_PREFERENCE |
                                           SSL_OP_IGNORE_UNEXPECTED_EOF);
    (void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* A read is of one record, whatever is in it. */
    (void)SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    /* The client keeps its session, in a ticket. */
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
           SSL_CTX_set_num_tickets(context, 1) == 1 &&
           SSL_CTX_set_max_early_data(context, 0) == 1 &&
           SSL_CTX_set_recv_max_early_data(context, 0) == 1 &&
           SSL_CTX_set_session_id_context(context, id, sizeof id - 1) == 1;
}

static bool take_ticket_keys(SSL_CTX *context, const struct tls_secrets *secrets)
{
    uint8_t keys[TLS_TICKET_KEYS_LEN]; /* OpenSSL wants to have them writable */
    memcpy(keys, secrets->ticket_keys, sizeof keys);
    const bool taken = SSL_CTX_set_tlsext_ticket_keys(context, keys, sizeof keys) == 1;
    explicit_bzero(keys, sizeof keys);
    return taken;
}

enum err tls_context_new(const struct tls_secrets *secrets, struct ssl_ctx_st **ret,
                         struct diag *reterr)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    ERR_clear_error();
    if (!context || !restrict_context(context) || !take_ticket_keys(context, secrets)) {
        SSL_CTX_free(context);
        return fail(reterr, ERR_MEMORY, "TLS cannot be set up");
    }
    enum err err = take_chain(context, secrets, reterr);
    if (err == OK)
        err = take_key(context, secrets, reterr);
    if (err == OK)
        *ret = context;
    else
        SSL_CTX_free(context);
    return err;
}

enum err tls_context_open(int fd, struct ssl_ctx_st **ret, struct diag *reterr)
{
    struct file_map map;
    enum err err = file_map_fd(fd, &map, reterr);
    if (err != OK)
        return err;
    const struct tls_secrets *secrets = (const struct tls_secrets *)(const void *)map.bytes;
    if (map.len != sizeof *secrets || secrets->chain_len > TLS_CHAIN_MAX ||
        secrets->key_len > TLS_KEY_MAX)
        err = diag_set(reterr, ERR_CORRUPT, "the secrets of TLS have another layout");
    else
        err = tls_context_new(secrets, ret, reterr);
    file_map_close(&map);
    return err;
}

int64_t tls_expiry_s(const struct ssl_ctx_st *context)
{
    struct tm end = {0};
    const X509 *certificate = SSL_CTX_get0_certificate(context);
    if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
        return 0;
    return timegm(&end);
}

/* Streams -------------------------------------------------------------------------------------- */

struct ssl_st *tls_open(struct ssl_ctx_st *context, int fd)
{
    SSL *stream = SSL_new(context);
    if (stream && SSL_set_fd(stream, fd) == 1) {
        SSL_set_accept_state(stream);
        return stream;
    }
    SSL_free(stream);
    ERR_clear_error();
    return NULL;
}

enum tls_step tls_handshake(struct ssl_st *stream)
{
    ERR_clear_error();
    const int done = SSL_do_handshake(stream);
    if (done == 1)
        return TLS_DONE;
    switch (SSL_get_error(stream, done)) {
    case SSL_ERROR_WANT_READ:
        return TLS_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WRITE;
    default:
        ERR_clear_error();
        return TLS_FAILED;
    }
}

/* What SSL_read() or SSL_write() did, when it was not that, as recv() and send() say it. A
 * stream that has to write before it can read, or the other way round, is one whose client asks
 * for new keys and does not go on: it ends. */
static ssize_t say(const SSL *stream, int done, int awaited)
{
    const int reason = SSL_get_error(stream, done);
    ERR_clear_error();
    if (reason == SSL_ERROR_ZERO_RETURN)
        return 0;
    errno = reason == awaited ? EAGAIN : ECONNRESET;
    return -1;
}

ssize_t tls_receive(struct ssl_st *stream, uint8_t *at, size_t room)
{
    ERR_clear_error();
    const int got = SSL_read(stream, at, room < INT_MAX ? (int)room : INT_MAX);
    return got > 0 ? got : say(stream, got, SSL_ERROR_WANT_READ);
}

ssize_t tls_send(struct ssl_st *stream, const uint8_t *bytes, size_t len)
{
    size_t sent = 0;
    ERR_clear_error();
    while (sent < len) { /* a record at a time */
        const size_t left = len - sent;
        const int taken = SSL_write(stream, bytes + sent, left < INT_MAX ? (int)left : INT_MAX);
        if (taken > 0)
            sent += (size_t)taken;
        else if (say(stream, taken, SSL_ERROR_WANT_WRITE) == 0 || errno != EAGAIN)
            return -1;
        else
            break;
    }
    if (sent > 0 || len == 0)
        return (ssize_t)sent;
    errno = EAGAIN;
    return -1;
}

bool tls_has_more(const struct ssl_st *stream)
{
    return SSL_pending(stream) > 0;
}

void tls_close(struct ssl_st **stream)
{
    if (!*stream)
        return;
    if (SSL_is_init_finished(*stream))
        (void)SSL_shutdown(*stream); /* OpenSSL says nothing after a fatal error */
    SSL_free(*stream);
    ERR_clear_error();
    *stream = NULL;
}
