#include "compile_fixture.h"
#include "journal_fixture.h"

#include <ldns/ldns.h>

#define JOURNAL_ORIGIN "example.com"
#define SESSION        "gslb.example.com"

enum { TEXT_MAX = 4096, RECORDS_MAX = 6 };

/* What deltas say ------------------------------------------------------------------------------------- */

/* The RRs from `off` on as the answers of a message, which the caller frees. */
static ldns_pkt *deltas_parse(const struct image_zone *zone, uint32_t off)
{
    struct buffer message = {0};
    ldns_pkt *pkt;
    unsigned count = 0;
    const uint32_t end = image_deltas_end(zone);
    (void)buffer_put(&message, "\0\0\x80\0\0\1\0\0\0\0\0\0", 12);
    (void)buffer_put(&message, image_at(zone, zone->name_off), zone->name_len);
    (void)buffer_put(&message, "\0\xfb\0\1", 4);
    (void)buffer_put(&message, image_at(zone, off), end - off);
    for (; off < end; off += (uint32_t)image_delta_rr_len(image_at(zone, off)))
        count++;
    message.bytes[6] = (uint8_t)(count >> 8);
    message.bytes[7] = (uint8_t)count;
    assert_int_equal(ldns_wire2pkt(&pkt, message.bytes, message.len), LDNS_STATUS_OK);
    assert_int_equal(ldns_pkt_ancount(pkt), count);
    buffer_fini(&message);
    return pkt;
}

/* "1: -a.example.com. 300 IN A 192.0.2.1; 2: +...; " of the whole journal; "" when there is none. */
static void journal_print(const struct image_zone *zone, char text[TEXT_MAX])
{
    const struct image_delta *deltas = image_at(zone, zone->deltas_off);
    unsigned soas = 0;
    text[0] = '\0';
    if (zone->deltas_count == 0)
        return;
    ldns_pkt *pkt = deltas_parse(zone, deltas->wire_off);
    for (size_t i = 0; i < ldns_pkt_ancount(pkt); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(ldns_pkt_answer(pkt), i);
        const bool soa = ldns_rr_get_type(rr) == LDNS_RR_TYPE_SOA;
        char *line = soa ? ldns_rdf2str(ldns_rr_rdf(rr, 2)) : ldns_rr2str(rr);
        const size_t len = strlen(text);
        for (char *p = line; *p; p++)
            *p = *p == '\t' ? ' ' : *p == '\n' ? '\0' : *p;
        (void)snprintf(text + len, TEXT_MAX - len, soa ? "%s%s: " : "%s%s; ",
                       soa             ? ""
                       : soas % 2 == 1 ? "-"
                                       : "+",
                       line);
        soas += soa;
        free(line);
    }
    ldns_pkt_free(pkt);
}

static void expect_journal(const struct image_zone *zone, const char *wanted)
{
    char text[TEXT_MAX];
    journal_print(zone, text);
    assert_string_equal(text, wanted);
}

/* Zones from records ---------------------------------------------------------------------------------- */

