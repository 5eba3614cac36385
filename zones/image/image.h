/* zones/image/image.h - the zone image: everything a worker needs to answer for a zone, in one piece of
 * memory.
 *
 * Written by zones/compile/pack.c in a compiler process, sealed, then mapped read-only by workers, by control
 * and by gslbctl; nobody writes it again. Zones are kept in PACKS_MAX *packs*, by the hash of the zone's
 * name. A pack is a frame, a pack head, a table of its zones, and one *blob* for each zone. All offsets
 * inside a blob count bytes from the blob's start, so that a blob is copied from one pack to the next as it
 * is. Offset 0 is "none".
 *
 *    pack    frame | image_pack | table of image_slot | blob | blob ...        (blobs 8-byte aligned)
 *    blob    image_zone | table of image_slot | nodes, rrsets, services, peers, keys, wire, names, text |
 *            journal
 *
 * Tables are open addressing with linear probing, power of two in size, at most half full; a slot's tag is
 * the upper half of the name's hash (common/name.h), its home is the lower half (in a pack's table without
 * the six bits that are the same for all its zones).
 *
 * A *node* is a name that exists, empty non-terminals too (RFC 4592 2.2.2): the closest encloser of a name is
 * its longest suffix in the table. The nodes are one row that begins with the apex. Names below a zone cut or
 * a DNAME carry the offset of the topmost such node.
 *
 * An rrset's *wire* is ready to copy to a reply: for each RR owner, type, class, TTL, rdlength, rdata, with
 * the owner as a pointer to offset 12 (the question's name). Names in rdata that may be compressed (RFC
 * 3597 4) end in a pointer where a longer end of theirs than the root is in the message before them. The
 * pointers are to be patched: `fixups` are their offsets in the wire. They say where that end is, as
 *
 *    15..14 11 | 13..12 enum image_place | 11..0 offset there
 *
 * so that what points to the zone's name is right as it is where that is the question's. A CNAME's target
 * is cut at the zone's name and nowhere else, because in a reply what comes next is owned by it. So a
 * link's name is in one piece down to the name of its zone, and what points to an owner finds the end of it
 * that was meant.
 *
 * `extras` are the names in NS, MX and SRV whose addresses belong in the additional section. Each says
 * where in the wire its name is, which is what the owner of the addresses points to.
 *
 * An SVCB or HTTPS rrset may have *hints* (RFC 9460 7.3): places in its wire where a reply puts the addresses
 * that a service gives this client. The wire is a whole rrset without them, and its *copy*, in a zone that
 * others may copy, one with those that clients of the `default` rules get.
 *
 * A zone that others may copy has a *journal*: what its last changes were, one *delta* each, the oldest
 * first. A delta leads from the serial before to that of the next delta; the last one leads to the zone's.
 * Its wire is a row of RRs as RFC 1995 4 has them, and the wires stand one behind the other, so that what
 * leads from any of these serials to the zone as it is now is one piece. An owner is written out up to the
 * zone's name, which is a pointer to offset 12.
 *
 *    delta   SOA before | RRs that went | SOA after | RRs that came
 */
#ifndef ZONES_IMAGE_IMAGE_H
#define ZONES_IMAGE_IMAGE_H

#include "common/err.h"
#include "common/name.h"
#include "common/writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    IMAGE_VERSION = 7,
    PACKS_MAX = 64, /* a zone's pack is the lower 6 bits of its name's hash */
    IMAGE_SLOTS_MAX = 1 << 20,  /* slots that an image may name: BOARD_SLOTS_MAX of health/board.h */
    IMAGE_RRSET_MAX = 65000,    /* bytes of an rrset, not compressed: a TCP message less what is around it */
    IMAGE_POOL_ENDPOINTS_MAX = 1024, /* of one kind in one pool: their A rrset fits a TCP message */
    IMAGE_HINT_ADDRESSES_MAX = 8,    /* of one hint: a client tries few, and the reply is for UDP */
    IMAGE_HINT_CHOICES_MAX = 8,      /* of one rrset's hints: services times families */
    IMAGE_SECRET_MAX = 256,          /* bytes of a TSIG key: twice the block of the longest hash */
    IMAGE_DELTAS_MAX = 100,          /* of one zone: more than a secondary misses between two refreshes */
    IMAGE_PLACE_LEN = 1 << 12,       /* offsets that a pointer has in its place */
    IMAGE_ZONE_POINTER = 0xc00c,     /* to the zone's name */
};

/* In the image ------------------------------------------------------------------------------------------ */

struct image_slot {
    uint32_t tag;
    uint32_t off; /* pack table: blob's from the frame, in units of 8 bytes; zone table: node; 0 is empty */
};

