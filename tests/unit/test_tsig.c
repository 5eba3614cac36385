/* tests/unit/test_tsig.c - signatures against ldns, which signs and checks by its own code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/transfer/tsig.h"

#include <ldns/ldns.h>
#include <string.h>
#include <time.h>

enum { NOW_S = 1800000000, MESSAGE_CAP = 1024 };

/* An SOA query with an id, as it stands before it is signed. */
#define QUERY "\x12\x34\0\0\0\1\0\0\0\0\0\0\7example\3com\0\0\6\0\1"

/* A zone with room for one key behind its head. */
struct key_zone {
    struct image_zone zone;
    struct image_key key;
    uint8_t name[16];
    uint8_t secret[16];
};

static const struct key_zone keys = {
    .zone = {.keys_off = offsetof(struct key_zone, key), .keys_count = 1},
    .key = {.name_off = offsetof(struct key_zone, name),
            .secret_off = offsetof(struct key_zone, secret),
            .secret_len = 16,
            .algorithm = TSIG_SHA256},
    .name = "\1k\7example",
    .secret = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
};

/* What ldns calls it. */
#define KEY_NAME   "k.example."
#define KEY_SECRET "AAECAwQFBgcICQoLDA0ODw=="

static struct tsig_chain chain_of(enum tsig_algorithm algorithm)
{
    struct tsig_chain chain;
    tsig_begin(&keys.zone, &keys.key, &chain);
    chain.algorithm = algorithm;
    return chain;
}

/* Sign the query at `now_s`; returns its length. */
static size_t sign(struct tsig_chain *chain, uint8_t message[MESSAGE_CAP], int64_t now_s)
{
    struct writer w = writer_of(message, MESSAGE_CAP);
    writer_bytes(&w, QUERY, sizeof QUERY - 1);
    assert_true(tsig_sign(chain, &w, now_s));
    return writer_len(&w);
}

static void test_ldns_takes_a_row_of_messages_that_we_sign(void **state)
{
    (void)state;
    struct tsig_chain chain = chain_of(TSIG_SHA256);
    ldns_rdf *last_mac = NULL;
    for (unsigned i = 0; i < 3; i++) {
        uint8_t message[MESSAGE_CAP];
        ldns_pkt *pkt;
        const size_t len = sign(&chain, message, time(NULL));
        assert_int_equal(ldns_wire2pkt(&pkt, message, len), LDNS_STATUS_OK);
        assert_true(
            ldns_pkt_tsig_verify_next(pkt, message, len, KEY_NAME, KEY_SECRET, last_mac, i > 0));
        ldns_rdf_deep_free(last_mac);
        last_mac = ldns_rdf_clone(ldns_rr_rdf(ldns_pkt_tsig(pkt), 3));
        ldns_pkt_free(pkt);
    }
    ldns_rdf_deep_free(last_mac);
}

/* A query that ldns has signed; returns its length. */
static size_t ldns_sign(uint8_t message[MESSAGE_CAP])
{
    ldns_pkt *pkt;
    uint8_t *wire;
    size_t len;
    assert_int_equal(ldns_wire2pkt(&pkt, (const uint8_t *)QUERY, sizeof QUERY - 1), LDNS_STATUS_OK);
    assert_int_equal(ldns_pkt_tsig_sign(pkt, KEY_NAME, KEY_SECRET, 300, "hmac-sha256.", NULL),
                     LDNS_STATUS_OK);
    assert_int_equal(ldns_pkt2wire(&wire, pkt, &len), LDNS_STATUS_OK);
    assert_true(len <= MESSAGE_CAP);
    memcpy(message, wire, len);
    free(wire);
    ldns_pkt_free(pkt);
    return len;
}

static void test_we_take_what_ldns_signs(void **state)
{
    (void)state;
    uint8_t message[MESSAGE_CAP];
    struct tsig tsig;
    struct tsig_chain chain = chain_of(TSIG_SHA256);
    const size_t len = ldns_sign(message);
    assert_true(tsig_find(message, len, &tsig));
    assert_int_equal(tsig.off, sizeof QUERY - 1);
    assert_true(tsig_names(&tsig, &keys.zone, &keys.key));
    assert_int_equal(tsig_check(&chain, message, &tsig, time(NULL)), TSIG_OK);
    /* A forwarder may have changed the ID (RFC 8945 5.1). */
    message[0] ^= 0xff;
    chain = chain_of(TSIG_SHA256);
    assert_int_equal(tsig_check(&chain, message, &tsig, time(NULL)), TSIG_OK);
}

