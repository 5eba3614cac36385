/* zones/zonefile.h - zone files (RFC 1035 5.1) into the store and out of it.
 *
 * Import reads a file the way the compiler will read the store: each record goes through zones/rdata.h, so
 * what has been imported compiles. Known are $ORIGIN, $TTL (RFC 2308 4), $INCLUDE, comments, parentheses,
 * relative names, owners left out, TTLs such as 1h30m, and unknown types (RFC 3597). The first record has to
 * be the SOA, which makes the zone's row. One transaction: a mistake anywhere leaves the store as it was.
 *
 * Export writes a file whose import gives the same rows. Services are comments in it: what they answer is
 * not in a zone file's power to say.
 */
#ifndef ZONES_ZONEFILE_H
#define ZONES_ZONEFILE_H

#include "common/err.h"
#include "zones/store.h"

#include <stdint.h>
#include <stdio.h>

enum {
    ZONEFILE_MAX = 1 << 30,             /* bytes of one file */
    ZONEFILE_INCLUDE_MAX = 8,           /* files within each other */
    ZONEFILE_RECORD_TEXT_MAX = 1 << 18, /* bytes of a record's text: 64 KiB, each as \DDD */
};

struct zonefile_counts {
    uint64_t records; /* without the SOA */
};

/* Make zone `name` (as in the store) what the file at `path` says, replacing the records that it has. The
 * serial is the file's where that is ahead. A diag names file, line and reason. ERR_MISSING, ERR_SYNTAX,
 * ERR_LIMIT: the file; ERR_REFUSED: the schema; and those of store_change_begin(). `store` has to be open
 * for writing. */
NODISCARD enum err zonefile_import(const char *path, const char *name, struct store *store,
                                   struct zonefile_counts *ret, struct diag *reterr);

/* Write zone `name` to `to`, from one snapshot. ERR_MISSING: there is no such zone; ERR_SYSTEM: writing
 * failed. */
NODISCARD enum err zonefile_export(struct store *store, const char *name, FILE *to, struct diag *reterr);

#endif
