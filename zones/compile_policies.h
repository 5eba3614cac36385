/* zones/compile_policies.h - the geo images of the policies: taken over from the last world, or built anew.
 *
 * A policy is built again when its rules, the places of its regions or a geo database changed. With a database that cannot be
 * read, policies that have an image keep it; one without is built from the others, so that a first start is not held up.
 */
#ifndef ZONES_COMPILE_POLICIES_H
#define ZONES_COMPILE_POLICIES_H

#include "common/err.h"
#include "zones/census.h"
#include "zones/compile.h"
#include "zones/last.h"
#include "zones/problems.h"
#include "zones/store.h"

#include <stdbool.h>

/* Build what has changed and write it to STATE/images as of the generation of `census->next`, whose policies get their files
 * and fingerprints; `written[idx]` says for which. ERR_MEMORY, ERR_SYSTEM, and errors of the store. */
NODISCARD enum err compile_policies(const struct compile_request *request, struct store *store,
                                    const struct last *last, struct census *census, struct problems *problems,
                                    bool written[POLICIES_MAX], struct diag *reterr);

#endif
