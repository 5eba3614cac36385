/* prober/multi.h - libcurl's transfers on libevent's loop: one curl multi handle, its sockets
 * and its timer.
 *
 * The caller makes the easy handles and sets them up; multi runs and frees them. A transfer's
 * `done` is called from the loop, never from within multi_start(), and once for each start
 * unless multi_cancel() came first. `done` may start or cancel any transfer.
 */
#ifndef PROBER_MULTI_H
#define PROBER_MULTI_H

#include "common/err.h"
#include "common/ip.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <stdbool.h>

struct multi; /* heap */

struct transfer {
    CURL *easy;
    void (*done)(struct transfer *transfer, CURLcode code);
    struct curl_slist *connect_to; /* kept by multi_aim() */
    bool running;                  /* kept by multi */
};

/* `connections_max` is how many idle connections are kept for the next transfers. */
NODISCARD enum err multi_new(struct event_base *base, long connections_max, struct multi **ret,
                             struct diag *reterr);

/* Requires that no transfer runs. */
void multi_free(struct multi **multi);

/* Connect to `to` from the next start on, whatever the URL says. False when memory is out; then
 * it is as before. Requires that the transfer does not run. */
bool multi_aim(struct transfer *transfer, const struct listen *to);

/* Takes CURLOPT_PRIVATE of the easy handle. ERR_MEMORY. */
NODISCARD enum err multi_start(struct multi *multi, struct transfer *transfer, struct diag *reterr);

/* Stop the transfer if it runs; its `done` is not called. */
void multi_cancel(struct multi *multi, struct transfer *transfer);

/* Stop it, and free what it has. */
void multi_drop(struct multi *multi, struct transfer *transfer);

#endif
