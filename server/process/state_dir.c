#include "server/process/state_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum err state_dir_file(const char *path, const char *name, char ret[STATE_DIR_PATH_MAX], struct diag *reterr)
{
    const int len = snprintf(ret, STATE_DIR_PATH_MAX, "%s/%s", path, name);
    if (len < 0 || len >= STATE_DIR_PATH_MAX)
        return diag_set(reterr, ERR_LIMIT, "the path of the state directory is longer than %d bytes",
                        STATE_DIR_PATH_MAX - 1 - (int)strlen(name) - 1);
    return OK;
}

static enum err make(const char *path, struct diag *reterr)
{
    struct stat st;
    if (mkdir(path, 0750) == 0)
        return OK;
    if (errno != EEXIST)
        return diag_errno(reterr, "cannot make the state directory %s", path);
    if (stat(path, &st) != 0)
        return diag_errno(reterr, "cannot read the state directory %s", path);
    return S_ISDIR(st.st_mode) ? OK : diag_set(reterr, ERR_SYSTEM, "%s is not a directory", path);
}

/* Give a directory and the files in it to the user, unless it is the user's already: whoever owns a directory
 * could have put links to other people's files there. */
static enum err give(const char *path, const struct user *user, struct diag *reterr)
{
    struct stat st;
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return diag_errno(reterr, "cannot open the state directory %s", path);
    DIR *dir = fdopendir(fd);
    enum err err = OK;
    if (!dir || fstat(fd, &st) != 0 || (st.st_uid != user->uid && fchown(fd, user->uid, user->gid) != 0))
        err = diag_errno(reterr, "cannot give %s to user \"%s\"", path, user->name);
    const struct dirent *entry;
    while (err == OK && st.st_uid != user->uid && (entry = readdir(dir)) != NULL)
        if (strcmp(entry->d_name, "..") != 0 &&
            fchownat(fd, entry->d_name, user->uid, user->gid, AT_SYMLINK_NOFOLLOW) != 0)
            err = diag_errno(reterr, "cannot give %s/%s to user \"%s\"", path, entry->d_name, user->name);
    if (dir)
        (void)closedir(dir);
    else
        close(fd);
    return err;
}

enum err state_dir_make(const char *path, const struct user *user, struct diag *reterr)
{
    char images[STATE_DIR_PATH_MAX];
    enum err err = state_dir_file(path, "images", images, reterr);
    if (err == OK)
        err = make(path, reterr);
    if (err == OK)
        err = make(images, reterr);
    if (err == OK && user->name)
        err = give(images, user, reterr);
    if (err == OK && user->name)
        err = give(path, user, reterr);
    return err;
}

enum err state_dir_lock(const char *path, const struct user *user, struct diag *reterr)
{
    char file[STATE_DIR_PATH_MAX];
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    const enum err err = state_dir_file(path, "lock", file, reterr);
    if (err != OK)
        return err;
    const int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return diag_errno(reterr, "cannot open %s", file);
    if (user->name && fchown(fd, user->uid, user->gid) != 0) {
        close(fd);
        return diag_errno(reterr, "cannot give %s to user \"%s\"", file, user->name);
    }
    if (fcntl(fd, F_SETLK, &lock) == 0)
        return OK; /* the descriptor is never closed, nor is it used: it is the lock */
    const int reason = errno;
    (void)fcntl(fd, F_GETLK, &lock);
    close(fd);
    if (reason != EACCES && reason != EAGAIN)
        return diag_set(reterr, ERR_SYSTEM, "cannot lock %s: %s", file, strerror(reason));
    return diag_set(reterr, ERR_BUSY,
                    "another gslbd (process %ld) uses the state directory %s; stop it or take "
                    "another --state",
                    (long)lock.l_pid, path);
}

enum err state_dir_check(const char *path, struct diag *reterr)
{
    char images[STATE_DIR_PATH_MAX];
    const enum err err = state_dir_file(path, "images", images, reterr);
    if (err != OK)
        return err;
    if (access(path, R_OK | W_OK | X_OK) == 0 && access(images, R_OK | W_OK | X_OK) == 0)
        return OK;
    return diag_set(reterr, ERR_REFUSED, "user %ld cannot write in the state directory %s: %s",
                    (long)geteuid(), path, strerror(errno));
}
