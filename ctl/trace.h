/* ctl/trace.h - what server/answer/steer.c recorded of a choice, in words.
 */
#ifndef CTL_TRACE_H
#define CTL_TRACE_H

#include "server/answer/steer.h"
#include "zones/image/manifest.h"

/* Print class, sets, tiers and regions with their reasons, weights and shares to stdout. `manifest` names the
 * regions. */
void trace_print(const struct steer_case *asked, const struct steer_trace *trace,
                 const struct manifest *manifest);

#endif
