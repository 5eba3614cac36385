#include "server/settings.h"

#include <stdbool.h>

static const struct option_def defs[] = {
    {"store", OPTION_ONE, "FILE", "the store that the operator edits (gslbctl init makes it)"},
    {"state", OPTION_ONE, "DIR", "where gslbd keeps images, health.db and its certificate"},
    {"listen", OPTION_MANY, "ADDRESS@PORT", "answer DNS here, over UDP and TCP"},
    {"control", OPTION_MANY, "ADDRESS@PORT", "take votes and serve status and metrics here, over HTTPS"},
    {"workers", OPTION_ONE, "N", "processes that answer (one for each core)"},
    {"geoip", OPTION_MANY, "FILE", "a geo database; the first that knows an address decides"},
    {"user", OPTION_ONE, "NAME", "become this user once the sockets are open"},
    {"tcp-connections", OPTION_ONE, "N", "TCP connections of one worker (256)"},
};

const struct option_def *settings_defs(size_t *ret_count)
{
    *ret_count = sizeof defs / sizeof *defs;
    return defs;
}

static enum err read_needed(const struct options *options, const char *name, const char **ret, struct diag *reterr)
{
    const char *text = option_get(options, name, 0);
    if (!text || !*text)
        return diag_set(reterr, ERR_SYNTAX, "option --%s is needed; see --help", name);
    *ret = text;
    return OK;
}

static bool is_same(const struct listen *a, const struct listen *b)
{
    return a->port == b->port && ip_equal(&a->ip, &b->ip);
}

/* All values of `name`, as ADDRESS@PORT, each once. */
static enum err read_listens(const struct options *options, const char *name, struct listen *ret, size_t *ret_count,
                             struct diag *reterr)
{
    const size_t count = option_count(options, name);
    if (count == 0)
        return diag_set(reterr, ERR_SYNTAX, "option --%s is needed; see --help", name);
    for (size_t i = 0; i < count; i++) {
        const char *text = option_get(options, name, i);
        const enum err err = listen_parse(text, &ret[i], reterr);
        if (err != OK)
            return diag_prefix(reterr, err, "option --%s", name);
        for (size_t j = 0; j < i; j++)
            if (is_same(&ret[i], &ret[j]))
                return diag_set(reterr, ERR_EXISTS, "option --%s: %s is given twice", name, text);
    }
    *ret_count = count;
    return OK;
}

/* DNS over TCP and HTTPS cannot have the same port. */
static enum err check_apart(const struct settings *settings, struct diag *reterr)
{
    char text[LISTEN_TEXT_MAX];
    for (size_t i = 0; i < settings->listens_count; i++)
        for (size_t j = 0; j < settings->controls_count; j++)
            if (is_same(&settings->listens[i], &settings->controls[j]))
                return diag_set(reterr, ERR_EXISTS, "options --listen and --control both name %s; take another port",
                                listen_print(&settings->listens[i], text));
    return OK;
}

static enum err read_numbers(const struct options *options, unsigned cores, struct settings *ret, struct diag *reterr)
{
    int64_t workers, connections;
    const unsigned otherwise = cores < SETTINGS_WORKERS_MAX ? cores : SETTINGS_WORKERS_MAX;
    enum err err = option_number(options, "workers", 1, SETTINGS_WORKERS_MAX, otherwise, &workers, reterr);
    if (err == OK)
        err = option_number(options, "tcp-connections", 1, SETTINGS_TCP_CONNECTIONS_MAX, SETTINGS_TCP_CONNECTIONS,
                            &connections, reterr);
    if (err != OK)
        return err;
    ret->workers_count = (unsigned)workers;
    ret->tcp_connections_max = (uint32_t)connections;
    return OK;
}

enum err settings_read(const struct options *options, unsigned cores, struct settings *ret, struct diag *reterr)
{
    struct settings all = {.user = option_get(options, "user", 0)};
    if (options->operands_count > 0)
        return diag_set(reterr, ERR_SYNTAX, "\"%s\" is not an option; see --help", options->operands[0]);
    enum err err = read_needed(options, "store", &all.store_path, reterr);
    if (err == OK)
        err = read_needed(options, "state", &all.state_dir, reterr);
    if (err == OK)
        err = read_listens(options, "listen", all.listens, &all.listens_count, reterr);
    if (err == OK)
        err = read_listens(options, "control", all.controls, &all.controls_count, reterr);
    if (err == OK)
        err = check_apart(&all, reterr);
    if (err == OK)
        err = read_numbers(options, cores, &all, reterr);
    if (err != OK)
        return err;
    all.geo_paths_count = option_count(options, "geoip");
    for (size_t i = 0; i < all.geo_paths_count; i++)
        all.geo_paths[i] = option_get(options, "geoip", i);
    *ret = all;
    return OK;
}
