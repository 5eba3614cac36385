/* server/transfer/tsig.h - TSIG: messages signed with a secret that both sides know (RFC 8945).
 *
 * A *chain* is a row of messages signed with one key, each MAC over the one before: a request and
 * its reply, or a request and the many messages of a zone transfer. Whoever answers begins a chain
 * with the key that the request names, checks the request with it and signs the reply with it;
 * whoever asks signs first and checks then.
 *
 *    request   MAC over                     message, TSIG variables
 *    reply     MAC over  request's MAC,     message, TSIG variables
 *    more      MAC over  last one's MAC,    message, time and fudge
 *
 * Off the answer path: libcrypto allocates. The time is an argument.
 */
#ifndef SERVER_TRANSFER_TSIG_H
#define SERVER_TRANSFER_TSIG_H

#include "common/err.h"
#include "common/name.h"
#include "common/writer.h"
#include "zones/image/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TSIG_MAC_MAX = 64,
    TSIG_FUDGE_S = 300,
    TSIG_FIXED_LEN = 10 + 16,    /* bytes of a record without its two names, MAC and other data */
    TSIG_ALGORITHM_LEN_MAX = 13, /* the name of one that we know, in wire form */
    TSIG_OTHER_MAX = 6,
};

/* Errors of the record itself (RFC 8945 3); the message's rcode is NOTAUTH. With TSIG_FORMERR the record is
 * none: FORMERR is that rcode. */
enum tsig_error {
    TSIG_OK = 0,
    TSIG_FORMERR = 1,
    TSIG_BADSIG = 16,
    TSIG_BADKEY = 17,
    TSIG_BADTIME = 18,
    TSIG_BADTRUNC = 22,
};

/* The record of a message; pointers are into the message. */
struct tsig {
    size_t off;                  /* where it begins: what is before it was signed */
    uint8_t name[NAME_WIRE_MAX]; /* the key's, lower case */
    uint8_t algorithm[NAME_WIRE_MAX];
    uint64_t signed_s;
    uint16_t fudge_s;
    const uint8_t *mac;
    uint16_t mac_len;
    uint16_t original_id;
    uint16_t error;
    const uint8_t *other;
    uint16_t other_len;
};

struct tsig_chain {
    uint8_t name[NAME_WIRE_MAX]; /* of the key */
    enum tsig_algorithm algorithm;
    uint8_t secret[IMAGE_SECRET_MAX];
    size_t secret_len;
    uint8_t mac[TSIG_MAC_MAX]; /* the last one */
    size_t mac_len;            /* 0: none yet */
    unsigned sent;             /* messages signed since the last one that was checked */
};

/* Make ready what libcrypto loads when it is first used; before the sandbox. ERR_SYSTEM. */
NODISCARD enum err tsig_start(struct diag *reterr);

/* Read the record that begins at `off` and has to end the message, whose header is there. False:
 * malformed. */
bool tsig_parse(const uint8_t *message, size_t len, size_t off, struct tsig *ret);

/* Find and read the record of a whole message. False: there is none at its end, or the message is
 * malformed. */
bool tsig_find(const uint8_t *message, size_t len, struct tsig *ret);

/* Begin a chain with a key of this zone. */
void tsig_begin(const struct image_zone *zone, const struct image_key *key, struct tsig_chain *ret);

/* Whether it is this key that a record names. */
bool tsig_names(const struct tsig *tsig, const struct image_zone *zone,
                const struct image_key *key);

/* Check a message's MAC, which goes into the chain, then its time, then whether the MAC is whole (RFC 8945
 * 5.2). TSIG_FORMERR: it is longer than the hash or shorter than half of it. TSIG_BADTIME and TSIG_BADTRUNC:
 * the MAC is right. */
enum tsig_error tsig_check(struct tsig_chain *chain, const uint8_t *message,
                           const struct tsig *tsig, int64_t now_s);

/* Bytes that the record of a chain's next message takes. */
size_t tsig_len(const struct tsig_chain *chain);

/* Sign the message that `w` holds from its base on: append the record and count it. False: it does
 * not fit. */
bool tsig_sign(struct tsig_chain *chain, struct writer *w, int64_t now_s);

/* The reply to a request whose record is wrong (RFC 8945 5.3.2): append a record that says so. It
 * is signed for TSIG_BADTIME and TSIG_BADTRUNC, and there `chain` is one that has checked the
 * request. False: it does not fit. */
bool tsig_refuse(struct tsig_chain *chain, const struct tsig *request, enum tsig_error error,
                 struct writer *w, int64_t now_s);

#endif
