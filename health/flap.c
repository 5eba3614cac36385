#include "health/flap.h"

void flap_init(struct flap *flap, int64_t now_ms)
{
    *flap = (struct flap){.calm_ms = now_ms, .up_ms = FLAP_NEVER, .voted_up_ms = FLAP_NEVER};
}

static int64_t at_most(int64_t time_ms, int64_t now_ms)
{
    return time_ms < now_ms ? time_ms : now_ms;
}

void flap_restore(struct flap *flap, const struct flap *kept, int64_t now_ms)
{
    flap_init(flap, now_ms);
    flap->doublings = kept->doublings < FLAP_DOUBLINGS_MAX ? kept->doublings : FLAP_DOUBLINGS_MAX;
    flap->calm_ms = at_most(kept->calm_ms, now_ms);
    if (kept->up_ms != FLAP_NEVER)
        flap->up_ms = at_most(kept->up_ms, now_ms);
}

/* The doublings that calm has left. */
static unsigned doublings_at(const struct flap *flap, int64_t now_ms)
{
    const int64_t forgotten = (now_ms - flap->calm_ms) / FLAP_CALM_MS;
    return forgotten < flap->doublings ? (unsigned)(flap->doublings - forgotten) : 0;
}

int64_t flap_hold_ms(const struct flap *flap, int64_t now_ms)
{
    const int64_t hold_ms = (int64_t)FLAP_HOLD_MS << doublings_at(flap, now_ms);
    return hold_ms < FLAP_HOLD_MAX_MS ? hold_ms : FLAP_HOLD_MAX_MS;
}

static void note_change(struct flap *flap, int64_t now_ms)
{
    flap->doublings = (uint8_t)doublings_at(flap, now_ms);
    flap->calm_ms = now_ms;
    flap->voted_up_ms = FLAP_NEVER;
}

static enum verdict go_down(struct flap *flap, int64_t now_ms)
{
    note_change(flap, now_ms);
    const bool relapsed = flap->up_ms != FLAP_NEVER && now_ms - flap->up_ms <= FLAP_RELAPSE_MS;
    if (relapsed && flap->doublings < FLAP_DOUBLINGS_MAX)
        flap->doublings++;
    return VERDICT_DOWN;
}

/* Down, and voted up: up once that has lasted. */
static enum verdict come_back(struct flap *flap, int64_t now_ms)
{
    if (flap->voted_up_ms == FLAP_NEVER)
        flap->voted_up_ms = now_ms;
    if (now_ms - flap->voted_up_ms < flap_hold_ms(flap, now_ms))
        return VERDICT_DOWN;
    note_change(flap, now_ms);
    flap->up_ms = now_ms;
    return VERDICT_UP;
}

enum verdict flap_step(struct flap *flap, enum verdict was, enum quorum_rule rule, int64_t now_ms)
{
    if (rule != QUORUM_UP)
        flap->voted_up_ms = FLAP_NEVER;
    if (rule == QUORUM_DOWN)
        return was == VERDICT_DOWN ? was : go_down(flap, now_ms);
    if (rule == QUORUM_UP)
        return was == VERDICT_DOWN ? come_back(flap, now_ms) : VERDICT_UP;
    return was;
}

int64_t flap_due_ms(const struct flap *flap, int64_t now_ms)
{
    return flap->voted_up_ms == FLAP_NEVER ? FLAP_NEVER
                                           : flap->voted_up_ms + flap_hold_ms(flap, now_ms);
}
