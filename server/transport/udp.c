#include "server/transport/udp.h"

#include "common/clock.h"
#include "server/answer/query.h"
#include "server/transfer/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Room for the one control message we ask for. */
enum { CONTROL_LEN = CMSG_SPACE(sizeof(struct in6_pktinfo)) };

/* Room for a PROXY header, a query, and a byte that tells of one that is longer. */
enum { PACKET_LEN_MAX = PROXY_LEN_MAX + QUERY_LEN_MAX + 1 };

struct slot {
    struct sockaddr_storage peer;
    _Alignas(struct cmsghdr) uint8_t control[CONTROL_LEN];
    uint8_t packet[PACKET_LEN_MAX];
};
_Static_assert(sizeof(struct slot) % 4096 != 0,
               "buffers a power of two apart would share their cache lines' sets");
_Static_assert((int)PACKET_LEN_MAX - (int)PROXY_LEN_MAX >= (int)ANSWER_CAP_MIN,
               "a reply is built where its query was");

struct udp {
    unsigned used; /* of `received`, whose lengths the kernel has written over */
    struct mmsghdr received[UDP_BATCH_MAX];
    struct mmsghdr replies[UDP_BATCH_MAX];
    struct iovec iovs[UDP_BATCH_MAX];
    struct slot slots[UDP_BATCH_MAX];
};

enum err udp_new(struct udp **ret, struct diag *reterr)
{
    struct udp *udp = calloc(1, sizeof *udp);
    if (!udp)
        return diag_set(reterr, ERR_MEMORY, "udp: no memory for a batch of %zu bytes", sizeof *udp);
    for (unsigned i = 0; i < UDP_BATCH_MAX; i++) {
        struct slot *slot = &udp->slots[i];
        udp->iovs[i].iov_base = slot->packet;
        udp->received[i].msg_hdr = (struct msghdr){.msg_name = &slot->peer,
                                                   .msg_iov = &udp->iovs[i],
                                                   .msg_iovlen = 1,
                                                   .msg_control = slot->control};
    }
    udp->used = UDP_BATCH_MAX;
    *ret = udp;
    return OK;
}

/* Opening -------------------------------------------------------------------------------------- */

static enum err option_set(int fd, int level, int name, int value, struct diag *reterr)
{
    if (setsockopt(fd, level, name, &value, sizeof value) < 0)
        return diag_errno(reterr, "udp: cannot set socket option %d of level %d", name, level);
    return OK;
}

/* Path MTU discovery is open to whoever can forge an ICMP; our replies fit the least MTU there is. */
static enum err v4_open(int fd, const struct udp_socket *socket, struct diag *reterr)
{
    const enum err err = option_set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT, reterr);
    return err == OK && socket->wildcard ? option_set(fd, IPPROTO_IP, IP_PKTINFO, 1, reterr) : err;
}

static enum err v6_open(int fd, const struct udp_socket *socket, struct diag *reterr)
{
    const enum err err =
        option_set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT, reterr);
    return err == OK && socket->wildcard ? option_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, reterr)
                                         : err;
}

/* Let a receiver wait, but not for long. Nothing else that is done with the socket ever waits. */
static enum err patience_set(int fd, struct diag *reterr)
{
    const struct timeval patience = clock_timeval(UDP_WAIT_MS);
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0)
        return diag_errno(reterr, "udp: cannot say how long a socket is to wait");
    return OK;
}

enum err udp_open(int fd, struct udp_socket *ret, struct diag *reterr)
{
    static const struct ip any_v4 = {.family = IP_V4}, any_v6 = {.family = IP_V6};
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        return diag_errno(reterr, "udp: cannot tell what a socket is bound to");
    const struct listen at = listen_from_sockaddr(&address);
    struct udp_socket socket = {.fd = fd,
                                .wildcard = ip_equal(&at.ip, &any_v4) || ip_equal(&at.ip, &any_v6)};
    enum err err =
        at.ip.family == IP_V6 ? v6_open(fd, &socket, reterr) : v4_open(fd, &socket, reterr);
    if (err == OK)
        err = patience_set(fd, reterr);
    if (err == OK)
        *ret = socket;
    return err;
}

/* Serving -------------------------------------------------------------------------------------- */

static void batch_ready(struct udp *udp)
{
    for (unsigned i = 0; i < udp->used; i++) {
        struct msghdr *head = &udp->received[i].msg_hdr;
        udp->iovs[i].iov_base = udp->slots[i].packet;
        udp->iovs[i].iov_len = PACKET_LEN_MAX;
        head->msg_namelen = sizeof(struct sockaddr_storage);
        head->msg_controllen = CONTROL_LEN;
    }
    udp->used = 0;
}

/* Turn the control message that came with a query into that of its reply: from the address that
 * was asked, out of whatever interface leads there. Only a link-local address needs its own. */
