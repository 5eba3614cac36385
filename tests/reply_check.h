/* tests/reply_check.h - what holds for every reply, whatever the query was. Aborts where it does not.
 *
 * ldns is the judge of whether a reply is a message at all.
 */
#ifndef TESTS_REPLY_CHECK_H
#define TESTS_REPLY_CHECK_H

#include "tests/world_fixture.h"

#include <ldns/ldns.h>

enum { REPLY_CHECK_MANY = 1000 };

/* A zone whose MX rrset, with its names compressed, goes on past what a pointer reaches. The last one has an
 * address. */
static inline struct world_zone reply_check_many(void)
{
    static struct zone_record records[REPLY_CHECK_MANY + 3] = {
        {"@", "NS", "ns", 300}, {"ns", "A", "192.0.2.3", 300}, {"many", "MX", "60000 ns", 300}};
    static char texts[REPLY_CHECK_MANY][24];
    for (unsigned i = 0; i < REPLY_CHECK_MANY; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "%u m%u.example.edu.", i, i);
        records[i + 3] = (struct zone_record){"many", "MX", texts[i], 300};
    }
    return (struct world_zone){"example.org", records, REPLY_CHECK_MANY + 3, NULL, 0, 0};
}

/* A world with one of everything: static names, wildcards, cuts, DNAME, chains, services of all kinds,
 * journals. */
static inline void reply_check_world(struct world_fixture *fixture)
{
#define TEN "0123456789"
#define BIG "\"" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "\" "
    static const struct zone_record records[] = {
        {"@", "NS", "ns", 300}, {"@", "MX", "10 host", 300}, {"ns", "A", "192.0.2.1", 300},
        {"ns", "AAAA", "2001:db8::1", 300},
        {"host", "A", "192.0.2.10", 300}, {"host", "TXT", "\"hello\"", 300}, {"alias", "CNAME", "host", 300},
        {"near", "CNAME", "www.example.net.", 300}, {"loop", "CNAME", "pool", 300},
        {"pool", "CNAME", "loop", 300},
        {"steer", "CNAME", "svc", 60}, {"*.w", "A", "192.0.2.20", 300}, {"*.wc", "CNAME", "svc", 300},
        {"a.b.c", "A", "192.0.2.21", 300},
        {"sub", "NS", "ns.sub", 300}, {"ns.sub", "A", "192.0.2.30", 300},
        {"ns.sub", "AAAA", "2001:db8::30", 300},
        {"far", "NS", "ns1.dns.example.org.", 300},
        {"far", "NS", "ns2.dns.example.org.", 300}, {"sub", "NS", "sub", 300},
        {"sub", "A", "192.0.2.32", 300},
        {"@", "MX", "20 mail.w", 300}, {"@", "MX", "30 x.mail.w", 300},
        {"mail.w", "AAAA", "2001:db8::2", 300},
        {"dn", "DNAME", "example.net.", 300}, {"self", "DNAME", "x.self.self", 300},
        {"child", "NS", "ns.child", 300},
        {"ns.child", "A", "192.0.2.31", 300}, {"_s._t", "SRV", "1 2 3 host", 300},
        {"big", "TXT", BIG BIG BIG, 300}, {"huge", "TXT", BIG BIG BIG BIG BIG BIG BIG, 300},
        {"svc", "HTTPS", "1 . alpn=\"h2,h3\" ipv4hint=auto ipv6hint=auto", 300},
        {"*.w", "SVCB", "1 none ipv4hint=auto", 300},
        {"svc", "HTTPS", "2 svc alpn=h2 ipv6hint=auto port=8443", 300},
        {"tomany", "CNAME", "many.example.org.", 300},
        /* These come and go in the journal. */
        {"@", "NS", "ns1.dns.example.org.", 300}, {"@", "NS", "ns2.dns.example.org.", 300},
        {"ptr", "PTR", "host", 300}, {"@", "MX", "40 mail.dns.example.org.", 300},
        {"come.and", "TXT", "\"go\"", 300}, {"*.w", "MX", "10 mail.w", 300},
    };
    static const struct zone_record other[] = {{"@", "NS", "ns", 300}, {"ns", "A", "192.0.2.2", 300},
                                               {"www", "A", "192.0.2.40", 300},
                                               {"back", "CNAME", "alias.example.com.", 300}};
    static const struct world_service services[] = {
        {.name = "svc", .ttl_s = 30,
         .pools = {{0, 100, 1, {"198.51.100.1", "2001:db8:e::1"}}, {1, 100, 1, {"203.0.113.1"}}}},
        {.name = "*.s", .ttl_s = 30, .sticky = STICKY_CLIENT, .answers = 1,
         .pools = {{0, 100, 1, {"198.51.100.2", "198.51.100.3"}}}},
        {.name = "cdn", .ttl_s = 20,
         .pools = {{0, 100, 1, {"www.example.net"}}, {1, 100, 1, {"edge.cdn.test"}}}},
        {.name = "none", .ttl_s = 30, .all_down = ALL_DOWN_NODATA, .pools = {{0, 100, 1, {"198.51.100.4"}}}},
        {.name = "fail", .ttl_s = 30, .all_down = ALL_DOWN_SERVFAIL,
         .pools = {{0, 100, 1, {"198.51.100.5"}}}},
    };
    const struct world_zone zones[] = {
        {"example.com", records, sizeof records / sizeof *records, services,
         sizeof services / sizeof *services, 0},
        {"example.net", other, 4, NULL, 0, 0},
        {"child.example.com", other, 4, NULL, 0, 0},
        reply_check_many(),
    };
    static char texts[][24] = {"default", "net:193.0.0.0/16", "p"};
    struct policy_rule rules[] = {{texts[0], 1, 1, POLICY_WEIGHT_OF_POOL},
                                  {texts[0], 0, 2, POLICY_WEIGHT_OF_POOL},
                                  {texts[1], 0, 1, POLICY_WEIGHT_OF_POOL}};
    const struct policy policy = {.name = texts[2], .rules = rules, .rules_count = 3};
    world_fixture_share(fixture, zones, sizeof zones / sizeof *zones, &policy, "193.0.0.0/16");
    cookie_page_set(&fixture->cookies, &(struct cookie_secrets){.count = 2, .keys = {{{1, 2}}, {{3, 4}}}});
    fixture->identity = (struct identity){.version = {"gslbd", 5}, .name = {"a.example", 9},
                                          .nsid = {"a long name", 11}};
    world_health_set(fixture, world_slot(fixture, "198.51.100.4"), VERDICT_DOWN, STATE_AUTO);
    world_health_set(fixture, world_slot(fixture, "198.51.100.5"), VERDICT_DOWN, STATE_AUTO);
}

