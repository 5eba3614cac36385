/* geoip/database.h - a geo database file, of whatever format, becomes a source.
 *
 * Read by zones/compile/compile_policies.c, once for each compile that needs it and finds nothing saved of
 * it.
 */
#ifndef GEOIP_DATABASE_H
#define GEOIP_DATABASE_H

#include "geoip/source.h"

#include "common/err.h"

/* Read an MMDB file or one of tor's text files, told apart by content (caller: source_free). The file is
 * closed again. On failure the sentence names the file and the line or node. ERR_MISSING, ERR_SYSTEM,
 * ERR_MEMORY; ERR_SYNTAX: text that is not tor's; ERR_CORRUPT: an MMDB that is cut short or broken;
 * ERR_REFUSED: one without geographic facts. */
NODISCARD enum err database_read(const char *path, struct source **ret, struct diag *reterr);

#endif
