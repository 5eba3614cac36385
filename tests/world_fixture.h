/* tests/world_fixture.h - a world to answer from: zones, services, one policy of `net` rules, a board,
 * counters.
 *
 * Everything is compiled by the compiler's own parts and held in memory; no store, no process, no file.
 */
#ifndef TESTS_WORLD_FIXTURE_H
#define TESTS_WORLD_FIXTURE_H

#include "common/writer.h"
#include "geoip/policy.h"
#include "server/answer/answer.h"
#include "server/transfer/aside.h"
#include "tests/geo_fixture.h"
#include "tests/zone_fixture.h"

enum {
    WORLD_ZONES_MAX = 4,
    WORLD_POOLS_MAX = 4,
    WORLD_ENDPOINTS_MAX = 8,
    WORLD_SLOTS_FIRST = 256,
    WORLD_SLOTS = 1024,
    WORLD_CHANGES = 6, /* that the journal of a zone with secondaries tells: it has more records */
    WORLD_SERIAL = 7,
};

struct world_pool {
    uint16_t region;
    uint32_t weight, min_up;
    const char *endpoints[WORLD_ENDPOINTS_MAX]; /* addresses or host names, ended by NULL */
};

struct world_service {
    const char *name; /* within the zone */
    uint32_t ttl_s, answers;
    enum sticky sticky;
    enum all_down all_down;
    uint16_t panic_below;
    struct world_pool pools[WORLD_POOLS_MAX]; /* ended by one without endpoints */
};

struct world_zone {
    const char *origin;
    const struct zone_record *records;
    size_t records_count;
    const struct world_service *services;
    size_t services_count;
    uint32_t flags; /* enum zone_flag */
};

/* The key of a zone that may be copied, k.example. */
static const struct tsig_chain world_key = {
    .name = "\1k\7example", .algorithm = TSIG_SHA256, .secret = "0123456789abcdef", .secret_len = 16};

struct world_fixture {
    struct zone_fixture zones[WORLD_ZONES_MAX];
    size_t zones_count;
    struct pack packs[WORLD_ZONES_MAX];
    struct geo_fixture geo;
    struct board *board;
    uint32_t slots_end;
    const char *slot_names[WORLD_SLOTS]; /* by slot: an endpoint's address; NULL for a pool */
    struct counters *counters;
    struct rng rng;
    struct world world;
    struct identity identity;   /* of nothing */
    struct cookie_page cookies; /* no secret: there are none */
    struct answerer answerer;
};

static inline void world_endpoint_put(struct world_fixture *fixture, struct draft *draft, const char *address)
{
    struct ip ip;
    uint8_t host[NAME_WIRE_MAX];
    size_t host_len;
    struct draft_endpoint row = {.weight = 1, .slot = fixture->slots_end};
    row.address_off = row.check_off = draft_text_put(draft, address);
    if (ip_parse(address, &ip, NULL) == OK) {
        row.kind = ip.family == IP_V4 ? KIND_V4 : KIND_V6;
        row.wire_off = (uint32_t)buffer_put(&draft->rdata, ip.bytes, ip_bits(&ip) / 8);
    } else {
        zone_fixture_must(name_parse(address, host, &host_len, NULL) == OK, address);
        row.kind = KIND_HOST;
        row.wire_off = (uint32_t)buffer_put(&draft->rdata, host, host_len);
    }
    fixture->slot_names[fixture->slots_end++] = address;
    draft_endpoint_put(draft, &row);
}

static inline void world_service_put(struct world_fixture *fixture, struct draft *draft,
                                     const struct world_service *service)
{
    uint8_t name[NAME_WIRE_MAX];
    size_t len;
    struct diag diag;
    struct draft_service row = {.ttl_s = service->ttl_s,
                                .answers = service->answers,
                                .sticky = service->sticky,
                                .all_down = service->all_down,
                                .panic_below = service->panic_below,
                                .monitor_off = DRAFT_NONE};
    zone_fixture_must(name_parse_under(service->name, draft->origin, name, &len, NULL) == OK, service->name);
    row.name_off = draft_text_put(draft, service->name);
    zone_fixture_must(draft_service_put(draft, name, &row, &diag) == OK, "service");
    for (const struct world_pool *pool = service->pools; pool->endpoints[0]; pool++) {
        const char region[] = {'r', (char)('0' + pool->region), '\0'};
        const struct draft_pool pool_row = {.region_off = draft_text_put(draft, region),
                                            .weight = pool->weight,
                                            .min_up = pool->min_up,
                                            .region = pool->region,
                                            .slot = fixture->slots_end++};
        draft_pool_put(draft, &pool_row);
        for (const char *const *endpoint = pool->endpoints; *endpoint; endpoint++)
            world_endpoint_put(fixture, draft, *endpoint);
    }
}

