/* tests/small_world.h - small worlds to steer in, generated: one service, a few regions, sets
 * with tiers, any health.
 *
 * As a compiler would leave them, in arrays of their own.
 */
#ifndef TESTS_SMALL_WORLD_H
#define TESTS_SMALL_WORLD_H

#include "server/answer/steer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SMALL_REGIONS = 5,
    SMALL_ENDPOINTS = 4, /* of a pool */
    SMALL_SETS = 3,
    SMALL_SLOTS = 256 + SMALL_REGIONS * (1 + SMALL_ENDPOINTS),
    SMALL_DEPTH = 13,
};

/* The world as a compiler would leave it, in arrays of its own. */
struct small {
    struct {
        struct image_zone zone;
        struct image_service service;
        struct image_pool_row pools[SMALL_REGIONS];
        struct image_endpoint endpoints[SMALL_REGIONS][SMALL_ENDPOINTS];
        uint8_t hosts[SMALL_REGIONS * SMALL_ENDPOINTS][4]; /* names of one label */
    } blob;
    struct geo geo;
    uint32_t table[1 << 16];
    uint32_t chains[SMALL_SETS], classes[2], sets[SMALL_SETS + 1];
    struct geo_choice choices[SMALL_SETS * SMALL_REGIONS];
    struct board *board;
    bool has_pool[SMALL_REGIONS];
};

static inline uint32_t small_pick(struct rng *rng, uint32_t below)
{
    return rng_below(rng, below);
}

static inline uint32_t small_at(const struct small *small, const void *part)
{
    return (uint32_t)((const uint8_t *)part - (const uint8_t *)&small->blob);
}

static inline void small_endpoints(struct small *small, struct rng *rng, unsigned region,
                                   struct image_pool_row *pool)
{
    const bool hosts = small_pick(rng, 6) == 0;
    const unsigned count = small_pick(rng, SMALL_ENDPOINTS + 1),
                   v4 = hosts ? 0 : small_pick(rng, count + 1);
    pool->counts[KIND_V4] = (uint16_t)v4;
    pool->counts[KIND_V6] = hosts ? 0 : (uint16_t)(count - v4);
    pool->counts[KIND_HOST] = hosts ? (uint16_t)count : 0;
    pool->endpoints_off = small_at(small, small->blob.endpoints[region]);
    for (unsigned i = 0; i < count; i++) {
        struct image_endpoint *endpoint = &small->blob.endpoints[region][i];
        *endpoint =
            (struct image_endpoint){.slot = pool->slot + 1 + i, .weight = small_pick(rng, 4)};
        uint8_t *host = small->blob.hosts[region * SMALL_ENDPOINTS + i];
        memcpy(host, (const uint8_t[]){2, (uint8_t)('a' + region), (uint8_t)('a' + i), 0}, 4);
        if (hosts) {
            endpoint->host.name_off = small_at(small, host);
            endpoint->host.name_len = 4;
        } else {
            endpoint->address[0] = (uint8_t)region;
            endpoint->address[1] = (uint8_t)i;
        }
    }
}

static inline void small_service(struct small *small, struct rng *rng)
{
    struct image_service *service = &small->blob.service;
    *service = (struct image_service){
        .hash = rng_u64(rng), .pools_off = small_at(small, small->blob.pools), .ttl_s = 30};
    service->answers = small_pick(rng, 4);
    service->all_down = (uint8_t)small_pick(rng, 3);
    service->sticky = small_pick(rng, 4) == 0;
    service->panic_below = small_pick(rng, 2) ? (uint16_t)small_pick(rng, BOARD_SHARE_ALL + 1) : 0;
    for (unsigned region = 0; region < SMALL_REGIONS; region++) {
        small->has_pool[region] = small_pick(rng, 5) > 0;
        if (!small->has_pool[region])
            continue;
        struct image_pool_row *pool = &small->blob.pools[service->pools_count++];
        *pool = (struct image_pool_row){.region_hash = region,
                                        .slot = 256 + region * (1 + SMALL_ENDPOINTS),
                                        .weight = small_pick(rng, 3) * 50,
                                        .min_up = small_pick(rng, 3),
                                        .region = (uint16_t)region};
        service->regions[0] |= UINT64_C(1) << region;
        small_endpoints(small, rng, region, pool);
        for (unsigned kind = 0; kind < KINDS; kind++)
            service->kinds = (uint8_t)(service->kinds | (pool->counts[kind] > 0) << kind);
    }
}

