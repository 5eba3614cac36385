/* prober/multi.h - libcurl's transfers on libevent's loop: one curl multi handle, its sockets and its timer.
 *
 * The caller owns the easy handles and sets them up; multi only runs them. A transfer's `done` is called from the
 * loop, never from within multi_start(), and once for each start unless multi_cancel() came first. `done` may
 * start or cancel any transfer.
 */
#ifndef PROBER_MULTI_H
#define PROBER_MULTI_H

#include "common/err.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <stdbool.h>

struct multi; /* heap */

struct transfer {
    CURL *easy;
    void (*done)(struct transfer *transfer, CURLcode code);
    bool running; /* kept by multi */
};

/* `connections_max` is how many idle connections are kept for the next transfers. */
NODISCARD enum err multi_new(struct event_base *base, long connections_max, struct multi **ret, struct diag *reterr);

/* Requires that no transfer runs. */
void multi_free(struct multi **multi);

/* Takes CURLOPT_PRIVATE of the easy handle. ERR_MEMORY. */
NODISCARD enum err multi_start(struct multi *multi, struct transfer *transfer, struct diag *reterr);

/* Stop the transfer if it runs; its `done` is not called. */
void multi_cancel(struct multi *multi, struct transfer *transfer);

#endif
