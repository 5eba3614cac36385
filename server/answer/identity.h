/* server/answer/identity.h - what the server says of itself to those who ask: its version, its name,
 * its NSID.
 *
 * An operator behind an anycast address sees by it which server answered (RFC 4892, RFC 5001).
 * Each text is the operator's to set, and one that is not there is not told.
 */
#ifndef SERVER_ANSWER_IDENTITY_H
#define SERVER_ANSWER_IDENTITY_H

#include <stdint.h>

enum {
    IDENTITY_TEXT_MAX = 255, /* bytes: one character-string (RFC 1035 3.3) */
    IDENTITY_NSID_MAX = 128, /* bytes: a reply of 512 has room for it behind any question */
};

struct identity_text {
    const char *bytes; /* NULL: not told */
    uint8_t len;
};

struct identity {
    struct identity_text version; /* version.bind, version.server */
    struct identity_text name;    /* hostname.bind, id.server */
    struct identity_text nsid;
};

/* Hot path. The text at a name of class CHAOS; NULL: there is none, or it is not told. */
const struct identity_text *identity_find(const struct identity *identity, const uint8_t *name,
                                          uint16_t qtype);

#endif