static void test_what_went_and_what_came_is_a_delta(void **state)
{
    (void)state;
    static const struct {
        struct zone_record before[RECORDS_MAX], after[RECORDS_MAX];
        const char *delta;
    } rows[] = {
        {{{0}}, {{0}}, "1: 2: "},
        {{{0}}, {{"a", "A", "192.0.2.1", 5}}, "1: 2: +a.example.com. 5 IN A 192.0.2.1; "},
        {{{"a.b.c", "A", "192.0.2.1", 5}}, {{0}}, "1: -a.b.c.example.com. 5 IN A 192.0.2.1; 2: "},
        {{{"a", "A", "192.0.2.1", 5}},
         {{"a", "A", "192.0.2.2", 5}},
         "1: -a.example.com. 5 IN A 192.0.2.1; 2: +a.example.com. 5 IN A 192.0.2.2; "},
        /* One of many. */
        {{{"a", "A", "192.0.2.1", 5}, {"a", "A", "192.0.2.2", 5}, {"a", "A", "192.0.2.3", 5}},
         {{"a", "A", "192.0.2.3", 5}, {"a", "A", "192.0.2.4", 5}, {"a", "A", "192.0.2.1", 5}},
         "1: -a.example.com. 5 IN A 192.0.2.2; 2: +a.example.com. 5 IN A 192.0.2.4; "},
        /* A TTL is the whole rrset's. */
        {{{"a", "A", "192.0.2.1", 5}, {"a", "A", "192.0.2.2", 5}, {"a", "TXT", "x", 5}},
         {{"a", "A", "192.0.2.1", 6}, {"a", "A", "192.0.2.2", 6}, {"a", "TXT", "x", 5}},
         "1: -a.example.com. 5 IN A 192.0.2.1; -a.example.com. 5 IN A 192.0.2.2; "
         "2: +a.example.com. 6 IN A 192.0.2.1; +a.example.com. 6 IN A 192.0.2.2; "},
        /* A type vanishes, another comes. */
        {{{"a", "A", "192.0.2.1", 5}, {"a", "TXT", "x", 5}},
         {{"a", "AAAA", "2001:db8::1", 5}, {"a", "TXT", "x", 5}},
         "1: -a.example.com. 5 IN A 192.0.2.1; 2: +a.example.com. 5 IN AAAA 2001:db8::1; "},
        /* Names in rdata are cut at the zone's name, and are whole in the message. */
        {{{"@", "MX", "10 a", 5}},
         {{"@", "MX", "10 b", 5}, {"s", "SRV", "1 2 3 b", 5}},
         "1: -example.com. 5 IN MX 10 a.example.com.; "
         "2: +example.com. 5 IN MX 10 b.example.com.; +s.example.com. 5 IN SRV 1 2 3 b.example.com.; "},
        /* A delegation and its glue. */
        {{{"sub", "NS", "ns.sub", 5}, {"ns.sub", "A", "192.0.2.1", 5}},
         {{"sub", "NS", "ns.sub", 5}, {"ns.sub", "A", "192.0.2.2", 5}},
         "1: -ns.sub.example.com. 5 IN A 192.0.2.1; 2: +ns.sub.example.com. 5 IN A 192.0.2.2; "},
        /* Nodes in another order are the same nodes. */
        {{{"a", "A", "192.0.2.1", 5}, {"b", "A", "192.0.2.2", 5}, {"c", "A", "192.0.2.3", 5}},
         {{"c", "A", "192.0.2.3", 5}, {"a", "A", "192.0.2.1", 5}, {"B", "A", "192.0.2.2", 5}},
         "1: 2: "},
        {{{"*.w", "TXT", "x", 5}, {"n.w", "TXT", "x", 5}},
         {{"*.w", "TXT", "y", 5}, {"n.w", "TXT", "x", 5}},
         "1: -*.w.example.com. 5 IN TXT \"x\"; 2: +*.w.example.com. 5 IN TXT \"y\"; "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct zone_fixture before, after;
        version_make(&before, NULL, 1, rows[i].before, RECORDS_MAX);
        version_make(&after, &before, 2, rows[i].after, RECORDS_MAX);
        expect_journal(after.zone, rows[i].delta);
        zone_fixture_free(&before);
        zone_fixture_free(&after);
    }
}

static void test_a_journal_goes_on_and_begins_anew(void **state)
{
    (void)state;
    static const struct zone_record a = {"a", "A", "192.0.2.1", 5};
    static const struct {
        uint32_t serial;
        size_t count; /* of the records above that the version has */
        const char *journal;
    } rows[] = {
        {1, 0, ""},
        {2, 1, "1: 2: +a.example.com. 5 IN A 192.0.2.1; "},
        {2, 1, "1: 2: +a.example.com. 5 IN A 192.0.2.1; "}, /* compiled again for other reasons */
        {9, 1, "1: 2: +a.example.com. 5 IN A 192.0.2.1; 2: 9: "},
        {9, 0, ""}, /* another zone with the same serial */
        {10, 0, "9: 10: "},
        {9, 0, ""},                                   /* back */
        {UINT32_C(0x80000008), 0, "9: 2147483656: "}, /* the furthest that is ahead */
        {UINT32_C(0xffffffff), 0, "9: 2147483656: 2147483656: 4294967295: "},
        {3, 1, "9: 2147483656: 2147483656: 4294967295: 4294967295: 3: +a.example.com. 5 IN A 192.0.2.1; "},
        {UINT32_C(0x80000003), 1, ""}, /* neither ahead nor behind (RFC 1982 3.2) */
    };
    struct zone_fixture last, next;
    version_make(&last, NULL, rows[0].serial, &a, rows[0].count);
    for (size_t i = 1; i < sizeof rows / sizeof *rows; i++) {
        version_make(&next, &last, rows[i].serial, &a, rows[i].count);
        expect_journal(next.zone, rows[i].journal);
        zone_fixture_free(&last);
        last = next;
    }
    zone_fixture_free(&last);
}

static void test_the_soa_alone_may_differ(void **state)
{
    (void)state;
    struct zone_fixture before, last, same, next;
    version_make(&before, NULL, 0, NULL, 0);
    version_make(&last, &before, 1, NULL, 0);
    expect_journal(last.zone, "0: 1: ");
    zone_fixture_begin_with(&same, JOURNAL_ORIGIN,
                            &(struct zone_record){"@", "SOA", "other. h.example. 1 2 3 4 5", 300});
    zone_fixture_record(&same, &(struct zone_record){"@", "NS", "ns.example.", 300});
    zone_fixture_peer(&same);
    same.last = last.zone;
    assert_int_equal(zone_fixture_end(&same), 0);
    expect_journal(same.zone, ""); /* the serial is the same, and the zone is not */
    version_make(&next, &same, 2, NULL, 0);
    ldns_pkt *pkt = deltas_parse(next.zone, image_delta_find(next.zone, 1)->wire_off);
    char *mname = ldns_rdf2str(ldns_rr_rdf(ldns_rr_list_rr(ldns_pkt_answer(pkt), 0), 0));
    assert_string_equal(mname, "other.");
    free(mname);
    ldns_pkt_free(pkt);
    zone_fixture_free(&before);
    zone_fixture_free(&last);
    zone_fixture_free(&same);
    zone_fixture_free(&next);
}

static void test_a_zone_that_nobody_could_copy_has_no_past(void **state)
{
    (void)state;
    struct zone_fixture last, next;
    zone_fixture_must(zone_fixture_make(&last, JOURNAL_ORIGIN,
                                        (const struct zone_record[]){{"@", "NS", "ns.example.", 300}},
                                        1) == 0,
                      "problems");
    version_make(&next, &last, 8, NULL, 0);
    assert_int_equal(next.zone->deltas_count, 0);
    zone_fixture_free(&last);
    zone_fixture_free(&next);
}

/* Bounds ---------------------------------------------------------------------------------------------- */

/* `count` names with as much text each, the same for the same `letter`. */
static struct zone_record *texts_make(size_t count, size_t len, char letter)
{
    enum { NAME_CAP = 16, DATA_CAP = 256 };
    struct zone_record *records = calloc(count, sizeof *records);
    assert_non_null(records);
    assert_true(len < DATA_CAP);
    for (size_t i = 0; i < count; i++) {
        char *name = calloc(1, NAME_CAP), *data = calloc(1, DATA_CAP);
        assert_true(name && data);
        (void)snprintf(name, NAME_CAP, "n%zu", i);
        memset(data, letter, len);
        records[i] = (struct zone_record){name, "TXT", data, 5};
    }
    return records;
}

static void texts_free(struct zone_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free((void *)(uintptr_t)records[i].name);
        free((void *)(uintptr_t)records[i].data);
    }
    free(records);
}

