/* tests/fuzz/edits.h - an input that is a row of edits of something valid which today's code has made.
 *
 * So a change of format leaves no corpus behind that says nothing any more. An edit is eight bytes:
 *
 *    0 what | 1 where, 24 bits: an offset, modulo the length | 4 a value, 32 bits; little-endian
 */
#ifndef TESTS_FUZZ_EDITS_H
#define TESTS_FUZZ_EDITS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { EDIT_LEN = 8 };

enum edit {
    EDIT_U8,   /* becomes the value */
    EDIT_U16,
    EDIT_U32,
    EDIT_ADD,  /* the value is added to 32 bits */
    EDIT_COPY, /* 32 bits become those at an offset, the value */
    EDIT_CUT,  /* what is behind the offset is gone */
    EDITS,
};

/* One edit of `len` bytes; returns how many remain. Words are where words are: at multiples of their size. */
static inline size_t edit_apply(const uint8_t edit[EDIT_LEN], uint8_t *bytes, size_t len)
{
    uint32_t value, word, source;
    size_t where = edit[1] | (size_t)edit[2] << 8 | (size_t)edit[3] << 16;
    memcpy(&value, edit + 4, sizeof value);
    if (len < sizeof word)
        return len;
    switch (edit[0] % EDITS) {
    case EDIT_U8:
        bytes[where % len] = (uint8_t)value;
        return len;
    case EDIT_U16:
        memcpy(bytes + (where % (len - 1) & ~(size_t)1), &value, 2);
        return len;
    case EDIT_CUT:
        return where % len;
    }
    where = where % (len - 3) & ~(size_t)3;
    memcpy(&word, bytes + where, sizeof word);
    memcpy(&source, bytes + (value % (len - 3) & ~(size_t)3), sizeof source);
    word = edit[0] % EDITS == EDIT_U32 ? value : edit[0] % EDITS == EDIT_ADD ? word + value : source;
    memcpy(bytes + where, &word, sizeof word);
    return len;
}

static inline size_t edits_apply(const uint8_t *edits, size_t edits_len, uint8_t *bytes, size_t len)
{
    for (; edits_len >= EDIT_LEN; edits += EDIT_LEN, edits_len -= EDIT_LEN)
        len = edit_apply(edits, bytes, len);
    return len;
}

#endif
