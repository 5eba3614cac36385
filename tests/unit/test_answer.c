#include "server/answer/answer.h"

#include "tests/world_fixture.h"

#include <ldns/ldns.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

enum { A = 1, NS = 2, CNAME = 5, SOA = 6, MX = 15, TXT = 16, AAAA = 28, DNAME = 39, DS = 43, ANY = 255 };
enum { REPLY_CAP = 65535 };

static const struct zone_record records[] = {
    {"@", "NS", "ns", 300},
    {"ns", "A", "192.0.2.1", 300},
    {"ns", "AAAA", "2001:db8::1", 300},
    {"host", "A", "192.0.2.10", 300},
    {"host", "A", "192.0.2.11", 300},
    {"host", "TXT", "\"hello\"", 300},
    {"@", "MX", "10 host", 300},
    {"alias", "CNAME", "host", 300},
    {"far", "CNAME", "elsewhere.test.", 300},
    {"near", "CNAME", "www.example.net.", 300},
    {"apex", "CNAME", "example.com.", 300},
    {"gone", "CNAME", "nothere", 300},
    {"steer", "CNAME", "svc", 60},
    {"loop", "CNAME", "pool", 300},
    {"pool", "CNAME", "loop", 300},
    {"down", "CNAME", "www.child", 300},
    {"cut", "CNAME", "child", 300},
    {"c0", "CNAME", "c1", 300}, {"c1", "CNAME", "c2", 300}, {"c2", "CNAME", "c3", 300},
    {"c3", "CNAME", "c4", 300},
    {"c4", "CNAME", "c5", 300}, {"c5", "CNAME", "c6", 300}, {"c6", "CNAME", "c7", 300},
    {"c7", "CNAME", "c8", 300},
    {"c8", "CNAME", "c9", 300}, {"c9", "A", "192.0.2.99", 300},
    {"*.wild", "A", "192.0.2.20", 300},
    {"a.deep.ent", "A", "192.0.2.21", 300},
    {"sub", "NS", "ns.sub", 300},
    {"sub", "NS", "ns.other", 300},
    {"ns.sub", "A", "192.0.2.30", 300},
    {"child", "NS", "ns.child", 300},
    {"child", "DS", "1 8 2 0000000000000000000000000000000000000000000000000000000000000000", 300},
    {"ns.child", "A", "192.0.2.31", 300},
    {"dn", "DNAME", "example.net.", 300},
    {"grow", "DNAME", "More.GROW", 300},
    {"there", "DNAME", "back", 300},
    {"back", "DNAME", "y.there", 300},
    {"long", "DNAME",
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.",
     300},
    {"hub", "NS", "ns1.hub", 300}, {"hub", "NS", "ns2.hub", 300},
    {"ns1.hub", "AAAA", "2001:db8::a1", 300}, {"ns2.hub", "AAAA", "2001:db8::a2", 300},
};

static const struct zone_record other_records[] = {
    {"@", "NS", "ns", 300}, {"ns", "A", "192.0.2.2", 300}, {"www", "A", "192.0.2.40", 300},
    {"back", "CNAME", "alias.example.com.", 300}, {"gone", "CNAME", "www.absent.example.com.", 300},
    {"cut", "CNAME", "child.example.com.", 300},
};

static const struct zone_record child_records[] = {
    {"@", "NS", "ns", 300}, {"ns", "A", "192.0.2.31", 300}, {"www", "A", "192.0.2.50", 300},
    {"up", "CNAME", "@", 300},
};

static const struct world_service services[] = {
    {.name = "svc", .ttl_s = 30,
     .pools = {{0, 100, 1, {"198.51.100.1", "2001:db8:e::1"}}, {1, 100, 1, {"203.0.113.1"}}}},
    {.name = "*.any", .ttl_s = 30, .pools = {{0, 100, 1, {"198.51.100.2"}}, {1, 100, 1, {"203.0.113.2"}}}},
    {.name = "cdn", .ttl_s = 20, .pools = {{0, 100, 1, {"www.example.net"}}, {1, 100, 1, {"edge.cdn.test"}}}},
    {.name = "mixed", .ttl_s = 30, .pools = {{0, 100, 1, {"198.51.100.5"}}, {1, 100, 1, {"edge.cdn.test"}}}},
    {.name = "none", .ttl_s = 30, .all_down = ALL_DOWN_NODATA, .pools = {{0, 100, 1, {"198.51.100.3"}}}},
    {.name = "fail", .ttl_s = 30, .all_down = ALL_DOWN_SERVFAIL, .pools = {{0, 100, 1, {"198.51.100.4"}}}},
};

