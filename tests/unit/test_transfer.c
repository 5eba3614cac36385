#include "secondary_fixture.h"

#include <ldns/ldns.h>

#define ZONE "gslb.example.com"

/* Begin a transfer from a network that may. */
static void begin(struct secondary *secondary, struct tsig_chain *chain)
{
    secondary_write(secondary, ZONE, QTYPE_AXFR, 0, chain);
    assert_int_equal(secondary_send(secondary, TRANSPORT_TCP, "192.0.2.7"), 0);
    assert_non_null(secondary->transfer);
}

/* The next message's records, as ldns reads them, behind those in `all`. False: there is none. */
static bool next(struct secondary *secondary, ldns_rr_list *all)
{
    uint8_t message[SECONDARY_CAP];
    const size_t len =
        transfer_next(secondary->transfer, message, sizeof message, secondary->answerer.now);
    ldns_pkt *pkt;
    if (len == 0)
        return false;
    assert_int_equal(ldns_wire2pkt(&pkt, message, len), LDNS_STATUS_OK);
    assert_true(ldns_pkt_aa(pkt) && ldns_pkt_qr(pkt));
    assert_int_equal(ldns_pkt_id(pkt), 0x1234);
    assert_int_equal(ldns_pkt_qdcount(pkt), 1);
    assert_true(ldns_pkt_ancount(pkt) > 0);
    ldns_rr_list_cat(all, ldns_pkt_answer(pkt));
    ldns_rr_list_free(ldns_pkt_answer(pkt));
    ldns_pkt_set_answer(pkt, NULL);
    ldns_pkt_free(pkt);
    return true;
}

static ldns_rr_list *take_all(struct secondary *secondary)
{
    ldns_rr_list *all = ldns_rr_list_new();
    while (next(secondary, all))
        continue;
    assert_true(transfer_is_done(secondary->transfer));
    return all;
}

static bool has(const ldns_rr_list *all, const char *text)
{
    ldns_rr *rr;
    assert_int_equal(ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL), LDNS_STATUS_OK);
    const bool found = ldns_rr_list_contains_rr(all, rr);
    ldns_rr_free(rr);
    return found;
}

static void test_a_zone_comes_whole_between_two_soas(void **state)
{
    struct secondary *secondary = *state;
    fixture_run(secondary->store, "INSERT INTO record(zone, name, type, ttl, data) VALUES"
                                  " ('gslb.example.com', '@', 'MX', 5, '10 ns1'), "
                                  "('gslb.example.com', 'a.b.c', 'TXT', 6, '\"x\"'),"
                                  " ('gslb.example.com', '*.w', 'CNAME', 7, 'ns1'), "
                                  "('gslb.example.com', 'sub', 'NS', 8, 'ns.sub'),"
                                  " ('gslb.example.com', 'ns.sub', 'A', 9, '192.0.2.1'), "
                                  "('gslb.example.com', 'www', 'TXT', 9, '\"y\"'),"
                                  " ('gslb.example.com', 'd', 'DNAME', 10, 'example.net.')");
    secondary_deploy(secondary);
    begin(secondary, NULL);
    ldns_rr_list *all = take_all(secondary);
    const size_t count = ldns_rr_list_rr_count(all);
    static const char *const records[] = {
        "gslb.example.com. 300 IN NS ns1.gslb.example.com.",
        "ns1.gslb.example.com. 300 IN A 192.0.2.53",
        "gslb.example.com. 5 IN MX 10 ns1.gslb.example.com.",
        "a.b.c.gslb.example.com. 6 IN TXT \"x\"",
        "*.w.gslb.example.com. 7 IN CNAME ns1.gslb.example.com.",
        "sub.gslb.example.com. 8 IN NS ns.sub.gslb.example.com.",
        "ns.sub.gslb.example.com. 9 IN A 192.0.2.1",
        "www.gslb.example.com. 9 IN TXT \"y\"",
        "d.gslb.example.com. 10 IN DNAME example.net.",
        "www.gslb.example.com. 30 IN A 203.0.113.1",
    };
    for (size_t i = 0; i < sizeof records / sizeof *records; i++)
        if (!has(all, records[i]))
            fail_msg("%s", records[i]);
    assert_int_equal(count, sizeof records / sizeof *records + 2);
    assert_int_equal(ldns_rr_get_type(ldns_rr_list_rr(all, 0)), LDNS_RR_TYPE_SOA);
    assert_int_equal(ldns_rr_compare(ldns_rr_list_rr(all, 0), ldns_rr_list_rr(all, count - 1)), 0);
    ldns_rr_list_deep_free(all);
}

