/* server/control/wiring.h - what the modules of the control process have in common: how they find each other.
 *
 * Made at start, in the order of its members, and given to every module, which keeps the pointer and uses
 * the members above its own. The members below are called through their own faces.
 *
 *    watch --commit--> states ----------------> words of the board
 *          --change--> rebuild --> publish --> verdicts and states (words), supervisor (world)
 *    api --votes--> verdicts -----------------> words of the board, history
 */
#ifndef SERVER_CONTROL_WIRING_H
#define SERVER_CONTROL_WIRING_H

#include "common/err.h"
#include "health/board.h"
#include "server/control/abuse.h"
#include "server/control/metrics.h"
#include "server/process/child.h"
#include "server/process/settings.h"

#include <stddef.h>
#include <stdint.h>

/* What the supervisor made for control. The descriptors are control's from here on. */
struct control_setup {
    const struct settings *settings;
    int channel_fd; /* to the supervisor; its end is the end of control */
    int board_fd;
    const int *listen_fds; /* of settings->controls: bound, listening, non-blocking */
    size_t listens_count;
    const int *counters_fds; /* one for each worker */
    size_t workers_count;
    struct child_pulse *pulse; /* shows the supervisor that the loop turns; NULL: nobody looks */
};

struct control {
    const struct control_setup *setup;
    const struct settings *settings;
    struct event_base *base;
    struct board *board;              /* writable */
    const struct counters **counters; /* [setup->workers_count], by worker */
    struct metrics metrics;           /* the numbers of this process */
    struct metrics_view view;         /* what /metrics reads */
    struct abuse abuse;               /* what the log says of the workers' counters */
    struct history *history; /* health.db; NULL: there is no memory for it, so nothing is remembered */
    struct verdicts *verdicts;
    struct states *states;            /* the operator's */
    struct announce *announce;        /* to secondaries; NULL: there are no sockets for it */
    struct publish *publish;          /* the current world: manifest and roster */
    struct credentials *credentials;  /* of DNS over TLS; NULL: it is not served */
    struct api *api;                  /* NULL: there is no usable certificate */
    struct rebuild *rebuild;          /* compilers */
    struct watch *watch;
    int exit_status;

    /* There is no world, and `why` is the reason that none can be made: say so and end with
     * CONTROL_EXIT_CONFIGURATION. */
    void (*give_up)(struct control *control, const struct diag *why);
};

#endif
