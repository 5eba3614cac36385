/* server/answer/rrl.h - response rate limiting: who seems to be made to receive replies that it did not
 * ask for gets few of them.
 *
 * Replies over UDP are counted by the network that they go to and by what they are, since a
 * forged source address is one of few victims while the questions are a few of many. Each such
 * pair has a bucket that lets `rate` replies a second through, and as many at once. Of those
 * that it does not let through, every `slip`th is to be sent truncated: a real client comes back
 * over TCP, a victim gets no more bytes than the attacker spent.
 *
 * Buckets live in a table of fixed size, in sets of one cache line. A set that is full gives up
 * the bucket that owes least. Which set a network falls into is keyed (common/siphash.h), so that
 * nobody can aim at another's.
 *
 *    bucket:  due_ns: when it owes nothing, up to a second from now |
 *             tag: the rest of the hash | limited: replies refused since the last slip
 */
#ifndef SERVER_ANSWER_RRL_H
#define SERVER_ANSWER_RRL_H

#include "common/ip.h"
#include "common/siphash.h"

#include <stddef.h>
#include <stdint.h>

enum {
    RRL_V4_BITS = 24, /* a network: what one operator has at least */
    RRL_V6_BITS = 56,
    RRL_WAYS = 4, /* buckets in a set */
    RRL_SETS = 1 << 14,
    RRL_RATE_MAX = 1000000,
    RRL_SLIP_MAX = 100,
    RRL_EXEMPT_MAX = 64,
};

enum rrl_class {
    RRL_ANSWER, /* NODATA too */
    RRL_NXDOMAIN,
    RRL_ERROR, /* and referrals: anybody can have one for any name */
    RRL_CLASSES,
};

enum rrl_verdict { RRL_PASS, RRL_SLIP, RRL_DROP };

struct rrl_config {
    uint32_t rate;    /* replies a second, of all workers; 1 .. RRL_RATE_MAX */
    uint32_t workers; /* the kernel spreads clients over as many, each with a table of its own */
    uint32_t slip;    /* 0: drop all that is not let through */
    const struct prefix
        *exempt; /* networks that are not limited; lent for as long as the table is used */
    size_t exempt_count;
    struct siphash_key key; /* random, of this start */
};

struct rrl_bucket {
    int64_t due_ns;
    uint32_t tag;
    uint32_t limited;
};

struct rrl {
    struct rrl_config config;
    int64_t cost_ns;     /* of one reply */
    int64_t debt_max_ns; /* with which one more is let through */
    _Alignas(64) struct rrl_bucket sets[RRL_SETS][RRL_WAYS];
};

/* Empty the table. Requires config->rate and config->workers > 0. */
void rrl_init(struct rrl *rrl, const struct rrl_config *config);

/* Hot path. Whether a reply of this class may go to `client` at `now_ms` (monotonic). Counts it
 * if so. */
enum rrl_verdict rrl_take(struct rrl *rrl, const struct ip *client, enum rrl_class class,
                          int64_t now_ms);

/* Hot path, when a reply is not let through. The network that `client` is counted as, in one word:
 *
 *    63..56 family | 55..0 the first bits of its address
 */
uint64_t rrl_net_pack(const struct ip *client);
struct prefix rrl_net_unpack(uint64_t word);

#endif
