/* tests/unit/test_answer_options.c - what a reply has besides its records, and replies that are limited. */
#include "server/answer/answer.h"

#include "server/answer/opt.h"
#include "server/answer/query.h"
#include "tests/world_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))
#define OPTIONS(text) (text), sizeof(text) - 1

enum { CAP = 65535, NOW_S = 1800000000 };

#define COOKIE "\0\x0a\0\x8" "12345678"
#define NSID "\0\3\0\0"
#define KEEPALIVE "\0\x0b\0\0"
#define PADDING "\0\x0c\0\4\0\0\0\0"
#define FIFTY_LETTERS "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"
#define LONG_TEXT "\"" FIFTY_LETTERS FIFTY_LETTERS FIFTY_LETTERS FIFTY_LETTERS "\""

static const struct zone_record records[] = {
    {"@", "NS", "ns", 300}, {"ns", "A", "192.0.2.1", 300}, {"host", "A", "192.0.2.10", 300},
    {"sub", "NS", "ns.elsewhere.test.", 300}, {"long", "TXT", LONG_TEXT " " LONG_TEXT " " LONG_TEXT, 300},
};
static const struct world_service services[] = {
    {.name = "svc", .ttl_s = 30, .pools = {{0, 100, 1, {"198.51.100.1", "2001:db8:e::1"}}}},
};
static const struct world_zone zones[] = {
    {"example.com", records, COUNT(records), services, COUNT(services), 0},
    {"absent.example.com", records, 1, NULL, 0, ZONE_ABSENT},
};

static struct world_fixture fixture;
static struct rrl rrl;

static int setup(void **state)
{
    (void)state;
    static char rule_text[] = "default", policy_name[] = "p";
    static struct policy_rule rule = {rule_text, 0, 1, POLICY_WEIGHT_OF_POOL};
    const struct policy policy = {.name = policy_name, .rules = &rule, .rules_count = 1};
    world_fixture_make(&fixture, zones, COUNT(zones), &policy);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_fixture_fini(&fixture);
    return 0;
}

/* Each test begins with cookies of one secret, a name, and no limit. */
static int renew(void **state)
{
    (void)state;
    cookie_page_set(&fixture.cookies, &(struct cookie_secrets){.count = 1, .keys = {{{1, 2}}}});
    fixture.identity = (struct identity){.version = {"gslbd 1", 7}, .name = {"a.b", 3}, .nsid = {"ams1", 4}};
    fixture.answerer.rrl = NULL;
    fixture.answerer.now = (struct moment){.mono_ms = 5000, .wall_ms = (int64_t)NOW_S * 1000};
    fixture.answerer.tcp_idle_ms = 30000;
    memset(fixture.counters, 0, sizeof *fixture.counters);
    return 0;
}

static struct reading {
    size_t len; /* 0: no reply */
    unsigned rcode, answers, authorities;
    bool authoritative, truncated, opt;
    const uint8_t *options; /* in the packet */
    size_t options_len;
    uint8_t packet[CAP];
} got;

static const uint8_t *name_skip(const uint8_t *at)
{
    return (*at & 0xc0) == 0xc0 ? at + 2 : at + name_len(at);
}

/* Read the reply in got.packet up to the options of its OPT, which has to be the last record. */
static void reply_read(void)
{
    const uint8_t *at = got.packet + 12, *end = got.packet + got.len;
    got.rcode = got.packet[3] & 15;
    got.authoritative = got.packet[2] & 4;
    got.truncated = got.packet[2] & 2;
    got.answers = got.packet[7];
    got.authorities = got.packet[9];
    got.opt = false;
    got.options_len = 0;
    if (got.packet[5])
        at += name_len(at) + 4;
    for (unsigned left = got.answers + got.authorities + got.packet[11]; left > 0; left--) {
        at = name_skip(at);
        const unsigned type = (unsigned)(at[0] << 8 | at[1]);
        const size_t rdata_len = (size_t)(at[8] << 8 | at[9]);
        if (type == 41) {
            assert_int_equal(left, 1);
            got.opt = true;
            got.rcode |= (unsigned)at[4] << 4;
            got.options = at + 10;
            got.options_len = rdata_len;
        }
        at += 10 + rdata_len;
    }
    assert_ptr_equal(at, end);
}

