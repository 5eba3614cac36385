/* server/transfer/aside.h - the queries that the answer path sets aside: signed ones, and those for a zone
 * transfer.
 *
 * A signed query is checked (server/transfer/tsig.h), answered like any other, and its reply is signed; one
 * whose signature is wrong is told so and gets nothing else. Keys are those of the zone that is
 * asked. A transfer is refused unless the zone's peers say otherwise; over TCP it is begun here and
 * goes on in server/transfer/transfer.h. Over UDP an IXFR gets its deltas in one message or not at all.
 *
 * Not on the answer path: it calls libcrypto, and a transfer takes memory.
 */
#ifndef SERVER_TRANSFER_ASIDE_H
#define SERVER_TRANSFER_ASIDE_H

#include "server/answer/answer.h"
#include "server/transfer/transfer.h"

#include <stddef.h>
#include <stdint.h>

/* Where a query came from, and what may become of it. */
struct aside {
    const struct answerer *answerer;
    enum transport transport;
    const struct listen *peer;
    struct transfers *transfers; /* NULL over UDP */
};

/* Answer a query that answer() has set aside. Returns the reply's length, or 0: nothing may be
 * sent, or a transfer has begun, which is then in `*ret` (otherwise NULL). */
size_t aside_answer(const struct aside *aside, uint8_t *packet, size_t len, size_t cap,
                    struct transfer **ret);

#endif
