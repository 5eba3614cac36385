#include "server/process/user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

enum err user_find(const char *name, struct user *ret, struct diag *reterr)
{
    *ret = (struct user){.uid = geteuid(), .gid = getegid()};
    if (!name)
        return OK;
    errno = 0;
    const struct passwd *row = getpwnam(name);
    if (!row && errno != 0 && errno != ENOENT)
        return diag_errno(reterr, "cannot look up user \"%s\"", name);
    if (!row)
        return diag_set(reterr, ERR_MISSING, "there is no user \"%s\"; make one with useradd --system", name);
    if (row->pw_uid == ret->uid)
        return OK;
    if (ret->uid != 0)
        return diag_set(reterr, ERR_REFUSED, "only root can become user \"%s\"; start gslbd as one of them",
                        name);
    *ret = (struct user){.name = name, .uid = row->pw_uid, .gid = row->pw_gid};
    return OK;
}

enum err user_become(const struct user *user, struct diag *reterr)
{
    if (!user->name)
        return OK;
    if (initgroups(user->name, user->gid) != 0 || setgid(user->gid) != 0 || setuid(user->uid) != 0)
        return diag_errno(reterr, "cannot become user \"%s\"", user->name);
    if (setuid(0) == 0)
        return diag_set(reterr, ERR_REFUSED, "cannot give up root for user \"%s\"", user->name);
    return OK;
}
