/* tests/fuzz/fuzz_channel.c - a message between our processes, of which one may have been taken over: it is
 * refused, or says no more than came with it.
 *
 * The first byte is how many descriptors come along, the rest is the message.
 */
#include "server/process/channel.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { FDS_MAX = 253 };

static void send_raw(int fd, const uint8_t *bytes, size_t len, size_t fds_count)
{
    _Alignas(struct cmsghdr) char room[CMSG_SPACE(FDS_MAX * sizeof(int))] = {0};
    struct iovec iov = {(void *)(uintptr_t)bytes, len};
    struct msghdr head = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fds_count > 0) {
        head.msg_control = room;
        head.msg_controllen = CMSG_SPACE(fds_count * sizeof(int));
        struct cmsghdr *part = CMSG_FIRSTHDR(&head);
        *part = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
                                 .cmsg_len = CMSG_LEN(fds_count * sizeof(int))};
        for (size_t i = 0; i < fds_count; i++)
            memcpy(CMSG_DATA(part) + i * sizeof fd, &fd, sizeof fd);
    }
    assert(sendmsg(fd, &head, 0) == (ssize_t)len);
}

/* The lowest descriptor that is free. */
static int free_fd(void)
{
    const int fd = dup(0);
    assert(fd >= 0);
    close(fd);
    return fd;
}

static void packet_check(const struct channel_packet *packet, size_t sent)
{
    size_t fds = 0;
    assert(packet->message.parts_count <= CHANNEL_PARTS_MAX);
    for (uint32_t i = 0; i < packet->message.parts_count; i++) {
        assert((packet->fds[i] >= 0) == packet->message.parts[i].present);
        if (packet->fds[i] >= 0) {
            assert(close(packet->fds[i]) == 0);
            fds++;
        }
    }
    assert(fds == sent);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct channel_packet packet;
    int ends[2];
    if (len < 2 || bytes[0] > FDS_MAX)
        return 0;
    assert(channel_create(ends, NULL) == OK);
    const int before = free_fd();
    send_raw(ends[0], bytes + 1, len - 1, bytes[0]);
    const enum err err = channel_receive(ends[1], &packet, NULL);
    assert(err == OK || err == ERR_CORRUPT);
    if (err == OK)
        packet_check(&packet, bytes[0]);
    assert(free_fd() == before);
    close(ends[0]);
    close(ends[1]);
    return 0;
}
