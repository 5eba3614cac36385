#include "zones/image/image.h"

#include "common/frame.h"
#include "common/ip.h"
#include "common/reader.h"
#include "geoip/policy.h"

#include <string.h>

enum { TYPE_NS = 2, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_DNAME = 39, CLASS_IN = 1 };
enum { RR_RDLEN = 10, RR_HEAD = 12, SHARE_MAX = 4095, SOA_NUMBERS_LEN = 20 };

/* Whether a row of `count` things stands inside the zone, behind its head and aligned. */
static bool row_check(const struct image_zone *zone, uint32_t off, uint64_t count, size_t size,
                      size_t align)
{
    return count == 0 || (off >= sizeof *zone && off % align == 0 && off < zone->len &&
                          count <= (zone->len - off) / size);
}

static bool name_at_check(const struct image_zone *zone, uint32_t off, size_t *ret_len)
{
    return off >= sizeof *zone && off < zone->len &&
           name_check(image_at(zone, off), zone->len - off, ret_len);
}

/* Text ends inside the zone because the zone's last byte is NUL. */
static bool text_check(const struct image_zone *zone, uint32_t off)
{
    return off >= sizeof *zone && off < zone->len;
}

static bool node_off_check(const struct image_zone *zone, uint32_t off)
{
    const uint32_t past = off - zone->apex_off;
    return off >= zone->apex_off && past % sizeof(struct image_node) == 0 &&
           past / sizeof(struct image_node) < zone->nodes_count;
}

static const uint8_t *node_name(const struct image_zone *zone, const struct image_node *node)
{
    return image_at(zone, node->name_off);
}

/* RRsets ---------------------------------------------------------------------------------------------- */

static uint32_t rr_len(const uint8_t *rr)
{
    return RR_HEAD + (uint32_t)(rr[RR_RDLEN] << 8 | rr[RR_RDLEN + 1]);
}

static bool wire_check(const struct image_zone *zone, const struct image_rrset *rrset)
{
    if (rrset->count == 0 || rrset->wire_len == 0 || rrset->wire_len > IMAGE_RRSET_MAX ||
        !row_check(zone, rrset->wire_off, rrset->wire_len, 1, 1))
        return false;
    struct reader r = reader_of(image_at(zone, rrset->wire_off), rrset->wire_len);
    for (unsigned i = 0; i < rrset->count; i++) {
        if (reader_u16(&r) != IMAGE_ZONE_POINTER || reader_u16(&r) != rrset->type ||
            reader_u16(&r) != CLASS_IN || reader_u32(&r) != rrset->ttl_s)
            return false;
        (void)reader_bytes(&r, reader_u16(&r));
    }
    return !r.bad && reader_left(&r) == 0;
}

/* The names of the record at `rr_off`, and that the pointers they end in are the fixups from `*fixup` on. */
static bool rr_names_check(const struct image_zone *zone, const struct image_rrset *rrset,
                           const uint8_t *owner, uint32_t rr_off, unsigned *fixup)
{
    const uint8_t *rr = (const uint8_t *)image_at(zone, rrset->wire_off) + rr_off;
    const uint32_t *fixups = image_at(zone, rrset->fixups_off);
    const struct image_names names = image_names_of(rrset->type);
    uint32_t at = rr_off + RR_HEAD + names.skip;
    struct image_name name = {.end = at};
    for (unsigned i = 0; i < names.count; i++, at = name.end) {
        if (!image_name_read(zone, rrset, owner, at, &name))
            return false;
        if (name.pointed && (*fixup == rrset->fixups_count || fixups[(*fixup)++] != name.end - 2))
            return false;
    }
    return at <= rr_off + rr_len(rr);
}

