#include "server/answer/cookie.h"

#include <endian.h>
#include <string.h>

enum {
    VERSION = 1,
    VERSION_OFF = 8,
    TIME_OFF = 12,
    HASH_OFF = 16,
    HASH_LEN = 8,
};

bool cookie_parse(const uint8_t *bytes, size_t len, struct cookie *ret)
{
    if (len != COOKIE_CLIENT_LEN &&
        (len < COOKIE_CLIENT_LEN + COOKIE_SERVER_LEN_MIN || len > COOKIE_LEN_MAX))
        return false;
    ret->len = (uint8_t)len;
    memcpy(ret->bytes, bytes, len);
    return true;
}

/* RFC 9018 4.4: all of the cookie that stands before the hash, then the client's address. */
static void hash_make(const struct siphash_key *key, const struct ip *peer, const uint8_t *cookie,
                      uint8_t ret[HASH_LEN])
{
    uint8_t text[HASH_OFF + sizeof peer->bytes];
    const size_t address_len = ip_bits(peer) / 8;
    memcpy(text, cookie, HASH_OFF);
    memcpy(text + HASH_OFF, peer->bytes, address_len);
    const uint64_t hash = htole64(siphash_24(key, text, HASH_OFF + address_len));
    memcpy(ret, &hash, HASH_LEN);
}

static void cookie_make(const struct siphash_key *key, const struct ip *peer, uint32_t now_s,
                        const uint8_t *client, uint8_t ret[COOKIE_OURS_LEN])
{
    const uint32_t now_be = htobe32(now_s);
    memcpy(ret, client, COOKIE_CLIENT_LEN);
    memcpy(ret + VERSION_OFF, (const uint8_t[]){VERSION, 0, 0, 0}, 4);
    memcpy(ret + TIME_OFF, &now_be, sizeof now_be);
    hash_make(key, peer, ret, ret + HASH_OFF);
}

/* Seconds since it was made, by serial arithmetic (RFC 9018 4.3, RFC 1982); negative: by a clock
 * that is ahead of ours. */
static int32_t age_of(const uint8_t *cookie, uint32_t now_s)
{
    uint32_t made_be;
    memcpy(&made_be, cookie + TIME_OFF, sizeof made_be);
    return (int32_t)(now_s - be32toh(made_be));
}

static bool is_made_with(const struct siphash_key *key, const struct ip *peer,
                         const uint8_t *cookie)
{
    uint64_t theirs, ours;
    uint8_t hash[HASH_LEN];
    hash_make(key, peer, cookie, hash);
    memcpy(&ours, hash, HASH_LEN);
    memcpy(&theirs, cookie + HASH_OFF, HASH_LEN);
    return ours == theirs; /* of one word: in a time that tells nothing of where they differ */
}

/* Which secret made a cookie; `count` when none did, or not lately. */
static uint32_t secret_find(const struct cookie_secrets *secrets, const struct ip *peer,
                            uint32_t now_s, const struct cookie *cookie)
{
    if (cookie->len != COOKIE_OURS_LEN || cookie->bytes[VERSION_OFF] != VERSION)
        return secrets->count;
    const int32_t age_s = age_of(cookie->bytes, now_s);
    if (age_s > COOKIE_AGE_MAX_S || age_s < -COOKIE_AHEAD_MAX_S)
        return secrets->count;
    uint32_t i = 0;
    while (i < secrets->count && !is_made_with(&secrets->keys[i], peer, cookie->bytes))
        i++;
    return i;
}

enum cookie_verdict cookie_check(const struct cookie_secrets *secrets, const struct ip *peer,
                                 uint32_t now_s, const struct cookie *cookie,
                                 uint8_t ret[COOKIE_OURS_LEN])
{
    if (cookie->len == 0 || secrets->count == 0)
        return COOKIE_ABSENT;
    const uint32_t secret = secret_find(secrets, peer, now_s, cookie);
    if (secret == 0 && age_of(cookie->bytes, now_s) <= COOKIE_RENEW_S) {
        memcpy(ret, cookie->bytes, COOKIE_OURS_LEN);
        return COOKIE_GOOD;
    }
    cookie_make(&secrets->keys[0], peer, now_s, cookie->bytes, ret);
    if (secret < secrets->count)
        return COOKIE_GOOD;
    return cookie->len == COOKIE_CLIENT_LEN ? COOKIE_CLIENT : COOKIE_BAD;
}

const struct cookie_secrets *cookie_page_get(const struct cookie_page *page)
{
    return &page->copies[__atomic_load_n(&page->current, __ATOMIC_ACQUIRE) & 1];
}

void cookie_page_set(struct cookie_page *page, const struct cookie_secrets *secrets)
{
    const uint32_t other = ~page->current & 1;
    page->copies[other] = *secrets;
    __atomic_store_n(&page->current, other, __ATOMIC_RELEASE);
}
