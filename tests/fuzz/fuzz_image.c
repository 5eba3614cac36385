/* tests/fuzz/fuzz_image.c - a pack, edited, its frame made good: it is refused, or every zone, node, rrset
 * and service is read within bounds, and so is whatever names are looked up in it, a worker's answers from
 * it, and a journal that goes on from it.
 *
 * The first byte chooses a pack of the world that tests/reply_check.h answers from, which the compiler's
 * parts have just made; the rest are edits (tests/fuzz/edits.h). Names to look up are those of its own
 * nodes, with labels before them.
 */
#include "common/frame.h"
#include "geoip/policy.h"
#include "tests/fuzz/edits.h"
#include "tests/reply_check.h"
#include "zones/compile/journal.h"
#include "zones/image/image.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    VISITS_MAX = 2000, /* nodes looked at: an input of a fuzzer is small, but not its products */
    MESSAGE_CAP = 65535,
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static size_t bytes_sum(const struct image_zone *zone, uint32_t off, size_t len)
{
    const uint8_t *bytes = image_at(zone, off);
    size_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += bytes[i];
    return sum;
}

/* Its records, each as it stands alone. `owner` as in image_rr_put(). */
static size_t records_read(const struct image_zone *zone, const struct image_rrset *rrset,
                           const uint8_t *owner)
{
    static uint8_t record[MESSAGE_CAP];
    size_t sum = 0;
    for (uint32_t off = 0; off < rrset->wire_len;) {
        struct writer w = writer_of(record, sizeof record);
        off = image_rr_put(&w, zone, rrset, owner, off);
        zone_fixture_must(!w.full, "a record has a name that was not checked");
        sum += writer_len(&w);
    }
    return sum;
}

static size_t rrset_read(const struct image_zone *zone, const struct image_rrset *rrset)
{
    size_t sum = bytes_sum(zone, rrset->wire_off, rrset->wire_len);
    const struct image_extra *extras = image_at(zone, rrset->extras_off);
    const uint32_t *fixups = image_at(zone, rrset->fixups_off);
    for (unsigned i = 0; i < rrset->extras_count; i++)
        sum += ((const struct image_node *)image_at(zone, extras[i].node_off))->rrsets_count +
               bytes_sum(zone, rrset->wire_off + extras[i].name_off, 1);
    for (unsigned i = 0; i < rrset->fixups_count; i++)
        sum += bytes_sum(zone, rrset->wire_off + fixups[i], 2);
    const struct image_hint *hints = image_at(zone, rrset->hints_off);
    for (unsigned i = 0; i < rrset->hints_count; i++) {
        const struct image_node *node = image_at(zone, hints[i].node_off);
        sum += bytes_sum(zone, rrset->wire_off + hints[i].rr_off, hints[i].off - hints[i].rr_off);
        sum += ((const struct image_service *)image_at(zone, node->service_off))->pools_count;
    }
    if (rrset->target_off != 0)
        sum += bytes_sum(zone, rrset->target_off, name_len(image_at(zone, rrset->target_off)));
    return sum;
}

static size_t service_read(const struct image_zone *zone, const struct image_service *service)
{
    size_t sum = name_len(image_at(zone, service->name_off));
    const struct image_rrset *stand_ins = image_at(zone, service->stand_ins_off);
    for (unsigned i = 0; i < service->stand_ins_count; i++)
        sum += rrset_read(zone, &stand_ins[i]);
    for (unsigned region = 0; region < REGIONS_MAX; region++) {
        const struct image_pool_row *pool = image_pool_find(zone, service, region);
        if (!pool)
            continue;
        const size_t count =
            (size_t)pool->counts[KIND_V4] + pool->counts[KIND_V6] + pool->counts[KIND_HOST];
        const struct image_endpoint *endpoint = image_at(zone, pool->endpoints_off);
        for (size_t i = 0; i < count; i++)
            sum += pool->counts[KIND_HOST] > 0
                       ? bytes_sum(zone, endpoint[i].host.name_off, endpoint[i].host.name_len)
                       : endpoint[i].address[0];
    }
    return sum;
}

static size_t peers_read(const struct image_zone *zone)
{
    const struct image_peer *peer = image_at(zone, zone->peers_off);
    const struct image_key *key = image_at(zone, zone->keys_off);
    size_t sum = 0;
    for (uint32_t i = 0; i < zone->peers_count; i++) {
        const struct image_key *needed = peer[i].key_off ? image_at(zone, peer[i].key_off) : NULL;
        sum += peer[i].address[15] + (needed ? needed->secret_len : 0u);
    }
    for (uint32_t i = 0; i < zone->keys_count; i++) {
        sum += name_len(image_at(zone, key[i].name_off));
        sum += bytes_sum(zone, key[i].secret_off, key[i].secret_len);
    }
    return sum;
}

