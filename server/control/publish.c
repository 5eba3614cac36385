#include "server/control/publish.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/frame.h"
#include "geoip/geo.h"
#include "server/control/announce.h"
#include "server/control/states.h"
#include "server/control/verdicts.h"
#include "server/process/channel.h"
#include "server/process/state_dir.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* An image of a world: a pack or a policy. It is the same image in two worlds if it is the same file. */
struct part {
    bool present;
    dev_t device;
    ino_t inode;
    struct file_map map; /* packs only: the roster's texts are in there */
    int fd;              /* -1 once it was sent */
    bool borrowed;       /* the mapping is the current world's */
};

/* A whole world, of which control needs the names only. */
struct edition {
    struct manifest *manifest;
    struct roster *roster;
    struct image packs[PACKS_MAX];
    struct part parts[CHANNEL_IMAGES_MAX]; /* packs, then policies */
};

struct publish {
    struct control *control;
    struct edition *current; /* NULL: none yet */
    bool unsent;             /* the supervisor does not have it: the channel had no room */
};

static void part_close(struct part *part)
{
    if (part->present && part->fd >= 0)
        close(part->fd);
    if (!part->borrowed)
        file_map_close(&part->map);
    *part = (struct part){.fd = -1};
}

static void edition_free(struct edition **edition)
{
    if (!*edition)
        return;
    roster_free(&(*edition)->roster);
    for (size_t i = 0; i < CHANNEL_IMAGES_MAX; i++)
        part_close(&(*edition)->parts[i]);
    manifest_free(&(*edition)->manifest);
    free(*edition);
    *edition = NULL;
}

enum err publish_new(struct control *control, struct publish **ret, struct diag *reterr)
{
    *ret = calloc(1, sizeof **ret);
    if (!*ret)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    (*ret)->control = control;
    return OK;
}

void publish_free(struct publish **publish)
{
    if (*publish)
        edition_free(&(*publish)->current);
    free(*publish);
    *publish = NULL;
}

const struct manifest *publish_manifest(const struct publish *publish)
{
    return publish->current ? publish->current->manifest : NULL;
}

const struct roster *publish_roster(const struct publish *publish)
{
    return publish->current ? publish->current->roster : NULL;
}

bool publish_is_unsent(const struct publish *publish)
{
    return publish->unsent;
}

/* Images --------------------------------------------------------------------------------------- */

static const char *part_file(const struct manifest *manifest, size_t index)
{
    if (index < PACKS_MAX)
        return manifest->packs[index];
    const struct manifest_policy *policy = &manifest->policies[index - PACKS_MAX];
    return policy->name ? policy->file : "";
}

/* Open the file and say which one it is. */
static enum err part_open(struct part *part, const char *path, struct diag *reterr)
{
    struct stat st;
    part->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (part->fd < 0)
        return diag_errno(reterr, "cannot open %s", path);
    part->present = true;
    if (fstat(part->fd, &st) != 0)
        return diag_errno(reterr, "cannot read %s", path);
    part->device = st.st_dev;
    part->inode = st.st_ino;
    return OK;
}

/* The whole frame is checked, so that a file which the disk has changed is never given to a worker. What is
 * inside it was checked by the compiler. */
static enum err part_map(struct part *part, const char *path, bool is_pack, struct image *ret,
                         struct diag *reterr)
{
    enum err err = file_map_fd(part->fd, &part->map, reterr);
    if (err == OK && !part->map.bytes)
        err = diag_set(reterr, ERR_CORRUPT, "it is empty");
    if (err == OK && is_pack)
        err = image_open(part->map.bytes, part->map.len, ret, reterr);
    if (err == OK && !is_pack) {
        err = frame_check(part->map.bytes, part->map.len, FRAME_GEO, GEO_VERSION, reterr);
        file_map_close(&part->map);
    }
    return err == OK ? OK : diag_prefix(reterr, err, "%s", path);
}

static bool is_same(const struct part *a, const struct part *b)
{
    return a->present == b->present && (!a->present || (a->device == b->device && a->inode == b->inode));
}

