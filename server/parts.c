#include "server/parts.h"

#include <unistd.h>

void parts_init(struct parts *parts)
{
    parts->generation = 0;
    for (size_t i = 0; i < CHANNEL_PARTS_MAX; i++)
        parts->fds[i] = -1;
}

void parts_apply(struct parts *parts, const struct channel_packet *delta)
{
    for (uint32_t i = 0; i < delta->message.parts_count; i++) {
        const struct channel_part *part = &delta->message.parts[i];
        int *fd = &parts->fds[part->kind == PART_PACK ? part->index : PACKS_MAX + part->index];
        if (*fd >= 0)
            close(*fd);
        *fd = delta->fds[i];
    }
    parts->generation = delta->message.generation;
}

void parts_whole(const struct parts *parts, struct channel_packet *ret)
{
    ret->message = (struct channel_message){
        .kind = MESSAGE_WORLD, .parts_count = CHANNEL_PARTS_MAX, .generation = parts->generation};
    for (size_t i = 0; i < CHANNEL_PARTS_MAX; i++) {
        const bool is_pack = i < PACKS_MAX;
        ret->message.parts[i] = (struct channel_part){.kind = is_pack ? PART_PACK : PART_POLICY,
                                                      .index = (uint8_t)(is_pack ? i : i - PACKS_MAX),
                                                      .present = parts->fds[i] >= 0};
        ret->fds[i] = parts->fds[i];
    }
}
