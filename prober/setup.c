#include "prober/setup.h"

#include "health/batch.h"

#include <openssl/x509_vfy.h>
#include <string.h>
#include <unistd.h>

enum { SERVER_NAME_MAX = 254 }; /* bytes with the NUL */

static const struct option_def defs[] = {
    {"vantage", OPTION_ONE, "NAME", "this vantage point, as the store names it"},
    {"key", OPTION_ONE, "FILE", "its private key (gslbctl vantage add --key-out FILE)"},
    {"server", OPTION_MANY, "ADDRESS@PORT", "the control port of a nameserver"},
    {"ca", OPTION_ONE, "FILE",
     "trust these certificates of nameservers (STATE/control.crt), not the system's"},
    {"server-name", OPTION_ONE, "NAME", "the name in the nameservers' certificates; gslbd-control"},
    {"checks-ca", OPTION_ONE, "FILE", "trust these certificates in https checks, not the system's"},
    {"source", OPTION_MANY, "ADDRESS", "probe and push from this address; one for each family"},
    {"resolver", OPTION_MANY, "ADDRESS@PORT",
     "look host names up here, not where /etc/resolv.conf says"},
    {"probes-max", OPTION_ONE, "N", "probes that may run at a time; 1024"},
    {"verbose", OPTION_FLAG, NULL, "log every first failure too"},
};

const struct option_def *setup_defs(size_t *ret_count)
{
    *ret_count = sizeof defs / sizeof defs[0];
    return defs;
}

/* Whether `text` can stand in a header or a URL: printable, no space. */
static bool is_word(const char *text, size_t max)
{
    size_t len = 0;
    while (text[len] > ' ' && text[len] <= '~')
        len++;
    return len > 0 && len < max && text[len] == '\0';
}

static enum err read_vantage(const struct options *options, struct setup *setup,
                             struct diag *reterr)
{
    const enum err err = option_needed(options, "vantage", &setup->vantage, reterr);
    if (!err && !is_word(setup->vantage, BATCH_VANTAGE_MAX))
        return diag_set(reterr, ERR_SYNTAX,
                        "%s takes 1 to %d printable characters without a space",
                        option_place(options, "vantage", 0), BATCH_VANTAGE_MAX - 1);
    return err;
}

static enum err read_key(const struct options *options, struct setup *setup, struct diag *reterr)
{
    const enum err err = option_needed(options, "key", &setup->key_path, reterr);
    if (!err)
        setup->key_place = option_place(options, "key", 0);
    return err;
}

/* A file of certificates, or NULL where there is no such option. */
static enum err read_ca(const struct options *options, const char *name, const char **ret,
                        struct diag *reterr)
{
    *ret = option_get(options, name, 0);
    if (!*ret)
        return OK;
    if (access(*ret, R_OK) != 0)
        return diag_errno(reterr, "%s: cannot read %s", option_place(options, name, 0), *ret);
    X509_STORE *store = X509_STORE_new();
    const bool loaded = store && X509_STORE_load_file(store, *ret) == 1;
    X509_STORE_free(store);
    return loaded ? OK
                  : diag_set(reterr, ERR_CORRUPT, "%s: %s holds no certificate in PEM",
                             option_place(options, name, 0), *ret);
}

static enum err read_server_name(const struct options *options, struct setup *setup,
                                 struct diag *reterr)
{
    setup->server_name = option_get(options, "server-name", 0);
    if (!setup->server_name) {
        setup->server_name = "gslbd-control";
        return OK;
    }
    if (!is_word(setup->server_name, SERVER_NAME_MAX) || strpbrk(setup->server_name, "/@:?#"))
        return diag_set(reterr, ERR_SYNTAX, "%s takes a host name, not \"%s\"",
                        option_place(options, "server-name", 0), setup->server_name);
    return OK;
}

static bool is_among(const struct listen *list, size_t count, const struct listen *one)
{
    for (size_t i = 0; i < count; i++)
        if (ip_equal(&list[i].ip, &one->ip) && list[i].port == one->port)
            return true;
    return false;
}

/* All values of an option that takes ADDRESS@PORT. */
static enum err read_listens(const struct options *options, const char *name,
                             struct listen list[OPTION_VALUES_MAX], size_t *ret_count,
                             struct diag *reterr)
{
    const size_t count = option_count(options, name);
    for (size_t i = 0; i < count; i++) {
        const char *text = option_get(options, name, i);
        const enum err err = listen_parse(text, &list[i], reterr);
        if (err)
            return diag_prefix(reterr, err, "%s", option_place(options, name, i));
        if (is_among(list, i, &list[i]))
            return diag_set(reterr, ERR_EXISTS, "%s: %s is given twice",
                            option_place(options, name, i), text);
    }
    *ret_count = count;
    return OK;
}

static enum err read_servers(const struct options *options, struct setup *setup,
                             struct diag *reterr)
{
    const enum err err =
        read_listens(options, "server", setup->servers, &setup->servers_count, reterr);
    if (!err && setup->servers_count == 0)
        return diag_set(reterr, ERR_SYNTAX, "option --server is missing; see --help");
    return err;
}

static enum err read_sources(const struct options *options, struct egress *egress,
                             struct diag *reterr)
{
    enum err err = OK;
    for (size_t i = 0; !err && i < option_count(options, "source"); i++) {
        err = egress_add(egress, option_get(options, "source", i), reterr);
        if (err)
            (void)diag_prefix(reterr, err, "%s", option_place(options, "source", i));
    }
    return err;
}

static enum err read_probes_max(const struct options *options, struct setup *setup,
                                struct diag *reterr)
{
    int64_t number = SETUP_PROBES;
    const enum err err =
        option_number(options, "probes-max", 1, SETUP_PROBES_MAX, SETUP_PROBES, &number, reterr);
    setup->probes_max = (size_t)number;
    return err;
}

enum err setup_read(const struct options *options, struct setup *ret, struct diag *reterr)
{
    struct setup setup = {.verbose = option_count(options, "verbose") > 0};
    enum err err = option_no_operands(options, reterr);
    if (!err)
        err = read_vantage(options, &setup, reterr);
    if (!err)
        err = read_key(options, &setup, reterr);
    if (!err)
        err = read_servers(options, &setup, reterr);
    if (!err)
        err = read_ca(options, "ca", &setup.ca_path, reterr);
    if (!err)
        err = read_server_name(options, &setup, reterr);
    if (!err)
        err = read_ca(options, "checks-ca", &setup.checks_ca_path, reterr);
    if (!err)
        err = read_sources(options, &setup.egress, reterr);
    if (!err)
        err = read_listens(options, "resolver", setup.resolvers, &setup.resolvers_count, reterr);
    if (!err)
        err = read_probes_max(options, &setup, reterr);
    if (!err)
        *ret = setup;
    return err;
}
