#include "server/answer/rrl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

enum { NOW_MS = 1000000 };

static struct rrl *rrl; /* one for all tests: each begins with rrl_init() */

static int setup(void **state)
{
    (void)state;
    rrl = aligned_alloc(_Alignof(struct rrl), sizeof *rrl);
    return rrl ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(rrl);
    return 0;
}

static struct ip ip_of(const char *text)
{
    struct ip ip;
    assert_int_equal(ip_parse(text, &ip, NULL), OK);
    return ip;
}

static enum rrl_verdict take(const char *client, enum rrl_class class, int64_t now_ms)
{
    const struct ip ip = ip_of(client);
    return rrl_take(rrl, &ip, class, now_ms);
}

/* How many of `count` replies at one moment are let through. */
static unsigned passes(const char *client, enum rrl_class class, int64_t now_ms, unsigned count)
{
    unsigned passed = 0;
    for (unsigned i = 0; i < count; i++)
        passed += take(client, class, now_ms) == RRL_PASS;
    return passed;
}

static void start(uint32_t rate, uint32_t workers, uint32_t slip)
{
    rrl_init(rrl, &(struct rrl_config){.rate = rate, .workers = workers, .slip = slip, .key = {{1, 2}}});
}

static void test_a_second_of_replies_passes_at_once_and_then_the_rate(void **state)
{
    (void)state;
    static const struct {
        uint32_t rate, workers;
        unsigned first, after_100_ms, after_second;
    } rows[] = {
        {1, 1, 1, 0, 1}, {10, 1, 10, 1, 10}, {1000, 1, 1000, 100, 1000}, {40, 4, 10, 1, 10},
        {1, 4, 1, 0, 0}, /* a reply every four seconds, since there are four to ask */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        start(rows[i].rate, rows[i].workers, 0);
        assert_int_equal(passes("192.0.2.1", RRL_ANSWER, NOW_MS, 3000), rows[i].first);
        assert_int_equal(passes("192.0.2.1", RRL_ANSWER, NOW_MS + 100, 3000), rows[i].after_100_ms);
        assert_int_equal(passes("192.0.2.1", RRL_ANSWER, NOW_MS + 1100, 3000), rows[i].after_second);
        assert_int_equal(passes("192.0.2.1", RRL_ANSWER, NOW_MS + 60000, 3000), rows[i].first);
    }
}

static void test_networks_and_classes_have_buckets_of_their_own(void **state)
{
    (void)state;
    static const struct {
        const char *client;
        enum rrl_class class;
        unsigned passes;
    } rows[] = {
        {"192.0.2.1", RRL_ANSWER, 5},     {"192.0.2.255", RRL_ANSWER, 0},
        {"192.0.3.1", RRL_ANSWER, 5},     {"192.0.2.1", RRL_NXDOMAIN, 5},
        {"192.0.2.9", RRL_ERROR, 5},      {"192.0.2.9", RRL_NXDOMAIN, 0},
        {"2001:db8::1", RRL_ANSWER, 5},   {"2001:db8:0:ff::1", RRL_ANSWER, 0},
        {"2001:db8:0:100::1", RRL_ANSWER, 5}, {"c000:0200::", RRL_ANSWER, 5},
    };
    start(5, 1, 0);
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(passes(rows[i].client, rows[i].class, NOW_MS, 20), rows[i].passes);
}

static void test_every_nth_limited_reply_slips(void **state)
{
    (void)state;
    static const uint32_t slips[] = {0, 1, 2, 3, 10};
    for (size_t i = 0; i < COUNT(slips); i++) {
        start(1, 1, slips[i]);
        assert_int_equal(take("192.0.2.1", RRL_ANSWER, NOW_MS), RRL_PASS);
        for (unsigned n = 1; n <= 60; n++) {
            const bool slipped = slips[i] > 0 && n % slips[i] == 0;
            assert_int_equal(take("192.0.2.1", RRL_ANSWER, NOW_MS), slipped ? RRL_SLIP : RRL_DROP);
        }
    }
}

