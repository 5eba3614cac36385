#include "server/answer/rrl.h"

#include <assert.h>
#include <string.h>

static const int64_t second_ns = 1000 * 1000 * 1000;

void rrl_init(struct rrl *rrl, const struct rrl_config *config)
{
    assert(config->rate > 0 && config->workers > 0);
    memset(rrl->sets, 0, sizeof rrl->sets);
    rrl->config = *config;
    rrl->cost_ns = second_ns * config->workers / config->rate;
    rrl->debt_max_ns = rrl->cost_ns < second_ns ? second_ns - rrl->cost_ns : 0;
}

static unsigned bits_of(const struct ip *ip)
{
    return ip->family == IP_V6 ? RRL_V6_BITS : RRL_V4_BITS;
}

static struct ip net_of(const struct ip *client)
{
    struct ip net = *client;
    (void)ip_unmap(&net);
    ip_mask(&net, bits_of(&net));
    return net;
}

static uint64_t hash_of(const struct rrl *rrl, const struct ip *client, enum rrl_class class)
{
    const struct ip net = net_of(client);
    uint8_t text[10] = {net.family, (uint8_t) class};
    memcpy(text + 2, net.bytes, sizeof text - 2);
    return siphash_24(&rrl->config.key, text, sizeof text);
}

/* The bucket with this hash, be it that of another until now: one that owes nothing, or least. */
static struct rrl_bucket *bucket_get(struct rrl *rrl, uint64_t hash)
{
    struct rrl_bucket *set = rrl->sets[hash % RRL_SETS], *least = set;
    const uint32_t tag = (uint32_t)(hash >> 32);
    for (unsigned i = 0; i < RRL_WAYS; i++) {
        if (set[i].tag == tag)
            return &set[i];
        if (set[i].due_ns < least->due_ns)
            least = &set[i];
    }
    *least = (struct rrl_bucket){.tag = tag};
    return least;
}

static bool is_exempt(const struct rrl *rrl, const struct ip *client)
{
    for (size_t i = 0; i < rrl->config.exempt_count; i++)
        if (prefix_covers(&rrl->config.exempt[i], client))
            return true;
    return false;
}

/* One reply is not let through. */
static enum rrl_verdict refuse(const struct rrl *rrl, struct rrl_bucket *bucket)
{
    if (rrl->config.slip == 0 || ++bucket->limited < rrl->config.slip)
        return RRL_DROP;
    bucket->limited = 0;
    return RRL_SLIP;
}

enum rrl_verdict rrl_take(struct rrl *rrl, const struct ip *client, enum rrl_class class,
                          int64_t now_ms)
{
    const int64_t now_ns = now_ms * 1000 * 1000;
    struct rrl_bucket *bucket = bucket_get(rrl, hash_of(rrl, client, class));
    const int64_t start_ns = bucket->due_ns > now_ns ? bucket->due_ns : now_ns;
    if (start_ns - now_ns > rrl->debt_max_ns)
        return is_exempt(rrl, client) ? RRL_PASS : refuse(rrl, bucket);
    bucket->due_ns = start_ns + rrl->cost_ns;
    return RRL_PASS;
}

uint64_t rrl_net_pack(const struct ip *client)
{
    const struct ip net = net_of(client);
    uint64_t word = net.family;
    for (unsigned i = 0; i < RRL_V6_BITS / 8; i++)
        word = word << 8 | net.bytes[i];
    return word;
}

struct prefix rrl_net_unpack(uint64_t word)
{
    struct prefix net = {.ip = {.family = (uint8_t)(word >> RRL_V6_BITS)}};
    for (unsigned i = 0; i < RRL_V6_BITS / 8; i++)
        net.ip.bytes[i] = (uint8_t)(word >> (RRL_V6_BITS - 8 * (i + 1)));
    net.bits = (uint8_t)bits_of(&net.ip);
    return net;
}
