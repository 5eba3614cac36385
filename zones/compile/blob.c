#include "zones/compile/blob.h"

#include "common/hash.h"
#include "common/reader.h"
#include "common/writer.h"
#include "zones/compile/compress.h"
#include "zones/rdata/rdata.h"
#include "zones/rdata/svcb.h"

#include <string.h>

enum { RR_HEAD = 12, CLASS_IN = 1 };

/* A blob in the making: where its parts are, as offsets from its start. */
struct blob {
    const struct draft *draft;
    struct buffer *out;
    size_t base; /* where it starts in `out` */
    uint32_t table, table_mask;
    uint32_t nodes, rrsets, services, pools, endpoints, subjects, peers, keys;
    uint32_t names, text;
    /* Of the rrset that is being written: */
    struct buffer fixups; /* uint32_t */
    struct buffer extras; /* struct image_extra */
    struct buffer hints;  /* struct image_hint */
    struct compress compress;
};

static void *blob_at(const struct blob *blob, uint32_t off)
{
    return blob->out->bytes + blob->base + off;
}

/* Append; returns the offset in the blob. */
static uint32_t bytes_put(struct blob *blob, const void *bytes, size_t len)
{
    return (uint32_t)(buffer_put(blob->out, bytes, len) - blob->base);
}

static uint32_t rows_put(struct blob *blob, const void *rows, size_t count, size_t size)
{
    buffer_align(blob->out, 8);
    return bytes_put(blob, rows, count * size);
}

static uint32_t node_off(const struct blob *blob, uint32_t node)
{
    return node == DRAFT_NONE ? 0 : blob->nodes + node * (uint32_t)sizeof(struct image_node);
}

/* RRsets ---------------------------------------------------------------------------------------------- */

/* A name of the rdata, cut short. `wire_off` is where the rrset begins. */
static void compressed_put(struct blob *blob, uint32_t wire_off, const uint8_t *name)
{
    uint16_t pointer;
    const uint32_t off = bytes_put(blob, NULL, 0) - wire_off;
    (void)bytes_put(blob, name, compress_name(&blob->compress, name, off, &pointer));
    if (pointer == 0)
        return;
    const uint8_t bytes[2] = {(uint8_t)(pointer >> 8), (uint8_t)pointer};
    const uint32_t fixup = bytes_put(blob, bytes, sizeof bytes) - wire_off;
    (void)buffer_put(&blob->fixups, &fixup, sizeof fixup);
}

static void rdata_put(struct blob *blob, uint32_t wire_off, uint16_t type, const uint8_t *rdata, size_t len)
{
    const struct image_names names = image_names_of(type);
    size_t at = names.skip;
    (void)bytes_put(blob, rdata, at);
    for (unsigned i = 0; i < names.count; i++, at += name_len(rdata + at))
        compressed_put(blob, wire_off, rdata + at);
    (void)bytes_put(blob, rdata + at, len - at);
}

/* The number of a hint's choice: that of the hint before it with the same service and kind, or the next. */
static uint8_t hint_choice(const struct blob *blob, uint32_t node, enum kind kind)
{
    const struct image_hint *known = (const void *)blob->hints.bytes;
    unsigned next = 0;
    for (size_t i = 0; i < blob->hints.len / sizeof *known; i++) {
        if (known[i].node_off == node && known[i].kind == kind)
            return known[i].choice;
        if (known[i].choice >= next)
            next = known[i].choice + 1u;
    }
    return (uint8_t)next;
}

