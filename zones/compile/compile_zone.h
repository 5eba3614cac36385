/* zones/compile/compile_zone.h - one zone from its rows in the store to a draft that may be written down, or
 * to problems.
 */
#ifndef ZONES_COMPILE_COMPILE_ZONE_H
#define ZONES_COMPILE_COMPILE_ZONE_H

#include "common/err.h"
#include "zones/compile/census.h"
#include "zones/compile/draft.h"
#include "zones/compile/problems.h"
#include "zones/compile/slots.h"
#include "zones/compile/zone_list.h"
#include "zones/store/store.h"

#include <stdbool.h>
#include <stdint.h>

/* What a zone is compiled from. */
struct zone_sources {
    struct store *store;
    const struct census *census;
    const struct zone_list *list; /* its services have been read */
    struct slots *slots;
};

/* Fill `draft` with zone `idx` of the list: parsed, grouped, checked and with its slots. What is wrong with
 * the zone goes to `problems`; the draft may be written down if there was nothing. ERR_MEMORY, and errors of
 * the store. */
NODISCARD enum err compile_zone(const struct zone_sources *sources, uint32_t idx, struct draft *draft,
                                struct problems *problems, struct diag *reterr);

/* Fill `draft` with what may be published of a zone that compile_zone() has found problems with, and that has
 * no last form: its SOA alone. False in `*ret`: not even that. */
NODISCARD enum err compile_zone_absent(const struct zone_sources *sources, uint32_t idx, struct draft *draft,
                                       struct problems *problems, bool *ret, struct diag *reterr);

/* A mailbox as the store has it, `hostmaster@example.com` or a name, to wire (RFC 1035 8). ERR_SYNTAX. */
NODISCARD enum err compile_zone_mailbox(const char *text, uint8_t *wire, size_t *ret_len,
                                        struct diag *reterr);

#endif