/* Requires that the wire has been checked. */
static bool names_check(const struct image_zone *zone, const struct image_rrset *rrset, const uint8_t *owner)
{
    if (!row_check(zone, rrset->fixups_off, rrset->fixups_count, sizeof(uint32_t), 4))
        return false;
    if (image_names_of(rrset->type).count == 0)
        return rrset->fixups_count == 0;
    const uint8_t *wire = image_at(zone, rrset->wire_off);
    unsigned fixup = 0;
    for (uint32_t rr_off = 0; rr_off < rrset->wire_len; rr_off += rr_len(wire + rr_off))
        if (!rr_names_check(zone, rrset, owner, rr_off, &fixup))
            return false;
    return fixup == rrset->fixups_count;
}

/* Each is a node whose name is where it says. Requires that the names of all nodes have been checked. */
static bool extras_check(const struct image_zone *zone, const struct image_rrset *rrset, const uint8_t *owner)
{
    if (!row_check(zone, rrset->extras_off, rrset->extras_count, sizeof(struct image_extra), 4))
        return false;
    const struct image_extra *extra = image_at(zone, rrset->extras_off);
    for (uint32_t i = 0; i < rrset->extras_count; i++) {
        struct image_name name;
        if (!node_off_check(zone, extra[i].node_off) ||
            !image_name_read(zone, rrset, owner, extra[i].name_off, &name) ||
            !name_equal(name.wire, node_name(zone, image_at(zone, extra[i].node_off))))
            return false;
    }
    return true;
}

static bool hint_check(const struct image_zone *zone, const struct image_hint *hint, uint32_t from,
                       uint32_t end)
{
    if (hint->off < from || hint->off > end || hint->kind > KIND_V6 ||
        hint->choice >= IMAGE_HINT_CHOICES_MAX || !node_off_check(zone, hint->node_off))
        return false;
    const struct image_node *node = image_at(zone, hint->node_off);
    return node->service_off != 0;
}

/* In order of place, each in the rdata of its record. Requires that the wire has been checked. */
static bool hints_check(const struct image_zone *zone, const struct image_rrset *rrset)
{
    if (!row_check(zone, rrset->hints_off, rrset->hints_count, sizeof(struct image_hint), 4))
        return false;
    const struct image_hint *hint = image_at(zone, rrset->hints_off);
    const uint8_t *wire = image_at(zone, rrset->wire_off);
    uint32_t at = 0;
    unsigned choices = 0;
    for (uint32_t rr = 0, end; rr < rrset->wire_len; rr = end) {
        uint32_t from = rr + RR_HEAD;
        end = rr + rr_len(wire + rr);
        for (; at < rrset->hints_count && hint[at].rr_off == rr; from = hint[at++].off) {
            if (!hint_check(zone, &hint[at], from, end) || hint[at].choice > choices)
                return false;
            choices += hint[at].choice == choices;
        }
    }
    return at == rrset->hints_count;
}

static bool is_wild(const uint8_t *name)
{
    return name[0] == 1 && name[1] == '*';
}

/* An rrset of this name, all but what a secondary is given in its place. */
static bool rrset_own_check(const struct image_zone *zone, const struct image_rrset *rrset,
                            const uint8_t *name)
{
    const uint8_t *owner = rrset->type == TYPE_CNAME || is_wild(name) ? NULL : name;
    if (!wire_check(zone, rrset) || !names_check(zone, rrset, owner) || !hints_check(zone, rrset) ||
        !extras_check(zone, rrset, owner))
        return false;
    size_t len;
    const bool alias = rrset->type == TYPE_CNAME || rrset->type == TYPE_DNAME;
    return alias ? name_at_check(zone, rrset->target_off, &len) : rrset->target_off == 0;
}

static bool rrset_check(const struct image_zone *zone, const struct image_rrset *rrset, const uint8_t *name)
{
    if (!rrset_own_check(zone, rrset, name))
        return false;
    if (rrset->copy_off == 0)
        return true;
    if (!row_check(zone, rrset->copy_off, 1, sizeof(struct image_rrset), 4))
        return false;
    const struct image_rrset *copy = image_at(zone, rrset->copy_off);
    return copy->type == rrset->type && copy->copy_off == 0 && rrset_own_check(zone, copy, name);
}

