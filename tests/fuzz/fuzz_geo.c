/* tests/fuzz/fuzz_geo.c - a geo image, edited, its frame made good: it is refused, or every address is
 * found in it within bounds.
 *
 * The first byte chooses the image; four bytes are a place in its two first tables and four what stands
 * there; the rest are edits (tests/fuzz/edits.h) of the image without those tables, which take 512 KiB.
 */
#include "common/rng.h"
#include "geoip/layout.h"
#include "tests/fuzz/edits.h"
#include "tests/fuzz/geo_bases.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { CHOICE_LEN = 9, CLIENTS_COUNT = 64 };
enum { TABLES_LEN = 2 * 4 * LAYOUT_TABLE_COUNT, HEAD_LEN = sizeof(struct layout) };

static void image_make(unsigned which, struct buffer *ret)
{
    static char name[] = "fuzz";
    static char clients[][20] = {"default", "country:US", "net:2001:db8::/32", "net:2001:db8:1::/48",
                                 "continent:EU"};
    static struct policy_rule rules[] = {{clients[0], 0, 1, 1}, {clients[1], 1, 1, 1},
                                         {clients[2], 2, 2, POLICY_WEIGHT_OF_POOL},
                                         {clients[3], 3, 1, 0}, {clients[4], 4, 1, 1}, {clients[4], 5, 2, 1}};
    static struct policy_place places[] = {{0, 50, 10}, {1, 40, -100}};
    const struct policy policies[GEO_BASES] = {
        {.name = name, .geofence = true, .rules = rules, .rules_count = 6},
        {.name = name, .method = POLICY_NEAREST, .rules = rules, .rules_count = 1, .places = places,
         .places_count = 2},
    };
    struct source *source = geo_base(which);
    struct diag diag;
    geo_fixture_must(build_geo(&policies[which], &source, 1, ret, &diag), &diag);
    source_free(&source);
}

/* Read all that `class` leads to. */
static size_t class_read(const struct geo *geo, uint32_t class)
{
    const struct geo_chain chain = geo_chain_get(geo, class);
    size_t sum = 0;
    for (uint32_t i = 0; i < chain.count; i++) {
        const struct geo_set set = geo_set_get(geo, chain.sets[i]);
        for (uint32_t k = 0; k < set.count; k++)
            sum += set.choices[k].region;
        sum += strlen(geo_set_name(geo, chain.sets[i]));
    }
    return sum;
}

/* Clients anywhere, every other one below the place in the tables that was chosen. */
static void clients_find(const struct geo *geo, uint16_t place)
{
    const uint8_t place_be[2] = {(uint8_t)(place >> 8), (uint8_t)place};
    struct rng rng;
    rng_init(&rng, 1);
    for (unsigned i = 0; i < CLIENTS_COUNT; i++) {
        struct ip ip = {.family = i % 2 ? IP_V4 : IP_V6};
        const uint64_t bits[2] = {rng_u64(&rng), rng_u64(&rng)};
        memcpy(ip.bytes, bits, ip_bits(&ip) / 8);
        if (i % 4 < 2)
            memcpy(ip.bytes, place_be, sizeof place_be);
        const struct geo_found found = geo_find(geo, &ip);
        if (found.class >= geo->classes_count || found.depth > ip_bits(&ip) ||
            class_read(geo, found.class) > SIZE_MAX / 2)
            abort();
    }
}

/* A copy of all but the tables. */
static uint8_t *parts_get(const struct buffer *base)
{
    uint8_t *parts = malloc(base->len - TABLES_LEN);
    if (!parts)
        abort();
    memcpy(parts, base->bytes, HEAD_LEN);
    memcpy(parts + HEAD_LEN, base->bytes + HEAD_LEN + TABLES_LEN, base->len - TABLES_LEN - HEAD_LEN);
    return parts;
}

/* An image of which all but the tables is in `parts`; its tables are those of `base`. */
static void parts_put(const struct buffer *base, const uint8_t *parts, size_t parts_len, uint8_t *image)
{
    memcpy(image, parts, HEAD_LEN);
    memcpy(image + HEAD_LEN + TABLES_LEN, parts + HEAD_LEN, parts_len - HEAD_LEN);
    if (image != base->bytes)
        memcpy(image + HEAD_LEN, base->bytes + HEAD_LEN, TABLES_LEN);
}

/* Open it with the entry in its tables, which then is as it was, and look for clients. */
static enum err image_try(uint8_t *image, size_t len, uint32_t place, uint32_t entry, struct diag *reterr)
{
    uint8_t *at = image + HEAD_LEN + 4 * (place % (2 * LAYOUT_TABLE_COUNT));
    uint32_t before;
    struct geo geo;
    memcpy(&before, at, sizeof before);
    if (place >> 31)
        memcpy(at, &entry, sizeof entry);
    frame_seal(image, len, FRAME_GEO, GEO_VERSION);
    const enum err err = geo_open(image, len, &geo, reterr);
    if (err == OK)
        clients_find(&geo, (uint16_t)place);
    memcpy(at, &before, sizeof before);
    return err;
}

/* One without all of its header. */
static void stub_try(uint8_t *image, size_t len)
{
    struct geo geo;
    if (len >= sizeof(struct frame))
        frame_seal(image, len, FRAME_GEO, GEO_VERSION);
    if (geo_open(image, len, &geo, NULL) == OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct buffer bases[GEO_BASES];
    uint32_t place, entry;
    struct diag diag;
    if (!bases[0].bytes)
        for (unsigned i = 0; i < GEO_BASES; i++)
            image_make(i, &bases[i]);
    if (len < CHOICE_LEN)
        return 0;
    struct buffer *base = &bases[bytes[0] % GEO_BASES];
    memcpy(&place, bytes + 1, sizeof place);
    memcpy(&entry, bytes + 5, sizeof entry);
    const size_t whole_len = base->len - TABLES_LEN;
    uint8_t *whole = parts_get(base), *parts = parts_get(base);
    const size_t parts_len = edits_apply(bytes + CHOICE_LEN, len - CHOICE_LEN, parts, whole_len);
    if (parts_len < HEAD_LEN) {
        stub_try(parts, parts_len);
    } else {
        /* What was not cut is edited where it is. */
        uint8_t *image = parts_len < whole_len ? malloc(parts_len + TABLES_LEN) : base->bytes;
        if (!image)
            abort();
        parts_put(base, parts, parts_len, image);
        const enum err err = image_try(image, parts_len + TABLES_LEN, place, entry, &diag);
        if (len == CHOICE_LEN && !(place >> 31))
            geo_fixture_must(err, &diag); /* nothing was edited */
        if (image == base->bytes)
            parts_put(base, whole, whole_len, image);
        else
            free(image);
    }
    free(whole);
    free(parts);
    return 0;
}
