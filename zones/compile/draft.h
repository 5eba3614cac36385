/* zones/compile/draft.h - a zone on its way from the store's rows to a blob: its names, records and services
 * in wire form.
 *
 * Filled by zones/compile/compile_zone.c with draft_*_put(), put in order by draft_group(), judged by
 * zones/compile/zone_check.c and written down by zones/compile/blob.c. One draft serves a whole compile:
 * draft_begin() empties it and keeps its memory. Everything lies in growable rows and is known by its index
 * there, so that a million records cost a few dozen allocations. Names are kept once: an empty non-terminal's
 * is the tail of the name below it.
 *
 * A service of a zone that others may copy has *stand-ins*: rrsets of no node, which a secondary is given in
 * its place.
 *
 * A parent always has a lower index than its children; the apex is node 0.
 *
 * Memory is sticky as in common/buffer.h: draft_group() tells whether it ran out.
 */
#ifndef ZONES_COMPILE_DRAFT_H
#define ZONES_COMPILE_DRAFT_H

#include "common/buffer.h"
#include "common/err.h"
#include "common/ip.h"
#include "common/name.h"
#include "zones/image/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DRAFT_NONE UINT32_MAX

enum {
    DRAFT_TTL_MAX = 0x7fffffff, /* RFC 2181 8 */
};

struct draft_node {
    uint64_t hash;
    uint32_t name_off; /* in `names`, lower case */
    uint32_t parent;   /* node; the apex's is the apex */
    uint32_t records_count;
    uint32_t rrsets_first, rrsets_count; /* in `rrsets` */
    uint32_t service; /* or DRAFT_NONE */
    uint32_t wild;    /* the node "*" right below, or DRAFT_NONE */
    uint32_t above;   /* the topmost cut or DNAME strictly above, or DRAFT_NONE */
    uint32_t flags;   /* enum node_flag */
};

struct draft_record {
    uint32_t node;
    uint32_t ttl_s;
    uint32_t rdata_off; /* in `rdata` */
    uint16_t rdata_len;
    uint16_t type;
};

struct draft_rrset {
    uint32_t records_first, records_count; /* in `order` */
    uint32_t ttl_s;                        /* the lowest of its records' (RFC 2181 5.2) */
    uint32_t copy; /* in `rrsets`: what a secondary is given in its place; 0: itself */
    uint16_t type;
};

struct draft_service {
    uint32_t node;
    uint32_t name_off;    /* in `text` */
    uint32_t monitor_off; /* in `text`, or DRAFT_NONE */
    uint32_t pools_first, pools_count;
    uint32_t stand_ins_first, stand_ins_count; /* in `rrsets` */
    uint32_t ttl_s;
    uint32_t answers;
    uint16_t policy;
    uint16_t panic_below;
    enum sticky sticky;
    enum all_down all_down;
};

struct draft_pool {
    uint32_t region_off; /* in `text` */
    uint32_t endpoints_first, endpoints_count;
    uint32_t weight, min_up;
    uint32_t slot;
    uint32_t counts[KINDS];
    uint16_t region;
};

struct draft_endpoint {
    uint32_t address_off; /* in `text` */
    uint32_t check_off;   /* in `text` */
    uint32_t weight;
    uint32_t slot;
    enum kind kind;
    uint32_t wire_off; /* in `rdata`: 4 or 16 bytes of address, or a name */
};

struct draft_key {
    uint32_t text_off;   /* its name in `text` */
    uint32_t name_off;   /* in `rdata`: wire, lower case */
    uint32_t secret_off; /* in `rdata` */
    uint16_t secret_len;
    enum tsig_algorithm algorithm;
};

struct draft_peer {
    enum peer_kind kind;
    uint32_t key; /* or DRAFT_NONE */
    struct prefix net; /* family IP_NONE: from anywhere */
    uint16_t port;
};

struct draft {
    uint8_t origin[NAME_WIRE_MAX]; /* as written */
    size_t origin_len;
    uint64_t origin_hash;
    unsigned origin_labels;
    uint32_t flags;          /* enum zone_flag, for the blob */
    struct buffer names;
    struct buffer nodes;     /* struct draft_node */
    struct buffer table;     /* uint32_t: node + 1, by hash; 0 is empty */
    struct buffer records;   /* struct draft_record */
    struct buffer rdata;
    struct buffer order;     /* uint32_t: records by node, type and rdata, without duplicates */
    struct buffer rrsets;    /* struct draft_rrset, by node and type */
    struct buffer services;  /* struct draft_service */
    struct buffer pools;     /* struct draft_pool, by service and region */
    struct buffer endpoints; /* struct draft_endpoint, by pool and kind */
    struct buffer keys;      /* struct draft_key */
    struct buffer peers;     /* struct draft_peer */
    struct buffer text;      /* NUL-terminated strings */
    struct buffer scratch;   /* for one record's rdata on its way in */
};

void draft_fini(struct draft *draft);

/* Empty it for the zone `origin` (wire), whose apex becomes node 0. */
void draft_begin(struct draft *draft, const uint8_t *origin);

/* RDATA_MAX bytes to parse a record's data into, or NULL when memory is out. */
uint8_t *draft_scratch(struct draft *draft);

