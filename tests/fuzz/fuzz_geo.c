/* Any bytes as a geo image, its frame made good: it is refused, or every address is found in it
 * within bounds.
 *
 * The two first tables take 512 KiB, which no fuzzer fills by itself. So an input is the image
 * without them: the header, then 16 bytes, repeated to fill the tables, then the rest.
 */
#include "geoip/geo.h"
#include "geoip/layout.h"

#include "common/rng.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PATTERN_LEN = 16, TABLES_LEN = 2 * 4 * LAYOUT_TABLE_COUNT, CLIENTS_COUNT = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read all that `class` leads to. */
static size_t read_class(const struct geo *geo, uint32_t class)
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

static void find_clients(const struct geo *geo)
{
    struct rng rng;
    rng_init(&rng, 1);
    for (unsigned i = 0; i < CLIENTS_COUNT; i++) {
        struct ip ip = {.family = i % 2 ? IP_V4 : IP_V6};
        const uint64_t bits[2] = {rng_u64(&rng), rng_u64(&rng)};
        memcpy(ip.bytes, bits, ip_bits(&ip) / 8);
        const struct geo_found found = geo_find(geo, &ip);
        if (found.class >= geo->classes_count || found.depth > ip_bits(&ip) ||
            read_class(geo, found.class) > SIZE_MAX / 2)
            __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct geo geo;
    if (size < sizeof(struct layout) + PATTERN_LEN)
        return 0;
    const size_t rest_len = size - sizeof(struct layout) - PATTERN_LEN;
    const size_t len = sizeof(struct layout) + TABLES_LEN + rest_len;
    uint8_t *image = malloc(len);
    if (!image)
        return 0;
    memcpy(image, data, sizeof(struct layout));
    for (size_t off = 0; off < TABLES_LEN; off += PATTERN_LEN)
        memcpy(image + sizeof(struct layout) + off, data + sizeof(struct layout), PATTERN_LEN);
    memcpy(image + sizeof(struct layout) + TABLES_LEN, data + size - rest_len, rest_len);
    frame_seal(image, len, FRAME_GEO, GEO_VERSION);
    if (geo_open(image, len, &geo, NULL) == OK)
        find_clients(&geo);
    free(image);
    return 0;
}
