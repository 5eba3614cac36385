/* health/intake.h - whether to believe a message from a prober.
 *
 * A message is a body and two HTTP headers: who sent it, and its signature of the raw body.
 * Everything is refused that is not from a known and enabled vantage point, rightly signed, newer
 * than its last one and of about our time. The signature is checked before anything reads the body;
 * each refusal has a name for the log and the counters.
 *
 *    headers -> intake_check_body() -> batch_parse_...() -> intake_check_head() -> use it
 */
#ifndef HEALTH_INTAKE_H
#define HEALTH_INTAKE_H

#include "health/batch.h"
#include "health/key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INTAKE_HEADER_VANTAGE   "Gslb-Vantage"
#define INTAKE_HEADER_SIGNATURE "Gslb-Signature"

enum { INTAKE_SKEW_MAX_MS = 30 * 1000 };

/* The kinds of message; each has its own sequence and its own domain of signatures. */
enum intake_kind { INTAKE_VOTES, INTAKE_CHECKS, INTAKE_KINDS };

enum intake {
    INTAKE_OK,
    INTAKE_STRANGER,  /* no such vantage point */
    INTAKE_DISABLED,  /* vantage.enabled is 0 */
    INTAKE_SIGNATURE, /* not its signature */
    INTAKE_MALFORMED, /* for the caller, when the parser refuses the body */
    INTAKE_NAME,      /* the body names another vantage point */
    INTAKE_CLOCK,     /* more than INTAKE_SKEW_MAX_MS from ours */
    INTAKE_SEQUENCE,  /* not above the last */
    INTAKE_COUNT,
};

/* What the nameserver keeps of a vantage point. */
struct intake_sender {
    char name[BATCH_VANTAGE_MAX];
    struct key_public key;
    bool enabled;
    int64_t seqs[INTAKE_KINDS]; /* the last accepted one of each kind; -1 before the first */
};

void intake_sender_init(struct intake_sender *sender, const char *name,
                        const struct key_public *key);

/* What stands before the body under the signature: "gslb-votes-1\n", "gslb-checks-1\n". */
const char *intake_domain(enum intake_kind kind);

/* Whether `sender` (NULL: the header names nobody we know) signed this body. `signature` is the
 * header's text; NULL: missing. */
enum intake intake_check_body(const struct intake_sender *sender, enum intake_kind kind,
                              const void *body, size_t len, const char *signature);

/* Whether the head of that body is in order at `now_ms`, our wall clock; if so the sequence moves on. */
enum intake intake_check_head(struct intake_sender *sender, enum intake_kind kind,
                              const struct batch_head *head, int64_t now_ms);

/* "ok", "stranger", "disabled", "signature", "malformed", "name", "clock", "sequence". */
const char *intake_print(enum intake intake);

#endif
