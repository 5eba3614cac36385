/* server/transfer/transfer.h - a zone on its way to a secondary: whole (AXFR, RFC 5936), or what has
 * changed since the client's serial (IXFR, RFC 1995) when the zone's journal goes back to that; otherwise
 * an IXFR gets the whole zone too (RFC 1995 4).
 *
 *    whole         SOA | the apex' other rrsets | node, node ... glue and what is below cuts too | SOA
 *    incremental   SOA | delta, delta ... (zones/image/image.h): SOA before, went, SOA after, came      | SOA
 *
 * A transfer is a row of messages, made one at a time when the connection can take it, so that it
 * needs no more memory than one message whatever the zone's size. It reads a mapping of the pack of
 * its own, which stays while the worker goes on to newer worlds: what is transferred is one zone
 * with one serial. A service is transferred as its stand-ins (zones/image/image.h), which depend on
 * nothing but the zone. All messages of a signed transfer are signed.
 *
 * Bounds: TRANSFERS_MAX of a worker, TRANSFER_MS_MAX each.
 */
#ifndef SERVER_TRANSFER_TRANSFER_H
#define SERVER_TRANSFER_TRANSFER_H

#include "common/clock.h"
#include "common/err.h"
#include "common/ip.h"
#include "server/answer/query.h"
#include "server/transfer/tsig.h"
#include "zones/image/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TRANSFERS_MAX = 16,            /* of one worker at the same time; more are told to try again */
    TRANSFER_MS_MAX = 3600 * 1000, /* from first to last message */
    TRANSFER_MESSAGE_LEN = 16 * 1024, /* a message is full at this: compression reaches so far */
};

struct transfer; /* heap */

/* The transfers of one worker. */
struct transfers {
    unsigned count;
};

/* Whether somebody at `ip` may copy the zone, who has signed with `key` (of this zone; NULL: has
 * not signed). */
bool transfer_is_allowed(const struct image_zone *zone, const struct ip *ip,
                         const struct image_key *key);

/* Begin to transfer a zone of a pack in answer to `query`, which lies in `packet`. `chain` has
 * checked the request; NULL: it is not signed. ERR_LIMIT: TRANSFERS_MAX. ERR_MEMORY, ERR_SYSTEM: no
 * room, no mapping. */
NODISCARD enum err transfer_new(struct transfers *transfers, const struct image *pack,
                                const struct image_zone *zone, const uint8_t *packet,
                                const struct query *query, const struct tsig_chain *chain,
                                int64_t now_ms, struct transfer **ret);
void transfer_free(struct transfer **transfer);

/* Write the next message, at most `cap` bytes, which hold any. Returns its length; 0: there is no
 * more to come, and transfer_is_done() tells whether the last one was the end or the connection has
 * to be cut. */
size_t transfer_next(struct transfer *transfer, uint8_t *message, size_t cap, struct moment now);
bool transfer_is_done(const struct transfer *transfer);

/* Whether it sends what has changed alone. */
bool transfer_is_incremental(const struct transfer *transfer);

#endif