/* One class for everybody; its sets have random regions in tiers. */
static inline void small_geo(struct small *small, struct rng *rng)
{
    const uint32_t sets = small_pick(rng, SMALL_SETS + 1);
    uint32_t count = 0;
    small->sets[0] = 0;
    for (uint32_t set = 0; set < SMALL_SETS; set++) {
        for (int32_t tier = 1; tier <= 3; tier++)
            for (unsigned region = 0; region < SMALL_REGIONS; region++) {
                bool used = small_pick(rng, 4) > 0;
                for (uint32_t i = small->sets[set]; i < count; i++)
                    used = used || small->choices[i].region == region;
                if (!used)
                    small->choices[count++] = (struct geo_choice){
                        .weight = small_pick(rng, 2) ? GEO_WEIGHT_OF_POOL : small_pick(rng, 3),
                        .tier = tier,
                        .region = (uint16_t)region};
            }
        small->sets[set + 1] = count;
        small->chains[set] = set;
    }
    small->classes[0] = 0;
    small->classes[1] = sets;
    for (unsigned i = 0; i < 1 << 16; i += 1)
        small->table[i] = UINT32_C(1) << 31 | SMALL_DEPTH << 24;
    small->geo = (struct geo){.v4_table = small->table,
                              .v6_table = small->table,
                              .chains = small->chains,
                              .classes = small->classes,
                              .choices = small->choices,
                              .sets = small->sets,
                              .classes_count = 1,
                              .sets_count = SMALL_SETS,
                              .fenced = small_pick(rng, 4) == 0};
}

static inline struct health small_word(struct rng *rng, unsigned sick)
{
    static const enum state states[] = {STATE_AUTO, STATE_AUTO,  STATE_AUTO, STATE_AUTO,
                                        STATE_UP,   STATE_DRAIN, STATE_DOWN};
    static const uint16_t shares[] = {BOARD_SHARE_ALL, BOARD_SHARE_ALL, 1000, 0};
    return (struct health){.verdict = small_pick(rng, 10) < sick ? VERDICT_DOWN
                                      : small_pick(rng, 2)       ? VERDICT_UP
                                                                 : VERDICT_UNKNOWN,
                           .state = states[small_pick(rng, 7)],
                           .share = shares[small_pick(rng, 4)]};
}

static inline void small_generate(struct small *small, struct rng *rng)
{
    const unsigned sick = small_pick(rng, 11);
    small_service(small, rng);
    small_geo(small, rng);
    for (unsigned slot = 0; slot < SMALL_REGIONS; slot++)
        board_set(small->board, slot, small_word(rng, sick / 3));
    for (unsigned slot = 256; slot < SMALL_SLOTS; slot++)
        board_set(small->board, slot, small_word(rng, sick));
}

static inline struct steer_case small_case(const struct small *small, const struct ip *client,
                                           enum kind kind)
{
    return (struct steer_case){.zone = &small->blob.zone,
                               .service = &small->blob.service,
                               .geo = &small->geo,
                               .board = small->board,
                               .client = client,
                               .kind = kind};
}

static inline struct small *small_new(void)
{
    struct small *small = calloc(1, sizeof *small);
    if (!small || board_new(SMALL_SLOTS, &small->board, NULL) != OK)
        abort();
    return small;
}

static inline void small_free(struct small *small)
{
    board_close(&small->board);
    free(small);
}

static inline struct ip small_client(struct rng *rng)
{
    struct ip client = {.family = small_pick(rng, 2) ? IP_V4 : IP_V6};
    for (unsigned i = 0; i < (client.family == IP_V4 ? 4 : 16); i++)
        client.bytes[i] = (uint8_t)rng_u64(rng);
    return client;
}

#endif
