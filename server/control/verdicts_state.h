/* server/control/verdicts_state.h - what the verdicts are made of; for verdicts*.c only.
 *
 * Everything that depends on the roster is in one `struct verdicts_world`, which is built beside the last
 * one and takes its place. Checks are numbered as the tally's targets are, vantage points as the manifest's
 * and the tally's.
 */
#ifndef SERVER_CONTROL_VERDICTS_STATE_H
#define SERVER_CONTROL_VERDICTS_STATE_H

#include "health/tally.h"
#include "server/control/verdicts.h"

#define VERDICTS_NONE UINT32_MAX

/* A subject. */
struct verdicts_row {
    enum verdict verdict, was;
    int64_t since_ms;   /* unix time */
    uint32_t counts[3]; /* by enum verdict: votes where there is a check, else children */
    uint16_t kinds[KINDS][3]; /* pool: its endpoints by enum kind and enum verdict */
    uint32_t latency_ms;
    uint32_t
        parent; /* that counts this one: of an endpoint its pool, of a pool its region; or VERDICTS_NONE */
    uint32_t origin; /* its index in the last roster, or VERDICTS_NONE */
    bool inherited;  /* its word is its own: it was there before this roster, at the same slot */
    bool changed;    /* the verdict, and nobody was told */
    bool dirty;      /* its row in health.db is not this */
};

/* What was last seen of a check, and whether that is in health.db. */
struct verdicts_seen {
    struct quorum_count votes;
    uint16_t latency_ms;
    uint64_t reason_hash;
    bool flapped; /* its damping in health.db is not the tally's */
};

/* What was last heard of a check from one vantage point. */
struct verdicts_cell {
    uint8_t verdict; /* enum verdict */
    bool dirty;      /* in the queue */
    uint16_t latency_ms;
    uint32_t reason_hash;
};

struct verdicts_vantage {
    struct intake_sender sender;
    uint64_t votes[3];              /* by enum verdict */
    int64_t seen_ms;                /* its last message, unix time; 0: never */
    struct history_vantage written; /* without its name */
};

struct verdicts_world {
    const struct roster *roster; /* NULL: none yet */
    struct checks *checks;
    struct verdicts_row *rows;  /* [roster->count] */
    struct verdicts_seen *seen; /* [checks->count] */
    struct verdicts_vantage *vantages;
    size_t vantages_count;
    struct verdicts_cell *cells; /* [check * vantages_count + vantage] */
    uint32_t *queue;             /* cells that are dirty, [queue_count] */
    size_t queue_count;
};

struct verdicts {
    struct board *board;
    struct history *history; /* or NULL */
    struct tally *tally;
    struct verdicts_world world;
    bool rewrite;   /* nothing in health.db is known to be right: write it anew */
    bool failing;   /* the last transaction was in vain */
    unsigned epoch; /* of the history */
    uint64_t failures;
    int64_t recorded_ms; /* by mono_ms */
};

/* Whether a latency has moved so far that it is worth a row. */
bool verdicts_moved(uint32_t was_ms, uint32_t is_ms);

/* A pool's or region's verdict from those of its children. */
enum verdict verdicts_derive(const struct roster_subject *subject, const struct verdicts_row *row);

/* Count a child that has this verdict where its parent is, or no longer. */
void verdicts_count(struct verdicts_row *parent, const struct roster_subject *child, enum verdict verdict);
void verdicts_discount(struct verdicts_row *parent, const struct roster_subject *child, enum verdict verdict);

/* Why the subject's verdict is what it is. */
void verdicts_explain(const struct verdicts *verdicts, uint32_t subject, struct moment now,
                      char ret[TALLY_REASON_MAX]);

/* Let the change of the subject's verdict be an event, with the votes that made it. */
void verdicts_put_event(const struct verdicts *verdicts, uint32_t subject, struct moment now);

/* The row of a vantage point as it is now. */
struct history_vantage verdicts_vantage_row(const struct verdicts *verdicts, size_t vantage);

/* Note what differs from what was last seen: votes and latencies of checks. */
void verdicts_refresh(struct verdicts *verdicts, struct moment now);

/* Write events and rows of subjects; verdicts_record() also vantage points and votes. Failures are logged
 * once, and what could not be written stays dirty. */
void verdicts_write(struct verdicts *verdicts, struct moment now);
void verdicts_record(struct verdicts *verdicts, struct moment now);

void verdicts_world_fini(struct verdicts_world *world);

#endif
