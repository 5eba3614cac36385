/* server/control/credentials.h - certificate and key of DNS over TLS: read, checked, handed out by control.
 *
 * The files are read by the user that gslbd runs as, checked by making a context of them as a
 * worker does, and sent through the supervisor to all workers. They are read again when they have
 * changed and stand still, and on SIGHUP; on failure the workers keep what they have. The keys of
 * session tickets are new each time, and as old as CREDENTIALS_TICKETS_MS at most, so that nobody
 * who takes them can read more than that (RFC 5077 5.5).
 */
#ifndef SERVER_CONTROL_CREDENTIALS_H
#define SERVER_CONTROL_CREDENTIALS_H

#include "common/err.h"

#include <event2/event.h>
#include <stdint.h>

enum {
    CREDENTIALS_POLL_MS = 500,                 /* between two looks at the files */
    CREDENTIALS_TICKETS_MS = 12 * 3600 * 1000, /* age of the keys of session tickets */
    CREDENTIALS_WARN_S = 14 * 86400,           /* before a certificate ends */
};

struct credentials_setup {
    struct event_base *base;
    const char *cert_path, *key_path; /* lent */
    int channel_fd;                   /* to the supervisor */
};

struct credentials; /* heap */

/* Begin to look after the files. What they hold is first handed out by credentials_load(). ERR_MEMORY. */
NODISCARD enum err credentials_new(const struct credentials_setup *setup, struct credentials **ret,
                                   struct diag *reterr);
void credentials_free(struct credentials **credentials);

/* Hand out what the files hold now. ERR_MISSING, ERR_SYSTEM: a file cannot be read. ERR_REFUSED:
 * others can read the key. ERR_LIMIT: too long. ERR_CORRUPT: not a certificate, not a key, or
 * not of one pair. A certificate that has ended, or is about to, is handed out with a warning in
 * the log. */
NODISCARD enum err credentials_load(struct credentials *credentials, struct diag *reterr);

/* Log why credentials_load() failed, with what is served meanwhile, until when, and what to do about it.
 * NULL: there was no memory for them. */
void credentials_log_failure(const struct credentials *credentials, const struct diag *why);

/* When the certificate ends that was handed out last; unix time. 0: none was since control started. */
int64_t credentials_not_after_s(const struct credentials *credentials);

#endif