/* Open part `index` of `next`; one that is in the current world too is neither mapped nor checked again. */
static enum err take_part(struct publish *publish, struct edition *next, size_t index, struct diag *reterr)
{
    char path[STATE_DIR_PATH_MAX], name[MANIFEST_FILE_MAX + 8];
    const char *file = part_file(next->manifest, index);
    struct part *part = &next->parts[index];
    if (!*file)
        return OK;
    (void)snprintf(name, sizeof name, "images/%s", file);
    enum err err = state_dir_file(publish->control->settings->state_dir, name, path, reterr);
    if (err == OK)
        err = part_open(part, path, reterr);
    if (err != OK)
        return err;
    const struct part *last = publish->current ? &publish->current->parts[index] : NULL;
    struct image none;
    if (!last || !is_same(part, last))
        return part_map(part, path, index < PACKS_MAX, index < PACKS_MAX ? &next->packs[index] : &none,
                        reterr);
    part->map = last->map;
    part->borrowed = true;
    if (index < PACKS_MAX)
        next->packs[index] = publish->current->packs[index];
    return OK;
}

static enum err edition_read(struct publish *publish, const char *path, struct edition **ret,
                             struct diag *reterr)
{
    struct edition *next = calloc(1, sizeof *next);
    if (!next)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < CHANNEL_IMAGES_MAX; i++)
        next->parts[i].fd = -1;
    enum err err = manifest_read(path, &next->manifest, reterr);
    for (size_t i = 0; err == OK && i < CHANNEL_IMAGES_MAX; i++)
        err = take_part(publish, next, i, reterr);
    if (err == OK)
        err = roster_build(next->manifest, next->packs, &next->roster, reterr);
    if (err == OK && next->roster->slots_end > board_slots(publish->control->board))
        err = diag_set(reterr, ERR_CORRUPT, "%s names slot %u, beyond the board", path,
                       next->roster->slots_end - 1);
    if (err == OK)
        *ret = next;
    else
        edition_free(&next);
    return err;
}

/* Sending -------------------------------------------------------------------------------------- */

/* The parts of `next` that the current world does not have, or all, present or not, when there is none, or
 * the supervisor does not have it: then it may hold another control's world, or an earlier one. */
static enum err send_delta(const struct publish *publish, const struct edition *next, struct diag *reterr)
{
    struct channel_packet packet = {
        .message = {.kind = MESSAGE_WORLD, .generation = next->manifest->generation}};
    for (size_t i = 0; i < CHANNEL_IMAGES_MAX; i++) {
        const struct part *part = &next->parts[i];
        const bool is_pack = i < PACKS_MAX;
        if (publish->current && !publish->unsent && is_same(part, &publish->current->parts[i]))
            continue;
        const uint32_t at = packet.message.parts_count++;
        packet.message.parts[at] = (struct channel_part){.kind = is_pack ? PART_PACK : PART_POLICY,
                                                         .index = (uint8_t)(is_pack ? i : i - PACKS_MAX),
                                                         .present = part->present};
        packet.fds[at] = part->fd;
    }
    return channel_send(publish->control->setup->channel_fd, &packet, reterr);
}

/* Let `next` be the current world: what it borrowed from the last one becomes its own. */
static void succeed(struct publish *publish, struct edition *next)
{
    struct edition *last = publish->current;
    for (size_t i = 0; i < CHANNEL_IMAGES_MAX; i++) {
        struct part *part = &next->parts[i];
        if (part->fd >= 0)
            close(part->fd);
        part->fd = -1;
        if (!part->borrowed)
            continue;
        part->borrowed = false;
        last->parts[i].borrowed = true;
    }
    publish->current = next;
    edition_free(&last);
}

/* What /metrics and /healthz show of it. */
static void show(struct control *control, const struct edition *edition)
{
    control->metrics.generation = edition->manifest->generation;
    control->metrics.zones = edition->manifest->zones_count;
    control->metrics.problems = edition->manifest->problems_total;
    control->view.roster = edition->roster;
}

enum err publish_world(struct publish *publish, const char *path, struct diag *reterr)
{
    struct control *control = publish->control;
    const struct moment now = clock_now();
    struct edition *next = NULL;
    enum err err = edition_read(publish, path, &next, reterr);
    if (err != OK)
        return err;
    err = verdicts_configure(control->verdicts, next->roster, now, reterr);
    if (err != OK) {
        edition_free(&next);
        return err;
    }
    /* From here on it is the current world, for the verdicts are its own: it is sent again, or it is our end
     * because the supervisor is gone. */
    states_apply(control->states, next->roster, now);
    err = send_delta(publish, next, reterr);
    publish->unsent = err != OK;
    if (control->announce)
        announce_world(control->announce, publish->current ? publish->current->packs : NULL, next->packs,
                       next->manifest->generation, now.mono_ms);
    show(control, next);
    succeed(publish, next);
    return err;
}
