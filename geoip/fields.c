#include "geoip/fields.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 64 }; /* a text that we read, and its NUL */

/* A record being read. */
struct fields {
    const struct record_section *section;
    const struct record_value *record;
    struct facts facts;
};

static struct record_value member(const struct fields *fields, const char *name)
{
    return record_member(fields->section, fields->record, name);
}

/* Values --------------------------------------------------------------------------------------- */

static bool text_of(const struct record_value *value, char ret[TEXT_MAX])
{
    if (value->type != RECORD_TEXT || value->count >= TEXT_MAX)
        return false;
    memcpy(ret, value->at, value->count);
    ret[value->count] = '\0';
    return true;
}

/* A number, or text that is one. */
static bool real_of(const struct record_value *value, double *ret)
{
    char text[TEXT_MAX];
    char *end;
    if (value->type == RECORD_REAL) {
        *ret = value->real;
        return true;
    }
    if (!text_of(value, text))
        return false;
    *ret = strtod(text, &end);
    return end != text && *end == '\0';
}

/* A code of `min` to cap - 1 capital letters and digits; anything else is not one and leaves
 * `ret` as it is. */
static bool code_of(const struct record_value *value, size_t min, size_t cap, char *ret)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    char text[TEXT_MAX];
    if (!text_of(value, text) || value->count < min || value->count >= cap ||
        strspn(text, allowed) != value->count)
        return false;
    memcpy(ret, text, value->count + 1);
    return true;
}

/* Facts ---------------------------------------------------------------------------------------- */

/* Of a country or a continent, unless it is known. */
static void take_code(const struct record_value *value, char ret[FACTS_CODE_MAX])
{
    if (ret[0] == '\0')
        (void)code_of(value, 2, FACTS_CODE_MAX, ret);
}

static void take_subdivision(const struct record_value *value, struct facts *facts)
{
    char code[FACTS_SUBDIVISION_MAX - FACTS_CODE_MAX];
    if (facts->country[0] == '\0' || facts->subdivisions_count == FACTS_SUBDIVISIONS_MAX ||
        !code_of(value, 1, sizeof code, code))
        return;
    char *to = stpcpy(facts->subdivisions[facts->subdivisions_count++], facts->country);
    *to++ = '-';
    (void)stpcpy(to, code);
}

static void take_place(double latitude, double longitude, struct facts *facts)
{
    if (facts->has_place || !(fabs(latitude) <= 90 && fabs(longitude) <= 180)) /* nor NaN */
        return;
    facts->has_place = true;
    facts->latitude = latitude;
    facts->longitude = longitude;
}

static void take_pair(const struct record_value *north, const struct record_value *east,
                      struct facts *facts)
{
    double latitude;
    double longitude;
    if (real_of(north, &latitude) && real_of(east, &longitude))
        take_place(latitude, longitude, facts);
}

/* "37.4056,-122.0775" */
static void take_loc(const struct record_value *value, struct facts *facts)
{
    char text[TEXT_MAX];
    char *comma;
    char *end;
    if (!text_of(value, text))
        return;
    const double latitude = strtod(text, &comma);
    if (comma == text || *comma != ',')
        return;
    const double longitude = strtod(comma + 1, &end);
    if (end != comma + 1 && *end == '\0')
        take_place(latitude, longitude, facts);
}

/* 15169, "15169" or "AS15169" */
static void take_asn(const struct record_value *value, struct facts *facts)
{
    char text[TEXT_MAX];
    if (value->type == RECORD_UINT && value->uint <= UINT32_MAX)
        facts->asn = (uint32_t)value->uint;
    if (!text_of(value, text))
        return;
    const char *digits = strncmp(text, "AS", 2) == 0 ? text + 2 : text;
    const size_t len = strlen(digits);
    if (len == 0 || len > 10 || strspn(digits, "0123456789") != len)
        return;
    const unsigned long number = strtoul(digits, NULL, 10);
    if (number <= UINT32_MAX)
        facts->asn = (uint32_t)number;
}

/* Layouts -------------------------------------------------------------------------------------- */

static void read_nested(struct fields *fields)
{
    const struct record_section *section = fields->section;
    struct facts *facts = &fields->facts;
    struct record_value map = member(fields, "country");
    struct record_value value = record_member(section, &map, "iso_code");
    take_code(&value, facts->country);
    map = member(fields, "continent");
    value = record_member(section, &map, "code");
    take_code(&value, facts->continent);
    const struct record_value list = member(fields, "subdivisions");
    for (uint32_t i = 0; i < FACTS_SUBDIVISIONS_MAX; i++) {
        map = record_element(section, &list, i);
        value = record_member(section, &map, "iso_code");
        take_subdivision(&value, facts);
    }
    map = member(fields, "location");
    const struct record_value north = record_member(section, &map, "latitude");
    const struct record_value east = record_member(section, &map, "longitude");
    take_pair(&north, &east, facts);
    value = member(fields, "autonomous_system_number");
    take_asn(&value, facts);
}

static void read_flat(struct fields *fields)
{
    static const char *const countries[] = {"country_code", "country"};
    static const char *const continents[] = {"continent_code", "continent"};
    static const char *const pairs[][2] = {{"lat", "lng"}, {"latitude", "longitude"}};
    struct facts *facts = &fields->facts;
    struct record_value value;
    for (unsigned i = 0; i < 2; i++) {
        value = member(fields, countries[i]);
        take_code(&value, facts->country);
        value = member(fields, continents[i]);
        take_code(&value, facts->continent);
    }
    value = member(fields, "region_code");
    if (value.type == RECORD_NONE)
        value = member(fields, "region");
    take_subdivision(&value, facts);
    value = member(fields, "loc");
    take_loc(&value, facts);
    for (unsigned i = 0; i < 2; i++) {
        const struct record_value north = member(fields, pairs[i][0]);
        const struct record_value east = member(fields, pairs[i][1]);
        take_pair(&north, &east, facts);
    }
    value = member(fields, "asn");
    take_asn(&value, facts);
}

struct facts fields_read(const struct record_section *section, const struct record_value *record)
{
    static const struct facts nothing;
    struct fields fields = {.section = section, .record = record};
    read_nested(&fields);
    if (memcmp(&fields.facts, &nothing, sizeof nothing) == 0)
        read_flat(&fields);
    return fields.facts;
}