/* Records of which one message holds few, and some that fill one alone. */
static void many_put(struct secondary *secondary)
{
    fixture_run(secondary->store,
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
                " INSERT INTO record(zone, name, type, data) SELECT 'gslb.example.com', 'n' || (i "
                "% 100), 'TXT',"
                " '\"' || i || '-' || hex(zeroblob(i % 100)) || '\"' FROM n;"
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3)"
                " INSERT INTO record(zone, name, type, data) SELECT 'gslb.example.com', 'big' || "
                "i, 'TYPE65280',"
                " '\\# 64900 ' || hex(zeroblob(64900)) FROM n");
    secondary_deploy(secondary);
}

/* Take all messages of a transfer, whose signatures ldns checks; the request was signed with `chain`.
 * Returns the number of records. */
static size_t take_signed(struct secondary *secondary, const struct tsig_chain *chain, unsigned *ret_messages)
{
    ldns_rdf *last_mac = NULL;
    size_t records = 0;
    unsigned messages = 0;
    /* ldns reads its own clock. */
    secondary->answerer.now.wall_ms = (int64_t)time(NULL) * 1000;
    for (;; messages++) {
        static uint8_t message[SECONDARY_CAP];
        const size_t len =
            transfer_next(secondary->transfer, message, sizeof message, secondary->answerer.now);
        ldns_pkt *pkt;
        if (len == 0)
            break;
        assert_int_equal(ldns_wire2pkt(&pkt, message, len), LDNS_STATUS_OK);
        if (messages == 0) {
            ldns_rdf *request_mac;
            uint8_t mac[2 + TSIG_MAC_MAX] = {0, (uint8_t)chain->mac_len};
            memcpy(mac + 2, chain->mac, chain->mac_len);
            request_mac = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_INT16_DATA, 2 + chain->mac_len, mac);
            assert_true(ldns_pkt_tsig_verify_next(pkt, message, len, "k.example.",
                                                  "AAECAwQFBgcICQoLDA0ODw==", request_mac, 0));
            ldns_rdf_deep_free(request_mac);
        } else {
            assert_true(ldns_pkt_tsig_verify_next(pkt, message, len, "k.example.",
                                                  "AAECAwQFBgcICQoLDA0ODw==", last_mac, 1));
        }
        ldns_rdf_deep_free(last_mac);
        last_mac = ldns_rdf_clone(ldns_rr_rdf(ldns_pkt_tsig(pkt), 3));
        records += ldns_pkt_ancount(pkt);
        ldns_pkt_free(pkt);
    }
    ldns_rdf_deep_free(last_mac);
    assert_true(transfer_is_done(secondary->transfer));
    secondary->answerer.now.wall_ms = SECONDARY_NOW_S * INT64_C(1000);
    *ret_messages = messages;
    return records;
}

static void test_many_messages_are_one_zone_and_each_is_signed(void **state)
{
    struct secondary *secondary = *state;
    unsigned messages;
    many_put(secondary);
    struct tsig_chain chain = secondary_chain(secondary);
    begin(secondary, &chain);
    assert_int_equal(take_signed(secondary, &chain, &messages), 3000 + 3 + 2 + 1 + 2);
    assert_true(messages > 10);
}

/* Begin an incremental transfer from a network that may; signed, when there is a chain to begin. */
static void begin_since(struct secondary *secondary, uint32_t serial, struct tsig_chain *chain)
{
    if (chain)
        *chain = secondary_chain(secondary);
    secondary_write(secondary, ZONE, QTYPE_IXFR, serial, chain);
    assert_int_equal(secondary_send(secondary, TRANSPORT_TCP, "192.0.2.7"), 0);
    assert_non_null(secondary->transfer);
}

static void test_what_has_changed_comes_in_many_signed_messages(void **state)
{
    struct secondary *secondary = *state;
    unsigned messages;
    many_put(secondary);
    const uint32_t first = secondary_zone(secondary)->serial;
    fixture_run(secondary->store, "UPDATE record SET ttl = 9 WHERE name = 'n1'");
    secondary_deploy(secondary);
    const uint32_t second = secondary_zone(secondary)->serial;
    fixture_run(secondary->store, "DELETE FROM record WHERE name LIKE 'n_' OR name LIKE 'big%'");
    secondary_deploy(secondary);
    struct tsig_chain chain;
    begin_since(secondary, first, &chain);
    assert_true(transfer_is_incremental(secondary->transfer));
    assert_int_equal(take_signed(secondary, &chain, &messages), 2 + 2 + 30 + 30 + 2 + 10 * 30 + 3);
    assert_true(messages > 4);
    begin_since(secondary, second, &chain);
    assert_int_equal(take_signed(secondary, &chain, &messages), 2 + 2 + 10 * 30 + 3);
    begin_since(secondary, first - 1, &chain); /* of which no journal knows */
    assert_false(transfer_is_incremental(secondary->transfer));
    assert_int_equal(take_signed(secondary, &chain, &messages), 3000 - 10 * 30 + 2 + 1 + 2);
}