static size_t found_read(const struct image_zone *zone, const struct found *found)
{
    size_t sum = found->node->flags;
    const bool rrset = found->kind == FOUND_RRSET || found->kind == FOUND_CNAME ||
                       found->kind == FOUND_DNAME || found->kind == FOUND_DELEGATION ||
                       found->kind == FOUND_ANY;
    if (rrset)
        sum += rrset_read(zone, found->rrset);
    if (found->kind == FOUND_SERVICE)
        sum += service_read(zone, found->service);
    return sum;
}

/* The name itself, a name below it and one far below it. */
static size_t names_find(const struct image packs[PACKS_MAX], const uint8_t *name)
{
    static const char *const fronts[] = {"", "\1x", "\1*", "\1a\1b\1c"};
    static const uint16_t qtypes[] = {1, 2, 5, 39, 43, 65, 255};
    const size_t len = name_len(name);
    size_t sum = 0;
    for (size_t i = 0; i < sizeof fronts / sizeof fronts[0]; i++) {
        uint8_t below[NAME_WIRE_MAX];
        const size_t front_len = strlen(fronts[i]);
        struct name_suffixes suffixes;
        unsigned idx;
        if (front_len + len > sizeof below)
            continue;
        memcpy(below, fronts[i], front_len);
        memcpy(below + front_len, name, len);
        name_suffixes(below, &suffixes);
        const struct image_zone *zone = image_zone_find(packs, below, &suffixes, 0, &idx);
        for (size_t k = 0; zone && k < sizeof qtypes / sizeof qtypes[0]; k++) {
            const struct found found = image_find(zone, below, &suffixes, idx, qtypes[k]);
            sum += found_read(zone, &found);
        }
    }
    return sum;
}

/* The rrsets that a secondary is given of a node. */
static size_t copied_read(const struct image_zone *zone, const struct image_node *node)
{
    const struct image_rrset *rrset;
    size_t sum = 0;
    for (unsigned i = 0; (rrset = image_copied_rrset(zone, node, i)); i++)
        sum += records_read(zone, rrset, image_at(zone, node->name_off));
    return sum;
}

static size_t deltas_read(const struct image_zone *zone)
{
    const struct image_delta *delta = image_at(zone, zone->deltas_off);
    size_t sum = 0;
    for (uint32_t i = 0; i < zone->deltas_count; i++)
        for (uint32_t off = delta[i].wire_off; off < image_deltas_end(zone);) {
            const size_t len = image_delta_rr_len(image_at(zone, off));
            sum += bytes_sum(zone, off, len);
            off += (uint32_t)len;
        }
    return sum;
}

static size_t subjects_read(const struct image_zone *zone)
{
    const struct image_subject *subject = image_at(zone, zone->subjects_off);
    size_t sum = 0;
    for (uint32_t i = 0; i < zone->subjects_count; i++, subject++) {
        sum += strlen(image_at(zone, subject->service_off)) + strlen(image_at(zone, subject->region_off));
        if (subject->kind == SUBJECT_ENDPOINT)
            sum +=
                strlen(image_at(zone, subject->address_off)) + strlen(image_at(zone, subject->check_off));
        if (subject->kind == SUBJECT_ENDPOINT && subject->monitor_off != 0)
            sum += strlen(image_at(zone, subject->monitor_off));
    }
    return sum;
}

static size_t pack_read(const struct image packs[PACKS_MAX], const struct image *image)
{
    const struct image_zone *zone;
    size_t sum = 0, visits = 0;
    for (uint32_t cursor = 0; (zone = image_zone_next(image, &cursor));) {
        const struct image_node *node = image_at(zone, zone->apex_off);
        sum += rrset_read(zone, image_at(zone, zone->soa_off)) +
               rrset_read(zone, image_at(zone, zone->negative_soa_off));
        sum += subjects_read(zone) + peers_read(zone) + deltas_read(zone);
        for (uint32_t i = 0; i < zone->nodes_count && visits < VISITS_MAX; i++, node++, visits++)
            sum += names_find(packs, image_at(zone, node->name_off)) + copied_read(zone, node);
    }
    return sum;
}

