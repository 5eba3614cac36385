/* prober/exchange.h - one kind of signed message to one nameserver: a POST over HTTPS, and its
 * answer.
 *
 * The connection is kept. The nameserver must show a certificate for caller.server_name,
 * whatever its address is, signed by caller.ca_path. At most one message of an exchange is on
 * its way at a time; its answer is bounded in bytes and time.
 */
#ifndef PROBER_EXCHANGE_H
#define PROBER_EXCHANGE_H

#include "common/buffer.h"
#include "common/err.h"
#include "common/ip.h"
#include "health/batch.h"
#include "health/intake.h"
#include "prober/egress.h"
#include "prober/multi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXCHANGE_CONNECT_TIMEOUT_MS = 2000 };

/* Who sends: the same for every nameserver, and constant. */
struct caller {
    struct event_base *base;
    struct multi
        *multi; /* for exchanges only: checks have other certificates and keep no connections */
    const struct egress *egress;
    const struct key *key;
    const char *vantage;
    const char *ca_path;     /* NULL: the system's certificates */
    const char *server_name; /* in the nameservers' certificates */
};

struct exchange_kind {
    enum intake_kind kind;
    const char *path;
    size_t answer_max;  /* bytes */
    int64_t timeout_ms; /* connection included */
};

/* What came back. */
struct exchange_answer {
    enum err err; /* OK, or why there is no answer, which `diag` says */
    const struct diag *diag;
    const struct buffer *bytes; /* of a 200 */
    bool reconnected;           /* over a new connection: perhaps with another process */
};

struct exchange_finish {
    void (*call)(void *context, const struct exchange_answer *answer);
    void *context;
};

struct exchange; /* heap */

/* `caller` must outlive the exchange. ERR_MEMORY. */
NODISCARD enum err exchange_new(const struct caller *caller, const struct listen *server,
                                struct exchange_kind kind, struct exchange_finish finish,
                                struct exchange **ret, struct diag *reterr);

/* Drops the message that is on its way. */
void exchange_free(struct exchange **exchange);

bool exchange_is_running(const struct exchange *exchange);

/* The head of the next message: a sequence number above all before, those of an earlier process
 * included as long as the clock is right, or once the nameserver has told how far they came. */
struct batch_head exchange_head(struct exchange *exchange);

/* Sign and send `body`, which is emptied. Requires that none is on its way. ERR_MEMORY. */
NODISCARD enum err exchange_start(struct exchange *exchange, struct buffer *body,
                                  struct diag *reterr);

#endif