/* An option's value; NULL: it is not there. */
static const uint8_t *option_find(unsigned code, size_t *ret_len)
{
    for (const uint8_t *at = got.options, *end = at + got.options_len; got.options_len > 0 && at < end;) {
        *ret_len = (size_t)(at[2] << 8 | at[3]);
        if ((unsigned)(at[0] << 8 | at[1]) == code)
            return at + 4;
        at += 4 + *ret_len;
    }
    return NULL;
}

static void expect_option(unsigned code, const char *value, size_t value_len)
{
    size_t len = 0;
    const uint8_t *found = option_find(code, &len);
    if (!value) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    assert_int_equal(len, value_len);
    assert_memory_equal(found, value, value_len);
}

struct ask {
    const char *name; /* NULL: no question */
    uint16_t qtype, qclass, udp_size;
    const char *options; /* NULL: no OPT */
    size_t options_len;
};

static size_t ask_put(const struct ask *ask, uint8_t *packet)
{
    struct writer w = writer_of(packet, QUERY_LEN_MAX);
    uint8_t name[NAME_WIRE_MAX];
    size_t len = 0;
    writer_u32(&w, 0x12340000);
    writer_u16(&w, ask->name ? 1 : 0);
    writer_u32(&w, 0);
    writer_u16(&w, ask->options ? 1 : 0);
    if (ask->name) {
        assert_int_equal(name_parse(ask->name, name, &len, NULL), OK);
        writer_bytes(&w, name, len);
        writer_u16(&w, ask->qtype);
        writer_u16(&w, ask->qclass ? ask->qclass : 1);
    }
    if (ask->options) {
        writer_u8(&w, 0);
        writer_u16(&w, 41);
        writer_u16(&w, ask->udp_size ? ask->udp_size : 1232);
        writer_u32(&w, 0);
        writer_u16(&w, (unsigned)ask->options_len);
        writer_bytes(&w, ask->options, ask->options_len);
    }
    assert_false(w.full);
    return writer_len(&w);
}

/* Send the `len` bytes that are in the packet, and read what comes back. */
static void packet_send(enum transport transport, size_t len)
{
    const struct listen peer = {.ip = geo_fixture_ip("192.0.2.200"), .port = 53000};
    got.len = world_reply(&fixture, transport, &peer, got.packet, len,
                          transport == TRANSPORT_UDP ? QUERY_LEN_MAX : CAP);
    if (got.len > 0)
        reply_read();
}

/* Send it and read what comes back; returns the query's length. */
static size_t ask(enum transport transport, const struct ask *ask)
{
    const size_t len = ask_put(ask, got.packet);
    packet_send(transport, len);
    return len;
}

/* The cookie option that the last reply had, as a query has it. */
static struct ask ask_with_cookie(char options[28])
{
    size_t len = 0;
    const uint8_t *cookie = option_find(10, &len);
    assert_non_null(cookie);
    assert_int_equal(len, COOKIE_OURS_LEN);
    memcpy(options, cookie - 4, 28);
    return (struct ask){"host.example.com", QTYPE_A, 1, 1232, options, 28};
}

static const struct ask plain = {"host.example.com", QTYPE_A, 1, 0, NULL, 0};
static const struct ask with_client_cookie = {"host.example.com", QTYPE_A, 1, 1232, OPTIONS(COOKIE)};

/* Cookies -------------------------------------------------------------------------------------- */

