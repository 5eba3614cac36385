/* server/answer/cookie.h - DNS cookies (RFC 7873): who has one of ours can receive at the address that
 * it sends from.
 *
 * A client sends eight bytes of its own and gets them back with sixteen of ours, which it sends
 * from then on. Ours are those of RFC 9018, so that every server of a fleet that shares a secret
 * takes them, whatever its make:
 *
 *    0 the client's 8 | 8 version 1 | 9 reserved | 12 seconds when it was made |
 *    16 SipHash-2-4 of all that and of the client's address
 *
 * The first secret makes cookies, every one of them is accepted. To change the secret of a
 * fleet, put the new one second on every server, then first on every server, then take the old
 * one away an hour later (RFC 9018 5).
 *
 * The secrets are in a page that the supervisor shares with its workers: it writes the copy that
 * is not current and then makes it current, so that a worker never waits.
 */
#ifndef SERVER_ANSWER_COOKIE_H
#define SERVER_ANSWER_COOKIE_H

#include "common/ip.h"
#include "common/siphash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    COOKIE_CLIENT_LEN = 8, /* RFC 7873 4 */
    COOKIE_SERVER_LEN_MIN = 8,
    COOKIE_SERVER_LEN_MAX = 32,
    COOKIE_LEN_MAX = COOKIE_CLIENT_LEN + COOKIE_SERVER_LEN_MAX,
    COOKIE_OURS_LEN = 24,     /* the client's and ours */
    COOKIE_SECRETS_MAX = 4,   /* one that makes, one to come, one that goes, and one to spare */
    COOKIE_AGE_MAX_S = 3600,  /* RFC 9018 4.3 */
    COOKIE_AHEAD_MAX_S = 300, /* ... of our clock */
    COOKIE_RENEW_S = 1800,    /* older ones are replaced */
};

/* As a query has it; `len` 0: it has none. */
struct cookie {
    uint8_t len;
    uint8_t bytes[COOKIE_LEN_MAX];
};

struct cookie_secrets {
    uint32_t count; /* 0: no cookies */
    struct siphash_key keys[COOKIE_SECRETS_MAX];
};

struct cookie_page {
    uint32_t current; /* which copy */
    struct cookie_secrets copies[2];
};

enum cookie_verdict {
    COOKIE_ABSENT,
    COOKIE_CLIENT, /* the client's alone: it has none of ours yet */
    COOKIE_BAD,    /* not of our making, or of another address, or too old */
    COOKIE_GOOD,
    COOKIE_VERDICTS,
};

/* Hot path. Take in an option's bytes. False: no cookie has that length (RFC 7873 5.2.2), and
 * `ret` is unchanged. */
bool cookie_parse(const uint8_t *bytes, size_t len, struct cookie *ret);

/* Hot path. What a client's cookie is worth to a server that was sent it from `peer` at `now_s`
 * (unix time). Unless that is COOKIE_ABSENT, `ret` becomes the cookie to reply with: the
 * client's own while it is good and young, else a new one. */
enum cookie_verdict cookie_check(const struct cookie_secrets *secrets, const struct ip *peer,
                                 uint32_t now_s, const struct cookie *cookie,
                                 uint8_t ret[COOKIE_OURS_LEN]);

/* Hot path. Wait-free. The secrets that count; good until the page has been set twice more,
 * which a person does. */
const struct cookie_secrets *cookie_page_get(const struct cookie_page *page);

/* The supervisor, the page's only writer. */
void cookie_page_set(struct cookie_page *page, const struct cookie_secrets *secrets);

#endif