static void source_keep(struct msghdr *head)
{
    struct cmsghdr *part = CMSG_FIRSTHDR(head);
    if (part && part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
        struct in_pktinfo pktinfo;
        memcpy(&pktinfo, CMSG_DATA(part), sizeof pktinfo);
        pktinfo.ipi_ifindex = 0;
        memcpy(CMSG_DATA(part), &pktinfo, sizeof pktinfo);
    } else if (part && part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
        struct in6_pktinfo pktinfo;
        memcpy(&pktinfo, CMSG_DATA(part), sizeof pktinfo);
        if (!IN6_IS_ADDR_LINKLOCAL(&pktinfo.ipi6_addr))
            pktinfo.ipi6_ifindex = 0;
        memcpy(CMSG_DATA(part), &pktinfo, sizeof pktinfo);
    }
}

/* Who asks with a packet, and where in it the query begins. False: not one of the proxies, or one
 * without a header. */
static bool query_locate(const struct udp_socket *socket, const struct slot *slot, size_t len,
                         struct listen *ret_client, size_t *ret_off)
{
    struct proxy_header header;
    *ret_client = listen_from_sockaddr(&slot->peer);
    *ret_off = 0;
    if (!socket->proxies)
        return true;
    if (!proxy_is_peer(socket->proxies, &ret_client->ip) ||
        proxy_parse(slot->packet, len, &header) != PROXYING_HEADER)
        return false;
    if (header.client.ip.family != IP_NONE)
        *ret_client = header.client;
    *ret_off = header.len;
    return true;
}

/* Turn the query in `packet` into its reply, a signed one too. */
static size_t query_answer(const struct answerer *answerer, const struct listen *client,
                           uint8_t *packet, size_t len, size_t cap)
{
    const size_t reply_len = answer(answerer, TRANSPORT_UDP, client, packet, len, cap);
    if (reply_len != ANSWER_ASIDE)
        return reply_len;
    const struct aside aside = {.answerer = answerer, .transport = TRANSPORT_UDP, .peer = client};
    struct transfer *none;
    return aside_answer(&aside, packet, len, cap, &none);
}

/* Build the reply in its slot; returns its length, 0 when there is none, and where it begins. */
static size_t slot_answer(const struct udp_socket *socket, struct slot *slot, size_t len,
                          const struct answerer *answerer, size_t *ret_off)
{
    struct listen client;
    if (!query_locate(socket, slot, len, &client, ret_off)) {
        answerer->counters->proxy_refused++;
        return 0;
    }
    return query_answer(answerer, &client, slot->packet + *ret_off, len - *ret_off,
                        sizeof slot->packet - *ret_off);
}

/* Answer the first `count` queries; returns how many replies there are to send. */
static unsigned batch_answer(struct udp *udp, const struct udp_socket *socket, unsigned count,
                             const struct answerer *answerer)
{
    unsigned replies = 0;
    for (unsigned i = 0; i < count; i++) {
        struct slot *slot = &udp->slots[i];
        size_t off;
        const size_t len = slot_answer(socket, slot, udp->received[i].msg_len, answerer, &off);
        if (len == 0)
            continue;
        udp->iovs[i].iov_base = slot->packet + off;
        udp->iovs[i].iov_len = len;
        struct msghdr *head = &udp->replies[replies++].msg_hdr;
        *head = udp->received[i].msg_hdr;
        if (head->msg_controllen > 0)
            source_keep(head);
    }
    return replies;
}

/* A reply that the kernel refuses is passed over; when it has no room for any, the rest is dropped. */
static void batch_send(struct udp *udp, const struct udp_socket *socket, unsigned count,
                       struct counters *counters)
{
    unsigned at = 0;
    while (at < count) {
        const int sent = sendmmsg(socket->fd, udp->replies + at, count - at, MSG_DONTWAIT);
        if (sent > 0) {
            at += (unsigned)sent;
        } else if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) {
            counters->drops[DROP_SEND] += count - at;
            return;
        } else if (errno != EINTR) {
            counters->drops[DROP_SEND]++;
            at++;
        }
    }
}

static unsigned batch_serve(struct udp *udp, const struct udp_socket *socket,
                            const struct answerer *answerer, int flags)
{
    batch_ready(udp);
    const int count = recvmmsg(socket->fd, udp->received, UDP_BATCH_MAX, flags, NULL);
    if (count <= 0)
        return 0; /* nothing there, or an error of one packet that has gone with it */
    udp->used = (unsigned)count;
    batch_send(udp, socket, batch_answer(udp, socket, (unsigned)count, answerer),
               answerer->counters);
    return (unsigned)count;
}

unsigned udp_serve(struct udp *udp, const struct udp_socket *socket,
                   const struct answerer *answerer)
{
    return batch_serve(udp, socket, answerer, MSG_DONTWAIT);
}

unsigned udp_await(struct udp *udp, const struct udp_socket *socket,
                   const struct answerer *answerer)
{
    return batch_serve(udp, socket, answerer, MSG_WAITFORONE);
}