/* Rdata without the hints that the answer fills, which go to `hints`. `rr_off` is where the record begins. */
static void hinted_put(struct blob *blob, uint32_t wire_off, uint32_t rr_off,
                       const struct draft_record *record)
{
    const uint8_t *rdata = blob->draft->rdata.bytes + record->rdata_off;
    struct svcb_autos autos;
    svcb_autos_find(rdata, record->rdata_len, &autos);
    size_t from = 0;
    for (unsigned i = 0; i < autos.count; from = autos.hints[i++].off + SVCB_AUTO_LEN) {
        (void)bytes_put(blob, rdata + from, autos.hints[i].off - from);
        const uint32_t node = node_off(blob, draft_hint_node(blob->draft, record));
        const struct image_hint hint = {
            .rr_off = rr_off - wire_off,
            .off = bytes_put(blob, NULL, 0) - wire_off,
            .node_off = node,
            .kind = (uint8_t)autos.hints[i].kind,
            .choice = hint_choice(blob, node, autos.hints[i].kind),
        };
        (void)buffer_put(&blob->hints, &hint, sizeof hint);
    }
    (void)bytes_put(blob, rdata + from, record->rdata_len - from);
}

/* Returns where the record begins. */
static uint32_t rr_put(struct blob *blob, uint32_t wire_off, uint32_t ttl_s,
                       const struct draft_record *record)
{
    uint8_t head[RR_HEAD];
    struct writer w = writer_of(head, sizeof head);
    writer_u16(&w, IMAGE_ZONE_POINTER);
    writer_u16(&w, record->type);
    writer_u16(&w, CLASS_IN);
    writer_u32(&w, ttl_s);
    const uint32_t start = bytes_put(blob, head, sizeof head);
    if (record->type == RDATA_SVCB || record->type == RDATA_HTTPS)
        hinted_put(blob, wire_off, start, record);
    else
        rdata_put(blob, wire_off, record->type, blob->draft->rdata.bytes + record->rdata_off,
                  record->rdata_len);
    if (blob->out->failed)
        return start;
    const size_t len = blob->out->len - blob->base - start - RR_HEAD;
    uint8_t *rdlength = (uint8_t *)blob_at(blob, start) + RR_HEAD - 2;
    rdlength[0] = (uint8_t)(len >> 8);
    rdlength[1] = (uint8_t)len;
    return start;
}

/* Where the name in a record's rdata begins whose addresses belong in the additional section, or NULL. */
static const uint8_t *extra_name(const struct draft *draft, const struct draft_record *record)
{
    const uint8_t *rdata = draft->rdata.bytes + record->rdata_off;
    switch (record->type) {
    case RDATA_NS:
        return rdata;
    case RDATA_MX:
        return rdata + 2;
    case RDATA_SRV:
        return rdata + 6;
    default:
        return NULL;
    }
}

/* Add the node of an in-zone target that has addresses, if it is not there yet. Below a cut they are glue,
 * which only an NS may show (RFC 1034 4.2.1). `rr_off` is where the record begins in the rrset's wire. */
static void extra_put(struct blob *blob, uint32_t rr_off, const struct draft_record *record)
{
    const struct draft *draft = blob->draft;
    const uint8_t *name = extra_name(draft, record);
    if (!name)
        return;
    const uint32_t idx = draft_node_find(draft, name, name_hash(name));
    if (idx == DRAFT_NONE ||
        (!draft_rrset_find(draft, idx, RDATA_A) && !draft_rrset_find(draft, idx, RDATA_AAAA)))
        return;
    const struct draft_node *node = draft_node(draft, idx);
    if (record->type != RDATA_NS && (node->above != DRAFT_NONE || (node->flags & NODE_CUT)))
        return;
    const struct image_extra *known = (const void *)blob->extras.bytes;
    const struct image_extra extra = {
        .node_off = node_off(blob, idx),
        .name_off = rr_off + RR_HEAD + (uint32_t)(name - (draft->rdata.bytes + record->rdata_off)),
    };
    for (size_t i = 0; i < blob->extras.len / sizeof extra; i++)
        if (known[i].node_off == extra.node_off)
            return;
    (void)buffer_put(&blob->extras, &extra, sizeof extra);
}

/* The owner, if names in the rdata may point to it: a wildcard's name is not in the reply, a stand-in has
 * none, and a CNAME's target is to be in one piece down to the zone's name. */
