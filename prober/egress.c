#include "prober/egress.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct ip *address_of(const struct egress *egress, enum ip_family family)
{
    return family == IP_V6 ? &egress->v6 : &egress->v4;
}

static int open_bound(const struct egress *egress, enum ip_family family, int type)
{
    const int domain = family == IP_V6 ? AF_INET6 : AF_INET;
    const int fd = socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const struct listen from = {.ip = *address_of(egress, family)};
    if (fd < 0 || from.ip.family == IP_NONE)
        return fd;
    struct sockaddr_storage at;
    const socklen_t at_len = listen_to_sockaddr(&from, &at);
    const int later = 1;
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &later, sizeof later);
    if (bind(fd, (const struct sockaddr *)&at, at_len) == 0)
        return fd;
    const int saved = errno;
    (void)close(fd);
    errno = saved;
    return -1;
}

static enum err check_local(const struct egress *egress, enum ip_family family, const char *text,
                            struct diag *reterr)
{
    const int fd = open_bound(egress, family, SOCK_DGRAM);
    if (fd < 0 && errno == EADDRNOTAVAIL)
        return diag_set(reterr, ERR_MISSING, "%s is not an address of this host; see \"ip address\"",
                        text);
    if (fd < 0)
        return diag_errno(reterr, "cannot bind to %s", text);
    (void)close(fd);
    return OK;
}

enum err egress_add(struct egress *egress, const char *text, struct diag *reterr)
{
    struct ip ip;
    enum err err = ip_parse(text, &ip, reterr);
    if (err)
        return err;
    if (address_of(egress, ip.family)->family != IP_NONE)
        return diag_set(reterr, ERR_EXISTS,
                        "%s is the second IPv%d address; one a family is enough", text,
                        ip.family);
    struct egress with = *egress;
    *(ip.family == IP_V6 ? &with.v6 : &with.v4) = ip;
    err = check_local(&with, ip.family, text, reterr);
    if (!err)
        *egress = with;
    return err;
}

int egress_socket(const struct egress *egress, enum ip_family family)
{
    return open_bound(egress, family, SOCK_STREAM);
}

bool egress_has_route(const struct egress *egress, const struct listen *to)
{
    struct sockaddr_storage at;
    const socklen_t at_len = listen_to_sockaddr(to, &at);
    const int fd = open_bound(egress, to->ip.family, SOCK_DGRAM);
    if (fd < 0)
        return false;
    const bool found = connect(fd, (const struct sockaddr *)&at, at_len) == 0;
    (void)close(fd);
    return found;
}
