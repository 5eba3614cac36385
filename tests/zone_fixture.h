/* tests/zone_fixture.h - a zone from a table of records, compiled into a pack without a store.
 */
#ifndef TESTS_ZONE_FIXTURE_H
#define TESTS_ZONE_FIXTURE_H

#include "zones/compile/blob.h"
#include "zones/compile/draft.h"
#include "zones/compile/journal.h"
#include "zones/compile/pack.h"
#include "zones/compile/stand_in_hint.h"
#include "zones/compile/zone_check.h"
#include "zones/image/image.h"
#include "zones/rdata/rdata.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct zone_record {
    const char *name, *type, *data;
    uint32_t ttl_s;
};

struct zone_fixture {
    struct manifest *manifest; /* with the problems, if any: then there is no image */
    struct draft draft;
    struct pack pack;
    struct image packs[PACKS_MAX];
    const struct image_zone *zone;
    const struct image_zone *last; /* which its journal goes on from; NULL: none */
};

static const struct zone_record zone_fixture_soa = {
    "@", "SOA", "ns.example. hostmaster.example. 7 7200 1800 1209600 60", 300};

static inline void zone_fixture_must(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "zone fixture: %s\n", what);
    abort();
}

static inline void zone_fixture_record(struct zone_fixture *fixture, const struct zone_record *record)
{
    static uint8_t rdata[RDATA_MAX];
    uint8_t name[NAME_WIRE_MAX];
    size_t name_size, rdata_len;
    uint16_t type;
    struct diag diag = {.text = ""};
    zone_fixture_must(name_parse_under(record->name, fixture->draft.origin, name, &name_size, &diag) == OK,
                      diag.text);
    zone_fixture_must(rdata_type_parse(record->type, &type, &diag) == OK, diag.text);
    zone_fixture_must(
        rdata_parse(type, record->data, fixture->draft.origin, rdata, &rdata_len, &diag) == OK, diag.text);
    zone_fixture_must(
        draft_record_put(&fixture->draft, name, type, record->ttl_s, rdata, rdata_len, &diag) == OK,
        diag.text);
}

/* Anybody may copy the zone. */
static inline void zone_fixture_peer(struct zone_fixture *fixture)
{
    const struct draft_peer peer = {.kind = PEER_TRANSFER, .key = DRAFT_NONE};
    (void)buffer_put(&fixture->draft.peers, &peer, sizeof peer);
}

/* The draft of a zone, still open, with this SOA. */
static inline void zone_fixture_begin_with(struct zone_fixture *fixture, const char *origin,
                                           const struct zone_record *soa)
{
    uint8_t wire[NAME_WIRE_MAX];
    size_t len;
    *fixture = (struct zone_fixture){0};
    zone_fixture_must(name_parse(origin, wire, &len, NULL) == OK, origin);
    zone_fixture_must(manifest_new(&fixture->manifest, NULL) == OK, "memory");
    draft_begin(&fixture->draft, wire);
    zone_fixture_record(fixture, soa);
}

static inline void zone_fixture_begin(struct zone_fixture *fixture, const char *origin)
{
    zone_fixture_begin_with(fixture, origin, &zone_fixture_soa);
}

/* What a secondary gets for each service: its first endpoint. */
static inline void zone_fixture_stand_ins(struct draft *draft)
{
    static const uint16_t types[KINDS] = {[KIND_V4] = 1, [KIND_V6] = 28, [KIND_HOST] = 5};
    for (uint32_t i = 0; i < draft_services_count(draft); i++) {
        const struct draft_pool *pool = draft_pool(draft, draft_service(draft, i)->pools_first);
        const struct draft_endpoint *endpoint = draft_endpoint(draft, pool->endpoints_first);
        draft_stand_in_put(draft, i, types[endpoint->kind]);
        draft_stand_in_record_put(draft, endpoint);
    }
    stand_in_hint_put(draft);
}

/* Group, check and, when nothing is wrong, compile. Returns the number of problems. */
static inline size_t zone_fixture_end(struct zone_fixture *fixture)
{
    struct problems problems = {.manifest = fixture->manifest, .zone = "test"};
    struct diag diag = {.text = ""};
    zone_fixture_must(draft_group(&fixture->draft, &diag) == OK, diag.text);
    if (draft_peers_count(&fixture->draft) > 0)
        zone_fixture_stand_ins(&fixture->draft);
    zone_check(&fixture->draft, &problems);
    if (problems.count > 0)
        return problems.count;
    const uint32_t bucket = (uint32_t)(fixture->draft.origin_hash % PACKS_MAX);
    pack_begin(&fixture->pack, bucket, 1);
    const size_t mark = pack_mark(&fixture->pack);
    zone_fixture_must(blob_put(&fixture->draft, 2, &fixture->pack.bytes, &diag) == OK, diag.text);
    if (fixture->last)
        zone_fixture_must(journal_put(&fixture->pack.bytes, mark, fixture->last, &diag) == OK, diag.text);
    pack_zone_put(&fixture->pack, mark);
    zone_fixture_must(pack_finish(&fixture->pack, &diag) == OK, diag.text);
    image_attach(fixture->pack.bytes.bytes, &fixture->packs[bucket]);
    uint32_t cursor = 0;
    fixture->zone = image_zone_next(&fixture->packs[bucket], &cursor);
    return 0;
}

static inline size_t zone_fixture_make(struct zone_fixture *fixture, const char *origin,
                                       const struct zone_record *records, size_t count)
{
    zone_fixture_begin(fixture, origin);
    for (size_t i = 0; i < count; i++)
        zone_fixture_record(fixture, &records[i]);
    return zone_fixture_end(fixture);
}

static inline void zone_fixture_free(struct zone_fixture *fixture)
{
    draft_fini(&fixture->draft);
    pack_fini(&fixture->pack);
    manifest_free(&fixture->manifest);
}

/* What the zone says of an absolute name. */
static inline struct found zone_fixture_find(const struct zone_fixture *fixture, const char *text,
                                             uint16_t qtype)
{
    uint8_t name[NAME_WIRE_MAX];
    size_t len;
    struct name_suffixes suffixes;
    unsigned apex_idx = 0;
    zone_fixture_must(name_parse(text, name, &len, NULL) == OK, text);
    name_suffixes(name, &suffixes);
    zone_fixture_must(image_zone_find(fixture->packs, name, &suffixes, 0, &apex_idx) == fixture->zone,
                      text);
    return image_find(fixture->zone, name, &suffixes, apex_idx, qtype);
}

#endif