static void test_every_algorithm_signs_and_checks(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TSIG_ALGORITHMS; i++) {
        uint8_t message[MESSAGE_CAP];
        struct tsig tsig;
        struct tsig_chain chain = chain_of((enum tsig_algorithm)i);
        const size_t len = sign(&chain, message, NOW_S);
        assert_true(len - (sizeof QUERY - 1) <= tsig_len(&chain));
        assert_true(tsig_parse(message, len, sizeof QUERY - 1, &tsig));
        for (unsigned j = 0; j < TSIG_ALGORITHMS; j++) {
            struct tsig_chain other = chain_of((enum tsig_algorithm)j);
            const enum tsig_error error = tsig_check(&other, message, &tsig, NOW_S);
            assert_true(i == j ? error == TSIG_OK : error == TSIG_BADSIG || error == TSIG_FORMERR);
        }
    }
}

static void test_no_octet_of_a_signed_message_may_change(void **state)
{
    (void)state;
    uint8_t message[MESSAGE_CAP];
    struct tsig tsig;
    struct tsig_chain signer = chain_of(TSIG_SHA256);
    const size_t len = sign(&signer, message, NOW_S);
    for (size_t i = 2; i < len; i++) {
        struct tsig_chain chain = chain_of(TSIG_SHA256);
        message[i] ^= 0x40;
        const bool taken = tsig_find(message, len, &tsig) &&
                           tsig_names(&tsig, &keys.zone, &keys.key) &&
                           tsig_check(&chain, message, &tsig, NOW_S) == TSIG_OK;
        if (taken)
            fail_msg("octet %zu", i);
        message[i] ^= 0x40;
    }
}

static void test_a_message_cut_short_has_no_record(void **state)
{
    (void)state;
    uint8_t message[MESSAGE_CAP];
    struct tsig tsig;
    struct tsig_chain chain = chain_of(TSIG_SHA512);
    const size_t len = sign(&chain, message, NOW_S);
    for (size_t i = 0; i < len; i++)
        assert_false(tsig_find(message, i, &tsig));
    assert_true(tsig_find(message, len, &tsig));
}

static void test_time_counts_within_the_fudge(void **state)
{
    (void)state;
    static const struct {
        int64_t apart_s;
        enum tsig_error error;
    } rows[] = {
        {0, TSIG_OK}, {300, TSIG_OK}, {-300, TSIG_OK}, {301, TSIG_BADTIME}, {-301, TSIG_BADTIME}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t message[MESSAGE_CAP];
        struct tsig tsig;
        struct tsig_chain signer = chain_of(TSIG_SHA256), chain = signer;
        const size_t len = sign(&signer, message, NOW_S);
        assert_true(tsig_parse(message, len, sizeof QUERY - 1, &tsig));
        assert_int_equal(tsig_check(&chain, message, &tsig, NOW_S + rows[i].apart_s),
                         rows[i].error);
    }
}

/* RFC 8945 5.2.2.1: a MAC of which too little is left cannot be; one that is only cut is against our policy,
 * of which is spoken after the time. */
static void test_a_truncated_mac_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint16_t mac_len;
        int64_t late_s;
        enum tsig_error error;
    } rows[] = {{32, 0, TSIG_OK},          {31, 0, TSIG_BADTRUNC}, {16, 0, TSIG_BADTRUNC},
                {16, 301, TSIG_BADTIME},   {15, 0, TSIG_FORMERR},  {0, 0, TSIG_FORMERR},
                {15, 301, TSIG_FORMERR},   {33, 0, TSIG_FORMERR}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t message[MESSAGE_CAP];
        struct tsig tsig;
        struct tsig_chain signer = chain_of(TSIG_SHA256), chain = signer;
        const size_t len = sign(&signer, message, NOW_S);
        assert_true(tsig_parse(message, len, sizeof QUERY - 1, &tsig));
        tsig.mac_len = rows[i].mac_len;
        assert_int_equal(tsig_check(&chain, message, &tsig, NOW_S + rows[i].late_s), rows[i].error);
    }
}

