/* tests/fuzz/fuzz_journal.c - a pack with a journal, edited, its frame made good: it is refused, or whoever
 * asks for what has changed is sent messages that hold as many records as they say, over UDP and over TCP.
 *
 * The input is edits (tests/fuzz/edits.h) of a pack that the compiler's parts have just made. The pack lies
 * on the heap, where a sanitizer sees a byte too far; a transfer reads a mapping of it, as in a worker.
 */
#include "common/frame.h"
#include "server/transfer/aside.h"
#include "tests/fuzz/edits.h"
#include "tests/zone_fixture.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { VERSIONS = 5, QUESTION_LEN = 13 + 4, MESSAGE_CAP = 65535 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Some of the records in each version, so that something goes and something comes from one to the next. */
static void version_make(struct zone_fixture *version, uint32_t serial, const struct image_zone *last)
{
    static const struct zone_record records[] = {
        {"@", "MX", "10 mail", 300},   {"www", "A", "192.0.2.1", 300},       {"www", "A", "192.0.2.2", 300},
        {"a.b.c", "TXT", "x y", 5},    {"*.w", "CNAME", "www", 300},         {"sub", "NS", "ns.sub", 300},
        {"s", "SRV", "1 2 3 mail", 6}, {"ns.sub", "AAAA", "2001:db8::1", 7},
    };
    char soa[64];
    (void)snprintf(soa, sizeof soa, "ns.a.example. h.a.example. %u 1 2 3 4", serial);
    zone_fixture_begin_with(version, "example.com", &(struct zone_record){"@", "SOA", soa, 300});
    zone_fixture_record(version, &(struct zone_record){"@", "NS", "ns.a.example.", 300});
    for (size_t i = 0; i < sizeof records / sizeof *records; i++)
        if ((i + serial) % 3 != 0)
            zone_fixture_record(version, &records[i]);
    zone_fixture_peer(version);
    version->last = last;
    zone_fixture_must(zone_fixture_end(version) == 0, "problems");
}

/* The last version's pack, with a journal of all that were before. */
static const struct buffer *base_get(void)
{
    static struct zone_fixture versions[VERSIONS];
    if (!versions[0].zone)
        for (uint32_t i = 0; i < VERSIONS; i++)
            version_make(&versions[i], i, i > 0 ? versions[i - 1].zone : NULL);
    return &versions[VERSIONS - 1].pack.bytes;
}

/* Somebody who may copy the zone asks what has changed since a serial. */
static size_t ixfr_write(uint8_t *packet, uint32_t serial)
{
    struct writer w = writer_of(packet, QUERY_LEN_MAX);
    writer_bytes(&w, "\0\7\0\0\0\1\0\0\0\1\0\1", 12);
    writer_bytes(&w, "\7example\3com\0\0\373\0\1", QUESTION_LEN);
    writer_bytes(&w, "\300\14\0\6\0\1\0\0\0\0\0\26\0\0", 14);
    writer_u32(&w, serial);
    writer_bytes(&w, "\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1", 16);
    writer_bytes(&w, "\0\0\51\4\320\0\0\0\0\0\0", 11);
    return writer_len(&w);
}

/* Whether a message ends with its last record. */
static void message_read(const uint8_t *message, size_t len)
{
    unsigned left = 0;
    zone_fixture_must(len >= 12 + QUESTION_LEN, "no question");
    for (unsigned i = 6; i < 12; i += 2)
        left += (unsigned)(message[i] << 8 | message[i + 1]);
    struct reader r = reader_of(message + 12 + QUESTION_LEN, len - 12 - QUESTION_LEN);
    for (; left > 0 && !r.bad; left--) {
        unsigned label;
        while ((label = reader_u8(&r)) > 0 && label <= NAME_LABEL_MAX)
            (void)reader_bytes(&r, label);
        if (label > 0)
            (void)reader_u8(&r);
        (void)reader_bytes(&r, 8);
        (void)reader_bytes(&r, reader_u16(&r));
    }
    zone_fixture_must(!r.bad && reader_left(&r) == 0, "a message is not what it counts");
}

static void pack_ask(const struct image *pack, enum transport transport, uint32_t serial)
{
    static struct counters *counters;
    static struct world world;
    static uint8_t packet[MESSAGE_CAP];
    const struct identity identity = {0};
    const struct cookie_page cookies = {0};
    const struct listen peer = {.ip = {.family = IP_V4}, .port = 53000};
    struct transfers transfers = {0};
    struct transfer *transfer;
    counters = counters ? counters : calloc(1, sizeof *counters);
    memset(world.packs, 0, sizeof world.packs);
    world.packs[((const struct image_pack *)(const void *)(pack->base + sizeof(struct frame)))->bucket] =
        *pack;
    const struct answerer answerer = {
        .world = &world, .counters = counters, .identity = &identity, .cookies = &cookies};
    const struct aside aside = {&answerer, transport, &peer, transport == TRANSPORT_UDP ? NULL : &transfers};
    const size_t cap = transport == TRANSPORT_UDP ? QUERY_LEN_MAX : MESSAGE_CAP;
    size_t len = aside_answer(&aside, packet, ixfr_write(packet, serial), cap, &transfer);
    while (transfer && (len = transfer_next(transfer, packet, cap, (struct moment){0})) > 0)
        message_read(packet, len);
    if (!transfer && len > 0)
        message_read(packet, len);
    transfer_free(&transfer);
}

/* Over UDP from the heap, over TCP from a mapping. */
static void pack_read(const struct image *pack, const struct image *mapped)
{
    const struct image_zone *zone;
    for (uint32_t cursor = 0; (zone = image_zone_next(pack, &cursor));) {
        const struct image_delta *deltas = image_at(zone, zone->deltas_off);
        for (uint32_t i = 0; i < zone->deltas_count; i++) {
            pack_ask(pack, TRANSPORT_UDP, deltas[i].serial);
            pack_ask(mapped, TRANSPORT_TCP, deltas[i].serial);
        }
        pack_ask(mapped, TRANSPORT_TCP, zone->serial - 9);
    }
}

static bool pack_try(const uint8_t *bytes, size_t len, struct diag *reterr)
{
    struct image pack, mapped;
    if (image_open(bytes, len, &pack, reterr) != OK || image_check(&pack, len, reterr) != OK)
        return false;
    void *map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    zone_fixture_must(map != MAP_FAILED, "memory");
    memcpy(map, bytes, len);
    image_attach(map, &mapped);
    pack_read(&pack, &mapped);
    (void)munmap(map, len);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const struct buffer *base = base_get();
    struct diag diag = {.text = ""};
    uint8_t *pack = malloc(base->len);
    zone_fixture_must(pack != NULL, "memory");
    memcpy(pack, base->bytes, base->len);
    const size_t pack_len = edits_apply(bytes, len, pack, base->len);
    if (pack_len >= sizeof(struct frame)) {
        uint8_t *exact = realloc(pack, pack_len);
        pack = exact ? exact : pack;
        frame_seal(pack, pack_len, FRAME_PACK, IMAGE_VERSION);
        zone_fixture_must(pack_try(pack, pack_len, &diag) || len >= EDIT_LEN, diag.text);
    }
    free(pack);
    return 0;
}