static bool soa_check(const struct image_zone *zone, uint32_t off)
{
    if (!row_check(zone, off, 1, sizeof(struct image_rrset), 4) || off == 0)
        return false;
    const struct image_rrset *rrset = image_at(zone, off);
    return rrset->type == TYPE_SOA && rrset_check(zone, rrset, image_at(zone, zone->name_off));
}

/* Services -------------------------------------------------------------------------------------------- */

static bool endpoints_check(const struct image_zone *zone, const struct image_pool_row *pool)
{
    const uint32_t addresses = (uint32_t)pool->counts[KIND_V4] + pool->counts[KIND_V6];
    const uint32_t hosts = pool->counts[KIND_HOST];
    for (unsigned kind = 0; kind < KINDS; kind++)
        if (pool->counts[kind] > IMAGE_POOL_ENDPOINTS_MAX)
            return false;
    if ((addresses > 0 && hosts > 0) ||
        !row_check(zone, pool->endpoints_off, addresses + hosts, sizeof(struct image_endpoint), 4))
        return false;
    const struct image_endpoint *endpoint = image_at(zone, pool->endpoints_off);
    for (uint32_t i = 0; i < addresses + hosts; i++) {
        if (endpoint[i].slot < REGIONS_MAX || endpoint[i].slot >= IMAGE_SLOTS_MAX)
            return false;
        size_t len;
        if (hosts > 0 &&
            (!name_at_check(zone, endpoint[i].host.name_off, &len) || len != endpoint[i].host.name_len))
            return false;
    }
    return true;
}

static bool pools_check(const struct image_zone *zone, const struct image_service *service)
{
    const struct image_pool_row *pool = image_at(zone, service->pools_off);
    unsigned at = 0, kinds = 0;
    for (unsigned region = 0; region < REGIONS_MAX; region++) {
        if (!(service->regions[region / 64] >> region % 64 & 1))
            continue;
        if (at == service->pools_count || pool[at].region != region || pool[at].slot < REGIONS_MAX ||
            pool[at].slot >= IMAGE_SLOTS_MAX || !endpoints_check(zone, &pool[at]))
            return false;
        for (unsigned kind = 0; kind < KINDS; kind++)
            kinds |= pool[at].counts[kind] > 0 ? 1u << kind : 0;
        at++;
    }
    return at == service->pools_count && kinds == service->kinds;
}

static bool stand_ins_check(const struct image_zone *zone, const struct image_service *service)
{
    if (!row_check(zone, service->stand_ins_off, service->stand_ins_count, sizeof(struct image_rrset), 4))
        return false;
    const struct image_rrset *rrset = image_at(zone, service->stand_ins_off);
    for (unsigned i = 0; i < service->stand_ins_count; i++)
        if (!rrset_check(zone, &rrset[i], image_at(zone, service->name_off)))
            return false;
    return true;
}

static bool service_check(const struct image_zone *zone, uint32_t off)
{
    if (!row_check(zone, off, 1, sizeof(struct image_service), 8))
        return false;
    const struct image_service *service = image_at(zone, off);
    size_t len;
    return name_at_check(zone, service->name_off, &len) &&
           row_check(zone, service->pools_off, service->pools_count, sizeof(struct image_pool_row), 8) &&
           service->policy < POLICIES_MAX && service->panic_below <= SHARE_MAX &&
           service->sticky <= STICKY_CLIENT && service->all_down <= ALL_DOWN_SERVFAIL &&
           pools_check(zone, service) && stand_ins_check(zone, service);
}

static bool subject_check(const struct image_zone *zone, const struct image_subject *subject)
{
    if ((subject->kind != SUBJECT_POOL && subject->kind != SUBJECT_ENDPOINT) ||
        subject->region >= REGIONS_MAX || subject->slot < REGIONS_MAX || subject->slot >= IMAGE_SLOTS_MAX ||
        !text_check(zone, subject->service_off) || !text_check(zone, subject->region_off))
        return false;
    return subject->kind == SUBJECT_POOL ||
           (subject->family < KINDS && text_check(zone, subject->address_off) &&
            text_check(zone, subject->check_off) &&
            (subject->monitor_off == 0 || text_check(zone, subject->monitor_off)));
}

