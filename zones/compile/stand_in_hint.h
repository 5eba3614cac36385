/* zones/compile/stand_in_hint.h - SVCB and HTTPS records as a secondary gets them, which cannot fill `auto`
 * hints.
 *
 * Such an rrset gets a copy whose hints are the stand-ins of the services that they are of
 * (zones/compile/stand_in.h), so that a secondary's hints and its A and AAAA records are the same addresses.
 * Where a service has no stand-in of a family there is no hint. Transfers send the copy in the rrset's place;
 * answers never do.
 */
#ifndef ZONES_COMPILE_STAND_IN_HINT_H
#define ZONES_COMPILE_STAND_IN_HINT_H

#include "zones/compile/draft.h"

/* Put the copies, after the stand-ins of all services. Out of memory: a buffer of the draft has failed. */
void stand_in_hint_put(struct draft *draft);

#endif
