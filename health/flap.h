/* health/flap.h - damping: a target that went down serves again only when it has been voted up for a while.
 *
 * The while is 10 s. Each further down verdict within 5 minutes of an up one doubles it, to 10 minutes at
 * most; every half hour without a change of verdict forgets one doubling. Going down is never
 * delayed, and neither is the first verdict of a target that had none.
 */
#ifndef HEALTH_FLAP_H
#define HEALTH_FLAP_H

#include "health/board.h"
#include "health/quorum.h"

#include <stdint.h>

enum {
    FLAP_HOLD_MS = 10 * 1000,
    FLAP_HOLD_MAX_MS = 10 * 60 * 1000,
    FLAP_DOUBLINGS_MAX = 6, /* 640 s, which FLAP_HOLD_MAX_MS cuts */
    FLAP_RELAPSE_MS = 5 * 60 * 1000,
    FLAP_CALM_MS = 30 * 60 * 1000,
};

#define FLAP_NEVER INT64_MAX

struct flap {
    uint8_t doublings;
    int64_t calm_ms;     /* the last change of verdict, or the last doubling forgotten */
    int64_t up_ms;       /* the last change from down to up; FLAP_NEVER: none */
    int64_t voted_up_ms; /* while down: voted up since; FLAP_NEVER: not now */
};

void flap_init(struct flap *flap, int64_t now_ms);

/* As flap_init(), with what was known before a restart: `kept`, of which `voted_up_ms` is begun anew. Times
 * that are to come are taken for now, and doublings beyond the limit for the limit. */
void flap_restore(struct flap *flap, const struct flap *kept, int64_t now_ms);

/* The verdict at `now_ms`, where it was `was` and the votes amount to `rule`. To be called whenever
 * `rule` may have changed and at flap_due_ms(). */
enum verdict flap_step(struct flap *flap, enum verdict was, enum quorum_rule rule, int64_t now_ms);

/* How long the target has to be voted up at `now_ms` before it serves again. */
int64_t flap_hold_ms(const struct flap *flap, int64_t now_ms);

/* When flap_step() will give another verdict if the votes stay as they are; FLAP_NEVER: it will not. */
int64_t flap_due_ms(const struct flap *flap, int64_t now_ms);

#endif
