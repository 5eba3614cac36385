/* prober/station.h - a vantage point at work: one loop with its schedule, what is wanted, and a
 * link to each nameserver.
 */
#ifndef PROBER_STATION_H
#define PROBER_STATION_H

#include "common/err.h"
#include "prober/setup.h"

struct station; /* heap */

/* Load the key and set everything up; nothing runs yet. `setup` must outlive the station. The
 * errors of key_load(); ERR_MEMORY. */
NODISCARD enum err station_open(const struct setup *setup, struct station **ret,
                                struct diag *reterr);
void station_close(struct station **station);

/* Tell systemd, and probe until SIGTERM or SIGINT. ERR_SYSTEM: the loop failed. */
NODISCARD enum err station_run(struct station *station, struct diag *reterr);

#endif
