/* common/name.h - domain names in wire form (RFC 1035 3.1): length-prefixed labels, the root last.
 *
 * Names are uncompressed and at most NAME_MAX bytes. Comparison ignores ASCII case (RFC 4343); any
 * octet may stand in a label. Text is presentation form with \. and \DDD escapes, with or without
 * the trailing dot.
 */
#ifndef COMMON_NAME_H
#define COMMON_NAME_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NAME_WIRE_MAX = 255,   /* RFC 1035 2.3.4 */
    NAME_LABEL_MAX = 63,   /* RFC 1035 2.3.4 */
    NAME_LABELS_MAX = 127, /* as many one-octet labels as fit, the root not counted */
    NAME_TEXT_MAX = 1025,  /* every octet escaped, and a NUL */
};

/* Where each suffix of a name begins, and its hash. Suffix 0 is the whole name, suffix `labels`
 * is the root. The hash of a suffix depends on nothing before it, so a zone's table can be asked
 * for any ancestor without hashing again. */
struct name_suffixes {
    uint8_t labels;                         /* the root not counted */
    uint8_t off[NAME_LABELS_MAX + 1];       /* bytes from the start of the name */
    uint64_t hash[NAME_LABELS_MAX + 1];     /* of the suffix in lower case */
};

/* Text to wire, absolute. `wire` holds NAME_WIRE_MAX bytes; `*ret_len` counts the root's zero.
 * ERR_SYNTAX: empty label, label over 63 or name over 255 octets, bad escape. */
NODISCARD enum err name_parse(const char *text, uint8_t *wire, size_t *ret_len, struct diag *reterr);

/* Text relative to `origin` (wire) unless it ends in a dot; "@" is the origin itself. Errors as
 * name_parse(). */
NODISCARD enum err name_parse_under(const char *text, const uint8_t *origin, uint8_t *wire, size_t *ret_len,
                                    struct diag *reterr);

/* Wire to text without the trailing dot ("." for the root), as the store writes names. */
const char *name_print(const uint8_t *wire, char text[NAME_TEXT_MAX]);

/* Length in bytes of a well-formed name, the root's zero included. */
size_t name_len(const uint8_t *wire);

/* Whether the `len` bytes at `wire` begin with a well-formed uncompressed name; `*ret_len` is its length. */
bool name_check(const uint8_t *wire, size_t len, size_t *ret_len);

/* Labels without the root. */
unsigned name_labels(const uint8_t *wire);

/* Copy with ASCII letters in lower case; returns the length. */
size_t name_lower(const uint8_t *wire, uint8_t *ret);

bool name_equal(const uint8_t *a, const uint8_t *b);

/* Whether `name` is `ancestor` or below it. */
bool name_is_under(const uint8_t *name, const uint8_t *ancestor);

/* Hash of the whole name, case folded; equals name_suffixes' hash[0]. */
uint64_t name_hash(const uint8_t *wire);

/* Fill `ret` for a well-formed name. Hot path: one pass over the name. */
void name_suffixes(const uint8_t *wire, struct name_suffixes *ret);

#endif