/* A worker's answers at a name, as long as they come. */
static void name_ask(const struct answerer *answerer, const uint8_t *name, enum transport transport)
{
    static const uint16_t qtypes[] = {1, 2, 6, 15, 64, 65, 255};
    static const struct listen peer = {.ip = {.family = IP_V4, .bytes = {193, 0, 0, 9}}, .port = 53000};
    static uint8_t packet[MESSAGE_CAP];
    const size_t cap = transport == TRANSPORT_UDP ? QUERY_LEN_MAX : sizeof packet;
    for (size_t i = 0; i < sizeof qtypes / sizeof *qtypes; i++) {
        struct writer w = writer_of(packet, sizeof packet);
        writer_bytes(&w, "\0\1\0\0\0\1\0\0\0\0\0\0", 12);
        writer_bytes(&w, name, name_len(name));
        writer_u16(&w, qtypes[i]);
        writer_u16(&w, QCLASS_IN);
        zone_fixture_must(answer(answerer, transport, &peer, packet, writer_len(&w), cap) <= cap,
                          "too long a reply");
    }
}

/* Ask for all names of an image that stands in `world`. */
static void image_ask(struct world_fixture *fixture, const struct image *image)
{
    const struct image_zone *zone;
    unsigned visits = 0;
    for (uint32_t cursor = 0; (zone = image_zone_next(image, &cursor));) {
        const struct image_node *node = image_at(zone, zone->apex_off);
        for (uint32_t i = 0; i < zone->nodes_count && visits < VISITS_MAX; i++, visits++)
            name_ask(&fixture->answerer, image_at(zone, node[i].name_off),
                     i % 2 ? TRANSPORT_UDP : TRANSPORT_TCP);
    }
}

/* Compile a zone anew when the image is what it was: another serial, and what else is not the same. */
static void journal_try(const struct image_zone *now, const struct image *image)
{
    const struct image_zone *last;
    const uint8_t *name = image_at(now, now->name_off);
    for (uint32_t cursor = 0; (last = image_zone_next(image, &cursor));) {
        struct buffer blob = {0};
        if (!name_equal(name, image_at(last, last->name_off)))
            continue;
        (void)buffer_put(&blob, now, now->len);
        zone_fixture_must(!blob.failed, "memory");
        ((struct image_zone *)(void *)blob.bytes)->serial++;
        zone_fixture_must(journal_put(&blob, 0, last, NULL) == OK, "a journal");
        buffer_fini(&blob);
    }
}

/* Check and read an image as whoever is sent one. Whether it was taken. */
static bool image_try(struct world_fixture *fixture, const struct image_zone *zone, const uint8_t *bytes,
                      size_t len, struct diag *reterr)
{
    struct image image;
    if (image_open(bytes, len, &image, reterr) != OK || image_check(&image, len, reterr) != OK)
        return false;
    const struct image_pack *pack = (const void *)(bytes + sizeof(struct frame));
    struct image *place = &fixture->world.packs[pack->bucket];
    const struct image before = *place;
    *place = image;
    zone_fixture_must(pack_read(fixture->world.packs, &image) != SIZE_MAX, "sum");
    image_ask(fixture, &image);
    journal_try(zone, &image);
    *place = before;
    return true;
}

/* The world, with whatever a service may name: policies, slots. */
static void world_make(struct world_fixture *fixture)
{
    reply_check_world(fixture);
    for (unsigned i = 0; i < POLICIES_MAX; i++)
        fixture->world.policies[i] = fixture->geo.geo;
    board_close(&fixture->board);
    zone_fixture_must(board_new(BOARD_SLOTS_MAX, &fixture->board, NULL) == OK, "board");
    fixture->world.board = fixture->board;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct world_fixture fixture;
    if (fixture.world.generation == 0)
        world_make(&fixture);
    if (len < 1)
        return 0;
    const size_t which = bytes[0] % fixture.zones_count;
    const struct buffer *base = &fixture.packs[which].bytes;
    struct diag diag = {.text = ""};
    uint8_t *image = base->len > 0 ? malloc(base->len) : NULL; /* none: its zones are in another's pack */
    if (!image)
        return 0;
    memcpy(image, base->bytes, base->len);
    const size_t image_len = edits_apply(bytes + 1, len - 1, image, base->len);
    uint8_t *exact = realloc(image, image_len > 0 ? image_len : 1);
    if (exact && image_len >= sizeof(struct frame)) {
        frame_seal(exact, image_len, FRAME_PACK, IMAGE_VERSION);
        const bool taken = image_try(&fixture, fixture.zones[which].zone, exact, image_len, &diag);
        zone_fixture_must(taken || len > 1, diag.text); /* nothing was edited */
    }
    free(exact ? exact : image);
    return 0;
}
