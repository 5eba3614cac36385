#include "zones/compile/draft.h"

#include "zones/rdata/rdata.h"
#include "zones/rdata/svcb.h"

#include <stdlib.h>
#include <string.h>

enum { TABLE_START = 64, BUFFERS = 13 };

/* All buffers that a zone fills. */
static void buffers_of(struct draft *draft, struct buffer *ret[BUFFERS])
{
    struct buffer *all[BUFFERS] = {&draft->names, &draft->nodes,     &draft->table,  &draft->records,
                                   &draft->rdata, &draft->order,     &draft->rrsets, &draft->services,
                                   &draft->pools, &draft->endpoints, &draft->keys,   &draft->peers,
                                   &draft->text};
    memcpy(ret, all, sizeof all);
}

void draft_fini(struct draft *draft)
{
    struct buffer *all[BUFFERS];
    buffers_of(draft, all);
    for (size_t i = 0; i < BUFFERS; i++)
        buffer_fini(all[i]);
    buffer_fini(&draft->scratch);
}

uint8_t *draft_scratch(struct draft *draft)
{
    if (draft->scratch.len == 0)
        (void)buffer_put(&draft->scratch, NULL, RDATA_MAX);
    return draft->scratch.failed ? NULL : draft->scratch.bytes;
}

/* Nodes ---------------------------------------------------------------------------------------- */

static uint32_t *table_slots(const struct draft *draft)
{
    return (uint32_t *)(void *)draft->table.bytes;
}

static uint32_t table_mask(const struct draft *draft)
{
    return (uint32_t)(draft->table.len / sizeof(uint32_t)) - 1;
}

static void table_put(struct draft *draft, uint32_t node)
{
    uint32_t at = (uint32_t)draft_node(draft, node)->hash & table_mask(draft);
    while (table_slots(draft)[at] != 0)
        at = (at + 1) & table_mask(draft);
    table_slots(draft)[at] = node + 1;
}

/* Twice as many slots, all nodes put again. */
static void table_grow(struct draft *draft)
{
    const size_t len = draft->table.len ? draft->table.len * 2 : TABLE_START * sizeof(uint32_t);
    draft->table.len = 0;
    (void)buffer_put(&draft->table, NULL, len);
    for (uint32_t i = 0; i < draft_nodes_count(draft) && !draft->table.failed; i++)
        table_put(draft, i);
}

uint32_t draft_node_find(const struct draft *draft, const uint8_t *name, uint64_t hash)
{
    const uint32_t mask = table_mask(draft);
    for (uint32_t at = (uint32_t)hash & mask; table_slots(draft)[at] != 0; at = (at + 1) & mask) {
        const uint32_t node = table_slots(draft)[at] - 1;
        if (draft_node(draft, node)->hash == hash && name_equal(draft_node_name(draft, node), name))
            return node;
    }
    return DRAFT_NONE;
}

static bool nodes_failed(const struct draft *draft)
{
    return draft->nodes.failed || draft->table.failed || draft->names.failed;
}

static void node_put(struct draft *draft, uint64_t hash, size_t name_off, uint32_t parent)
{
    const uint32_t idx = draft_nodes_count(draft);
    const struct draft_node node = {
        .hash = hash,
        .name_off = (uint32_t)name_off,
        .parent = parent,
        .service = DRAFT_NONE,
        .wild = DRAFT_NONE,
        .above = DRAFT_NONE,
    };
    (void)buffer_put(&draft->nodes, &node, sizeof node);
    if (nodes_failed(draft))
        return;
    if ((size_t)(idx + 1) * 2 * sizeof(uint32_t) > draft->table.len)
        table_grow(draft);
    else
        table_put(draft, idx);
}

static enum err memory_error(struct diag *reterr)
{
    return diag_set(reterr, ERR_MEMORY, "out of memory");
}

/* The node of a name; it and those that are missing above it are made, from the top down. */
static enum err node_get(struct draft *draft, const uint8_t *name, uint32_t *ret, struct diag *reterr)
{
    struct name_suffixes suffixes;
    name_suffixes(name, &suffixes);
    const unsigned apex = suffixes.labels - draft->origin_labels;
    if (suffixes.labels < draft->origin_labels || suffixes.hash[apex] != draft->origin_hash ||
        !name_equal(name + suffixes.off[apex], draft->origin))
        return diag_set(reterr, ERR_SYNTAX, "is not in the zone");
    unsigned idx = 0;
    uint32_t node;
    while ((node = draft_node_find(draft, name + suffixes.off[idx], suffixes.hash[idx])) == DRAFT_NONE)
        idx++;
    if (idx > 0) {
        uint8_t lower[NAME_WIRE_MAX];
        const size_t name_off = buffer_put(&draft->names, lower, name_lower(name, lower));
        while (idx-- > 0) {
            node_put(draft, suffixes.hash[idx], name_off + suffixes.off[idx], node);
            if (nodes_failed(draft))
                return memory_error(reterr);
            node = draft_nodes_count(draft) - 1;
        }
    }
    *ret = node;
    return OK;
}

