/* tests/property/test_journal_apply.c - random edits of random zones: from every serial that a journal
 * knows, the incremental transfer, applied record by record to the zone that had this serial, gives the
 * zone as it is now. Both are what a secondary gets, in messages, as ldns reads them.
 */
#include "common/rng.h"
#include "server/answer/query.h"
#include "server/transfer/transfer.h"
#include "tests/zone_fixture.h"

#include <ldns/ldns.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>

#include <cmocka.h>

enum {
    ZONES = 150,
    VERSIONS = 12,
    NAMES = 24,
    RECORDS_MAX = 80,
    MESSAGE_CAP = 65535,
    ORIGIN_LEN = 14,
};

static const char *const origin = "example.test";
static const uint8_t origin_wire[ORIGIN_LEN] = "\7example\4test";

static const struct {
    const char *type, *data;
} shapes[] = {
    {"A", "192.0.2.1"},
    {"A", "192.0.2.2"},
    {"A", "192.0.2.3"},
    {"AAAA", "2001:db8::1"},
    {"TXT", "\"a b\" c"},
    {"TXT", "c"},
    {"NS", "b.a"},
    {"NS", "ns.example."},
    {"MX", "10 a"},
    {"MX", "20 @"},
    {"SRV", "1 2 3 b"},
    {"PTR", "B.Example.TEST."},
    {"TYPE65280", "\\# 1 00"},
    {"TYPE65280", "\\# 0"},
    {"HTTPS", "1 . alpn=h2"},
    {"DS", "1 8 2 abcdef"},
};

/* The records of a zone at one time; an edit puts one in, takes one out or gives one another TTL. */
struct content {
    struct zone_record records[RECORDS_MAX];
    size_t count;
};

static const char *name_draw(struct rng *rng)
{
    static const char *const names[NAMES] = {
        "@", "a", "b", "c", "d", "a.b",        "b.b", "*.b", "a.a.b", "x.y.z", "y.z", "e",
        "f", "g", "h", "i", "j", "\\255\\000", "*",   "k",   "l.k",   "m.l.k", "n",   "o",
    };
    return names[rng_below(rng, NAMES)];
}

static void record_add(struct rng *rng, struct content *content)
{
    static const uint32_t ttls_s[] = {0, 5, 300};
    const unsigned shape = rng_below(rng, sizeof shapes / sizeof *shapes);
    if (content->count == RECORDS_MAX)
        return;
    struct zone_record *record = &content->records[content->count++];
    *record = (struct zone_record){name_draw(rng), shapes[shape].type, shapes[shape].data,
                                   ttls_s[rng_below(rng, 3)]};
    if (record->name[0] == '*' && strcmp(record->type, "NS") == 0)
        record->name = "a"; /* RFC 4592 4.2 */
}

static void content_edit(struct rng *rng, struct content *content)
{
    for (unsigned left = rng_below(rng, 6); left > 0; left--) {
        const unsigned what = rng_below(rng, 4);
        const size_t at = content->count > 0 ? rng_below(rng, (uint32_t)content->count) : 0;
        if (what < 2 || content->count == 0)
            record_add(rng, content);
        else if (what == 2)
            content->records[at] = content->records[--content->count];
        else
            content->records[at].ttl_s++;
    }
    /* In another order too. */
    for (unsigned left = rng_below(rng, 3); left > 0 && content->count > 1; left--) {
        const size_t a = rng_below(rng, (uint32_t)content->count),
                     b = rng_below(rng, (uint32_t)content->count);
        const struct zone_record record = content->records[a];
        content->records[a] = content->records[b];
        content->records[b] = record;
    }
}

/* Versions -------------------------------------------------------------------------------------------- */

/* A version of the zone, with its pack in memory that can be mapped again, as a worker has it. */
struct version {
    struct zone_fixture fixture;
    struct image pack;
    void *map;
    const struct image_zone *zone;
    uint32_t serial;
};

