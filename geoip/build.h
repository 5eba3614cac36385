/* geoip/build.h - compile one policy and the geo databases into its geo image (geoip/geo.h).
 *
 * Run by the compiler process only. Sources are laid over one another in order: each fact of a
 * client comes from the first source that has it. What the policy's rules do not ask for is dropped
 * before, so that networks differ only where the policy makes them.
 *
 * A client's class, most specific set first: its nets from the longest prefix to the shortest; its
 * AS number; then its subdivisions from the narrowest, its country, its continent (method `rules`)
 * or the regions in order of distance from its coordinates (method `nearest`, which passes over
 * rules of these kinds); then `default`.
 */
#ifndef GEOIP_BUILD_H
#define GEOIP_BUILD_H

#include "geoip/policy.h"
#include "geoip/source.h"

#include "common/buffer.h"
#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

/* Write the sealed image into `ret` (caller: buffer_fini), the same bytes for the same rules and
 * sources. On failure `ret` is empty and the sentence names the policy, and the rule or limit.
 * ERR_SYNTAX: a client that does not parse. ERR_EXISTS: a region twice for one client.
 * ERR_LIMIT: POLICY_RULES_MAX, REGIONS_MAX, NETS_NESTED_MAX, GEO_SETS_MAX, GEO_CLASSES_MAX,
 * EMIT_CHOICES_MAX or TREE_NODES_MAX. ERR_MEMORY. Cost: linear in the sources' trees. */
NODISCARD enum err build_geo(const struct policy *policy, struct source *const *sources,
                             size_t sources_count, struct buffer *ret, struct diag *reterr);

/* As build_geo() from `last`, `len` bytes of an earlier image of the policy that are 8-byte aligned,
 * when nothing but choices differs: weights, tiers, the regions of a client, geofence. `identities`
 * are those of all sources, in order. ERR_REFUSED: clients, sources, method or places differ too;
 * ERR_CORRUPT, ERR_VERSION: `last` is no good; otherwise as build_geo(). Cost: linear in `last`, and no more
 * than to check and copy it. */
NODISCARD enum err build_choices(const struct policy *policy, const void *last, size_t len,
                                 const uint64_t *identities, size_t identities_count,
                                 struct buffer *ret, struct diag *reterr);

#endif
