/* server/answer/world.h - the world: all that an answer depends on besides the query, the clock and chance.
 *
 * A set of images that were compiled against each other, and the board. A worker has one current world and
 * switches between two batches; gslbctl builds one in its own process to explain an answer. Nothing in it is
 * written while it is current.
 */
#ifndef SERVER_ANSWER_WORLD_H
#define SERVER_ANSWER_WORLD_H

#include "geoip/geo.h"
#include "geoip/policy.h"
#include "health/board.h"
#include "zones/image/image.h"

#include <stdint.h>

struct world {
    uint64_t generation;             /* 0: none has arrived yet */
    struct image packs[PACKS_MAX];   /* base NULL: no zones */
    struct geo policies[POLICIES_MAX]; /* v4_table NULL: no such policy */
    const struct board *board;
};

#endif
