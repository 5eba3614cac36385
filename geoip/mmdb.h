/* geoip/mmdb.h - MaxMind DB files; the only file that sees libmaxminddb.
 *
 * Fields by maker:  MaxMind, DB-IP: country.iso_code, continent.code, subdivisions[].iso_code, location.latitude and
 * .longitude, autonomous_system_number.  IPinfo and other flat ones: country or country_code, continent or
 * continent_code, region_code or region (where it is a code), asn ("AS15169" or a number), loc ("37.4,-122.1") or
 * lat and lng, as text or numbers. `country` counts, never registered_country or represented_country.
 */
#ifndef GEOIP_MMDB_H
#define GEOIP_MMDB_H

#include "geoip/source.h"

#include "common/err.h"

/* Fill in the trees and facts of `source` from source->path. The tree is walked once, by node; what
 * libmaxminddb finds for an address is what the source says of it.
 * ERR_CORRUPT: libmaxminddb refuses it, or its search tree is broken (the sentence names the node and
 * its offset). ERR_REFUSED: no record has a fact that we know. ERR_MEMORY, ERR_SYSTEM. */
NODISCARD enum err mmdb_load(struct source *source, struct diag *reterr);

#endif
