/* geoip/fields.h - from an MMDB record to facts, in the layouts of the makers we know.
 *
 *    MaxMind, DB-IP   country.iso_code, continent.code, subdivisions[].iso_code,
 *                     location.latitude and .longitude, autonomous_system_number
 *    IPinfo, others   country_code or country, continent_code or continent, region_code or region
 *                     (where these are codes), asn ("AS15169" or a number), loc ("37.4,-122.1"),
 *                     lat and lng, latitude and longitude
 *
 * `country` counts, never registered_country or represented_country. A field of another type or
 * shape is passed over.
 */
#ifndef GEOIP_FIELDS_H
#define GEOIP_FIELDS_H

#include "geoip/facts.h"
#include "geoip/record.h"

/* The facts of a record; all zero when it has none. */
struct facts fields_read(const struct record_section *section, const struct record_value *record);

#endif
