#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "server/process/settings.h"

#include <stdbool.h>
#include <string.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

static const struct option_def defs[] = {
    {"store", OPTION_ONE, "FILE", "the store that the operator edits (gslbctl init makes it)"},
    {"state", OPTION_ONE, "DIR", "where gslbd keeps images, health.db and its certificate"},
    {"listen", OPTION_MANY, "ADDRESS@PORT", "answer DNS here, over UDP and TCP"},
    {"listen-tls", OPTION_MANY, "ADDRESS@PORT", "answer DNS over TLS here"},
    {"tls-cert", OPTION_ONE, "FILE", "its certificate and those that lead to a root, in PEM"},
    {"tls-key", OPTION_ONE, "FILE", "the certificate's key, in PEM, mode 0600 or 0640"},
    {"listen-proxy", OPTION_MANY, "ADDRESS@PORT",
     "answer DNS here with a PROXY v2 header in front, over UDP and TCP"},
    {"proxy-from", OPTION_MANY, "NET", "whose PROXY headers are believed: 192.0.2.0/24, or one address"},
    {"control", OPTION_MANY, "ADDRESS@PORT", "take votes and serve status and metrics here, over HTTPS"},
    {"workers", OPTION_ONE, "N", "processes that answer (one for each core)"},
    {"geoip", OPTION_MANY, "FILE", "a geo database; the first that knows an address decides"},
    {"user", OPTION_ONE, "NAME", "become this user once the sockets are open"},
    {"tcp-connections", OPTION_ONE, "N", "TCP connections of one worker (256)"},
    {"tls-connections", OPTION_ONE, "N", "how many of them may be over TLS (three quarters, up to 4096)"},
    {"cookie-secrets", OPTION_ONE, "FILE", "secrets of DNS cookies, the same on every server (random)"},
    {"rate-limit", OPTION_ONE, "N", "replies a second of one kind to one network, over UDP (no limit)"},
    {"rate-limit-slip", OPTION_ONE, "N", "of replies over the limit, truncate one of N (2), 0: none"},
    {"rate-limit-exempt", OPTION_MANY, "NET", "a network (192.0.2.0/24) or one address that has no limit"},
    {"nsid", OPTION_ONE, "TEXT", "what is sent to who asks for NSID (nothing)"},
    {"identity", OPTION_ONE, "TEXT", "the answer to id.server and hostname.bind (refused)"},
    {"version-text", OPTION_ONE, "TEXT", "the answer to version.server and version.bind; none: refused"},
};

const struct option_def *settings_defs(size_t *ret_count)
{
    *ret_count = sizeof defs / sizeof *defs;
    return defs;
}

/* `name` has no meaning unless `needed` is given too. */
static enum err check_use(const struct options *options, const char *name, const char *needed,
                          struct diag *reterr)
{
    if (option_count(options, name) == 0 || option_count(options, needed) > 0)
        return OK;
    return diag_set(reterr, ERR_SYNTAX, "%s is of no use without --%s; give both or neither",
                    option_place(options, name, 0), needed);
}

static bool is_same(const struct listen *a, const struct listen *b)
{
    return a->port == b->port && ip_equal(&a->ip, &b->ip);
}

/* All values of `name`, as ADDRESS@PORT, each once; there may be none. */
static enum err read_listens(const struct options *options, const char *name, struct listen *ret,
                             size_t *ret_count, struct diag *reterr)
{
    const size_t count = option_count(options, name);
    for (size_t i = 0; i < count; i++) {
        const char *text = option_get(options, name, i);
        const enum err err = listen_parse(text, &ret[i], reterr);
        if (err != OK)
            return diag_prefix(reterr, err, "%s", option_place(options, name, i));
        for (size_t j = 0; j < i; j++)
            if (is_same(&ret[i], &ret[j]))
                return diag_set(reterr, ERR_EXISTS, "%s: %s is given twice", option_place(options, name, i),
                                text);
    }
    *ret_count = count;
    return OK;
}

/* An option's addresses. */
struct group {
    const char *name;
    const struct listen *listens;
    size_t count;
};

