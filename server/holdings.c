#include "server/holdings.h"

#include "health/board.h"
#include "server/cookie_file.h"
#include "server/process/sockets.h"
#include "server/process/state_dir.h"
#include "server/process/user.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each world is a few hundred descriptors, here and in flight (RLIMIT_NOFILE bounds those too, see unix(7));
 * each TCP connection is one in a worker, which has our limit. */
static void raise_descriptors(const struct settings *settings)
{
    const rlim_t wanted = (rlim_t)settings->tcp_connections_max + HOLDINGS_DESCRIPTORS;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (limit.rlim_max < wanted) { /* only root may */
        const struct rlimit more = {.rlim_cur = wanted, .rlim_max = wanted};
        if (setrlimit(RLIMIT_NOFILE, &more) == 0)
            return;
    }
    limit.rlim_cur =
        limit.rlim_max < HOLDINGS_DESCRIPTORS_MAX ? limit.rlim_max : HOLDINGS_DESCRIPTORS_MAX;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Put where the value stands before the sentence on it. */
static enum err blame(const struct settings *settings, const char *option, size_t idx, enum err err,
                      struct diag *reterr)
{
    return err == OK ? OK : diag_prefix(reterr, err, "%s", option_place(settings->options, option, idx));
}

static enum err open_sockets(struct holdings *held, const struct settings *settings, struct diag *reterr)
{
    enum err err = OK;
    for (size_t i = 0; err == OK && i < settings->listens_count; i++)
        err = blame(settings, "listen", i, sockets_probe(&settings->listens[i], reterr), reterr);
    for (size_t i = 0; err == OK && i < settings->proxy_listens_count; i++)
        err = blame(settings, "listen-proxy", i, sockets_probe(&settings->proxy_listens[i], reterr), reterr);
    for (size_t i = 0; err == OK && i < settings->tls_listens_count; i++)
        err = blame(settings, "listen-tls", i, sockets_probe_tcp(&settings->tls_listens[i], reterr), reterr);
    for (size_t i = 0; err == OK && i < settings->controls_count; i++)
        err = blame(settings, "control", i,
                    sockets_control(&settings->controls[i], &held->control_fds[i], reterr), reterr);
    for (unsigned i = 0; err == OK && i < settings->workers_count; i++)
        err = place_open(&held->places[i], settings, held->cookies, reterr);
    return err;
}

enum err holdings_load_cookies(const struct holdings *held, const struct settings *settings,
                               struct diag *reterr)
{
    const char *path = settings->cookie_secrets_path;
    struct cookie_secrets secrets;
    const enum err err =
        path ? cookie_file_read(path, &secrets, reterr) : cookie_file_random(&secrets, reterr);
    if (err == OK)
        cookie_page_set(held->cookies, &secrets);
    return path ? blame(settings, "cookie-secrets", 0, err, reterr) : err;
}

/* The board, and a second descriptor that it cannot be written through. */
static enum err open_board(struct holdings *held, struct diag *reterr)
{
    char path[64];
    const enum err err = board_create(BOARD_SLOTS_MAX, &held->board_fd, reterr);
    if (err != OK)
        return err;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", held->board_fd);
    held->board_read_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (held->board_read_fd < 0)
        return diag_errno(reterr, "cannot open %s; gslbd needs /proc", path);
    return OK;
}

static enum err open_signals(struct holdings *held, struct diag *reterr)
{
    sigset_t wanted;
    (void)sigemptyset(&wanted);
    (void)sigaddset(&wanted, SIGCHLD);
    (void)sigaddset(&wanted, SIGTERM);
    (void)sigaddset(&wanted, SIGINT);
    (void)sigaddset(&wanted, SIGHUP);
    (void)signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &wanted, NULL) != 0)
        return diag_errno(reterr, "cannot block signals");
    held->signal_fd = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
    if (held->signal_fd < 0)
        return diag_errno(reterr, "cannot make a signalfd");
    return OK;
}

enum err holdings_open(const struct settings *settings, struct holdings *ret, struct diag *reterr)
{
    const char *state_dir = settings->state_dir;
    struct user user;
    *ret = (struct holdings){.places = calloc(settings->workers_count, sizeof *ret->places)};
    if (!ret->places)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    raise_descriptors(settings);
    (void)umask(027);
    enum err err = user_find(settings->user, &user, reterr);
    if (err != OK)
        return blame(settings, "user", 0, err, reterr);
    err = blame(settings, "state", 0, state_dir_make(state_dir, &user, reterr), reterr);
    if (err == OK)
        err = state_dir_lock(state_dir, &user, reterr);
    if (err == OK)
        err = cookie_file_share(&ret->cookies, reterr);
    if (err == OK)
        err = open_sockets(ret, settings, reterr);
    if (err == OK)
        err = open_board(ret, reterr);
    if (err == OK)
        err = open_signals(ret, reterr);
    if (err == OK)
        err = user_become(&user, reterr);
    if (err == OK)
        err = state_dir_check(state_dir, reterr);
    if (err == OK)
        err = holdings_load_cookies(ret, settings, reterr);
    if (err == OK && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        err = diag_errno(reterr, "cannot set no_new_privs");
    return err;
}

void holdings_free(struct holdings *held)
{
    free(held->places);
    held->places = NULL;
}
