#include "common/name.h"

#include "common/hash.h"

#include <ctype.h>
#include <string.h>

static uint8_t lower(uint8_t c)
{
    return (uint8_t)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* One octet of a label in text: plain, \c or \DDD. Returns the characters read, 0 for a bad escape. */
static size_t octet_parse(const char *text, uint8_t *ret)
{
    if (text[0] != '\\') {
        *ret = (uint8_t)text[0];
        return 1;
    }
    if (text[1] == '\0')
        return 0;
    if (!isdigit((unsigned char)text[1])) {
        *ret = (uint8_t)text[1];
        return 2;
    }
    if (!isdigit((unsigned char)text[2]) || !isdigit((unsigned char)text[3]))
        return 0;
    const int value = (text[1] - '0') * 100 + (text[2] - '0') * 10 + (text[3] - '0');
    *ret = (uint8_t)value;
    return value > 255 ? 0 : 4;
}

/* One label in text up to a dot or the end, at most 63 octets, to wire with its length before it. */
static enum err label_parse(const char *name, const char **at, uint8_t *wire, size_t cap, size_t *len,
                            struct diag *reterr)
{
    const size_t head = *len;
    size_t size = 0;
    const char *p = *at;
    while (*p && *p != '.') {
        uint8_t octet;
        const size_t step = octet_parse(p, &octet);
        if (step == 0)
            return diag_set(reterr, ERR_SYNTAX,
                            "name \"%s\": bad escape at \"%.4s\"; write \\DDD with DDD from 000 to 255", name,
                            p);
        if (size == NAME_LABEL_MAX)
            return diag_set(reterr, ERR_SYNTAX, "name \"%s\": a label is longer than 63 octets", name);
        if (head + 1 + size >= cap)
            return diag_set(reterr, ERR_SYNTAX, "name \"%s\" is longer than 255 octets", name);
        wire[head + 1 + size++] = octet;
        p += step;
    }
    if (size == 0)
        return diag_set(reterr, ERR_SYNTAX, "name \"%s\" has an empty label", name);
    wire[head] = (uint8_t)size;
    *len = head + 1 + size;
    *at = p;
    return OK;
}

/* Text to labels without the root. `*ret_absolute` tells whether the text ended in a dot. */
static enum err labels_parse(const char *text, uint8_t *wire, size_t *ret_len, bool *ret_absolute,
                             struct diag *reterr)
{
    size_t len = 0;
    const char *p = text;
    *ret_absolute = false;
    if (*p == '\0')
        return diag_set(reterr, ERR_SYNTAX,
                        "a name is empty; write \"@\" for the zone's apex or \".\" for the root");
    while (*p) {
        const enum err err = label_parse(text, &p, wire, NAME_WIRE_MAX - 1, &len, reterr);
        if (err != OK)
            return err;
        if (*p == '.') {
            p++;
            *ret_absolute = *p == '\0';
        }
    }
    *ret_len = len;
    return OK;
}

enum err name_parse(const char *text, uint8_t *wire, size_t *ret_len, struct diag *reterr)
{
    size_t len = 0;
    bool absolute;
    if (strcmp(text, ".") != 0) {
        const enum err err = labels_parse(text, wire, &len, &absolute, reterr);
        if (err != OK)
            return err;
    }
    wire[len] = 0;
    *ret_len = len + 1;
    return OK;
}

enum err name_parse_under(const char *text, const uint8_t *origin, uint8_t *wire, size_t *ret_len,
                          struct diag *reterr)
{
    const size_t origin_len = name_len(origin);
    if (strcmp(text, "@") == 0) {
        memcpy(wire, origin, origin_len);
        *ret_len = origin_len;
        return OK;
    }
    if (strcmp(text, ".") == 0)
        return name_parse(text, wire, ret_len, reterr);
    size_t len;
    bool absolute;
    const enum err err = labels_parse(text, wire, &len, &absolute, reterr);
    if (err != OK)
        return err;
    if (absolute) {
        wire[len] = 0;
        *ret_len = len + 1;
        return OK;
    }
    if (len + origin_len > NAME_WIRE_MAX)
        return diag_set(reterr, ERR_SYNTAX, "name \"%s\" is longer than 255 octets with its zone", text);
    memcpy(wire + len, origin, origin_len);
    *ret_len = len + origin_len;
    return OK;
}

/* One octet of a label as text; returns the characters put, at most 4. */
static size_t octet_print(uint8_t octet, char *out)
{
    if (memchr(".\\\";@$()", octet, 8)) {
        out[0] = '\\';
        out[1] = (char)octet;
        return 2;
    }
    if (octet > 32 && octet < 127) {
        out[0] = (char)octet;
        return 1;
    }
    out[0] = '\\';
    out[1] = (char)('0' + octet / 100);
    out[2] = (char)('0' + octet / 10 % 10);
    out[3] = (char)('0' + octet % 10);
    return 4;
}

const char *name_print(const uint8_t *wire, char text[NAME_TEXT_MAX])
{
    char *out = text;
    if (*wire == 0)
        *out++ = '.';
    while (*wire) {
        const uint8_t size = *wire++;
        for (uint8_t i = 0; i < size; i++)
            out += octet_print(*wire++, out);
        if (*wire)
            *out++ = '.';
    }
    *out = '\0';
    return text;
}

size_t name_len(const uint8_t *wire)
{
    const uint8_t *p = wire;
    while (*p)
        p += 1 + *p;
    return (size_t)(p - wire) + 1;
}

bool name_check(const uint8_t *wire, size_t len, size_t *ret_len)
{
    size_t at = 0;
    while (at < len && at < NAME_WIRE_MAX) {
        if (wire[at] == 0) {
            *ret_len = at + 1;
            return true;
        }
        if (wire[at] > NAME_LABEL_MAX)
            return false;
        at += 1u + wire[at];
    }
    return false;
}

unsigned name_labels(const uint8_t *wire)
{
    unsigned labels = 0;
    for (; *wire; wire += 1 + *wire)
        labels++;
    return labels;
}

size_t name_lower(const uint8_t *wire, uint8_t *ret)
{
    const size_t len = name_len(wire);
    for (size_t i = 0; i < len; i++)
        ret[i] = lower(wire[i]); /* a label's length is below 'A' */
    return len;
}

bool name_equal(const uint8_t *a, const uint8_t *b)
{
    const size_t len = name_len(a);
    for (size_t i = 0; i < len; i++)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

bool name_is_under(const uint8_t *name, const uint8_t *ancestor)
{
    const unsigned have = name_labels(name), want = name_labels(ancestor);
    if (have < want)
        return false;
    for (unsigned i = have; i > want; i--)
        name += 1 + *name;
    return name_equal(name, ancestor);
}

/* The hash of a name from that of its parent and its first label. */
static uint64_t label_hash(uint64_t parent, const uint8_t *label)
{
    uint64_t h = parent ^ (uint64_t)*label * UINT64_C(0x9e3779b97f4a7c15);
    const uint8_t *p = label + 1;
    unsigned left = *label;
    for (; left >= 8; left -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        /* Lower case eight octets at once: bit 5 where a byte is in 'A'..'Z'. */
        const uint64_t low = word & UINT64_C(0x7f7f7f7f7f7f7f7f);
        const uint64_t from_a = low + UINT64_C(0x3f3f3f3f3f3f3f3f),
                       past_z = low + UINT64_C(0x2525252525252525);
        word |= (from_a & ~past_z & ~word & UINT64_C(0x8080808080808080)) >> 2;
        h = hash_mix(h ^ word);
    }
    uint64_t word = 0;
    for (unsigned i = 0; i < left; i++)
        word |= (uint64_t)lower(p[i]) << 8 * i;
    return hash_mix(h ^ word);
}

void name_suffixes(const uint8_t *wire, struct name_suffixes *ret)
{
    unsigned labels = 0;
    unsigned at = 0;
    for (; wire[at]; at += 1u + wire[at])
        ret->off[labels++] = (uint8_t)at;
    ret->off[labels] = (uint8_t)at;
    ret->labels = (uint8_t)labels;
    uint64_t h = UINT64_C(0x243f6a8885a308d3);
    ret->hash[labels] = h;
    while (labels-- > 0)
        ret->hash[labels] = h = label_hash(h, wire + ret->off[labels]);
}

uint64_t name_hash(const uint8_t *wire)
{
    struct name_suffixes suffixes;
    name_suffixes(wire, &suffixes);
    return suffixes.hash[0];
}
