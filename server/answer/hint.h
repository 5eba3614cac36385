/* server/answer/hint.h - the hints of an rrset: what A and AAAA would say, carried along by SVCB and HTTPS.
 *
 * The image says where in the records hints go and which services decide (zones/image/image.h). Each
 * service is asked once for each family, as a query for A or AAAA by this client would ask it, so
 * that all records of a reply hint at the same addresses. Where no addresses come of it there is
 * no hint: a client then asks (RFC 9460 7.3).
 */
#ifndef SERVER_ANSWER_HINT_H
#define SERVER_ANSWER_HINT_H

#include "common/ip.h"
#include "common/rng.h"
#include "server/answer/steer.h"
#include "server/answer/world.h"
#include "zones/image/image.h"

#include <stddef.h>
#include <stdint.h>

/* The addresses of one choice. */
struct hint_row {
    uint16_t key;         /* of the parameter */
    uint8_t address_len;  /* bytes */
    uint8_t count;        /* 0: no hint */
    enum step step;       /* of the choice, for the counters */
    const struct image_pool_row *pool;
    const struct image_endpoint *endpoints[IMAGE_HINT_ADDRESSES_MAX];
};

struct hints {
    struct hint_row rows[IMAGE_HINT_CHOICES_MAX];
    unsigned count; /* of `rows` */
    uint32_t ttl_s; /* of the choices and of the rrset, the least */
    uint8_t scope;  /* bits of the client's address that decided */
};

/* Hot path. Choose what the hints of an rrset say to a client. */
void hint_choose(const struct world *world, const struct image_zone *zone,
                 const struct image_rrset *rrset, const struct ip *client, struct rng *rng,
                 struct hints *ret);

#endif