static void test_a_cookie_is_given_and_known_again(void **state)
{
    (void)state;
    char options[28];
    for (enum transport transport = TRANSPORT_UDP; transport < TRANSPORTS; transport++) {
        (void)ask(transport, &with_client_cookie);
        assert_int_equal(got.rcode, RCODE_NOERROR);
        assert_int_equal(got.answers, 1);
        const struct ask again = ask_with_cookie(options);
        assert_memory_equal(options + 4, "12345678", 8);
        (void)ask(transport, &again);
        expect_option(10, options + 4, 24);
    }
    assert_int_equal(fixture.counters->cookies[COOKIE_CLIENT], TRANSPORTS);
    assert_int_equal(fixture.counters->cookies[COOKIE_GOOD], TRANSPORTS);
    assert_int_equal(fixture.counters->cookies[COOKIE_BAD], 0);
}

static void test_a_bad_cookie_costs_nothing_while_there_is_no_pressure(void **state)
{
    (void)state;
    static const struct ask bad = {"host.example.com", QTYPE_A, 1, 1232,
                                   OPTIONS("\0\x0a\0\x18" "12345678" "ABCDEFGHABCDEFGH")};
    (void)ask(TRANSPORT_UDP, &bad);
    assert_int_equal(got.rcode, RCODE_NOERROR);
    assert_int_equal(got.answers, 1);
    assert_int_equal(fixture.counters->cookies[COOKIE_BAD], 1);
}

static void test_a_malformed_cookie_is_formerr_without_one(void **state)
{
    (void)state;
    static const struct ask rows[] = {
        {"host.example.com", QTYPE_A, 1, 1232, OPTIONS("\0\x0a\0\0")},
        {"host.example.com", QTYPE_A, 1, 1232, OPTIONS("\0\x0a\0\7" "1234567")},
        {"host.example.com", QTYPE_A, 1, 1232, OPTIONS("\0\x0a\0\x0f" "12345678ABCDEFG")},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        (void)ask(TRANSPORT_UDP, &rows[i]);
        assert_int_equal(got.rcode, RCODE_FORMERR);
        assert_true(got.opt);
        assert_int_equal(got.options_len, 0);
    }
}

static void test_a_cookie_is_to_be_had_without_a_question(void **state)
{
    (void)state;
    char options[28];
    static const struct ask first = {NULL, 0, 0, 1232, OPTIONS(COOKIE)};
    static const struct ask bad = {NULL, 0, 0, 1232, OPTIONS("\0\x0a\0\x18" "12345678" "ABCDEFGHABCDEFGH")};
    (void)ask(TRANSPORT_UDP, &first);
    assert_int_equal(got.rcode, RCODE_NOERROR);
    assert_int_equal(got.len, 12 + 11 + 28);
    struct ask again = ask_with_cookie(options);
    again.name = NULL;
    (void)ask(TRANSPORT_UDP, &again);
    assert_int_equal(got.rcode, RCODE_NOERROR);
    (void)ask(TRANSPORT_UDP, &bad);
    assert_int_equal(got.rcode, RCODE_BADCOOKIE);
    (void)ask_with_cookie(options);
    fixture.cookies = (struct cookie_page){0};
    (void)ask(TRANSPORT_UDP, &first);
    assert_int_equal(got.rcode, RCODE_FORMERR);
}

/* The other options ---------------------------------------------------------------------------- */

