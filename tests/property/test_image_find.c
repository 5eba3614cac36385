/* tests/property/test_image_find.c - lookup in the image against a plain reading of the RFCs over a list of
 * records, on generated zones; and every rrset as ldns reads it against the data that went in.
 */
#include "common/rng.h"
#include "tests/zone_fixture.h"

#include <ldns/ldns.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { ZONES = 3000, RECORDS_MAX = 14, QUERIES = 300, TEXT_MAX = 64 };

struct generated {
    char names[RECORDS_MAX][TEXT_MAX];     /* absolute, without the last dot */
    char relatives[RECORDS_MAX][TEXT_MAX]; /* as in the records */
    struct zone_record records[RECORDS_MAX];
    size_t count;
};

static const char *const origin = "example.test";

static const struct {
    const char *type, *data;
} shapes[] = {
    {"A", "192.0.2.1"},
    {"A", "192.0.2.2"},
    {"AAAA", "2001:db8::1"},
    {"TXT", "\"a b\" c"},
    {"CNAME", "c.a"},
    {"NS", "b.a"},
    {"NS", "ns.example."},
    {"DNAME", "other.test."},
    {"MX", "10 a"},
    {"MX", "20 @"},
    {"DS", "1 8 2 abcdef"},
    {"SRV", "1 2 3 b"},
    {"PTR", "B.Example.TEST."},
};

/* One to three labels of a small alphabet, or none for the apex. */
static void name_make(struct rng *rng, unsigned labels, char relative[TEXT_MAX])
{
    static const char *const alphabet[] = {"a", "b", "c", "*", "A", "\\255", "d"};
    relative[0] = '\0';
    for (unsigned i = 0; i < labels; i++) {
        strcat(relative, i > 0 ? "." : "");
        strcat(relative, alphabet[rng_below(rng, sizeof alphabet / sizeof alphabet[0])]);
    }
}

static void absolute_make(const char *relative, char absolute[TEXT_MAX])
{
    const int len = snprintf(absolute, TEXT_MAX, "%s%s%s", relative, *relative ? "." : "", origin);
    assert_in_range(len, 1, TEXT_MAX - 1);
}

static void record_make(struct generated *zone, const char *relative, const char *type, const char *data)
{
    const size_t i = zone->count++;
    strcpy(zone->relatives[i], *relative ? relative : "@");
    absolute_make(relative, zone->names[i]);
    zone->records[i] = (struct zone_record){zone->relatives[i], type, data, 300};
}

static void zone_make(struct rng *rng, struct generated *zone)
{
    *zone = (struct generated){0};
    record_make(zone, "", "SOA", zone_fixture_soa.data);
    record_make(zone, "", "NS", "a.b");
    for (unsigned left = rng_below(rng, RECORDS_MAX - 2); left > 0; left--) {
        char relative[TEXT_MAX];
        const unsigned shape = rng_below(rng, sizeof shapes / sizeof shapes[0]);
        name_make(rng, 1 + rng_below(rng, 3), relative);
        record_make(zone, relative, shapes[shape].type, shapes[shape].data);
    }
}

/* The oracle: names as text, cut at dots (no generated label has one). ------------------------- */

struct answer {
    enum found_kind kind;
    bool wildcard;
    char node[TEXT_MAX];
    char type[16]; /* of the rrset, "" for none */
};

static bool under(const char *name, const char *ancestor)
{
    const size_t len = strlen(name), top = strlen(ancestor);
    return len >= top && strcasecmp(name + len - top, ancestor) == 0 &&
           (len == top || name[len - top - 1] == '.');
}

static bool exists(const struct generated *zone, const char *name)
{
    for (size_t i = 0; i < zone->count; i++)
        if (under(zone->names[i], name))
            return true;
    return false;
}

static bool owns(const struct generated *zone, const char *name, const char *type)
{
    for (size_t i = 0; i < zone->count; i++)
        if (strcasecmp(zone->names[i], name) == 0 && (!type || strcmp(zone->records[i].type, type) == 0))
            return true;
    return false;
}

static struct answer answer_of(enum found_kind kind, const char *node, const char *type)
{
    struct answer answer = {.kind = kind};
    strcpy(answer.node, node);
    strcpy(answer.type, type);
    return answer;
}

