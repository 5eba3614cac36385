/* geoip/mmdb.h - MaxMind DB files; the only file that sees libmaxminddb.
 */
#ifndef GEOIP_MMDB_H
#define GEOIP_MMDB_H

#include "geoip/source.h"

#include "common/err.h"

/* Fill in the trees and facts of `source` from source->path. The tree is walked once, by node;
 * what libmaxminddb finds for an address is what the source says of it. ERR_CORRUPT:
 * libmaxminddb refuses it, or its search tree is broken (the sentence names the node and its
 * offset). ERR_REFUSED: no record has a fact that we know. ERR_MEMORY, ERR_SYSTEM. */
NODISCARD enum err mmdb_load(struct source *source, struct diag *reterr);

#endif
