/* server/process/state_dir.h - where images, manifest, health.db and certificate are; one gslbd at a time. */
#ifndef SERVER_PROCESS_STATE_DIR_H
#define SERVER_PROCESS_STATE_DIR_H

#include "common/err.h"
#include "server/process/user.h"

enum { STATE_DIR_PATH_MAX = 4096 };

/* Make `path` and `path`/images (0750) where they are missing, and give them to `user` with all that is in
 * them. ERR_SYSTEM names the path. */
NODISCARD enum err state_dir_make(const char *path, const struct user *user, struct diag *reterr);

/* Take `path`/lock for this process, until it ends. ERR_BUSY: another gslbd, which the diag names, has it. */
NODISCARD enum err state_dir_lock(const char *path, const struct user *user, struct diag *reterr);

/* Whether this process can write in it. ERR_REFUSED says who we are. */
NODISCARD enum err state_dir_check(const char *path, struct diag *reterr);

/* Print `path`/`name` into `ret`. ERR_LIMIT: longer than STATE_DIR_PATH_MAX. */
NODISCARD enum err state_dir_file(const char *path, const char *name, char ret[STATE_DIR_PATH_MAX],
                                  struct diag *reterr);

#endif
