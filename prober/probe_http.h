/* prober/probe_http.h - an http or https check: one request on a new connection, and what the
 * answer must be.
 *
 * A new connection (and a whole TLS handshake, where the certificate is verified) for each
 * probe, because that is what a new client meets: a kept connection or a resumed session would
 * hide a dead listener or an expired certificate. The request goes to the check's address
 * whatever its host says. HTTP/1.1, no proxy, no redirects followed, no cookies.
 *
 * The answer passes when its status is among the expected ones, its body arrives whole (or to
 * PROBE_HTTP_BODY_MAX, after which it is not read on), and contains the expected text within
 * that bound.
 */
#ifndef PROBER_PROBE_HTTP_H
#define PROBER_PROBE_HTTP_H

#include "common/ip.h"
#include "health/check.h"
#include "prober/gear.h"

#include <stdint.h>

enum {
    PROBE_HTTP_BODY_MAX = 64 * 1024,    /* bytes of a body that are read */
    PROBE_HTTP_HEADERS_MAX = 64 * 1024, /* bytes of all header lines */
};

struct probe_http; /* heap; one check's, kept from one probe to the next */

/* `check` must outlive the probe. ERR_MEMORY. */
NODISCARD enum err probe_http_new(const struct gear *gear, const struct check *check,
                                  struct finish finish, struct probe_http **ret,
                                  struct diag *reterr);

/* Stops the probe that runs. */
void probe_http_free(struct probe_http **probe);

/* Ask the server at `to`. Requires that no probe of this check runs. */
void probe_http_start(struct probe_http *probe, const struct listen *to, int64_t timeout_ms);

#endif
