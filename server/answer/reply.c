#include "server/answer/reply.h"

enum {
    POINTER = 0xc000,         /* the two bits of a compressed name (RFC 1035 4.1.4) */
    POINTER_OFF_MAX = 0x3fff, /* how far it reaches */
    RR_TTL_OFF = 6,           /* in an RR whose owner is a pointer */
    RR_RDLEN_OFF = 10,
    RR_HEAD_LEN = 12,
};

/* Begin and end -------------------------------------------------------------------------------- */

_Static_assert(QUERY_HEADER_LEN + NAME_WIRE_MAX + 4 + OPT_LEN_KEPT_MAX <= EDNS_UDP_SIZE_MIN,
               "any question and its OPT have room");

size_t reply_len_max(const struct query *query, enum transport transport)
{
    if (transport != TRANSPORT_UDP)
        return REPLY_TCP_LEN_MAX;
    if (!query->edns.present)
        return EDNS_UDP_SIZE_MIN;
    return query->edns.udp_size < EDNS_UDP_SIZE_MAX ? query->edns.udp_size : EDNS_UDP_SIZE_MAX;
}

void reply_begin(struct reply *reply, const struct query *query, struct opt *opt, uint8_t *packet,
                 size_t len_max)
{
    *reply = (struct reply){.query = query,
                            .opt = opt,
                            .len_max = len_max,
                            .w = writer_of(packet, len_max - opt_len_kept(opt))};
    (void)writer_space(&reply->w, QUERY_HEADER_LEN + query->question_len);
}

