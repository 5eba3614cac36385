#include "geoip/database.h"

#include "geoip/mmdb.h"
#include "geoip/tortext.h"

#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The metadata of an MMDB file begin behind this, within the last 128 KiB (MaxMind DB format
 * 2.0). */
static const char mmdb_marker[] = "\xab\xcd\xefMaxMind.com";
enum { MMDB_TAIL_MAX = 128 * 1024 };

static enum err open_regular(const char *path, FILE **ret, struct diag *reterr)
{
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block */
    if (fd < 0) {
        const enum err err = errno == ENOENT ? ERR_MISSING : ERR_SYSTEM;
        (void)diag_errno(reterr, "cannot open %s", path);
        return err;
    }
    enum err err = OK;
    if (fstat(fd, &st) != 0)
        err = diag_errno(reterr, "cannot stat %s", path);
    else if (!S_ISREG(st.st_mode))
        err = diag_set(reterr, ERR_REFUSED, "%s is not a regular file", path);
    else if (!(*ret = fdopen(fd, "r")))
        err = diag_errno(reterr, "cannot read %s", path);
    if (err != OK)
        close(fd);
    return err;
}

/* Whether the file ends as an MMDB file does. */
static enum err look_for_marker(FILE *file, const char *path, bool *ret, struct diag *reterr)
{
    char *tail = malloc(MMDB_TAIL_MAX);
    if (!tail)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    enum err err = OK;
    struct stat st;
    if (fstat(fileno(file), &st) != 0) {
        err = diag_errno(reterr, "cannot stat %s", path);
    } else {
        const off_t from = st.st_size > MMDB_TAIL_MAX ? st.st_size - MMDB_TAIL_MAX : 0;
        const ssize_t got = pread(fileno(file), tail, MMDB_TAIL_MAX, from);
        if (got < 0)
            err = diag_errno(reterr, "cannot read %s", path);
        else
            *ret = memmem(tail, (size_t)got, mmdb_marker, sizeof mmdb_marker - 1) != NULL;
    }
    free(tail);
    return err;
}

static enum err read_all(struct source *source, struct diag *reterr)
{
    FILE *file;
    bool is_mmdb = false;
    enum err err = open_regular(source->path, &file, reterr);
    if (err != OK)
        return err;
    err = look_for_marker(file, source->path, &is_mmdb, reterr);
    if (err == OK)
        err = is_mmdb ? mmdb_load(source, reterr) : tortext_load(file, source, reterr);
    fclose(file);
    if (err == OK)
        err = intern_check(&source->facts, reterr);
    if (err == OK)
        err = tree_check(&source->tree, reterr);
    tree_seal(&source->tree);
    return err;
}

enum err database_read(const char *path, struct source **ret, struct diag *reterr)
{
    struct source *source;
    enum err err = source_new(path, &source, reterr);
    if (err != OK)
        return err;
    const uint64_t identity = file_identity(path);
    err = read_all(source, reterr);
    source->identity = identity == file_identity(path) ? identity : 0;
    if (err == OK)
        *ret = source;
    else
        source_free(&source);
    return err;
}
