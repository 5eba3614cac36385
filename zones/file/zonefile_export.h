/* zones/file/zonefile_export.h - a zone of the store as a zone file (RFC 1035 5.1), whose import
 * (zones/file/zonefile_import.h) gives the same rows.
 *
 * Services are comments in it: what they answer is not in a zone file's power to say. Only what parses is
 * written, so that no record can swallow the lines behind it.
 */
#ifndef ZONES_FILE_ZONEFILE_EXPORT_H
#define ZONES_FILE_ZONEFILE_EXPORT_H

#include "common/err.h"
#include "zones/store/store.h"

#include <stdio.h>

/* Write zone `name` to `to`, from one snapshot. ERR_MISSING: there is no such zone; ERR_SYNTAX: a row does
 * not parse; ERR_SYSTEM: writing failed. What has been written by then stays. */
NODISCARD enum err zonefile_export(struct store *store, const char *name, FILE *to, struct diag *reterr);

#endif
