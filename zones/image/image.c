#include "zones/image/image.h"

#include "common/frame.h"

enum {
    TYPE_A = 1,
    TYPE_NS = 2,
    TYPE_CNAME = 5,
    TYPE_AAAA = 28,
    TYPE_DNAME = 39,
    TYPE_DS = 43,
    TYPE_ANY = 255,
    POINTER_LEN = 2,
    RR_FIXED_LEN = 10, /* type, class, TTL, length */
};

static const struct image_pack *pack_of(const struct image *image)
{
    return (const struct image_pack *)(const void *)(image->base + sizeof(struct frame));
}

static const struct image_slot *pack_table(const struct image *image)
{
    return (const struct image_slot *)(const void *)(image->base + pack_of(image)->table_off);
}

static const struct image_zone *pack_zone(const struct image *image, uint32_t off)
{
    return (const struct image_zone *)(const void *)(image->base + (size_t)off * 8);
}

static enum err head_check(const uint8_t *base, size_t len, struct diag *reterr)
{
    const struct image image = {.base = base};
    const struct image_pack *pack = pack_of(&image);
    if (len < sizeof(struct frame) + sizeof *pack || pack->bucket >= PACKS_MAX)
        return diag_set(reterr, ERR_CORRUPT, "pack has no head");
    const uint64_t slots = (uint64_t)pack->table_mask + 1;
    if ((slots & pack->table_mask) != 0 || pack->table_off % 8 != 0 ||
        pack->table_off < sizeof(struct frame) || pack->table_off > len ||
        slots * sizeof(struct image_slot) > len - pack->table_off)
        return diag_set(reterr, ERR_CORRUPT, "pack %u: its table of zones is not inside it", pack->bucket);
    if (pack->zones_count > slots / 2)
        return diag_set(reterr, ERR_CORRUPT, "pack %u: its table of zones is too full", pack->bucket);
    return OK;
}

enum err image_open(const void *bytes, size_t len, struct image *ret, struct diag *reterr)
{
    enum err err = frame_check(bytes, len, FRAME_PACK, IMAGE_VERSION, reterr);
    if (err == OK)
        err = head_check(bytes, len, reterr);
    if (err == OK)
        image_attach(bytes, ret);
    return err;
}

void image_attach(const void *bytes, struct image *ret)
{
    *ret = (struct image){.base = bytes};
}

const struct image_zone *image_zone_next(const struct image *image, uint32_t *cursor)
{
    if (!image->base)
        return NULL;
    const struct image_slot *table = pack_table(image);
    while (*cursor <= pack_of(image)->table_mask) {
        const uint32_t off = table[(*cursor)++].off;
        if (off != 0)
            return pack_zone(image, off);
    }
    return NULL;
}

const struct image_zone *image_zone_get(const struct image packs[PACKS_MAX], const uint8_t *name,
                                        const struct name_suffixes *suffixes, unsigned idx)
{
    const uint64_t hash = suffixes->hash[idx];
    const struct image *image = &packs[hash % PACKS_MAX];
    if (!image->base)
        return NULL;
    const struct image_slot *table = pack_table(image);
    const uint32_t mask = pack_of(image)->table_mask;
    for (uint32_t at = image_pack_home(hash) & mask; table[at].off != 0; at = (at + 1) & mask) {
        if (table[at].tag != (uint32_t)(hash >> 32))
            continue;
        const struct image_zone *zone = pack_zone(image, table[at].off);
        if (name_equal(image_at(zone, zone->name_off), name + suffixes->off[idx]))
            return zone;
    }
    return NULL;
}

const struct image_zone *image_zone_find(const struct image packs[PACKS_MAX], const uint8_t *name,
                                         const struct name_suffixes *suffixes, unsigned from,
                                         unsigned *ret_idx)
{
    for (unsigned idx = from; idx <= suffixes->labels; idx++) {
        const struct image_zone *zone = image_zone_get(packs, name, suffixes, idx);
        if (zone) {
            *ret_idx = idx;
            return zone;
        }
    }
    return NULL;
}

const struct image_node *image_node_find(const struct image_zone *zone, const uint8_t *name, uint64_t hash)
{
    const struct image_slot *table = image_at(zone, zone->table_off);
    for (uint32_t at = (uint32_t)hash & zone->table_mask; table[at].off != 0;
         at = (at + 1) & zone->table_mask) {
        if (table[at].tag != (uint32_t)(hash >> 32))
            continue;
        const struct image_node *node = image_at(zone, table[at].off);
        if (name_equal(image_at(zone, node->name_off), name))
            return node;
    }
    return NULL;
}

const struct image_rrset *image_rrset_find(const struct image_zone *zone, const struct image_node *node,
                                           uint16_t type)
{
    const struct image_rrset *rrset = image_at(zone, node->rrsets_off);
    for (const struct image_rrset *end = rrset + node->rrsets_count; rrset < end && rrset->type <= type;
         rrset++)
        if (rrset->type == type)
            return rrset;
    return NULL;
}

/* The longest suffix shorter than the whole name that exists. Every ancestor of a node exists down from the
 * apex, so that a search by halves finds it: a name of 127 labels costs seven probes. */
