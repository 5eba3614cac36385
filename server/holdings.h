/* server/holdings.h - what the supervisor holds for as long as gslbd lives, so that no child's end costs
 * a query or a verdict: sockets, board, counters, the page of cookie secrets, signals.
 *
 * All of it is opened once, before there is a child, with the privileges that gslbd was started with; they
 * are given up on the way. The supervisor alone has it; children get what is theirs when they are forked.
 *
 *    open    descriptors, state directory and its lock, sockets, board, signals -> user -> cookie secrets
 */
#ifndef SERVER_HOLDINGS_H
#define SERVER_HOLDINGS_H

#include "server/place.h"
#include "server/process/settings.h"

enum {
    HOLDINGS_DESCRIPTORS = 4096,        /* of a process besides TCP connections, if we may say so */
    HOLDINGS_DESCRIPTORS_MAX = 1 << 18, /* RLIMIT_NOFILE: 64 addresses x 256 workers x 2, and worlds */
};

struct holdings {
    int signal_fd;
    int board_fd;                          /* control's: it writes */
    int board_read_fd;                     /* the workers' */
    int control_fds[SETTINGS_LISTENS_MAX]; /* one for each of settings->controls */
    struct place *places;                  /* [settings->workers_count] */
    struct cookie_page *cookies;           /* the workers' */
};

/* Open everything, and become settings->user before the state directory is looked at and the secrets are
 * read. An error ends the supervisor: nothing is closed. ERR_BUSY: another gslbd has the state directory;
 * and those of what cannot be opened. */
NODISCARD enum err holdings_open(const struct settings *settings, struct holdings *ret, struct diag *reterr);

/* The secrets that count from now on, for every worker at once. Read by the user that we are then, so that a
 * change can be read too. On failure the last ones count. */
NODISCARD enum err holdings_load_cookies(const struct holdings *held, const struct settings *settings,
                                         struct diag *reterr);

/* Give back the memory; descriptors go with the process. */
void holdings_free(struct holdings *held);

#endif
