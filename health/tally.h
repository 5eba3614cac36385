/* health/tally.h - all votes on all targets, and the verdicts they amount to.
 *
 * The control process owns one. It is told of every vote (tally_vote()), of every change of the
 * store (tally_configure()) and of time (tally_step()), and it gives back what changed: verdicts,
 * suspect vantage points, blindness, and which vantage points should look at what at once. Verdicts
 * change only in tally_step(). A target is one check, named "MONITOR ADDRESS"; that may be many
 * endpoints. An endpoint without a monitor is not a target.
 *
 * Targets and vantage points are numbered as in the last configuration.
 *
 * `now_ms` is one clock for all calls: wall time, made never to go back. Latencies and `since_ms` of
 * votes are the vantage points' own words.
 *
 * Each target has the time at which it must be judged again, because a vote came, a vote ages out,
 * or damping ends. A step looks through those times (8 bytes a target) and judges the few that are
 * due. Nothing here allocates but tally_configure() and a vote whose reason is a new text.
 */
#ifndef HEALTH_TALLY_H
#define HEALTH_TALLY_H

#include "health/flap.h"
#include "health/quorum.h"
#include "health/vote.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TALLY_VANTAGES_MAX = QUORUM_VOTERS_MAX,
    TALLY_TARGETS_MAX = BOARD_SLOTS_MAX,
    TALLY_CHANGES_MAX = 1024,  /* verdicts one step may change; the rest waits for the next */
    TALLY_RECHECKS_MAX = 1024, /* targets one vantage point may be asked to look at in one reply */
    TALLY_REASON_MAX = 192,    /* bytes with the NUL */
    TALLY_BLIND_AFTER_MS = 10000, /* without one fresh vote */
};

#define TALLY_NONE UINT32_MAX

struct tally_vantage {
    const char *name;
    uint32_t asn; /* 0: not known */
    bool enabled;
};

struct tally_target {
    const char *id;
    int64_t interval_ms;
    int64_t timeout_ms;
    uint32_t fall;
    uint32_t quorum;      /* QUORUM_MAJORITY or a number */
    enum verdict verdict; /* of health.db; taken for a target that the tally does not have yet */
    int64_t since_ms;
};

struct tally_config {
    const struct tally_vantage *vantages; /* names are unique */
    size_t vantages_count;
    const struct tally_target *targets; /* ids are unique */
    size_t targets_count;
};

/* A verdict that changed, and the votes that made it. */
struct tally_change {
    uint32_t target;
    enum verdict was, is;
    struct quorum_count votes;
    char reason[TALLY_REASON_MAX]; /* "3 of 5 down: timeout" */
};

enum tally_sight { TALLY_SIGHT_SAME, TALLY_SIGHT_LOST, TALLY_SIGHT_BACK };

/* What one step changed. Vantage points are bits: 1 << index. */
struct tally_report {
    const struct tally_change *changes; /* the tally's, until the next step */
    size_t changes_count;
    uint64_t suspected;     /* became suspect */
    uint64_t cleared;       /* is so no more */
    enum tally_sight sight; /* LOST: nothing is fresh, every verdict holds */
    bool more;              /* call again, now */
};

/* A target as it stands. */
struct tally_status {
    enum verdict verdict;
    int64_t since_ms;
    struct quorum_count votes;     /* as of the last step */
    uint16_t latency_ms;           /* the median of the fresh up votes; 0: there is none */
    char reason[TALLY_REASON_MAX]; /* as in tally_change */
};

/* A vantage point as it stands. */
struct tally_attendance {
    int64_t seen_ms; /* its last vote; 0: never */
    uint32_t votes;  /* fresh ones, up or down */
    uint32_t contradicted;
    bool suspect;
};

struct tally; /* heap */

/* An empty tally. ERR_MEMORY. */
NODISCARD enum err tally_new(int64_t now_ms, struct tally **ret, struct diag *reterr);
void tally_free(struct tally **tally);

/* Take other vantage points and targets. Votes, verdicts, suspicions and damping of those that stay
 * (by name and id) stay; the config is lent for the call. On failure nothing has changed.
 * ERR_LIMIT: too many. ERR_EXISTS: a name or an id twice. ERR_MEMORY. Cost: vantage points x
 * targets. */
NODISCARD enum err tally_configure(struct tally *tally, const struct tally_config *config,
                                   int64_t now_ms, struct diag *reterr);

/* The number of a target or a vantage point, TALLY_NONE if it has none. */
uint32_t tally_find_target(const struct tally *tally, const char *id);
uint32_t tally_find_vantage(const struct tally *tally, const char *name);

/* After a restart, before the first step: what was kept of a target's damping, and that a vantage point was
 * suspect, which it stays until it has agreed for SUSPECT_AGREE_INTERVALS of the longest interval. */
void tally_restore_flap(struct tally *tally, uint32_t target, const struct flap *kept, int64_t now_ms);
void tally_restore_suspect(struct tally *tally, uint32_t vantage);

/* Take in a vote that arrived now. Requires numbers of this configuration. Cost: constant, apart
 * from a first failure, which asks the other vantage points to look. */
void tally_vote(struct tally *tally, uint32_t vantage, uint32_t target, const struct vote *vote,
                int64_t now_ms);

/* Judge what is due. To be called after votes have come, and at least once a second. `now_ms` never
 * goes back. */
struct tally_report tally_step(struct tally *tally, int64_t now_ms);

/* Take from the list of targets that this vantage point should look at now: at most `ret_cap`;
 * returns how many. */
size_t tally_take_rechecks(struct tally *tally, uint32_t vantage, uint32_t *ret, size_t ret_cap);

struct tally_status tally_status(const struct tally *tally, uint32_t target, int64_t now_ms);
struct flap tally_flap(const struct tally *tally, uint32_t target); /* what is worth keeping */
struct tally_attendance tally_attendance(const struct tally *tally, uint32_t vantage);

/* The vote as it counts now: unknown when it is not fresh or the vantage point is disabled. */
struct vote tally_vote_of(const struct tally *tally, uint32_t vantage, uint32_t target,
                          int64_t now_ms);

#endif