static const uint8_t *owner_of(const struct draft *draft, const struct draft_record *record)
{
    if (record->node == DRAFT_NONE || record->type == RDATA_CNAME)
        return NULL;
    const struct draft_node *node = draft_node(draft, record->node);
    return node->flags & NODE_WILDCARD ? NULL : draft->names.bytes + node->name_off;
}

static uint32_t scratch_put(struct blob *blob, const struct buffer *rows)
{
    if (rows->len == 0)
        return 0;
    buffer_align(blob->out, 4);
    return bytes_put(blob, rows->bytes, rows->len);
}

static struct image_rrset rrset_make(struct blob *blob, const struct draft_rrset *rrset, uint32_t ttl_s)
{
    blob->fixups.len = blob->extras.len = blob->hints.len = 0;
    const struct draft_record *first = draft_record(blob->draft, rrset->records_first);
    struct image_rrset row = {.type = rrset->type, .count = (uint16_t)rrset->records_count, .ttl_s = ttl_s};
    row.wire_off = bytes_put(blob, NULL, 0);
    compress_begin(&blob->compress, blob->draft->origin, owner_of(blob->draft, first));
    for (uint32_t i = 0; i < rrset->records_count; i++) {
        const struct draft_record *record = draft_record(blob->draft, rrset->records_first + i);
        const uint32_t rr_off = rr_put(blob, row.wire_off, ttl_s, record) - row.wire_off;
        extra_put(blob, rr_off, record);
    }
    row.wire_len = bytes_put(blob, NULL, 0) - row.wire_off;
    row.fixups_count = (uint16_t)(blob->fixups.len / sizeof(uint32_t));
    row.fixups_off = scratch_put(blob, &blob->fixups);
    row.extras_count = (uint16_t)(blob->extras.len / sizeof(struct image_extra));
    row.extras_off = scratch_put(blob, &blob->extras);
    row.hints_count = (uint32_t)(blob->hints.len / sizeof(struct image_hint));
    row.hints_off = scratch_put(blob, &blob->hints);
    if (row.type == RDATA_CNAME || row.type == RDATA_DNAME)
        row.target_off = bytes_put(blob, blob->draft->rdata.bytes + first->rdata_off, first->rdata_len);
    return row;
}

static void rrsets_write(struct blob *blob)
{
    const uint32_t count = draft_rrsets_count(blob->draft);
    for (uint32_t i = 0; i < count; i++) {
        const struct draft_rrset *rrset = draft_rrset(blob->draft, i);
        struct image_rrset row = rrset_make(blob, rrset, rrset->ttl_s);
        if (rrset->copy != 0)
            row.copy_off = blob->rrsets + rrset->copy * (uint32_t)sizeof row;
        ((struct image_rrset *)blob_at(blob, blob->rrsets))[i] = row;
    }
}

/* The number that begins `back` bytes before the end of the apex' SOA. */
static uint32_t soa_number(const struct draft *draft, unsigned back)
{
    const struct draft_record *record =
        draft_record(draft, draft_rrset_find(draft, 0, RDATA_SOA)->records_first);
    struct reader r = reader_of(draft->rdata.bytes + record->rdata_off + record->rdata_len - back, back);
    return reader_u32(&r);
}

/* One row behind the nodes' own: the SOA of negative answers (RFC 2308 3). */
static uint32_t negative_soa_write(struct blob *blob)
{
    const struct draft_rrset *soa = draft_rrset_find(blob->draft, 0, RDATA_SOA);
    const uint32_t minimum = soa_number(blob->draft, 4), count = draft_rrsets_count(blob->draft);
    const struct image_rrset row = rrset_make(blob, soa, minimum < soa->ttl_s ? minimum : soa->ttl_s);
    ((struct image_rrset *)blob_at(blob, blob->rrsets))[count] = row;
    return blob->rrsets + count * (uint32_t)sizeof row;
}

/* Services -------------------------------------------------------------------------------------------- */

