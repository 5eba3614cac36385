/* geoip/policy.h - a policy as the store holds it and geoip/build.h takes it: which clients go to which
 * regions.
 *
 * Plain rows, filled in by zones/store/store.c (which checked their syntax), read by geoip/build.c. All
 * strings and rows are on the heap and belong to the struct; policy_fini() gives them back.
 */
#ifndef GEOIP_POLICY_H
#define GEOIP_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum policy_method { POLICY_RULES, POLICY_NEAREST };

enum {
    REGIONS_MAX = 256,        /* regions of a store; a region's index is also its slot on the board */
    POLICIES_MAX = 128,       /* policies of a store */
    POLICY_RULES_MAX = 65536, /* rules of one policy */
};

/* The rule leaves the weight to the pool. */
#define POLICY_WEIGHT_OF_POOL UINT32_MAX

struct policy_rule {
    char *client;    /* as in rule.client: "default", "continent:EU", ... */
    uint16_t region; /* the region's index, 0 .. REGIONS_MAX-1 */
    int32_t tier;
    uint32_t weight; /* or POLICY_WEIGHT_OF_POOL */
};

/* A region that has coordinates, for method `nearest`. */
struct policy_place {
    uint16_t region;
    double latitude;  /* degrees north */
    double longitude; /* degrees east */
};

struct policy {
    char *name;
    enum policy_method method;
    bool geofence;
    struct policy_rule *rules; /* in any order */
    size_t rules_count;
    struct policy_place *places; /* in order of region index */
    size_t places_count;
};

void policy_fini(struct policy *policy);

#endif
