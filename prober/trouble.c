#include "prober/trouble.h"

#include <errno.h>
#include <stddef.h>

enum blame {
    BLAME_TARGET,
    BLAME_ROUTE, /* the target's if there is a route to it */
    BLAME_PROBER,
};

static const struct known {
    int error;
    enum blame blame;
    const char *reason;
} known[] = {
    {ECONNREFUSED, BLAME_TARGET, "connection refused"},
    {ECONNRESET, BLAME_TARGET, "connection reset"},
    {EPIPE, BLAME_TARGET, "connection reset"},
    {ETIMEDOUT, BLAME_TARGET, "connect timed out"},
    {ENOPROTOOPT, BLAME_TARGET, "protocol unreachable"},
    {EHOSTDOWN, BLAME_TARGET, "host unreachable"},
    {EHOSTUNREACH, BLAME_ROUTE, "host unreachable"},
    {ENETUNREACH, BLAME_ROUTE, "network unreachable"},
    {EACCES, BLAME_ROUTE, "prohibited"},
    {EMFILE, BLAME_PROBER, "prober: out of descriptors"},
    {ENFILE, BLAME_PROBER, "prober: out of descriptors"},
    {ENOBUFS, BLAME_PROBER, "prober: out of memory"},
    {ENOMEM, BLAME_PROBER, "prober: out of memory"},
    {EADDRNOTAVAIL, BLAME_PROBER, "prober: source address not available"},
    {EADDRINUSE, BLAME_PROBER, "prober: out of ports"},
    {EAGAIN, BLAME_PROBER, "prober: out of ports"},
    {ENETDOWN, BLAME_PROBER, "prober: network is down"},
    {EAFNOSUPPORT, BLAME_PROBER, "prober: address family not supported"},
    {EPERM, BLAME_PROBER, "prober: not permitted to connect"},
};

struct probe_result trouble_failed(const char *reason)
{
    return (struct probe_result){.outcome = PROBE_FAILED, .reason = reason};
}

struct probe_result trouble_unknown(const char *reason)
{
    return (struct probe_result){.outcome = PROBE_UNKNOWN, .reason = reason};
}

static const struct known *find(int error)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].error == error)
            return &known[i];
    return NULL;
}

struct probe_result trouble_of(int error, const struct egress *egress, const struct listen *to)
{
    const struct known *k = find(error);
    if (!k)
        return trouble_unknown("prober: unexpected error");
    if (k->blame == BLAME_PROBER)
        return trouble_unknown(k->reason);
    if (k->blame == BLAME_ROUTE && !egress_has_route(egress, to))
        return trouble_unknown("prober: no route");
    return trouble_failed(k->reason);
}
