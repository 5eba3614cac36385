/* prober/probe_tcp.h - a tcp check: whether a connection comes about in time. Nothing is sent.
 */
#ifndef PROBER_PROBE_TCP_H
#define PROBER_PROBE_TCP_H

#include "common/ip.h"
#include "prober/gear.h"

#include <stdint.h>

struct probe_tcp; /* heap; one check's, kept from one probe to the next */

NODISCARD enum err probe_tcp_new(const struct gear *gear, struct finish finish,
                                 struct probe_tcp **ret, struct diag *reterr);

/* Stops the probe that runs. */
void probe_tcp_free(struct probe_tcp **probe);

/* Connect to `to`. Requires that no probe of this check runs. */
void probe_tcp_start(struct probe_tcp *probe, const struct listen *to, int64_t timeout_ms);

#endif
