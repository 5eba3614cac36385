/* server/answer/opt.h - the OPT record of a reply: which options it gets, and which when not all of
 * them fit.
 *
 * Each option is set while the reply is made and put at its end, in the order of the enum. Room is
 * kept from the start for what the client has asked for: subnet, cookie and NSID. Each of the others
 * is put if there is room behind the records, and left out otherwise: it never costs a record.
 *
 *    owner 0 | type 41 | class: UDP size | TTL: rcode's upper bits, version, DO | length | options
 */
#ifndef SERVER_ANSWER_OPT_H
#define SERVER_ANSWER_OPT_H

#include "common/writer.h"
#include "server/answer/cookie.h"
#include "server/answer/edns.h"
#include "server/answer/identity.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opt_option {
    OPT_SUBNET,    /* RFC 7871 */
    OPT_COOKIE,    /* RFC 7873 */
    OPT_NSID,      /* RFC 5001 */
    OPT_ERROR,     /* RFC 8914 */
    OPT_KEEPALIVE, /* RFC 7828 */
    OPT_PADDING,   /* RFC 7830; the last: it fills what is left of a block */
    OPT_OPTIONS,
};

enum {
    OPT_FIXED_LEN = 11,
    /* What opt_len_kept() is at most: a subnet of IPv6, a cookie, the longest NSID. */
    OPT_LEN_KEPT_MAX = OPT_FIXED_LEN + (4 + 4 + 16) + (4 + COOKIE_OURS_LEN) + (4 + IDENTITY_NSID_MAX),
    OPT_PADDING_BLOCK = 468, /* bytes: RFC 8467 4.1 */
};

/* Extended errors that we send (RFC 8914 4). */
enum opt_error {
    OPT_ERROR_STALE_ANSWER = 3,       /* nobody reports health, and the last verdicts stand */
    OPT_ERROR_PROHIBITED = 18,        /* a transfer */
    OPT_ERROR_NOT_AUTHORITATIVE = 20, /* none of our zones */
    OPT_ERROR_NOT_SUPPORTED = 21,     /* an opcode, a type or a class */
    OPT_ERROR_INVALID_DATA = 24,      /* a zone of ours that has never been in order */
};

struct opt {
    bool present; /* the query had one, so the reply gets one */
    bool dnssec_ok;
    unsigned wanted; /* bits by enum opt_option; each is the reason to look at its member below */
    const struct edns_subnet *subnet;
    uint8_t scope; /* bits */
    uint8_t cookie[COOKIE_OURS_LEN];
    enum opt_error error;
    uint16_t keepalive_ds; /* tenths of a second */
    const struct identity_text *nsid;
};

/* Bytes to keep for it, OPT_LEN_KEPT_MAX at most; 0 when there is none. */
size_t opt_len_kept(const struct opt *opt);

/* Hot path. Put it behind the records, with the upper bits of `rcode`. Requires room for
 * opt_len_kept(). Padding counts from the writer's base, which is where the message begins. */
void opt_put(struct writer *w, const struct opt *opt, unsigned rcode);

#endif
