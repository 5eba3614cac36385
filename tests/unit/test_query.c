#include "common/writer.h"
#include "server/answer/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

/* A literal of bytes and their number. */
#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

#define QUERY_HEAD "\x12\x34\0\0\0\1\0\0\0\0\0\0"
#define QUERY_HEAD_AR1 "\x12\x34\0\0\0\1\0\0\0\0\0\1"
#define QUERY_HEAD_AR2 "\x12\x34\0\0\0\1\0\0\0\0\0\2"
#define WWW "\3WwW\7example\0"
#define ASK_A WWW "\0\1\0\1"
#define OPT "\0\0\x29\4\xd0\0\0\0\0\0\0"
#define OPT_COOKIE "\0\0\x29\4\xd0\0\0\0\0\0\x0c" "\0\x0a\0\x8" "12345678"
#define SIG "\0\0\x18\0\xff\0\0\0\0\0\4abcd"
#define RECORD_A "\0\1\0\1\0\0\0\0\0\4abcd"
#define TSIG "\3key\0\0\xfa\0\xff\0\0\0\0\0\2ab"

static void test_parse_takes_a_plain_question(void **state)
{
    (void)state;
    const uint8_t packet[] = QUERY_HEAD ASK_A;
    struct query query;
    assert_int_equal(query_parse(packet, sizeof packet - 1, 53000, &query), PARSE_OK);
    assert_ptr_equal(query.name, packet + 12);
    assert_int_equal(query.question_len, 17);
    assert_int_equal(query.qtype, QTYPE_A);
    assert_int_equal(query.qclass, QCLASS_IN);
    assert_false(query.edns.present);
}

static void test_parse_drops_what_a_reply_could_harm(void **state)
{
    (void)state;
    static const struct {
        const uint8_t *packet;
        size_t len;
        uint16_t port;
        enum drop drop;
    } rows[] = {
        {BYTES(""), 53000, DROP_SHORT},
        {BYTES("\x12\x34\0\0\0\1\0\0\0\0\0"), 53000, DROP_SHORT},
        {BYTES("\x12\x34\x80\0\0\1\0\0\0\0\0\0" ASK_A), 53000, DROP_RESPONSE},
        {BYTES("\x12\x34\xf8\0\0\1\0\0\0\0\0\0" ASK_A), 53000, DROP_RESPONSE},
        {BYTES(QUERY_HEAD ASK_A), 0, DROP_PORT},
        {BYTES(QUERY_HEAD ASK_A), 7, DROP_PORT}, /* echo */
        {BYTES(QUERY_HEAD ASK_A), 11, DROP_PORT},
        {BYTES(QUERY_HEAD ASK_A), 13, DROP_PORT},
        {BYTES(QUERY_HEAD ASK_A), 17, DROP_PORT},
        {BYTES(QUERY_HEAD ASK_A), 19, DROP_PORT}, /* chargen */
        {BYTES(QUERY_HEAD ASK_A), 37, DROP_PORT},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct query query;
        assert_int_equal(query_parse(rows[i].packet, rows[i].len, rows[i].port, &query), PARSE_DROP);
        assert_int_equal(query.drop, rows[i].drop);
    }
}

