/* health/suspect.h - vantage points that the others contradict.
 *
 * A vantage point whose fresh `down` votes contradict the verdict of the others on at least half of
 * the targets it probes, and on at least 3, is suspect: its down votes count as unknown until it
 * has agreed again for 5 intervals. Whether it is cut off or the world is, the others decide.
 *
 * Two points make this safe in an outage that one vantage point happens to see first. A down vote
 * contradicts only once it has stood for as long as the others may take to see the same
 * (suspect_patience_ms()). And "the others" are their plain votes, suspicions aside, so that
 * suspects cannot keep each other out.
 */
#ifndef HEALTH_SUSPECT_H
#define HEALTH_SUSPECT_H

#include "health/quorum.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    SUSPECT_TARGETS_MIN = 3,
    SUSPECT_AGREE_INTERVALS = 5,
    SUSPECT_PUSH_MS = 2000, /* a push, and the nameserver's second */
};

struct suspect {
    bool suspected;
    int64_t agree_ms;        /* how long it has to agree */
    int64_t agreed_since_ms; /* INT64_MAX: it does not agree, or says nothing */
};

enum suspect_change { SUSPECT_SAME, SUSPECT_RAISED, SUSPECT_CLEARED };

/* How long a down vote stands before it can contradict: the bound of detection of quorum.md. */
int64_t suspect_patience_ms(int64_t interval_ms, int64_t timeout_ms, uint32_t fall);

/* Whether a down vote contradicts the others: whether they, without this one, vote the target up.
 * `up` and `down` are the fresh votes of all `voters_count` enabled vantage points, this one's and
 * those of suspects included. */
bool suspect_contradicts(unsigned up, unsigned down, unsigned needed, size_t voters_count);

void suspect_init(struct suspect *suspect);

/* It was suspect before a restart: as after SUSPECT_RAISED. */
void suspect_restore(struct suspect *suspect, int64_t agree_ms);

/* Take in that the vantage point now has fresh up or down votes on `probed` targets and contradicts
 * the others on `contradicted` of them. After SUSPECT_RAISED the caller sets `agree_ms`. */
enum suspect_change suspect_step(struct suspect *suspect, uint32_t probed, uint32_t contradicted,
                                 int64_t now_ms);

#endif
