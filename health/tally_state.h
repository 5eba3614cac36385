/* health/tally_state.h - what a tally is made of; for tally*.c only.
 *
 * Cells are in rows, one row a target: what is judged together lies together.
 *
 *    wakes[target]                    when to judge it again
 *    targets[target]                  its settings, verdict and damping
 *    cells[target * vantages_count + vantage]
 */
#ifndef HEALTH_TALLY_STATE_H
#define HEALTH_TALLY_STATE_H

#include "health/flap.h"
#include "health/suspect.h"
#include "health/tally.h"

#define TALLY_WAKE_NOW INT64_MIN

/* The last vote of one vantage point on one target. */
struct tally_cell {
    int64_t arrived_ms; /* INT64_MIN: there is none */
    int64_t changed_ms; /* when its verdict arrived first */
    int64_t since_ms;
    char *reason; /* heap; NULL for none */
    uint16_t latency_ms;
    uint8_t verdict;  /* enum verdict */
    bool counted;     /* in its vantage point's `votes`, by the last judgement */
    bool contradicts; /* in its vantage point's `contradicted`, likewise */
};

struct tally_row {
    char *id; /* heap */
    int64_t fresh_ms;
    int64_t patience_ms; /* suspect_patience_ms() */
    int64_t interval_ms;
    uint32_t quorum;
    enum verdict verdict;
    int64_t since_ms;
    struct flap flap;
    struct quorum_count votes;
    int64_t recheck_ms; /* the last time that the others were asked to look; INT64_MIN: never */
    uint64_t rechecks;  /* vantage points that have it in their list */
};

struct tally_column {
    char *name; /* heap */
    uint32_t asn;
    bool enabled;
    struct suspect suspect;
    int64_t seen_ms;
    uint32_t votes;
    uint32_t contradicted;
    uint32_t rechecks_count;
    uint32_t rechecks[TALLY_RECHECKS_MAX];
};

struct tally {
    struct tally_column *vantages;
    size_t vantages_count;
    size_t enabled_count;
    struct tally_row *targets;
    size_t targets_count;
    int64_t *wakes;
    struct tally_cell *cells;
    uint32_t *index;              /* hash table of target numbers + 1; open addressing */
    size_t index_cap;             /* a power of two */
    struct tally_change *changes; /* TALLY_CHANGES_MAX */
    int64_t sighted_ms;           /* when a fresh vote was last there */
    bool blind;
};

static inline struct tally_cell *tally_state_cells(const struct tally *tally, uint32_t target)
{
    return tally->cells + (size_t)target * tally->vantages_count;
}

#endif
