#include "prober/resolve.h"

#include "common/clock.h"

#include <event2/dns.h>
#include <event2/util.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct resolve {
    struct event_base *base;
    struct evdns_base *dns;
};

/* evdns calls back for a cancelled request too, later; the record then lives until that call. */
struct resolve_lookup {
    struct evdns_getaddrinfo_request *request; /* NULL once evdns has called back */
    struct event *end; /* becomes active when an answer is there or time is up */
    struct resolve_finish finish;
    struct ip ip;
    bool stopped;
};

static bool set_options(struct evdns_base *dns)
{
    /* A lost packet is asked again within a check's timeout. Mixed case confuses some resolvers. */
    return evdns_base_set_option(dns, "timeout:", "1") == 0 &&
           evdns_base_set_option(dns, "attempts:", "3") == 0 &&
           evdns_base_set_option(dns, "max-inflight:", "1024") == 0 &&
           evdns_base_set_option(dns, "randomize-case:", "0") == 0;
}

static bool add_resolvers(struct evdns_base *dns, const struct listen *resolvers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct sockaddr_storage at;
        const socklen_t len = listen_to_sockaddr(&resolvers[i], &at);
        if (evdns_base_nameserver_sockaddr_add(dns, (const struct sockaddr *)&at, len, 0) != 0)
            return false;
    }
    return true;
}

enum err resolve_new(struct event_base *base, const struct listen *resolvers, size_t count,
                     struct resolve **ret, struct diag *reterr)
{
    struct resolve *resolve = calloc(1, sizeof *resolve);
    if (!resolve)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    resolve->base = base;
    resolve->dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (resolve->dns && count == 0)
        (void)evdns_base_resolv_conf_parse(resolve->dns, DNS_OPTIONS_ALL, "/etc/resolv.conf");
    if (!resolve->dns || !set_options(resolve->dns) ||
        !add_resolvers(resolve->dns, resolvers, count)) {
        resolve_free(&resolve);
        return diag_set(reterr, ERR_MEMORY, "cannot set up name resolution: out of memory");
    }
    *ret = resolve;
    return OK;
}

void resolve_free(struct resolve **resolve)
{
    if (!*resolve)
        return;
    if ((*resolve)->dns)
        evdns_base_free((*resolve)->dns, 1);
    free(*resolve);
    *resolve = NULL;
}

static void free_lookup(struct resolve_lookup *lookup)
{
    event_free(lookup->end);
    free(lookup);
}

/* An IPv4 address of the list, or an IPv6 one, or family IP_NONE. */
static struct ip choose(const struct evutil_addrinfo *list)
{
    struct ip chosen = {0};
    for (; list; list = list->ai_next) {
        struct sockaddr_storage at = {0};
        if (list->ai_addrlen > sizeof at)
            continue;
        memcpy(&at, list->ai_addr, list->ai_addrlen);
        const struct ip ip = listen_from_sockaddr(&at).ip;
        if (ip.family == IP_V4)
            return ip;
        if (chosen.family == IP_NONE)
            chosen = ip;
    }
    return chosen;
}

/* evdns is done. It may call before evdns_getaddrinfo() returns, so the owner is told from the
 * loop. */
static void on_answer(int error, struct evutil_addrinfo *list, void *context)
{
    struct resolve_lookup *lookup = context;
    lookup->request = NULL;
    if (error == 0)
        lookup->ip = choose(list);
    if (list)
        evutil_freeaddrinfo(list);
    if (lookup->stopped)
        free_lookup(lookup);
    else
        event_active(lookup->end, EV_TIMEOUT, 0);
}

static void on_end(evutil_socket_t fd, short what, void *context)
{
    struct resolve_lookup *lookup = context;
    const struct resolve_finish finish = lookup->finish;
    const struct ip ip = lookup->ip;
    (void)fd;
    (void)what;
    resolve_stop(&lookup);
    finish.call(finish.context, ip.family == IP_NONE ? NULL : &ip);
}

enum err resolve_start(struct resolve *resolve, const char *host, int64_t timeout_ms,
                       struct resolve_finish finish, struct resolve_lookup **ret,
                       struct diag *reterr)
{
    struct resolve_lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup)
        lookup->end = evtimer_new(resolve->base, on_end, lookup);
    if (!lookup || !lookup->end) {
        free(lookup);
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    }
    lookup->finish = finish;
    const struct timeval in = clock_timeval(timeout_ms);
    const struct evutil_addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
    (void)event_add(lookup->end, &in);
    lookup->request = evdns_getaddrinfo(resolve->dns, host, NULL, &hints, on_answer, lookup);
    *ret = lookup;
    return OK;
}

void resolve_stop(struct resolve_lookup **lookup)
{
    struct resolve_lookup *l = *lookup;
    *lookup = NULL;
    if (!l)
        return;
    l->stopped = true;
    (void)event_del(l->end);
    if (l->request)
        evdns_getaddrinfo_cancel(l->request);
    else
        free_lookup(l);
}
