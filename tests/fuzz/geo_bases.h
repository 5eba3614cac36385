/* tests/fuzz/geo_bases.h - geo databases to begin from: one of text, one with subdivisions and places. */
#ifndef TESTS_FUZZ_GEO_BASES_H
#define TESTS_FUZZ_GEO_BASES_H

#include "tests/geo_fixture.h"

enum { GEO_BASES = 2 };

static inline struct source *geo_base(unsigned which)
{
    return geo_fixture_source(which % GEO_BASES ? "mmdb/dbip-city.mmdb" : "tor/geoip6");
}

#endif
