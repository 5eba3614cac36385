/* bench/answer_bench.c - nanoseconds per answer, without sockets: steered with a client subnet, static,
 * MX, a referral, NXDOMAIN, with a cookie, with a limit.
 *
 * usage: answer_bench [ROUNDS]
 *
 * Every round copies a fresh query into the buffer, as the kernel would, so that the copy is part of the
 * figure.
 */
#include "tests/world_fixture.h"

#include <time.h>

enum { ROUNDS = 2000000, QUERIES = 1024, PACKET_CAP = 4096 };

static const struct zone_record records[] = {
    {"@", "NS", "ns", 300}, {"ns", "A", "192.0.2.1", 300}, {"host", "A", "192.0.2.10", 300},
    {"@", "MX", "10 host", 300}, {"@", "MX", "20 mail.example.net.", 300},
    {"sub", "NS", "ns1.sub", 300}, {"sub", "NS", "ns2.sub", 300}, {"ns1.sub", "A", "192.0.2.2", 300},
    {"ns1.sub", "AAAA", "2001:db8::2", 300}, {"ns2.sub", "A", "192.0.2.3", 300},
    {"ns2.sub", "AAAA", "2001:db8::3", 300},
    {"far", "NS", "ns1.dns.example.net.", 300}, {"far", "NS", "ns2.dns.example.net.", 300},
};

static const struct world_service services[] = {
    {.name = "www", .ttl_s = 30, .pools = {{0, 100, 1, {"198.51.100.1", "198.51.100.2"}},
                                           {1, 100, 1, {"203.0.113.1", "203.0.113.2"}},
                                           {2, 100, 1, {"192.0.2.7", "192.0.2.8"}}}},
    {.name = "sticky", .ttl_s = 30, .sticky = STICKY_CLIENT,
     .pools = {{0, 100, 1, {"198.51.100.1", "198.51.100.2"}}, {1, 100, 1, {"203.0.113.1", "203.0.113.2"}}}},
};

static double now_s(void)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec + (double)at.tv_nsec * 1e-9;
}

static void world_make(struct world_fixture *fixture)
{
    static char texts[3 + 256][24], policy_name[] = "p";
    static struct policy_rule rules[3 + 256];
    static const struct world_zone zone = {"example.com", records, sizeof records / sizeof *records,
                                           services, 2, 0};
    size_t count = 0;
    for (; count < 3; count++) { /* the default draws among three regions */
        (void)snprintf(texts[0], sizeof texts[0], "default");
        rules[count] = (struct policy_rule){texts[0], (uint16_t)count, 1, POLICY_WEIGHT_OF_POOL};
    }
    for (unsigned i = 0; i < 200; i++, count++) { /* most clients have a rule of their own */
        (void)snprintf(texts[count], sizeof texts[count], "net:%u.0.0.0/%u", 11 + i, 9);
        rules[count] = (struct policy_rule){texts[count], (uint16_t)(i % 3), 1, POLICY_WEIGHT_OF_POOL};
    }
    const struct policy policy = {.name = policy_name, .rules = rules, .rules_count = count};
    world_fixture_make(fixture, &zone, 1, &policy);
}

/* What queries have behind the question. */
enum extras { EXTRAS_NONE, EXTRAS_SUBNETS, EXTRAS_COOKIE };

/* A good cookie of the client at `peer`, as an option. */
static void cookie_put(struct world_fixture *fixture, const struct ip *peer, uint8_t option[28])
{
    static const struct cookie_secrets secrets = {.count = 1, .keys = {{{1, 2}}}};
    static const struct cookie cookie = {.len = 8, .bytes = "abcdefg"};
    cookie_page_set(&fixture->cookies, &secrets);
    memcpy(option, "\0\x0a\0\x18", 4);
    (void)cookie_check(&secrets, peer, 0, &cookie, option + 4);
}

static void measure(struct world_fixture *fixture, const char *what, const char *name, uint16_t qtype,
                    enum extras extras, unsigned rounds)
{
    static uint8_t queries[QUERIES][128];
    static size_t lens[QUERIES];
    static uint8_t packet[PACKET_CAP];
    const struct listen peer = {.ip = geo_fixture_ip("192.0.2.200"), .port = 53000};
    uint8_t cookie[28];
    cookie_put(fixture, &peer.ip, cookie);
    for (unsigned i = 0; i < QUERIES; i++) {
        char subnet[32];
        (void)snprintf(subnet, sizeof subnet, "%u.%u.%u.0/24", 11 + i % 200, i % 251, i % 241);
        const struct world_query query = {.name = name, .qtype = qtype, .udp_size = 1232,
                                          .subnet = extras == EXTRAS_SUBNETS ? subnet : NULL,
                                          .options = cookie,
                                          .options_len = extras == EXTRAS_COOKIE ? sizeof cookie : 0};
        lens[i] = world_query_put(&query, queries[i], sizeof queries[i]);
    }
    size_t bytes = 0;
    const double start_s = now_s();
    for (unsigned i = 0; i < rounds; i++) {
        const unsigned idx = i % QUERIES;
        memcpy(packet, queries[idx], lens[idx]);
        bytes += answer(&fixture->answerer, TRANSPORT_UDP, &peer, packet, lens[idx], sizeof packet);
    }
    printf("%-28s %7.1f ns  (%zu bytes a reply)\n", what, (now_s() - start_s) / rounds * 1e9, bytes / rounds);
}

int main(int argc, char **argv)
{
    const unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : ROUNDS;
    struct world_fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture || rounds == 0)
        return 1;
    world_make(fixture);
    measure(fixture, "steered, client subnet", "www.example.com", 1, EXTRAS_SUBNETS, rounds);
    measure(fixture, "steered, no client subnet", "www.example.com", 1, EXTRAS_NONE, rounds);
    measure(fixture, "sticky, client subnet", "sticky.example.com", 1, EXTRAS_SUBNETS, rounds);
    measure(fixture, "static A", "host.example.com", 1, EXTRAS_NONE, rounds);
    measure(fixture, "MX, one address", "example.com", 15, EXTRAS_NONE, rounds);
    measure(fixture, "referral, glue", "www.sub.example.com", 1, EXTRAS_NONE, rounds);
    measure(fixture, "referral, no glue", "www.far.example.com", 1, EXTRAS_NONE, rounds);
    measure(fixture, "NXDOMAIN", "no.such.host.example.com", 1, EXTRAS_NONE, rounds);
    measure(fixture, "static A, cookie", "host.example.com", 1, EXTRAS_COOKIE, rounds);
    static struct rrl rrl;
    rrl_init(&rrl, &(struct rrl_config){.rate = RRL_RATE_MAX, .workers = 1, .key = {{1, 2}}});
    fixture->answerer.rrl = &rrl;
    measure(fixture, "static A, under the limit", "host.example.com", 1, EXTRAS_NONE,
            rounds < RRL_RATE_MAX ? rounds : RRL_RATE_MAX);
    measure(fixture, "static A, over the limit", "host.example.com", 1, EXTRAS_NONE, rounds);
    world_fixture_fini(fixture);
    free(fixture);
    return 0;
}
