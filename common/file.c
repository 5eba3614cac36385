#include "common/file.h"

#include "common/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err open_read(const char *path, int *ret, struct diag *reterr)
{
    *ret = open(path, O_RDONLY | O_CLOEXEC);
    if (*ret >= 0)
        return OK;
    const enum err err = errno == ENOENT ? ERR_MISSING : ERR_SYSTEM;
    (void)diag_errno(reterr, "cannot open %s", path);
    return err;
}

enum err file_read(const char *path, size_t max, struct buffer *ret, struct diag *reterr)
{
    int fd;
    enum err err = open_read(path, &fd, reterr);
    if (err != OK)
        return err;
    struct buffer all = {0};
    char chunk[16384];
    ssize_t got;
    while ((got = read(fd, chunk, sizeof chunk)) > 0 && all.len <= max)
        (void)buffer_put(&all, chunk, (size_t)got);
    if (got < 0)
        err = diag_errno(reterr, "cannot read %s", path);
    else if (all.len > max)
        err = diag_set(reterr, ERR_LIMIT, "%s is longer than %zu bytes", path, max);
    else {
        (void)buffer_put(&all, "", 1);
        err = buffer_check(&all, reterr);
        all.len--;
    }
    close(fd);
    if (err == OK)
        *ret = all;
    else
        buffer_fini(&all);
    return err;
}

static enum err write_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        const ssize_t put = write(fd, bytes, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return ERR_SYSTEM;
        bytes += put;
        len -= (size_t)put;
    }
    return OK;
}

enum err file_replace(const char *path, const void *bytes, size_t len, mode_t mode, struct diag *reterr)
{
    char *temporary = NULL;
    if (asprintf(&temporary, "%s.new.%ld", path, (long)getpid()) < 0)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    enum err err = OK;
    (void)unlink(temporary); /* of one that was killed and had our pid: in a container each start has it */
    const int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        err = diag_errno(reterr, "cannot create %s", temporary);
        goto out;
    }
    if (fchmod(fd, mode) != 0 || write_all(fd, bytes, len) != OK || fdatasync(fd) != 0)
        err = diag_errno(reterr, "cannot write %s", temporary);
    if (close(fd) != 0 && err == OK)
        err = diag_errno(reterr, "cannot write %s", temporary);
    if (err == OK && rename(temporary, path) != 0)
        err = diag_errno(reterr, "cannot replace %s", path);
    if (err != OK)
        (void)unlink(temporary);
out:
    free(temporary);
    return err;
}

enum err file_create(const char *path, const void *bytes, size_t len, mode_t mode, struct diag *reterr)
{
    /* A name that is there may be mapped somewhere: its bytes stay, the name goes to a new file. */
    if (unlink(path) != 0 && errno != ENOENT)
        return diag_errno(reterr, "cannot replace %s", path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return diag_errno(reterr, "cannot create %s", path);
    enum err err = OK;
    if (write_all(fd, bytes, len) != OK)
        err = diag_errno(reterr, "cannot write %s", path);
    if (close(fd) != 0 && err == OK)
        err = diag_errno(reterr, "cannot write %s", path);
    return err;
}

enum err file_sync(const char *path, struct diag *reterr)
{
    int fd;
    enum err err = open_read(path, &fd, reterr);
    if (err != OK)
        return err;
    if (fsync(fd) != 0)
        err = diag_errno(reterr, "cannot sync %s", path);
    close(fd);
    return err;
}

enum err file_map_fd(int fd, struct file_map *ret, struct diag *reterr)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return diag_errno(reterr, "cannot stat a file to map");
    struct file_map map = {.len = (size_t)st.st_size};
    if (map.len > 0) {
        void *at = mmap(NULL, map.len, PROT_READ, MAP_SHARED, fd, 0);
        if (at == MAP_FAILED)
            return diag_errno(reterr, "cannot map %zu bytes", map.len);
        map.bytes = at;
    }
    *ret = map;
    return OK;
}

enum err file_map_open(const char *path, struct file_map *ret, struct diag *reterr)
{
    int fd;
    enum err err = open_read(path, &fd, reterr);
    if (err != OK)
        return err;
    err = file_map_fd(fd, ret, reterr);
    close(fd);
    return err == OK ? OK : diag_prefix(reterr, err, "%s", path);
}

void file_map_close(struct file_map *map)
{
    if (map->bytes) {
        union {
            const uint8_t *lent;
            void *own;
        } at = {.lent = map->bytes};
        (void)munmap(at.own, map->len);
    }
    *map = (struct file_map){0};
}

uint64_t file_identity(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return 0;
    const uint64_t numbers[] = {
        st.st_dev,
        st.st_ino,
        (uint64_t)st.st_size,
        (uint64_t)st.st_mtim.tv_sec,
        (uint64_t)st.st_mtim.tv_nsec,
        (uint64_t)st.st_ctim.tv_sec,
        (uint64_t)st.st_ctim.tv_nsec,
    };
    const uint64_t hash = hash_bytes(numbers, sizeof numbers, hash_bytes(path, strlen(path), 0));
    return hash > 0 ? hash : 1;
}

/* Whether none of these bits is in the mode of `path`; `mode` is one that has none. */
static enum err check_mode(const char *path, mode_t forbidden, mode_t mode, struct diag *reterr)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        const enum err err = errno == ENOENT ? ERR_MISSING : ERR_SYSTEM;
        (void)diag_errno(reterr, "cannot read %s", path);
        return err;
    }
    if (st.st_mode & forbidden)
        return diag_set(reterr, ERR_REFUSED, "%s can be read or written by others (mode %04o); chmod %o %s",
                        path, (unsigned)(st.st_mode & 07777), (unsigned)mode, path);
    return OK;
}

enum err file_check_private(const char *path, struct diag *reterr)
{
    return check_mode(path, 077, 0600, reterr);
}

enum err file_check_unpublished(const char *path, struct diag *reterr)
{
    return check_mode(path, 037, 0640, reterr);
}
