/* tests/fuzz/scratch.h - an input as a file, for what opens files by name.
 *
 * The file is in memory and has a path as long as it is open.
 */
#ifndef TESTS_FUZZ_SCRATCH_H
#define TESTS_FUZZ_SCRATCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct scratch {
    int fd;
    char path[64];
};

static inline struct scratch scratch_open(const void *bytes, size_t len)
{
    struct scratch scratch = {.fd = memfd_create("fuzz", MFD_CLOEXEC)};
    (void)snprintf(scratch.path, sizeof scratch.path, "/proc/self/fd/%d", scratch.fd);
    if (scratch.fd < 0 || write(scratch.fd, bytes, len) != (ssize_t)len)
        abort();
    return scratch;
}

static inline void scratch_close(struct scratch *scratch)
{
    close(scratch->fd);
}

#endif
