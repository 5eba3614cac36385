/* zones/compile/zone_check.h - what must hold between the records and services of one zone before it may go
 * live.
 *
 * Single rows have been parsed by then (zones/rdata/rdata.h, zones/store/store.h). A zone that breaks a rule
 * is not published; its last good form keeps serving.
 */
#ifndef ZONES_COMPILE_ZONE_CHECK_H
#define ZONES_COMPILE_ZONE_CHECK_H

#include "zones/compile/draft.h"
#include "zones/compile/problems.h"

/* Add a problem for every rule that a grouped draft breaks:
 * - the apex has at least one NS (RFC 1034 4.2.1) and, like any name, at most one SOA
 * - a CNAME stands alone, but for RRSIG and NSEC, and is one (RFC 1034 3.6.2, RFC 2181 10.1, RFC 4035 2.5)
 * - a DNAME is one, not beside an NS but at the apex, and nothing is below it (RFC 6672 2.3, 2.4)
 * - no NS and no DNAME at a wildcard (RFC 4592 4.2, 4.4)
 * - an rrset fits a message
 * - no A, AAAA or CNAME beside a service, nothing beside one with host endpoints, none at or below a cut
 * - a pool has addresses or one kind of host, not both, and no more than fit a message
 * Records below a cut that are not glue are left where they are: they are never answered (RFC 1034 4.2.1). */
void zone_check(const struct draft *draft, struct problems *problems);

/* Those of them that hold whatever the zone's services are: the first four, and that an rrset fits. */
void zone_check_records(const struct draft *draft, struct problems *problems);

#endif