struct image_pack {
    uint32_t bucket; /* 0 .. PACKS_MAX-1 */
    uint32_t zones_count;
    uint32_t table_mask; /* slots - 1 */
    uint32_t table_off;  /* from the frame */
};

enum zone_flag {
    ZONE_ABSENT = 1, /* nothing but its SOA is here, as it has never been in order: its names are SERVFAIL */
};

struct image_zone {
    uint32_t len; /* bytes of the blob */
    uint32_t flags; /* enum zone_flag */
    uint32_t serial;
    uint32_t name_off; /* the apex, wire form, lower case */
    uint32_t name_len;
    uint32_t table_mask;
    uint32_t table_off;
    uint32_t nodes_count;
    uint32_t apex_off;         /* node */
    uint32_t soa_off;          /* rrset */
    uint32_t negative_soa_off; /* rrset: the SOA at min(its TTL, minimum) (RFC 2308 3) */
    uint32_t subjects_off;     /* struct image_subject [subjects_count] */
    uint32_t subjects_count;
    uint32_t peers_off; /* struct image_peer [peers_count] */
    uint32_t peers_count;
    uint32_t keys_off; /* struct image_key [keys_count] */
    uint32_t keys_count;
    uint32_t deltas_off; /* struct image_delta [deltas_count], the oldest first */
    uint32_t deltas_count;
    uint64_t fingerprint; /* of what it was compiled from; equal means that compiling again gives the same
                           * blob, but for its journal, which goes on. Bit 0: it has services */
};

enum node_flag {
    NODE_CUT = 1,      /* a delegation: NS below the apex (RFC 1034 4.2.1) */
    NODE_DNAME = 2,    /* owns a DNAME (RFC 6672) */
    NODE_EMPTY = 4,    /* an empty non-terminal */
    NODE_WILDCARD = 8, /* its first label is "*" */
};

struct image_node {
    uint32_t name_off; /* wire form, lower case */
    uint32_t rrsets_off; /* struct image_rrset [rrsets_count], in order of type */
    uint16_t rrsets_count;
    uint16_t flags;       /* enum node_flag */
    uint32_t wild_off;    /* the node "*" right below this one */
    uint32_t above_off;   /* topmost cut or DNAME strictly above this node; for a cut itself 0 */
    uint32_t service_off; /* struct image_service */
};

/* What a pointer in an rrset's wire counts from. */
enum image_place {
    IMAGE_PLACE_ZONE,  /* 12 bytes before the zone's name; the offset is 12 */
    IMAGE_PLACE_WIRE,  /* the beginning of the wire; the offset is that of a label before the pointer */
    IMAGE_PLACE_OWNER, /* the node's name, no wildcard's; the offset is a label's below the zone's name */
    IMAGE_PLACES = 4,  /* as many as two bits tell apart */
};

struct image_rrset {
    uint16_t type;
    uint16_t count; /* RRs */
    uint32_t ttl_s;
    uint32_t wire_off;
    uint32_t wire_len;
    uint32_t fixups_off; /* uint32_t [fixups_count] */
    uint16_t fixups_count;
    uint16_t extras_count;
    uint32_t extras_off; /* struct image_extra [extras_count] */
    uint32_t target_off; /* CNAME and DNAME: the target, wire form, uncompressed, as written */
    uint32_t copy_off;   /* struct image_rrset: what a secondary is given in its place; 0: itself */
    uint32_t hints_off;  /* struct image_hint [hints_count], in order of place */
    uint32_t hints_count;
};

/* A node whose A and AAAA belong in the additional section. */
struct image_extra {
    uint32_t node_off;
    uint32_t name_off; /* in the wire: its name */
};

/* A parameter that a reply puts into an SVCB or HTTPS record. */
struct image_hint {
    uint32_t rr_off;   /* in the wire: the record */
    uint32_t off;      /* in the wire: what it goes before */
    uint32_t node_off; /* the service's */
    uint8_t kind;      /* KIND_V4: ipv4hint, KIND_V6: ipv6hint */
    uint8_t choice;    /* one number for hints of one service and kind: 0, 1, .. as they first appear */
    uint8_t reserved[2];
};

enum sticky { STICKY_NONE, STICKY_CLIENT };
enum all_down { ALL_DOWN_SERVE_ALL, ALL_DOWN_NODATA, ALL_DOWN_SERVFAIL };

/* The kinds of endpoint. Hosts answer for both address families, by a CNAME. */
enum kind { KIND_V4, KIND_V6, KIND_HOST, KINDS };