static void u16_set(uint8_t *at, unsigned v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

/* RFC 1035 4.1.1: what the client said of itself stays; RA and AD are never ours, and CD is cleared
 * by who is authoritative (RFC 4035 3.1.6). */
static void header_set(const struct reply *reply, unsigned additionals)
{
    uint8_t *head = reply->w.base;
    head[2] = (uint8_t)(QUERY_QR | (head[2] & (QUERY_OPCODE | QUERY_RD)) |
                        (reply->authoritative ? QUERY_AA : 0) | (reply->truncated ? QUERY_TC : 0));
    head[3] = reply->rcode & 0xf;
    u16_set(head + 4, reply->query->question_len > 0);
    u16_set(head + 6, reply->counts[SECTION_ANSWER]);
    u16_set(head + 8, reply->counts[SECTION_AUTHORITY]);
    u16_set(head + 10, additionals);
}

size_t reply_end(struct reply *reply)
{
    reply->w.end = reply->w.base + reply->len_max;
    opt_put(&reply->w, reply->opt, reply->rcode);
    header_set(reply, reply->counts[SECTION_ADDITIONAL] + (reply->opt->present ? 1u : 0u));
    return writer_len(&reply->w);
}

/* Take back all but the question. */
static void sections_clear(struct reply *reply)
{
    writer_rewind(&reply->w, QUERY_HEADER_LEN + reply->query->question_len);
    for (unsigned i = 0; i < SECTIONS; i++)
        reply->counts[i] = 0;
}

void reply_len_limit(struct reply *reply, size_t len_max)
{
    if (len_max < reply->len_max)
        reply->len_max = len_max;
}

void reply_fail(struct reply *reply, enum rcode rcode)
{
    sections_clear(reply);
    reply->rcode = rcode;
    reply->authoritative = false;
    reply->truncated = false;
    reply->opt->wanted &= ~(1u << OPT_ERROR);
}

void reply_explain(struct reply *reply, enum opt_error error)
{
    reply->opt->error = error;
    reply->opt->wanted |= 1u << OPT_ERROR;
}

void reply_truncate(struct reply *reply)
{
    sections_clear(reply);
    reply->truncated = true;
}

/* Records -------------------------------------------------------------------------------------- */

static unsigned position(const struct reply *reply)
{
    return (unsigned)writer_len(&reply->w);
}

static uint32_t lesser(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void u32_set(uint8_t *at, uint32_t v)
{
    u16_set(at, v >> 16);
    u16_set(at + 2, v & 0xffff);
}

static uint32_t rr_len(const uint8_t *rr)
{
    return RR_HEAD_LEN + (uint32_t)(rr[RR_RDLEN_OFF] << 8 | rr[RR_RDLEN_OFF + 1]);
}

/* Point the owners of `count` RRs at `owner_off`. */
static void owners_patch(uint8_t *rr, unsigned count, unsigned owner_off)
{
    if (owner_off == QUERY_HEADER_LEN)
        return; /* as it is in the image */
    for (; count > 0; count--) {
        u16_set(rr, POINTER | owner_off);
        rr += rr_len(rr);
    }
}

/* Let pointers of an rrset's wire that is at `wire_off` lead to what they are for. */
static void pointers_patch(const struct reply *reply, unsigned wire_off, const struct link *link,
                           unsigned owner_off, const struct image_rrset *rrset)
{
    const unsigned from[IMAGE_PLACES] = {
        [IMAGE_PLACE_ZONE] = link->zone_off - (unsigned)QUERY_HEADER_LEN,
        [IMAGE_PLACE_WIRE] = wire_off,
        [IMAGE_PLACE_OWNER] = owner_off,
    };
    const uint32_t *fixups = image_at(link->zone, rrset->fixups_off);
    for (unsigned i = 0; i < rrset->fixups_count; i++) {
        uint8_t *at = reply->w.base + wire_off + fixups[i];
        const unsigned off = (unsigned)(at[0] << 8 | at[1]) % IMAGE_PLACE_LEN;
        u16_set(at, POINTER | (from[at[0] >> 4 & (IMAGE_PLACES - 1)] + off));
    }
}

/* Copy an rrset's wire, owned by the name at `owner_off`. Returns where it begins, or NULL when
 * it does not fit. */
static uint8_t *wire_put(struct reply *reply, const struct link *link, unsigned owner_off,
                         const struct image_rrset *rrset)
{
    uint8_t *wire = writer_space(&reply->w, rrset->wire_len);
    if (!wire)
        return NULL;
    memcpy(wire, image_at(link->zone, rrset->wire_off), rrset->wire_len);
    owners_patch(wire, rrset->count, owner_off);
    if (rrset->fixups_count > 0)
        pointers_patch(reply, (unsigned)(wire - reply->w.base), link, owner_off, rrset);
    return wire;
}

/* As wire_put(), for what must be in the reply. */
static uint8_t *required_put(struct reply *reply, const struct link *link, unsigned owner_off,
                             enum section section, const struct image_rrset *rrset)
{
    uint8_t *wire = wire_put(reply, link, owner_off, rrset);
    if (wire)
        reply->counts[section] = (uint16_t)(reply->counts[section] + rrset->count);
    else
        reply_truncate(reply);
    return wire;
}

static void hint_put(struct writer *w, const struct hint_row *row)
{
    if (row->count == 0)
        return;
    writer_u16(w, row->key);
    writer_u16(w, (unsigned)row->count * row->address_len);
    for (unsigned i = 0; i < row->count; i++)
        writer_bytes(w, row->endpoints[i]->address, row->address_len);
}

/* An rrset with hints on its way into the reply. */
struct hinted {
    const uint8_t *wire;
    const struct image_hint *next, *end; /* those that are still to be put */
    const struct hints *hints;
};

/* The RR at `rr_off` of the wire, with its hints. */
static void hinted_rr_put(struct reply *reply, const struct link *link, struct hinted *hinted,
                          uint32_t rr_off)
{
    const unsigned at = position(reply);
    const uint32_t end = rr_off + rr_len(hinted->wire + rr_off);
    uint32_t from = rr_off;
    while (hinted->next < hinted->end && hinted->next->rr_off == rr_off) {
        const struct image_hint *hint = hinted->next++;
        writer_bytes(&reply->w, hinted->wire + from, hint->off - from);
        hint_put(&reply->w, &hinted->hints->rows[hint->choice]);
        from = hint->off;
    }
    writer_bytes(&reply->w, hinted->wire + from, end - from);
    if (reply->w.full)
        return;
    uint8_t *rr = reply->w.base + at;
    u16_set(rr, POINTER | link->name_off);
    u32_set(rr + RR_TTL_OFF, hinted->hints->ttl_s);
    u16_set(rr + RR_RDLEN_OFF, position(reply) - at - RR_HEAD_LEN);
}

void reply_hinted_put(struct reply *reply, const struct link *link, const struct image_rrset *rrset,
                      const struct hints *hints)
{
    const struct image_hint *first = image_at(link->zone, rrset->hints_off);
    struct hinted hinted = {.wire = image_at(link->zone, rrset->wire_off),
                            .next = first,
                            .end = first + rrset->hints_count,
                            .hints = hints};
    for (uint32_t off = 0; off < rrset->wire_len; off += rr_len(hinted.wire + off))
        hinted_rr_put(reply, link, &hinted, off);
    reply->counts[SECTION_ANSWER] = (uint16_t)(reply->counts[SECTION_ANSWER] + rrset->count);
    if (reply->w.full)
        reply_truncate(reply);
}

void reply_negative_put(struct reply *reply, const struct link *link, uint32_t ttl_max_s)
{
    const struct image_rrset *soa = image_at(link->zone, link->zone->negative_soa_off);
    uint8_t *rr = required_put(reply, link, link->zone_off, SECTION_AUTHORITY, soa);
    if (rr)
        u32_set(rr + RR_TTL_OFF, lesser(soa->ttl_s, ttl_max_s));
}

/* The head of an RR that the link's name owns. */
static void head_put(struct reply *reply, const struct link *link, enum qtype type, uint32_t ttl_s,
                     size_t rdata_len)
{
    writer_u16(&reply->w, POINTER | link->name_off);
    writer_u16(&reply->w, type);
    writer_u16(&reply->w, QCLASS_IN);
    writer_u32(&reply->w, ttl_s);
    writer_u16(&reply->w, (unsigned)rdata_len);
}

void reply_addresses_put(struct reply *reply, const struct link *link, const struct choice *choice,
                         enum kind kind)
{
    const enum qtype type = kind == KIND_V4 ? QTYPE_A : QTYPE_AAAA;
    const size_t len = kind == KIND_V4 ? 4 : 16;
    for (unsigned i = 0; i < choice->count; i++) {
        head_put(reply, link, type, choice->ttl_s, len);
        writer_bytes(&reply->w, choice->endpoints[i]->address, len);
    }
    reply->counts[SECTION_ANSWER] = (uint16_t)(reply->counts[SECTION_ANSWER] + choice->count);
    if (reply->w.full)
        reply_truncate(reply);
}

void reply_text_put(struct reply *reply, const struct identity_text *text)
{
    writer_u16(&reply->w, POINTER | QUERY_HEADER_LEN);
    writer_u16(&reply->w, QTYPE_TXT);
    writer_u16(&reply->w, QCLASS_CH);
    writer_u32(&reply->w, 0);
    writer_u16(&reply->w, text->len + 1u);
    writer_u8(&reply->w, text->len);
    writer_bytes(&reply->w, text->bytes, text->len);
    reply->counts[SECTION_ANSWER]++;
    if (reply->w.full)
        reply_truncate(reply);
}

/* Where in the message the suffix `idx` of the link's name is. */
static unsigned suffix_off(const struct link *link, unsigned idx)
{
    return idx == link->apex_idx ? link->zone_off
                                 : link->name_off + (unsigned)link->suffixes.off[idx];
}

/* The suffix of the link's name that is this node, which is above it or is it. */
static unsigned suffix_of(const struct link *link, const struct image_node *node)
{
    return link->suffixes.labels - name_labels(image_at(link->zone, node->name_off));
}

/* The additional section ----------------------------------------------------------------------- */

/* Owner of an RR that is not in the message yet: its labels, then a pointer to the zone's name. */
static void owner_put(struct reply *reply, const struct link *link, const struct image_node *node)
{
    const uint8_t *name = image_at(link->zone, node->name_off);
    const size_t len = name_len(name), suffix_len = link->zone->name_len;
    if (suffix_len == 1) { /* the root: a pointer would be longer */
        writer_bytes(&reply->w, name, len);
        return;
    }
    writer_bytes(&reply->w, name, len - suffix_len);
    writer_u16(&reply->w, POINTER | link->zone_off);
}

/* Where the name that stands at `off` in the message is best pointed to: a pointer may be all of it. */
static unsigned name_place(const struct reply *reply, unsigned off)
{
    const uint8_t *name = reply->w.base + off;
    return (name[0] & POINTER >> 8) == POINTER >> 8 ? (unsigned)(name[0] << 8 | name[1]) & POINTER_OFF_MAX
                                                    : off;
}

/* An rrset of a node whose name is at `*owner_off`. It is written out where that is out of a
 * pointer's reach. */
static void extra_put(struct reply *reply, const struct link *link, const struct image_node *node,
                      const struct image_rrset *rrset, unsigned *owner_off)
{
    const uint8_t *rr = image_at(link->zone, rrset->wire_off);
    for (unsigned i = 0; i < rrset->count; i++) {
        const size_t len = rr_len(rr);
        if (*owner_off <= POINTER_OFF_MAX) {
            writer_u16(&reply->w, POINTER | *owner_off);
        } else {
            *owner_off = position(reply);
            owner_put(reply, link, node);
        }
        writer_bytes(&reply->w, rr + 2, len - 2);
        rr += len;
    }
}

/* The addresses of a name in the rdata of the rrset at `wire_off`. False: an rrset of them does not
 * fit, and nothing of it is left. */
static bool addresses_put(struct reply *reply, const struct link *link, unsigned wire_off,
                          const struct image_extra *extra)
{
    static const uint16_t types[] = {QTYPE_A, QTYPE_AAAA};
    const struct image_node *node = image_at(link->zone, extra->node_off);
    unsigned owner_off = name_place(reply, wire_off + extra->name_off);
    for (unsigned i = 0; i < sizeof types / sizeof *types; i++) {
        const struct image_rrset *rrset = image_rrset_find(link->zone, node, types[i]);
        const unsigned before = position(reply);
        if (!rrset)
            continue;
        extra_put(reply, link, node, rrset, &owner_off);
        if (reply->w.full) {
            writer_rewind(&reply->w, before);
            return false;
        }
        reply->counts[SECTION_ADDITIONAL] =
            (uint16_t)(reply->counts[SECTION_ADDITIONAL] + rrset->count);
    }
    return true;
}

void reply_rrset_put(struct reply *reply, const struct link *link, const struct image_rrset *rrset)
{
    const unsigned wire_off = position(reply);
    if (!required_put(reply, link, link->name_off, SECTION_ANSWER, rrset))
        return;
    const struct image_extra *extras = image_at(link->zone, rrset->extras_off);
    for (unsigned i = 0; i < rrset->extras_count; i++)
        if (!addresses_put(reply, link, wire_off, &extras[i]))
            return;
}

enum glue { GLUE_BELOW, GLUE_SIBLING };

static enum glue glue_of(const struct link *link, const struct image_node *cut,
                         const struct image_node *node)
{
    const bool below =
        name_is_under(image_at(link->zone, node->name_off), image_at(link->zone, cut->name_off));
    return below ? GLUE_BELOW : GLUE_SIBLING;
}

/* The glue of one sort, for the NS rrset at `wire_off`. False: not all of it fits. */
static bool glue_put(struct reply *reply, const struct link *link, unsigned wire_off,
                     const struct found *found, enum glue glue)
{
    const struct image_extra *extras = image_at(link->zone, found->rrset->extras_off);
    for (unsigned i = 0; i < found->rrset->extras_count; i++)
        if (glue_of(link, found->node, image_at(link->zone, extras[i].node_off)) == glue &&
            !addresses_put(reply, link, wire_off, &extras[i]))
            return false;
    return true;
}

void reply_referral_put(struct reply *reply, const struct link *link, const struct found *found)
{
    const unsigned owner_off = suffix_off(link, suffix_of(link, found->node));
    const unsigned wire_off = position(reply);
    if (!required_put(reply, link, owner_off, SECTION_AUTHORITY, found->rrset))
        return;
    if (glue_put(reply, link, wire_off, found, GLUE_BELOW))
        (void)glue_put(reply, link, wire_off, found, GLUE_SIBLING);
    else
        reply->truncated = true;
}

/* Links ---------------------------------------------------------------------------------------- */

void reply_link_first(const struct query *query, struct link *ret)
{
    ret->name = query->name;
    ret->zone = NULL;
    ret->name_off = QUERY_HEADER_LEN;
    ret->dnames_count = 0;
    name_suffixes(query->name, &ret->suffixes);
}

/* Go on to `name`, which stands at `off` in the message. */
static void link_next(struct link *link, const uint8_t *name, unsigned off)
{
    link->name = name;
    link->name_off = (uint16_t)off;
    name_suffixes(name, &link->suffixes);
}

bool reply_cname_follow(struct reply *reply, struct link *link, const struct image_rrset *rrset)
{
    const unsigned at = position(reply);
    if (!required_put(reply, link, link->name_off, SECTION_ANSWER, rrset))
        return false;
    link_next(link, image_at(link->zone, rrset->target_off), at + RR_HEAD_LEN);
    return true;
}

bool reply_host_follow(struct reply *reply, struct link *link, const struct choice *choice)
{
    const unsigned at = position(reply);
    const struct image_endpoint *endpoint = choice->endpoints[0];
    const uint8_t *host = image_at(link->zone, endpoint->host.name_off);
    head_put(reply, link, QTYPE_CNAME, choice->ttl_s, endpoint->host.name_len);
    writer_bytes(&reply->w, host, endpoint->host.name_len);
    if (reply->w.full) {
        reply_truncate(reply);
        return false;
    }
    reply->counts[SECTION_ANSWER]++;
    link_next(link, host, at + RR_HEAD_LEN);
    return true;
}

/* The CNAME from the link's name to what takes the place of it: its labels above `owner_idx`,
 * then `target`. */
static bool synthesis_follow(struct reply *reply, struct link *link, unsigned owner_idx,
                             const struct image_rrset *dname)
{
    const unsigned at = position(reply);
    const uint8_t *target = image_at(link->zone, dname->target_off);
    const size_t labels_len = link->suffixes.off[owner_idx], target_len = name_len(target);
    if (labels_len + target_len > NAME_WIRE_MAX) {
        reply->rcode = RCODE_YXDOMAIN;
        return false;
    }
    head_put(reply, link, QTYPE_CNAME, dname->ttl_s, labels_len + target_len);
    writer_bytes(&reply->w, link->name, labels_len);
    writer_bytes(&reply->w, target, target_len);
    if (reply->w.full) {
        reply_truncate(reply);
        return false;
    }
    reply->counts[SECTION_ANSWER]++;
    link_next(link, reply->w.base + at + RR_HEAD_LEN, at + RR_HEAD_LEN);
    return true;
}

/* A DNAME to itself or below makes names that it is for again, each longer than the last. */
static bool is_endless(const struct image_zone *zone, const struct found *found)
{
    return name_is_under(image_at(zone, found->rrset->target_off),
                         image_at(zone, found->node->name_off));
}

/* Put a DNAME unless the chain has come by it before. False: it does not fit. */
static bool dname_put(struct reply *reply, struct link *link, unsigned owner_off,
                      const struct image_rrset *dname)
{
    for (unsigned i = 0; i < link->dnames_count; i++)
        if (link->dnames[i] == dname)
            return true;
    if (link->dnames_count < REPLY_DNAMES_MAX)
        link->dnames[link->dnames_count++] = dname;
    return required_put(reply, link, owner_off, SECTION_ANSWER, dname) != NULL;
}

bool reply_dname_follow(struct reply *reply, struct link *link, const struct found *found)
{
    const unsigned owner_idx = suffix_of(link, found->node);
    if (!dname_put(reply, link, suffix_off(link, owner_idx), found->rrset))
        return false;
    return synthesis_follow(reply, link, owner_idx, found->rrset) && !is_endless(link->zone, found);
}
