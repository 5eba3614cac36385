/* server/control/api.h - the control port: votes in, checks out, metrics, over HTTPS.
 *
 *    POST /v1/votes    a signed batch of votes (health/batch.h); the reply asks for rechecks
 *    POST /v1/checks   a signed request; the reply is the list of checks for that vantage point
 *    GET  /metrics     Prometheus' text format
 *    GET  /healthz     200 when a world is published, 503 before
 *    GET  /            what this is
 *
 * Runs in the control process's event loop. Nothing of a body is parsed before its signature was verified,
 * and no peer can hold a connection on which it completes no request.
 */
#ifndef SERVER_CONTROL_API_H
#define SERVER_CONTROL_API_H

#include "common/err.h"
#include "server/control/metrics.h"
#include "server/control/verdicts.h"

#include <stddef.h>

struct event_base;
struct ssl_ctx_st;

struct api_setup {
    struct event_base *base;
    struct ssl_ctx_st *tls; /* certificate_open(); the api keeps a reference of its own */
    const int *fds;         /* bound stream sockets; they become the api's */
    size_t fds_count;
    struct verdicts *verdicts;
    struct metrics *metrics;         /* the api counts in it */
    const struct metrics_view *view; /* control keeps it current */
};

struct api; /* heap */

/* Start to serve. What `setup` refers to must outlive the api, apart from `fds` itself. On failure the
 * sockets stay the caller's. ERR_MEMORY. ERR_SYSTEM. */
NODISCARD enum err api_start(const struct api_setup *setup, struct api **ret, struct diag *reterr);

/* Close everything. The event loop has to turn once more before its base is freed. */
void api_stop(struct api **api);

#endif
