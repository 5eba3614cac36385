/* health/batch.h - what probers and nameservers say to each other: JSON over HTTPS.
 *
 *    prober -> nameserver, votes      {"vantage", "seq", "clock_ms", "results": [
 *                                        {"check", "vote", "since_ms", "latency_ms", "reason"}]}
 *    nameserver -> prober, reply      {"recheck": ["check id"], "checks_generation", "clock_ms"}
 *    prober -> nameserver, request    {"vantage", "seq", "clock_ms"}
 *    nameserver -> prober, checks     {"generation", "phase", "checks": [
 *                                        {"id", "type", "address", "port", "host", "path",
 *                                         "method", "expect_status", "expect_body", "tls_verify",
 *                                         "interval_ms", "timeout_ms", "fall", "rise",
 *                                         "latency_max_ms"}]}
 *
 * What a prober sends is signed over its raw bytes, and the signature is checked before these
 * decoders see it (health/intake.h); they check every size, count and range all the same. A batch
 * of BATCH_RESULTS_MAX results never exceeds BATCH_LEN_MAX; a prober with more to say sends another
 * at once.
 */
#ifndef HEALTH_BATCH_H
#define HEALTH_BATCH_H

#include "common/buffer.h"
#include "common/err.h"
#include "health/check.h"
#include "health/vote.h"

#include <stddef.h>
#include <stdint.h>

enum {
    BATCH_LEN_MAX = 8 << 20,         /* bytes of votes, a reply or a request */
    BATCH_CHECKS_LEN_MAX = 64 << 20, /* bytes of a list of checks: 100,000 need about 27 MB */
    BATCH_RESULTS_MAX = 8192,
    BATCH_RECHECKS_MAX = 1024,
    BATCH_CHECKS_MAX = 1 << 17,
    BATCH_VANTAGE_MAX = 64, /* bytes with the NUL */
};

#define BATCH_NUMBER_MAX ((int64_t)1 << 53) /* what every JSON parser keeps exact */

/* Who says it, and when. `seq` rises with every message of one kind; a prober starts at its clock in ms. */
struct batch_head {
    char vantage[BATCH_VANTAGE_MAX];
    int64_t seq;
    int64_t clock_ms;
};

struct batch_result {
    const char *check; /* id */
    struct vote vote;
};

/* What the parsers below allocate is freed by the fini functions; their texts live as long. */
struct batch_votes {
    struct batch_head head;
    struct batch_result *results;
    size_t results_count;
    char *texts;
};

struct batch_reply {
    int64_t checks_generation;
    int64_t clock_ms;
    const char **rechecks; /* ids */
    size_t rechecks_count;
    char *texts;
};

struct batch_checks {
    int64_t generation;
    double phase; /* of this vantage point; 0 to below 1 */
    struct check *checks;
    size_t checks_count;
    char *texts;
};

/* Append the message to `ret`; on failure what it has appended is to be thrown away. Texts are
 * UTF-8, and each check is one that check_validate() accepts. ERR_LIMIT: more than one message may
 * hold. ERR_MEMORY. */
NODISCARD enum err batch_print_votes(const struct batch_head *head,
                                     const struct batch_result *results, size_t count,
                                     struct buffer *ret, struct diag *reterr);
NODISCARD enum err batch_print_reply(const struct batch_reply *reply, struct buffer *ret,
                                     struct diag *reterr);
NODISCARD enum err batch_print_request(const struct batch_head *head, struct buffer *ret,
                                       struct diag *reterr);
NODISCARD enum err batch_print_checks(const struct batch_checks *checks, struct buffer *ret,
                                      struct diag *reterr);

/* Read a message. ERR_SYNTAX or ERR_LIMIT names the member that is wrong; then there is nothing to
 * free. A check that check_validate() refuses makes the list fail. */
NODISCARD enum err batch_parse_votes(const void *bytes, size_t len, struct batch_votes *ret,
                                     struct diag *reterr);
NODISCARD enum err batch_parse_reply(const void *bytes, size_t len, struct batch_reply *ret,
                                     struct diag *reterr);
NODISCARD enum err batch_parse_request(const void *bytes, size_t len, struct batch_head *ret,
                                       struct diag *reterr);
NODISCARD enum err batch_parse_checks(const void *bytes, size_t len, struct batch_checks *ret,
                                      struct diag *reterr);

void batch_votes_fini(struct batch_votes *votes);
void batch_reply_fini(struct batch_reply *reply);
void batch_checks_fini(struct batch_checks *checks);

#endif
