/* server/control/publish.h - the current world in the control process: its manifest, its images, its roster.
 *
 * Publishing is in this order: map the new images, build the roster, give every new subject its word on the
 * board (verdicts_configure(), then states_apply()), and only then send the world to the supervisor, so that
 * no worker meets a word that says nothing yet. Descriptors of images are opened read-only and live as long
 * as it takes to send them.
 */
#ifndef SERVER_CONTROL_PUBLISH_H
#define SERVER_CONTROL_PUBLISH_H

#include "common/err.h"
#include "server/control/roster.h"
#include "server/control/wiring.h"
#include "zones/image/manifest.h"

#include <stdbool.h>

struct publish;

NODISCARD enum err publish_new(struct control *control, struct publish **ret, struct diag *reterr);
void publish_free(struct publish **publish);

/* Make the world that the manifest at `path` names the current one, and send what changed (the first time:
 * all of it) to the supervisor. On failure the current world stays, unless it was only not sent.
 * ERR_MISSING: no such file. ERR_CORRUPT, ERR_VERSION: the manifest or an image, which the diag names.
 * ERR_SYSTEM: out of descriptors. Not sent: ERR_MISSING, the supervisor is gone; ERR_BUSY, the channel has no
 * room. */
NODISCARD enum err publish_world(struct publish *publish, const char *path, struct diag *reterr);

/* Whether the supervisor lacks the current world. The next one that is published, be it the same, goes
 * whole. */
bool publish_is_unsent(const struct publish *publish);

/* The current world; NULL before the first. Lent until the next publish_world(), whose end verdicts and api
 * are told. */
const struct manifest *publish_manifest(const struct publish *publish);
const struct roster *publish_roster(const struct publish *publish);

#endif
