/* tests/unit/roster_fixture.h - a world without a store: rows become a pack and a manifest, and those a
 * roster.
 *
 * Three regions (eu 0, us 1, ap 2; us has a region monitor), monitors "web" (interval 10 s, timeout 3 s,
 * fall 3) and "fast" (1 s, 0.5 s, 3), and vantage points v0, v1, ... in as many networks.
 */
#ifndef TESTS_ROSTER_FIXTURE_H
#define TESTS_ROSTER_FIXTURE_H

#include "common/frame.h"
#include "health/key.h"
#include "server/control/roster.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture_row {
    enum subject_kind kind;
    uint32_t slot;
    const char *service, *region, *address;
    const char *check;
    const char *monitor; /* NULL: not probed */
};

struct fixture {
    struct manifest *manifest;
    struct image packs[PACKS_MAX];
    uint8_t *pack;
    struct roster *roster;
};

static uint32_t fixture_text(uint8_t *blob, uint32_t *len, const char *text)
{
    const uint32_t off = *len;
    memcpy(blob + off, text, strlen(text) + 1);
    *len += (uint32_t)strlen(text) + 1;
    return off;
}

static void fixture_pack(struct fixture *fixture, const struct fixture_row *rows, uint32_t count)
{
    const uint32_t head = sizeof(struct frame) + sizeof(struct image_pack) + 2 * sizeof(struct image_slot);
    fixture->pack =
        calloc(1, head + sizeof(struct image_zone) + count * (sizeof(struct image_subject) + 512) + 64);
    struct image_pack *pack = (struct image_pack *)(void *)(fixture->pack + sizeof(struct frame));
    struct image_slot *table = (struct image_slot *)(void *)(pack + 1);
    uint8_t *blob = fixture->pack + head;
    struct image_zone *zone = (struct image_zone *)(void *)blob;
    struct image_subject *subjects = (struct image_subject *)(void *)(zone + 1);
    uint32_t len = (uint32_t)(sizeof *zone + count * sizeof *subjects);
    assert(head % 8 == 0);
    *pack = (struct image_pack){
        .zones_count = 1, .table_mask = 1, .table_off = (uint32_t)((uint8_t *)table - fixture->pack)};
    table[0].off = head / 8;
    zone->subjects_off = sizeof *zone;
    zone->subjects_count = count;
    for (uint32_t i = 0; i < count; i++)
        subjects[i] = (struct image_subject){
            .kind = rows[i].kind,
            .slot = rows[i].slot,
            .service_off = fixture_text(blob, &len, rows[i].service),
            .region_off = fixture_text(blob, &len, rows[i].region),
            .address_off = rows[i].address ? fixture_text(blob, &len, rows[i].address) : 0,
            .check_off = rows[i].check ? fixture_text(blob, &len, rows[i].check) : 0,
            .monitor_off = rows[i].monitor ? fixture_text(blob, &len, rows[i].monitor) : 0,
        };
    zone->len = len;
    fixture->packs[0].base = fixture->pack;
}

static struct manifest_monitor fixture_monitor(const char *name, uint32_t interval_ms, uint32_t timeout_ms)
{
    return (struct manifest_monitor){.name = strdup(name),
                                     .type = strdup("http"),
                                     .path = strdup("/healthz"),
                                     .method = strdup("GET"),
                                     .expect_status = strdup("200-399"),
                                     .port = 80,
                                     .interval_ms = interval_ms,
                                     .timeout_ms = timeout_ms,
                                     .fall = 3,
                                     .rise = 2};
}

/* The public key of vantage point i is that of keys[i]; NULL keys make one that does not parse. */
static void fixture_vantages(struct manifest *manifest, size_t count, struct key *const *keys)
{
    manifest->vantages = calloc(count + 1, sizeof *manifest->vantages);
    manifest->vantages_count = count;
    for (size_t i = 0; i < count; i++) {
        char name[16], text[KEY_PUBLIC_TEXT_MAX] = "none";
        (void)snprintf(name, sizeof name, "v%u", (unsigned)i % 1000);
        if (keys) {
            const struct key_public public = key_public(keys[i]);
            (void)key_print(&public, text);
        }
        manifest->vantages[i] = (struct manifest_vantage){
            .name = strdup(name), .public_key = strdup(text), .asn = 64500 + (uint32_t)i, .enabled = true};
    }
}

static struct fixture fixture_open(const struct fixture_row *rows, uint32_t count, size_t vantages,
                                   struct key *const *keys)
{
    struct fixture fixture = {0};
    assert(manifest_new(&fixture.manifest, NULL) == OK);
    struct manifest *manifest = fixture.manifest;
    manifest->generation = 7;
    manifest->regions[0].name = strdup("eu");
    manifest->regions[1] = (struct manifest_region){
        .name = strdup("us"), .monitor = strdup("fast"), .target = strdup("192.0.2.200")};
    manifest->regions[2].name = strdup("ap");
    manifest->monitors = calloc(2, sizeof *manifest->monitors);
    manifest->monitors_count = 2;
    manifest->monitors[0] = fixture_monitor("web", 10000, 3000);
    manifest->monitors[1] = fixture_monitor("fast", 1000, 500);
    fixture_vantages(manifest, vantages, keys);
    fixture_pack(&fixture, rows, count);
    assert(roster_build(manifest, fixture.packs, &fixture.roster, NULL) == OK);
    return fixture;
}

static inline void fixture_close(struct fixture *fixture)
{
    roster_free(&fixture->roster);
    manifest_free(&fixture->manifest);
    free(fixture->pack);
}

/* The index in the roster of a subject that is there. */
static inline size_t fixture_find(const struct fixture *fixture, const char *service, const char *region,
                                  const char *address)
{
    const struct roster_subject *found = roster_find(fixture->roster, service, region, address);
    assert(found);
    return (size_t)(found - fixture->roster->subjects);
}

#endif