/* RFC 8945 5.3.2: unsigned for a bad key or MAC; signed, with our clock, for a bad time. */
static void test_a_refusal_says_what_is_wrong(void **state)
{
    (void)state;
    static const enum tsig_error errors[] = {TSIG_BADSIG, TSIG_BADKEY, TSIG_BADTIME, TSIG_BADTRUNC};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        uint8_t message[MESSAGE_CAP], reply[MESSAGE_CAP];
        struct tsig request, tsig;
        struct tsig_chain signer = chain_of(TSIG_SHA256), chain = signer;
        assert_true(tsig_parse(message, sign(&signer, message, NOW_S), sizeof QUERY - 1, &request));
        (void)tsig_check(&chain, message, &request, NOW_S + 1000);
        struct writer w = writer_of(reply, sizeof reply);
        writer_bytes(&w, QUERY, sizeof QUERY - 1);
        assert_true(tsig_refuse(&chain, &request, errors[i], &w, NOW_S + 1000));
        assert_true(tsig_find(reply, writer_len(&w), &tsig));
        assert_int_equal(tsig.error, errors[i]);
        assert_true(tsig.signed_s == NOW_S);
        assert_int_equal(tsig.mac_len,
                         errors[i] == TSIG_BADSIG || errors[i] == TSIG_BADKEY ? 0 : 32);
        assert_int_equal(tsig.other_len, errors[i] == TSIG_BADTIME ? 6 : 0);
        if (tsig.other_len > 0)
            assert_memory_equal(tsig.other, "\0\0\x6b\x49\xd5\xe8", 6); /* 1800001000 */
        if (tsig.mac_len > 0)
            assert_int_equal(tsig_check(&signer, reply, &tsig, NOW_S), TSIG_OK);
    }
}

static void test_names_may_be_compressed_but_not_in_circles(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t len;
        bool taken;
    } rows[] = {{"\1k\xc0\x0c", 4, true},
                {"\1k\xc0\x1d", 4, false},
                {"\xc0\x1d", 2, false},
                {"\1k\xc0\xff", 4, false},
                {"\x41k", 2, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t message[MESSAGE_CAP];
        struct tsig tsig;
        struct writer w = writer_of(message, sizeof message);
        writer_bytes(&w, QUERY, sizeof QUERY - 1);
        writer_bytes(&w, rows[i].name, rows[i].len);
        writer_bytes(&w, "\0\xfa\0\xff\0\0\0\0\0\x21\1h\0", 13);
        writer_bytes(&w, "\0\0\0\0\0\0\1\x2c\0\x0a", 10);
        writer_bytes(&w, "0123456789\x12\x34\0\0\0\0", 16);
        memcpy(message + 8, "\0\0\0\1", 4);               /* one additional record */
        message[9 + sizeof QUERY - 1 + rows[i].len] = 29; /* the length of the rdata */
        if (tsig_find(message, writer_len(&w), &tsig) != rows[i].taken)
            fail_msg("row %zu", i);
        if (rows[i].taken)
            assert_memory_equal(tsig.name, "\1k\7example\3com", 15);
    }
}

static int setup(void **state)
{
    (void)state;
    return tsig_start(NULL) == OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ldns_takes_a_row_of_messages_that_we_sign),
        cmocka_unit_test(test_we_take_what_ldns_signs),
        cmocka_unit_test(test_every_algorithm_signs_and_checks),
        cmocka_unit_test(test_no_octet_of_a_signed_message_may_change),
        cmocka_unit_test(test_a_message_cut_short_has_no_record),
        cmocka_unit_test(test_time_counts_within_the_fudge),
        cmocka_unit_test(test_a_truncated_mac_is_refused),
        cmocka_unit_test(test_a_refusal_says_what_is_wrong),
        cmocka_unit_test(test_names_may_be_compressed_but_not_in_circles),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
