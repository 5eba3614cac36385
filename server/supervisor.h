/* server/supervisor.h - the supervisor: it opens the sockets, starts the others, and starts again what dies.
 *
 * It lives as long as gslbd does and holds what has to: server/holdings.h, and the images of the current
 * world. It parses nothing that came from outside; all it does after its start is a poll() on signals and on
 * the channel from control.
 *
 *    start    sockets, board, counters -> user -> control -> (first world) -> workers -> READY
 *    run      a child dies -> another; one hangs -> it is killed; a world -> kept, and sent to the workers
 *    stop     SIGTERM -> workers drain -> control ends -> exit, within SUPERVISOR_STOP_MS
 */
#ifndef SERVER_SUPERVISOR_H
#define SERVER_SUPERVISOR_H

#include "server/process/settings.h"

enum {
    SUPERVISOR_DRAIN_MS = 4000,     /* for the workers to drain, before SIGKILL */
    SUPERVISOR_STOP_MS = 5000,      /* for everything */
    SUPERVISOR_WORKER_MISSED = 5,   /* looks at a worker's pulse without a beat, before it is killed */
    SUPERVISOR_CONTROL_MISSED = 10, /* ... at control's, which waits for disks and publishes large worlds */
    SUPERVISOR_RESEND_MS = 20,      /* until a worker whose channel was full is tried again */
};

/* Run gslbd. Returns its exit status: 0 after SIGTERM, 1 when it cannot run, which it has said on stderr. */
int supervisor_run(const struct settings *settings);

#endif
