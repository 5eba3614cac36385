#include "server/process/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static enum err option_set(int fd, int level, int option, int value, const char *name, struct diag *reterr)
{
    if (setsockopt(fd, level, option, &value, sizeof value) == 0)
        return OK;
    return diag_errno(reterr, "cannot set %s", name);
}

/* The sentence of a bind() or listen() that failed, for errno. */
static enum err refuse(const struct listen *at, int type, struct diag *reterr)
{
    char text[LISTEN_TEXT_MAX];
    const char *transport = type == SOCK_DGRAM ? "UDP" : "TCP";
    const int reason = errno;
    (void)listen_print(at, text);
    if (reason == EADDRINUSE)
        return diag_set(reterr, ERR_SYSTEM,
                        "cannot listen on %s over %s: another program has this port; stop it or take "
                        "another port",
                        text, transport);
    if (reason == EACCES)
        return diag_set(reterr, ERR_SYSTEM,
                        "cannot listen on %s over %s: ports below 1024 need root or CAP_NET_BIND_SERVICE",
                        text, transport);
    if (reason == EADDRNOTAVAIL)
        return diag_set(reterr, ERR_SYSTEM,
                        "cannot listen on %s over %s: this host does not have the address; take one that "
                        "\"ip address\" shows",
                        text, transport);
    errno = reason;
    return diag_errno(reterr, "cannot listen on %s over %s", text, transport);
}

/* A socket with what binding to `at` needs. */
static enum err make(const struct listen *at, int type, int *ret_fd, struct diag *reterr)
{
    const int domain = at->ip.family == IP_V6 ? AF_INET6 : AF_INET;
    const int fd = socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return diag_errno(reterr, "cannot make a socket");
    enum err err = OK;
    if (domain == AF_INET6)
        err = option_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1, "IPV6_V6ONLY", reterr);
    if (err == OK && type == SOCK_STREAM)
        err = option_set(fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR", reterr);
    if (err == OK)
        *ret_fd = fd;
    else
        close(fd);
    return err;
}

static enum err bind_to(int fd, const struct listen *at, int type, struct diag *reterr)
{
    struct sockaddr_storage address;
    const socklen_t len = listen_to_sockaddr(at, &address);
    if (bind(fd, (const struct sockaddr *)&address, len) != 0)
        return refuse(at, type, reterr);
    if (type == SOCK_STREAM && listen(fd, SOCKETS_BACKLOG) != 0)
        return refuse(at, type, reterr);
    return OK;
}

/* Ask for large buffers: beyond the system's maximum where we may, else up to it. */
static void enlarge(int fd)
{
    const int len = SOCKETS_BUFFER_LEN;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &len, sizeof len) != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &len, sizeof len);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &len, sizeof len) != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &len, sizeof len);
}

enum sharing { ALONE, SHARED };

static enum err open_bound(const struct listen *at, int type, enum sharing sharing, int *ret_fd,
                           struct diag *reterr)
{
    int fd = -1;
    enum err err = make(at, type, &fd, reterr);
    if (err != OK)
        return err;
    if (sharing == SHARED)
        err = option_set(fd, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT", reterr);
    if (sharing == SHARED && type == SOCK_DGRAM)
        enlarge(fd);
    if (err == OK)
        err = bind_to(fd, at, type, reterr);
    if (err == OK)
        *ret_fd = fd;
    else
        close(fd);
    return err;
}

enum err sockets_udp(const struct listen *at, int *ret_fd, struct diag *reterr)
{
    return open_bound(at, SOCK_DGRAM, SHARED, ret_fd, reterr);
}

enum err sockets_tcp(const struct listen *at, int *ret_fd, struct diag *reterr)
{
    return open_bound(at, SOCK_STREAM, SHARED, ret_fd, reterr);
}

enum err sockets_control(const struct listen *at, int *ret_fd, struct diag *reterr)
{
    return open_bound(at, SOCK_STREAM, ALONE, ret_fd, reterr);
}

static enum err probe(const struct listen *at, int type, struct diag *reterr)
{
    int fd;
    const enum err err = open_bound(at, type, ALONE, &fd, reterr);
    if (err == OK)
        close(fd);
    return err;
}

enum err sockets_probe(const struct listen *at, struct diag *reterr)
{
    const enum err err = probe(at, SOCK_DGRAM, reterr);
    return err == OK ? probe(at, SOCK_STREAM, reterr) : err;
}

enum err sockets_probe_tcp(const struct listen *at, struct diag *reterr)
{
    return probe(at, SOCK_STREAM, reterr);
}
