#include "zones/compile/journal.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    TYPE_SOA = 6,
    SOA_WIRE_MAX = 12 + 2 * NAME_WIRE_MAX + 20,
};

/* An RR as it stands alone, its owner a pointer to the zone's name. */
struct rr {
    const uint8_t *bytes;
    size_t len;
};

struct diff {
    const struct image_zone *from, *to;
    uint32_t next;                         /* the old node that probably comes next */
    struct buffer met;                     /* a byte for each old node: 1 when it has a new one */
    struct buffer went, came;              /* RRs of a delta */
    struct buffer before, after;           /* struct rr: of the node in hand */
    struct buffer before_wire, after_wire; /* their bytes */
    uint64_t whole_len;                    /* bytes of the new zone in a transfer */
};

/* Nodes ----------------------------------------------------------------------------------------------- */

static const struct image_node *node_at(const struct image_zone *zone, uint32_t idx)
{
    return (const struct image_node *)image_at(zone, zone->apex_off) + idx;
}

static bool node_is_named(const struct image_zone *zone, const struct image_node *node, const uint8_t *name,
                          size_t len)
{
    const uint8_t *own = image_at(zone, node->name_off);
    return name_len(own) == len && memcmp(own, name, len) == 0;
}

/* The old node of this name, or NULL. Most are in the order that they were in. */
static const struct image_node *old_find(struct diff *diff, const uint8_t *name)
{
    const struct image_zone *from = diff->from;
    const struct image_node *node = node_at(from, diff->next);
    if (diff->next == from->nodes_count || !node_is_named(from, node, name, name_len(name)))
        node = image_node_find(from, name, name_hash(name));
    if (!node)
        return NULL;
    const uint32_t idx = (uint32_t)(node - node_at(from, 0));
    diff->next = idx + 1;
    diff->met.bytes[idx] = 1;
    return node;
}

/* RRs ------------------------------------------------------------------------------------------------- */

/* Bytes that the RRs of a node have at most as they stand alone. */
static size_t rrs_len_max(const struct image_zone *zone, const struct image_node *node)
{
    const struct image_rrset *rrset;
    size_t len = 0;
    for (unsigned i = 0; node && (rrset = image_copied_rrset(zone, node, i)); i++)
        len += rrset->wire_len + (size_t)rrset->fixups_count * NAME_WIRE_MAX;
    return len;
}

/* The RRs of a node that a transfer sends, but for the SOA, which is not a record like others. Their bytes go
 * to `wire`. */
static void rrs_collect(const struct image_zone *zone, const struct image_node *node, struct buffer *wire,
                        struct buffer *ret)
{
    const struct image_rrset *rrset;
    const size_t len_max = rrs_len_max(zone, node);
    ret->len = wire->len = 0;
    (void)buffer_put(wire, NULL, len_max);
    if (wire->failed || len_max == 0)
        return;
    struct writer w = writer_of(wire->bytes, len_max);
    for (unsigned i = 0; node && (rrset = image_copied_rrset(zone, node, i)); i++)
        for (uint32_t off = 0; rrset->type != TYPE_SOA && off < rrset->wire_len;) {
            struct rr rr = {.bytes = w.at};
            writer_u16(&w, IMAGE_ZONE_POINTER);
            off = image_rr_put(&w, zone, rrset, image_at(zone, node->name_off), off);
            rr.len = (size_t)(w.at - rr.bytes);
            (void)buffer_put(ret, &rr, sizeof rr);
        }
}

static int rr_compare(const void *a, const void *b)
{
    const struct rr *ra = a, *rb = b;
    const int order = memcmp(ra->bytes, rb->bytes, ra->len < rb->len ? ra->len : rb->len);
    return order != 0 ? order : (ra->len > rb->len) - (ra->len < rb->len);
}

static void rrs_sort(struct buffer *rrs)
{
    if (rrs->len > sizeof(struct rr))
        qsort(rrs->bytes, rrs->len / sizeof(struct rr), sizeof(struct rr), rr_compare);
}

static void rr_put(struct buffer *out, const struct image_zone *zone, const struct image_node *node,
                   const struct rr *rr)
{
    const uint8_t *name = image_at(zone, node->name_off);
    (void)buffer_put(out, name, name_len(name) - zone->name_len);
    (void)buffer_put(out, rr->bytes, rr->len);
}

