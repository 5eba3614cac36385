/* geoip/tortext.h - tor's geoip and geoip6 files: a country for each range of addresses.
 *
 *    # comment
 *    16777216,16777471,AU                                          geoip: addresses as numbers
 *    2001:200::,2001:200:134:ffff:ffff:ffff:ffff:ffff,JP           geoip6: addresses as text
 *
 * Ranges are in ascending order and do not overlap; "??" is an unknown country. A file may hold
 * both families.
 */
#ifndef GEOIP_TORTEXT_H
#define GEOIP_TORTEXT_H

#include "geoip/source.h"

#include "common/err.h"

#include <stdio.h>

/* Fill in the trees and facts of `source` from `file`, at its beginning; source->path is for
 * messages. ERR_SYNTAX: names the line; also for a file without any range. ERR_SYSTEM,
 * ERR_MEMORY. */
NODISCARD enum err tortext_load(FILE *file, struct source *source, struct diag *reterr);

#endif
