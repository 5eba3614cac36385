#include "zones/compile/pack.h"

#include "common/frame.h"

#include <string.h>

void pack_fini(struct pack *pack)
{
    buffer_fini(&pack->bytes);
}

void pack_begin(struct pack *pack, uint32_t bucket, uint32_t zones_max)
{
    uint32_t slots = 2;
    while (slots < 2 * (uint64_t)zones_max)
        slots *= 2;
    pack->bytes.len = 0;
    pack->head = (struct image_pack){
        .bucket = bucket,
        .table_mask = slots - 1,
        .table_off = sizeof(struct frame) + sizeof pack->head,
    };
    (void)buffer_put(&pack->bytes, NULL, pack->head.table_off + slots * sizeof(struct image_slot));
}

size_t pack_mark(struct pack *pack)
{
    buffer_align(&pack->bytes, 8);
    return pack->bytes.len;
}

void pack_zone_put(struct pack *pack, size_t mark)
{
    if (pack->bytes.failed)
        return;
    const struct image_zone *zone = (const void *)(pack->bytes.bytes + mark);
    const uint64_t hash = name_hash(image_at(zone, zone->name_off));
    struct image_slot *table = (void *)(pack->bytes.bytes + pack->head.table_off);
    uint32_t at = image_pack_home(hash) & pack->head.table_mask;
    while (table[at].off != 0)
        at = (at + 1) & pack->head.table_mask;
    table[at] = (struct image_slot){.tag = (uint32_t)(hash >> 32), .off = (uint32_t)(mark / 8)};
    pack->head.zones_count++;
}

void pack_zone_copy(struct pack *pack, const struct image_zone *zone)
{
    const size_t mark = pack_mark(pack);
    (void)buffer_put(&pack->bytes, zone, zone->len);
    pack_zone_put(pack, mark);
}

enum err pack_finish(struct pack *pack, struct diag *reterr)
{
    enum err err = buffer_check(&pack->bytes, reterr);
    if (err != OK)
        return err;
    memcpy(pack->bytes.bytes + sizeof(struct frame), &pack->head, sizeof pack->head);
    frame_seal(pack->bytes.bytes, pack->bytes.len, FRAME_PACK, IMAGE_VERSION);
    struct image image;
    err = image_open(pack->bytes.bytes, pack->bytes.len, &image, reterr);
    return err == OK ? image_check(&image, pack->bytes.len, reterr) : err;
}
