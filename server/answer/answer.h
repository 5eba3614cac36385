/* server/answer/answer.h - the answer: a query's bytes in, its reply's bytes out, in the same buffer.
 *
 * A function of the message, the client's address, the time, the world, the board, the random
 * numbers it draws and, where the rate of replies is limited, of how many its network had. It
 * allocates nothing, waits for nothing, and cannot fail: whatever is wrong with a query is an
 * rcode in its reply.
 *
 *    query_parse -> client_of -> image_zone_find, image_find -> geo_find, steer_choose -> reply
 *    -> rrl_take
 */
#ifndef SERVER_ANSWER_ANSWER_H
#define SERVER_ANSWER_ANSWER_H

#include "common/clock.h"
#include "common/ip.h"
#include "common/rng.h"
#include "server/answer/cookie.h"
#include "server/answer/counters.h"
#include "server/answer/identity.h"
#include "server/answer/query.h"
#include "server/answer/rrl.h"
#include "server/answer/world.h"

#include <stddef.h>
#include <stdint.h>

enum {
    ANSWER_CAP_MIN = 1232, /* bytes of a buffer for UDP */
    ANSWER_LINKS_MAX = 9,  /* names of one answer: the question's and eight CNAMEs' targets */

    /* Bytes by which a reply over UDP without a record may be longer than its query: what our
     * cookie adds to the client's, and the number of an error. */
    ANSWER_GROWTH_MAX = 16 + 6,
};

/* What a worker answers with. */
struct answerer {
    const struct world *world;
    struct rng *rng;
    struct counters *counters;
    const struct identity *identity;
    const struct cookie_page *cookies;
    struct rrl *rrl;      /* NULL: rates are not limited */
    struct moment now;    /* when the messages at hand were received */
    uint32_t tcp_idle_ms; /* how long a connection may stay idle at present */
};

/* What answer() gives for a query that is signed or asks for a transfer. */
#define ANSWER_ASIDE SIZE_MAX

/* Hot path. Turn the query in `packet` (`len` bytes of `cap`, from `peer`) into its reply.
 * Returns the reply's length, or 0 when nothing may be sent. Requires cap >= ANSWER_CAP_MIN; over
 * TCP 65535. ANSWER_ASIDE: the packet is as it was, and aside_answer() is to answer it. */
size_t answer(const struct answerer *answerer, enum transport transport, const struct listen *peer,
              uint8_t *packet, size_t len, size_t cap);

/* For server/transfer/aside.c. As answer() for a query that was set aside and parsed: with an rcode in it the
 * reply is that error. `len` is without its TSIG record. Requires room for the question and,
 * where the query has an OPT, OPT_LEN_KEPT_MAX. */
size_t answer_parsed(const struct answerer *answerer, enum transport transport,
                     const struct listen *peer, uint8_t *packet, size_t len, size_t cap,
                     const struct query *query);

#endif
