/* health/outbox.h - which results one nameserver has not acknowledged yet.
 *
 * A prober has one outbox for each nameserver, with a bit for each check. A result sets the bit; a
 * push takes bits; what a nameserver did not acknowledge is pushed again, with the vote that stands
 * then. So a lost push loses nothing, and a nameserver that is away for a day costs no more memory
 * than one that is there. At most one push is under way.
 */
#ifndef HEALTH_OUTBOX_H
#define HEALTH_OUTBOX_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outbox {
    uint64_t *waiting; /* a bit for each check; heap */
    uint64_t *taken;   /* those of the push under way */
    size_t words;
    size_t next; /* the word to go on from, so that the last check is not always the last */
};

/* For checks 0 .. count-1, with nothing waiting. */
NODISCARD enum err outbox_init(struct outbox *outbox, size_t count, struct diag *reterr);
void outbox_fini(struct outbox *outbox);

/* There is a new result of this check. */
void outbox_put(struct outbox *outbox, uint32_t check);

/* Begin a push: take at most `cap` checks; returns how many. Requires that none is under way, and
 * cap >= 64. */
size_t outbox_take(struct outbox *outbox, uint32_t *ret, size_t cap);

/* The push was acknowledged, or was not: then what it had waits again. */
void outbox_acknowledge(struct outbox *outbox);
void outbox_return(struct outbox *outbox);

bool outbox_is_empty(const struct outbox *outbox);

#endif