static struct answer node_answer(const struct generated *zone, const char *node, const char *qtype)
{
    if (owns(zone, node, qtype))
        return answer_of(FOUND_RRSET, node, qtype);
    if (strcmp(qtype, "ANY") == 0 && owns(zone, node, NULL))
        return answer_of(FOUND_ANY, node, "");
    if (owns(zone, node, "CNAME"))
        return answer_of(FOUND_CNAME, node, "CNAME");
    return answer_of(FOUND_NODATA, node, "");
}

static const char *parent(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot ? dot + 1 : name + strlen(name);
}

static struct answer oracle(const struct generated *zone, const char *qname, const char *qtype)
{
    struct answer top = {.kind = FOUND_NXDOMAIN};
    /* The topmost cut or DNAME on the way down decides; going up, the last one seen is the topmost. */
    for (const char *name = qname; under(name, origin); name = parent(name)) {
        const bool apex = strcasecmp(name, origin) == 0, whole = name == qname;
        if (!apex && owns(zone, name, "NS") && !(whole && strcmp(qtype, "DS") == 0))
            top = answer_of(FOUND_DELEGATION, name, "NS");
        else if (!whole && owns(zone, name, "DNAME"))
            top = answer_of(FOUND_DNAME, name, "DNAME");
    }
    if (top.kind != FOUND_NXDOMAIN)
        return top;
    if (exists(zone, qname))
        return node_answer(zone, qname, qtype);
    const char *encloser = qname;
    while (!exists(zone, encloser))
        encloser = parent(encloser);
    char wild[TEXT_MAX + 2] = "*.";
    strcat(wild, encloser);
    if (!exists(zone, wild))
        return answer_of(FOUND_NXDOMAIN, encloser, "");
    struct answer answer = node_answer(zone, wild, qtype);
    answer.wildcard = true;
    return answer;
}

static void query_check(const struct zone_fixture *fixture, const struct generated *zone, const char *qname,
                        const char *qtype)
{
    char node[NAME_TEXT_MAX], type[RDATA_TYPE_TEXT_MAX] = "";
    const struct answer want = oracle(zone, qname, qtype);
    const struct found got = zone_fixture_find(fixture, qname, ldns_get_rr_type_by_name(qtype));
    (void)name_print(image_at(fixture->zone, got.node->name_off), node);
    if (got.rrset && got.kind != FOUND_ANY)
        (void)rdata_type_print(got.rrset->type, type);
    if (got.kind == want.kind && got.wildcard == want.wildcard && strcasecmp(node, want.node) == 0 &&
        strcmp(type, want.type) == 0)
        return;
    for (size_t i = 0; i < zone->count; i++)
        print_message("%s %s %s\n", zone->names[i], zone->records[i].type, zone->records[i].data);
    fail_msg("%s %s: kind %d at %s (%s), wildcard %d; should be %d at %s (%s), %d", qname, qtype,
             (int)got.kind, node, type, got.wildcard, (int)want.kind, want.node, want.type, want.wildcard);
}

static void test_find_agrees_with_a_linear_scan(void **state)
{
    static const char *const qtypes[] = {"A",  "AAAA", "NS",  "CNAME", "DNAME",
                                         "DS", "MX",   "TXT", "ANY",   "SOA"};
    struct rng rng;
    unsigned compiled = 0;
    (void)state;
    rng_init(&rng, 4592);
    for (unsigned i = 0; i < ZONES; i++) {
        struct generated zone;
        struct zone_fixture fixture;
        zone_make(&rng, &zone);
        if (zone_fixture_make(&fixture, origin, zone.records, zone.count) == 0) {
            compiled++;
            for (unsigned k = 0; k < QUERIES; k++) {
                char relative[TEXT_MAX], qname[TEXT_MAX];
                name_make(&rng, rng_below(&rng, 6), relative);
                absolute_make(relative, qname);
                query_check(&fixture, &zone, qname,
                            qtypes[rng_below(&rng, sizeof qtypes / sizeof qtypes[0])]);
            }
        }
        zone_fixture_free(&fixture);
    }
    assert_true(compiled > ZONES / 10);
}

/* Wire ----------------------------------------------------------------------------------------- */