static uint32_t text_off(const struct blob *blob, uint32_t off)
{
    return off == DRAFT_NONE ? 0 : blob->text + off;
}

static void endpoints_write(struct blob *blob)
{
    const struct draft *draft = blob->draft;
    for (uint32_t i = 0; i < draft_endpoints_count(draft); i++) {
        const struct draft_endpoint *endpoint = draft_endpoint(draft, i);
        const uint8_t *wire = draft->rdata.bytes + endpoint->wire_off;
        struct image_endpoint row = {.slot = endpoint->slot, .weight = endpoint->weight};
        if (endpoint->kind == KIND_HOST) {
            row.host.name_len = (uint32_t)name_len(wire);
            row.host.name_off = bytes_put(blob, wire, row.host.name_len);
        } else {
            memcpy(row.address, wire, endpoint->kind == KIND_V4 ? 4 : 16);
        }
        ((struct image_endpoint *)blob_at(blob, blob->endpoints))[i] = row;
    }
}

static void pools_write(struct blob *blob)
{
    struct image_pool_row *rows = blob_at(blob, blob->pools);
    for (uint32_t i = 0; i < draft_pools_count(blob->draft); i++) {
        const struct draft_pool *pool = draft_pool(blob->draft, i);
        const char *region = draft_text(blob->draft, pool->region_off);
        rows[i] = (struct image_pool_row){
            .region_hash = hash_bytes(region, strlen(region), 0),
            .slot = pool->slot,
            .weight = pool->weight,
            .min_up = pool->min_up,
            .endpoints_off =
                blob->endpoints + pool->endpoints_first * (uint32_t)sizeof(struct image_endpoint),
            .region = pool->region,
        };
        for (unsigned kind = 0; kind < KINDS; kind++)
            rows[i].counts[kind] = (uint16_t)pool->counts[kind];
    }
}

static void services_write(struct blob *blob)
{
    const struct draft *draft = blob->draft;
    struct image_service *rows = blob_at(blob, blob->services);
    for (uint32_t i = 0; i < draft_services_count(draft); i++) {
        const struct draft_service *service = draft_service(draft, i);
        const struct draft_node *node = draft_node(draft, service->node);
        rows[i] = (struct image_service){
            .hash = node->hash,
            .name_off = blob->names + node->name_off,
            .pools_off = blob->pools + service->pools_first * (uint32_t)sizeof(struct image_pool_row),
            .ttl_s = service->ttl_s,
            .answers = service->answers,
            .pools_count = (uint16_t)service->pools_count,
            .policy = service->policy,
            .panic_below = service->panic_below,
            .sticky = (uint8_t)service->sticky,
            .all_down = (uint8_t)service->all_down,
            .stand_ins_count = (uint8_t)service->stand_ins_count,
            .stand_ins_off = blob->rrsets + service->stand_ins_first * (uint32_t)sizeof(struct image_rrset),
        };
        for (uint32_t j = 0; j < service->pools_count; j++) {
            const struct draft_pool *pool = draft_pool(draft, service->pools_first + j);
            rows[i].regions[pool->region / 64] |= UINT64_C(1) << pool->region % 64;
            for (unsigned kind = 0; kind < KINDS; kind++)
                rows[i].kinds |= (uint8_t)(pool->counts[kind] > 0 ? 1u << kind : 0);
        }
    }
}

/* What control needs of one pool: a row for it and one for each endpoint. */
static struct image_subject *subjects_of_pool(const struct blob *blob, const struct draft_service *service,
                                              const struct draft_pool *pool, struct image_subject *row)
{
    const struct image_subject subject = {
        .kind = SUBJECT_POOL,
        .slot = pool->slot,
        .service_off = text_off(blob, service->name_off),
        .region_off = text_off(blob, pool->region_off),
        .region = pool->region,
        .min_up = (uint16_t)pool->min_up,
    };
    *row++ = subject;
    for (uint32_t i = 0; i < pool->endpoints_count; i++) {
        const struct draft_endpoint *endpoint = draft_endpoint(blob->draft, pool->endpoints_first + i);
        *row = subject;
        row->kind = SUBJECT_ENDPOINT;
        row->slot = endpoint->slot;
        row->family = (uint8_t)endpoint->kind;
        row->address_off = text_off(blob, endpoint->address_off);
        row->check_off = text_off(blob, endpoint->check_off);
        row->monitor_off = text_off(blob, service->monitor_off);
        row++;
    }
    return row;
}