static uint32_t journal_len(const struct image_zone *zone)
{
    const struct image_delta *deltas = image_at(zone, zone->deltas_off);
    return zone->deltas_count > 0 ? image_deltas_end(zone) - deltas->wire_off : 0;
}

static void test_the_newest_deltas_are_kept(void **state)
{
    (void)state;
    struct zone_fixture last, next;
    version_make(&last, NULL, 0, NULL, 0);
    for (uint32_t serial = 1; serial <= 2 * IMAGE_DELTAS_MAX; serial++) {
        version_make(&next, &last, serial, NULL, 0);
        assert_int_equal(next.zone->deltas_count, serial < IMAGE_DELTAS_MAX ? serial : IMAGE_DELTAS_MAX);
        assert_non_null(image_delta_find(next.zone, serial - 1));
        assert_true((image_delta_find(next.zone, serial - next.zone->deltas_count)) != NULL);
        assert_null(image_delta_find(next.zone, serial));
        assert_null(image_delta_find(next.zone, serial - next.zone->deltas_count - 1));
        zone_fixture_free(&last);
        last = next;
    }
    zone_fixture_free(&last);
}

static void test_deltas_are_together_no_longer_than_the_zone(void **state)
{
    (void)state;
    enum { COUNT = 1000, LEN = 100, EDITED = 260 };
    struct zone_record *all = texts_make(COUNT, LEN, 'a'), *part[2];
    struct zone_fixture last, next;
    part[0] = texts_make(EDITED, LEN, 'b');
    part[1] = texts_make(EDITED, LEN, 'c');
    version_make(&last, NULL, 1, all, COUNT);
    struct zone_record edited[COUNT];
    memcpy(edited, all, sizeof edited);
    /* More than a quarter of the zone went and came: more than a half of its length. */
    for (uint32_t serial = 2; serial < 8; serial++) {
        memcpy(edited, part[serial % 2], sizeof *edited * EDITED);
        version_make(&next, &last, serial, edited, COUNT);
        assert_int_equal(next.zone->deltas_count, 1);
        assert_non_null(image_delta_find(next.zone, serial - 1));
        assert_in_range(journal_len(next.zone), 2 * EDITED * LEN, COUNT * (LEN + 32));
        zone_fixture_free(&last);
        last = next;
    }
    /* All of it: the whole is shorter. */
    struct zone_record *other = texts_make(COUNT, LEN, 'd');
    version_make(&next, &last, 8, other, COUNT);
    assert_int_equal(next.zone->deltas_count, 0);
    zone_fixture_free(&next);
    zone_fixture_free(&last);
    texts_free(other, COUNT);
    texts_free(all, COUNT);
    texts_free(part[0], EDITED);
    texts_free(part[1], EDITED);
}