/* Append a record of `name` (wire). ERR_SYNTAX: the name is not in the zone. ERR_MEMORY. */
NODISCARD enum err draft_record_put(struct draft *draft, const uint8_t *name, uint16_t type, uint32_t ttl_s,
                                    const uint8_t *rdata, size_t rdata_len, struct diag *reterr);

/* Append a service at `name`; `service->node` is filled in, its pools and endpoints follow. Errors
 * as above. */
NODISCARD enum err draft_service_put(struct draft *draft, const uint8_t *name,
                                     const struct draft_service *service, struct diag *reterr);

/* Append to the last service and its last pool. */
void draft_pool_put(struct draft *draft, const struct draft_pool *pool);
void draft_endpoint_put(struct draft *draft, const struct draft_endpoint *endpoint);

/* Append a string; returns its offset in `text`. */
uint32_t draft_text_put(struct draft *draft, const char *text);

/* After the last put: records become rrsets, pools are sorted by region and endpoints by kind, and every node
 * gets its flags, its wildcard and what is above it. ERR_MEMORY: here or in a put before. */
NODISCARD enum err draft_group(struct draft *draft, struct diag *reterr);

/* After draft_group(): append an empty stand-in of `type` for a service, whose last one it is, and records to
 * it. */
void draft_stand_in_put(struct draft *draft, uint32_t service, uint16_t type);
void draft_stand_in_record_put(struct draft *draft, const struct draft_endpoint *endpoint);

/* After the stand-ins: append an empty copy of rrset `idx`, and records to it, `like` those of the rrset
 * but for their rdata. */
void draft_copy_put(struct draft *draft, uint32_t idx, uint32_t ttl_s);
void draft_copy_record_put(struct draft *draft, const struct draft_record *like, const uint8_t *rdata,
                           size_t rdata_len);

/* The node of a name (wire) whose name_hash() is `hash`, or DRAFT_NONE. */
uint32_t draft_node_find(const struct draft *draft, const uint8_t *name, uint64_t hash);

/* Rows ----------------------------------------------------------------------------------------- */

static inline struct draft_node *draft_node(const struct draft *draft, uint32_t idx)
{
    return (struct draft_node *)(void *)draft->nodes.bytes + idx;
}

static inline uint32_t draft_nodes_count(const struct draft *draft)
{
    return (uint32_t)(draft->nodes.len / sizeof(struct draft_node));
}

static inline const uint8_t *draft_node_name(const struct draft *draft, uint32_t idx)
{
    return draft->names.bytes + draft_node(draft, idx)->name_off;
}

/* The record at a place of `order`. */
static inline struct draft_record *draft_record(const struct draft *draft, uint32_t place)
{
    return (struct draft_record *)(void *)draft->records.bytes +
           ((uint32_t *)(void *)draft->order.bytes)[place];
}

static inline struct draft_rrset *draft_rrset(const struct draft *draft, uint32_t idx)
{
    return (struct draft_rrset *)(void *)draft->rrsets.bytes + idx;
}

static inline uint32_t draft_rrsets_count(const struct draft *draft)
{
    return (uint32_t)(draft->rrsets.len / sizeof(struct draft_rrset));
}

static inline struct draft_service *draft_service(const struct draft *draft, uint32_t idx)
{
    return (struct draft_service *)(void *)draft->services.bytes + idx;
}

static inline uint32_t draft_services_count(const struct draft *draft)
{
    return (uint32_t)(draft->services.len / sizeof(struct draft_service));
}

static inline struct draft_pool *draft_pool(const struct draft *draft, uint32_t idx)
{
    return (struct draft_pool *)(void *)draft->pools.bytes + idx;
}

static inline uint32_t draft_pools_count(const struct draft *draft)
{
    return (uint32_t)(draft->pools.len / sizeof(struct draft_pool));
}

static inline struct draft_endpoint *draft_endpoint(const struct draft *draft, uint32_t idx)
{
    return (struct draft_endpoint *)(void *)draft->endpoints.bytes + idx;
}

static inline uint32_t draft_endpoints_count(const struct draft *draft)
{
    return (uint32_t)(draft->endpoints.len / sizeof(struct draft_endpoint));
}

static inline struct draft_key *draft_key(const struct draft *draft, uint32_t idx)
{
    return (struct draft_key *)(void *)draft->keys.bytes + idx;
}

static inline uint32_t draft_keys_count(const struct draft *draft)
{
    return (uint32_t)(draft->keys.len / sizeof(struct draft_key));
}

static inline struct draft_peer *draft_peer(const struct draft *draft, uint32_t idx)
{
    return (struct draft_peer *)(void *)draft->peers.bytes + idx;
}

static inline uint32_t draft_peers_count(const struct draft *draft)
{
    return (uint32_t)(draft->peers.len / sizeof(struct draft_peer));
}

static inline const char *draft_text(const struct draft *draft, uint32_t off)
{
    return (const char *)draft->text.bytes + off;
}

/* The node whose addresses the hints of an SVCB or HTTPS record are: its target's, or its own; DRAFT_NONE:
 * the target is no name of the zone. */
uint32_t draft_hint_node(const struct draft *draft, const struct draft_record *record);

/* The rrset of a type at a node, or NULL. */
const struct draft_rrset *draft_rrset_find(const struct draft *draft, uint32_t node, uint16_t type);

#endif
