/* server/process/channel.h - messages with descriptors between supervisor, control and workers.
 *
 * SOCK_SEQPACKET socket pairs; one message is one packet of fixed layout, so nobody parses anything. A world
 * is passed as a delta: the parts that changed, each with the descriptor of its image (opened read-only) or
 * without one when the part is gone. A whole world fits one message: its descriptors are under the kernel's
 * 253.
 *
 *    control -> supervisor     MESSAGE_WORLD, MESSAGE_SECRETS
 *    supervisor -> workers     MESSAGE_WORLD (the delta; to a new one the whole), MESSAGE_SECRETS
 *    supervisor -> control     MESSAGE_RELOAD (SIGHUP)
 */
#ifndef SERVER_PROCESS_CHANNEL_H
#define SERVER_PROCESS_CHANNEL_H

#include "common/err.h"
#include "geoip/policy.h"
#include "zones/image/image.h"

#include <stdint.h>

enum {
    CHANNEL_IMAGES_MAX = PACKS_MAX + POLICIES_MAX,
    CHANNEL_PARTS_MAX = CHANNEL_IMAGES_MAX + 1,
};

enum message_kind { MESSAGE_WORLD = 1, MESSAGE_RELOAD, MESSAGE_SECRETS };

enum part_kind {
    PART_PACK,
    PART_POLICY,
    PART_SECRETS, /* struct tls_secrets of server/transport/tls.h: alone, and in a whole world */
};

struct channel_part {
    uint8_t kind;    /* enum part_kind */
    uint8_t index;   /* bucket, or index of the policy, or 0 */
    uint8_t present; /* 0: the part is gone, 1: its descriptor follows in order */
};

struct channel_message {
    uint32_t kind; /* enum message_kind */
    uint32_t parts_count;
    uint64_t generation;
    struct channel_part parts[CHANNEL_PARTS_MAX];
};

/* A message and its descriptors: fds[i] belongs to parts[i], -1 where it is not present. */
struct channel_packet {
    struct channel_message message;
    int fds[CHANNEL_PARTS_MAX];
};

/* A connected pair, close-on-exec. */
NODISCARD enum err channel_create(int ret_fds[2], struct diag *reterr);

/* Send; the descriptors stay the caller's. Waits when the peer is slow unless `fd` is non-blocking
 * (ERR_BUSY). ERR_MISSING: the peer is gone. */
NODISCARD enum err channel_send(int fd, const struct channel_packet *packet, struct diag *reterr);

/* Receive one packet; its descriptors become the caller's (close-on-exec). ERR_BUSY: none is there
 * (non-blocking). ERR_MISSING: the peer is gone. ERR_CORRUPT: not one of ours; its descriptors are closed. */
NODISCARD enum err channel_receive(int fd, struct channel_packet *ret, struct diag *reterr);

#endif
