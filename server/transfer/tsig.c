#include "server/transfer/tsig.h"

#include "common/reader.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

enum {
    HEADER_LEN = 12,
    ARCOUNT_OFF = 10,
    TYPE_TSIG = 250,
    CLASS_ANY = 255,
    MAC_LEN_MIN = 10, /* RFC 8945 5.2.2.1 */
    VARIABLES_LEN_MAX = 2 * NAME_WIRE_MAX + 18 + TSIG_OTHER_MAX,
    JUMPS_MAX = 16, /* of a compressed name */
};

static const struct {
    const char *digest;
    uint8_t name[TSIG_ALGORITHM_LEN_MAX]; /* wire */
    uint8_t mac_len;
} algorithms[TSIG_ALGORITHMS] = {
    [TSIG_SHA224] = {"SHA224", "\13hmac-sha224", 28},
    [TSIG_SHA256] = {"SHA256", "\13hmac-sha256", 32},
    [TSIG_SHA384] = {"SHA384", "\13hmac-sha384", 48},
    [TSIG_SHA512] = {"SHA512", "\13hmac-sha512", 64},
    [TSIG_SHA1] = {"SHA1", "\11hmac-sha1", 20},
};

/* HMAC ----------------------------------------------------------------------------------------- */

struct piece {
    const void *bytes;
    size_t len;
};

/* Set by tsig_start(); lives as long as the process. */
static EVP_MAC *hmac;

/* The MAC of some pieces, one behind the other. False: no memory. */
static bool mac_make(const struct tsig_chain *chain, const struct piece *pieces, size_t count,
                     uint8_t ret[TSIG_MAC_MAX])
{
    union {
        const char *lent;
        char *own;
    } digest = {.lent = algorithms[chain->algorithm].digest};
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.own, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(hmac);
    bool done = context && EVP_MAC_init(context, chain->secret, chain->secret_len, params) == 1;
    for (size_t i = 0; i < count && done; i++)
        done = EVP_MAC_update(context, pieces[i].bytes, pieces[i].len) == 1;
    size_t len = 0;
    done = done && EVP_MAC_final(context, ret, &len, TSIG_MAC_MAX) == 1;
    EVP_MAC_CTX_free(context);
    return done;
}

enum err tsig_start(struct diag *reterr)
{
    if (!hmac)
        hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    struct tsig_chain chain = {.secret_len = 1};
    uint8_t mac[TSIG_MAC_MAX];
    for (unsigned i = 0; i < TSIG_ALGORITHMS; i++) {
        chain.algorithm = (enum tsig_algorithm)i;
        if (!hmac || !mac_make(&chain, NULL, 0, mac))
            return diag_set(reterr, ERR_SYSTEM, "libcrypto has no HMAC with %s",
                            algorithms[i].digest);
    }
    return OK;
}

/* Reading -------------------------------------------------------------------------------------- */

/* The name at `off`, which may be compressed (RFC 1035 4.1.4), in lower case. Pointers lead back,
 * so that it ends. Returns the offset behind it, 0 for none. */
static size_t name_read(const uint8_t *message, size_t len, size_t off, uint8_t ret[NAME_WIRE_MAX])
{
    uint8_t name[NAME_WIRE_MAX];
    size_t size = 0, behind = 0;
    for (unsigned jumps = 0; off < len && jumps < JUMPS_MAX;) {
        const size_t label = message[off];
        if (label >= 0xc0) {
            const size_t to = off + 1 < len ? (label & 0x3f) << 8 | message[off + 1] : len;
            behind = behind ? behind : off + 2;
            if (to >= off)
                return 0;
            off = to;
            jumps++;
            continue;
        }
        if (label > NAME_LABEL_MAX || label + 1 > len - off || size + label + 1 > sizeof name)
            return 0;
        memcpy(name + size, message + off, label + 1);
        size += label + 1;
        off += label + 1;
        if (label == 0) {
            (void)name_lower(name, ret);
            return behind ? behind : off;
        }
    }
    return 0;
}

static uint64_t time_read(struct reader *r)
{
    const uint64_t high = reader_u16(r);
    return high << 32 | reader_u32(r);
}

bool tsig_parse(const uint8_t *message, size_t len, size_t off, struct tsig *ret)
{
    *ret = (struct tsig){.off = off};
    const size_t behind = off < HEADER_LEN ? 0 : name_read(message, len, off, ret->name);
    if (behind == 0)
        return false;
    struct reader r = reader_of(message + behind, len - behind);
    const unsigned type = reader_u16(&r), class = reader_u16(&r);
    const uint32_t ttl = reader_u32(&r);
    const size_t rdata_len = reader_u16(&r), left = reader_left(&r);
    if (r.bad || type != TYPE_TSIG || class != CLASS_ANY || ttl != 0 || rdata_len != left)
        return false;
    size_t algorithm_len;
    if (!name_check(r.at, left, &algorithm_len))
        return false;
    (void)name_lower(reader_bytes(&r, algorithm_len), ret->algorithm);
    ret->signed_s = time_read(&r);
    ret->fudge_s = reader_u16(&r);
    ret->mac_len = reader_u16(&r);
    ret->mac = reader_bytes(&r, ret->mac_len);
    ret->original_id = reader_u16(&r);
    ret->error = reader_u16(&r);
    ret->other_len = reader_u16(&r);
    ret->other = reader_bytes(&r, ret->other_len);
    return !r.bad && reader_left(&r) == 0 && ret->other_len <= TSIG_OTHER_MAX;
}

