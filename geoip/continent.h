/* geoip/continent.h - the continent of a country, for databases that tell only the country.
 *
 * Codes as GeoNames and MaxMind write them: AF AN AS EU NA OC SA; countries by ISO 3166-1, with the
 * codes that ISO has withdrawn but databases still carry.
 */
#ifndef GEOIP_CONTINENT_H
#define GEOIP_CONTINENT_H

#include <stdbool.h>

/* The continent of a two-letter country code; "" when it is none. */
const char *continent_of_country(const char *country);

/* Whether `code` is one of the seven. */
bool continent_is_code(const char *code);

#endif
