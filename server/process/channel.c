#include "server/process/channel.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for the descriptors of one message, aligned as the kernel wants it. */
union control_room {
    struct cmsghdr head;
    uint8_t bytes[CMSG_SPACE(sizeof(int) * CHANNEL_PARTS_MAX)];
};

/* That room is rounded up, so a peer who sends too many can have more than CHANNEL_PARTS_MAX put into it. */
enum { RECEIVED_FDS_MAX = (sizeof(union control_room) - CMSG_LEN(0)) / sizeof(int) };

enum err channel_create(int ret_fds[2], struct diag *reterr)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) != 0)
        return diag_errno(reterr, "cannot make a channel");
    return OK;
}

/* The descriptors that go with a message, in order of its parts; returns how many. */
static size_t gather(const struct channel_packet *packet, int ret_fds[CHANNEL_PARTS_MAX])
{
    size_t count = 0;
    for (uint32_t i = 0; i < packet->message.parts_count; i++)
        if (packet->message.parts[i].present)
            ret_fds[count++] = packet->fds[i];
    return count;
}

static void attach_fds(struct msghdr *head, union control_room *room, const int *fds, size_t count)
{
    if (count == 0)
        return;
    head->msg_control = room->bytes;
    head->msg_controllen = CMSG_SPACE(sizeof(int) * count);
    struct cmsghdr *rights = CMSG_FIRSTHDR(head);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(rights), fds, sizeof(int) * count);
}

enum err channel_send(int fd, const struct channel_packet *packet, struct diag *reterr)
{
    union control_room room = {0};
    int fds[CHANNEL_PARTS_MAX];
    struct channel_message message = packet->message;
    struct iovec bytes = {.iov_base = &message, .iov_len = sizeof message};
    struct msghdr head = {.msg_iov = &bytes, .msg_iovlen = 1};
    attach_fds(&head, &room, fds, gather(packet, fds));
    ssize_t sent;
    do
        sent = sendmsg(fd, &head, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent == (ssize_t)sizeof message)
        return OK;
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN))
        return diag_set(reterr, ERR_MISSING, "the other end of the channel is gone");
    /* ETOOMANYREFS: too many descriptors are on their way (unix(7)). */
    if (sent < 0 && (errno == EAGAIN || errno == ETOOMANYREFS || errno == ENOBUFS || errno == ENOMEM))
        return diag_set(reterr, ERR_BUSY, "the channel is full");
    return diag_errno(reterr, "cannot send on a channel");
}

/* Take the descriptors out of what recvmsg() left in `head`; returns how many there are. */
static size_t detach_fds(struct msghdr *head, int ret_fds[RECEIVED_FDS_MAX])
{
    size_t count = 0;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(head); part; part = CMSG_NXTHDR(head, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        const size_t len = part->cmsg_len - CMSG_LEN(0);
        /* It fits: the room that recvmsg() had holds CHANNEL_PARTS_MAX. */
        memcpy(ret_fds + count, CMSG_DATA(part), len);
        count += len / sizeof(int);
    }
    return count;
}

static bool is_part_valid(const struct channel_part *part)
{
    if (part->present > 1)
        return false;
    switch (part->kind) {
    case PART_PACK:
        return part->index < PACKS_MAX;
    case PART_POLICY:
        return part->index < POLICIES_MAX;
    default:
        return part->kind == PART_SECRETS && part->index == 0;
    }
}

/* Whether a message is one of ours and comes with as many descriptors as it says. */
static bool is_valid(const struct channel_message *message, size_t fds_count)
{
    size_t present = 0;
    if (message->kind < MESSAGE_WORLD || message->kind > MESSAGE_SECRETS)
        return false;
    if (message->parts_count > CHANNEL_PARTS_MAX)
        return false;
    for (uint32_t i = 0; i < message->parts_count; i++) {
        if (!is_part_valid(&message->parts[i]))
            return false;
        present += message->parts[i].present;
    }
    return present == fds_count;
}

static enum err receive_failed(ssize_t got, struct diag *reterr)
{
    if (got == 0 || errno == ECONNRESET)
        return diag_set(reterr, ERR_MISSING, "the other end of the channel is gone");
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return diag_set(reterr, ERR_BUSY, "nothing is on the channel");
    return diag_errno(reterr, "cannot receive from a channel");
}

enum err channel_receive(int fd, struct channel_packet *ret, struct diag *reterr)
{
    union control_room room;
    int fds[RECEIVED_FDS_MAX];
    struct iovec bytes = {.iov_base = &ret->message, .iov_len = sizeof ret->message};
    struct msghdr head = {.msg_iov = &bytes,
                          .msg_iovlen = 1,
                          .msg_control = room.bytes,
                          .msg_controllen = sizeof room.bytes};
    ssize_t got;
    do
        got = recvmsg(fd, &head, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return receive_failed(got, reterr);
    const size_t count = detach_fds(&head, fds);
    if (got != (ssize_t)sizeof ret->message || head.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ||
        !is_valid(&ret->message, count)) {
        for (size_t i = 0; i < count; i++)
            close(fds[i]);
        return diag_set(reterr, ERR_CORRUPT, "a message on the channel is not one of ours");
    }
    size_t next = 0;
    for (uint32_t i = 0; i < ret->message.parts_count; i++)
        ret->fds[i] = ret->message.parts[i].present ? fds[next++] : -1;
    return OK;
}
