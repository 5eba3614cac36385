/* tests/unit/secondary_fixture.h - the first session's zone as a worker has it, for who wants to copy it.
 *
 * Images are mapped from files, as in a worker. The clock stands still.
 */
#ifndef TESTS_UNIT_SECONDARY_FIXTURE_H
#define TESTS_UNIT_SECONDARY_FIXTURE_H

#include "server/transfer/aside.h"
#include "zones/compile/compile.h"
#include "zones/compile/last.h"

#include "store_fixture.h"

enum { SECONDARY_NOW_S = 1800000000, SECONDARY_CAP = 65535 };

/* One key, one network. */
#define SECONDARY_PEERS                                                                            \
    "INSERT INTO tsig_key(name, secret) VALUES ('k.example', 'AAECAwQFBgcICQoLDA0ODw==');"         \
    "INSERT INTO transfer(zone, key) VALUES ('gslb.example.com', 'k.example');"                    \
    "INSERT INTO transfer(zone, net) VALUES ('gslb.example.com', '192.0.2.0/24');"

struct secondary {
    struct fixture *store;
    struct last last;
    struct world world;
    struct counters *counters;
    struct identity identity;
    struct cookie_page cookies;
    struct answerer answerer;
    struct transfers transfers;
    uint8_t packet[SECONDARY_CAP];
    size_t len;
    struct transfer *transfer; /* that the last message has begun */
};

/* Compile the store and answer from that. */
static inline void secondary_deploy(struct secondary *secondary)
{
    char state_dir[64];
    struct diag diag = {.text = ""};
    struct problems problems = {0};
    struct compile_result result;
    (void)snprintf(state_dir, sizeof state_dir, "%s/state", secondary->store->dir);
    const struct compile_request request = {.store_path = secondary->store->path,
                                            .state_dir = state_dir};
    last_close(&secondary->last);
    if (compile_world(&request, &result, &diag) != OK ||
        (result.generation > 0 && compile_commit(&request, &diag) != OK) ||
        last_open(state_dir, &problems, &secondary->last, &diag) != OK)
        fail_msg("%s", diag.text);
    if (secondary->last.manifest->problems_count > 0)
        fail_msg("%s", secondary->last.manifest->problems[0].message);
    memcpy(secondary->world.packs, secondary->last.packs, sizeof secondary->world.packs);
}

static inline int secondary_setup(void **state)
{
    struct secondary *secondary = calloc(1, sizeof *secondary);
    void *store;
    assert_non_null(secondary);
    (void)fixture_setup_session(&store);
    secondary->store = store;
    secondary->counters = calloc(1, sizeof *secondary->counters);
    assert_non_null(secondary->counters);
    secondary->answerer = (struct answerer){.world = &secondary->world,
                                            .counters = secondary->counters,
                                            .identity = &secondary->identity,
                                            .cookies = &secondary->cookies,
                                            .now = {.wall_ms = SECONDARY_NOW_S * INT64_C(1000)}};
    fixture_run(secondary->store, SECONDARY_PEERS);
    secondary_deploy(secondary);
    *state = secondary;
    return tsig_start(NULL) == OK ? 0 : -1;
}

static inline int secondary_teardown(void **state)
{
    struct secondary *secondary = *state;
    void *store = secondary->store;
    transfer_free(&secondary->transfer);
    last_close(&secondary->last);
    free(secondary->counters);
    free(secondary);
    return fixture_teardown(&store);
}

static inline const struct image_zone *secondary_zone(const struct secondary *secondary)
{
    static const uint8_t name[] = "\4gslb\7example\3com";
    struct name_suffixes suffixes;
    name_suffixes(name, &suffixes);
    return image_zone_get(secondary->world.packs, name, &suffixes, 0);
}

/* A message in secondary->packet: a question, the client's serial for an IXFR, and a signature if there is a
 * chain. */
static inline void secondary_write(struct secondary *secondary, const char *name, uint16_t qtype,
                                   uint32_t serial, struct tsig_chain *chain)
{
    struct writer w = writer_of(secondary->packet, sizeof secondary->packet);
    uint8_t wire[NAME_WIRE_MAX];
    size_t len;
    assert_int_equal(name_parse(name, wire, &len, NULL), OK);
    writer_bytes(&w, "\x12\x34\0\0\0\1\0\0\0\0\0\0", 12);
    writer_bytes(&w, wire, len);
    writer_u16(&w, qtype);
    writer_u16(&w, QCLASS_IN);
    if (qtype == QTYPE_IXFR) {
        secondary->packet[9] = 1;
        writer_bytes(&w, "\xc0\x0c\0\6\0\1\0\0\0\0\0\x18\xc0\x0c\xc0\x0c", 16);
        writer_u32(&w, serial);
        writer_bytes(&w, "\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1", 16);
    }
    if (chain)
        assert_true(tsig_sign(chain, &w, SECONDARY_NOW_S));
    secondary->len = writer_len(&w);
}

/* A chain with the zone's key, for the client's side. */
static inline struct tsig_chain secondary_chain(const struct secondary *secondary)
{
    const struct image_zone *zone = secondary_zone(secondary);
    struct tsig_chain chain;
    tsig_begin(zone, image_at(zone, zone->keys_off), &chain);
    return chain;
}

/* Send the message that was written; the reply, if there is one, takes its place. */
static inline size_t secondary_send(struct secondary *secondary, enum transport transport,
                                    const char *from)
{
    struct listen peer = {.port = 53000};
    assert_int_equal(ip_parse(from, &peer.ip, NULL), OK);
    transfer_free(&secondary->transfer);
    const bool udp = transport == TRANSPORT_UDP;
    const struct aside aside = {&secondary->answerer, transport, &peer,
                                udp ? NULL : &secondary->transfers};
    secondary->len = aside_answer(&aside, secondary->packet, secondary->len,
                                  udp ? QUERY_LEN_MAX : SECONDARY_CAP, &secondary->transfer);
    return secondary->len;
}

#endif
