#include "server/control/credentials.h"

#include "common/change.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "server/control/timer.h"
#include "server/process/channel.h"
#include "server/transport/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

struct credentials {
    struct credentials_setup setup;
    struct event *poll;
    struct change cert, key;
    int64_t sent_ms;
    int64_t not_after_s; /* of the certificate that was handed out last, unix time */
    bool handed_out;     /* one was, since control began */
};

/* Reading -------------------------------------------------------------------------------------- */

/* Read a file into a field of the secrets. Key files end here, in no other place. */
static enum err read_into(const char *path, size_t cap, uint8_t *at, uint32_t *ret_len,
                          struct diag *reterr)
{
    struct buffer text = {0};
    const enum err err = file_read(path, cap, &text, reterr);
    if (err == OK) {
        memcpy(at, text.bytes, text.len);
        *ret_len = (uint32_t)text.len;
    }
    if (text.bytes)
        explicit_bzero(text.bytes, text.cap);
    buffer_fini(&text);
    return err;
}

/* A file that we may not read is said to be that, with the user that we are by now. */
static enum err check_readable(const char *path, struct diag *reterr)
{
    if (access(path, R_OK) == 0)
        return OK;
    const int reason = errno;
    const struct passwd *user = getpwuid(geteuid());
    errno = reason;
    (void)diag_errno(reterr, "user \"%s\" cannot read %s", user ? user->pw_name : "?", path);
    return reason == ENOENT ? ERR_MISSING : ERR_SYSTEM;
}

static enum err read_files(const struct credentials_setup *setup, struct tls_secrets *ret,
                           struct diag *reterr)
{
    enum err err = check_readable(setup->cert_path, reterr);
    if (err == OK)
        err = check_readable(setup->key_path, reterr);
    if (err == OK)
        err = file_check_unpublished(setup->key_path, reterr);
    if (err == OK)
        err = read_into(setup->cert_path, TLS_CHAIN_MAX, ret->chain, &ret->chain_len, reterr);
    if (err == OK)
        err = read_into(setup->key_path, TLS_KEY_MAX, ret->key, &ret->key_len, reterr);
    if (err == OK &&
        getrandom(ret->ticket_keys, sizeof ret->ticket_keys, 0) != (ssize_t)sizeof ret->ticket_keys)
        err = diag_errno(reterr, "getrandom");
    return err;
}

/* Make sure that the workers can use it, which only log what they cannot. */
static enum err check_pair(const struct credentials_setup *setup, const struct tls_secrets *secrets,
                           int64_t *ret_not_after_s, struct diag *reterr)
{
    SSL_CTX *context;
    const enum err err = tls_context_new(secrets, &context, reterr);
    if (err != OK)
        return diag_prefix(reterr, err, "%s, %s", setup->cert_path, setup->key_path);
    *ret_not_after_s = tls_expiry_s(context);
    SSL_CTX_free(context);
    return OK;
}

/* Handing out ---------------------------------------------------------------------------------- */