static enum err check_pair(const struct options *options, const struct group *a, const struct group *b,
                           struct diag *reterr)
{
    char text[LISTEN_TEXT_MAX];
    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0; j < b->count; j++)
            if (is_same(&a->listens[i], &b->listens[j]))
                return diag_set(reterr, ERR_EXISTS, "%s: %s is also given to --%s; take another port",
                                option_place(options, b->name, j), listen_print(&b->listens[j], text),
                                a->name);
    return OK;
}

/* What is spoken over TCP at a port is one thing. */
static enum err check_apart(const struct options *options, const struct settings *settings,
                            struct diag *reterr)
{
    const struct group groups[] = {
        {"listen", settings->listens, settings->listens_count},
        {"listen-tls", settings->tls_listens, settings->tls_listens_count},
        {"listen-proxy", settings->proxy_listens, settings->proxy_listens_count},
        {"control", settings->controls, settings->controls_count},
    };
    const size_t count = sizeof groups / sizeof *groups;
    enum err err = OK;
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; err == OK && j < count; j++)
            err = check_pair(options, &groups[i], &groups[j], reterr);
    return err;
}

/* Both files, if there is something to use them for. */
static enum err read_tls(const struct options *options, struct settings *ret, struct diag *reterr)
{
    enum err err = read_listens(options, "listen-tls", ret->tls_listens, &ret->tls_listens_count, reterr);
    if (err == OK)
        err = check_use(options, "tls-cert", "listen-tls", reterr);
    if (err == OK)
        err = check_use(options, "tls-key", "listen-tls", reterr);
    if (err != OK || ret->tls_listens_count == 0)
        return err;
    err = option_needed(options, "tls-cert", &ret->tls_cert_path, reterr);
    if (err == OK)
        err = option_needed(options, "tls-key", &ret->tls_key_path, reterr);
    return err == OK ? OK : diag_prefix(reterr, err, "with --listen-tls");
}

static enum err read_proxies(const struct options *options, struct settings *ret, struct diag *reterr)
{
    enum err err =
        read_listens(options, "listen-proxy", ret->proxy_listens, &ret->proxy_listens_count, reterr);
    ret->proxies_count = option_count(options, "proxy-from");
    for (size_t i = 0; i < ret->proxies_count && err == OK; i++) {
        err = prefix_parse_or_ip(option_get(options, "proxy-from", i), &ret->proxies[i], reterr);
        if (err != OK)
            (void)diag_prefix(reterr, err, "%s", option_place(options, "proxy-from", i));
    }
    if (err == OK)
        err = check_use(options, "listen-proxy", "proxy-from", reterr);
    return err == OK ? check_use(options, "proxy-from", "listen-proxy", reterr) : err;
}

/* Every address that something listens at. */
static enum err read_addresses(const struct options *options, struct settings *ret, struct diag *reterr)
{
    const char *needed;
    enum err err = option_needed(options, "listen", &needed, reterr);
    if (err == OK)
        err = read_listens(options, "listen", ret->listens, &ret->listens_count, reterr);
    if (err == OK)
        err = option_needed(options, "control", &needed, reterr);
    if (err == OK)
        err = read_listens(options, "control", ret->controls, &ret->controls_count, reterr);
    if (err == OK)
        err = read_tls(options, ret, reterr);
    if (err == OK)
        err = read_proxies(options, ret, reterr);
    return err == OK ? check_apart(options, ret, reterr) : err;
}

/* Those over TLS leave room for plain ones, which a client comes back with that got TC. */
static uint32_t tls_connections_otherwise(uint32_t connections)
{
    const uint32_t share = connections - connections / 4;
    return share < SETTINGS_TLS_CONNECTIONS ? share : SETTINGS_TLS_CONNECTIONS;
}

static enum err read_tls_connections(const struct options *options, struct settings *ret, struct diag *reterr)
{
    int64_t connections;
    enum err err = check_use(options, "tls-connections", "listen-tls", reterr);
    if (err == OK)
        err = option_number(options, "tls-connections", 1, ret->tcp_connections_max,
                            tls_connections_otherwise(ret->tcp_connections_max), &connections, reterr);
    if (err == OK)
        ret->tls_connections_max = (uint32_t)connections;
    return err;
}