/* Nodes ----------------------------------------------------------------------------------------------- */

static bool rrsets_check(const struct image_zone *zone, const struct image_node *node)
{
    if (!row_check(zone, node->rrsets_off, node->rrsets_count, sizeof(struct image_rrset), 4))
        return false;
    const struct image_rrset *rrset = image_at(zone, node->rrsets_off);
    for (uint32_t i = 0; i < node->rrsets_count; i++)
        if (!rrset_check(zone, &rrset[i], node_name(zone, node)) ||
            (i > 0 && rrset[i].type <= rrset[i - 1].type))
            return false;
    return (!(node->flags & NODE_CUT) || image_rrset_find(zone, node, TYPE_NS)) &&
           (!(node->flags & NODE_DNAME) || image_rrset_find(zone, node, TYPE_DNAME));
}

static bool wild_check(const struct image_zone *zone, const struct image_node *node)
{
    if (node->wild_off == 0)
        return true;
    if (!node_off_check(zone, node->wild_off))
        return false;
    const uint8_t *wild = node_name(zone, image_at(zone, node->wild_off));
    return is_wild(wild) && name_equal(wild + 2, node_name(zone, node));
}

static bool above_check(const struct image_zone *zone, const struct image_node *node)
{
    if (node->above_off == 0)
        return true;
    if (!node_off_check(zone, node->above_off))
        return false;
    const struct image_node *top = image_at(zone, node->above_off);
    return (top->flags & (NODE_CUT | NODE_DNAME)) && top != node &&
           name_is_under(node_name(zone, node), node_name(zone, top));
}

/* Requires that the names of all nodes have been checked. */
static bool node_check(const struct image_zone *zone, const struct image_node *node)
{
    return rrsets_check(zone, node) && wild_check(zone, node) && above_check(zone, node) &&
           (node->service_off == 0 || service_check(zone, node->service_off)) &&
           image_node_find(zone, node_name(zone, node), name_hash(node_name(zone, node))) == node;
}

static bool nodes_check(const struct image_zone *zone)
{
    const struct image_node *nodes = image_at(zone, zone->apex_off);
    const uint8_t *apex = image_at(zone, zone->name_off);
    size_t len;
    for (uint32_t i = 0; i < zone->nodes_count; i++)
        if (!name_at_check(zone, nodes[i].name_off, &len) ||
            !name_is_under(node_name(zone, &nodes[i]), apex))
            return false;
    for (uint32_t i = 0; i < zone->nodes_count; i++)
        if (!node_check(zone, &nodes[i]))
            return false;
    return name_equal(node_name(zone, nodes), apex);
}

/* Peers ----------------------------------------------------------------------------------------------- */

static bool keys_check(const struct image_zone *zone)
{
    if (!row_check(zone, zone->keys_off, zone->keys_count, sizeof(struct image_key), 4))
        return false;
    const struct image_key *key = image_at(zone, zone->keys_off);
    for (uint32_t i = 0; i < zone->keys_count; i++) {
        size_t len;
        if (!name_at_check(zone, key[i].name_off, &len) || key[i].algorithm >= TSIG_ALGORITHMS ||
            key[i].secret_len == 0 || key[i].secret_len > IMAGE_SECRET_MAX ||
            !row_check(zone, key[i].secret_off, key[i].secret_len, 1, 1))
            return false;
    }
    return true;
}

static bool peer_check(const struct image_zone *zone, const struct image_peer *peer)
{
    const struct ip ip = {.family = peer->family};
    const uint32_t past = peer->key_off - zone->keys_off;
    const bool keyed =
        past % sizeof(struct image_key) == 0 && past / sizeof(struct image_key) < zone->keys_count;
    return (peer->key_off == 0 || keyed) && peer->kind <= PEER_NOTIFY && peer->bits <= ip_bits(&ip) &&
           (peer->family == IP_V4 || peer->family == IP_V6 ||
            (peer->family == IP_NONE && peer->kind == PEER_TRANSFER));
}

