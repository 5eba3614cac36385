/* zones/compile/compile_policies.h - the geo images of the policies: taken over from the last world, or built
 * anew.
 *
 * A policy is built again when its rules, the places of its regions or a geo database changed: an edit of
 * choices alone takes the trees of the last image over, anything else lays the databases anew. What was read
 * of these is saved beside the images for the next compiler. With a database that cannot be read, policies
 * that have an image keep it; one without is built from the others, so that a first start is not held up.
 */
#ifndef ZONES_COMPILE_COMPILE_POLICIES_H
#define ZONES_COMPILE_COMPILE_POLICIES_H

#include "common/err.h"
#include "zones/compile/census.h"
#include "zones/compile/compile_request.h"
#include "zones/compile/last.h"
#include "zones/compile/problems.h"
#include "zones/store/store.h"

#include <stdbool.h>

/* Build what has changed and write it to STATE/images as of the generation of `census->next`, whose policies
 * get their files and fingerprints; `written[idx]` says for which. ERR_MEMORY, ERR_SYSTEM, and errors of the
 * store. */
NODISCARD enum err compile_policies(const struct compile_request *request, struct store *store,
                                    const struct last *last, struct census *census, struct problems *problems,
                                    bool written[POLICIES_MAX], struct diag *reterr);

/* Read and save the geo databases of which nothing is saved, so that the first policy need not wait for it.
 * What goes wrong is told when a policy needs them. */
void compile_policies_prepare(const struct compile_request *request);

/* Remove what is saved of the geo databases, as images need the room. */
void compile_policies_forget(const struct compile_request *request);

#endif