/* A file in memory that nobody can change any more. */
static enum err seal(const struct tls_secrets *secrets, int *ret_fd, struct diag *reterr)
{
    const int fd = memfd_create("gslb-tls", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return diag_errno(reterr, "memfd_create");
    if (write(fd, secrets, sizeof *secrets) == (ssize_t)sizeof *secrets &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) {
        *ret_fd = fd;
        return OK;
    }
    const enum err err = diag_errno(reterr, "cannot keep the certificate in memory");
    close(fd);
    return err;
}

static enum err send_secrets(const struct credentials *credentials,
                             const struct tls_secrets *secrets, struct diag *reterr)
{
    struct channel_packet packet = {.message = {.kind = MESSAGE_SECRETS,
                                                .parts_count = 1,
                                                .parts = {{.kind = PART_SECRETS, .present = 1}}}};
    enum err err = seal(secrets, &packet.fds[0], reterr);
    if (err != OK)
        return err;
    err = channel_send(credentials->setup.channel_fd, &packet, reterr);
    close(packet.fds[0]);
    return err;
}

/* What is told ---------------------------------------------------------------------------------- */

static void log_not_after(struct log_line *line, int64_t not_after_s)
{
    const time_t at_s = (time_t)not_after_s;
    struct tm tm = {0};
    char text[32];
    (void)gmtime_r(&at_s, &tm);
    log_text(line, "not_after", strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0 ? text : "");
}

static void log_loaded(const struct credentials *credentials)
{
    const int64_t left_s = credentials->not_after_s - clock_wall_ms() / 1000;
    struct log_line line;
    log_begin(&line, left_s < CREDENTIALS_WARN_S ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE,
              "tls-certificate");
    log_text(&line, "file", credentials->setup.cert_path);
    log_text(&line, "state",
             left_s < 0                    ? "expired"
             : left_s < CREDENTIALS_WARN_S ? "expires soon"
                                           : "good");
    log_number(&line, "days", left_s / 86400);
    log_not_after(&line, credentials->not_after_s);
    log_end(&line);
}

void credentials_log_failure(const struct credentials *credentials, const struct diag *why)
{
    struct log_line line;
    log_begin(&line, LOG_LEVEL_ERROR, "tls-certificate");
    log_text(&line, "message", why->text);
    if (credentials && credentials->handed_out) {
        const bool ended = credentials->not_after_s < clock_wall_ms() / 1000;
        log_text(&line, "state",
                 ended ? "the old one is still served, and has expired" : "the old one is still served");
        log_not_after(&line, credentials->not_after_s);
    } else {
        log_text(&line, "state", "none was handed out since control started");
    }
    log_text(&line, "do", "correct the files; they are read again when they change, and on SIGHUP");
    log_end(&line);
}

int64_t credentials_not_after_s(const struct credentials *credentials)
{
    return credentials->not_after_s;
}

/* Loading -------------------------------------------------------------------------------------- */

enum err credentials_load(struct credentials *credentials, struct diag *reterr)
{
    int64_t not_after_s = 0;
    struct tls_secrets *secrets = calloc(1, sizeof *secrets);
    if (!secrets)
        return diag_set(reterr, ERR_MEMORY, "TLS: out of memory");
    change_init(&credentials->cert, credentials->setup.cert_path);
    change_init(&credentials->key, credentials->setup.key_path);
    enum err err = read_files(&credentials->setup, secrets, reterr);
    if (err == OK)
        err = check_pair(&credentials->setup, secrets, &not_after_s, reterr);
    if (err == OK)
        err = send_secrets(credentials, secrets, reterr);
    if (err == OK) {
        credentials->sent_ms = clock_mono_ms();
        credentials->not_after_s = not_after_s;
        credentials->handed_out = true;
        log_loaded(credentials);
    }
    explicit_bzero(secrets, sizeof *secrets);
    free(secrets);
    return err == OK ? OK : diag_prefix(reterr, err, "TLS");
}

/* Looking after them --------------------------------------------------------------------------- */

/* Whether a file has changed, or the keys of tickets are old. */
static bool is_due(struct credentials *credentials, int64_t now_ms)
{
    const bool cert_changed = change_look(&credentials->cert),
               key_changed = change_look(&credentials->key);
    return cert_changed || key_changed || now_ms - credentials->sent_ms >= CREDENTIALS_TICKETS_MS;
}

static void on_poll(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct credentials *credentials = context;
    struct diag diag;
    const int64_t now_ms = clock_mono_ms();
    if (is_due(credentials, now_ms)) {
        credentials->sent_ms = now_ms; /* tickets: not again at once if it fails */
        if (credentials_load(credentials, &diag) != OK)
            credentials_log_failure(credentials, &diag);
    }
    timer_arm(credentials->poll, CREDENTIALS_POLL_MS);
}

enum err credentials_new(const struct credentials_setup *setup, struct credentials **ret,
                         struct diag *reterr)
{
    struct credentials *credentials = calloc(1, sizeof *credentials);
    if (!credentials)
        return diag_set(reterr, ERR_MEMORY, "TLS: out of memory");
    credentials->setup = *setup;
    change_init(&credentials->cert, setup->cert_path);
    change_init(&credentials->key, setup->key_path);
    credentials->poll = evtimer_new(setup->base, on_poll, credentials);
    if (!credentials->poll) {
        free(credentials);
        return diag_set(reterr, ERR_MEMORY, "TLS: no memory for a timer");
    }
    timer_arm(credentials->poll, CREDENTIALS_POLL_MS);
    *ret = credentials;
    return OK;
}

void credentials_free(struct credentials **credentials)
{
    if (!*credentials)
        return;
    timer_free((*credentials)->poll);
    free(*credentials);
    *credentials = NULL;
}
