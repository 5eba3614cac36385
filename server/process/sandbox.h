/* server/process/sandbox.h - the sandbox: what a worker's process may ask of the kernel once it serves.
 *
 * To receive, to send, to accept, to wait, to map what the channel brings and to give it back, to tell the
 * time, to draw random numbers, to write to descriptors that it has, and to end. All else is refused with
 * EPERM: it cannot open a file, make a socket, connect, start a process, trace one, signal another, or map
 * memory that can be executed. In builds with sanitizers, which need more than that, there is no filter.
 */
#ifndef SERVER_PROCESS_SANDBOX_H
#define SERVER_PROCESS_SANDBOX_H

#include "common/err.h"

/* Worker. Enter it for good. ERR_SYSTEM: the kernel has no seccomp filters or takes no new one. */
NODISCARD enum err sandbox_enter(struct diag *reterr);

#endif