struct image_service {
    uint64_t hash;       /* of its name: the salt of sticky draws */
    uint64_t regions[4]; /* bit r: it has a pool in region r; the pool's index is the number of bits below */
    uint32_t name_off;   /* wire form */
    uint32_t pools_off;  /* struct image_pool_row [pools_count], in order of region */
    uint32_t ttl_s;
    uint32_t answers;     /* 0 is all */
    uint16_t pools_count;
    uint16_t policy;      /* index into the world's policies */
    uint16_t panic_below; /* share of weight, 0 .. 4095 (BOARD_SHARE_ALL) */
    uint8_t sticky;       /* enum sticky */
    uint8_t all_down;     /* enum all_down */
    uint8_t kinds;        /* bit k: some endpoint is of kind k */
    uint8_t stand_ins_count;
    uint8_t reserved[2];
    uint32_t stand_ins_off; /* struct image_rrset [stand_ins_count]: what a secondary is given in its place */
};

struct image_pool_row {
    uint64_t region_hash; /* of its region's name: what sticky draws know it by, whatever the index is here */
    uint32_t slot; /* on the board */
    uint32_t weight;
    uint32_t min_up;
    uint32_t endpoints_off;  /* struct image_endpoint, by kind: IPv4 first, then IPv6, then hosts */
    uint16_t counts[KINDS]; /* endpoints of each kind; a pool with hosts has nothing else */
    uint16_t region;
};

struct image_endpoint {
    uint32_t slot; /* on the board */
    uint32_t weight;
    union {
        uint8_t address[16]; /* IPv4: the first four */
        struct {
            uint32_t name_off; /* host: wire form, uncompressed */
            uint32_t name_len;
        } host;
    };
};

enum subject_kind { SUBJECT_REGION, SUBJECT_POOL, SUBJECT_ENDPOINT };

/* A pool or endpoint as control sees it: what to probe, where its word is. Offsets are of text with a NUL. */
struct image_subject {
    uint32_t kind; /* SUBJECT_POOL or SUBJECT_ENDPOINT */
    uint32_t slot;
    uint32_t service_off;
    uint32_t region_off;
    uint32_t address_off; /* endpoint: as in the store */
    uint32_t check_off;   /* endpoint: the address to probe (check_address, or the address) */
    uint32_t monitor_off; /* endpoint: the monitor's name; 0 is not probed */
    uint16_t region;      /* index */
    uint16_t min_up;      /* pool: serves only with that many serving endpoints of a kind */
    uint8_t family;       /* endpoint: enum kind */
    uint8_t reserved[3];
};

/* HMACs of RFC 8945 6 that we take part in. */
enum tsig_algorithm { TSIG_SHA224, TSIG_SHA256, TSIG_SHA384, TSIG_SHA512, TSIG_SHA1, TSIG_ALGORITHMS };

/* A key that this zone's peers use. The secret is why images are for gslbd's user and group only. */
struct image_key {
    uint32_t name_off; /* wire form, lower case */
    uint32_t secret_off;
    uint16_t secret_len;
    uint8_t algorithm; /* enum tsig_algorithm */
    uint8_t reserved;
};

enum peer_kind {
    PEER_TRANSFER, /* may copy the zone */
    PEER_NOTIFY,   /* is told that it has changed */
};

/* Another nameserver of the zone. */
struct image_peer {
    uint32_t key_off; /* struct image_key; 0: not signed */
    uint16_t port;    /* PEER_NOTIFY */
    uint8_t kind;     /* enum peer_kind */
    uint8_t family;   /* IP_V4, IP_V6; PEER_TRANSFER from anywhere: IP_NONE */
    uint8_t bits;     /* of a PEER_TRANSFER's network */
    uint8_t reserved[3];
    uint8_t address[16]; /* as in struct ip */
};

/* A change of the zone. */
struct image_delta {
    uint32_t serial; /* before it */
    uint32_t wire_off;
    uint32_t wire_len;
};

/* Reading ----------------------------------------------------------------------------------------------- */

/* A mapped pack; {0} is a pack without zones. */
struct image {
    const uint8_t *base;
};

/* Check frame, checksum and head of a pack. `bytes` must stay mapped, 8-byte aligned. ERR_CORRUPT,
 * ERR_VERSION. Cost: one pass over the bytes. */
NODISCARD enum err image_open(const void *bytes, size_t len, struct image *ret, struct diag *reterr);

/* Check every offset, index and wire in a pack that image_open() took, so that no function below can leave it
 * whatever the bytes are. The compiler runs it before it publishes. ERR_CORRUPT names the zone. Linear. */
NODISCARD enum err image_check(const struct image *image, size_t len, struct diag *reterr);

/* As image_open() for a pack that the process which sent it has checked. Constant cost. */
void image_attach(const void *bytes, struct image *ret);

/* The names in rdata of a type that may be compressed: `count` of them, in a row behind `skip` bytes. */
struct image_names {
    uint8_t skip;
    uint8_t count;
};
struct image_names image_names_of(uint16_t type);

