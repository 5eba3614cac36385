/* server/answer.h - the answer: a query's bytes in, its reply's bytes out, in the same buffer.
 *
 * A pure function of the message, the client's address, the world, the board and the random
 * numbers it draws. It allocates nothing, waits for nothing, and cannot fail: whatever is wrong
 * with a query is an rcode in its reply.
 *
 *    query_parse -> client_of -> image_zone_find, image_find -> geo_find, steer_choose -> reply
 */
#ifndef SERVER_ANSWER_H
#define SERVER_ANSWER_H

#include "common/ip.h"
#include "common/rng.h"
#include "server/counters.h"
#include "server/world.h"

#include <stddef.h>
#include <stdint.h>

enum {
    ANSWER_CAP_MIN = 1232, /* bytes of a buffer for UDP */
    ANSWER_LINKS_MAX = 9,  /* names of one answer: the question's and eight CNAMEs' targets */
};

/* What a worker answers with. */
struct answerer {
    const struct world *world;
    struct rng *rng;
    struct counters *counters;
};

/* Hot path. Turn the query in `packet` (`len` bytes of `cap`, from `peer`) into its reply.
 * Returns the reply's length, or 0 when nothing may be sent. Requires cap >= ANSWER_CAP_MIN; over
 * TCP 65535. */
size_t answer(const struct answerer *answerer, enum transport transport, const struct listen *peer,
              uint8_t *packet, size_t len, size_t cap);

#endif