void draft_begin(struct draft *draft, const uint8_t *origin)
{
    struct buffer *all[BUFFERS];
    buffers_of(draft, all);
    for (size_t i = 0; i < BUFFERS; i++)
        all[i]->len = 0;
    buffer_reserve(&draft->rdata, 1); /* data of no bytes has a place too */
    draft->flags = 0;
    draft->origin_len = name_len(origin);
    memcpy(draft->origin, origin, draft->origin_len);
    draft->origin_hash = name_hash(origin);
    draft->origin_labels = name_labels(origin);
    uint8_t lower[NAME_WIRE_MAX];
    const size_t name_off = buffer_put(&draft->names, lower, name_lower(origin, lower));
    node_put(draft, draft->origin_hash, name_off, 0);
}

/* Puts ----------------------------------------------------------------------------------------- */

enum err draft_record_put(struct draft *draft, const uint8_t *name, uint16_t type, uint32_t ttl_s,
                          const uint8_t *rdata, size_t rdata_len, struct diag *reterr)
{
    struct draft_record record = {.type = type, .ttl_s = ttl_s, .rdata_len = (uint16_t)rdata_len};
    if (nodes_failed(draft))
        return memory_error(reterr);
    const enum err err = node_get(draft, name, &record.node, reterr);
    if (err != OK)
        return err;
    record.rdata_off = (uint32_t)buffer_put(&draft->rdata, rdata, rdata_len);
    (void)buffer_put(&draft->records, &record, sizeof record);
    if (draft->rdata.failed || draft->records.failed)
        return memory_error(reterr);
    draft_node(draft, record.node)->records_count++;
    return OK;
}

enum err draft_service_put(struct draft *draft, const uint8_t *name, const struct draft_service *service,
                           struct diag *reterr)
{
    struct draft_service row = *service;
    if (nodes_failed(draft))
        return memory_error(reterr);
    const enum err err = node_get(draft, name, &row.node, reterr);
    if (err != OK)
        return err;
    row.pools_first = draft_pools_count(draft);
    (void)buffer_put(&draft->services, &row, sizeof row);
    if (draft->services.failed)
        return memory_error(reterr);
    draft_node(draft, row.node)->service = draft_services_count(draft) - 1;
    return OK;
}

void draft_pool_put(struct draft *draft, const struct draft_pool *pool)
{
    struct draft_pool row = *pool;
    row.endpoints_first = draft_endpoints_count(draft);
    (void)buffer_put(&draft->pools, &row, sizeof row);
    if (!draft->pools.failed)
        draft_service(draft, draft_services_count(draft) - 1)->pools_count++;
}

void draft_endpoint_put(struct draft *draft, const struct draft_endpoint *endpoint)
{
    (void)buffer_put(&draft->endpoints, endpoint, sizeof *endpoint);
    if (draft->pools.failed || draft->endpoints.failed)
        return;
    struct draft_pool *pool = draft_pool(draft, draft_pools_count(draft) - 1);
    pool->endpoints_count++;
    pool->counts[endpoint->kind]++;
}

uint32_t draft_text_put(struct draft *draft, const char *text)
{
    return (uint32_t)buffer_put(&draft->text, text, strlen(text) + 1);
}

/* Order ---------------------------------------------------------------------------------------- */

static int record_compare(const struct draft *draft, const struct draft_record *a,
                          const struct draft_record *b)
{
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    const uint8_t *rdata = draft->rdata.bytes;
    return rdata_compare(a->type, rdata + a->rdata_off, a->rdata_len, rdata + b->rdata_off, b->rdata_len);
}

/* Of records that are the same, the one that was put first comes first. */
static int place_compare(const void *a, const void *b, void *arg)
{
    const struct draft *draft = arg;
    const struct draft_record *records = (const void *)draft->records.bytes;
    const uint32_t *ia = a, *ib = b;
    const int order = record_compare(draft, &records[*ia], &records[*ib]);
    return order != 0 ? order : (*ia > *ib) - (*ia < *ib);
}

