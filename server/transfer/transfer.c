#include "server/transfer/transfer.h"

#include "common/frame.h"
#include "common/writer.h"
#include "server/answer/edns.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    POINTER = 0xc000,
    POINTER_OFF_MAX = 0x3fff,
    QUESTION_LEN_MAX = NAME_WIRE_MAX + 4,
    OPT_LEN = 11,
    OPT_DNSSEC_OK = 0x8000,
};

enum part { PART_SOA, PART_BODY, PART_SOA_AGAIN, PART_DONE, PART_FAILED };

struct transfer {
    struct transfers *transfers;
    void *map; /* the pack */
    size_t map_len;
    const struct image_zone *zone;                     /* in `map` */
    uint8_t head[QUERY_HEADER_LEN + QUESTION_LEN_MAX]; /* of every message */
    size_t head_len;
    bool opt_wanted; /* in the first message (RFC 5936 2.2.5) */
    bool dnssec_ok;
    bool is_signed;
    struct tsig_chain chain;
    int64_t begun_ms;
    /* What comes next. */
    enum part part;
    uint32_t node;   /* index */
    unsigned rrset;  /* of the node; its service's stand-ins come behind */
    uint32_t rr_off; /* in the rrset's wire */
    uint32_t delta_off, deltas_end; /* in the journal; 0: the whole zone is sent */
};

/* Permission ----------------------------------------------------------------------------------- */

static bool peer_matches(const struct image_zone *zone, const struct image_peer *peer,
                         const struct ip *ip, const struct image_key *key)
{
    struct prefix net = {.ip = {.family = peer->family}, .bits = peer->bits};
    memcpy(net.ip.bytes, peer->address, sizeof net.ip.bytes);
    return peer->kind == PEER_TRANSFER && (peer->family == IP_NONE || prefix_covers(&net, ip)) &&
           (peer->key_off == 0 || image_at(zone, peer->key_off) == key);
}

bool transfer_is_allowed(const struct image_zone *zone, const struct ip *ip,
                         const struct image_key *key)
{
    const struct image_peer *peers = image_at(zone, zone->peers_off);
    struct ip plain = *ip;
    (void)ip_unmap(&plain);
    for (uint32_t i = 0; i < zone->peers_count; i++)
        if (peer_matches(zone, &peers[i], &plain, key))
            return true;
    return false;
}

/* Begin and end -------------------------------------------------------------------------------- */

/* A second mapping of the same pages: images are shared mappings of files. */
static bool map_again(struct transfer *transfer, const struct image *pack)
{
    const union {
        const uint8_t *lent;
        void *own;
    } base = {.lent = pack->base};
    transfer->map_len = ((const struct frame *)(const void *)pack->base)->len;
    transfer->map = mremap(base.own, 0, transfer->map_len, MREMAP_MAYMOVE);
    return transfer->map != MAP_FAILED;
}

/* RFC 5936 2.2.1: as the query's, with QR and AA. The question is in every message, so that what
 * points to offset 12 in the image is right in all. */
static void head_make(struct transfer *transfer, const uint8_t *packet, const struct query *query)
{
    uint8_t *head = transfer->head;
    transfer->head_len = QUERY_HEADER_LEN + (size_t)query->question_len;
    memcpy(head, packet, transfer->head_len);
    head[2] = (uint8_t)(QUERY_QR | QUERY_AA | (head[2] & QUERY_RD));
    memcpy(head + 3, "\0\0\1\0\0\0\0\0", QUERY_HEADER_LEN - 3);
    head[QUERY_HEADER_LEN - 1] = 0;
}

/* An IXFR from a serial that the journal knows is answered with what changed since. */
static void deltas_begin(struct transfer *transfer, const struct query *query)
{
    const struct image_delta *delta =
        query->qtype == QTYPE_IXFR ? image_delta_find(transfer->zone, query->serial) : NULL;
    if (!delta)
        return;
    transfer->delta_off = delta->wire_off;
    transfer->deltas_end = image_deltas_end(transfer->zone);
}

