/* geoip/geo.h - the geo image: from a client's address to the rule sets of one policy that match it.
 *
 * One image for each policy, written by geoip/build.c, mapped read-only by workers and by gslbctl. A
 * *set* is all rules of the policy with the same client ("country:DE"): its choices are regions with tier
 * and weight. A *class* is the row of sets that match some clients, most specific first, so that
 * walking up to the next less specific set is stepping to the next element.
 *
 * The prefix tree tells an address's class and how many of its bits were needed to tell: no client that
 * shares these bits has another class. That count is the client-subnet scope (RFC 7871 7.2.1). IPv4 and
 * IPv6 have a tree each: a first table of 2^16 entries, then nodes of 16 entries, four bits a step; equal
 * nodes are stored once.
 *
 *    entry, leaf:   31 = 1 | 30..24 bits needed | 23..0 class
 *                   (in the first table 1..16 or 0, in a node 1..4: bits of that step)
 *    entry, inner:  31 = 0 | 30..0 index of the next node
 */
#ifndef GEOIP_GEO_H
#define GEOIP_GEO_H

#include "common/err.h"
#include "common/ip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GEO_VERSION = 1,
    GEO_SETS_MAX = 1 << 20,    /* sets of one policy, the orderings of `nearest` included */
    GEO_CLASSES_MAX = 1 << 20, /* classes of one policy; an entry holds 24 bits */
    GEO_CHAIN_MAX = 48, /* sets of one class: nested nets, asn, subdivisions, country, continent, default */
};

#define GEO_WEIGHT_OF_POOL UINT32_MAX

/* One rule of a set, as it stands in the image. A set's choices are in order of tier, then region. */
struct geo_choice {
    uint32_t weight; /* or GEO_WEIGHT_OF_POOL */
    int32_t tier;
    uint16_t region; /* index, also the region's slot on the board */
    uint16_t reserved;
};

/* Where a mapped image's parts are; set by geo_open(), owns nothing. */
struct geo {
    const uint32_t *v4_table; /* 2^16 entries */
    const uint32_t *v6_table; /* 2^16 entries */
    const uint32_t *nodes;    /* 16 entries each */
    const uint32_t *chains;   /* rows of set indexes */
    const uint32_t *classes;  /* classes_count + 1 offsets into chains */
    const struct geo_choice *choices;
    const uint32_t *sets;     /* sets_count + 1 offsets into choices */
    const uint32_t *names;    /* sets_count offsets into text */
    const char *text;         /* NUL-terminated strings: the sets' clients */
    uint32_t classes_count;
    uint32_t sets_count;
    bool fenced; /* policy.geofence: never walk up to a less specific set */
};

struct geo_found {
    uint32_t class;
    uint8_t depth; /* bits of the address that decided: 0..32 or 0..128 */
};

struct geo_chain {
    const uint32_t *sets; /* most specific first */
    uint32_t count;       /* 0: no set matches, not even `default` */
};

struct geo_set {
    const struct geo_choice *choices;
    uint32_t count;
};

/* Check an image (every offset and index in it too, so that the functions below need not) and say where its
 * parts are. `bytes` must stay mapped, 8-byte aligned. ERR_CORRUPT, ERR_VERSION. Cost: linear in it. */
NODISCARD enum err geo_open(const void *bytes, size_t len, struct geo *ret, struct diag *reterr);

/* As geo_open() for an image that this process's parent has checked: constant cost. */
void geo_attach(const void *bytes, struct geo *ret);

/* Hot path. The class of an address, IPv4 or IPv6 (mapped ones unmapped before). */
struct geo_found geo_find(const struct geo *geo, const struct ip *ip);

/* Hot path. Requires class < classes_count, set < sets_count. */
struct geo_chain geo_chain_get(const struct geo *geo, uint32_t class);
struct geo_set geo_set_get(const struct geo *geo, uint32_t set);

/* A set's client as written in rule.client; "nearest" for an ordering by distance. */
const char *geo_set_name(const struct geo *geo, uint32_t set);

#endif
