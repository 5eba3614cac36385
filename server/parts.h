/* server/parts.h - the current world as the supervisor holds it: one descriptor for each image, and nothing
 * known of what is in them. The secrets of TLS are kept beside them, since a new worker needs those too.
 */
#ifndef SERVER_PARTS_H
#define SERVER_PARTS_H

#include "server/process/channel.h"

#include <stdbool.h>
#include <stdint.h>

struct parts {
    uint64_t generation; /* 0: none has come yet */
    int fds[CHANNEL_PARTS_MAX]; /* packs, policies, secrets; -1: there is none */
};

void parts_init(struct parts *parts);

/* Take the descriptors of a MESSAGE_WORLD or MESSAGE_SECRETS in the place of those that it changes, which are
 * closed. */
void parts_apply(struct parts *parts, const struct channel_packet *delta);

/* The whole world as one message, for a worker that has none. The descriptors stay the parts'. */
void parts_whole(const struct parts *parts, struct channel_packet *ret);

#endif
