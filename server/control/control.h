/* server/control/control.h - the control process: everything slow, so that a worker has nothing to do but
 * answer.
 *
 * One libevent loop. It watches the store and the geo databases, has them compiled, publishes worlds, takes
 * votes over HTTPS, decides verdicts, and is the only writer of the board and of health.db. It may die at any
 * time and be started again: the workers go on answering from the world and the board that the supervisor
 * holds.
 */
#ifndef SERVER_CONTROL_CONTROL_H
#define SERVER_CONTROL_CONTROL_H

#include "server/control/wiring.h"

enum {
    CONTROL_EXIT_CONFIGURATION = 78, /* EX_CONFIG: there is no world and none can be made */
};

/* Control. Serves until SIGTERM or until the channel ends. Returns the process's exit status. */
int control_run(const struct control_setup *setup);

#endif