static const struct {
    const char *what;
    const uint8_t *packet;
    size_t len;
    enum rcode rcode;
    uint16_t question_len;
} errors[] = {
    {"opcode NOTIFY", BYTES("\x12\x34\x20\0\0\1\0\0\0\0\0\0" ASK_A), RCODE_NOTIMP, 17},
    {"opcode NOTIFY, version 1",
     BYTES("\x12\x34\x20\0\0\1\0\0\0\0\0\1" ASK_A "\0\0\x29\4\xd0\0\1\0\0\0\0"), RCODE_NOTIMP, 17},
    {"opcode UPDATE, two questions", BYTES("\x12\x34\x28\0\0\2\0\0\0\0\0\0" ASK_A ASK_A),
     RCODE_NOTIMP, 0},
    {"opcode 6, name cut short", BYTES("\x12\x34\x30\0\0\1\0\0\0\0\0\0\3ww"), RCODE_NOTIMP, 0},
    {"opcode 6, bytes behind", BYTES("\x12\x34\x30\0\0\1\0\0\0\0\0\0" ASK_A "x"), RCODE_NOTIMP, 0},
    {"opcode 15", BYTES("\x12\x34\x78\0\0\0\0\0\0\0\0\0"), RCODE_NOTIMP, 0},
    {"no question", BYTES("\x12\x34\0\0\0\0\0\0\0\0\0\0"), RCODE_FORMERR, 0},
    {"two questions", BYTES("\x12\x34\0\0\0\2\0\0\0\0\0\0" ASK_A ASK_A), RCODE_FORMERR, 0},
    {"header only", BYTES(QUERY_HEAD), RCODE_FORMERR, 0},
    {"name cut short", BYTES(QUERY_HEAD "\3ww"), RCODE_FORMERR, 0},
    {"name without a root", BYTES(QUERY_HEAD "\3www"), RCODE_FORMERR, 0},
    {"class cut short", BYTES(QUERY_HEAD WWW "\0\1\0"), RCODE_FORMERR, 0},
    {"compressed name", BYTES(QUERY_HEAD "\xc0\x0c\0\1\0\1"), RCODE_FORMERR, 0},
    {"label type 0x40", BYTES(QUERY_HEAD "\x43www\0\0\1\0\1"), RCODE_FORMERR, 0},
    {"answers", BYTES("\x12\x34\0\0\0\1\0\1\0\0\0\0" ASK_A "\0\0\1\0\1\0\0\0\0\0\4abcd"),
     RCODE_FORMERR, 17},
    {"authorities", BYTES("\x12\x34\0\0\0\1\0\0\0\1\0\0" ASK_A "\0\0\1\0\1\0\0\0\0\0\4abcd"),
     RCODE_FORMERR, 17},
    {"bytes behind", BYTES(QUERY_HEAD ASK_A "x"), RCODE_FORMERR, 17},
    {"bytes behind the OPT", BYTES(QUERY_HEAD_AR1 ASK_A OPT "x"), RCODE_FORMERR, 17},
    {"fewer records than counted", BYTES(QUERY_HEAD_AR1 ASK_A), RCODE_FORMERR, 17},
    {"65535 records counted", BYTES("\x12\x34\0\0\0\1\0\0\0\0\xff\xff" ASK_A), RCODE_FORMERR, 17},
    {"two OPT", BYTES(QUERY_HEAD_AR2 ASK_A OPT OPT), RCODE_FORMERR, 17},
    {"OPT with a name", BYTES(QUERY_HEAD_AR1 ASK_A "\1x" OPT), RCODE_FORMERR, 17},
    {"a record cut short", BYTES(QUERY_HEAD_AR1 ASK_A "\0\0\1\0\1\0\0\0\0\0\5abcd"), RCODE_FORMERR, 17},
    {"two OPT, one with a name", BYTES(QUERY_HEAD_AR2 ASK_A OPT "\1x" OPT), RCODE_FORMERR, 17},
    {"TSIG before a record", BYTES(QUERY_HEAD_AR2 ASK_A TSIG SIG), RCODE_FORMERR, 17},
    {"TSIG before OPT", BYTES(QUERY_HEAD_AR2 ASK_A TSIG OPT), RCODE_FORMERR, 17},
    {"TSIG cut short", BYTES(QUERY_HEAD_AR1 ASK_A "\3key\0\0\xfa\0\xff\0\0\0\0\0\3ab"),
     RCODE_FORMERR, 17},
    {"version 1", BYTES(QUERY_HEAD_AR1 ASK_A "\0\0\x29\4\xd0\0\1\0\0\0\0"), RCODE_BADVERS, 17},
    {"version 1 and a bad type", BYTES(QUERY_HEAD_AR1 WWW "\0\0\0\1\0\0\x29\4\xd0\0\1\0\0\0\0"),
     RCODE_BADVERS, 17},
    {"version 1, bytes behind", BYTES(QUERY_HEAD_AR1 ASK_A "\0\0\x29\4\xd0\0\1\0\0\0\0x"),
     RCODE_FORMERR, 17},
    {"type 0", BYTES(QUERY_HEAD WWW "\0\0\0\1"), RCODE_FORMERR, 17},
    {"type OPT", BYTES(QUERY_HEAD WWW "\0\x29\0\1"), RCODE_FORMERR, 17},
    {"type TKEY", BYTES(QUERY_HEAD WWW "\0\xf9\0\1"), RCODE_NOTIMP, 17},
    {"type MAILA", BYTES(QUERY_HEAD WWW "\0\xfe\0\1"), RCODE_NOTIMP, 17},
    {"type IXFR with an A",
     BYTES("\x12\x34\0\0\0\1\0\0\0\1\0\0" WWW "\0\xfb\0\1" "\0\0\1\0\1\0\0\0\0\0\2ab"),
     RCODE_FORMERR, 17},
    {"type IXFR with a short SOA",
     BYTES("\x12\x34\0\0\0\1\0\0\0\1\0\0" WWW "\0\xfb\0\1" "\0\0\6\0\1\0\0\0\0\0\2ab"),
     RCODE_FORMERR, 17},
    {"type AXFR, class CH", BYTES(QUERY_HEAD WWW "\0\xfc\0\4"), RCODE_REFUSED, 17},
    {"owner with label type 0x40", BYTES(QUERY_HEAD_AR1 ASK_A "\x40\0\xfa\0\xff\0\0\0\0\0\0"),
     RCODE_FORMERR, 17},
    {"pointer cut short", BYTES(QUERY_HEAD_AR1 ASK_A "\xc0"), RCODE_FORMERR, 17},
    {"pointer to itself", BYTES(QUERY_HEAD_AR1 ASK_A "\xc0\x1d" RECORD_A), RCODE_FORMERR, 17},
    {"label and a pointer to it", BYTES(QUERY_HEAD_AR1 ASK_A "\1x\xc0\x1d" RECORD_A), RCODE_FORMERR, 17},
    {"pointer forward", BYTES(QUERY_HEAD_AR1 ASK_A "\xc0\x1f" RECORD_A), RCODE_FORMERR, 17},
    {"pointer out of the message", BYTES(QUERY_HEAD_AR1 ASK_A "\xff\xff" RECORD_A), RCODE_FORMERR, 17},
    {"pointer into the header", BYTES(QUERY_HEAD_AR1 ASK_A "\xc0\x0b" RECORD_A), RCODE_FORMERR, 17},
    {"pointer without a question", BYTES("\x12\x34\0\0\0\0\0\0\0\0\0\2" OPT_COOKIE "\xc0\x0c" RECORD_A),
     RCODE_FORMERR, 0},
    {"type IXFR, SOA without room for two names",
     BYTES("\x12\x34\0\0\0\1\0\0\0\1\0\0" WWW "\0\xfb\0\1" "\0\0\6\0\1\0\0\0\0\0\x15\0" "\1\2\3\4"
           "0123456789abcdef"),
     RCODE_FORMERR, 17},
    {"type IXFR with two",
     BYTES("\x12\x34\0\0\0\1\0\0\0\2\0\0" WWW "\0\xfb\0\1" "\0\0\6\0\1\0\0\0\0\0\2ab"),
     RCODE_FORMERR, 17},
    {"class HS", BYTES(QUERY_HEAD WWW "\0\x10\0\4"), RCODE_REFUSED, 17},
    {"no question, an OPT without a cookie", BYTES("\x12\x34\0\0\0\0\0\0\0\0\0\1" OPT), RCODE_FORMERR, 0},
    {"no question, bytes behind the cookie", BYTES("\x12\x34\0\0\0\0\0\0\0\0\0\1" OPT_COOKIE "x"),
     RCODE_FORMERR, 0},
    {"class ANY", BYTES(QUERY_HEAD WWW "\0\1\0\xff"), RCODE_REFUSED, 17},
};

