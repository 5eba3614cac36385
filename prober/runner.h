/* prober/runner.h - what runs the probes of one check, whatever its type: look the name up if it
 * is one, then probe.
 *
 * A probe and its lookup together never take longer than the check's timeout.
 */
#ifndef PROBER_RUNNER_H
#define PROBER_RUNNER_H

#include "health/check.h"
#include "prober/gear.h"

struct runner; /* heap; one check's */

/* `check` and `gear` must outlive the runner. A check of a type that cannot be run here gets a
 * runner all the same, whose probes end as unknown. ERR_MEMORY. */
NODISCARD enum err runner_new(const struct gear *gear, const struct check *check,
                              struct finish finish, struct runner **ret, struct diag *reterr);

/* Stops the probe that runs. */
void runner_free(struct runner **runner);

/* Probe once. Requires that no probe of this check runs. */
void runner_start(struct runner *runner);

#endif
