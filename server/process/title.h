/* server/process/title.h - what a process is called: in its comm (`pgrep`, `top`) and on its command line
 * (`ps`, `pkill -f`).
 *
 * The command line is the memory of argv and, behind it, of the environment; the kernel shows what stands
 * there. So the environment is moved away once, and that memory is overwritten by each process after its
 * fork.
 */
#ifndef SERVER_PROCESS_TITLE_H
#define SERVER_PROCESS_TITLE_H

/* Supervisor, first of all: remember where the command line is, and move argv and the environment out of it.
 * Returns argv, copied. Without memory the command line stays as it is. */
char **title_init(int argc, char **argv);

/* Rename this process. `title` is cut to the 15 bytes of a comm, and to the room that there is. */
void title_set(const char *title);

#endif