static enum err read_numbers(const struct options *options, unsigned cores, struct settings *ret,
                             struct diag *reterr)
{
    int64_t workers, connections;
    const unsigned otherwise = cores < SETTINGS_WORKERS_MAX ? cores : SETTINGS_WORKERS_MAX;
    enum err err = option_number(options, "workers", 1, SETTINGS_WORKERS_MAX, otherwise, &workers, reterr);
    if (err == OK)
        err = option_number(options, "tcp-connections", 1, SETTINGS_TCP_CONNECTIONS_MAX,
                            SETTINGS_TCP_CONNECTIONS, &connections, reterr);
    if (err != OK)
        return err;
    ret->workers_count = (unsigned)workers;
    ret->tcp_connections_max = (uint32_t)connections;
    return read_tls_connections(options, ret, reterr);
}

/* A text that the server says of itself; "none" and an empty one are not told. */
static enum err read_text(const struct options *options, const char *name, size_t len_max,
                          const char *otherwise, struct identity_text *ret, struct diag *reterr)
{
    const char *text = option_get(options, name, 0);
    if (!text)
        text = otherwise;
    const size_t len = strlen(text);
    if (len > len_max)
        return diag_set(reterr, ERR_SYNTAX, "%s takes %zu characters at most, and \"%.20s...\" has %zu",
                        option_place(options, name, 0), len_max, text, len);
    if (len > 0 && strcmp(text, "none") != 0)
        *ret = (struct identity_text){text, (uint8_t)len};
    return OK;
}

static enum err read_identity(const struct options *options, struct identity *ret, struct diag *reterr)
{
    enum err err = read_text(options, "nsid", IDENTITY_NSID_MAX, "", &ret->nsid, reterr);
    if (err == OK)
        err = read_text(options, "identity", IDENTITY_TEXT_MAX, "", &ret->name, reterr);
    if (err == OK)
        err = read_text(options, "version-text", IDENTITY_TEXT_MAX, "gslbd " PACKAGE_VERSION,
                        &ret->version, reterr);
    return err;
}

static enum err read_rates(const struct options *options, struct settings *ret, struct diag *reterr)
{
    int64_t rate, slip;
    enum err err = option_number(options, "rate-limit", 0, RRL_RATE_MAX, 0, &rate, reterr);
    if (err == OK)
        err = option_number(options, "rate-limit-slip", 0, RRL_SLIP_MAX, SETTINGS_RATE_SLIP, &slip, reterr);
    if (err == OK)
        err = check_use(options, "rate-limit-slip", "rate-limit", reterr);
    if (err == OK)
        err = check_use(options, "rate-limit-exempt", "rate-limit", reterr);
    if (err != OK)
        return err;
    ret->rate = (uint32_t)rate;
    ret->rate_slip = (uint32_t)slip;
    ret->rate_exempt_count = option_count(options, "rate-limit-exempt");
    for (size_t i = 0; i < ret->rate_exempt_count && err == OK; i++) {
        err = prefix_parse_or_ip(option_get(options, "rate-limit-exempt", i), &ret->rate_exempt[i], reterr);
        if (err != OK)
            (void)diag_prefix(reterr, err, "%s", option_place(options, "rate-limit-exempt", i));
    }
    return err;
}

enum err settings_read(const struct options *options, unsigned cores, struct settings *ret,
                       struct diag *reterr)
{
    struct settings all = {.options = options, .user = option_get(options, "user", 0)};
    enum err err = option_no_operands(options, reterr);
    if (err == OK)
        err = option_needed(options, "store", &all.store_path, reterr);
    if (err == OK)
        err = option_needed(options, "state", &all.state_dir, reterr);
    if (err == OK)
        err = read_addresses(options, &all, reterr);
    if (err == OK)
        err = read_numbers(options, cores, &all, reterr);
    if (err == OK)
        err = read_identity(options, &all.identity, reterr);
    if (err == OK)
        err = read_rates(options, &all, reterr);
    if (err != OK)
        return err;
    all.cookie_secrets_path = option_get(options, "cookie-secrets", 0);
    all.geo_paths_count = option_count(options, "geoip");
    for (size_t i = 0; i < all.geo_paths_count; i++)
        all.geo_paths[i] = option_get(options, "geoip", i);
    *ret = all;
    return OK;
}