static void version_map(struct version *version)
{
    const struct buffer *bytes = &version->fixture.pack.bytes;
    version->map = mmap(NULL, bytes->len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(version->map != MAP_FAILED);
    memcpy(version->map, bytes->bytes, bytes->len);
    image_attach(version->map, &version->pack);
    uint32_t cursor = 0;
    version->zone = image_zone_next(&version->pack, &cursor);
}

/* False: the content breaks a rule of zones. */
static bool version_make(struct version *version, const struct version *last, uint32_t serial,
                         const struct content *content)
{
    static const struct zone_record ns = {"@", "NS", "a.b", 300};
    char soa[96];
    (void)snprintf(soa, sizeof soa, "a.b h.%s. %u 7200 1800 1209600 60", origin, serial);
    *version = (struct version){.serial = serial};
    zone_fixture_begin_with(&version->fixture, origin, &(struct zone_record){"@", "SOA", soa, 300});
    zone_fixture_record(&version->fixture, &ns);
    for (size_t i = 0; i < content->count; i++)
        zone_fixture_record(&version->fixture, &content->records[i]);
    zone_fixture_peer(&version->fixture);
    version->fixture.last = last ? last->zone : NULL;
    if (zone_fixture_end(&version->fixture) > 0) {
        zone_fixture_free(&version->fixture);
        return false;
    }
    version_map(version);
    return true;
}

static void version_free(struct version *version)
{
    (void)munmap(version->map, version->fixture.pack.bytes.len);
    zone_fixture_free(&version->fixture);
}

/* Secondaries ----------------------------------------------------------------------------------------- */

/* All records of a transfer, in order. */
static ldns_rr_list *records_take(const struct version *version, enum qtype qtype, uint32_t serial)
{
    static uint8_t message[MESSAGE_CAP];
    uint8_t request[QUERY_HEADER_LEN + ORIGIN_LEN + 4] = {0, 7, 0, 0, 0, 1};
    struct transfers transfers = {0};
    struct transfer *transfer;
    const struct query query = {.name = request + QUERY_HEADER_LEN,
                                .question_len = ORIGIN_LEN + 4,
                                .qtype = (uint16_t)qtype,
                                .serial = serial};
    memcpy(request + QUERY_HEADER_LEN, origin_wire, ORIGIN_LEN);
    memcpy(request + QUERY_HEADER_LEN + ORIGIN_LEN, (uint8_t[]){0, (uint8_t)qtype, 0, 1}, 4);
    assert_int_equal(
        transfer_new(&transfers, &version->pack, version->zone, request, &query, NULL, 0, &transfer), OK);
    assert_true(transfer_is_incremental(transfer) == (qtype == QTYPE_IXFR));
    ldns_rr_list *all = ldns_rr_list_new();
    for (size_t len; (len = transfer_next(transfer, message, sizeof message, (struct moment){0})) > 0;) {
        ldns_pkt *pkt;
        assert_int_equal(ldns_wire2pkt(&pkt, message, len), LDNS_STATUS_OK);
        ldns_rr_list_cat(all, ldns_pkt_answer(pkt));
        ldns_rr_list_free(ldns_pkt_answer(pkt));
        ldns_pkt_set_answer(pkt, NULL);
        ldns_pkt_free(pkt);
    }
    assert_true(transfer_is_done(transfer));
    transfer_free(&transfer);
    return all;
}

static bool is_soa(const ldns_rr *rr)
{
    return ldns_rr_get_type(rr) == LDNS_RR_TYPE_SOA;
}

/* In their TTL too, which ldns leaves out when it compares. */
static bool rr_is_same(const ldns_rr *a, const ldns_rr *b)
{
    return ldns_rr_ttl(a) == ldns_rr_ttl(b) && ldns_rr_compare(a, b) == 0;
}

static size_t zone_find(const ldns_rr_list *zone, const ldns_rr *rr)
{
    size_t i = 0;
    while (i < ldns_rr_list_rr_count(zone) && !rr_is_same(ldns_rr_list_rr(zone, i), rr))
        i++;
    return i;
}

/* Take one record out of a zone, which has to have it. */
static void zone_remove(ldns_rr_list *zone, const ldns_rr *rr)
{
    const size_t at = zone_find(zone, rr);
    assert_true(at < ldns_rr_list_rr_count(zone));
    ldns_rr *last = ldns_rr_list_pop_rr(zone);
    ldns_rr_free(at == ldns_rr_list_rr_count(zone) ? last : ldns_rr_list_set_rr(zone, last, at));
}

/* Put one into a zone, which must not have it. */
static void zone_add(ldns_rr_list *zone, const ldns_rr *rr)
{
    assert_int_equal(zone_find(zone, rr), ldns_rr_list_rr_count(zone));
    assert_true(ldns_rr_list_push_rr(zone, ldns_rr_clone(rr)));
}

/* The zone as an AXFR gives it, with one SOA. */
static ldns_rr_list *zone_copy(const struct version *version)
{
    ldns_rr_list *zone = records_take(version, QTYPE_AXFR, 0);
    ldns_rr_free(ldns_rr_list_pop_rr(zone));
    return zone;
}

/* What RFC 1995 4 has a client do. */
static void deltas_apply(ldns_rr_list *zone, const ldns_rr_list *deltas)
{
    const size_t count = ldns_rr_list_rr_count(deltas);
    bool coming = true;
    assert_true(count >= 4 && rr_is_same(ldns_rr_list_rr(deltas, 0), ldns_rr_list_rr(deltas, count - 1)));
    for (size_t i = 1; i + 1 < count; i++) {
        const ldns_rr *rr = ldns_rr_list_rr(deltas, i);
        coming = is_soa(rr) ? !coming : coming;
        if (coming)
            zone_add(zone, rr);
        else
            zone_remove(zone, rr);
    }
    assert_true(coming);
}

static void expect_same(ldns_rr_list *a, ldns_rr_list *b)
{
    const size_t count = ldns_rr_list_rr_count(a);
    assert_int_equal(count, ldns_rr_list_rr_count(b));
    for (size_t i = 0; i < count; i++)
        assert_true(zone_find(b, ldns_rr_list_rr(a, i)) < count);
}

/* Bring a copy of the older version up to date. False: the journal does not go back so far. */
static bool copy_follows(const struct version *older, const struct version *newest)
{
    if (!image_delta_find(newest->zone, older->serial))
        return false;
    ldns_rr_list *copy = zone_copy(older), *now = zone_copy(newest);
    ldns_rr_list *deltas = records_take(newest, QTYPE_IXFR, older->serial);
    deltas_apply(copy, deltas);
    expect_same(copy, now);
    ldns_rr_list_deep_free(deltas);
    ldns_rr_list_deep_free(copy);
    ldns_rr_list_deep_free(now);
    return true;
}

static void test_deltas_applied_to_an_old_copy_give_the_new_one(void **state)
{
    (void)state;
    unsigned followed = 0;
    struct rng rng;
    rng_init(&rng, 1995);
    for (unsigned i = 0; i < ZONES; i++) {
        struct version versions[VERSIONS];
        struct content content = {0};
        uint32_t serial = (uint32_t)0 - rng_below(&rng, VERSIONS); /* that wraps on its way */
        unsigned count = 0;
        for (unsigned left = rng_below(&rng, RECORDS_MAX); left > 0; left--)
            record_add(&rng, &content);
        for (unsigned tries = 0; tries < VERSIONS; tries++) {
            const struct content before = content;
            content_edit(&rng, &content);
            serial += 1 + rng_below(&rng, 3);
            if (version_make(&versions[count], count > 0 ? &versions[count - 1] : NULL, serial, &content))
                count++;
            else
                content = before;
        }
        for (unsigned k = 0; k + 1 < count; k++)
            followed += copy_follows(&versions[k], &versions[count - 1]);
        while (count > 0)
            version_free(&versions[--count]);
    }
    print_message("%u copies followed\n", followed);
    assert_true(followed > ZONES * VERSIONS / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deltas_applied_to_an_old_copy_give_the_new_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