static const struct image_node *encloser_get(const struct image_zone *zone, const uint8_t *name,
                                             const struct name_suffixes *suffixes, unsigned apex_idx)
{
    const struct image_node *found = image_at(zone, zone->apex_off);
    unsigned low = 1, high = apex_idx;
    while (low < high) {
        const unsigned middle = (low + high) / 2;
        const struct image_node *node =
            image_node_find(zone, name + suffixes->off[middle], suffixes->hash[middle]);
        if (node) {
            found = node;
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return found;
}

/* What a cut or a DNAME says of the names below it. */
static struct found below_get(const struct image_zone *zone, const struct image_node *top)
{
    const bool cut = top->flags & NODE_CUT;
    return (struct found){
        .kind = cut ? FOUND_DELEGATION : FOUND_DNAME,
        .node = top,
        .rrset = image_rrset_find(zone, top, cut ? TYPE_NS : TYPE_DNAME),
    };
}

static bool service_answers(const struct image_service *service, uint16_t qtype)
{
    return qtype == TYPE_A || qtype == TYPE_AAAA || qtype == TYPE_ANY || (service->kinds & 1 << KIND_HOST);
}

/* What a node that is no cut says of its own name, or of one that it covers as a wildcard. */
static struct found node_get(const struct image_zone *zone, const struct image_node *node, uint16_t qtype)
{
    struct found found = {.kind = FOUND_NODATA, .node = node};
    if (node->service_off != 0) {
        found.service = image_at(zone, node->service_off);
        if (service_answers(found.service, qtype)) {
            found.kind = FOUND_SERVICE;
            return found;
        }
        found.service = NULL;
    }
    if ((found.rrset = image_rrset_find(zone, node, qtype))) {
        found.kind = FOUND_RRSET;
    } else if (qtype == TYPE_ANY && node->rrsets_count > 0) {
        found.rrset = image_at(zone, node->rrsets_off);
        found.kind = FOUND_ANY;
    } else if ((found.rrset = image_rrset_find(zone, node, TYPE_CNAME))) {
        found.kind = FOUND_CNAME;
    }
    return found;
}

static struct found exact_get(const struct image_zone *zone, const struct image_node *node, uint16_t qtype)
{
    if (node->above_off != 0)
        return below_get(zone, image_at(zone, node->above_off));
    if ((node->flags & NODE_CUT) && qtype != TYPE_DS)
        return below_get(zone, node);
    return node_get(zone, node, qtype);
}

struct found image_find(const struct image_zone *zone, const uint8_t *name,
                        const struct name_suffixes *suffixes, unsigned apex_idx, uint16_t qtype)
{
    if (apex_idx == 0)
        return exact_get(zone, image_at(zone, zone->apex_off), qtype);
    const struct image_node *node = image_node_find(zone, name, suffixes->hash[0]);
    if (node)
        return exact_get(zone, node, qtype);
    const struct image_node *encloser = encloser_get(zone, name, suffixes, apex_idx);
    if (encloser->above_off != 0)
        return below_get(zone, image_at(zone, encloser->above_off));
    if (encloser->flags & (NODE_CUT | NODE_DNAME))
        return below_get(zone, encloser);
    if (encloser->wild_off == 0)
        return (struct found){.kind = FOUND_NXDOMAIN, .node = encloser};
    struct found found = node_get(zone, image_at(zone, encloser->wild_off), qtype);
    found.wildcard = true;
    return found;
}

const struct image_pool_row *image_pool_find(const struct image_zone *zone,
                                             const struct image_service *service, unsigned region)
{
    const unsigned word = region / 64;
    const uint64_t bit = UINT64_C(1) << region % 64;
    if (!(service->regions[word] & bit))
        return NULL;
    unsigned idx = (unsigned)__builtin_popcountll(service->regions[word] & (bit - 1));
    for (unsigned i = 0; i < word; i++)
        idx += (unsigned)__builtin_popcountll(service->regions[i]);
    return (const struct image_pool_row *)image_at(zone, service->pools_off) + idx;
}

const struct image_rrset *image_copied_rrset(const struct image_zone *zone, const struct image_node *node,
                                             unsigned idx)
{
    if (idx < node->rrsets_count) {
        const struct image_rrset *rrset =
            (const struct image_rrset *)image_at(zone, node->rrsets_off) + idx;
        return rrset->copy_off ? image_at(zone, rrset->copy_off) : rrset;
    }
    if (node->service_off == 0)
        return NULL;
    const struct image_service *service = image_at(zone, node->service_off);
    const unsigned past = idx - node->rrsets_count;
    return past < service->stand_ins_count
               ? (const struct image_rrset *)image_at(zone, service->stand_ins_off) + past
               : NULL;
}

const struct image_delta *image_delta_find(const struct image_zone *zone, uint32_t serial)
{
    const struct image_delta *deltas = image_at(zone, zone->deltas_off);
    for (uint32_t i = 0; i < zone->deltas_count; i++)
        if (deltas[i].serial == serial)
            return &deltas[i];
    return NULL;
}

uint32_t image_deltas_end(const struct image_zone *zone)
{
    const struct image_delta *deltas = image_at(zone, zone->deltas_off);
    return deltas[zone->deltas_count - 1].wire_off + deltas[zone->deltas_count - 1].wire_len;
}

size_t image_delta_rr_len(const uint8_t *rr)
{
    size_t len = 0;
    while (rr[len] <= NAME_LABEL_MAX)
        len += 1u + rr[len];
    len += POINTER_LEN + RR_FIXED_LEN;
    return len + (size_t)(rr[len - 2] << 8 | rr[len - 1]);
}