enum err transfer_new(struct transfers *transfers, const struct image *pack,
                      const struct image_zone *zone, const uint8_t *packet,
                      const struct query *query, const struct tsig_chain *chain, int64_t now_ms,
                      struct transfer **ret)
{
    if (transfers->count >= TRANSFERS_MAX)
        return ERR_LIMIT;
    struct transfer *transfer = calloc(1, sizeof *transfer);
    if (!transfer)
        return ERR_MEMORY;
    if (!map_again(transfer, pack)) {
        free(transfer);
        return ERR_SYSTEM;
    }
    transfer->transfers = transfers;
    transfer->zone =
        (const void *)((const uint8_t *)transfer->map + ((const uint8_t *)zone - pack->base));
    transfer->opt_wanted = query->edns.present;
    transfer->dnssec_ok = query->edns.dnssec_ok;
    transfer->is_signed = chain != NULL;
    if (chain)
        transfer->chain = *chain;
    transfer->begun_ms = now_ms;
    head_make(transfer, packet, query);
    deltas_begin(transfer, query);
    transfers->count++;
    *ret = transfer;
    return OK;
}

void transfer_free(struct transfer **transfer)
{
    if (!*transfer)
        return;
    (*transfer)->transfers->count--;
    (void)munmap((*transfer)->map, (*transfer)->map_len);
    free(*transfer);
    *transfer = NULL;
}

bool transfer_is_done(const struct transfer *transfer)
{
    return transfer->part == PART_DONE;
}

bool transfer_is_incremental(const struct transfer *transfer)
{
    return transfer->deltas_end > 0;
}

/* Records -------------------------------------------------------------------------------------- */

/* A message in the making. */
struct page {
    struct writer w;
    unsigned count;     /* RRs */
    uint32_t owner;     /* the node whose name was written last, plus 1 */
    unsigned owner_off; /* where */
};

static const struct image_node *node_at(const struct transfer *transfer, uint32_t idx)
{
    return (const struct image_node *)image_at(transfer->zone, transfer->zone->apex_off) + idx;
}

/* The zone's name is the question's; another is written out once in a message. */
static void owner_put(const struct transfer *transfer, struct page *page, uint32_t idx)
{
    const struct image_zone *zone = transfer->zone;
    const uint8_t *name = image_at(zone, node_at(transfer, idx)->name_off);
    if (page->owner == idx + 1) {
        writer_u16(&page->w, POINTER | page->owner_off);
        return;
    }
    const size_t off = writer_len(&page->w);
    writer_bytes(&page->w, name, name_len(name) - zone->name_len);
    writer_u16(&page->w, POINTER | QUERY_HEADER_LEN);
    if (off > POINTER_OFF_MAX)
        return;
    page->owner = idx + 1;
    page->owner_off = (unsigned)off;
}

/* Put the RR of the current node that is due. False: it does not fit, and nothing was put. */
static bool rr_put(struct transfer *transfer, struct page *page, const struct image_rrset *rrset)
{
    const struct image_zone *zone = transfer->zone;
    const uint8_t *owner = image_at(zone, node_at(transfer, transfer->node)->name_off);
    const struct page before = *page;
    owner_put(transfer, page, transfer->node);
    const uint32_t next_off = image_rr_put(&page->w, zone, rrset, owner, transfer->rr_off);
    if (page->w.full) {
        *page = before;
        return false;
    }
    page->count++;
    transfer->rr_off = next_off;
    return true;
}

/* The rrset that comes next at the current node, but for the apex' SOA. NULL: none. */
static const struct image_rrset *rrset_next(struct transfer *transfer)
{
    const struct image_node *node = node_at(transfer, transfer->node);
    const struct image_rrset *rrset = image_copied_rrset(transfer->zone, node, transfer->rrset);
    if (rrset && rrset->type == QTYPE_SOA && transfer->node == 0)
        rrset = image_copied_rrset(transfer->zone, node, ++transfer->rrset);
    return rrset;
}

