/* tests/fuzz/fuzz_edns.c - OPT records: what is read from one goes back in the reply's, and is read from
 * that as it was.
 *
 * The first two bytes choose what else the reply has and its room, the rest is an OPT from its class on.
 * ldns is the judge of whether a message with ours is one.
 */
#include "server/answer/opt.h"

#include <assert.h>
#include <ldns/ldns.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { HEADER_LEN = 12, OWNER_AND_TYPE_LEN = 3, NOW_S = 1800000000 };

static const struct cookie_secrets secrets = {.count = 2, .keys = {{{1, 2}}, {{3, 4}}}};
static const struct ip client = {.family = IP_V4, .bytes = {192, 0, 2, 1}};
static const struct ip other = {.family = IP_V4, .bytes = {192, 0, 2, 2}};

/* What the parser promises of any OPT. */
static void parsed_check(const struct edns *edns, enum edns_verdict verdict)
{
    const unsigned bits_max = ip_bits(&edns->subnet.prefix.ip);
    struct ip masked = edns->subnet.prefix.ip;
    if (!edns->present)
        assert(verdict == EDNS_MALFORMED);
    if (verdict != EDNS_OK)
        assert(!edns->subnet.present && edns->cookie.len == 0 && !edns->nsid && !edns->keepalive &&
               !edns->padded);
    assert(!edns->present || edns->udp_size >= EDNS_UDP_SIZE_MIN);
    assert(edns->subnet.prefix.bits <= bits_max);
    ip_mask(&masked, edns->subnet.prefix.bits);
    assert(ip_equal(&masked, &edns->subnet.prefix.ip));
    assert(edns->cookie.len == 0 || edns->cookie.len == COOKIE_CLIENT_LEN ||
           (edns->cookie.len >= COOKIE_CLIENT_LEN + COOKIE_SERVER_LEN_MIN &&
            edns->cookie.len <= COOKIE_LEN_MAX));
}

/* A cookie of ours is good at once, and for nobody else. */
static void cookie_try(const struct cookie *sent, struct opt *opt)
{
    struct cookie given = {.len = COOKIE_OURS_LEN};
    uint8_t again[COOKIE_OURS_LEN];
    if (cookie_check(&secrets, &client, NOW_S, sent, opt->cookie) == COOKIE_ABSENT)
        return;
    memcpy(given.bytes, opt->cookie, sizeof opt->cookie);
    assert(memcmp(given.bytes, sent->bytes, COOKIE_CLIENT_LEN) == 0);
    assert(cookie_check(&secrets, &client, NOW_S, &given, again) == COOKIE_GOOD);
    assert(memcmp(again, given.bytes, sizeof again) == 0);
    assert(cookie_check(&secrets, &other, NOW_S, &given, again) == COOKIE_BAD);
    opt->wanted |= 1u << OPT_COOKIE;
}

/* What was put is what is read. */
static void again_check(const struct edns *edns, const struct opt *opt, const uint8_t *bytes, size_t len)
{
    struct edns again = {0};
    struct reader r = reader_of(bytes, len);
    assert(edns_parse(&r, &again) == EDNS_OK && reader_left(&r) == 0);
    assert(again.present && again.dnssec_ok == edns->dnssec_ok && again.udp_size == EDNS_UDP_SIZE_MAX);
    assert(again.subnet.present == edns->subnet.present &&
           again.subnet.prefix.bits == edns->subnet.prefix.bits &&
           ip_equal(&again.subnet.prefix.ip, &edns->subnet.prefix.ip));
    assert(again.cookie.len == (opt->wanted & 1u << OPT_COOKIE ? COOKIE_OURS_LEN : 0));
    assert(memcmp(again.cookie.bytes, opt->cookie, again.cookie.len) == 0);
}

static void ldns_agrees(const uint8_t *message, size_t len, bool dnssec_ok, unsigned rcode)
{
    ldns_pkt *pkt;
    assert(ldns_wire2pkt(&pkt, message, len) == LDNS_STATUS_OK && ldns_pkt_edns(pkt));
    assert(ldns_pkt_edns_do(pkt) == dnssec_ok && ldns_pkt_edns_version(pkt) == 0);
    assert(ldns_pkt_edns_udp_size(pkt) == EDNS_UDP_SIZE_MAX &&
           ldns_pkt_edns_extended_rcode(pkt) == rcode >> 4);
    ldns_pkt_free(pkt);
}

/* The reply to it: a header and its OPT, in hardly more room than has to be there. */
static void reply_try(const struct edns *edns, unsigned wanted, size_t room)
{
    static const struct identity_text nsid = {"a long name", 11};
    uint8_t message[HEADER_LEN + 2048] = {[11] = 1};
    struct opt opt = {.present = true, .dnssec_ok = edns->dnssec_ok, .subnet = &edns->subnet,
                      .error = OPT_ERROR_STALE_ANSWER, .keepalive_ds = 100, .nsid = &nsid};
    const unsigned rcode = wanted >> 6;
    opt.wanted = wanted & (1u << OPT_ERROR | 1u << OPT_KEEPALIVE | 1u << OPT_NSID | 1u << OPT_PADDING);
    if (edns->subnet.present)
        opt.wanted |= 1u << OPT_SUBNET;
    cookie_try(&edns->cookie, &opt);
    const size_t kept = opt_len_kept(&opt);
    struct writer w = writer_of(message, HEADER_LEN + kept + room);
    (void)writer_space(&w, HEADER_LEN);
    opt_put(&w, &opt, rcode);
    const size_t len = writer_len(&w);
    assert(!w.full && len >= HEADER_LEN + kept);
    again_check(edns, &opt, message + HEADER_LEN + OWNER_AND_TYPE_LEN, len - HEADER_LEN - OWNER_AND_TYPE_LEN);
    if (wanted & 1u << OPT_PADDING && HEADER_LEN + kept + room >= 2 * OPT_PADDING_BLOCK)
        assert(len % OPT_PADDING_BLOCK == 0);
    ldns_agrees(message, len, edns->dnssec_ok, rcode);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 2)
        return 0;
    struct edns edns = {0};
    struct reader r = reader_of(bytes + 2, len - 2);
    const enum edns_verdict verdict = edns_parse(&r, &edns);
    parsed_check(&edns, verdict);
    if (edns.present)
        reply_try(&edns, bytes[0], (size_t)bytes[1] * 4);
    return 0;
}
