#include "secondary_fixture.h"

#include <ldns/ldns.h>

#define ZONE     "gslb.example.com"
#define LABEL_50 "abcdefghijklmnopqrstuvwxyabcdefghijklmnopqrstuvwxy"

static int rcode_of(const struct secondary *secondary)
{
    assert_true(secondary->len >= 12);
    return secondary->packet[3] & 15;
}

static unsigned answers_of(const struct secondary *secondary)
{
    return (unsigned)(secondary->packet[6] << 8 | secondary->packet[7]);
}

/* What is kept of the last refusal for the log; `zone` NULL: it was for none of ours. */
static void expect_refusal(const struct secondary *secondary, enum refused_kind kind, const char *client,
                           const char *zone)
{
    struct refusal refusal;
    char ip[IP_TEXT_MAX], name[NAME_TEXT_MAX];
    assert_true(refused_find(&secondary->counters->refused[kind], &refusal));
    assert_string_equal(ip_print(&refusal.client, ip), client);
    assert_int_equal(refusal.zone_len > 0, zone != NULL);
    if (zone)
        assert_string_equal(name_print(refusal.zone, name), zone);
}

static void test_a_transfer_is_for_those_who_may(void **state)
{
    struct secondary *secondary = *state;
    static const struct {
        const char *name, *from;
        enum transport transport;
        uint16_t qtype;
        int rcode; /* -1: it begins */
    } rows[] = {
        {ZONE, "192.0.2.7", TRANSPORT_TCP, QTYPE_AXFR, -1},
        {ZONE, "::ffff:192.0.2.7", TRANSPORT_TCP, QTYPE_AXFR, -1},
        {ZONE, "192.0.2.7", TRANSPORT_TCP, QTYPE_IXFR, -1},
        {ZONE, "192.0.3.7", TRANSPORT_TCP, QTYPE_AXFR, RCODE_REFUSED},
        {ZONE, "192.0.3.7", TRANSPORT_TCP, QTYPE_IXFR, RCODE_REFUSED},
        {ZONE, "2001:db8::1", TRANSPORT_TCP, QTYPE_AXFR, RCODE_REFUSED},
        {ZONE, "192.0.2.7", TRANSPORT_UDP, QTYPE_AXFR, RCODE_REFUSED},
        {"www." ZONE, "192.0.2.7", TRANSPORT_TCP, QTYPE_AXFR, RCODE_NOTAUTH},
        {"example.org", "192.0.2.7", TRANSPORT_TCP, QTYPE_AXFR, RCODE_NOTAUTH},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        secondary_write(secondary, rows[i].name, rows[i].qtype, 1, NULL);
        (void)secondary_send(secondary, rows[i].transport, rows[i].from);
        assert_int_equal(secondary->transfer != NULL, rows[i].rcode < 0);
        if (rows[i].rcode >= 0)
            assert_int_equal(rcode_of(secondary), rows[i].rcode);
        if (rows[i].rcode == RCODE_REFUSED)
            expect_refusal(secondary, REFUSED_TRANSFER, rows[i].from, ZONE);
    }
    assert_true(secondary->counters->transfers == 3);
    assert_true(secondary->counters->transfers_refused == 4);
}

/* Zones are of class IN, whatever other class has a zone of that name. */
static void test_a_transfer_of_another_class_is_of_no_zone_of_ours(void **state)
{
    struct secondary *secondary = *state;
    static const uint16_t types[] = {QTYPE_AXFR, QTYPE_IXFR};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        secondary_write(secondary, ZONE, types[i], 1, NULL);
        assert_int_equal(secondary->packet[33], QCLASS_IN);
        secondary->packet[33] = QCLASS_CH;
        (void)secondary_send(secondary, TRANSPORT_TCP, "192.0.2.7");
        assert_null(secondary->transfer);
        assert_int_equal(rcode_of(secondary), RCODE_NOTAUTH);
        assert_int_equal(answers_of(secondary), 0);
    }
}

static void test_a_key_opens_the_zone_from_anywhere(void **state)
{
    struct secondary *secondary = *state;
    struct tsig_chain chain = secondary_chain(secondary);
    secondary_write(secondary, ZONE, QTYPE_AXFR, 0, &chain);
    assert_int_equal(secondary_send(secondary, TRANSPORT_TCP, "198.51.100.1"), 0);
    assert_non_null(secondary->transfer);
}