static void test_a_delta_has_a_hard_limit(void **state)
{
    (void)state;
    enum { COUNT = JOURNAL_LEN_MAX / 220, LEN = 200 };
    struct zone_record *before = texts_make(3 * COUNT, LEN, 'a'), *after = texts_make(COUNT, LEN, 'b');
    struct zone_fixture last, next;
    version_make(&last, NULL, 1, before, 3 * (size_t)COUNT);
    struct zone_record *whole = calloc(3 * (size_t)COUNT, sizeof *whole);
    assert_non_null(whole);
    memcpy(whole, before, 3 * (size_t)COUNT * sizeof *whole);
    memcpy(whole, after, COUNT * sizeof *whole);
    version_make(&next, &last, 2, whole, 3 * (size_t)COUNT);
    assert_int_equal(next.zone->deltas_count, 0);
    zone_fixture_free(&next);
    version_make(&next, &last, 2, whole + COUNT, 2 * (size_t)COUNT); /* those of a third went: that fits */
    assert_int_equal(next.zone->deltas_count, 1);
    assert_true(journal_len(next.zone) <= JOURNAL_LEN_MAX);
    zone_fixture_free(&next);
    zone_fixture_free(&last);
    free(whole);
    texts_free(before, 3 * (size_t)COUNT);
    texts_free(after, COUNT);
}

/* Through the compiler -------------------------------------------------------------------------------- */

static int setup(void **state)
{
    (void)fixture_setup_session(state);
    fixture_run(*state, "INSERT INTO transfer(zone, net) VALUES ('" SESSION "', '192.0.2.0/24');"
                        "UPDATE zone SET serial = 2000000000");
    return 0;
}

static const struct image_zone *session_zone(const struct world *world)
{
    return zone_get(world, SESSION);
}

