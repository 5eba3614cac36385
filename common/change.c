#include "common/change.h"

#include <sys/stat.h>

static struct change_state look(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return (struct change_state){0};
    return (struct change_state){.device = st.st_dev,
                                 .inode = st.st_ino,
                                 .len = st.st_size,
                                 .modified = st.st_mtim,
                                 .changed = st.st_ctim};
}

static bool is_same(const struct change_state *a, const struct change_state *b)
{
    return a->device == b->device && a->inode == b->inode && a->len == b->len &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

void change_init(struct change *change, const char *path)
{
    change->path = path;
    change->known = change->seen = look(path);
}

bool change_look(struct change *change)
{
    const struct change_state now = look(change->path);
    const bool still = is_same(&now, &change->seen);
    change->seen = now;
    if (!still || is_same(&now, &change->known))
        return false;
    change->known = now;
    return true;
}