static void test_an_ixfr_of_what_there_is_gets_one_soa(void **state)
{
    struct secondary *secondary = *state;
    const uint32_t serial = secondary_zone(secondary)->serial;
    const uint32_t current[] = {serial, serial + 1, serial + INT32_MAX},
                   old[] = {serial - 1, serial - INT32_MAX};
    for (size_t i = 0; i < sizeof current / sizeof *current; i++) {
        secondary_write(secondary, ZONE, QTYPE_IXFR, current[i], NULL);
        assert_true(secondary_send(secondary, TRANSPORT_TCP, "192.0.2.7") > 0);
        assert_int_equal(rcode_of(secondary), RCODE_NOERROR);
        assert_int_equal(answers_of(secondary), 1);
    }
    for (size_t i = 0; i < sizeof old / sizeof *old; i++) {
        secondary_write(secondary, ZONE, QTYPE_IXFR, old[i], NULL);
        assert_int_equal(secondary_send(secondary, TRANSPORT_TCP, "192.0.2.7"), 0);
        assert_non_null(secondary->transfer);
        secondary_write(secondary, ZONE, QTYPE_IXFR, old[i], NULL);
        assert_true(secondary_send(secondary, TRANSPORT_UDP, "192.0.2.7") > 0); /* come back over TCP */
        assert_int_equal(answers_of(secondary), 1);
    }
    secondary_write(secondary, ZONE, QTYPE_IXFR, 1, NULL);
    secondary->packet[9] = 0;
    secondary->len = 12 + 18 + 4; /* without its SOA */
    (void)secondary_send(secondary, TRANSPORT_TCP, "192.0.2.7");
    assert_int_equal(rcode_of(secondary), RCODE_FORMERR);
}

/* Compile an edit of the first session's zone; returns the serial before it. */
static uint32_t edit(struct secondary *secondary, const char *sql)
{
    const uint32_t serial = secondary_zone(secondary)->serial;
    fixture_run(secondary->store, sql);
    secondary_deploy(secondary);
    assert_true(secondary_zone(secondary)->serial != serial);
    return serial;
}

/* Append an OPT with this UDP size and no option to an IXFR that is not signed. */
static void opt_append(struct secondary *secondary, unsigned size)
{
    const uint8_t opt[] = {0, 0, 41, (uint8_t)(size >> 8), (uint8_t)size, 0, 0, 0, 0, 0, 0};
    memcpy(secondary->packet + secondary->len, opt, sizeof opt);
    secondary->len += sizeof opt;
    secondary->packet[11] = 1;
}

static void test_over_udp_what_has_changed_comes_if_it_fits(void **state)
{
    struct secondary *secondary = *state;
    const uint32_t first = edit(secondary, "UPDATE record SET ttl = 9 WHERE type = 'A'");
    const uint32_t second = edit(secondary, "UPDATE record SET ttl = 8 WHERE type = 'A'");
    const uint32_t third = edit(
        secondary, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10)"
                   " INSERT INTO record(zone, name, type, data) SELECT 'gslb.example.com', 'x' || i, 'A',"
                   " '192.0.2.' || i FROM n");
    const struct {
        uint32_t serial;
        unsigned size; /* 0: no OPT */
        unsigned answers;
    } rows[] = {
        {third, 0, 2 + 2 + 10},        {third, 512, 2 + 2 + 10}, {second, 512, 1},
        {second, 700, 2 + 4 + 2 + 10}, {first, 700, 1},          {first, 1232, 2 + 6 + 4 + 10},
        {first - 1, 1232, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ldns_pkt *pkt;
        secondary_write(secondary, ZONE, QTYPE_IXFR, rows[i].serial, NULL);
        if (rows[i].size > 0)
            opt_append(secondary, rows[i].size);
        const size_t len = secondary_send(secondary, TRANSPORT_UDP, "192.0.2.7");
        assert_in_range(len, 40, rows[i].size > 0 ? rows[i].size : 512);
        assert_int_equal(answers_of(secondary), rows[i].answers);
        assert_int_equal(ldns_wire2pkt(&pkt, secondary->packet, len), LDNS_STATUS_OK);
        assert_true(ldns_pkt_edns(pkt) == (rows[i].size > 0) && ldns_pkt_aa(pkt) && !ldns_pkt_tc(pkt));
        const ldns_rr_list *answers = ldns_pkt_answer(pkt);
        assert_int_equal(
            ldns_rr_compare(ldns_rr_list_rr(answers, 0), ldns_rr_list_rr(answers, rows[i].answers - 1)), 0);
        ldns_pkt_free(pkt);
    }
    assert_true(secondary->counters->transfers_incremental == 4);
    secondary_write(secondary, ZONE, QTYPE_IXFR, third, NULL);
    assert_true(secondary_send(secondary, TRANSPORT_UDP, "192.0.3.7") > 0);
    assert_int_equal(rcode_of(secondary), RCODE_REFUSED);
}