static void subjects_write(struct blob *blob)
{
    const struct draft *draft = blob->draft;
    struct image_subject *row = blob_at(blob, blob->subjects);
    for (uint32_t i = 0; i < draft_services_count(draft); i++) {
        const struct draft_service *service = draft_service(draft, i);
        for (uint32_t j = 0; j < service->pools_count; j++)
            row = subjects_of_pool(blob, service, draft_pool(draft, service->pools_first + j), row);
    }
}

/* Peers ----------------------------------------------------------------------------------------------- */

static void keys_write(struct blob *blob)
{
    const struct draft *draft = blob->draft;
    for (uint32_t i = 0; i < draft_keys_count(draft); i++) {
        const struct draft_key *key = draft_key(draft, i);
        const uint8_t *name = draft->rdata.bytes + key->name_off;
        const struct image_key row = {
            .name_off = bytes_put(blob, name, name_len(name)),
            .secret_off = bytes_put(blob, draft->rdata.bytes + key->secret_off, key->secret_len),
            .secret_len = key->secret_len,
            .algorithm = (uint8_t)key->algorithm,
        };
        ((struct image_key *)blob_at(blob, blob->keys))[i] = row;
    }
}

static void peers_write(struct blob *blob)
{
    struct image_peer *rows = blob_at(blob, blob->peers);
    for (uint32_t i = 0; i < draft_peers_count(blob->draft); i++) {
        const struct draft_peer *peer = draft_peer(blob->draft, i);
        rows[i] = (struct image_peer){
            .key_off =
                peer->key == DRAFT_NONE ? 0 : blob->keys + peer->key * (uint32_t)sizeof(struct image_key),
            .port = peer->port,
            .kind = (uint8_t)peer->kind,
            .family = peer->net.ip.family,
            .bits = peer->net.bits,
        };
        memcpy(rows[i].address, peer->net.ip.bytes, sizeof rows[i].address);
    }
}

/* The whole ------------------------------------------------------------------------------------------- */

static void nodes_write(struct blob *blob)
{
    struct image_node *rows = blob_at(blob, blob->nodes);
    struct image_slot *table = blob_at(blob, blob->table);
    for (uint32_t i = 0; i < draft_nodes_count(blob->draft); i++) {
        const struct draft_node *node = draft_node(blob->draft, i);
        rows[i] = (struct image_node){
            .name_off = blob->names + node->name_off,
            .rrsets_off = blob->rrsets + node->rrsets_first * (uint32_t)sizeof(struct image_rrset),
            .rrsets_count = (uint16_t)node->rrsets_count,
            .flags = (uint16_t)node->flags,
            .wild_off = node_off(blob, node->wild),
            .above_off = node_off(blob, node->above),
        };
        if (node->service != DRAFT_NONE)
            rows[i].service_off = blob->services + node->service * (uint32_t)sizeof(struct image_service);
        uint32_t at = (uint32_t)node->hash & blob->table_mask;
        while (table[at].off != 0)
            at = (at + 1) & blob->table_mask;
        table[at] = (struct image_slot){.tag = (uint32_t)(node->hash >> 32), .off = node_off(blob, i)};
    }
}

