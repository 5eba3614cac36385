#include "server/transport/framer.h"

#include <assert.h>
#include <string.h>

void framer_init(struct framer *framer)
{
    framer->start = framer->end = 0;
}

uint8_t *framer_space(struct framer *framer, size_t *ret_len)
{
    *ret_len = sizeof framer->bytes - framer->end;
    return framer->bytes + framer->end;
}

void framer_fill(struct framer *framer, size_t len)
{
    assert(len <= sizeof framer->bytes - framer->end);
    framer->end = (uint16_t)(framer->end + len);
}

enum framing framer_next(struct framer *framer, const uint8_t **ret, size_t *ret_len)
{
    const size_t have = (size_t)(framer->end - framer->start);
    if (have < FRAMER_PREFIX_LEN)
        return FRAMING_MORE;
    const uint8_t *at = framer->bytes + framer->start;
    const size_t len = (size_t)(at[0] << 8 | at[1]);
    if (len > QUERY_LEN_MAX)
        return FRAMING_TOO_LONG;
    if (have < FRAMER_PREFIX_LEN + len)
        return FRAMING_MORE;
    *ret = at + FRAMER_PREFIX_LEN;
    *ret_len = len;
    framer->start = (uint16_t)(framer->start + FRAMER_PREFIX_LEN + len);
    return FRAMING_MESSAGE;
}

const uint8_t *framer_bytes(const struct framer *framer, size_t *ret_len)
{
    *ret_len = (size_t)(framer->end - framer->start);
    return framer->bytes + framer->start;
}

void framer_skip(struct framer *framer, size_t len)
{
    assert(len <= (size_t)(framer->end - framer->start));
    framer->start = (uint16_t)(framer->start + len);
}

void framer_compact(struct framer *framer)
{
    const size_t left = (size_t)(framer->end - framer->start);
    if (framer->start > 0)
        memmove(framer->bytes, framer->bytes + framer->start, left);
    framer->start = 0;
    framer->end = (uint16_t)left;
}