static const struct world_zone zones[] = {
    {"example.com", records, COUNT(records), services, COUNT(services), 0},
    {"example.net", other_records, COUNT(other_records), NULL, 0, 0},
    {"child.example.com", child_records, COUNT(child_records), NULL, 0, 0},
    {"absent.example.com", child_records, COUNT(child_records), NULL, 0, ZONE_ABSENT},
};

static int setup(void **state)
{
    static char names[][32] = {"default", "net:193.0.0.0/16", "net:192.0.2.128/25"};
    static char policy_name[] = "p";
    struct policy_rule rules[] = {
        {names[0], 1, 1, POLICY_WEIGHT_OF_POOL}, {names[0], 0, 2, POLICY_WEIGHT_OF_POOL},
        {names[1], 0, 1, POLICY_WEIGHT_OF_POOL}, {names[2], 0, 1, POLICY_WEIGHT_OF_POOL},
    };
    const struct policy policy = {.name = policy_name, .rules = rules, .rules_count = COUNT(rules)};
    struct world_fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    world_fixture_make(fixture, zones, COUNT(zones), &policy);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    world_fixture_fini(*state);
    free(*state);
    return 0;
}

/* Replies as text ------------------------------------------------------------------------------ */

static void text_put(char *text, size_t cap, const char *more)
{
    const size_t len = strlen(text);
    assert_true(len + strlen(more) < cap);
    memcpy(text + len, more, strlen(more) + 1);
}

/* The records of a section: "owner ttl type rdata" with ", " between; OPT is not among them. */
static void section_put(const ldns_rr_list *list, char *text, size_t cap)
{
    for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
        char *rr = ldns_rr2str(ldns_rr_list_rr(list, i));
        for (char *c = rr; *c; c++)
            *c = *c == '\t' ? ' ' : *c == '\n' ? '\0' : *c;
        char *class = strstr(rr, " IN ");
        assert_non_null(class);
        memmove(class, class + 3, strlen(class + 3) + 1);
        if (i > 0)
            text_put(text, cap, ", ");
        text_put(text, cap, rr);
        free(rr);
    }
}

/* "RCODE flags | answer | authority | additional". */
static const char *reply_print(const uint8_t *packet, size_t len, char *text, size_t cap)
{
    ldns_pkt *reply;
    text[0] = '\0';
    assert_int_equal(ldns_wire2pkt(&reply, packet, len), LDNS_STATUS_OK);
    ldns_lookup_table *rcode = ldns_lookup_by_id(ldns_rcodes, (int)ldns_pkt_get_rcode(reply));
    text_put(text, cap, rcode->name);
    if (ldns_pkt_aa(reply))
        text_put(text, cap, " aa");
    if (ldns_pkt_tc(reply))
        text_put(text, cap, " tc");
    text_put(text, cap, " | ");
    section_put(ldns_pkt_answer(reply), text, cap);
    text_put(text, cap, " | ");
    section_put(ldns_pkt_authority(reply), text, cap);
    text_put(text, cap, " | ");
    section_put(ldns_pkt_additional(reply), text, cap);
    ldns_pkt_free(reply);
    return text;
}

struct exchange {
    const char *name;
    uint16_t qtype;
    const char *subnet;
    const char *reply;
};

static void expect(struct world_fixture *fixture, const struct exchange *row)
{
    static uint8_t packet[REPLY_CAP];
    char text[8192];
    const struct world_query query = {.name = row->name, .qtype = row->qtype, .subnet = row->subnet};
    const size_t len = world_answer(fixture, &query, TRANSPORT_TCP, "192.0.2.200", packet, sizeof packet);
    assert_string_equal(reply_print(packet, len, text, sizeof text), row->reply);
}