/* Put the RRs of an rrset from the one on that is due. False: the message is full. */
static bool rrset_put(struct transfer *transfer, struct page *page, const struct image_rrset *rrset)
{
    while (transfer->rr_off < rrset->wire_len)
        if (writer_len(&page->w) >= TRANSFER_MESSAGE_LEN || !rr_put(transfer, page, rrset))
            return false;
    transfer->rr_off = 0;
    return true;
}

static bool soa_put(struct transfer *transfer, struct page *page)
{
    transfer->node = 0;
    return rrset_put(transfer, page, image_at(transfer->zone, transfer->zone->soa_off));
}

static bool nodes_put(struct transfer *transfer, struct page *page)
{
    for (; transfer->node < transfer->zone->nodes_count; transfer->node++) {
        for (const struct image_rrset *rrset; (rrset = rrset_next(transfer)); transfer->rrset++)
            if (!rrset_put(transfer, page, rrset))
                return false;
        transfer->rrset = 0;
    }
    return true;
}

/* The RRs of the journal, which are as a message has them. */
static bool deltas_put(struct transfer *transfer, struct page *page)
{
    while (transfer->delta_off < transfer->deltas_end) {
        const uint8_t *rr = image_at(transfer->zone, transfer->delta_off);
        const size_t len = image_delta_rr_len(rr), at = writer_len(&page->w);
        if (at >= TRANSFER_MESSAGE_LEN)
            return false;
        writer_bytes(&page->w, rr, len);
        if (page->w.full) {
            writer_rewind(&page->w, at);
            return false;
        }
        page->count++;
        transfer->delta_off += (uint32_t)len;
    }
    return true;
}

static bool part_put(struct transfer *transfer, struct page *page)
{
    if (transfer->part != PART_BODY)
        return soa_put(transfer, page);
    return transfer->deltas_end > 0 ? deltas_put(transfer, page) : nodes_put(transfer, page);
}

/* Go on until the message is full or the zone is at its end. */
static void page_fill(struct transfer *transfer, struct page *page)
{
    while (transfer->part < PART_DONE && part_put(transfer, page))
        transfer->part++;
}

/* Messages ------------------------------------------------------------------------------------- */

static void u16_set(uint8_t *at, unsigned v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

static void opt_write(struct transfer *transfer, struct page *page)
{
    if (!transfer->opt_wanted)
        return;
    transfer->opt_wanted = false;
    writer_u8(&page->w, 0);
    writer_u16(&page->w, QTYPE_OPT);
    writer_u16(&page->w, EDNS_UDP_SIZE_MAX);
    writer_u16(&page->w, 0);
    writer_u16(&page->w, transfer->dnssec_ok ? OPT_DNSSEC_OK : 0);
    writer_u16(&page->w, 0);
    u16_set(page->w.base + 10, 1);
}

/* Room for what stands behind the records. */
static size_t tail_len(const struct transfer *transfer)
{
    return (transfer->opt_wanted ? OPT_LEN : 0u) +
           (transfer->is_signed ? tsig_len(&transfer->chain) : 0u);
}

size_t transfer_next(struct transfer *transfer, uint8_t *message, size_t cap, struct moment now)
{
    if (transfer->part >= PART_DONE)
        return 0;
    struct page page = {.w = writer_of(message, cap - tail_len(transfer))};
    writer_bytes(&page.w, transfer->head, transfer->head_len);
    if (now.mono_ms - transfer->begun_ms <= TRANSFER_MS_MAX)
        page_fill(transfer, &page);
    page.w.end = message + cap;
    u16_set(message + 6, page.count);
    opt_write(transfer, &page);
    /* No record: it is out of time, or not even one fits. */
    if (page.count == 0 ||
        (transfer->is_signed && !tsig_sign(&transfer->chain, &page.w, now.wall_ms / 1000))) {
        transfer->part = PART_FAILED;
        return 0;
    }
    return writer_len(&page.w);
}