/* The SOA that ends it is the one that begins it, wherever the pointers in that lead. */
static void test_over_udp_the_names_of_the_last_soa_are_whole(void **state)
{
    struct secondary *secondary = *state;
    fixture_run(secondary->store, "UPDATE zone SET mname = 'ns.example.net', rname = 'h.ns.example.net'");
    secondary_deploy(secondary);
    const uint32_t serial = edit(secondary, "UPDATE record SET ttl = 9 WHERE type = 'A'");
    ldns_pkt *pkt;
    secondary_write(secondary, ZONE, QTYPE_IXFR, serial, NULL);
    assert_true(secondary_send(secondary, TRANSPORT_UDP, "192.0.2.7") > 0);
    assert_int_equal(ldns_wire2pkt(&pkt, secondary->packet, secondary->len), LDNS_STATUS_OK);
    assert_int_equal(ldns_pkt_ancount(pkt), 2 + 2 + 2);
    for (size_t i = 0; i < 6; i += i == 1 ? 2 : i == 3 ? 2 : 1) {
        char *rname = ldns_rdf2str(ldns_rr_rdf(ldns_rr_list_rr(ldns_pkt_answer(pkt), i), 1));
        assert_string_equal(rname, "h.ns.example.net.");
        free(rname);
    }
    ldns_pkt_free(pkt);
}

static void test_what_has_changed_is_signed_over_udp_too(void **state)
{
    struct secondary *secondary = *state;
    const uint32_t first = edit(secondary, "UPDATE record SET ttl = 9 WHERE type = 'A'");
    const uint32_t second = edit(
        secondary, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10)"
                   " INSERT INTO record(zone, name, type, data) SELECT 'gslb.example.com', 'x' || i, 'A',"
                   " '192.0.2.' || i FROM n");
    /* The second fits a datagram, but not with a signature. */
    const struct {
        uint32_t serial;
        unsigned answers;
    } rows[] = {{first, 1}, {second, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tsig_chain chain = secondary_chain(secondary);
        struct tsig tsig;
        secondary_write(secondary, ZONE, QTYPE_IXFR, rows[i].serial, &chain);
        assert_in_range(secondary_send(secondary, TRANSPORT_UDP, "198.51.100.1"), 40, 512);
        assert_int_equal(answers_of(secondary), rows[i].answers);
        assert_true(tsig_find(secondary->packet, secondary->len, &tsig));
        assert_int_equal(tsig_check(&chain, secondary->packet, &tsig, SECONDARY_NOW_S), TSIG_OK);
    }
    const uint32_t third = edit(secondary, "UPDATE record SET ttl = 7 WHERE type = 'NS'");
    struct tsig_chain chain = secondary_chain(secondary);
    struct tsig tsig;
    secondary_write(secondary, ZONE, QTYPE_IXFR, third, &chain);
    (void)secondary_send(secondary, TRANSPORT_UDP, "198.51.100.1");
    assert_int_equal(answers_of(secondary), 2 + 2 + 2);
    assert_true(tsig_find(secondary->packet, secondary->len, &tsig));
    assert_int_equal(tsig_check(&chain, secondary->packet, &tsig, SECONDARY_NOW_S), TSIG_OK);
}

static void test_a_signed_query_gets_a_signed_reply(void **state)
{
    struct secondary *secondary = *state;
    for (enum transport transport = TRANSPORT_UDP; transport <= TRANSPORT_TCP; transport++) {
        struct tsig_chain chain = secondary_chain(secondary);
        struct tsig tsig;
        secondary_write(secondary, ZONE, QTYPE_SOA, 0, &chain);
        assert_true(secondary_send(secondary, transport, "198.51.100.1") > 0);
        assert_int_equal(answers_of(secondary), 1);
        assert_true(tsig_find(secondary->packet, secondary->len, &tsig));
        assert_int_equal(tsig_check(&chain, secondary->packet, &tsig, SECONDARY_NOW_S), TSIG_OK);
    }
}

