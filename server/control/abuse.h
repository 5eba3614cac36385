/* server/control/abuse.h - what strangers send that they should not, told in a line a minute at most.
 *
 * Workers count and log nothing. Control looks at their counters now and then: a kind of which enough has
 * come gets a line that says how many there were and in how many seconds, and then no other for
 * ABUSE_LINE_MS. So the log grows with the time that passes, never with the packets that arrive.
 *
 *    level=warning event=rate-limit class=nxdomain replies=12345 seconds=60 last=192.0.2.0/24
 *    level=warning event=abuse kind=formerr count=5000 seconds=60
 *    level=warning event=abuse kind=transfer count=2 seconds=60 last=192.0.2.7 zone=gslb.example.com
 *
 * Of replies over the rate, signatures and transfers one is enough: an operator asks why a secondary of his
 * got nothing, and it tries once in half an hour. Of signatures and transfers the last client is named, with
 * its zone if that is one of ours.
 */
#ifndef SERVER_CONTROL_ABUSE_H
#define SERVER_CONTROL_ABUSE_H

#include "server/answer/counters.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ABUSE_LOOK_MS = 5000,   /* between two looks at the counters */
    ABUSE_LINE_MS = 60000,  /* between two lines on one kind */
    ABUSE_COUNT_MIN = 1000, /* of a kind in that time: fewer are the network's usual noise */
};

/* Beyond the classes of replies that are limited. */
enum abuse_kind {
    ABUSE_SHORT = RRL_CLASSES, /* packets, by why they were dropped */
    ABUSE_RESPONSE,
    ABUSE_PORT,
    ABUSE_FORMERR,   /* queries that are malformed */
    ABUSE_TSIG,      /* signatures that are wrong */
    ABUSE_TRANSFER,  /* transfers that are not allowed */
    ABUSE_PROXY,     /* PROXY headers that are missing, or not from a proxy */
    ABUSE_TCP,       /* connections that found no place */
    ABUSE_HANDSHAKE, /* TLS handshakes that failed */
    ABUSE_KINDS,
};

/* From when on a kind is counted for its next line. */
struct abuse_window {
    uint64_t counted;
    int64_t since_ms;
    bool told; /* it began with a line */
};

struct abuse {
    const struct counters *const *workers; /* lent */
    size_t workers_count;
    int64_t looked_ms;
    struct abuse_window windows[ABUSE_KINDS];
};

/* Control. What was counted before is not told. */
void abuse_init(struct abuse *abuse, const struct counters *const *workers, size_t workers_count,
                int64_t now_ms);

/* Control, often. Look if it is time, and write the lines that are due. */
void abuse_tick(struct abuse *abuse, int64_t now_ms);

#endif
