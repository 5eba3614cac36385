/* geoip/saved.h - what was read of a geo database, kept for the next compiler.
 *
 * To read a file of text takes ten times as long as to build from it, so a compiler saves what it has read,
 * and the next one takes that as long as the database is the same.
 *
 *    header | nodes_count * struct tree_node, below their parents | facts_count * struct facts
 */
#ifndef GEOIP_SAVED_H
#define GEOIP_SAVED_H

#include "geoip/source.h"

#include "common/err.h"

#include <stdint.h>

enum {
    SAVED_VERSION = 1,         /* a new one whenever we read anything differently */
    SAVED_LEN_MAX = 512 << 20, /* bytes: five times a full City database */
    SAVED_ROOM_SHARE = 8,      /* it takes one of so many parts of the room that is left */
};

/* Save what database_read() has read as `file`, unless there is little room (SAVED_ROOM_SHARE). On failure
 * there is no `file`. ERR_REFUSED: the database changed meanwhile; ERR_LIMIT: SAVED_LEN_MAX; ERR_SYSTEM,
 * ERR_MEMORY. */
NODISCARD enum err saved_write(const struct source *source, const char *file, struct diag *reterr);

/* Read from `file` what was saved of the database `path` when that had this identity (caller: source_free).
 * Every number in it is checked. ERR_MISSING; ERR_CORRUPT: damaged, or of another database; ERR_VERSION;
 * ERR_LIMIT; ERR_SYSTEM, ERR_MEMORY. Cost: linear in the file. */
NODISCARD enum err saved_read(const char *file, const char *path, uint64_t identity, struct source **ret,
                              struct diag *reterr);

#endif
