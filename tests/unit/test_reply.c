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
    {"last", "A", "192.0.2.40", 300},
    {"last", "A", "192.0.2.41", 300},
    {"many", "MX", "30000 last", 300},
};

static const struct zone_record root_records[] = {
    {"@", "NS", "a.root-servers.net.", 300},
    {"net", "NS", "a.gtld-servers.net.", 300},
    {"net", "NS", "b.gtld-servers.net.", 300},
    {"a.gtld-servers.net", "A", "192.0.2.1", 300},
    {"a.gtld-servers.net", "AAAA", "2001:db8::1", 300},
    {"b.gtld-servers.net", "A", "192.0.2.2", 300},
};

/* A reply in the making, to a question for this name. */
struct making {
    struct world_fixture world;
    uint8_t packet[PACKET_CAP];
    struct query query;
    struct opt opt;
    struct reply reply;
    struct link link;
};

static int setup(void **state)
{
    static char texts[][16] = {"default", "p"}, addresses[FAT][24], hosts[FAT][24];
    static struct zone_record rows[COUNT(records) + 2 * FAT];
    struct policy_rule rules[] = {{texts[0], 0, 1, POLICY_WEIGHT_OF_POOL}};
    const struct policy policy = {.name = texts[1], .rules = rules, .rules_count = 1};
    struct making *making = calloc(1, sizeof *making);
    assert_non_null(making);
    memcpy(rows, records, sizeof records);
    for (unsigned i = 0; i < FAT; i++) { /* more than a pointer reaches: 28 bytes each */
        (void)snprintf(addresses[i], sizeof addresses[i], "2001:db8::%x", i + 1);
        rows[COUNT(records) + i] = (struct zone_record){"target", "AAAA", addresses[i], 300};
        (void)snprintf(hosts[i], sizeof hosts[i], "%u m%03u", i, i);
        rows[COUNT(records) + FAT + i] = (struct zone_record){"many", "MX", hosts[i], 300};
    }
    const struct world_zone zones[] = {{"example.com", rows, COUNT(rows), NULL, 0, 0},
                                       {".", root_records, COUNT(root_records), NULL, 0, 0}};
    world_fixture_make(&making->world, zones, COUNT(zones), &policy);
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

/* Begin a reply of at most `len_max` bytes with this OPT; returns what the zone says. */
static struct found begin_with(struct making *making, const struct opt *opt, const char *name, uint16_t qtype,
                               size_t len_max)
{
    making->opt = *opt;
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

/* Likewise, without an OPT. */
static struct found begin(struct making *making, const char *name, uint16_t qtype, size_t len_max)
{
    return begin_with(making, &(struct opt){0}, name, qtype, len_max);
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

static void expect_counts(ldns_pkt *reply, unsigned answers, unsigned authorities, unsigned additionals,
                          bool tc)
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
        reply_rrset_put(&making->reply, &making->link, found.rrset);
        expect_counts(end(making, len_max), fits ? 2 : 0, 0, 0, !fits);
    }
}

static void test_extras_come_by_name_as_far_as_they_fit(void **state)
{
    struct making *making = *state;
    unsigned least = 3, most = 0;
    for (size_t len_max = 29 + 2 * 22; len_max < 150; len_max++) {
        const struct found found = begin(making, "example.com", QTYPE_MX, len_max);
        reply_rrset_put(&making->reply, &making->link, found.rrset);
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

/* What a referral has of names is its labels once, and a pointer where there could be more. */
/* 75 bytes up to the end of the NS rrset, 16 for each address, 25 for the OPT and an NSID of 10 bytes. */
static void test_the_nsid_has_room_before_glue_that_is_not_needed(void **state)
{
    static const struct identity_text nsid = {"0123456789", 10};
    struct making *making = *state;
    const struct opt opt = {.present = true, .wanted = 1u << OPT_NSID, .nsid = &nsid};
    for (size_t len_max = 75 + 25; len_max < 75 + 2 * 16 + 25 + 20; len_max++) {
        const size_t glue = len_max >= 75 + 2 * 16 + 25 ? 2 : len_max >= 75 + 16 + 25 ? 1 : 0;
        const struct found found = begin_with(making, &opt, "x.sub.example.com", QTYPE_A, len_max);
        reply_referral_put(&making->reply, &making->link, &found);
        assert_int_equal(reply_end(&making->reply), 75 + 16 * glue + 25);
        assert_int_equal(making->reply.truncated, glue == 0);
        assert_int_equal(making->reply.counts[SECTION_ADDITIONAL], glue);
    }
}

static void test_names_in_a_referral_are_pointed_to_wherever_they_stand(void **state)
{
    struct making *making = *state;
    struct found found = begin(making, "x.sub.example.com", QTYPE_A, PACKET_CAP);
    reply_referral_put(&making->reply, &making->link, &found);
    static const uint8_t below[] =
        "\1x\3sub\7example\3com\0\0\1\0\1"                             /* 12: sub at 14, example at 18 */
        "\xc0\x0e\0\2\0\1\0\0\1\x2c\0\x5\2ns\xc0\x0e"                  /* 35: ns.sub at 47 */
        "\xc0\x0e\0\2\0\1\0\0\1\x2c\0\x0b\2ns\5other\xc0\x12"          /* 52: ns.other at 64 */
        "\xc0\x2f\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\x1e\xc0\x40\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\x1f";
    assert_int_equal(writer_len(&making->reply.w), 12 + sizeof below - 1);
    assert_memory_equal(making->packet + 12, below, sizeof below - 1);
    expect_counts(end(making, PACKET_CAP), 0, 2, 2, false);
}

static void test_names_of_the_root_zone_are_pointed_to_as_any_others(void **state)
{
    struct making *making = *state;
    struct found found = begin(making, "x.net", QTYPE_A, PACKET_CAP);
    reply_referral_put(&making->reply, &making->link, &found);
    static const uint8_t root[] =
        "\1x\3net\0\0\1\0\1"                                           /* 12: net at 14 */
        "\xc0\x0e\0\2\0\1\0\0\1\x2c\0\x11\1a\x0cgtld-servers\xc0\x0e"  /* 23: a at 35, gtld-servers at 37 */
        "\xc0\x0e\0\2\0\1\0\0\1\x2c\0\4\1b\xc0\x25"                    /* 52: b at 64 */
        "\xc0\x23\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"
        "\xc0\x23\0\x1c\0\1\0\0\1\x2c\0\x10\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
        "\xc0\x40\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\2";
    assert_int_equal(writer_len(&making->reply.w), 12 + sizeof root - 1);
    assert_memory_equal(making->packet + 12, root, sizeof root - 1);
    expect_counts(end(making, PACKET_CAP), 0, 2, 3, false);
}

static void test_addresses_of_mail_hosts_point_into_the_mx(void **state)
{
    struct making *making = *state;
    struct found found = begin(making, "example.com", QTYPE_MX, PACKET_CAP);
    reply_rrset_put(&making->reply, &making->link, found.rrset);
    /* Behind header, question, 12 bytes of head and the preference; 22 more. */
    static const unsigned owners[] = {43, 65, 65};
    const uint8_t *rr = making->packet + 29 + 2 * 22;
    for (size_t i = 0; i < COUNT(owners); rr += 12 + rr[11], i++)
        assert_int_equal(rr[0] << 8 | rr[1], 0xc000 | owners[i]);
    expect_counts(end(making, PACKET_CAP), 2, 0, 3, false);
}

static void test_addresses_of_an_srv_target_point_to_it(void **state)
{
    struct making *making = *state;
    const struct found found = begin(making, "fat.example.com", QTYPE_ANY, PACKET_CAP);
    reply_rrset_put(&making->reply, &making->link, found.rrset);
    assert_int_equal(writer_len(&making->reply.w), 33 + 12 + 6 + 20 + FAT * 28);
    assert_int_equal(making->packet[33 + 38] << 8 | making->packet[33 + 39], 0xc000 | (33 + 18));
    expect_counts(end(making, PACKET_CAP), 1, 0, FAT, false);
}

static void test_owners_past_the_reach_of_a_pointer_are_written_out(void **state)
{
    struct making *making = *state;
    const struct found found = begin(making, "many.example.com", QTYPE_MX, PACKET_CAP);
    reply_rrset_put(&making->reply, &making->link, found.rrset);
    assert_true(found.rrset->wire_len > 16383);
    assert_int_equal(writer_len(&making->reply.w), 34 + found.rrset->wire_len + 2 * (5 + 2 + 10 + 4));
    ldns_pkt *reply = end(making, PACKET_CAP);
    const ldns_rr_list *extras = ldns_pkt_additional(reply);
    assert_int_equal(ldns_rr_list_rr_count(extras), 2);
    for (size_t i = 0; i < 2; i++) {
        char *owner = ldns_rdf2str(ldns_rr_owner(ldns_rr_list_rr(extras, i)));
        assert_string_equal(owner, "last.example.com.");
        free(owner);
    }
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
    reply_rrset_put(&making->reply, &making->link, found.rrset);
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
        cmocka_unit_test(test_the_nsid_has_room_before_glue_that_is_not_needed),
        cmocka_unit_test(test_names_in_a_referral_are_pointed_to_wherever_they_stand),
        cmocka_unit_test(test_names_of_the_root_zone_are_pointed_to_as_any_others),
        cmocka_unit_test(test_addresses_of_mail_hosts_point_into_the_mx),
        cmocka_unit_test(test_addresses_of_an_srv_target_point_to_it),
        cmocka_unit_test(test_owners_past_the_reach_of_a_pointer_are_written_out),
        cmocka_unit_test(test_a_negative_ttl_is_the_lesser_of_two),
        cmocka_unit_test(test_a_cname_that_does_not_fit_leads_nowhere),
        cmocka_unit_test(test_a_failed_reply_has_lost_its_records),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
