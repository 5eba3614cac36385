/* server/transport/framer.h - the framer: messages out of a stream, each behind its length (RFC 1035 4.2.2).
 *
 * A framer holds the bytes of a connection that do not make a whole message yet. Bytes are
 * received into its space, then whole messages are taken out until there is none. It knows
 * nothing of sockets.
 *
 *    framer_space() <- recv()    framer_fill()    framer_next(), framer_next() ...    framer_compact()
 */
#ifndef SERVER_TRANSPORT_FRAMER_H
#define SERVER_TRANSPORT_FRAMER_H

#include "server/answer/query.h"

#include <stddef.h>
#include <stdint.h>

enum { FRAMER_PREFIX_LEN = 2 };

struct framer {
    uint16_t start; /* of the first message that was not taken */
    uint16_t end;   /* of the bytes */
    uint8_t bytes[FRAMER_PREFIX_LEN + QUERY_LEN_MAX];
};

enum framing {
    FRAMING_MESSAGE,  /* there is one */
    FRAMING_MORE,     /* it takes more bytes */
    FRAMING_TOO_LONG, /* over QUERY_LEN_MAX: the stream cannot be followed any more */
};

void framer_init(struct framer *framer);

/* Where the next bytes go; `*ret_len` is how many may, which is at least one after framer_compact(). */
uint8_t *framer_space(struct framer *framer, size_t *ret_len);

/* `len` bytes have been written there. */
void framer_fill(struct framer *framer, size_t len);

/* Take out the next whole message. `*ret` points into the framer and is good until framer_compact(). */
enum framing framer_next(struct framer *framer, const uint8_t **ret, size_t *ret_len);

/* All that is there and was not taken, good for as long. What is in front of the messages is taken with
 * framer_skip(). */
const uint8_t *framer_bytes(const struct framer *framer, size_t *ret_len);
void framer_skip(struct framer *framer, size_t len);

/* Move what is left to the front. */
void framer_compact(struct framer *framer);

#endif