/* Room for all that is of known size, and the names and texts as they are in the draft. */
static void parts_put(struct blob *blob)
{
    const struct draft *draft = blob->draft;
    const uint32_t nodes_count = draft_nodes_count(draft);
    uint32_t slots = 2;
    while (slots < 2 * (uint64_t)nodes_count)
        slots *= 2;
    buffer_align(blob->out, 8);
    blob->base = blob->out->len;
    blob->table_mask = slots - 1;
    (void)bytes_put(blob, NULL, sizeof(struct image_zone));
    blob->table = rows_put(blob, NULL, slots, sizeof(struct image_slot));
    blob->nodes = rows_put(blob, NULL, nodes_count, sizeof(struct image_node));
    blob->rrsets = rows_put(blob, NULL, draft_rrsets_count(draft) + 1, sizeof(struct image_rrset));
    blob->services = rows_put(blob, NULL, draft_services_count(draft), sizeof(struct image_service));
    blob->pools = rows_put(blob, NULL, draft_pools_count(draft), sizeof(struct image_pool_row));
    blob->endpoints = rows_put(blob, NULL, draft_endpoints_count(draft), sizeof(struct image_endpoint));
    blob->subjects = rows_put(blob, NULL, draft_pools_count(draft) + draft_endpoints_count(draft),
                              sizeof(struct image_subject));
    blob->peers = rows_put(blob, NULL, draft_peers_count(draft), sizeof(struct image_peer));
    blob->keys = rows_put(blob, NULL, draft_keys_count(draft), sizeof(struct image_key));
    blob->names = bytes_put(blob, draft->names.bytes, draft->names.len);
    blob->text = bytes_put(blob, draft->text.bytes, draft->text.len);
}

/* The apex' SOA among its rrsets. */
static uint32_t soa_off(const struct blob *blob)
{
    const struct draft_rrset *soa = draft_rrset_find(blob->draft, 0, RDATA_SOA);
    return blob->rrsets +
           (uint32_t)(soa - draft_rrset(blob->draft, 0)) * (uint32_t)sizeof(struct image_rrset);
}

static void head_write(struct blob *blob, uint64_t fingerprint, uint32_t negative_soa_off)
{
    const struct draft *draft = blob->draft;
    const struct image_zone head = {
        .len = (uint32_t)(blob->out->len - blob->base),
        .flags = draft->flags,
        .serial = soa_number(draft, 20),
        .name_off = blob->names + draft_node(draft, 0)->name_off,
        .name_len = (uint32_t)draft->origin_len,
        .table_mask = blob->table_mask,
        .table_off = blob->table,
        .nodes_count = draft_nodes_count(draft),
        .apex_off = blob->nodes,
        .soa_off = soa_off(blob),
        .negative_soa_off = negative_soa_off,
        .subjects_off = blob->subjects,
        .subjects_count = draft_pools_count(draft) + draft_endpoints_count(draft),
        .peers_off = blob->peers,
        .peers_count = draft_peers_count(draft),
        .keys_off = blob->keys,
        .keys_count = draft_keys_count(draft),
        .fingerprint = fingerprint,
    };
    memcpy(blob_at(blob, 0), &head, sizeof head);
}

enum err blob_put(const struct draft *draft, uint64_t fingerprint, struct buffer *out, struct diag *reterr)
{
    struct blob blob = {.draft = draft, .out = out};
    parts_put(&blob);
    if (!out->failed) {
        nodes_write(&blob);
        rrsets_write(&blob);
        const uint32_t negative_soa_off = negative_soa_write(&blob);
        endpoints_write(&blob);
        pools_write(&blob);
        services_write(&blob);
        subjects_write(&blob);
        peers_write(&blob);
        keys_write(&blob);
        (void)bytes_put(&blob, "", 1); /* the last byte is NUL, so that every text ends in the blob */
        buffer_align(out, 8);
        if (!out->failed)
            head_write(&blob, fingerprint, negative_soa_off);
    }
    if (blob.fixups.failed || blob.extras.failed || blob.hints.failed)
        out->failed = true;
    buffer_fini(&blob.fixups);
    buffer_fini(&blob.extras);
    buffer_fini(&blob.hints);
    return buffer_check(out, reterr);
}