/* Put those before that are not after, and those after that were not before. */
static void rrs_merge(struct diff *diff, const struct image_node *from, const struct image_node *to)
{
    const struct rr *before = (const void *)diff->before.bytes, *after = (const void *)diff->after.bytes;
    const size_t before_count = diff->before.len / sizeof *before,
                 after_count = diff->after.len / sizeof *after;
    for (size_t i = 0, k = 0; i < before_count || k < after_count;) {
        const int order = i == before_count ? 1 : k == after_count ? -1 : rr_compare(&before[i], &after[k]);
        if (order < 0)
            rr_put(&diff->went, diff->from, from, &before[i]);
        if (order > 0)
            rr_put(&diff->came, diff->to, to, &after[k]);
        i += order <= 0;
        k += order >= 0;
    }
}

/* The difference ---------------------------------------------------------------------------------------- */

static bool rrset_is_same(const struct diff *diff, const struct image_rrset *from,
                          const struct image_rrset *to)
{
    return from->wire_len == to->wire_len && memcmp(image_at(diff->from, from->wire_off),
                                                    image_at(diff->to, to->wire_off), from->wire_len) == 0;
}

/* Whether the two nodes have the same rrsets in a transfer. */
static bool node_is_same(const struct diff *diff, const struct image_node *from, const struct image_node *to)
{
    for (unsigned i = 0;; i++) {
        const struct image_rrset *before = image_copied_rrset(diff->from, from, i);
        const struct image_rrset *after = image_copied_rrset(diff->to, to, i);
        if (!before || !after)
            return before == after;
        if (!rrset_is_same(diff, before, after))
            return false;
    }
}

/* NULL: the node was not there before, or is not any more. */
static void node_compare(struct diff *diff, const struct image_node *from, const struct image_node *to)
{
    if (from && to && node_is_same(diff, from, to))
        return;
    rrs_collect(diff->from, from, &diff->before_wire, &diff->before);
    rrs_collect(diff->to, to, &diff->after_wire, &diff->after);
    rrs_sort(&diff->before);
    rrs_sort(&diff->after);
    rrs_merge(diff, from, to);
}

static size_t node_len(const struct image_zone *zone, const struct image_node *node)
{
    size_t len = name_len(image_at(zone, node->name_off)) - zone->name_len;
    const struct image_rrset *rrset;
    for (unsigned i = 0; (rrset = image_copied_rrset(zone, node, i)); i++)
        len += rrset->wire_len;
    return len;
}

/* Whether it is too long for a journal already, and need not be known further. */
static bool diff_is_long(const struct diff *diff)
{
    return diff->went.len + diff->came.len > JOURNAL_LEN_MAX;
}

static void zones_compare(struct diff *diff)
{
    (void)buffer_put(&diff->met, NULL, diff->from->nodes_count);
    if (diff->met.failed)
        return;
    for (uint32_t i = 0; i < diff->to->nodes_count && !diff_is_long(diff); i++) {
        const struct image_node *node = node_at(diff->to, i);
        node_compare(diff, old_find(diff, image_at(diff->to, node->name_off)), node);
        diff->whole_len += node_len(diff->to, node);
    }
    for (uint32_t i = 0; i < diff->from->nodes_count && !diff_is_long(diff); i++)
        if (!diff->met.bytes[i])
            node_compare(diff, node_at(diff->from, i), NULL);
}

static bool soa_is_same(const struct diff *diff)
{
    return rrset_is_same(diff, image_at(diff->from, diff->from->soa_off),
                         image_at(diff->to, diff->to->soa_off));
}

static enum err diff_check(const struct diff *diff, struct diag *reterr)
{
    const struct buffer *all[] = {&diff->met,   &diff->went,        &diff->came,      &diff->before,
                                  &diff->after, &diff->before_wire, &diff->after_wire};
    enum err err = OK;
    for (size_t i = 0; i < sizeof all / sizeof *all && err == OK; i++)
        err = buffer_check(all[i], reterr);
    return err;
}

static void diff_fini(struct diff *diff)
{
    buffer_fini(&diff->met);
    buffer_fini(&diff->went);
    buffer_fini(&diff->came);
    buffer_fini(&diff->before);
    buffer_fini(&diff->after);
    buffer_fini(&diff->before_wire);
    buffer_fini(&diff->after_wire);
}

/* The journal ------------------------------------------------------------------------------------------ */

static bool is_copied(const struct image_zone *zone)
{
    const struct image_peer *peers = image_at(zone, zone->peers_off);
    for (uint32_t i = 0; i < zone->peers_count; i++)
        if (peers[i].kind == PEER_TRANSFER)
            return true;
    return false;
}

/* Bytes that the deltas of the new zone may have together. */
static uint64_t journal_len_max(const struct diff *diff)
{
    const uint64_t len = diff->whole_len < JOURNAL_LEN_MIN ? JOURNAL_LEN_MIN : diff->whole_len;
    return len < JOURNAL_LEN_MAX ? len : JOURNAL_LEN_MAX;
}