#define SOA_COM "example.com. 60 SOA ns.example. hostmaster.example. 7 7200 1800 1209600 60"
#define DS_CHILD                                                                                             \
    "child.example.com. 300 DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000"

static void test_static_names_are_answered_as_rfc_1034_says(void **state)
{
    static const struct exchange rows[] = {
        {"host.example.com", A, NULL,
         "NOERROR aa | host.example.com. 300 A 192.0.2.10, host.example.com. 300 A 192.0.2.11 |  | "},
        {"HOST.example.COM", TXT, NULL, "NOERROR aa | HOST.example.COM. 300 TXT \"hello\" |  | "},
        {"example.com", MX, NULL,
         "NOERROR aa | example.com. 300 MX 10 host.example.com. |  | "
         "host.example.com. 300 A 192.0.2.10, host.example.com. 300 A 192.0.2.11"},
        {"example.com", NS, NULL,
         "NOERROR aa | example.com. 300 NS ns.example.com. |  | "
         "ns.example.com. 300 A 192.0.2.1, ns.example.com. 300 AAAA 2001:db8::1"},
        {"host.example.com", AAAA, NULL, "NOERROR aa |  | " SOA_COM " | "},
        {"ent.example.com", A, NULL, "NOERROR aa |  | " SOA_COM " | "},
        {"x.y.wild.example.com", A, NULL, "NOERROR aa | x.y.wild.example.com. 300 A 192.0.2.20 |  | "},
        {"x.wild.example.com", MX, NULL, "NOERROR aa |  | " SOA_COM " | "},
        {"nothere.example.com", A, NULL, "NXDOMAIN aa |  | " SOA_COM " | "},
        {"example.org", A, NULL, "REFUSED |  |  | "},
        {"com", A, NULL, "REFUSED |  |  | "},
        {".", NS, NULL, "REFUSED |  |  | "},
        {"www.absent.example.com", A, NULL, "SERVFAIL |  |  | "},
        {"absent.example.com", SOA, NULL, "SERVFAIL |  |  | "},
        {"absent.example.com", DS, NULL, "NXDOMAIN aa |  | " SOA_COM " | "},
        {"host.example.com", ANY, NULL,
         "NOERROR aa | host.example.com. 300 A 192.0.2.10, host.example.com. 300 A 192.0.2.11 |  | "},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(*state, &rows[i]);
}

static void test_cnames_are_followed_through_our_zones(void **state)
{
    static const struct exchange rows[] = {
        {"gone.example.net", A, NULL,
         "NOERROR aa | gone.example.net. 300 CNAME www.absent.example.com. |  | "},
        {"alias.example.com", A, NULL,
         "NOERROR aa | alias.example.com. 300 CNAME host.example.com., host.example.com. 300 A 192.0.2.10, "
         "host.example.com. 300 A 192.0.2.11 |  | "},
        {"alias.example.com", CNAME, NULL,
         "NOERROR aa | alias.example.com. 300 CNAME host.example.com. |  | "},
        {"far.example.com", A, NULL, "NOERROR aa | far.example.com. 300 CNAME elsewhere.test. |  | "},
        {"near.example.com", A, NULL,
         "NOERROR aa | near.example.com. 300 CNAME www.example.net., www.example.net. 300 A 192.0.2.40 | "
         " | "},
        {"back.example.net", TXT, NULL,
         "NOERROR aa | back.example.net. 300 CNAME alias.example.com., alias.example.com. 300 CNAME"
         " host.example.com., "
         "host.example.com. 300 TXT \"hello\" |  | "},
        {"apex.example.com", NS, NULL,
         "NOERROR aa | apex.example.com. 300 CNAME example.com., example.com. 300 NS ns.example.com. |  | "
         "ns.example.com. 300 A 192.0.2.1, ns.example.com. 300 AAAA 2001:db8::1"},
        {"down.example.com", AAAA, NULL,
         "NOERROR aa | down.example.com. 300 CNAME www.child.example.com. | "
         "child.example.com. 60 SOA ns.example. hostmaster.example. 7 7200 1800 1209600 60 | "},
        {"gone.example.com", A, NULL,
         "NXDOMAIN aa | gone.example.com. 300 CNAME nothere.example.com. | " SOA_COM " | "},
        {"loop.example.com", A, NULL,
         "NOERROR aa | loop.example.com. 300 CNAME pool.example.com., pool.example.com. 300 CNAME"
         " loop.example.com. |  | "},
        {"c1.example.com", A, NULL,
         "NOERROR aa | c1.example.com. 300 CNAME c2.example.com., c2.example.com. 300 CNAME c3.example.com., "
         "c3.example.com. 300 CNAME c4.example.com., c4.example.com. 300 CNAME c5.example.com., "
         "c5.example.com. 300 CNAME c6.example.com., c6.example.com. 300 CNAME c7.example.com., "
         "c7.example.com. 300 CNAME c8.example.com., c8.example.com. 300 CNAME c9.example.com., "
         "c9.example.com. 300 A 192.0.2.99 |  | "},
        {"c0.example.com", A, NULL,
         "NOERROR aa | c0.example.com. 300 CNAME c1.example.com., c1.example.com. 300 CNAME c2.example.com., "
         "c2.example.com. 300 CNAME c3.example.com., c3.example.com. 300 CNAME c4.example.com., "
         "c4.example.com. 300 CNAME c5.example.com., c5.example.com. 300 CNAME c6.example.com., "
         "c6.example.com. 300 CNAME c7.example.com., c7.example.com. 300 CNAME c8.example.com., "
         "c8.example.com. 300 CNAME c9.example.com. |  | "},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(*state, &rows[i]);
}

static void test_ds_behind_a_cname_is_the_parents_too(void **state)
{
    static const struct exchange rows[] = {
        {"cut.example.com", DS, NULL,
         "NOERROR aa | cut.example.com. 300 CNAME child.example.com., " DS_CHILD " |  | "},
        {"cut.example.net", DS, NULL,
         "NOERROR aa | cut.example.net. 300 CNAME child.example.com., " DS_CHILD " |  | "},
        /* The parent's name is not in the message in full: the chain ends here, and the client asks for the
         * rest. */
        {"up.child.example.com", DS, NULL,
         "NOERROR aa | up.child.example.com. 300 CNAME child.example.com. |  | "},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(*state, &rows[i]);
}

static void test_dnames_give_a_cname_of_their_own_ttl(void **state)
{
    static const struct exchange rows[] = {
        {"www.dn.example.com", A, NULL,
         "NOERROR aa | dn.example.com. 300 DNAME example.net., www.dn.example.com. 300 CNAME"
         " www.example.net., "
         "www.example.net. 300 A 192.0.2.40 |  | "},
        {"back.dn.example.com", TXT, NULL,
         "NOERROR aa | dn.example.com. 300 DNAME example.net., back.dn.example.com. 300 CNAME"
         " back.example.net., "
         "back.example.net. 300 CNAME alias.example.com., alias.example.com. 300 CNAME host.example.com., "
         "host.example.com. 300 TXT \"hello\" |  | "},
        {"back.dn.example.com", CNAME, NULL,
         "NOERROR aa | dn.example.com. 300 DNAME example.net., back.dn.example.com. 300 CNAME"
         " back.example.net. |  | "},
        {"gone.dn.example.com", CNAME, NULL,
         "NOERROR aa | dn.example.com. 300 DNAME example.net., gone.dn.example.com. 300 CNAME"
         " gone.example.net. |  | "},
        {"x.grow.example.com", A, NULL,
         "NOERROR aa | grow.example.com. 300 DNAME More.GROW.example.com., "
         "x.grow.example.com. 300 CNAME x.More.GROW.example.com. |  | "},
        {"x.there.example.com", CNAME, NULL,
         "NOERROR aa | there.example.com. 300 DNAME back.example.com., "
         "x.there.example.com. 300 CNAME x.back.example.com. |  | "},
        {"dn.example.com", DNAME, NULL, "NOERROR aa | dn.example.com. 300 DNAME example.net. |  | "},
        {"dn.example.com", A, NULL, "NOERROR aa |  | " SOA_COM " | "},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(*state, &rows[i]);
}

static void test_a_dname_is_put_once_however_often_it_is_met(void **state)
{
    char text[8192];
    static uint8_t packet[REPLY_CAP];
    const struct world_query query = {.name = "x.there.example.com", .qtype = A};
    const size_t len = world_answer(*state, &query, TRANSPORT_TCP, "192.0.2.200", packet, sizeof packet);
    (void)reply_print(packet, len, text, sizeof text);
    unsigned dnames = 0, cnames = 0;
    for (const char *at = text; (at = strstr(at, "NAME ")); at++)
        *(at[-1] == 'D' ? &dnames : &cnames) += 1;
    assert_int_equal(dnames, 2);
    assert_int_equal(cnames, ANSWER_LINKS_MAX);
    assert_non_null(strstr(text, "300 CNAME x.y.y.y.y.there.example.com."));
}

static void test_a_dname_that_makes_the_name_too_long_is_yxdomain(void **state)
{
    static const char label[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    char name[256], text[8192];
    static uint8_t packet[REPLY_CAP];
    (void)snprintf(name, sizeof name, "%s.%s.%s.long.example.com", label, label, label);
    const struct world_query query = {.name = name, .qtype = A};
    const size_t len = world_answer(*state, &query, TRANSPORT_TCP, "192.0.2.200", packet, sizeof packet);
    (void)reply_print(packet, len, text, sizeof text);
    assert_memory_equal(text, "YXDOMAIN aa | long.example.com. 300 DNAME aaa", 44);
}

static void test_delegations_are_referrals_with_glue(void **state)
{
    static const struct exchange rows[] = {
        {"x.sub.example.com", A, NULL,
         "NOERROR |  | sub.example.com. 300 NS ns.sub.example.com., sub.example.com. 300 NS"
         " ns.other.example.com. | "
         "ns.sub.example.com. 300 A 192.0.2.30"},
        {"sub.example.com", NS, NULL,
         "NOERROR |  | sub.example.com. 300 NS ns.sub.example.com., sub.example.com. 300 NS"
         " ns.other.example.com. | "
         "ns.sub.example.com. 300 A 192.0.2.30"},
        {"sub.example.com", DS, NULL, "NOERROR aa |  | " SOA_COM " | "},
        {"child.example.com", DS, NULL,
         "NOERROR aa | child.example.com. 300 DS 1 8 2 "
         "0000000000000000000000000000000000000000000000000000000000000000 |  | "},
        {"www.child.example.com", A, NULL, "NOERROR aa | www.child.example.com. 300 A 192.0.2.50 |  | "},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(*state, &rows[i]);
}

static void test_services_answer_by_client(void **state)
{
    static const struct exchange rows[] = {
        {"svc.example.com", A, "193.0.6.0/24", "NOERROR aa | svc.example.com. 30 A 198.51.100.1 |  | "},
        {"svc.example.com", A, "8.8.8.0/24", "NOERROR aa | svc.example.com. 30 A 203.0.113.1 |  | "},
        /* What the resolver gets. */
        {"svc.example.com", A, "10.0.0.0/8", "NOERROR aa | svc.example.com. 30 A 198.51.100.1 |  | "},
        {"svc.example.com", A, NULL, "NOERROR aa | svc.example.com. 30 A 198.51.100.1 |  | "},
        {"svc.example.com", AAAA, "8.8.8.0/24", "NOERROR aa | svc.example.com. 30 AAAA 2001:db8:e::1 |  | "},
        {"svc.example.com", ANY, "8.8.8.0/24", "NOERROR aa | svc.example.com. 30 A 203.0.113.1 |  | "},
        {"svc.example.com", TXT, NULL, "NOERROR aa |  | " SOA_COM " | "},
        {"X.any.example.com", A, "8.8.8.0/24", "NOERROR aa | X.any.example.com. 30 A 203.0.113.2 |  | "},
        {"x.any.example.com", AAAA, "8.8.8.0/24", "NOERROR aa |  | " SOA_COM " | "},
        {"steer.example.com", A, "193.0.6.0/24",
         "NOERROR aa | steer.example.com. 60 CNAME svc.example.com., svc.example.com. 30 A 198.51.100.1 | "
         " | "},
        {"cdn.example.com", A, "193.0.6.0/24",
         "NOERROR aa | cdn.example.com. 20 CNAME www.example.net., www.example.net. 300 A 192.0.2.40 |  | "},
        {"cdn.example.com", TXT, "8.8.8.0/24", "NOERROR aa | cdn.example.com. 20 CNAME edge.cdn.test. |  | "},
        {"cdn.example.com", TXT, "193.0.6.0/24",
         "NOERROR aa | cdn.example.com. 20 CNAME www.example.net. | example.net. 60 SOA ns.example."
         " hostmaster.example. 7 7200 1800 1209600 60 | "},
        {"cdn.example.com", CNAME, "193.0.6.0/24",
         "NOERROR aa | cdn.example.com. 20 CNAME www.example.net. |  | "},
        {"cdn.example.com", ANY, "193.0.6.0/24",
         "NOERROR aa | cdn.example.com. 20 CNAME www.example.net. |  | "},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(*state, &rows[i]);
}

/* A CNAME in a resolver's cache would be taken for the addresses too (RFC 1034 3.6.2). */
static void test_a_client_of_addresses_gets_no_cname_of_another_region(void **state)
{
    static const char soa[] =
        "NOERROR aa |  | example.com. 30 SOA ns.example. hostmaster.example. 7 7200 1800 1209600 60 | ";
    static const char cname[] = "NOERROR aa | mixed.example.com. 30 CNAME edge.cdn.test. |  | ";
    static const struct exchange rows[] = {
        {"mixed.example.com", A, "193.0.6.0/24", "NOERROR aa | mixed.example.com. 30 A 198.51.100.5 |  | "},
        {"mixed.example.com", AAAA, "193.0.6.0/24", soa}, {"mixed.example.com", TXT, "193.0.6.0/24", soa},
        {"mixed.example.com", CNAME, "193.0.6.0/24", soa}, {"mixed.example.com", A, "8.8.8.0/24", cname},
        {"mixed.example.com", AAAA, "8.8.8.0/24", cname}, {"mixed.example.com", TXT, "8.8.8.0/24", cname},
    };
    struct world_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(fixture, &rows[i]);
    const uint32_t slot = world_slot(fixture, "198.51.100.5");
    world_health_set(fixture, slot, VERDICT_DOWN, STATE_AUTO);
    expect(fixture, &(struct exchange){"mixed.example.com", A, "193.0.6.0/24", cname});
    expect(fixture, &(struct exchange){"mixed.example.com", AAAA, "193.0.6.0/24", cname});
    world_health_set(fixture, slot, VERDICT_UNKNOWN, STATE_AUTO);
}

static void test_services_that_are_down_do_what_all_down_says(void **state)
{
    static const struct exchange rows[] = {
        {"svc.example.com", A, "193.0.6.0/24", "NOERROR aa | svc.example.com. 10 A 198.51.100.1 |  | "},
        {"none.example.com", A, NULL,
         "NOERROR aa |  | example.com. 10 SOA ns.example. hostmaster.example. 7 7200 1800 1209600 60 | "},
        {"fail.example.com", A, NULL, "SERVFAIL |  |  | "},
        {"fail.example.com", AAAA, NULL, "NOERROR aa |  | " SOA_COM " | "},
    };
    static const char *const addresses[] = {"198.51.100.1", "203.0.113.1", "198.51.100.3", "198.51.100.4"};
    struct world_fixture *fixture = *state;
    fixture->counters->below_serving = 0;
    for (size_t i = 0; i < COUNT(addresses); i++)
        world_health_set(fixture, world_slot(fixture, addresses[i]), VERDICT_DOWN, STATE_AUTO);
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(fixture, &rows[i]);
    assert_int_equal(fixture->counters->below_serving, 3);
    for (size_t i = 0; i < COUNT(addresses); i++)
        world_health_set(fixture, world_slot(fixture, addresses[i]), VERDICT_UNKNOWN, STATE_AUTO);
}

/* Client subnet, sizes, flags ------------------------------------------------------------------ */

/* The option of the reply is its first, and only an extended error may stand behind it; the scope is behind
 * the source prefix length. */
static int scope_of(const uint8_t *packet, size_t len, const char *subnet)
{
    struct prefix prefix;
    assert_int_equal(prefix_parse(subnet, &prefix, NULL), OK);
    const size_t address_len = (prefix.bits + 7u) / 8;
    const uint8_t *option = packet + len - address_len - 8;
    if ((packet[3] & 15) == LDNS_RCODE_REFUSED)
        option -= 6;
    assert_int_equal(option[1], 8);
    assert_int_equal(option[6], prefix.bits);
    assert_memory_equal(option + 8, prefix.ip.bytes, address_len);
    return option[7];
}

static void test_the_scope_says_what_decided(void **state)
{
    static const struct {
        const char *name, *subnet;
        uint16_t qtype;
        int scope;
    } rows[] = {
        {"svc.example.com", "193.0.6.0/24", A, 16},      {"svc.example.com", "193.0.0.0/8", A, 16},
        {"svc.example.com", "10.2.3.0/24", A, 24},       {"svc.example.com", "::ffff:193.0.6.0/120", A, 112},
        {"host.example.com", "193.0.6.0/24", A, 0},      {"nothere.example.com", "193.0.6.0/24", A, 0},
        {"steer.example.com", "193.0.6.0/24", A, 16},    {"fail.example.com", "193.0.6.0/24", AAAA, 0},
        {"host.example.com", "10.2.3.0/24", A, 0},       {"example.org", "193.0.6.0/24", A, 0},
        {"svc.example.com", "192.0.2.192/26", A, 25},    {"svc.example.com", "0.0.0.0/0", A, 0},
        {"mixed.example.com", "193.0.6.0/24", AAAA, 16}, {"cdn.example.com", "193.0.6.0/24", CNAME, 16},
    };
    uint8_t packet[4096];
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct world_query query = {.name = rows[i].name, .qtype = rows[i].qtype,
                                          .subnet = rows[i].subnet};
        const size_t len = world_answer(*state, &query, TRANSPORT_UDP, "192.0.2.200", packet, sizeof packet);
        assert_int_equal(scope_of(packet, len, rows[i].subnet), rows[i].scope);
    }
}

static void test_required_glue_that_does_not_fit_is_tc_and_other_extras_are_dropped(void **state)
{
    /* 512 bytes hold the NS and the glue of hub; a long name leaves no room for both addresses. */
    static const char label[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    char name[256], text[8192];
    uint8_t packet[4096];
    (void)snprintf(name, sizeof name, "%s.%s.%s.hub.example.com", label, label, label);
    const struct world_query query = {.name = name, .qtype = A};
    const size_t len = world_answer(*state, &query, TRANSPORT_UDP, "192.0.2.200", packet, sizeof packet);
    assert_true(len <= 512);
    assert_null(strstr(reply_print(packet, len, text, sizeof text), " tc"));
    assert_non_null(strstr(text, "2001:db8::a2"));
}

static void test_flags_of_the_client_come_back_and_ours_are_set(void **state)
{
    uint8_t packet[4096];
    const struct world_query query = {.name = "host.example.com", .qtype = A,
                                      .flags = {0x01 | 0x02, 0xff & ~0x0f}};
    (void)world_answer(*state, &query, TRANSPORT_UDP, "192.0.2.200", packet, sizeof packet);
    assert_int_equal(packet[0] << 8 | packet[1], 0x1234);
    assert_int_equal(packet[2], 0x80 | 0x04 | 0x01); /* QR, AA, RD; not TC */
    assert_int_equal(packet[3], 0);                  /* not RA, Z, AD, CD */
}

static void test_errors_have_the_question_and_no_more(void **state)
{
    static const struct {
        uint16_t qtype;
        int rcode;
    } rows[] = {{41, 1}, {0, 1}, {250, 4}, {253, 4}};
    uint8_t packet[4096], sent[4096];
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct world_query query = {.name = "host.example.com", .qtype = rows[i].qtype};
        const size_t sent_len = world_query_put(&query, sent, sizeof sent);
        const size_t len = world_answer(*state, &query, TRANSPORT_UDP, "192.0.2.200", packet, sizeof packet);
        assert_int_equal(len, sent_len);
        assert_int_equal(packet[3] & 15, rows[i].rcode);
        assert_memory_equal(packet + 12, sent + 12, len - 12);
    }
}

static void test_transfers_are_set_aside_untouched(void **state)
{
    uint8_t packet[4096], sent[4096];
    for (uint16_t qtype = 251; qtype <= 252; qtype++) {
        const struct world_query query = {.name = "host.example.com", .qtype = qtype};
        const size_t sent_len = world_query_put(&query, sent, sizeof sent);
        assert_true(world_answer(*state, &query, TRANSPORT_UDP, "192.0.2.200", packet, sizeof packet) ==
                    ANSWER_ASIDE);
        assert_memory_equal(packet, sent, sent_len);
    }
}

static void test_counters_tell_what_was_asked_and_answered(void **state)
{
    struct world_fixture *fixture = *state;
    struct counters *counters = fixture->counters;
    uint8_t packet[4096];
    memset(counters, 0, sizeof *counters);
    const struct world_query steered = {.name = "svc.example.com", .qtype = A, .subnet = "193.0.6.0/24"};
    const struct world_query missing = {.name = "nothere.example.com", .qtype = TXT};
    const struct listen from = {.ip = {.family = IP_V4}, .port = 0};
    (void)world_answer(fixture, &steered, TRANSPORT_UDP, "192.0.2.200", packet, sizeof packet);
    (void)world_answer(fixture, &missing, TRANSPORT_TCP, "192.0.2.200", packet, sizeof packet);
    assert_int_equal(answer(&fixture->answerer, TRANSPORT_UDP, &from, packet, 12, sizeof packet), 0);
    packet[2] = 0;
    assert_int_equal(answer(&fixture->answerer, TRANSPORT_UDP, &from, packet, 12, sizeof packet), 0);
    assert_int_equal(answer(&fixture->answerer, TRANSPORT_UDP, &from, packet, 11, sizeof packet), 0);
    assert_int_equal(counters->queries[TRANSPORT_UDP], 1);
    assert_int_equal(counters->queries[TRANSPORT_TCP], 1);
    assert_int_equal(counters->types[COUNTED_A], 1);
    assert_int_equal(counters->types[COUNTED_TXT], 1);
    assert_int_equal(counters->rcodes[0], 1);
    assert_int_equal(counters->rcodes[3], 1);
    assert_int_equal(counters->client_subnets, 1);
    assert_int_equal(counters->steered, 1);
    assert_int_equal(counters->below_serving, 0);
    assert_int_equal(counters->answers[world_slot(fixture, "198.51.100.1") - 1], 1);
    assert_int_equal(counters->drops[DROP_RESPONSE], 1);
    assert_int_equal(counters->drops[DROP_PORT], 1);
    assert_int_equal(counters->drops[DROP_SHORT], 1);
}

static void test_without_its_policy_a_service_is_servfail(void **state)
{
    struct world_fixture *fixture = *state;
    const struct exchange row = {"svc.example.com", A, NULL, "SERVFAIL |  |  | "};
    fixture->world.policies[0].v4_table = NULL;
    expect(fixture, &row);
    fixture->world.policies[0] = fixture->geo.geo;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_static_names_are_answered_as_rfc_1034_says),
        cmocka_unit_test(test_cnames_are_followed_through_our_zones),
        cmocka_unit_test(test_ds_behind_a_cname_is_the_parents_too),
        cmocka_unit_test(test_dnames_give_a_cname_of_their_own_ttl),
        cmocka_unit_test(test_a_dname_is_put_once_however_often_it_is_met),
        cmocka_unit_test(test_a_dname_that_makes_the_name_too_long_is_yxdomain),
        cmocka_unit_test(test_delegations_are_referrals_with_glue),
        cmocka_unit_test(test_services_answer_by_client),
        cmocka_unit_test(test_a_client_of_addresses_gets_no_cname_of_another_region),
        cmocka_unit_test(test_services_that_are_down_do_what_all_down_says),
        cmocka_unit_test(test_the_scope_says_what_decided),
        cmocka_unit_test(test_required_glue_that_does_not_fit_is_tc_and_other_extras_are_dropped),
        cmocka_unit_test(test_flags_of_the_client_come_back_and_ours_are_set),
        cmocka_unit_test(test_errors_have_the_question_and_no_more),
        cmocka_unit_test(test_transfers_are_set_aside_untouched),
        cmocka_unit_test(test_counters_tell_what_was_asked_and_answered),
        cmocka_unit_test(test_without_its_policy_a_service_is_servfail),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