/* A name as it was before it was compressed. */
struct image_name {
    uint8_t wire[NAME_WIRE_MAX];
    size_t len;
    size_t cut;   /* bytes before the zone's name if it is known to end in that, or `len` */
    uint32_t end; /* in the rrset's wire: what stands behind it */
    bool pointed; /* there it ends in a pointer */
};

/* Read the name at `off` of the wire of an rrset that `owner` has (wire form; NULL: nothing may point to
 * it). False: there is none, or it leads out of the wire or the owner. */
bool image_name_read(const struct image_zone *zone, const struct image_rrset *rrset, const uint8_t *owner,
                     uint32_t off, struct image_name *ret);

/* Append the record at `rr_off` of an rrset's wire, all but its owner, such that it can stand alone: its
 * names are whole, or end in a pointer to offset 12, where the zone's name is to be. Returns where the next
 * record begins. Sets `w->full` when it does not fit. */
uint32_t image_rr_put(struct writer *w, const struct image_zone *zone, const struct image_rrset *rrset,
                      const uint8_t *owner, uint32_t rr_off);

/* Where the search for a zone begins in a pack's table, to be masked. */
static inline uint32_t image_pack_home(uint64_t hash)
{
    return (uint32_t)(hash / PACKS_MAX);
}

/* The zones of a pack, in no order: `cursor` starts at 0; NULL after the last. */
const struct image_zone *image_zone_next(const struct image *image, uint32_t *cursor);

/* Where something of a zone is. Requires an offset of this zone's image. */
static inline const void *image_at(const struct image_zone *zone, uint32_t off)
{
    return (const uint8_t *)zone + off;
}

/* Hot path. The zone with exactly the name that suffix `idx` of `suffixes` (of `name`) is, or NULL. */
const struct image_zone *image_zone_get(const struct image packs[PACKS_MAX], const uint8_t *name,
                                        const struct name_suffixes *suffixes, unsigned idx);

/* Hot path. The closest zone at or above suffix `from` of `name`; `*ret_idx` is the suffix that is its apex.
 * NULL: none. */
const struct image_zone *image_zone_find(const struct image packs[PACKS_MAX], const uint8_t *name,
                                         const struct name_suffixes *suffixes, unsigned from,
                                         unsigned *ret_idx);

enum found_kind {
    FOUND_RRSET,      /* `rrset` answers */
    FOUND_ANY,        /* qtype ANY: `rrset` is one of the node's (RFC 8482 4.1) */
    FOUND_CNAME,      /* `rrset` is the CNAME; go on at its target */
    FOUND_DNAME,      /* `rrset` is the DNAME of `node`, above the name (RFC 6672 3.2) */
    FOUND_SERVICE,    /* `service` decides */
    FOUND_DELEGATION, /* `rrset` is the NS of the cut `node` */
    FOUND_NODATA,     /* the name exists (or a wildcard covers it), the type does not */
    FOUND_NXDOMAIN,
};

struct found {
    enum found_kind kind;
    bool wildcard; /* `node` is a wildcard that covers the name (RFC 4592) */
    const struct image_node *node; /* the node that answered; the closest encloser for NXDOMAIN */
    const struct image_rrset *rrset;
    const struct image_service *service;
};

/* Hot path. RFC 1034 4.3.2 step 3 with RFC 4592 and RFC 6672, within one zone: what `zone` says of `name`,
 * whose suffix `apex_idx` is the zone's apex. A service answers A, AAAA (and ANY), and any type when it has
 * host endpoints; other types at its node are rrsets. DS at a cut is the parent's (RFC 4035 3.1.4.1). */
struct found image_find(const struct image_zone *zone, const uint8_t *name,
                        const struct name_suffixes *suffixes, unsigned apex_idx, uint16_t qtype);

/* Hot path. The node with exactly this name, whose name_hash() is `hash`, or NULL. One probe. */
const struct image_node *image_node_find(const struct image_zone *zone, const uint8_t *name, uint64_t hash);

/* Hot path. The rrset of a type at a node, or NULL. */
const struct image_rrset *image_rrset_find(const struct image_zone *zone, const struct image_node *node,
                                           uint16_t type);

/* Number `idx` of the rrsets that a secondary is given of a node: its own, then the stand-ins of its
 * service. NULL: there are no more. */
const struct image_rrset *image_copied_rrset(const struct image_zone *zone, const struct image_node *node,
                                             unsigned idx);

/* The delta that leads away from a serial, or NULL. */
const struct image_delta *image_delta_find(const struct image_zone *zone, uint32_t serial);

/* Where the journal ends. Requires that there is one. */
uint32_t image_deltas_end(const struct image_zone *zone);

/* Bytes of an RR of a delta. */
size_t image_delta_rr_len(const uint8_t *rr);

/* Hot path. The pool of `service` in region `region`, or NULL. */
const struct image_pool_row *image_pool_find(const struct image_zone *zone,
                                             const struct image_service *service, unsigned region);

#endif
