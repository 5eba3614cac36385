/* geoip/facts.h - what a database knows of one address, whichever format said it.
 *
 * Filled in by geoip/mmdb.c and geoip/tortext.c, interned by geoip/source.h byte for byte (so a
 * writer begins with zeros), read by geoip/classes.c. Codes are upper case; an empty one is
 * unknown.
 */
#ifndef GEOIP_FACTS_H
#define GEOIP_FACTS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    FACTS_SUBDIVISIONS_MAX = 4, /* of one address; databases have at most 2 */
    FACTS_CODE_MAX = 3,         /* "DE" and its NUL */
    FACTS_SUBDIVISION_MAX = 7,  /* "GB-ENG" and its NUL */
};

struct facts {
    double latitude;  /* degrees north */
    double longitude; /* degrees east */
    uint32_t asn;     /* 0: unknown */
    char country[FACTS_CODE_MAX];
    char continent[FACTS_CODE_MAX];
    char subdivisions[FACTS_SUBDIVISIONS_MAX][FACTS_SUBDIVISION_MAX]; /* broadest first */
    uint8_t subdivisions_count;
    bool has_place; /* latitude and longitude count */
    uint8_t reserved[4];
};

_Static_assert(sizeof(struct facts) == 16 + 4 + 6 + 28 + 2 + 8,
               "facts are compared byte for byte: no padding");

#endif