static void test_a_bad_signature_gets_nothing_else(void **state)
{
    struct secondary *secondary = *state;
    static const struct {
        const char *sql; /* what becomes of the key meanwhile */
        int64_t late_s;
        enum tsig_error error;
    } rows[] = {
        {"UPDATE tsig_key SET secret = 'BAECAwQFBgcICQoLDA0ODw=='", 0, TSIG_BADSIG},
        {"UPDATE tsig_key SET secret = 'AAECAwQFBgcICQoLDA0ODw=='", 301, TSIG_BADTIME},
        {"UPDATE tsig_key SET algorithm = 'hmac-sha512'", 0, TSIG_BADKEY},
        {"DELETE FROM transfer WHERE key IS NOT NULL", 0, TSIG_BADKEY},
    };
    const struct tsig_chain first = secondary_chain(secondary);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tsig_chain chain = first;
        struct tsig tsig;
        fixture_run(secondary->store, rows[i].sql);
        secondary_deploy(secondary);
        secondary_write(secondary, ZONE, QTYPE_AXFR, 0, &chain);
        const size_t asked_len = secondary->len;
        secondary->answerer.now.wall_ms = (SECONDARY_NOW_S + rows[i].late_s) * 1000;
        (void)secondary_send(secondary, TRANSPORT_TCP, "192.0.2.7"); /* the address alone would do */
        assert_null(secondary->transfer);
        assert_int_equal(rcode_of(secondary), RCODE_NOTAUTH);
        assert_int_equal(answers_of(secondary), 0);
        assert_true(tsig_find(secondary->packet, secondary->len, &tsig));
        assert_int_equal(tsig.error, rows[i].error);
        assert_true(secondary->len <= asked_len + 6); /* nothing to be had by forging */
        assert_true(secondary->counters->tsig_refused == i + 1);
        expect_refusal(secondary, REFUSED_TSIG, "192.0.2.7", ZONE);
    }
}

static void test_a_signature_for_none_of_our_zones_is_kept_without_one(void **state)
{
    struct secondary *secondary = *state;
    struct tsig_chain chain = secondary_chain(secondary);
    secondary_write(secondary, "example.org", QTYPE_SOA, 0, &chain);
    (void)secondary_send(secondary, TRANSPORT_TCP, "2001:db8::1");
    assert_int_equal(rcode_of(secondary), RCODE_NOTAUTH);
    expect_refusal(secondary, REFUSED_TSIG, "2001:db8::1", NULL);
}

static void test_a_malformed_signature_is_a_format_error(void **state)
{
    struct secondary *secondary = *state;
    struct tsig_chain chain = secondary_chain(secondary);
    secondary_write(secondary, ZONE, QTYPE_SOA, 0, &chain);
    secondary->packet[secondary->len - 1] = 9; /* other data that is not there */
    (void)secondary_send(secondary, TRANSPORT_TCP, "192.0.2.7");
    assert_int_equal(rcode_of(secondary), RCODE_FORMERR);
    chain = secondary_chain(secondary);
    secondary_write(secondary, ZONE, QTYPE_SOA, 0, &chain);
    const size_t mac_len_off = secondary->len - 6 - 32 - 2; /* of SHA-256 */
    assert_int_equal(secondary->packet[mac_len_off + 1], 32);
    secondary->packet[mac_len_off + 1] = 8;
    memmove(secondary->packet + mac_len_off + 2 + 8, secondary->packet + secondary->len - 6, 6);
    secondary->len -= 24;
    uint8_t *rdata_len = secondary->packet + mac_len_off - 8 - 13 - 1;
    assert_int_equal(*rdata_len, 13 + 8 + 2 + 32 + 6);
    *rdata_len -= 24;
    (void)secondary_send(secondary, TRANSPORT_TCP, "192.0.2.7");
    assert_int_equal(rcode_of(secondary), RCODE_FORMERR);
    struct tsig tsig;
    assert_false(tsig_find(secondary->packet, secondary->len, &tsig));
}

static void test_a_signed_reply_that_does_not_fit_is_truncated(void **state)
{
    struct secondary *secondary = *state;
    fixture_run(secondary->store,
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 27)"
                " INSERT INTO record(zone, name, type, data) SELECT 'gslb.example.com', 'many', 'A',"
                " '192.0.2.' || i FROM n");
    secondary_deploy(secondary);
    struct tsig_chain chain = secondary_chain(secondary);
    struct tsig tsig;
    secondary_write(secondary, "many." ZONE, QTYPE_A, 0, &chain);
    assert_true(secondary_send(secondary, TRANSPORT_UDP, "198.51.100.1") <= 512);
    assert_int_equal(secondary->packet[2] & QUERY_TC, QUERY_TC);
    assert_true(tsig_find(secondary->packet, secondary->len, &tsig));
    assert_int_equal(tsig_check(&chain, secondary->packet, &tsig, SECONDARY_NOW_S), TSIG_OK);
}

