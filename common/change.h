/* common/change.h - notices that a file has changed: by its inode, size and times, and only once it
 * stands still.
 *
 * Looked at again and again. A file has changed when it differs from what was known of it and is as
 * it was at the look before, so that one that is being written is left alone. One that is not there
 * has a state of its own.
 */
#ifndef COMMON_CHANGE_H
#define COMMON_CHANGE_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/* All zeros: not there. */
struct change_state {
    dev_t device;
    ino_t inode;
    off_t len;
    struct timespec modified, changed;
};

struct change {
    const char *path;          /* lent */
    struct change_state known; /* as it was when it was last told of */
    struct change_state seen;  /* at the last look */
};

/* The file as it is now is known. */
void change_init(struct change *change, const char *path);

/* Look at it. True: it has changed, stands still, and is known from now on. */
bool change_look(struct change *change);

#endif