static void test_parse_answers_errors_with_their_rcode(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(errors); i++) {
        struct query query;
        const enum parse parse = query_parse(errors[i].packet, errors[i].len, 53000, &query);
        if (parse != PARSE_ERROR || query.rcode != errors[i].rcode ||
            query.question_len != errors[i].question_len)
            fail_msg("%s: parse %d, rcode %d, question %u", errors[i].what, parse, query.rcode,
                     query.question_len);
    }
}

static void test_another_opcode_has_an_opt_if_it_is_like_a_query(void **state)
{
    (void)state;
    static const struct {
        const uint8_t *packet;
        size_t len;
        bool edns;
    } rows[] = {
        {BYTES("\x12\x34\x20\0\0\1\0\0\0\0\0\1" ASK_A OPT), true},
        {BYTES("\x12\x34\x78\0\0\0\0\0\0\0\0\1" OPT), true},
        {BYTES("\x12\x34\x20\0\0\1\0\1\0\0\0\1" ASK_A SIG OPT), false},
        {BYTES("\x12\x34\x20\0\0\1\0\0\0\0\0\2" ASK_A OPT OPT), false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct query query;
        assert_int_equal(query_parse(rows[i].packet, rows[i].len, 53000, &query), PARSE_ERROR);
        assert_int_equal(query.rcode, RCODE_NOTIMP);
        assert_int_equal(query.edns.present, rows[i].edns);
    }
}

static void test_parse_takes_class_chaos(void **state)
{
    (void)state;
    static const uint8_t packet[] = QUERY_HEAD WWW "\0\x10\0\3";
    struct query query;
    assert_int_equal(query_parse(packet, sizeof packet - 1, 53000, &query), PARSE_OK);
    assert_int_equal(query.qclass, QCLASS_CH);
}

static void test_a_cookie_alone_needs_no_question(void **state)
{
    (void)state;
    static const uint8_t packet[] = "\x12\x34\0\0\0\0\0\0\0\0\0\1" OPT_COOKIE;
    struct query query;
    assert_int_equal(query_parse(packet, sizeof packet - 1, 53000, &query), PARSE_COOKIE);
    assert_int_equal(query.question_len, 0);
    assert_int_equal(query.edns.cookie.len, 8);
}

static void test_parse_sets_aside_what_is_signed_and_transfers(void **state)
{
    (void)state;
    static const struct {
        const uint8_t *packet;
        size_t len;
        unsigned tsig_off, serial; /* 0: none */
    } rows[] = {
        {BYTES(QUERY_HEAD_AR1 ASK_A TSIG), 29, 0},
        {BYTES(QUERY_HEAD_AR2 ASK_A OPT TSIG), 40, 0},
        {BYTES(QUERY_HEAD_AR1 ASK_A "\3key\xc0\x10\0\xfa\0\xff\0\0\0\0\0\2ab"), 29, 0},
        {BYTES(QUERY_HEAD WWW "\0\xfc\0\1"), 0, 0},
        {BYTES("\x12\x34\0\0\0\1\0\0\0\1\0\0" WWW "\0\xfb\0\1" "\xc0\x0c\0\6\0\1\0\0\0\0\0\x16\0\0" "\1\2\3\4"
               "0123456789abcdef"), 0, 0x01020304},
        {BYTES("\x12\x34\0\0\0\1\0\0\0\1\0\1" WWW "\0\xfb\0\1" "\0\0\6\0\1\0\0\0\0\0\x16\0\0" "\1\2\3\4"
               "0123456789abcdef" TSIG), 62, 0x01020304},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct query query;
        assert_int_equal(query_parse(rows[i].packet, rows[i].len, 53000, &query), PARSE_ASIDE);
        assert_int_equal(query.tsig_off, rows[i].tsig_off);
        assert_int_equal(query.has_serial ? query.serial : 0, rows[i].serial);
        assert_int_equal(query.rcode, RCODE_NOERROR);
    }
}

static void test_parse_takes_opt_and_tsig(void **state)
{
    (void)state;
    static const struct {
        const uint8_t *packet;
        size_t len;
        int edns;
    } rows[] = {
        {BYTES(QUERY_HEAD_AR1 ASK_A OPT), 1},
        {BYTES(QUERY_HEAD_AR1 ASK_A TSIG), 0},
        {BYTES(QUERY_HEAD_AR2 ASK_A OPT TSIG), 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct query query;
        const enum parse parse = query_parse(rows[i].packet, rows[i].len, 53000, &query);
        assert_int_equal(parse, query.tsig_off > 0 ? PARSE_ASIDE : PARSE_OK);
        assert_int_equal(query.edns.present, rows[i].edns);
    }
}

static void test_additional_records_that_mean_nothing_to_us_are_stepped_over(void **state)
{
    (void)state;
    static const struct {
        const uint8_t *packet;
        size_t len;
        enum parse parse;
        int edns;
    } rows[] = {
        {BYTES(QUERY_HEAD_AR1 ASK_A SIG), PARSE_OK, 0},
        {BYTES(QUERY_HEAD_AR1 ASK_A "\3www\xc0\x0c\0\1\0\1\0\0\0\0\0\4abcd"), PARSE_OK, 0},
        {BYTES(QUERY_HEAD_AR2 ASK_A OPT SIG), PARSE_OK, 1},
        {BYTES(QUERY_HEAD_AR2 ASK_A SIG OPT), PARSE_OK, 1},
        {BYTES(QUERY_HEAD_AR2 ASK_A SIG TSIG), PARSE_ASIDE, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct query query;
        assert_int_equal(query_parse(rows[i].packet, rows[i].len, 53000, &query), rows[i].parse);
        assert_int_equal(query.edns.present, rows[i].edns);
    }
}

static void test_parse_takes_the_longest_name_and_no_longer(void **state)
{
    (void)state;
    uint8_t packet[12 + 256 + 4] = QUERY_HEAD;
    struct query query;
    for (unsigned i = 0; i < 127; i++) {
        packet[12 + 2 * i] = 1;
        packet[13 + 2 * i] = 'a';
    }
    packet[12 + 254] = 0;
    memcpy(packet + 12 + 255, "\0\1\0\1", 4);
    assert_int_equal(query_parse(packet, 12 + 255 + 4, 53000, &query), PARSE_OK);
    packet[12] = 2; /* one octet more */
    memmove(packet + 15, packet + 14, 256 + 4 - 3);
    assert_int_equal(query_parse(packet, 12 + 256 + 4, 53000, &query), PARSE_ERROR);
    assert_int_equal(query.rcode, RCODE_FORMERR);
}

static void test_parse_takes_all_other_ports(void **state)
{
    (void)state;
    static const uint8_t packet[] = QUERY_HEAD ASK_A;
    static const uint16_t ports[] = {1, 6, 8, 36, 38, 53, 63, 64, 71, 83, 512, 1024, 65535};
    for (size_t i = 0; i < COUNT(ports); i++) {
        struct query query;
        assert_int_equal(query_parse(packet, sizeof packet - 1, ports[i], &query), PARSE_OK);
    }
}

static void test_an_owner_has_as_many_bytes_as_a_name_may(void **state)
{
    (void)state;
    static const struct {
        const char *label; /* the first of 127, of which the others have one byte */
        enum parse parse;
    } rows[] = {{"\1a", PARSE_OK}, {"\2aa", PARSE_ERROR}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t packet[400];
        struct writer w = writer_of(packet, sizeof packet);
        struct query query;
        writer_bytes(&w, QUERY_HEAD_AR1 ASK_A, 29);
        writer_bytes(&w, rows[i].label, strlen(rows[i].label));
        for (unsigned label = 1; label < 127; label++)
            writer_bytes(&w, "\1a", 2);
        writer_bytes(&w, "\0" RECORD_A, 15);
        assert_int_equal(query_parse(packet, writer_len(&w), 53000, &query), rows[i].parse);
    }
}

/* A query whose padding makes it as long as it may be, and the beginning of a longer message. */
static void test_more_than_a_query_may_have_is_malformed(void **state)
{
    (void)state;
    static uint8_t packet[QUERY_LEN_MAX + 1];
    struct writer w = writer_of(packet, sizeof packet);
    const unsigned options_len = QUERY_LEN_MAX - 29 - 11;
    struct query query;
    writer_bytes(&w, QUERY_HEAD_AR1 ASK_A "\0\0\x29\4\xd0\0\0\0\0", 29 + 9);
    writer_u16(&w, options_len);
    writer_u16(&w, EDNS_PADDING);
    writer_u16(&w, options_len - 4);
    assert_int_equal(query_parse(packet, QUERY_LEN_MAX, 53000, &query), PARSE_OK);
    assert_int_equal(query_parse(packet, QUERY_LEN_MAX + 1, 53000, &query), PARSE_ERROR);
    assert_int_equal(query.rcode, RCODE_FORMERR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_takes_a_plain_question),
        cmocka_unit_test(test_parse_drops_what_a_reply_could_harm),
        cmocka_unit_test(test_parse_takes_all_other_ports),
        cmocka_unit_test(test_parse_answers_errors_with_their_rcode),
        cmocka_unit_test(test_another_opcode_has_an_opt_if_it_is_like_a_query),
        cmocka_unit_test(test_parse_takes_class_chaos),
        cmocka_unit_test(test_a_cookie_alone_needs_no_question),
        cmocka_unit_test(test_parse_sets_aside_what_is_signed_and_transfers),
        cmocka_unit_test(test_parse_takes_opt_and_tsig),
        cmocka_unit_test(test_additional_records_that_mean_nothing_to_us_are_stepped_over),
        cmocka_unit_test(test_parse_takes_the_longest_name_and_no_longer),
        cmocka_unit_test(test_an_owner_has_as_many_bytes_as_a_name_may),
        cmocka_unit_test(test_more_than_a_query_may_have_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