/* Records by node: a counting sort, since their number is known for each node. */
static void order_by_node(struct draft *draft)
{
    const uint32_t count = (uint32_t)(draft->records.len / sizeof(struct draft_record));
    (void)buffer_put(&draft->order, NULL, count * sizeof(uint32_t));
    if (draft->order.failed)
        return;
    uint32_t first = 0;
    for (uint32_t i = 0; i < draft_nodes_count(draft); i++) {
        struct draft_node *node = draft_node(draft, i);
        node->rrsets_first = first; /* for now the next free place of the node's records */
        first += node->records_count;
    }
    const struct draft_record *records = (const void *)draft->records.bytes;
    uint32_t *order = (void *)draft->order.bytes;
    for (uint32_t i = 0; i < count; i++)
        order[draft_node(draft, records[i].node)->rrsets_first++] = i;
}

/* The rrset that a node's next record goes to: its last one, or a new one that begins at `place`. */
static struct draft_rrset *rrset_get(struct draft *draft, const struct draft_node *node, uint16_t type,
                                     uint32_t place)
{
    const uint32_t count = draft_rrsets_count(draft);
    if (count == node->rrsets_first || draft_rrset(draft, count - 1)->type != type) {
        const struct draft_rrset rrset = {.records_first = place, .type = type, .ttl_s = UINT32_MAX};
        (void)buffer_put(&draft->rrsets, &rrset, sizeof rrset);
    }
    return draft->rrsets.failed ? NULL : draft_rrset(draft, draft_rrsets_count(draft) - 1);
}

/* One node's records, at `first` of `order`, sorted and without duplicates, to rrsets. */
static void node_group(struct draft *draft, struct draft_node *node, uint32_t first)
{
    uint32_t *order = (void *)draft->order.bytes;
    if (node->records_count > 1)
        qsort_r(order + first, node->records_count, sizeof *order, place_compare, draft);
    node->rrsets_first = draft_rrsets_count(draft);
    uint32_t place = first;
    for (uint32_t i = first; i < first + node->records_count; i++) {
        const struct draft_record *record = draft_record(draft, i);
        struct draft_rrset *rrset = rrset_get(draft, node, record->type, place);
        if (!rrset)
            return;
        if (record->ttl_s < rrset->ttl_s)
            rrset->ttl_s = record->ttl_s;
        if (rrset->records_count > 0 && record_compare(draft, draft_record(draft, place - 1), record) == 0)
            continue;
        order[place++] = order[i];
        rrset->records_count++;
    }
    node->rrsets_count = draft_rrsets_count(draft) - node->rrsets_first;
}

const struct draft_rrset *draft_rrset_find(const struct draft *draft, uint32_t node, uint16_t type)
{
    const struct draft_node *row = draft_node(draft, node);
    for (uint32_t i = 0; i < row->rrsets_count; i++) {
        const struct draft_rrset *rrset = draft_rrset(draft, row->rrsets_first + i);
        if (rrset->type == type)
            return rrset;
    }
    return NULL;
}

uint32_t draft_hint_node(const struct draft *draft, const struct draft_record *record)
{
    const uint8_t *target = svcb_target(draft->rdata.bytes + record->rdata_off);
    return *target ? draft_node_find(draft, target, name_hash(target)) : record->node;
}

/* Parents come before children, so that one pass tells what is above every node. */
static void node_relate(struct draft *draft, uint32_t idx)
{
    struct draft_node *node = draft_node(draft, idx), *parent = draft_node(draft, node->parent);
    const uint8_t *name = draft_node_name(draft, idx);
    const bool wildcard = name[0] == 1 && name[1] == '*';
    node->flags |= wildcard ? NODE_WILDCARD : 0;
    node->flags |= node->rrsets_count == 0 && node->service == DRAFT_NONE ? NODE_EMPTY : 0;
    node->flags |= draft_rrset_find(draft, idx, RDATA_DNAME) ? NODE_DNAME : 0;
    if (idx == 0)
        return;
    node->flags |= !wildcard && draft_rrset_find(draft, idx, RDATA_NS) ? NODE_CUT : 0;
    if (wildcard)
        parent->wild = idx;
    if (parent->above != DRAFT_NONE)
        node->above = parent->above;
    else if (parent->flags & (NODE_CUT | NODE_DNAME))
        node->above = node->parent;
}

static int endpoint_compare(const void *a, const void *b)
{
    const struct draft_endpoint *ea = a, *eb = b;
    if (ea->kind != eb->kind)
        return ea->kind < eb->kind ? -1 : 1;
    return ea->address_off < eb->address_off ? -1 : ea->address_off > eb->address_off;
}

