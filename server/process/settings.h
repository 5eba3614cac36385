/* server/process/settings.h - what the operator told gslbd, in options and configuration file, checked.
 *
 * Read once by the supervisor before anything else; constant afterwards, in every process.
 */
#ifndef SERVER_PROCESS_SETTINGS_H
#define SERVER_PROCESS_SETTINGS_H

#include "common/err.h"
#include "common/ip.h"
#include "common/option.h"
#include "server/answer/identity.h"
#include "server/answer/rrl.h"

#include <stddef.h>
#include <stdint.h>

enum {
    SETTINGS_WORKERS_MAX = 256, /* more cores than DNS over one NIC can use */
    SETTINGS_LISTENS_MAX = OPTION_VALUES_MAX,
    SETTINGS_TCP_CONNECTIONS_MAX = 65536, /* of one worker: 280 MiB of slots, as far as they are used */
    SETTINGS_TCP_CONNECTIONS = 256,       /* unless told otherwise */
    SETTINGS_TLS_CONNECTIONS = 4096,      /* ..., and 3/4 of TCP's: 240 MiB of OpenSSL's when all are busy */
    SETTINGS_RATE_SLIP = 2,               /* ... */
};

struct settings {
    const struct options *options; /* lent: where each value stands, see option_place() */
    const char *store_path;
    const char *state_dir;
    const char *user; /* NULL: stay who we are */
    struct listen listens[SETTINGS_LISTENS_MAX];
    size_t listens_count;
    struct listen controls[SETTINGS_LISTENS_MAX];
    size_t controls_count;
    struct listen tls_listens[SETTINGS_LISTENS_MAX];
    size_t tls_listens_count;
    const char *tls_cert_path, *tls_key_path; /* NULL without tls_listens */
    struct listen proxy_listens[SETTINGS_LISTENS_MAX];
    size_t proxy_listens_count;
    struct prefix proxies[OPTION_VALUES_MAX]; /* who may send PROXY headers */
    size_t proxies_count;
    const char *geo_paths[OPTION_VALUES_MAX]; /* in order of precedence */
    size_t geo_paths_count;
    unsigned workers_count;
    uint32_t tcp_connections_max;    /* of one worker */
    uint32_t tls_connections_max;    /* how many of them may be over TLS */
    const char *cookie_secrets_path; /* NULL: a secret of this start */
    struct identity identity;
    uint32_t rate;      /* replies a second to one network; 0: as many as are asked for */
    uint32_t rate_slip; /* one of so many over it is truncated; 0: none */
    struct prefix rate_exempt[RRL_EXEMPT_MAX];
    size_t rate_exempt_count;
};

/* The definitions for option_parse(). */
const struct option_def *settings_defs(size_t *ret_count);

/* Check what option_parse() read, which must outlive `ret`: texts are lent from it, and each array is in the
 * order of its option's values. `cores` is the number of workers unless the operator says otherwise.
 * ERR_SYNTAX names the option's place and what it takes; ERR_EXISTS: an address twice. */
NODISCARD enum err settings_read(const struct options *options, unsigned cores, struct settings *ret,
                                 struct diag *reterr);

#endif