static void test_exempt_networks_are_not_limited(void **state)
{
    (void)state;
    struct prefix exempt[2];
    assert_int_equal(prefix_parse("192.0.2.128/25", &exempt[0], NULL), OK);
    assert_int_equal(prefix_parse("2001:db8::/32", &exempt[1], NULL), OK);
    rrl_init(rrl, &(struct rrl_config){.rate = 2, .workers = 1, .exempt = exempt, .exempt_count = 2});
    assert_int_equal(passes("192.0.2.1", RRL_ANSWER, NOW_MS, 10), 2);
    assert_int_equal(passes("192.0.2.200", RRL_ANSWER, NOW_MS, 10), 10);
    assert_int_equal(passes("2001:db8:1::1", RRL_ANSWER, NOW_MS, 10), 10);
    assert_int_equal(passes("2001:db9::1", RRL_ANSWER, NOW_MS, 10), 2);
}

static void test_a_network_is_packed_into_a_word_and_back(void **state)
{
    (void)state;
    static const struct {
        const char *client, *net;
    } rows[] = {
        {"192.0.2.77", "192.0.2.0/24"},
        {"255.255.255.255", "255.255.255.0/24"},
        {"::ffff:192.0.2.1", "192.0.2.0/24"},
        {"2001:db8:1:23ff::1", "2001:db8:1:2300::/56"},
        {"ffff:ffff:ffff:ffff::", "ffff:ffff:ffff:ff00::/56"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct ip client = ip_of(rows[i].client);
        const struct prefix net = rrl_net_unpack(rrl_net_pack(&client));
        char text[PREFIX_TEXT_MAX];
        assert_string_equal(prefix_print(&net, text), rows[i].net);
    }
}

static void test_a_flood_of_networks_frees_nobody_who_is_limited(void **state)
{
    (void)state;
    start(2, 1, 0);
    assert_int_equal(passes("198.51.100.1", RRL_ANSWER, NOW_MS, 100), 2);
    struct ip flood = {.family = IP_V4};
    for (unsigned i = 0; i < 4 * RRL_SETS * RRL_WAYS; i++) { /* each owes half of what the victim does */
        flood.bytes[0] = (uint8_t)(1 + (i >> 16));
        flood.bytes[1] = (uint8_t)(i >> 8);
        flood.bytes[2] = (uint8_t)i;
        assert_int_equal(rrl_take(rrl, &flood, RRL_ANSWER, NOW_MS), RRL_PASS);
    }
    assert_int_equal(passes("198.51.100.1", RRL_ANSWER, NOW_MS, 100), 0);
}

/* Networks that fall into one set under the key {1, 2}: one more than it has buckets. */
static void crowd_find(struct ip ret[RRL_WAYS + 1])
{
    const struct siphash_key key = {{1, 2}};
    unsigned count = 0;
    for (uint32_t i = 0; count < RRL_WAYS + 1; i++) {
        const uint8_t text[10] = {IP_V4, RRL_ANSWER, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        assert_true(i < 1 << 24);
        if (siphash_24(&key, text, sizeof text) % RRL_SETS == 77)
            ret[count++] = (struct ip){.family = IP_V4, .bytes = {text[2], text[3], text[4]}};
    }
}

static void test_who_shares_a_set_is_not_known_without_the_key(void **state)
{
    (void)state;
    struct ip crowd[RRL_WAYS + 1];
    crowd_find(crowd);
    for (uint64_t key = 2; key <= 3; key++) {
        unsigned passed = 0;
        rrl_init(rrl, &(struct rrl_config){.rate = 1, .workers = 1, .key = {{1, key}}});
        for (unsigned i = 0; i < 4 * COUNT(crowd); i++)
            passed += rrl_take(rrl, &crowd[i % COUNT(crowd)], RRL_ANSWER, NOW_MS) == RRL_PASS;
        if (key == 2) /* they drive each other out */
            assert_true(passed > COUNT(crowd));
        else
            assert_int_equal(passed, COUNT(crowd));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_second_of_replies_passes_at_once_and_then_the_rate),
        cmocka_unit_test(test_networks_and_classes_have_buckets_of_their_own),
        cmocka_unit_test(test_every_nth_limited_reply_slips),
        cmocka_unit_test(test_exempt_networks_are_not_limited),
        cmocka_unit_test(test_a_network_is_packed_into_a_word_and_back),
        cmocka_unit_test(test_a_flood_of_networks_frees_nobody_who_is_limited),
        cmocka_unit_test(test_who_shares_a_set_is_not_known_without_the_key),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
