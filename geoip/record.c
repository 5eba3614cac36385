#include "geoip/record.h"

#include "common/reader.h"

#include <string.h>

/* Types as a control byte has them; those over 7 as an extended type. */
enum {
    TYPE_EXTENDED = 0,
    TYPE_POINTER = 1,
    TYPE_TEXT = 2,
    TYPE_DOUBLE = 3,
    TYPE_UINT16 = 5,
    TYPE_UINT32 = 6,
    TYPE_MAP = 7,
    TYPE_UINT64 = 9,
    TYPE_ARRAY = 11,
    TYPE_BOOLEAN = 14,
    TYPE_FLOAT = 15,
};

static const struct record_value none; /* RECORD_NONE */

struct head {
    unsigned type;
    uint32_t size; /* bytes of payload, entries of a map or an array, target of a pointer */
};

/* `count` bytes as one number. */
static uint64_t read_uint(struct reader *r, uint32_t count)
{
    uint64_t number = 0;
    for (uint32_t i = 0; i < count; i++)
        number = number << 8 | reader_u8(r);
    return number;
}

static uint32_t read_pointer(struct reader *r, uint8_t control)
{
    static const uint32_t bases[4] = {0, 2048, 526336, 0};
    const unsigned more = control >> 3 & 3;
    const uint32_t high = more == 3 ? 0 : (control & 7u) << (8 * (more + 1));
    return bases[more] + (high | (uint32_t)read_uint(r, more + 1));
}

static uint32_t read_size(struct reader *r, uint8_t control)
{
    static const uint32_t bases[3] = {29, 285, 65821};
    const uint32_t size = control & 31;
    return size < 29 ? size : bases[size - 29] + (uint32_t)read_uint(r, size - 28);
}

static struct head read_head(struct reader *r)
{
    const uint8_t control = reader_u8(r);
    unsigned type = control >> 5;
    if (type == TYPE_POINTER)
        return (struct head){type, read_pointer(r, control)};
    if (type == TYPE_EXTENDED)
        type = 7u + reader_u8(r);
    return (struct head){type, read_size(r, control)};
}

/* Step over a value and all that it holds. */
static void skip(struct reader *r)
{
    for (uint64_t pending = 1; pending > 0 && !r->bad; pending--) {
        const struct head head = read_head(r);
        if (head.type == TYPE_MAP)
            pending += 2 * (uint64_t)head.size;
        else if (head.type == TYPE_ARRAY)
            pending += head.size;
        else if (head.type != TYPE_POINTER && head.type != TYPE_BOOLEAN)
            (void)reader_bytes(r, head.size);
    }
}

static double read_double(struct reader *r)
{
    const uint64_t bits = read_uint(r, 8);
    double real;
    memcpy(&real, &bits, sizeof real);
    return real;
}

static double read_float(struct reader *r)
{
    const uint32_t bits = (uint32_t)read_uint(r, 4);
    float real;
    memcpy(&real, &bits, sizeof real);
    return (double)real;
}

/* The value of a head that has been read, its payload at `r`. */
static struct record_value value_of(struct reader r, struct head head)
{
    struct record_value value = {.type = RECORD_OTHER, .at = r.at, .count = head.size};
    switch (head.type) {
    case TYPE_TEXT:
        value.type = RECORD_TEXT;
        (void)reader_bytes(&r, head.size);
        break;
    case TYPE_DOUBLE:
        value.type = RECORD_REAL;
        value.real = read_double(&r);
        break;
    case TYPE_FLOAT:
        value.type = RECORD_REAL;
        value.real = read_float(&r);
        break;
    case TYPE_UINT16:
    case TYPE_UINT32:
    case TYPE_UINT64:
        if (head.size > sizeof value.uint)
            return none;
        value.type = RECORD_UINT;
        value.uint = read_uint(&r, head.size);
        break;
    case TYPE_MAP:
        value.type = RECORD_MAP;
        break;
    case TYPE_ARRAY:
        value.type = RECORD_ARRAY;
        break;
    case TYPE_POINTER: /* to a pointer: the format forbids it */
        return none;
    default:
        break;
    }
    return r.bad ? none : value;
}

static struct reader reader_at(const struct record_section *section, size_t off)
{
    const size_t from = off < section->len ? off : section->len;
    return reader_of(section->bytes + from, section->len - from);
}

/* The value that begins at `r`, or that the pointer there leads to. */
static struct record_value read_value(const struct record_section *section, struct reader r)
{
    struct head head = read_head(&r);
    if (head.type == TYPE_POINTER && !r.bad) {
        r = reader_at(section, head.size);
        head = read_head(&r);
    }
    return value_of(r, head);
}

struct record_value record_get(const struct record_section *section, size_t off)
{
    return read_value(section, reader_at(section, off));
}

static struct reader reader_inside(const struct record_section *section,
                                   const struct record_value *value)
{
    return reader_at(section, (size_t)(value->at - section->bytes));
}

struct record_value record_member(const struct record_section *section,
                                  const struct record_value *map, const char *name)
{
    if (map->type != RECORD_MAP)
        return none;
    struct reader r = reader_inside(section, map);
    for (uint32_t i = 0; i < map->count && !r.bad; i++) {
        const struct record_value key = read_value(section, r);
        skip(&r);
        if (key.type == RECORD_TEXT && key.count == strlen(name) &&
            memcmp(key.at, name, key.count) == 0)
            return r.bad ? none : read_value(section, r);
        skip(&r);
    }
    return none;
}

struct record_value record_element(const struct record_section *section,
                                   const struct record_value *array, uint32_t idx)
{
    if (array->type != RECORD_ARRAY || idx >= array->count)
        return none;
    struct reader r = reader_inside(section, array);
    for (uint32_t i = 0; i < idx && !r.bad; i++)
        skip(&r);
    return r.bad ? none : read_value(section, r);
}
