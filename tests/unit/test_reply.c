#include "server/answer/reply.h"

#include "tests/world_fixture.h"

#include <ldns/ldns.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

enum { PACKET_CAP = 65535, FAT = 1000 };

static const struct zone_record records[] = {
    {"@", "NS", "ns", 300},
    {"@", "MX", "10 mail1", 300},
    {"@", "MX", "20 mail2", 300},
    {"ns", "A", "192.0.2.1", 300},
    {"mail1", "A", "192.0.2.3", 300},
    {"mail2", "A", "192.0.2.4", 300},
    {"mail2", "AAAA", "2001:db8::4", 300},
    {"host", "A", "192.0.2.10", 300},
    {"host", "A", "192.0.2.11", 300},
    {"alias", "CNAME", "host", 300},
    {"sub", "NS", "ns.sub", 300},
    {"sub", "NS", "ns.other", 300},
    {"ns.sub", "A", "192.0.2.30", 300},
    {"other", "NS", "ns.other", 300},
    {"ns.other", "A", "192.0.2.31", 300},
    {"fat", "SRV", "1 1 1 target", 300},
};

/* A reply in the making, to a question for this name. */
struct making {
    struct world_fixture world;
    uint8_t packet[PACKET_CAP];
    struct query query;
    struct opt opt; /* none */
    struct reply reply;
    struct link link;
};

static int setup(void **state)
{
    static char texts[][16] = {"default", "p"}, addresses[FAT][24];
    static struct zone_record rows[COUNT(records) + FAT];
    struct policy_rule rules[] = {{texts[0], 0, 1, POLICY_WEIGHT_OF_POOL}};
    const struct policy policy = {.name = texts[1], .rules = rules, .rules_count = 1};
    struct making *making = calloc(1, sizeof *making);
    assert_non_null(making);
    memcpy(rows, records, sizeof records);
    for (unsigned i = 0; i < FAT; i++) { /* more than a pointer reaches: 28 bytes each */
        (void)snprintf(addresses[i], sizeof addresses[i], "2001:db8::%x", i + 1);
        rows[COUNT(records) + i] = (struct zone_record){"target", "AAAA", addresses[i], 300};
    }
    const struct world_zone zone = {"example.com", rows, COUNT(rows), NULL, 0};
    world_fixture_make(&making->world, &zone, 1, &policy);
    *state = making;
    return 0;
}

static int teardown(void **state)
{
    struct making *making = *state;
    world_fixture_fini(&making->world);
    free(making);
    return 0;
}

/* Begin a reply of at most `len_max` bytes; returns what the zone says. */
static struct found begin(struct making *making, const char *name, uint16_t qtype, size_t len_max)
{
    const struct world_query asked = {.name = name, .qtype = qtype};
    const size_t len = world_query_put(&asked, making->packet, sizeof making->packet);
    assert_int_equal(query_parse(making->packet, len, 53000, &making->query), PARSE_OK);
    reply_begin(&making->reply, &making->query, &making->opt, making->packet, len_max);
    reply_link_first(&making->query, &making->link);
    making->link.zone = image_zone_find(making->world.world.packs, making->link.name, &making->link.suffixes,
                                        0, &making->link.apex_idx);
    assert_non_null(making->link.zone);
    making->link.zone_off = (uint16_t)(12 + making->link.suffixes.off[making->link.apex_idx]);
    return image_find(making->link.zone, making->link.name, &making->link.suffixes, making->link.apex_idx,
                      qtype);
}

/* End it; what ldns reads is the caller's. */
static ldns_pkt *end(struct making *making, size_t len_max)
{
    ldns_pkt *parsed;
    const size_t len = reply_end(&making->reply);
    assert_true(len <= len_max);
    assert_int_equal(ldns_wire2pkt(&parsed, making->packet, len), LDNS_STATUS_OK);
    return parsed;
}

static void expect_counts(ldns_pkt *reply, unsigned answers, unsigned authorities, unsigned additionals, bool tc)
{
    assert_int_equal(ldns_pkt_ancount(reply), answers);
    assert_int_equal(ldns_pkt_nscount(reply), authorities);
    assert_int_equal(ldns_pkt_arcount(reply), additionals);
    assert_int_equal(ldns_pkt_tc(reply), tc);
    ldns_pkt_free(reply);
}

static void test_the_most_a_reply_may_have_depends_on_transport_and_edns(void **state)
{
    (void)state;
    static const struct {
        enum transport transport;
        struct edns edns;
        size_t len_max;
    } rows[] = {
        {TRANSPORT_UDP, {0}, 512},
        {TRANSPORT_UDP, {.present = true, .udp_size = 512}, 512},
        {TRANSPORT_UDP, {.present = true, .udp_size = 1000}, 1000},
        {TRANSPORT_UDP, {.present = true, .udp_size = 4096}, 1232},
        {TRANSPORT_TCP, {0}, 65535},
        {TRANSPORT_TLS, {.present = true, .udp_size = 512}, 65535},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct query query = {.edns = rows[i].edns};
        assert_int_equal(reply_len_max(&query, rows[i].transport), rows[i].len_max);
    }
}

/* 34 bytes of header and question, 16 for each A. */
static void test_an_rrset_fits_or_the_reply_is_truncated(void **state)
{
    struct making *making = *state;
    for (size_t len_max = 34; len_max < 80; len_max++) {
        const struct found found = begin(making, "host.example.com", QTYPE_A, len_max);
        const bool fits = len_max >= 34 + 2 * 16;
        reply_rrset_put(&making->reply, &making->link, SECTION_ANSWER, found.rrset);
        expect_counts(end(making, len_max), fits ? 2 : 0, 0, 0, !fits);
    }
}