/* The first key of a zone. */
static inline void world_key_put(struct draft *draft)
{
    const struct draft_key key = {
        .text_off = draft_text_put(draft, "k.example"),
        .name_off = (uint32_t)buffer_put(&draft->rdata, world_key.name, name_len(world_key.name)),
        .secret_off = (uint32_t)buffer_put(&draft->rdata, world_key.secret, world_key.secret_len),
        .secret_len = (uint16_t)world_key.secret_len,
        .algorithm = world_key.algorithm,
    };
    (void)buffer_put(&draft->keys, &key, sizeof key);
}

static inline void world_secondaries_put(struct draft *draft, const char *net)
{
    struct draft_peer peers[] = {{.kind = PEER_TRANSFER, .key = DRAFT_NONE},
                                 {.kind = PEER_TRANSFER, .key = 0},
                                 {.kind = PEER_NOTIFY, .key = 0, .port = 53}};
    zone_fixture_must(prefix_parse(net, &peers[0].net, NULL) == OK, net);
    zone_fixture_must(prefix_parse("2001:db8::53/128", &peers[2].net, NULL) == OK, "peer");
    world_key_put(draft);
    (void)buffer_put(&draft->peers, peers, sizeof peers);
}

/* A zone as it was `age` changes ago: its serial is lower, and of its last records it lacks one, which is
 * another at each age, so that a change takes a record and puts one. It goes on from `last`, or NULL. */
static inline void world_version_make(struct world_fixture *fixture, const struct world_zone *zone,
                                      const char *secondaries, unsigned age, const struct zone_fixture *last,
                                      struct zone_fixture *ret)
{
    char soa[80];
    (void)snprintf(soa, sizeof soa, "ns.example. hostmaster.example. %u 7200 1800 1209600 60",
                   WORLD_SERIAL - age);
    zone_fixture_begin_with(ret, zone->origin, &(struct zone_record){"@", "SOA", soa, 300});
    ret->draft.flags = zone->flags;
    for (size_t i = 0; i < zone->records_count; i++)
        if (age == 0 || i != zone->records_count - age)
            zone_fixture_record(ret, &zone->records[i]);
    for (size_t i = 0; i < zone->services_count; i++)
        world_service_put(fixture, &ret->draft, &zone->services[i]);
    if (secondaries)
        world_secondaries_put(&ret->draft, secondaries);
    ret->last = last ? last->zone : NULL;
    zone_fixture_must(zone_fixture_end(ret) == 0, "the zone has problems");
}

/* `secondaries` is a network that may copy it, and so may whoever has the key; its journal tells of its last
 * records. NULL: nobody. */
static inline void world_zone_put(struct world_fixture *fixture, const struct world_zone *zone,
                                  const char *secondaries)
{
    struct zone_fixture *made = &fixture->zones[fixture->zones_count++], older = {0};
    const uint32_t slots_first = fixture->slots_end;
    for (unsigned age = secondaries ? WORLD_CHANGES : 0; age > 0; age--) {
        struct zone_fixture version;
        world_version_make(fixture, zone, secondaries, age, older.zone ? &older : NULL, &version);
        zone_fixture_free(&older);
        older = version;
        fixture->slots_end = slots_first;
    }
    world_version_make(fixture, zone, secondaries, 0, older.zone ? &older : NULL, made);
    zone_fixture_free(&older);
}

/* Put the zones into the packs that they belong to. */
static inline void world_packs_make(struct world_fixture *fixture)
{
    struct diag diag = {.text = ""};
    for (size_t i = 0; i < fixture->zones_count; i++) {
        const uint32_t bucket = (uint32_t)(fixture->zones[i].draft.origin_hash % PACKS_MAX);
        struct pack *pack = &fixture->packs[i];
        if (fixture->world.packs[bucket].base)
            continue; /* a zone before this one has taken it along */
        pack_begin(pack, bucket, WORLD_ZONES_MAX);
        for (size_t j = i; j < fixture->zones_count; j++)
            if (fixture->zones[j].draft.origin_hash % PACKS_MAX == bucket)
                pack_zone_copy(pack, fixture->zones[j].zone);
        zone_fixture_must(pack_finish(pack, &diag) == OK, diag.text);
        image_attach(pack->bytes.bytes, &fixture->world.packs[bucket]);
    }
}

/* `rules` need no geo database; they are lent for the call. The zones that are large enough have
 * `secondaries`, or nobody may copy them. */
static inline void world_fixture_share(struct world_fixture *fixture, const struct world_zone *zones,
                                       size_t count, const struct policy *policy, const char *secondaries)
{
    static const char *const no_sources[] = {NULL};
    struct diag diag;
    memset(fixture, 0, sizeof *fixture);
    fixture->slots_end = WORLD_SLOTS_FIRST;
    for (size_t i = 0; i < count; i++)
        world_zone_put(fixture, &zones[i], zones[i].records_count > WORLD_CHANGES ? secondaries : NULL);
    world_packs_make(fixture);
    geo_fixture_build(policy, no_sources, &fixture->geo);
    zone_fixture_must(board_new(WORLD_SLOTS, &fixture->board, &diag) == OK, "board");
    fixture->counters = calloc(1, sizeof *fixture->counters);
    zone_fixture_must(fixture->counters != NULL, "counters");
    rng_init(&fixture->rng, 1);
    fixture->world.generation = 1;
    fixture->world.policies[0] = fixture->geo.geo;
    fixture->world.board = fixture->board;
    fixture->answerer = (struct answerer){.world = &fixture->world,
                                          .rng = &fixture->rng,
                                          .counters = fixture->counters,
                                          .identity = &fixture->identity,
                                          .cookies = &fixture->cookies};
}