/* A question and a key whose names leave no room for a TSIG in 512 bytes. */
static void test_a_refusal_without_room_for_a_signature_is_an_rcode(void **state)
{
    struct secondary *secondary = *state;
    static const char name[] = "twelve-bytes." LABEL_50 "." LABEL_50 "." LABEL_50 "." LABEL_50 "." ZONE;
    struct tsig_chain chain = secondary_chain(secondary);
    struct tsig tsig;
    size_t len;
    assert_int_equal(name_parse(name, chain.name, &len, NULL), OK);
    secondary_write(secondary, name, QTYPE_A, 0, &chain);
    assert_true(secondary_send(secondary, TRANSPORT_UDP, "198.51.100.1") > 0);
    assert_int_equal(rcode_of(secondary), RCODE_NOTAUTH);
    assert_false(tsig_find(secondary->packet, secondary->len, &tsig));
}

/* Append an OPT of 512 bytes with a cookie, a client subnet and a wish for our NSID, and sign. */
static void options_append(struct secondary *secondary, struct tsig_chain *chain)
{
    static const uint8_t opt[] = {0, 0, 41, 2, 0, 0, 0, 0, 0, 0, 40,              /* fixed */
                                  0, 3, 0, 0,                                     /* NSID */
                                  0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8,            /* cookie */
                                  0, 8, 0, 20, 0, 2, 128, 0, 0x20, 1, 0xd, 0xb8}; /* subnet, and 12 bytes */
    struct writer w = writer_of(secondary->packet, sizeof secondary->packet);
    (void)writer_space(&w, secondary->len);
    writer_bytes(&w, opt, sizeof opt);
    writer_bytes(&w, (uint8_t[12]){0}, 12);
    secondary->packet[11] = 1;
    assert_true(tsig_sign(chain, &w, SECONDARY_NOW_S));
    secondary->len = writer_len(&w);
}

/* The longest OPT, and the longest signatures, by keys that the zone has. The answer has 50 addresses. */
static void test_a_signed_reply_has_room_for_its_opt(void **state)
{
    struct secondary *secondary = *state;
    static const char nsid[IDENTITY_NSID_MAX] = "n";
    static const char names[] = LABEL_50 "." LABEL_50 "." LABEL_50 "." LABEL_50 "." ZONE;
    secondary->identity.nsid = (struct identity_text){nsid, sizeof nsid};
    secondary->cookies.copies[0].count = 1;
    fixture_run(secondary->store,
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)"
                " INSERT INTO record(zone, name, type, data) SELECT 'gslb.example.com', 'm', 'A',"
                " '192.0.2.' || i FROM n");
    for (size_t cut = 0; cut < sizeof LABEL_50 - 1; cut += 10) {
        char sql[1024];
        (void)snprintf(sql, sizeof sql,
                       "DELETE FROM transfer WHERE key IS NOT NULL;"
                       "INSERT INTO tsig_key(name, algorithm, secret)"
                       " VALUES ('%s', 'hmac-sha512', 'AAECAwQFBgcICQoLDA0ODw==');"
                       "INSERT INTO transfer(zone, key) VALUES ('gslb.example.com', '%s');",
                       names + cut, names + cut);
        fixture_run(secondary->store, sql);
        secondary_deploy(secondary);
        struct tsig_chain chain = secondary_chain(secondary);
        secondary_write(secondary, "m." ZONE, QTYPE_A, 0, NULL);
        options_append(secondary, &chain);
        (void)secondary_send(secondary, TRANSPORT_UDP, "198.51.100.1");
        assert_true(secondary->len <= 512 && answers_of(secondary) == 0);
        assert_int_equal(secondary->packet[2] & QUERY_TC, secondary->len > 0 ? QUERY_TC : 0);
    }
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, secondary_setup, secondary_teardown)
    const struct CMUnitTest tests[] = {
        test(test_a_transfer_is_for_those_who_may),
        test(test_a_transfer_of_another_class_is_of_no_zone_of_ours),
        test(test_a_key_opens_the_zone_from_anywhere),
        test(test_an_ixfr_of_what_there_is_gets_one_soa),
        test(test_over_udp_what_has_changed_comes_if_it_fits),
        test(test_over_udp_the_names_of_the_last_soa_are_whole),
        test(test_what_has_changed_is_signed_over_udp_too),
        test(test_a_signed_query_gets_a_signed_reply),
        test(test_a_bad_signature_gets_nothing_else),
        test(test_a_signature_for_none_of_our_zones_is_kept_without_one),
        test(test_a_malformed_signature_is_a_format_error),
        test(test_a_signed_reply_that_does_not_fit_is_truncated),
        test(test_a_refusal_without_room_for_a_signature_is_an_rcode),
        test(test_a_signed_reply_has_room_for_its_opt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
