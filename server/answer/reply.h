/* server/answer/reply.h - the reply: built in the buffer of its query, behind the question.
 *
 * A reply is begun, gets rrsets in the order of its sections, and is ended. Room for the OPT is
 * kept from the start. What must be in it and does not fit makes it a truncated one, which is the
 * question and TC alone; what is only useful (the additional section) is left out.
 *
 * The images' wires are copied as they are and then patched: owners point to the name that was
 * asked, names in rdata end in a pointer to the zone's name, to the owner's, or to a name before
 * them in the wire (zones/image/image.h). Zone and owner are in the message: of the first *link* in the
 * question, of a later one in the target of the CNAME that led there. What is owned by a name in
 * the rdata points to it there.
 *
 *    header | www.example.com A? | www.example.com CNAME host.example.net | host.example.net A ...
 *             ^ name_off, first link                     ^ name_off, second link
 *                 ^ zone_off                                  ^ zone_off
 */
#ifndef SERVER_ANSWER_REPLY_H
#define SERVER_ANSWER_REPLY_H

#include "common/name.h"
#include "common/writer.h"
#include "server/answer/hint.h"
#include "server/answer/opt.h"
#include "server/answer/query.h"
#include "server/answer/steer.h"
#include "zones/image/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REPLY_TCP_LEN_MAX = 65535, /* what a message's length prefix can say (RFC 1035 4.2.2) */
    REPLY_DNAMES_MAX = 8,      /* that are remembered: a chain has no more links */
};

/* A name that is asked for, on the way from the question along CNAMEs and DNAMEs, and the zone
 * that it is in. */
struct link {
    const uint8_t *name; /* wire form, uncompressed; in the image or in the message */
    const struct image_zone *zone;
    unsigned apex_idx; /* the suffix of `name` that is the zone's name */
    uint16_t name_off; /* where it is in the message */
    uint16_t zone_off;
    struct name_suffixes suffixes;
    const struct image_rrset *dnames[REPLY_DNAMES_MAX]; /* that have led here */
    unsigned dnames_count;
};

enum section { SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL, SECTIONS };

struct reply {
    const struct query *query;
    struct writer w;
    enum rcode rcode;
    bool authoritative;
    bool truncated;
    uint16_t counts[SECTIONS];
    size_t len_max;
    struct opt *opt; /* what is to be said behind the records */
};

/* Bytes that the reply to a query may have. */
size_t reply_len_max(const struct query *query, enum transport transport);

/* Begin the reply to `query`, which lies in `packet`, with at most `len_max` bytes. `opt` is
 * lent until reply_end(), and what room is to be kept for is in it. Requires room for the question
 * and, where the query has an OPT, OPT_LEN_KEPT_MAX. */
void reply_begin(struct reply *reply, const struct query *query, struct opt *opt, uint8_t *packet,
                 size_t len_max);

/* The first link: the question's name. Its zone is the caller's to find. */
void reply_link_first(const struct query *query, struct link *ret);

/* Each of the following puts something into a section. When it does not fit, nothing of it is put
 * and the reply is truncated. */

/* An rrset of the link's zone that the link's name owns, as the answer, and the addresses of the names in
 * its rdata, as many as fit. */
void reply_rrset_put(struct reply *reply, const struct link *link, const struct image_rrset *rrset);

/* An rrset with hints, as the answer, with these in their places. */
void reply_hinted_put(struct reply *reply, const struct link *link, const struct image_rrset *rrset,
                      const struct hints *hints);

/* The addresses of a choice, as A or AAAA by `kind`. */
void reply_addresses_put(struct reply *reply, const struct link *link, const struct choice *choice,
                         enum kind kind);

/* The zone's SOA for NODATA and NXDOMAIN, with a TTL of at most `ttl_max_s` (RFC 2308 3). */
void reply_negative_put(struct reply *reply, const struct link *link, uint32_t ttl_max_s);

/* A referral: the NS of the cut, its glue. Glue below the cut must be in it, other glue where it
 * fits (RFC 9471 3.1). */
void reply_referral_put(struct reply *reply, const struct link *link, const struct found *found);

/* Each of the following puts a CNAME and turns `link` into the link that it leads to. False:
 * there is none, because the reply is truncated or is complete as it stands. */

/* A CNAME rrset. */
bool reply_cname_follow(struct reply *reply, struct link *link, const struct image_rrset *rrset);

/* The CNAME to a choice's host. */
bool reply_host_follow(struct reply *reply, struct link *link, const struct choice *choice);

/* A DNAME, if it is not there yet, and the CNAME that follows from it (RFC 6672 3.1); YXDOMAIN when
 * the name becomes too long. */
bool reply_dname_follow(struct reply *reply, struct link *link, const struct found *found);

/* A text of class CHAOS (RFC 4892). */
void reply_text_put(struct reply *reply, const struct identity_text *text);

/* Take back all but the question and set TC. */
void reply_truncate(struct reply *reply);

/* Say why, to a client that may be told (RFC 8914). */
void reply_explain(struct reply *reply, enum opt_error error);

/* Let it have no more than `len_max` bytes. Options that are longer than that are left out; what is
 * in it and the OPT itself must have room. */
void reply_len_limit(struct reply *reply, size_t len_max);

/* Make it an error: the question and an rcode, which is still to be explained. */
void reply_fail(struct reply *reply, enum rcode rcode);

/* Write the OPT and the header; returns the length. */
size_t reply_end(struct reply *reply);

#endif
