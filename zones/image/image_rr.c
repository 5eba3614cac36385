#include "zones/image/image.h"

enum { TYPE_NS = 2, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_PTR = 12, TYPE_MX = 15 };
enum { OWNER_LEN = 2, RR_RDLEN_OFF = 10, RR_HEAD_LEN = 12, POINTER_BITS = 0xc0 };

struct image_names image_names_of(uint16_t type)
{
    switch (type) {
    case TYPE_NS:
    case TYPE_CNAME:
    case TYPE_PTR:
        return (struct image_names){.skip = 0, .count = 1};
    case TYPE_MX:
        return (struct image_names){.skip = 2, .count = 1};
    case TYPE_SOA:
        return (struct image_names){.skip = 0, .count = 2};
    default:
        return (struct image_names){0};
    }
}

/* Copy labels from `at` on; returns where there is no more of them that is whole. */
static uint32_t labels_read(const uint8_t *wire, uint32_t len, uint32_t at, struct writer *name)
{
    while (at < len && wire[at] > 0 && wire[at] <= NAME_LABEL_MAX && len - at > wire[at]) {
        writer_bytes(name, wire + at, 1u + wire[at]);
        at += 1u + wire[at];
    }
    return at;
}

/* Put the end of a name that is the owner from its label at `off` on, but for the zone's name. */
static bool owner_read(const struct image_zone *zone, const uint8_t *owner, uint32_t off, struct writer *name)
{
    const size_t len = owner ? name_len(owner) : 0;
    size_t label = 0;
    while (label < off && label < len)
        label += 1u + owner[label];
    if (label != off || off + (size_t)zone->name_len >= len)
        return false;
    writer_bytes(name, owner + off, len - zone->name_len - off);
    return true;
}

bool image_name_read(const struct image_zone *zone, const struct image_rrset *rrset, const uint8_t *owner,
                     uint32_t off, struct image_name *ret)
{
    const uint8_t *wire = image_at(zone, rrset->wire_off);
    struct writer name = writer_of(ret->wire, sizeof ret->wire);
    enum image_place place = IMAGE_PLACE_WIRE;
    ret->end = 0;
    while (
        place ==
        IMAGE_PLACE_WIRE) { /* ends because each time it meets a label, and there is an end to their room */
        const uint32_t at = labels_read(wire, rrset->wire_len, off, &name);
        if (at >= rrset->wire_len || name.full)
            return false;
        const bool pointed = wire[at] != 0;
        if (pointed && (wire[at] < POINTER_BITS || rrset->wire_len - at < 2))
            return false;
        if (ret->end == 0) {
            ret->end = at + (pointed ? 2 : 1);
            ret->pointed = pointed;
        }
        if (!pointed) {
            writer_u8(&name, 0);
            ret->len = ret->cut = writer_len(&name);
            return !name.full;
        }
        place = wire[at] >> 4 & 3;
        off = (uint32_t)(wire[at] << 8 | wire[at + 1]) % IMAGE_PLACE_LEN;
        if (place == IMAGE_PLACE_WIRE && (off >= at || wire[off] == 0 || wire[off] > NAME_LABEL_MAX))
            return false;
    }
    if (place != IMAGE_PLACE_ZONE && (place != IMAGE_PLACE_OWNER || !owner_read(zone, owner, off, &name)))
        return false;
    ret->cut = writer_len(&name);
    writer_bytes(&name, image_at(zone, zone->name_off), zone->name_len);
    ret->len = writer_len(&name);
    return !name.full;
}

static void name_put(struct writer *w, const struct image_name *name)
{
    writer_bytes(w, name->wire, name->cut);
    if (name->cut < name->len)
        writer_u16(w, IMAGE_ZONE_POINTER);
}

uint32_t image_rr_put(struct writer *w, const struct image_zone *zone, const struct image_rrset *rrset,
                      const uint8_t *owner, uint32_t rr_off)
{
    const uint8_t *wire = image_at(zone, rrset->wire_off), *rr = wire + rr_off;
    const uint32_t end = rr_off + RR_HEAD_LEN + (uint32_t)(rr[RR_RDLEN_OFF] << 8 | rr[RR_RDLEN_OFF + 1]);
    const struct image_names names =
        rrset->fixups_count > 0 ? image_names_of(rrset->type) : (struct image_names){0};
    const size_t before = writer_len(w);
    uint32_t at = rr_off + RR_HEAD_LEN + names.skip;
    struct image_name name;
    writer_bytes(w, rr + OWNER_LEN, RR_HEAD_LEN - OWNER_LEN + names.skip);
    for (unsigned i = 0; i < names.count; i++, at = name.end) {
        if (!image_name_read(zone, rrset, owner, at, &name)) {
            w->full = true;
            return end;
        }
        name_put(w, &name);
    }
    writer_bytes(w, wire + at, end - at);
    if (!w->full) {
        uint8_t *rdlength = w->base + before + RR_RDLEN_OFF - OWNER_LEN;
        const size_t rdata_len = writer_len(w) - before - (RR_HEAD_LEN - OWNER_LEN);
        rdlength[0] = (uint8_t)(rdata_len >> 8);
        rdlength[1] = (uint8_t)rdata_len;
    }
    return end;
}
