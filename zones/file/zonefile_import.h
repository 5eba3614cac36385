/* zones/file/zonefile_import.h - zone files (RFC 1035 5.1) into the store; zones/file/zonefile_export.h is
 * the way out.
 *
 * A file is read the way the compiler will read the store: each record goes through zones/rdata/rdata.h, so
 * what has been imported compiles. Known are $ORIGIN, $TTL (RFC 2308 4), $INCLUDE, comments, parentheses,
 * relative names, owners left out, TTLs such as 1h30m, and unknown types (RFC 3597). The first record has to
 * be the SOA, which makes the zone's row. One transaction: a mistake anywhere leaves the store as it was, and
 * so do records that would keep the zone from going live (zone_check_records()).
 *
 *    file -> lines (zonetext.h) -> directive | record -> SOA: the zone's row | another: a row of record
 *
 * What a file says of the records that follow ($ORIGIN, $TTL, the last owner) is a *scope*. $INCLUDE begins
 * with a copy of it, so that the included file changes nothing outside.
 */
#ifndef ZONES_FILE_ZONEFILE_IMPORT_H
#define ZONES_FILE_ZONEFILE_IMPORT_H

#include "common/err.h"
#include "zones/store/store.h"

#include <stdint.h>

enum {
    ZONEFILE_IMPORT_LEN_MAX = 1 << 30,  /* bytes of one file */
    ZONEFILE_IMPORT_DEPTH_MAX = 8,      /* files within each other */
    ZONEFILE_IMPORT_TEXT_MAX = 1 << 18, /* bytes of a record's text: 64 KiB, each as \DDD */
};

struct zonefile_import_counts {
    uint64_t records; /* without the SOA */
};

/* Make zone `name` (as in the store) what the file at `path` says, replacing the records that it has. The
 * serial is the file's where that is ahead. A diag names the file, the line or the name, and the reason.
 * ERR_MISSING, ERR_SYNTAX, ERR_LIMIT: the file; ERR_REFUSED: the schema; and those of store_change_begin().
 * `store` has to be open for writing. */
NODISCARD enum err zonefile_import(const char *path, const char *name, struct store *store,
                                   struct zonefile_import_counts *ret, struct diag *reterr);

#endif
