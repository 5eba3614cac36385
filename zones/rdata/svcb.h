/* zones/rdata/svcb.h - parameters of SVCB and HTTPS records (RFC 9460), and hints that the answer fills.
 *
 * An operator writes `ipv4hint=auto` or `ipv6hint=auto`. From the store to the blob that is a hint of no
 * addresses, a form that no record may have (RFC 9460 7.3), at its place in the order of keys. The image has
 * the record without it, and beside it where the hint goes (struct image_hint of zones/image/image.h).
 */
#ifndef ZONES_RDATA_SVCB_H
#define ZONES_RDATA_SVCB_H

#include "common/err.h"
#include "zones/image/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SVCB_AUTOS_MAX = 2, /* of one record: one for each family */
    SVCB_AUTO_LEN = 4,  /* bytes of a hint of no addresses: key and length */
};

/* The hints to be filled, by where they stand in the rdata. */
struct svcb_autos {
    unsigned count;
    struct {
        enum kind kind; /* KIND_V4 or KIND_V6 */
        uint32_t off;
    } hints[SVCB_AUTOS_MAX];
};

/* Put hints of no addresses, a bit of `kinds` for each, into rdata that svcb_check() took and that has room
 * for `cap` bytes. ERR_SYNTAX: a hint of that kind is there, or it is an alias. ERR_LIMIT: it leaves no room
 * for SVCB_AUTOS_MAX of them. */
NODISCARD enum err svcb_autos_put(uint8_t *rdata, size_t cap, size_t *len, unsigned kinds,
                                  struct diag *reterr);

/* The hints of no addresses in rdata. */
void svcb_autos_find(const uint8_t *rdata, size_t len, struct svcb_autos *ret);

/* Copy rdata without the hints of no addresses; returns the length. `ret` holds `len` bytes. */
size_t svcb_autos_cut(const uint8_t *rdata, size_t len, uint8_t *ret);

/* RFC 9460 2.2, 7.3 and 8: each key once and in order, hints of whole addresses, and the keys that are
 * mandatory are there. */
NODISCARD enum err svcb_check(const uint8_t *rdata, size_t len, struct diag *reterr);

/* The name whose addresses the hints are; the root, as ".", is the owner (RFC 9460 2.5). */
static inline const uint8_t *svcb_target(const uint8_t *rdata)
{
    return rdata + 2;
}

#endif
