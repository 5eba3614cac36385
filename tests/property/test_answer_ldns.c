/* tests/property/test_answer_ldns.c - every reply to generated and to damaged queries is a message that ldns
 * parses and that keeps the rules of tests/reply_check.h. Seeds are fixed.
 */
#include "tests/reply_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

enum { QUERIES = 60000, PACKET_CAP = 4096, REPLY_CAP = 65535 };

#define LABEL63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
static const char *const names[] = {
    "example.com", "x.far.example.com", "host.example.com", "HoSt.ExAmPlE.cOm", "alias.example.com",
    "near.example.com", "loop.example.com", "steer.example.com", "x.w.example.com", "x.y.w.example.com",
    "q.wc.example.com", "c.example.com", "b.c.example.com", "sub.example.com", "deep.er.sub.example.com",
    "ns.sub.example.com", "www.dn.example.com", "back.dn.example.com", "dn.example.com",
    "a.self.example.com", "child.example.com", "www.child.example.com", "back.child.example.com",
    "_s._t.example.com", "svc.example.com", "any.s.example.com", "cdn.example.com", "none.example.com",
    "fail.example.com", "nothere.example.com", "example.org", ".", "com", "back.example.net",
    LABEL63 "." LABEL63 "." LABEL63 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.sub.example.com",
};
static const uint16_t types[] = {0, 1, 2, 5, 6, 12, 15, 16, 28, 33, 39, 41, 43, 64, 65, 250, 251, 252,
                                 255, 65280};
static const char *const subnets[] = {NULL, NULL, "193.0.6.0/24", "8.8.8.8/32", "0.0.0.0/0", "10.0.0.0/8",
                                      "2001:db8::/56", "::ffff:193.0.0.0/112", "193.0.0.0/7"};
static const uint16_t sizes[] = {0, 0, 1, 512, 600, 1232, 4096, 65535};

/* NSID, keepalive, padding, and cookies: the client's alone, one of nobody's, malformed. */
#define COOKIE_OF(len) "\0\x0a\0" len "12345678"
static const struct {
    const char *bytes;
    size_t len;
} options[] = {
    {"", 0}, {"", 0}, {"\0\3\0\0", 4}, {"\0\x0b\0\0\0\x0c\0\0", 8}, {COOKIE_OF("\x8"), 12},
    {COOKIE_OF("\x8") "\0\3\0\0", 16}, {COOKIE_OF("\x18") "\1\0\0\0\0\0\0\0abcdefgh", 28},
    {COOKIE_OF("\7"), 11},
};

static struct world_fixture fixture;

static size_t query_generate(struct rng *rng, uint8_t *packet)
{
    const unsigned option = rng_below(rng, COUNT(options));
    const struct world_query query = {
        .name = names[rng_below(rng, COUNT(names))],
        .qtype = types[rng_below(rng, COUNT(types))],
        .udp_size = sizes[rng_below(rng, COUNT(sizes))],
        .subnet = subnets[rng_below(rng, COUNT(subnets) - 1)],
        .options = options[option].bytes,
        .options_len = options[option].len,
        .flags = {rng_below(rng, 8) ? (uint8_t)rng_below(rng, 8) : (uint8_t)rng_u64(rng),
                  (uint8_t)rng_u64(rng)},
    };
    return world_query_put(&query, packet, PACKET_CAP);
}

/* Bytes overwritten, put in, taken away; the end cut off. */
static size_t query_damage(struct rng *rng, uint8_t *packet, size_t len)
{
    for (uint32_t i = 1 + rng_below(rng, 4); i > 0; i--) {
        const uint32_t at = rng_below(rng, (uint32_t)len);
        switch (rng_below(rng, 4)) {
        case 0:
            packet[at] = (uint8_t)rng_u64(rng);
            break;
        case 1:
            packet[at] = (uint8_t)(packet[at] ^ 1u << rng_below(rng, 8));
            break;
        case 2:
            memmove(packet + at + 1, packet + at, len - at);
            len++;
            break;
        default:
            if (rng_below(rng, 4) == 0)
                return at;
        }
    }
    return len;
}

static void exchange(struct rng *rng, const uint8_t *query, size_t len)
{
    static uint8_t reply[REPLY_CAP];
    const enum transport transport = rng_below(rng, 2) ? TRANSPORT_UDP : TRANSPORT_TCP;
    const size_t cap = transport == TRANSPORT_UDP ? PACKET_CAP : REPLY_CAP;
    const struct listen peer = {.ip = geo_fixture_ip(rng_below(rng, 2) ? "193.0.0.9" : "2001:db8::9"),
                                .port = 53000};
    memset(reply, 0xa5, sizeof reply);
    memcpy(reply, query, len);
    const size_t reply_len = world_reply(&fixture, transport, &peer, reply, len, cap);
    assert_true(reply_len <= cap);
    assert_int_equal(reply[cap - 1], reply_len == cap || len == cap ? reply[cap - 1] : 0xa5);
    reply_check(query, len, reply, reply_len, transport);
}

static void test_replies_to_generated_queries_keep_the_rules(void **state)
{
    (void)state;
    uint8_t query[PACKET_CAP];
    struct rng rng;
    rng_init(&rng, 30);
    for (unsigned i = 0; i < QUERIES; i++)
        exchange(&rng, query, query_generate(&rng, query));
}

static void test_replies_to_damaged_queries_keep_the_rules(void **state)
{
    (void)state;
    uint8_t query[PACKET_CAP];
    struct rng rng;
    rng_init(&rng, 31);
    for (unsigned i = 0; i < QUERIES; i++) {
        const size_t len = query_generate(&rng, query);
        exchange(&rng, query, query_damage(&rng, query, len));
    }
}

/* What a forged query makes us send to another is no more than was spent on it, but for an OPT's cookie and
 * error. */
static void test_errors_are_hardly_longer_than_their_query(void **state)
{
    (void)state;
    uint8_t query[PACKET_CAP], reply[PACKET_CAP];
    struct rng rng;
    unsigned errors = 0;
    const struct listen peer = {.ip = geo_fixture_ip("193.0.0.9"), .port = 53000};
    rng_init(&rng, 32);
    for (unsigned i = 0; i < QUERIES; i++) {
        const size_t len = query_damage(&rng, query, query_generate(&rng, query));
        memcpy(reply, query, len);
        const size_t reply_len = world_reply(&fixture, TRANSPORT_UDP, &peer, reply, len, sizeof reply);
        if (reply_len == 0 || (reply[3] & 15) == 0 || (reply[3] & 15) == 3 || (reply[3] & 15) == 6)
            continue;
        assert_true(reply_len <= len + (reply[11] ? ANSWER_GROWTH_MAX : 0));
        errors++;
    }
    assert_true(errors > QUERIES / 10);
}

static int setup(void **state)
{
    (void)state;
    reply_check_world(&fixture);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_fixture_fini(&fixture);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies_to_generated_queries_keep_the_rules),
        cmocka_unit_test(test_replies_to_damaged_queries_keep_the_rules),
        cmocka_unit_test(test_errors_are_hardly_longer_than_their_query),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
