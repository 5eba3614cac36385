/* tests/property/test_rrl_exact.c - response rate limiting against token buckets written out plainly.
 *
 * The plain one keeps a bucket for every network and class for ever, in an array; it counts tokens, the fast
 * one counts time. Clients are few enough for the table, so both have to say the same of every reply.
 */
#include "common/rng.h"
#include "server/answer/rrl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CLIENTS = 300, CLASSES = 3, STEPS = 200000, ROUNDS = 12 };

/* Tokens are counted in parts of a thousand million, so that a rate times nanoseconds is whole. */
static const int64_t token = 1000000000;

struct plain_bucket {
    int64_t tokens, seen_ms;
    uint32_t limited;
};

struct plain {
    uint32_t rate, slip;
    struct plain_bucket buckets[CLIENTS][CLASSES];
};

static void plain_init(struct plain *plain, uint32_t rate, uint32_t slip)
{
    memset(plain, 0, sizeof *plain);
    plain->rate = rate;
    plain->slip = slip;
    for (unsigned i = 0; i < CLIENTS; i++)
        for (unsigned j = 0; j < CLASSES; j++)
            plain->buckets[i][j].tokens = rate * token;
}

static enum rrl_verdict plain_take(struct plain *plain, unsigned client, unsigned class, int64_t now_ms)
{
    struct plain_bucket *bucket = &plain->buckets[client][class];
    bucket->tokens += (now_ms - bucket->seen_ms) * 1000000 * plain->rate;
    if (bucket->tokens > plain->rate * token)
        bucket->tokens = plain->rate * token;
    bucket->seen_ms = now_ms;
    if (bucket->tokens >= token) {
        bucket->tokens -= token;
        return RRL_PASS;
    }
    bucket->limited++;
    return plain->slip > 0 && bucket->limited % plain->slip == 0 ? RRL_SLIP : RRL_DROP;
}

/* A client is one network; which of its hosts asks does not matter. */
static struct ip client_ip(unsigned client, struct rng *rng)
{
    struct ip ip = {.family = client % 2 ? IP_V4 : IP_V6};
    const unsigned host = ip.family == IP_V4 ? 3 : 7;
    ip.bytes[1] = (uint8_t)(client >> 8);
    ip.bytes[2] = (uint8_t)client;
    for (unsigned i = host; i < ip_bits(&ip) / 8; i++)
        ip.bytes[i] = (uint8_t)rng_u64(rng);
    return ip;
}

static void test_every_verdict_is_that_of_plain_token_buckets(void **state)
{
    (void)state;
    /* Each divides a second into whole nanoseconds. */
    static const uint32_t rates[] = {1, 2, 5, 10, 100, 1000};
    static struct plain plain;
    struct rrl *rrl = aligned_alloc(_Alignof(struct rrl), sizeof *rrl);
    assert_non_null(rrl);
    struct rng rng;
    rng_init(&rng, 42);
    for (unsigned round = 0; round < ROUNDS; round++) {
        const uint32_t rate = rates[round % 6], slip = round % 4;
        const uint32_t clients = rate < 100 ? CLIENTS / rate : 3, pace = 37 * clients * rate / CLIENTS;
        unsigned verdicts[3] = {0};
        int64_t now_ms = 5000;
        rrl_init(rrl, &(struct rrl_config){
                          .rate = rate, .workers = 1, .slip = slip, .key = {{rng_u64(&rng), rng_u64(&rng)}}});
        plain_init(&plain, rate, slip);
        for (unsigned i = 0; i < STEPS; i++) {
            /* A few clients ask often, so that each of these rates is exceeded by some and not by all. */
            const unsigned client = rng_below(&rng, 1 + rng_below(&rng, clients)),
                           class = rng_below(&rng, CLASSES);
            const struct ip ip = client_ip(client, &rng);
            if (rng_below(&rng, pace) == 0)
                now_ms += rng_below(&rng, 30);
            const enum rrl_verdict verdict = rrl_take(rrl, &ip, (enum rrl_class)class, now_ms);
            assert_int_equal(verdict, plain_take(&plain, client, class, now_ms));
            verdicts[verdict]++;
        }
        assert_true(verdicts[RRL_PASS] > 1000 && verdicts[RRL_DROP] + verdicts[RRL_SLIP] > 1000);
        assert_int_equal(verdicts[RRL_SLIP] > 0, slip > 0);
    }
    free(rrl);
}

/* Also for rates that do not divide a second. */
static void test_a_network_never_gets_more_than_twice_its_rate_in_a_second(void **state)
{
    (void)state;
    struct rrl *rrl = aligned_alloc(_Alignof(struct rrl), sizeof *rrl);
    assert_non_null(rrl);
    const struct ip victim = {.family = IP_V4, .bytes = {192, 0, 2}};
    struct rng rng;
    rng_init(&rng, 7);
    for (uint32_t rate = 1; rate <= 1000; rate += 37) {
        unsigned second[20] = {0}, all = 0;
        rrl_init(rrl, &(struct rrl_config){.rate = rate, .workers = 1, .key = {{rate, rate}}});
        for (int64_t ms = 0; ms < 20000; ms++)
            for (unsigned i = rng_below(&rng, 5); i > 0; i--)
                second[ms / 1000] += rrl_take(rrl, &victim, RRL_ANSWER, 1000000 + ms) == RRL_PASS;
        for (unsigned i = 0; i < 20; all += second[i++])
            assert_true(second[i] <= 2 * rate);
        assert_true(all <= 21 * rate);
        assert_true(all >= 19 * (rate < 1000 ? rate : 900)); /* what is asked for is more than that */
    }
    free(rrl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_verdict_is_that_of_plain_token_buckets),
        cmocka_unit_test(test_a_network_never_gets_more_than_twice_its_rate_in_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