static void test_a_service_changes_as_its_stand_in(void **state)
{
    struct world world = world_of(state);
    deploy(&world);
    fixture_run(world.fixture, "UPDATE rule SET tier = 3 WHERE client = 'default' AND region = 'us'");
    deploy(&world);
    fixture_run(world.fixture,
                "DELETE FROM endpoint WHERE region = 'eu'; INSERT INTO endpoint(service, region, "
                "address) VALUES ('www." SESSION "', 'eu', 'cdn.example.net')");
    deploy(&world);
    const uint32_t serial = session_zone(&world)->serial;
    char wanted[TEXT_MAX];
    (void)snprintf(wanted, sizeof wanted,
                   "2000000000: -www." SESSION ". 30 IN A 203.0.113.1; 2000000001: +www." SESSION
                   ". 30 IN A 198.51.100.1; 2000000001: -www." SESSION
                   ". 30 IN A 198.51.100.1; %u: +www." SESSION ". 30 IN CNAME cdn.example.net.; ",
                   serial);
    expect_journal(session_zone(&world), wanted);
    last_close(&world.last);
}

static void test_a_zone_that_is_copied_or_compiled_again_keeps_its_journal(void **state)
{
    struct world world = world_of(state);
    char before[TEXT_MAX], after[TEXT_MAX];
    static const char *const edits[] = {
        /* Another zone of the store, a monitor (it has zones with services compiled again), a peer. */
        "INSERT INTO zone(name, mname, rname) VALUES ('example.net', 'ns.example.net', 'h@example.net');"
        "INSERT INTO record(zone, name, type, data) VALUES ('example.net', '@', 'NS', 'ns.example.')",
        "INSERT INTO monitor(name, type, port) VALUES ('other', 'tcp', 81)",
        "INSERT INTO transfer(zone, net) VALUES ('" SESSION "', '198.51.100.0/24')",
        "INSERT INTO transfer(zone, net) VALUES ('" SESSION "', '::ffff:192.0.2.1/120')", /* a problem */
    };
    deploy(&world);
    fixture_run(world.fixture, "UPDATE record SET ttl = 9 WHERE type = 'A'");
    deploy(&world);
    journal_print(session_zone(&world), before);
    assert_true(strlen(before) > 0);
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        fixture_run(world.fixture, edits[i]);
        deploy(&world);
        journal_print(session_zone(&world), after);
        assert_string_equal(after, before);
    }
    last_close(&world.last);
}

static void test_only_zones_that_somebody_may_copy_have_a_journal(void **state)
{
    struct world world = world_of(state);
    fixture_run(world.fixture, "DELETE FROM transfer");
    for (unsigned i = 0; i < 2; i++) {
        fixture_run(world.fixture, "UPDATE record SET ttl = coalesce(ttl, 0) + 1 WHERE type = 'A'");
        deploy(&world);
        assert_int_equal(session_zone(&world)->deltas_count, 0);
    }
    fixture_run(world.fixture, "INSERT INTO transfer(zone, net) VALUES ('" SESSION "', '192.0.2.0/24')");
    deploy(&world);
    assert_int_equal(session_zone(&world)->deltas_count, 0);
    fixture_run(world.fixture, "UPDATE record SET ttl = 9 WHERE type = 'A'");
    deploy(&world);
    assert_int_equal(session_zone(&world)->deltas_count, 1);
    fixture_run(world.fixture, "DELETE FROM transfer; UPDATE record SET ttl = 10 WHERE type = 'A'");
    deploy(&world);
    assert_int_equal(session_zone(&world)->deltas_count, 0);
    last_close(&world.last);
}

int main(void)
{
#define with_store(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_went_and_what_came_is_a_delta),
        cmocka_unit_test(test_a_journal_goes_on_and_begins_anew),
        cmocka_unit_test(test_the_soa_alone_may_differ),
        cmocka_unit_test(test_a_zone_that_nobody_could_copy_has_no_past),
        cmocka_unit_test(test_the_newest_deltas_are_kept),
        cmocka_unit_test(test_deltas_are_together_no_longer_than_the_zone),
        cmocka_unit_test(test_a_delta_has_a_hard_limit),
        with_store(test_a_service_changes_as_its_stand_in),
        with_store(test_a_zone_that_is_copied_or_compiled_again_keeps_its_journal),
        with_store(test_only_zones_that_somebody_may_copy_have_a_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