/* The offset behind `count` records from `off` on, or 0 when they are not all there. */
static size_t records_skip(const uint8_t *message, size_t len, size_t off, unsigned count)
{
    uint8_t name[NAME_WIRE_MAX];
    for (; count > 0 && off > 0; count--) {
        const size_t behind = name_read(message, len, off, name);
        struct reader r = reader_of(message + behind, len - behind);
        (void)reader_bytes(&r, 8);
        (void)reader_bytes(&r, reader_u16(&r));
        off = behind == 0 || r.bad ? 0 : len - reader_left(&r);
    }
    return off;
}

bool tsig_find(const uint8_t *message, size_t len, struct tsig *ret)
{
    uint8_t name[NAME_WIRE_MAX];
    struct reader r = reader_of(message, len);
    (void)reader_u32(&r);
    const unsigned questions = reader_u16(&r), answers = reader_u16(&r),
                   authorities = reader_u16(&r), additionals = reader_u16(&r);
    if (r.bad || questions > 1 || additionals == 0)
        return false;
    size_t off = HEADER_LEN;
    if (questions == 1) {
        const size_t behind = name_read(message, len, off, name);
        off = behind > 0 && len - behind >= 4 ? behind + 4 : 0;
    }
    off = records_skip(message, len, off, answers + authorities + additionals - 1);
    return off > 0 && tsig_parse(message, len, off, ret);
}

/* Chains --------------------------------------------------------------------------------------- */

void tsig_begin(const struct image_zone *zone, const struct image_key *key, struct tsig_chain *ret)
{
    *ret = (struct tsig_chain){.algorithm = key->algorithm, .secret_len = key->secret_len};
    (void)name_lower(image_at(zone, key->name_off), ret->name);
    memcpy(ret->secret, image_at(zone, key->secret_off), key->secret_len);
}

bool tsig_names(const struct tsig *tsig, const struct image_zone *zone, const struct image_key *key)
{
    return name_equal(tsig->name, image_at(zone, key->name_off)) &&
           name_equal(tsig->algorithm, algorithms[key->algorithm].name);
}

static void time_put(struct writer *w, uint64_t signed_s, unsigned fudge_s)
{
    writer_u16(w, (unsigned)(signed_s >> 32 & 0xffff));
    writer_u32(w, (uint32_t)signed_s);
    writer_u16(w, fudge_s);
}

/* What is signed besides the message (RFC 8945 4.3.3). */
static void variables_put(struct writer *w, const struct tsig_chain *chain, const struct tsig *tsig)
{
    const uint8_t *algorithm = algorithms[chain->algorithm].name;
    writer_bytes(w, chain->name, name_len(chain->name));
    writer_u16(w, CLASS_ANY);
    writer_u32(w, 0);
    writer_bytes(w, algorithm, name_len(algorithm));
    time_put(w, tsig->signed_s, tsig->fudge_s);
    writer_u16(w, tsig->error);
    writer_u16(w, tsig->other_len);
    writer_bytes(w, tsig->other, tsig->other_len);
}

/* The MAC of a message of `len` bytes with this header, which counts no TSIG record. */
static bool message_mac(const struct tsig_chain *chain, const uint8_t header[HEADER_LEN],
                        const uint8_t *message, size_t len, const struct tsig *tsig,
                        uint8_t ret[TSIG_MAC_MAX])
{
    const uint8_t mac_len[2] = {0, (uint8_t)chain->mac_len};
    uint8_t variables[VARIABLES_LEN_MAX];
    struct writer w = writer_of(variables, sizeof variables);
    if (chain->sent == 0)
        variables_put(&w, chain, tsig);
    else
        time_put(&w, tsig->signed_s, tsig->fudge_s);
    const struct piece pieces[] = {
        {mac_len, chain->mac_len > 0 ? sizeof mac_len : 0},
        {chain->mac, chain->mac_len},
        {header, HEADER_LEN},
        {message + HEADER_LEN, len - HEADER_LEN},
        {variables, writer_len(&w)},
    };
    return mac_make(chain, pieces, sizeof pieces / sizeof *pieces, ret);
}