static void test_options_come_when_asked_for_and_where_they_belong(void **state)
{
    (void)state;
    static const struct {
        enum transport transport;
        const char *options;
        size_t options_len;
        bool nsid, keepalive, padded;
    } rows[] = {
        {TRANSPORT_UDP, OPTIONS(""), false, false, false},
        {TRANSPORT_TLS, OPTIONS(""), false, false, false},
        {TRANSPORT_UDP, OPTIONS(NSID KEEPALIVE PADDING), true, false, false},
        {TRANSPORT_TCP, OPTIONS(NSID KEEPALIVE PADDING), true, true, false},
        {TRANSPORT_TLS, OPTIONS(NSID KEEPALIVE PADDING), true, true, true},
        {TRANSPORT_TLS, OPTIONS(COOKIE PADDING), false, false, true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct ask query = {"host.example.com", QTYPE_A, 1, 1232, rows[i].options, rows[i].options_len};
        size_t len;
        (void)ask(rows[i].transport, &query);
        assert_int_equal(got.answers, 1);
        expect_option(EDNS_NSID, rows[i].nsid ? "ams1" : NULL, 4);
        expect_option(EDNS_KEEPALIVE, rows[i].keepalive ? "\1\x2c" : NULL, 2);
        assert_int_equal(option_find(EDNS_PADDING, &len) != NULL, rows[i].padded);
        assert_int_equal(got.len % OPT_PADDING_BLOCK == 0, rows[i].padded);
    }
}

static void test_keepalive_is_the_time_that_there_is(void **state)
{
    (void)state;
    static const struct ask query = {"host.example.com", QTYPE_A, 1, 1232, OPTIONS(KEEPALIVE)};
    fixture.answerer.tcp_idle_ms = 2000;
    (void)ask(TRANSPORT_TCP, &query);
    expect_option(EDNS_KEEPALIVE, "\0\x14", 2);
}

static void test_an_nsid_that_is_not_set_is_not_sent(void **state)
{
    (void)state;
    static const struct ask query = {"host.example.com", QTYPE_A, 1, 1232, OPTIONS(NSID)};
    fixture.identity.nsid.bytes = NULL;
    (void)ask(TRANSPORT_UDP, &query);
    assert_true(got.opt);
    assert_int_equal(got.options_len, 0);
}

static void test_an_error_is_explained_to_who_has_edns(void **state)
{
    (void)state;
    static const struct {
        struct ask ask;
        unsigned rcode;
        const char *error;
    } rows[] = {
        {{"example.org", QTYPE_A, 1, 1232, OPTIONS("")}, RCODE_REFUSED, "\0\x14"},
        {{"example.org", QTYPE_A, 1, 0, NULL, 0}, RCODE_REFUSED, NULL},
        {{"example.com", QTYPE_AXFR, 1, 1232, OPTIONS("")}, RCODE_REFUSED, "\0\x12"},
        {{"example.com", QTYPE_A, 4, 1232, OPTIONS("")}, RCODE_REFUSED, "\0\x15"},
        {{"example.com", QTYPE_MAILB, 1, 1232, OPTIONS("")}, RCODE_NOTIMP, "\0\x15"},
        {{"example.com", QTYPE_OPT, 1, 1232, OPTIONS("")}, RCODE_FORMERR, NULL},
        {{"host.example.com", QTYPE_A, 1, 1232, OPTIONS("")}, RCODE_NOERROR, NULL},
        {{"no.example.com", QTYPE_A, 1, 1232, OPTIONS("")}, RCODE_NXDOMAIN, NULL},
        {{"no.absent.example.com", QTYPE_A, 1, 1232, OPTIONS("")}, RCODE_SERVFAIL, "\0\x18"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        (void)ask(TRANSPORT_UDP, &rows[i].ask);
        assert_int_equal(got.rcode, rows[i].rcode);
        assert_int_equal(got.opt, rows[i].ask.options != NULL);
        expect_option(EDNS_ERROR, rows[i].error, 2);
    }
}

static void test_another_opcode_is_explained_to_who_has_edns(void **state)
{
    (void)state;
    static const struct ask query = {"host.example.com", QTYPE_A, 1, 1232, OPTIONS("")};
    const size_t len = ask_put(&query, got.packet);
    got.packet[2] |= 4 << 3; /* NOTIFY */
    packet_send(TRANSPORT_UDP, len);
    assert_int_equal(got.rcode, RCODE_NOTIMP);
    assert_true(got.opt);
    expect_option(EDNS_ERROR, "\0\x15", 2);
}

static void test_a_steered_answer_is_stale_while_nobody_reports_health(void **state)
{
    (void)state;
    static const struct ask steered = {"svc.example.com", QTYPE_A, 1, 1232, OPTIONS("")};
    static const struct ask fixed = {"host.example.com", QTYPE_A, 1, 1232, OPTIONS("")};
    board_sight_set(fixture.board, BOARD_BLIND);
    (void)ask(TRANSPORT_UDP, &steered);
    assert_int_equal(got.answers, 1);
    expect_option(EDNS_ERROR, "\0\3", 2);
    (void)ask(TRANSPORT_UDP, &fixed);
    expect_option(EDNS_ERROR, NULL, 0);
    board_sight_set(fixture.board, BOARD_SEEING);
    (void)ask(TRANSPORT_UDP, &steered);
    expect_option(EDNS_ERROR, NULL, 0);
}

/* What the server says of itself --------------------------------------------------------------- */

static void test_chaos_names_are_answered_or_refused(void **state)
{
    (void)state;
    static const uint8_t answer_wanted[] = "\xc0\x0c\0\x10\0\3\0\0\0\0\0\x8\7gslbd 1";
    static const struct ask version = {"Version.BIND", QTYPE_TXT, 3, 0, NULL, 0};
    static const struct ask refused[] = {
        {"authors.bind", QTYPE_TXT, 3, 1232, OPTIONS("")},
        {"version.bind", QTYPE_A, 3, 0, NULL, 0},
        {"version.bind", QTYPE_TXT, 1, 0, NULL, 0},
        {"example.com", QTYPE_TXT, 3, 0, NULL, 0},
        {"example.com", QTYPE_ANY, 3, 0, NULL, 0},
    };
    (void)ask(TRANSPORT_UDP, &version);
    assert_int_equal(got.rcode, RCODE_NOERROR);
    assert_true(got.authoritative);
    assert_int_equal(got.answers, 1);
    assert_memory_equal(got.packet + got.len - (sizeof answer_wanted - 1), answer_wanted,
                        sizeof answer_wanted - 1);
    for (size_t i = 0; i < COUNT(refused); i++) {
        (void)ask(TRANSPORT_UDP, &refused[i]);
        assert_int_equal(got.rcode, RCODE_REFUSED);
        assert_int_equal(got.answers, 0);
    }
    fixture.identity.version.bytes = NULL;
    (void)ask(TRANSPORT_UDP, &version);
    assert_int_equal(got.rcode, RCODE_REFUSED);
}

static void test_the_longest_text_fits_any_reply(void **state)
{
    (void)state;
    static char text[IDENTITY_TEXT_MAX];
    static const struct ask query = {"version.bind", QTYPE_TXT, 3, 512, OPTIONS(COOKIE NSID)};
    memset(text, 'x', sizeof text);
    fixture.identity.version = (struct identity_text){text, sizeof text};
    (void)ask(TRANSPORT_UDP, &query);
    assert_int_equal(got.answers, 1);
    assert_false(got.truncated);
}

/* Sizes --------------------------------------------------------------------------------------- */

static void test_a_reply_without_records_hardly_grows(void **state)
{
    (void)state;
    static char nsid[IDENTITY_NSID_MAX];
    static const struct ask rows[] = {
        {"example.org", QTYPE_A, 1, 0, NULL, 0},
        {"example.org", QTYPE_A, 1, 1232, OPTIONS("")},
        {"example.org", QTYPE_A, 1, 1232, OPTIONS(NSID)},
        {"example.org", QTYPE_A, 1, 1232, OPTIONS(NSID COOKIE KEEPALIVE PADDING)},
        {"example.org", QTYPE_A, 1, 1232, OPTIONS("\0\x8\0\7\0\1\x18\0\xc1\0\6" COOKIE NSID)},
        {"example.com", QTYPE_AXFR, 1, 1232, OPTIONS(NSID COOKIE)},
        {"example.com", QTYPE_MAILA, 1, 1232, OPTIONS(NSID COOKIE)},
        {NULL, 0, 1, 1232, OPTIONS(NSID COOKIE)},
        {"version.bind", QTYPE_TXT, 4, 1232, OPTIONS(NSID COOKIE)},
    };
    fixture.identity.nsid = (struct identity_text){nsid, sizeof nsid};
    for (size_t i = 0; i < COUNT(rows); i++) {
        const size_t len = ask(TRANSPORT_UDP, &rows[i]);
        assert_int_equal(got.answers + got.authorities, 0);
        assert_true(got.len <= len + (rows[i].options ? ANSWER_GROWTH_MAX : 0));
        expect_option(EDNS_NSID, NULL, 0);
    }
    (void)ask(TRANSPORT_TCP, &rows[2]);
    expect_option(EDNS_NSID, nsid, sizeof nsid);
}

static void test_every_port_0_and_every_reply_is_dropped(void **state)
{
    (void)state;
    const struct listen nowhere = {.ip = geo_fixture_ip("192.0.2.200")}, peer = {nowhere.ip, 1};
    size_t len = ask_put(&plain, got.packet);
    assert_int_equal(answer(&fixture.answerer, TRANSPORT_UDP, &nowhere, got.packet, len, QUERY_LEN_MAX), 0);
    len = ask_put(&plain, got.packet);
    got.packet[2] |= 0x80;
    assert_int_equal(answer(&fixture.answerer, TRANSPORT_UDP, &peer, got.packet, len, QUERY_LEN_MAX), 0);
    assert_int_equal(fixture.counters->drops[DROP_PORT], 1);
    assert_int_equal(fixture.counters->drops[DROP_RESPONSE], 1);
}

/* Rates --------------------------------------------------------------------------------------- */

static void limit(uint32_t rate, uint32_t slip)
{
    rrl_init(&rrl, &(struct rrl_config){.rate = rate, .workers = 1, .slip = slip, .key = {{5, 6}}});
    fixture.answerer.rrl = &rrl;
}

static void test_over_the_rate_replies_are_dropped_or_truncated(void **state)
{
    (void)state;
    limit(3, 2);
    for (unsigned i = 1; i <= 20; i++) {
        const size_t len = ask(TRANSPORT_UDP, &plain);
        if (i <= 3) {
            assert_int_equal(got.answers, 1);
        } else if ((i - 3) % 2 == 0) {
            assert_true(got.truncated);
            assert_int_equal(got.len, len); /* the question */
        } else {
            assert_int_equal(got.len, 0);
        }
    }
    assert_int_equal(fixture.counters->drops[DROP_RATE], 9);
    assert_int_equal(fixture.counters->rate_truncated, 8);
    assert_int_equal(fixture.counters->truncated, 8);
    assert_int_equal(fixture.counters->rcodes[RCODE_NOERROR], 11); /* replies that were sent */
    fixture.answerer.now.mono_ms += 1000;
    (void)ask(TRANSPORT_UDP, &plain);
    assert_int_equal(got.answers, 1);
}

static void test_what_a_reply_says_is_its_class(void **state)
{
    (void)state;
    static const struct ask rows[] = {
        {"host.example.com", QTYPE_A, 1, 0, NULL, 0}, {"no.example.com", QTYPE_A, 1, 0, NULL, 0},
        {"example.org", QTYPE_A, 1, 0, NULL, 0},
    };
    static const struct ask same[] = {
        {"host.example.com", QTYPE_AAAA, 1, 0, NULL, 0}, {"nor.example.com", QTYPE_A, 1, 0, NULL, 0},
        {"x.sub.example.com", QTYPE_A, 1, 0, NULL, 0},
    };
    limit(1, 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        (void)ask(TRANSPORT_UDP, &rows[i]);
        assert_true(got.len > 0);
        (void)ask(TRANSPORT_UDP, &same[i]);
        assert_int_equal(got.len, 0);
    }
}

static void test_who_knows_cookies_is_asked_for_one_instead(void **state)
{
    (void)state;
    char options[28];
    limit(1, 1);
    (void)ask(TRANSPORT_UDP, &with_client_cookie);
    assert_int_equal(got.rcode, RCODE_NOERROR);
    for (unsigned i = 0; i < 5; i++) {
        const size_t len = ask(TRANSPORT_UDP, &with_client_cookie);
        assert_int_equal(got.rcode, RCODE_BADCOOKIE);
        assert_int_equal(got.answers, 0);
        assert_false(got.authoritative);
        assert_true(got.len <= len + ANSWER_GROWTH_MAX);
    }
    const struct ask good = ask_with_cookie(options);
    for (unsigned i = 0; i < 5; i++) {
        (void)ask(TRANSPORT_UDP, &good);
        assert_int_equal(got.rcode, RCODE_NOERROR);
        assert_int_equal(got.answers, 1);
    }
    assert_int_equal(fixture.counters->rate_bad_cookies, 5);
    assert_int_equal(fixture.counters->limited[RRL_ANSWER], 5);
    assert_int_equal(fixture.counters->rcodes[RCODE_BADCOOKIE], 5);
}

/* A cookie that is no good is anybody's to write: it buys no more replies than none. */
static void test_a_demand_for_a_cookie_goes_out_as_often_as_a_truncated_reply(void **state)
{
    (void)state;
    static const unsigned demands[] = {0, 12, 6, 4}; /* of 12 queries over the rate, by slip */
    for (uint32_t slip = 0; slip < COUNT(demands); slip++) {
        unsigned sent = 0;
        limit(1, slip);
        for (unsigned i = 0; i < 13; i++) {
            (void)ask(TRANSPORT_UDP, &with_client_cookie);
            sent += got.len > 0;
        }
        assert_int_equal(sent, 1 + demands[slip]);
    }
}

static void test_a_demand_for_a_cookie_is_not_truncated_where_the_answer_would_be(void **state)
{
    (void)state;
    static const struct ask query = {"long.example.com", QTYPE_TXT, 1, 512, OPTIONS(COOKIE)};
    limit(1, 1);
    (void)ask(TRANSPORT_UDP, &query);
    assert_true(got.truncated);
    (void)ask(TRANSPORT_UDP, &query);
    assert_int_equal(got.rcode, RCODE_BADCOOKIE);
    assert_false(got.truncated);
    assert_int_equal(fixture.counters->truncated, 1);
}

static void test_tcp_is_not_limited(void **state)
{
    (void)state;
    limit(1, 0);
    for (unsigned i = 0; i < 10; i++) {
        (void)ask(i % 2 ? TRANSPORT_TCP : TRANSPORT_TLS, &plain);
        assert_int_equal(got.answers, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_cookie_is_given_and_known_again, renew),
        cmocka_unit_test_setup(test_a_bad_cookie_costs_nothing_while_there_is_no_pressure, renew),
        cmocka_unit_test_setup(test_a_malformed_cookie_is_formerr_without_one, renew),
        cmocka_unit_test_setup(test_a_cookie_is_to_be_had_without_a_question, renew),
        cmocka_unit_test_setup(test_options_come_when_asked_for_and_where_they_belong, renew),
        cmocka_unit_test_setup(test_keepalive_is_the_time_that_there_is, renew),
        cmocka_unit_test_setup(test_an_nsid_that_is_not_set_is_not_sent, renew),
        cmocka_unit_test_setup(test_an_error_is_explained_to_who_has_edns, renew),
        cmocka_unit_test_setup(test_another_opcode_is_explained_to_who_has_edns, renew),
        cmocka_unit_test_setup(test_a_steered_answer_is_stale_while_nobody_reports_health, renew),
        cmocka_unit_test_setup(test_chaos_names_are_answered_or_refused, renew),
        cmocka_unit_test_setup(test_the_longest_text_fits_any_reply, renew),
        cmocka_unit_test_setup(test_a_reply_without_records_hardly_grows, renew),
        cmocka_unit_test_setup(test_every_port_0_and_every_reply_is_dropped, renew),
        cmocka_unit_test_setup(test_over_the_rate_replies_are_dropped_or_truncated, renew),
        cmocka_unit_test_setup(test_what_a_reply_says_is_its_class, renew),
        cmocka_unit_test_setup(test_who_knows_cookies_is_asked_for_one_instead, renew),
        cmocka_unit_test_setup(test_a_demand_for_a_cookie_goes_out_as_often_as_a_truncated_reply, renew),
        cmocka_unit_test_setup(test_a_demand_for_a_cookie_is_not_truncated_where_the_answer_would_be, renew),
        cmocka_unit_test_setup(test_tcp_is_not_limited, renew),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
