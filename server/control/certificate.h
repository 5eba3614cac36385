/* server/control/certificate.h - the control port's certificate: made on first start, then kept.
 *
 * STATE/control.crt is what probers and scrapers trust (`--ca`), STATE/control.key is its ECDSA P-256 key,
 * readable by its owner only. Self-signed, for ten years, with a day before now for clocks that are behind.
 * An operator may put files of his own there. STATE itself (0750) is not for others, so a prober is given a
 * copy of control.crt, on this host as on any other.
 */
#ifndef SERVER_CONTROL_CERTIFICATE_H
#define SERVER_CONTROL_CERTIFICATE_H

#include "common/err.h"
#include "common/ip.h"

#include <stddef.h>
#include <stdint.h>

enum {
    CERTIFICATE_DAYS = 3650,
    CERTIFICATE_NAMES_MAX = 128, /* addresses in it */
};

struct certificate_setup {
    const char *state_dir;
    const struct listen *controls; /* every --control; a wildcard stands for the addresses of this host */
    size_t controls_count;
    int64_t now_s; /* unix time */
};

struct ssl_ctx_st;

/* Make control.crt and control.key unless both are there. ERR_SYSTEM: they cannot be written. ERR_REFUSED:
 * the key can be read by others. ERR_CORRUPT: one is missing, does not parse, or they do not belong
 * together. */
NODISCARD enum err certificate_ensure(const struct certificate_setup *setup, struct diag *reterr);

/* A server's TLS context (1.2 and up) with them. Errors as above, and ERR_MISSING. Free with
 * SSL_CTX_free(). */
NODISCARD enum err certificate_open(const char *state_dir, struct ssl_ctx_st **ret, struct diag *reterr);

#endif