/* A reply with the apex as its question, where what is left of pointers leads, and the rrset as its
 * answer. */
static ldns_pkt *reply_parse(const struct zone_fixture *fixture, const struct image_node *node,
                             const struct image_rrset *rrset)
{
    static uint8_t wire[70000];
    const struct image_zone *zone = fixture->zone;
    struct writer w = writer_of(wire, sizeof wire);
    const uint8_t head[12] = {0, 0, 0x84, 0, 0, 1, (uint8_t)(rrset->count >> 8), (uint8_t)rrset->count};
    const uint8_t tail[4] = {0, 1, 0, 1};
    ldns_pkt *reply;
    writer_bytes(&w, head, sizeof head);
    writer_bytes(&w, image_at(zone, zone->name_off), zone->name_len);
    writer_bytes(&w, tail, sizeof tail);
    for (uint32_t off = 0; off < rrset->wire_len;) {
        writer_u16(&w, IMAGE_ZONE_POINTER);
        off = image_rr_put(&w, zone, rrset, image_at(zone, node->name_off), off);
    }
    assert_int_equal(ldns_wire2pkt(&reply, wire, writer_len(&w)), LDNS_STATUS_OK);
    return reply;
}

/* How many records of the list have this owner and the rdata of `rr`. */
static unsigned matches(const struct generated *zone, const char *owner, const ldns_rr *rr)
{
    unsigned count = 0;
    ldns_rdf *above = ldns_dname_new_frm_str(origin);
    for (size_t i = 0; i < zone->count; i++) {
        char line[256];
        ldns_rr *in;
        (void)snprintf(line, sizeof line, "%s. 300 IN %s %s", origin, zone->records[i].type,
                       zone->records[i].data);
        assert_int_equal(ldns_rr_new_frm_str(&in, line, 0, above, NULL), LDNS_STATUS_OK);
        bool same = strcasecmp(zone->names[i], owner) == 0 && ldns_rr_get_type(in) == ldns_rr_get_type(rr);
        for (size_t k = 0; same && k < ldns_rr_rd_count(in); k++)
            same = ldns_rdf_compare(ldns_rr_rdf(in, k), ldns_rr_rdf(rr, k)) == 0 ||
                   (ldns_rdf_get_type(ldns_rr_rdf(in, k)) == LDNS_RDF_TYPE_DNAME &&
                    ldns_dname_compare(ldns_rr_rdf(in, k), ldns_rr_rdf(rr, k)) == 0);
        count += same;
        ldns_rr_free(in);
    }
    ldns_rdf_deep_free(above);
    return count;
}

static unsigned rrsets_check(const struct zone_fixture *fixture, const struct generated *zone)
{
    const struct image_node *node = image_at(fixture->zone, fixture->zone->apex_off);
    unsigned records = 0;
    for (uint32_t i = 0; i < fixture->zone->nodes_count; i++, node++) {
        char owner[NAME_TEXT_MAX];
        const struct image_rrset *rrset = image_at(fixture->zone, node->rrsets_off);
        (void)name_print(image_at(fixture->zone, node->name_off), owner);
        for (unsigned k = 0; k < node->rrsets_count; k++, rrset++) {
            ldns_pkt *reply = reply_parse(fixture, node, rrset);
            const ldns_rr_list *answer = ldns_pkt_answer(reply);
            assert_int_equal(ldns_rr_list_rr_count(answer), rrset->count);
            for (size_t r = 0; r < rrset->count; r++) {
                const unsigned count = matches(zone, owner, ldns_rr_list_rr(answer, r));
                assert_true(count > 0);
                records += count;
            }
            ldns_pkt_free(reply);
        }
    }
    return records;
}

static void test_every_record_comes_back_through_ldns(void **state)
{
    struct rng rng;
    (void)state;
    rng_init(&rng, 1035);
    for (unsigned i = 0; i < ZONES / 4; i++) {
        struct generated zone;
        struct zone_fixture fixture;
        zone_make(&rng, &zone);
        if (zone_fixture_make(&fixture, origin, zone.records, zone.count) == 0)
            assert_int_equal(rrsets_check(&fixture, &zone), zone.count);
        zone_fixture_free(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find_agrees_with_a_linear_scan),
        cmocka_unit_test(test_every_record_comes_back_through_ldns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