static inline void reply_check_records(const ldns_pkt *reply)
{
    const ldns_rr_list *answer = ldns_pkt_answer(reply);
    zone_fixture_must(ldns_pkt_qr(reply) && !ldns_pkt_ra(reply) && !ldns_pkt_ad(reply), "flags");
    if (ldns_pkt_get_rcode(reply) != LDNS_RCODE_NOERROR && ldns_pkt_get_rcode(reply) != LDNS_RCODE_NXDOMAIN &&
        ldns_pkt_get_rcode(reply) != LDNS_RCODE_YXDOMAIN)
        zone_fixture_must(ldns_pkt_ancount(reply) == 0 && ldns_pkt_nscount(reply) == 0 && !ldns_pkt_aa(reply),
                          "an error with records");
    const ldns_rr *question = ldns_rr_list_rr(ldns_pkt_question(reply), 0);
    for (size_t i = 0; i < ldns_rr_list_rr_count(answer); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(answer, i);
        zone_fixture_must(ldns_rr_get_class(rr) == ldns_rr_get_class(question), "class of a record");
        if (i == 0 && ldns_rr_get_type(rr) != LDNS_RR_TYPE_DNAME)
            zone_fixture_must(ldns_dname_compare(ldns_rr_owner(rr), ldns_rr_owner(question)) == 0,
                              "the answer is not the question's");
    }
}

/* The query's OPT, as far as the parser goes: present if the reply has one. */
static inline void reply_check_sizes(const ldns_pkt *reply, size_t len, enum transport transport)
{
    if (transport == TRANSPORT_UDP)
        zone_fixture_must(len <= (ldns_pkt_edns(reply) ? 1232u : 512u), "longer than UDP may be");
    if (ldns_pkt_tc(reply))
        zone_fixture_must(ldns_pkt_ancount(reply) == 0, "truncated, with an answer");
    if (ldns_pkt_edns(reply))
        zone_fixture_must(ldns_pkt_edns_udp_size(reply) == 1232 && ldns_pkt_edns_version(reply) == 0, "OPT");
}

/* `query` is what was sent, `reply` what came back; a reply of no bytes is right for some queries. */
static inline void reply_check(const uint8_t *query, size_t query_len, const uint8_t *reply, size_t len,
                               enum transport transport)
{
    ldns_pkt *parsed;
    if (len == 0) {
        zone_fixture_must(query_len < 12 || (query[2] & 0x80), "no reply to a query");
        return;
    }
    zone_fixture_must(query_len >= 12 && len >= 12, "a reply to no query");
    zone_fixture_must(query[0] == reply[0] && query[1] == reply[1], "id");
    zone_fixture_must((query[2] & 0x79) == (reply[2] & 0x79) && (reply[3] & 0xf0) == 0,
                      "opcode, RD; RA, Z, AD, CD");
    zone_fixture_must(ldns_wire2pkt(&parsed, reply, len) == LDNS_STATUS_OK, "ldns does not parse it");
    if (ldns_pkt_qdcount(parsed) > 0) {
        const size_t question_len = name_len(reply + 12) + 4;
        zone_fixture_must(query_len >= 12 + question_len && memcmp(query + 12, reply + 12, question_len) == 0,
                          "question");
        reply_check_records(parsed);
    } else {
        zone_fixture_must(len == (ldns_pkt_edns(parsed) ? 23u : 12u) || ldns_pkt_edns_data(parsed),
                          "no question, but more");
        zone_fixture_must(ldns_pkt_ancount(parsed) + ldns_pkt_nscount(parsed) + ldns_pkt_arcount(parsed) == 0,
                          "no question, but records");
    }
    reply_check_sizes(parsed, len, transport);
    ldns_pkt_free(parsed);
}

#endif
