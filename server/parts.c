#include "server/parts.h"

#include <unistd.h>

void parts_init(struct parts *parts)
{
    parts->generation = 0;
    for (size_t i = 0; i < CHANNEL_PARTS_MAX; i++)
        parts->fds[i] = -1;
}

static const uint8_t first_of[] = {
    [PART_PACK] = 0,
    [PART_POLICY] = PACKS_MAX,
    [PART_SECRETS] = CHANNEL_IMAGES_MAX,
};

void parts_apply(struct parts *parts, const struct channel_packet *delta)
{
    for (uint32_t i = 0; i < delta->message.parts_count; i++) {
        const struct channel_part *part = &delta->message.parts[i];
        int *fd = &parts->fds[first_of[part->kind] + part->index];
        if (*fd >= 0)
            close(*fd);
        *fd = delta->fds[i];
    }
    if (delta->message.kind == MESSAGE_WORLD)
        parts->generation = delta->message.generation;
}

static enum part_kind kind_at(size_t i)
{
    if (i < PACKS_MAX)
        return PART_PACK;
    return i < CHANNEL_IMAGES_MAX ? PART_POLICY : PART_SECRETS;
}

void parts_whole(const struct parts *parts, struct channel_packet *ret)
{
    ret->message = (struct channel_message){
        .kind = MESSAGE_WORLD, .parts_count = CHANNEL_PARTS_MAX, .generation = parts->generation};
    for (size_t i = 0; i < CHANNEL_PARTS_MAX; i++) {
        const enum part_kind kind = kind_at(i);
        ret->message.parts[i] = (struct channel_part){.kind = (uint8_t)kind,
                                                      .index = (uint8_t)(i - first_of[kind]),
                                                      .present = parts->fds[i] >= 0};
        ret->fds[i] = parts->fds[i];
    }
}
