/* geoip/intern.h - equal byte strings get equal numbers: 0, 1, 2, ... in order of first appearance.
 *
 * For what a geo image stores once however many networks have it: facts, orderings, chains of sets.
 * Sticky like common/buffer.h: when memory runs out `failed` is set and every number is 0.
 */
#ifndef GEOIP_INTERN_H
#define GEOIP_INTERN_H

#include "common/buffer.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INTERN_NONE UINT32_MAX

struct intern {
    struct buffer bytes;   /* the strings, each at a multiple of 8 */
    struct buffer entries; /* struct intern_entry by number */
    uint32_t *slots;       /* number + 1, or 0 */
    uint32_t slots_count;  /* 0 or a power of two */
    uint32_t count;
    bool failed;
};

void intern_fini(struct intern *intern);

/* The number of these bytes, a new one if they are new. */
uint32_t intern_put(struct intern *intern, const void *bytes, size_t len);

/* The number of these bytes or INTERN_NONE. */
uint32_t intern_find(const struct intern *intern, const void *bytes, size_t len);

/* The bytes of number `id` < count, 8-byte aligned; they may move with the next intern_put(). */
const void *intern_get(const struct intern *intern, uint32_t id, size_t *ret_len);

/* ERR_MEMORY when something did not fit, OK otherwise. */
NODISCARD enum err intern_check(const struct intern *intern, struct diag *reterr);

#endif