static void test_extras_come_by_name_as_far_as_they_fit(void **state)
{
    struct making *making = *state;
    unsigned least = 3, most = 0;
    for (size_t len_max = 29 + 2 * 30; len_max < 250; len_max++) {
        const struct found found = begin(making, "example.com", QTYPE_MX, len_max);
        reply_rrset_put(&making->reply, &making->link, SECTION_ANSWER, found.rrset);
        reply_extras_put(&making->reply, &making->link, found.rrset);
        ldns_pkt *reply = end(making, len_max);
        const unsigned extras = ldns_pkt_arcount(reply);
        assert_false(ldns_pkt_tc(reply));
        least = extras < least ? extras : least;
        most = extras > most ? extras : most;
        ldns_pkt_free(reply);
    }
    assert_int_equal(least, 0);
    assert_int_equal(most, 3);
}

static void test_glue_below_the_cut_is_required_and_a_siblings_is_not(void **state)
{
    struct making *making = *state;
    const size_t ns_end = 35 + 2 * 12 + 5 + 11; /* ns.sub and ns.other, with a pointer each */
    bool seen[3] = {false};
    for (size_t len_max = ns_end; len_max < ns_end + 60; len_max++) {
        const struct found found = begin(making, "x.sub.example.com", QTYPE_A, len_max);
        assert_int_equal(found.kind, FOUND_DELEGATION);
        reply_referral_put(&making->reply, &making->link, &found);
        ldns_pkt *reply = end(making, len_max);
        if (ldns_pkt_nscount(reply) == 2) {
            assert_int_equal(ldns_pkt_tc(reply), ldns_pkt_arcount(reply) == 0); /* RFC 9471 3.1 */
            seen[ldns_pkt_arcount(reply)] = true;
        }
        ldns_pkt_free(reply);
    }
    assert_true(seen[0] && seen[1] && seen[2]);
}

static void test_owners_past_the_reach_of_a_pointer_are_written_out(void **state)
{
    struct making *making = *state;
    const struct found found = begin(making, "fat.example.com", QTYPE_ANY, PACKET_CAP);
    reply_rrset_put(&making->reply, &making->link, SECTION_ANSWER, found.rrset);
    for (unsigned i = 0; i < 2; i++) /* the second copy begins past 16,383 bytes */
        reply_extras_put(&making->reply, &making->link, found.rrset);
    assert_true(writer_len(&making->reply.w) > 2 * FAT * 28 + FAT * 7);
    ldns_pkt *reply = end(making, PACKET_CAP);
    const ldns_rr_list *extras = ldns_pkt_additional(reply);
    assert_int_equal(ldns_rr_list_rr_count(extras), 2 * FAT);
    for (size_t i = 1; i < 2 * FAT; i++)
        assert_int_equal(ldns_dname_compare(ldns_rr_owner(ldns_rr_list_rr(extras, i)),
                                            ldns_rr_owner(ldns_rr_list_rr(extras, 0))), 0);
    ldns_pkt_free(reply);
}

static void test_a_negative_ttl_is_the_lesser_of_two(void **state)
{
    struct making *making = *state;
    static const uint32_t rows[][2] = {{UINT32_MAX, 60}, {61, 60}, {10, 10}, {0, 0}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        (void)begin(making, "nothere.example.com", QTYPE_A, PACKET_CAP);
        reply_negative_put(&making->reply, &making->link, rows[i][0]);
        ldns_pkt *reply = end(making, PACKET_CAP);
        assert_int_equal(ldns_rr_ttl(ldns_rr_list_rr(ldns_pkt_authority(reply), 0)), rows[i][1]);
        ldns_pkt_free(reply);
    }
}

static void test_a_cname_that_does_not_fit_leads_nowhere(void **state)
{
    struct making *making = *state;
    for (size_t len_max = 35; len_max < 60; len_max++) {
        const struct found found = begin(making, "alias.example.com", QTYPE_A, len_max);
        const bool fits = len_max >= 35 + 12 + 7; /* "host" and a pointer */
        assert_int_equal(reply_cname_follow(&making->reply, &making->link, found.rrset), fits);
        if (fits)
            assert_memory_equal(making->link.name, "\4host\7example\3com", 18);
        expect_counts(end(making, len_max), fits, 0, 0, !fits);
    }
}

static void test_a_failed_reply_has_lost_its_records(void **state)
{
    struct making *making = *state;
    const struct found found = begin(making, "host.example.com", QTYPE_A, PACKET_CAP);
    making->reply.authoritative = true;
    reply_rrset_put(&making->reply, &making->link, SECTION_ANSWER, found.rrset);
    reply_fail(&making->reply, RCODE_SERVFAIL);
    ldns_pkt *reply = end(making, PACKET_CAP);
    assert_int_equal(ldns_pkt_get_rcode(reply), LDNS_RCODE_SERVFAIL);
    assert_false(ldns_pkt_aa(reply));
    expect_counts(reply, 0, 0, 0, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_most_a_reply_may_have_depends_on_transport_and_edns),
        cmocka_unit_test(test_an_rrset_fits_or_the_reply_is_truncated),
        cmocka_unit_test(test_extras_come_by_name_as_far_as_they_fit),
        cmocka_unit_test(test_glue_below_the_cut_is_required_and_a_siblings_is_not),
        cmocka_unit_test(test_owners_past_the_reach_of_a_pointer_are_written_out),
        cmocka_unit_test(test_a_negative_ttl_is_the_lesser_of_two),
        cmocka_unit_test(test_a_cname_that_does_not_fit_leads_nowhere),
        cmocka_unit_test(test_a_failed_reply_has_lost_its_records),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