/* Requires that the keys have been checked. */
static bool peers_check(const struct image_zone *zone)
{
    if (!row_check(zone, zone->peers_off, zone->peers_count, sizeof(struct image_peer), 4))
        return false;
    const struct image_peer *peer = image_at(zone, zone->peers_off);
    for (uint32_t i = 0; i < zone->peers_count; i++)
        if (!peer_check(zone, &peer[i]))
            return false;
    return true;
}

/* The journal ----------------------------------------------------------------------------------------- */

/* An RR of a delta, as far as it matters here. */
struct delta_rr {
    unsigned type;
    uint32_t serial; /* of a SOA */
};

static bool delta_rr_read(const struct image_zone *zone, struct reader *r, struct delta_rr *ret)
{
    uint32_t owner_len = 0;
    unsigned label;
    while ((label = reader_u8(r)) > 0 && label <= NAME_LABEL_MAX) {
        (void)reader_bytes(r, label);
        owner_len += 1 + label;
    }
    const bool owned =
        (label << 8 | reader_u8(r)) == IMAGE_ZONE_POINTER && owner_len + zone->name_len <= NAME_WIRE_MAX;
    *ret = (struct delta_rr){.type = reader_u16(r)};
    const unsigned class = reader_u16(r);
    (void)reader_u32(r);
    const size_t rdata_len = reader_u16(r);
    const uint8_t *rdata = reader_bytes(r, rdata_len);
    if (!owned || class != CLASS_IN || !rdata || r->bad)
        return false;
    if (ret->type != TYPE_SOA)
        return true;
    struct reader numbers = reader_of(rdata, rdata_len);
    (void)reader_bytes(&numbers, rdata_len > SOA_NUMBERS_LEN ? rdata_len - SOA_NUMBERS_LEN : 0);
    ret->serial = reader_u32(&numbers);
    return !numbers.bad;
}

/* Whole RRs, the first and one more of which are the SOAs before and after. */
static bool delta_check(const struct image_zone *zone, const struct image_delta *delta, uint32_t after)
{
    if (!row_check(zone, delta->wire_off, delta->wire_len, 1, 1) || delta->wire_len == 0)
        return false;
    const uint32_t serials[] = {delta->serial, after};
    struct reader r = reader_of(image_at(zone, delta->wire_off), delta->wire_len);
    unsigned soas = 0;
    while (reader_left(&r) > 0) {
        struct delta_rr rr;
        if (!delta_rr_read(zone, &r, &rr) || (soas == 0 && rr.type != TYPE_SOA))
            return false;
        if (rr.type == TYPE_SOA && (soas == 2 || rr.serial != serials[soas++]))
            return false;
    }
    return soas == 2;
}

/* Each goes on where the one before ended, in serial and in place. */
static bool deltas_check(const struct image_zone *zone)
{
    const uint32_t count = zone->deltas_count;
    if (count > IMAGE_DELTAS_MAX || !row_check(zone, zone->deltas_off, count, sizeof(struct image_delta), 4))
        return false;
    const struct image_delta *delta = image_at(zone, zone->deltas_off);
    for (uint32_t i = 0; i < count; i++) {
        const bool last = i + 1 == count;
        if (!delta_check(zone, &delta[i], last ? zone->serial : delta[i + 1].serial) ||
            (!last && delta[i].wire_off + delta[i].wire_len != delta[i + 1].wire_off))
            return false;
    }
    return true;
}

/* Zones ----------------------------------------------------------------------------------------------- */