static void soa_put(struct buffer *out, const struct image_zone *zone)
{
    uint8_t soa[SOA_WIRE_MAX];
    struct writer w = writer_of(soa, sizeof soa);
    writer_u16(&w, IMAGE_ZONE_POINTER);
    (void)image_rr_put(&w, zone, image_at(zone, zone->soa_off), image_at(zone, zone->name_off), 0);
    (void)buffer_put(out, soa, writer_len(&w));
}

/* The wire of a delta. */
static void delta_make(const struct diff *diff, struct buffer *ret)
{
    soa_put(ret, diff->from);
    (void)buffer_put(ret, diff->went.bytes, diff->went.len);
    soa_put(ret, diff->to);
    (void)buffer_put(ret, diff->came.bytes, diff->came.len);
}

/* How many of the last deltas stay, with this room for their wires. */
static uint32_t deltas_keep(const struct image_zone *last, uint32_t count_max, uint64_t room)
{
    const struct image_delta *deltas = image_at(last, last->deltas_off);
    uint32_t kept = 0;
    for (; kept < last->deltas_count && kept < count_max; kept++) {
        const uint32_t len = deltas[last->deltas_count - 1 - kept].wire_len;
        if (len > room)
            break;
        room -= len;
    }
    return kept;
}

/* Append the last `kept` deltas of `last`, and a new one unless its wire is empty. */
static void journal_write(struct buffer *out, size_t mark, const struct image_zone *last, uint32_t kept,
                          const struct buffer *wire)
{
    const uint32_t count = kept + (wire->len > 0);
    if (count == 0)
        return;
    const struct image_delta *first =
        (const struct image_delta *)image_at(last, last->deltas_off) + (last->deltas_count - kept);
    const size_t rows_at = buffer_put(out, NULL, count * sizeof *first), wires_at = out->len;
    if (kept > 0)
        (void)buffer_put(out, image_at(last, first->wire_off), image_deltas_end(last) - first->wire_off);
    const size_t wire_at = buffer_put(out, wire->bytes, wire->len);
    (void)buffer_put(out, "", 1); /* as the blob ends (zones/compile/blob.c) */
    buffer_align(out, 8);
    if (out->failed)
        return;
    struct image_delta *rows = (void *)(out->bytes + rows_at);
    for (uint32_t i = 0; i < kept; i++)
        rows[i] = (struct image_delta){.serial = first[i].serial,
                                       .wire_off =
                                           (uint32_t)(wires_at - mark) + first[i].wire_off - first->wire_off,
                                       .wire_len = first[i].wire_len};
    if (wire->len > 0)
        rows[kept] = (struct image_delta){
            .serial = last->serial, .wire_off = (uint32_t)(wire_at - mark), .wire_len = (uint32_t)wire->len};
    struct image_zone *head = (void *)(out->bytes + mark);
    head->deltas_off = (uint32_t)(rows_at - mark);
    head->deltas_count = count;
    head->len = (uint32_t)(out->len - mark);
}

/* What a new serial is the end of. A delta that does not fit leaves none to go before it. */
static void journal_extend(const struct diff *diff, struct buffer *out, size_t mark, struct buffer *wire)
{
    const struct image_zone *last = diff->from;
    const uint64_t len_max = journal_len_max(diff);
    delta_make(diff, wire);
    if (!wire->failed && wire->len <= len_max)
        journal_write(out, mark, last, deltas_keep(last, IMAGE_DELTAS_MAX - 1, len_max - wire->len), wire);
}

enum err journal_put(struct buffer *out, size_t mark, const struct image_zone *last, struct diag *reterr)
{
    if (!last || !is_copied(last))
        return OK;
    struct diff diff = {.from = last, .to = (const void *)(out->bytes + mark)};
    struct buffer wire = {0};
    const uint32_t ahead = diff.to->serial - last->serial;
    zones_compare(&diff);
    enum err err = diff_check(&diff, reterr);
    if (err == OK && ahead > 0 && ahead <= INT32_MAX && !diff_is_long(&diff))
        journal_extend(&diff, out, mark, &wire);
    else if (err == OK && ahead == 0 && diff.went.len + diff.came.len == 0 && soa_is_same(&diff))
        journal_write(out, mark, last, deltas_keep(last, IMAGE_DELTAS_MAX, JOURNAL_LEN_MAX), &wire);
    diff_fini(&diff);
    if (err == OK)
        err = buffer_check(&wire, reterr);
    buffer_fini(&wire);
    return err == OK ? buffer_check(out, reterr) : err;
}
