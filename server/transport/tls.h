/* server/transport/tls.h - DNS over TLS (RFC 7858): contexts with a certificate, and streams over sockets.
 *
 * Control reads certificate and key, and hands them to every worker as one file of fixed layout
 * that exists in memory only, with the keys of session tickets, so that a session that one worker
 * began is resumed by any other. A worker makes an SSL_CTX of it; connections that are open keep
 * the one that they began with.
 *
 *    1.2 and 1.3, forward secrecy, ALPN "dot", tickets; no early data, renegotiation, client certificates
 *
 * A stream is an SSL over a non-blocking socket, read and written as the socket would be. Only TLS
 * connections allocate (OpenSSL does): 13 KiB idle, a record each way while busy, and a ClientHello
 * of at most 128 KiB before that.
 */
#ifndef SERVER_TRANSPORT_TLS_H
#define SERVER_TRANSPORT_TLS_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ssl_ctx_st;
struct ssl_st;

enum {
    TLS_CHAIN_MAX = 64 * 1024, /* bytes of a certificate and those up to its root, as PEM */
    TLS_KEY_MAX = 16 * 1024,   /* bytes of a key; RSA of 16,384 bits has 13,000 */
    TLS_TICKET_KEYS_LEN = 80,  /* what SSL_CTX_set_tlsext_ticket_keys() takes */
};

/* The layout of the file. */
struct tls_secrets {
    uint32_t chain_len, key_len;
    uint8_t ticket_keys[TLS_TICKET_KEYS_LEN];
    uint8_t chain[TLS_CHAIN_MAX];
    uint8_t key[TLS_KEY_MAX];
};

enum tls_step {
    TLS_DONE,
    TLS_READ,  /* when there is more to read */
    TLS_WRITE, /* when there is room to write */
    TLS_FAILED,
};

/* Let OpenSSL open, before the sandbox, whatever it wants to have open. ERR_SYSTEM: it does not work. */
NODISCARD enum err tls_prepare(struct diag *reterr);

/* A server's context; free with SSL_CTX_free(). ERR_CORRUPT: the certificate or the key does not
 * parse, or the one is not the other's. ERR_MEMORY. */
NODISCARD enum err tls_context_new(const struct tls_secrets *secrets, struct ssl_ctx_st **ret,
                                   struct diag *reterr);

/* Worker. The same from a descriptor, which stays the caller's. ERR_CORRUPT: not of this layout.
 * ERR_SYSTEM. */
NODISCARD enum err tls_context_open(int fd, struct ssl_ctx_st **ret, struct diag *reterr);

/* When the context's certificate ends; unix time. */
int64_t tls_expiry_s(const struct ssl_ctx_st *context);

/* A stream over an accepted socket, which stays the caller's. NULL: out of memory. */
struct ssl_st *tls_open(struct ssl_ctx_st *context, int fd);

/* Go on with the handshake. Not again after TLS_DONE or TLS_FAILED. */
enum tls_step tls_handshake(struct ssl_st *stream);

/* As recv() and send() without waiting: -1 with EAGAIN when there is nothing or no room. After
 * any other error only tls_close() is left. What was to be sent is sent again as far as it was
 * not taken, in whatever place it is then. */
ssize_t tls_receive(struct ssl_st *stream, uint8_t *at, size_t room);
ssize_t tls_send(struct ssl_st *stream, const uint8_t *bytes, size_t len);

/* Whether bytes have arrived that no event will tell of. */
bool tls_has_more(const struct ssl_st *stream);

/* Say that this is the end, if it can be said at once, and free it. */
void tls_close(struct ssl_st **stream);

#endif
