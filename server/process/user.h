/* server/process/user.h - who gslbd runs as, once its sockets are open. */
#ifndef SERVER_PROCESS_USER_H
#define SERVER_PROCESS_USER_H

#include "common/err.h"

#include <sys/types.h>

struct user {
    const char *name; /* lent; NULL: stay who we are */
    uid_t uid;
    gid_t gid;
};

/* Look `name` up; NULL gives whoever we are. ERR_MISSING: there is no such user. ERR_REFUSED: it is another
 * one, and only root can become another user. */
NODISCARD enum err user_find(const char *name, struct user *ret, struct diag *reterr);

/* Become the user, with the groups it has, for good. ERR_SYSTEM. */
NODISCARD enum err user_become(const struct user *user, struct diag *reterr);

#endif
