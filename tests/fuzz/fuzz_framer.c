/* tests/fuzz/fuzz_framer.c - the framer: however a stream is cut into pieces, the same messages come out.
 *
 * The first byte seeds the cuts and says how many bytes come before the messages, as a PROXY header does;
 * the rest is the stream.
 */
#include "server/transport/framer.h"

#include "common/hash.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* The plain version: take message after message off the whole stream. Returns a hash of them and sets how it
 * ended. */
static uint64_t plain(const uint8_t *bytes, size_t len, enum framing *ret_end)
{
    uint64_t hash = 0;
    for (*ret_end = FRAMING_MORE; len >= 2;) {
        const size_t message_len = (size_t)(bytes[0] << 8 | bytes[1]);
        if (message_len > QUERY_LEN_MAX)
            *ret_end = FRAMING_TOO_LONG;
        if (message_len > QUERY_LEN_MAX || len - 2 < message_len)
            break;
        hash = hash_bytes(bytes + 2, message_len, hash + message_len);
        bytes += 2 + message_len;
        len -= 2 + message_len;
    }
    return hash;
}

/* Take out all messages that are whole. */
static enum framing take(struct framer *framer, uint64_t *hash)
{
    const uint8_t *message;
    size_t len;
    enum framing framing;
    while ((framing = framer_next(framer, &message, &len)) == FRAMING_MESSAGE)
        *hash = hash_bytes(message, len, *hash + len);
    framer_compact(framer);
    return framing;
}

/* Step over what is there of the `left` bytes before the messages; returns how many are to come. */
static size_t step_over(struct framer *framer, const uint8_t *bytes, size_t left)
{
    size_t there;
    const uint8_t *held = framer_bytes(framer, &there);
    there = there < left ? there : left;
    assert(memcmp(held, bytes, there) == 0);
    framer_skip(framer, there);
    return left - there;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct framer framer;
    if (len < 1)
        return 0;
    enum framing expected, framing = FRAMING_MORE;
    const size_t before = bytes[0] >> 4 < len - 1 ? bytes[0] >> 4 : len - 1;
    const uint64_t expected_hash = plain(bytes + 1 + before, len - 1 - before, &expected);
    size_t left = before;
    uint64_t hash = 0, cut = bytes[0];
    framer_init(&framer);
    for (size_t at = 1; at < len && framing == FRAMING_MORE;) {
        size_t room;
        uint8_t *space = framer_space(&framer, &room);
        assert(room > 0);
        cut = hash_mix(cut + 1);
        size_t piece = 1 + (size_t)(cut % (cut & 0x100 ? 7 : 3000));
        piece = piece < room ? piece : room;
        piece = piece < len - at ? piece : len - at;
        memcpy(space, bytes + at, piece);
        framer_fill(&framer, piece);
        at += piece;
        left = step_over(&framer, bytes + 1 + before - left, left);
        if (left > 0)
            framer_compact(&framer);
        else
            framing = take(&framer, &hash);
    }
    assert(framing == expected && hash == expected_hash);
    return 0;
}