static int pool_compare(const void *a, const void *b)
{
    const struct draft_pool *pa = a, *pb = b;
    return (int)pa->region - (int)pb->region;
}

/* Pools by region, endpoints by kind. */
static void services_sort(struct draft *draft)
{
    for (uint32_t i = 0; i < draft_services_count(draft); i++) {
        const struct draft_service *service = draft_service(draft, i);
        if (service->pools_count > 1)
            qsort(draft_pool(draft, service->pools_first), service->pools_count, sizeof(struct draft_pool),
                  pool_compare);
    }
    for (uint32_t i = 0; i < draft_pools_count(draft); i++) {
        const struct draft_pool *pool = draft_pool(draft, i);
        if (pool->endpoints_count > 1)
            qsort(draft_endpoint(draft, pool->endpoints_first), pool->endpoints_count,
                  sizeof(struct draft_endpoint), endpoint_compare);
    }
}

enum err draft_group(struct draft *draft, struct diag *reterr)
{
    struct buffer *all[BUFFERS];
    buffers_of(draft, all);
    order_by_node(draft);
    for (size_t i = 0; i < BUFFERS; i++)
        if (all[i]->failed)
            return memory_error(reterr);
    for (uint32_t i = 0, first = 0; i < draft_nodes_count(draft); i++) {
        struct draft_node *node = draft_node(draft, i);
        node_group(draft, node, first);
        if (draft->rrsets.failed)
            return memory_error(reterr);
        first += node->records_count;
        node_relate(draft, i);
    }
    services_sort(draft);
    return OK;
}

/* Stand-ins ------------------------------------------------------------------------------------ */

void draft_stand_in_put(struct draft *draft, uint32_t service, uint16_t type)
{
    struct draft_service *row = draft_service(draft, service);
    const struct draft_rrset rrset = {
        .records_first = (uint32_t)(draft->order.len / sizeof(uint32_t)),
        .ttl_s = row->ttl_s,
        .type = type,
    };
    if (row->stand_ins_count == 0)
        row->stand_ins_first = draft_rrsets_count(draft);
    row->stand_ins_count++;
    (void)buffer_put(&draft->rrsets, &rrset, sizeof rrset);
}

void draft_stand_in_record_put(struct draft *draft, const struct draft_endpoint *endpoint)
{
    static const uint16_t lens[] = {[KIND_V4] = 4, [KIND_V6] = 16};
    if (draft->rrsets.failed)
        return;
    struct draft_rrset *rrset = draft_rrset(draft, draft_rrsets_count(draft) - 1);
    const uint8_t *wire = draft->rdata.bytes + endpoint->wire_off;
    const uint32_t idx = (uint32_t)(draft->records.len / sizeof(struct draft_record));
    const struct draft_record record = {
        .node = DRAFT_NONE,
        .ttl_s = rrset->ttl_s,
        .rdata_off = endpoint->wire_off,
        .rdata_len = endpoint->kind == KIND_HOST ? (uint16_t)name_len(wire) : lens[endpoint->kind],
        .type = rrset->type,
    };
    rrset->records_count++;
    (void)buffer_put(&draft->records, &record, sizeof record);
    (void)buffer_put(&draft->order, &idx, sizeof idx);
}

void draft_copy_put(struct draft *draft, uint32_t idx, uint32_t ttl_s)
{
    const struct draft_rrset copy = {
        .records_first = (uint32_t)(draft->order.len / sizeof(uint32_t)),
        .ttl_s = ttl_s,
        .type = draft_rrset(draft, idx)->type,
    };
    draft_rrset(draft, idx)->copy = draft_rrsets_count(draft);
    (void)buffer_put(&draft->rrsets, &copy, sizeof copy);
}

void draft_copy_record_put(struct draft *draft, const struct draft_record *like, const uint8_t *rdata,
                           size_t rdata_len)
{
    if (draft->rrsets.failed)
        return;
    struct draft_rrset *rrset = draft_rrset(draft, draft_rrsets_count(draft) - 1);
    const uint32_t idx = (uint32_t)(draft->records.len / sizeof(struct draft_record));
    struct draft_record record = *like;
    record.ttl_s = rrset->ttl_s;
    record.rdata_off = (uint32_t)buffer_put(&draft->rdata, rdata, rdata_len);
    record.rdata_len = (uint16_t)rdata_len;
    rrset->records_count++;
    (void)buffer_put(&draft->records, &record, sizeof record);
    (void)buffer_put(&draft->order, &idx, sizeof idx);
}
