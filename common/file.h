/* common/file.h - whole files: read one, replace one atomically, map one read-only.
 */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include "common/buffer.h"
#include "common/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Read at most `max` bytes of `path` into `ret` (caller: buffer_fini); a NUL stands behind them.
 * ERR_MISSING: no such file. ERR_LIMIT: longer than `max`. ERR_SYSTEM otherwise. */
NODISCARD enum err file_read(const char *path, size_t max, struct buffer *ret, struct diag *reterr);

/* Replace `path` by these bytes: a new file beside it, fdatasync, rename. It has `mode`, whatever the umask
 * is. On failure the old one stands. */
NODISCARD enum err file_replace(const char *path, const void *bytes, size_t len, mode_t mode,
                                struct diag *reterr);

/* Write a new file, in place of one of that name; nothing is synced, and on failure a part may be left
 * behind. For images, which nobody looks at before they are complete. */
NODISCARD enum err file_create(const char *path, const void *bytes, size_t len, mode_t mode,
                               struct diag *reterr);

/* Make a file's bytes, or a directory's entries, durable. ERR_MISSING, ERR_SYSTEM. */
NODISCARD enum err file_sync(const char *path, struct diag *reterr);

/* A read-only mapping of a whole file. */
struct file_map {
    const uint8_t *bytes; /* NULL for an empty file */
    size_t len;
};

NODISCARD enum err file_map_open(const char *path, struct file_map *ret, struct diag *reterr);

/* As file_map_open() for a descriptor, which stays the caller's. */
NODISCARD enum err file_map_fd(int fd, struct file_map *ret, struct diag *reterr);
void file_map_close(struct file_map *map);

/* A number for the bytes behind `path`, without reading them: of the path, and of the inode, size and times
 * (common/change.h). 0: it cannot be looked at. */
uint64_t file_identity(const char *path);

/* Whether `path` can be read or written by group or others (for key files). ERR_MISSING,
 * ERR_REFUSED: it can. */
NODISCARD enum err file_check_private(const char *path, struct diag *reterr);

/* The same, but its group may read it: for a key that several services share (Debian's group ssl-cert). */
NODISCARD enum err file_check_unpublished(const char *path, struct diag *reterr);

#endif
