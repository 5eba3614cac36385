/* server/control/control.h - the control process: everything slow, so that a worker has nothing to do but
 * answer.
 *
 * One libevent loop. It watches the store and the geo databases, has them compiled, publishes worlds, takes
 * votes over HTTPS, decides verdicts, and is the only writer of the board and of health.db. It may die at any
 * time and be started again: the workers go on answering from the world and the board that the supervisor
 * holds.
 *
 * `struct control` is the wiring. It is made at start, in the order of its members, and given to every
 * module, which keeps the pointer and uses the members above its own; the members below are called through
 * their own faces.
 *
 *    watch --commit--> states ----------------> words of the board
 *          --change--> rebuild --> publish --> verdicts and states (words), supervisor (world)
 *    api --votes--> verdicts -----------------> words of the board, history
 */
#ifndef SERVER_CONTROL_CONTROL_H
#define SERVER_CONTROL_CONTROL_H

#include "common/err.h"
#include "health/board.h"
#include "server/control/metrics.h"
#include "server/process/child.h"
#include "server/process/settings.h"

#include <stddef.h>
#include <stdint.h>

enum {
    CONTROL_EXIT_CONFIGURATION = 78, /* EX_CONFIG: there is no world and none can be made; starting again is no use */
};

/* What the supervisor made for control. The descriptors are control's from here on. */
struct control_setup {
    const struct settings *settings;
    int channel_fd; /* to the supervisor; its end is the end of control */
    int board_fd;
    const int *listen_fds; /* of the control port: bound, listening, non-blocking; one for each of settings->controls */
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
    struct history *history;          /* health.db; NULL: there is no memory for it, so nothing is remembered */
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

/* Control. Serves until SIGTERM or until the channel ends. Returns the process's exit status. */
int control_run(const struct control_setup *setup);

#endif
