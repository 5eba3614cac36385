/* prober/setup.h - what the operator told gslb-prober, checked: from the command line and the
 * configuration file.
 *
 * Read once by main, constant afterwards. Texts are lent from the options.
 */
#ifndef PROBER_SETUP_H
#define PROBER_SETUP_H

#include "common/err.h"
#include "common/ip.h"
#include "common/option.h"
#include "prober/egress.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    SETUP_PROBES_MAX = 65536, /* at a time: one descriptor each */
    SETUP_PROBES = 1024,      /* unless told otherwise */
};

struct setup {
    const char *vantage;
    const char *key_path;
    const char *key_place; /* see option_place() */
    const char *ca_path;        /* whom to trust as a nameserver; NULL: the system's certificates */
    const char *server_name;    /* in the nameservers' certificates */
    const char *checks_ca_path; /* whom https checks trust; NULL: the system's certificates */
    struct listen servers[OPTION_VALUES_MAX];
    size_t servers_count; /* at least 1 */
    struct listen resolvers[OPTION_VALUES_MAX];
    size_t resolvers_count; /* 0: those of /etc/resolv.conf */
    struct egress egress;
    size_t probes_max;
    bool verbose;
};

/* The definitions for option_parse(). */
const struct option_def *setup_defs(size_t *ret_count);

/* Check what option_parse() read, which must outlive `ret`. ERR_SYNTAX, ERR_EXISTS: the value is
 * wrong; any other error: what it names cannot be used now. The diag says the option's place. */
NODISCARD enum err setup_read(const struct options *options, struct setup *ret,
                              struct diag *reterr);

#endif
