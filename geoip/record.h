/* geoip/record.h - read single values of an MMDB data section.
 *
 * Format: MaxMind DB file format 2.0, "Output Data Section". Stands in for
 * MMDB_get_value(), which steps over nested values by recursion, so that a crafted file overflows
 * the stack. Here nothing recurses and every read is bounded; what does not decode is RECORD_NONE.
 */
#ifndef GEOIP_RECORD_H
#define GEOIP_RECORD_H

#include <stddef.h>
#include <stdint.h>

enum record_type {
    RECORD_NONE,
    RECORD_TEXT,
    RECORD_UINT,
    RECORD_REAL,
    RECORD_MAP,
    RECORD_ARRAY,
    RECORD_OTHER
};

/* A data section. Lent. */
struct record_section {
    const uint8_t *bytes;
    size_t len;
};

struct record_value {
    enum record_type type;
    const uint8_t *at; /* text, not NUL-terminated, or a map's or an array's first element */
    uint32_t count;    /* bytes of a text, entries of a map or an array */
    union {
        uint64_t uint;
        double real;
    };
};

/* The value at an offset into the section. */
struct record_value record_get(const struct record_section *section, size_t off);

/* What a map has under `name`, an array at position `idx`; RECORD_NONE for anything else. */
struct record_value record_member(const struct record_section *section,
                                  const struct record_value *map, const char *name);
struct record_value record_element(const struct record_section *section,
                                   const struct record_value *array, uint32_t idx);

#endif