static void u16_set(uint8_t *at, unsigned v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

static unsigned u16_get(const uint8_t *at)
{
    return (unsigned)(at[0] << 8 | at[1]);
}

/* The MAC that a message should have: with the ID that it was sent with, and without the record. */
static bool expected_mac(const struct tsig_chain *chain, const uint8_t *message,
                         const struct tsig *tsig, uint8_t ret[TSIG_MAC_MAX])
{
    uint8_t header[HEADER_LEN];
    memcpy(header, message, sizeof header);
    u16_set(header, tsig->original_id);
    u16_set(header + ARCOUNT_OFF, u16_get(header + ARCOUNT_OFF) - 1);
    return message_mac(chain, header, message, tsig->off, tsig, ret);
}

enum tsig_error tsig_check(struct tsig_chain *chain, const uint8_t *message,
                           const struct tsig *tsig, int64_t now_s)
{
    const size_t whole = algorithms[chain->algorithm].mac_len;
    uint8_t mac[TSIG_MAC_MAX];
    chain->sent = 0;
    if (tsig->mac_len > whole || tsig->mac_len < MAC_LEN_MIN || tsig->mac_len < whole / 2)
        return TSIG_FORMERR;
    if (!expected_mac(chain, message, tsig, mac) ||
        CRYPTO_memcmp(mac, tsig->mac, tsig->mac_len) != 0)
        return TSIG_BADSIG;
    memcpy(chain->mac, tsig->mac, tsig->mac_len);
    chain->mac_len = tsig->mac_len;
    const int64_t apart = now_s - (int64_t)tsig->signed_s;
    if (apart > tsig->fudge_s || -apart > tsig->fudge_s)
        return TSIG_BADTIME;
    return tsig->mac_len < whole ? TSIG_BADTRUNC : TSIG_OK;
}

/* Signing -------------------------------------------------------------------------------------- */

static size_t record_len(size_t name_size, size_t algorithm_len, size_t mac_len, size_t other_len)
{
    return TSIG_FIXED_LEN + name_size + algorithm_len + mac_len + other_len;
}

size_t tsig_len(const struct tsig_chain *chain)
{
    return record_len(name_len(chain->name), TSIG_ALGORITHM_LEN_MAX,
                      algorithms[chain->algorithm].mac_len, TSIG_OTHER_MAX);
}

/* Append a record with the names and the MAC of `tsig`. */
static bool record_put(struct writer *w, const struct tsig *tsig)
{
    const size_t mark = writer_len(w), algorithm_len = name_len(tsig->algorithm);
    writer_bytes(w, tsig->name, name_len(tsig->name));
    writer_u16(w, TYPE_TSIG);
    writer_u16(w, CLASS_ANY);
    writer_u32(w, 0);
    writer_u16(w, (unsigned)record_len(0, algorithm_len, tsig->mac_len, tsig->other_len) - 10);
    writer_bytes(w, tsig->algorithm, algorithm_len);
    time_put(w, tsig->signed_s, tsig->fudge_s);
    writer_u16(w, tsig->mac_len);
    writer_bytes(w, tsig->mac, tsig->mac_len);
    writer_u16(w, tsig->original_id);
    writer_u16(w, tsig->error);
    writer_u16(w, tsig->other_len);
    writer_bytes(w, tsig->other, tsig->other_len);
    if (w->full) {
        writer_rewind(w, mark);
        return false;
    }
    u16_set(w->base + ARCOUNT_OFF, u16_get(w->base + ARCOUNT_OFF) + 1);
    return true;
}

/* Sign with the chain's key and with time, error and other data of `tsig`. */
static bool chain_sign(struct tsig_chain *chain, struct tsig *tsig, struct writer *w)
{
    uint8_t mac[TSIG_MAC_MAX];
    if (!message_mac(chain, w->base, w->base, writer_len(w), tsig, mac))
        return false;
    memcpy(tsig->name, chain->name, name_len(chain->name));
    memcpy(tsig->algorithm, algorithms[chain->algorithm].name, TSIG_ALGORITHM_LEN_MAX);
    tsig->original_id = (uint16_t)u16_get(w->base);
    tsig->mac = mac;
    tsig->mac_len = algorithms[chain->algorithm].mac_len;
    if (!record_put(w, tsig))
        return false;
    memcpy(chain->mac, mac, tsig->mac_len);
    chain->mac_len = tsig->mac_len;
    chain->sent++;
    return true;
}

bool tsig_sign(struct tsig_chain *chain, struct writer *w, int64_t now_s)
{
    struct tsig tsig = {.signed_s = (uint64_t)now_s, .fudge_s = TSIG_FUDGE_S};
    return chain_sign(chain, &tsig, w);
}

bool tsig_refuse(struct tsig_chain *chain, const struct tsig *request, enum tsig_error error,
                 struct writer *w, int64_t now_s)
{
    uint8_t now[TSIG_OTHER_MAX];
    struct writer other = writer_of(now, sizeof now);
    struct tsig tsig = *request;
    tsig.error = (uint16_t)error;
    tsig.mac_len = tsig.other_len = 0;
    if (error == TSIG_BADSIG || error == TSIG_BADKEY)
        return record_put(w, &tsig);
    if (error == TSIG_BADTIME) {
        writer_u16(&other, (unsigned)((uint64_t)now_s >> 32 & 0xffff));
        writer_u32(&other, (uint32_t)now_s);
        tsig.other = now;
        tsig.other_len = sizeof now;
    }
    return chain_sign(chain, &tsig, w);
}