static inline void world_fixture_make(struct world_fixture *fixture, const struct world_zone *zones,
                                      size_t count, const struct policy *policy)
{
    world_fixture_share(fixture, zones, count, policy, NULL);
}

static inline void world_fixture_fini(struct world_fixture *fixture)
{
    for (size_t i = 0; i < fixture->zones_count; i++) {
        zone_fixture_free(&fixture->zones[i]);
        pack_fini(&fixture->packs[i]);
    }
    geo_fixture_fini(&fixture->geo);
    board_close(&fixture->board);
    free(fixture->counters);
}

/* The slot of an endpoint by its address. */
static inline uint32_t world_slot(const struct world_fixture *fixture, const char *address)
{
    for (uint32_t slot = WORLD_SLOTS_FIRST; slot < fixture->slots_end; slot++)
        if (fixture->slot_names[slot] && strcmp(fixture->slot_names[slot], address) == 0)
            return slot;
    zone_fixture_must(false, address);
    return 0;
}

static inline void world_health_set(struct world_fixture *fixture, uint32_t slot, enum verdict verdict,
                                    enum state state)
{
    board_set(fixture->board, slot,
              (struct health){.verdict = verdict, .state = state, .share = BOARD_SHARE_ALL});
}

/* A query in wire form. */
struct world_query {
    const char *name;
    uint16_t qtype;
    const char *subnet; /* in text, or NULL */
    uint16_t udp_size;  /* of the OPT; 0: there is none, unless there is a subnet */
    uint8_t flags[2];   /* third and fourth byte of the header */
    const void *options; /* more of them, behind the subnet */
    size_t options_len;
};

static inline size_t world_query_put(const struct world_query *query, uint8_t *packet, size_t cap)
{
    struct writer w = writer_of(packet, cap);
    uint8_t name[NAME_WIRE_MAX];
    size_t len;
    struct prefix subnet = {0};
    zone_fixture_must(name_parse(query->name, name, &len, NULL) == OK, query->name);
    zone_fixture_must(!query->subnet || prefix_parse(query->subnet, &subnet, NULL) == OK, "subnet");
    const size_t address_len = (subnet.bits + 7u) / 8;
    const bool opt = query->udp_size > 0 || query->subnet || query->options_len > 0;
    writer_u16(&w, 0x1234);
    writer_u8(&w, query->flags[0]);
    writer_u8(&w, query->flags[1]);
    writer_u16(&w, 1);
    writer_u32(&w, 0);
    writer_u16(&w, opt ? 1 : 0);
    writer_bytes(&w, name, len);
    writer_u16(&w, query->qtype);
    writer_u16(&w, 1);
    if (opt) {
        writer_u8(&w, 0);
        writer_u16(&w, 41);
        writer_u16(&w, query->udp_size > 0 ? query->udp_size : 1232);
        writer_u32(&w, 0);
        writer_u16(&w, (unsigned)(query->options_len + (query->subnet ? 8 + address_len : 0)));
    }
    if (query->subnet) {
        writer_u16(&w, 8);
        writer_u16(&w, (unsigned)(4 + address_len));
        writer_u16(&w, subnet.ip.family == IP_V4 ? 1 : 2);
        writer_u8(&w, subnet.bits);
        writer_u8(&w, 0);
        writer_bytes(&w, subnet.ip.bytes, address_len);
    }
    writer_bytes(&w, query->options, query->options_len);
    zone_fixture_must(!w.full, "the query is too long");
    return writer_len(&w);
}

/* Answer a query as a worker would; returns the reply's length. */
/* The reply to a message as a worker makes it: what is set aside is answered too. No transfer is begun. */
static inline size_t world_reply(const struct world_fixture *fixture, enum transport transport,
                                 const struct listen *peer, uint8_t *packet, size_t len, size_t cap)
{
    const size_t reply_len = answer(&fixture->answerer, transport, peer, packet, len, cap);
    if (reply_len != ANSWER_ASIDE)
        return reply_len;
    struct transfers none = {.count = TRANSFERS_MAX};
    const struct aside aside = {&fixture->answerer, transport, peer,
                                transport == TRANSPORT_UDP ? NULL : &none};
    struct transfer *transfer;
    return aside_answer(&aside, packet, len, cap, &transfer);
}

static inline size_t world_answer(struct world_fixture *fixture, const struct world_query *query,
                                  enum transport transport, const char *peer, uint8_t *packet, size_t cap)
{
    const struct listen from = {.ip = geo_fixture_ip(peer), .port = 53000};
    const size_t len = world_query_put(query, packet, cap);
    return answer(&fixture->answerer, transport, &from, packet, len, cap);
}

#endif