/* At most half of the slots are taken, so that every search meets an empty one. */
static bool table_check(const struct image_zone *zone)
{
    const uint64_t slots = (uint64_t)zone->table_mask + 1;
    if ((slots & zone->table_mask) != 0 ||
        !row_check(zone, zone->table_off, slots, sizeof(struct image_slot), 4))
        return false;
    const struct image_slot *table = image_at(zone, zone->table_off);
    uint64_t taken = 0;
    for (uint64_t i = 0; i < slots; i++) {
        if (table[i].off == 0)
            continue;
        if (!node_off_check(zone, table[i].off))
            return false;
        taken++;
    }
    return taken == zone->nodes_count && taken <= slots / 2;
}

static bool subjects_check(const struct image_zone *zone)
{
    if (!row_check(zone, zone->subjects_off, zone->subjects_count, sizeof(struct image_subject), 4))
        return false;
    const struct image_subject *subjects = image_at(zone, zone->subjects_off);
    for (uint32_t i = 0; i < zone->subjects_count; i++)
        if (!subject_check(zone, &subjects[i]))
            return false;
    return true;
}

/* Requires zone->len to be right and the zone's name to be checked. */
static bool zone_check(const struct image_zone *zone)
{
    return ((const uint8_t *)zone)[zone->len - 1] == 0 && zone->flags <= ZONE_ABSENT &&
           zone->nodes_count > 0 &&
           row_check(zone, zone->apex_off, zone->nodes_count, sizeof(struct image_node), 4) &&
           table_check(zone) && nodes_check(zone) && soa_check(zone, zone->soa_off) &&
           soa_check(zone, zone->negative_soa_off) && subjects_check(zone) && keys_check(zone) &&
           peers_check(zone) && deltas_check(zone);
}

/* Whether a zone's head, its length and its name are inside the pack. */
static bool head_check(const uint8_t *base, size_t len, uint32_t off)
{
    const size_t at = (size_t)off * 8;
    if (at >= len || len - at < sizeof(struct image_zone))
        return false;
    const struct image_zone *zone = (const struct image_zone *)(const void *)(base + at);
    size_t name_len;
    return zone->len >= sizeof *zone && zone->len <= len - at &&
           name_at_check(zone, zone->name_off, &name_len) && name_len == zone->name_len;
}

static enum err slots_check(const struct image *image, const struct image_pack *pack, size_t len,
                            struct diag *reterr)
{
    const struct image_slot *table = (const void *)(image->base + pack->table_off);
    uint64_t taken = 0;
    for (uint64_t i = 0; i <= pack->table_mask; i++) {
        if (table[i].off == 0)
            continue;
        if (!head_check(image->base, len, table[i].off))
            return diag_set(reterr, ERR_CORRUPT, "pack %u: a zone is not inside it", pack->bucket);
        taken++;
    }
    if (taken != pack->zones_count)
        return diag_set(reterr, ERR_CORRUPT, "pack %u: its head counts %u zones, its table %llu",
                        pack->bucket, pack->zones_count, (unsigned long long)taken);
    return OK;
}

/* Whether a search for the zone's name ends at the zone. */
static bool reachable_check(const struct image *image, const struct image_pack *pack,
                            const struct image_zone *zone)
{
    struct image packs[PACKS_MAX] = {0};
    packs[pack->bucket] = *image;
    const uint8_t *name = image_at(zone, zone->name_off);
    struct name_suffixes suffixes;
    name_suffixes(name, &suffixes);
    return image_zone_get(packs, name, &suffixes, 0) == zone;
}

enum err image_check(const struct image *image, size_t len, struct diag *reterr)
{
    const struct image_pack *pack = (const void *)(image->base + sizeof(struct frame));
    enum err err = slots_check(image, pack, len, reterr);
    uint32_t cursor = 0;
    const struct image_zone *zone;
    while (err == OK && (zone = image_zone_next(image, &cursor))) {
        char text[NAME_TEXT_MAX];
        if (!reachable_check(image, pack, zone) || !zone_check(zone))
            err = diag_set(reterr, ERR_CORRUPT, "pack %u: the image of zone %s is damaged", pack->bucket,
                           name_print(image_at(zone, zone->name_off), text));
    }
    return err;
}