/* Append an OPT to the message that has been written. */
static void opt_append(struct secondary *secondary)
{
    static const uint8_t opt[] = {0, 0, QTYPE_OPT, 4, 208, 0, 0, 0x80, 0, 0, 0};
    memcpy(secondary->packet + secondary->len, opt, sizeof opt);
    secondary->len += sizeof opt;
    secondary->packet[11]++;
}

static void test_who_has_edns_gets_an_opt_in_the_first_message(void **state)
{
    struct secondary *secondary = *state;
    uint8_t message[SECONDARY_CAP];
    size_t len;
    unsigned messages = 0;
    many_put(secondary);
    secondary_write(secondary, ZONE, QTYPE_AXFR, 0, NULL);
    opt_append(secondary);
    assert_int_equal(secondary_send(secondary, TRANSPORT_TCP, "192.0.2.7"), 0);
    while ((len = transfer_next(secondary->transfer, message, sizeof message,
                                secondary->answerer.now)) > 0) {
        ldns_pkt *pkt;
        assert_int_equal(ldns_wire2pkt(&pkt, message, len), LDNS_STATUS_OK);
        assert_int_equal(ldns_pkt_edns(pkt), messages == 0);
        assert_int_equal(ldns_pkt_edns_do(pkt), messages == 0);
        ldns_pkt_free(pkt);
        messages++;
    }
    assert_true(messages > 1 && transfer_is_done(secondary->transfer));
}

static void test_a_new_world_does_not_disturb_a_transfer(void **state)
{
    struct secondary *secondary = *state;
    many_put(secondary);
    begin(secondary, NULL);
    ldns_rr_list *all = ldns_rr_list_new();
    assert_true(next(secondary, all));
    fixture_run(secondary->store, "DELETE FROM record WHERE name LIKE 'n_%' AND name <> 'ns1'");
    secondary_deploy(secondary); /* the mapping that it began with is gone */
    while (next(secondary, all))
        continue;
    const size_t count = ldns_rr_list_rr_count(all);
    assert_int_equal(count, 3000 + 3 + 2 + 1 + 2);
    assert_int_equal(ldns_rr_compare(ldns_rr_list_rr(all, 0), ldns_rr_list_rr(all, count - 1)), 0);
    ldns_rr_list_deep_free(all);
}

static void test_a_new_world_does_not_disturb_an_incremental_transfer(void **state)
{
    struct secondary *secondary = *state;
    many_put(secondary);
    const uint32_t serial = secondary_zone(secondary)->serial;
    fixture_run(secondary->store, "DELETE FROM record WHERE name LIKE 'n_' OR name LIKE 'big%'");
    secondary_deploy(secondary);
    begin_since(secondary, serial, NULL);
    fixture_run(secondary->store, "DELETE FROM transfer");
    secondary_deploy(secondary); /* and the new one has no journal */
    assert_int_equal(secondary_zone(secondary)->deltas_count, 0);
    ldns_rr_list *all = take_all(secondary);
    assert_int_equal(ldns_rr_list_rr_count(all), 2 + 2 + 10 * 30 + 3);
    ldns_rr_list_deep_free(all);
}

static void test_transfers_are_bounded_in_number_and_time(void **state)
{
    struct secondary *secondary = *state;
    struct transfer *open[TRANSFERS_MAX];
    for (unsigned i = 0; i < TRANSFERS_MAX; i++) {
        begin(secondary, NULL);
        open[i] = secondary->transfer;
        secondary->transfer = NULL;
    }
    secondary_write(secondary, ZONE, QTYPE_AXFR, 0, NULL);
    assert_true(secondary_send(secondary, TRANSPORT_TCP, "192.0.2.7") > 0);
    assert_int_equal(secondary->packet[3] & 15, RCODE_SERVFAIL);
    for (unsigned i = 0; i < TRANSFERS_MAX; i++)
        transfer_free(&open[i]);
    begin(secondary, NULL);
    uint8_t message[SECONDARY_CAP];
    const struct moment late = {.mono_ms = TRANSFER_MS_MAX + 1};
    assert_int_equal(transfer_next(secondary->transfer, message, sizeof message, late), 0);
    assert_false(transfer_is_done(secondary->transfer));
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, secondary_setup, secondary_teardown)
    const struct CMUnitTest tests[] = {
        test(test_a_zone_comes_whole_between_two_soas),
        test(test_many_messages_are_one_zone_and_each_is_signed),
        test(test_who_has_edns_gets_an_opt_in_the_first_message),
        test(test_what_has_changed_comes_in_many_signed_messages),
        test(test_a_new_world_does_not_disturb_a_transfer),
        test(test_a_new_world_does_not_disturb_an_incremental_transfer),
        test(test_transfers_are_bounded_in_number_and_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
