/* server/control/api_message.h - a signed message from a vantage point, from its bytes to the reply's.
 *
 * HTTP is left behind here: server/control/api.c takes headers and body out of a request and sends what comes
 * back. Refusals have a status, a JSON body that says which one it is, a counter, and at most one log line of
 * each kind in API_MESSAGE_LOG_MS, so that nobody can fill a disk with them.
 */
#ifndef SERVER_CONTROL_API_MESSAGE_H
#define SERVER_CONTROL_API_MESSAGE_H

#include "common/buffer.h"
#include "common/clock.h"
#include "health/intake.h"
#include "server/control/metrics.h"
#include "server/control/verdicts.h"

#include <stddef.h>
#include <stdint.h>

enum { API_MESSAGE_LOG_MS = 10 * 1000 };

struct api_message {
    enum intake_kind kind;
    const char *vantage;   /* header; NULL: missing */
    const char *signature; /* header; NULL: missing */
    const char *peer;      /* who sent it, for the log */
    const void *body;
    size_t len;
};

/* Who takes messages, and what it remembers of those it refused. Zeroed but for the pointers at start. */
struct api_desk {
    struct verdicts *verdicts;
    struct metrics *metrics;
    struct {
        int64_t logged_ms; /* by mono_ms; 0: never */
        uint64_t since;    /* refused and not logged */
    } refused[INTAKE_COUNT];
};

/* Take a message: votes are tallied and judged at once. Appends the reply's JSON; returns its HTTP status:
 * 200; 400 that does not parse, 401 wrong signature, 403 not a vantage point of ours, 409 clock or
 * sequence; 503 no world yet or no memory. */
int api_message_take(struct api_desk *desk, const struct api_message *message, struct moment now,
                     struct buffer *ret);

#endif
