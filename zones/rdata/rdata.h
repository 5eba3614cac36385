/* zones/rdata/rdata.h - record data between the text that an operator types and the bytes of a reply.
 *
 * ldns knows the types. The common ones (A, AAAA and those that are one name) do not go through it: a zone of
 * a million addresses is parsed in a fraction of a second. ldns is lenient where a mistake would be served,
 * so the text is read beside it: numbers in their range, quotes that close, no comment that swallows half a
 * TXT record.
 */
#ifndef ZONES_RDATA_RDATA_H
#define ZONES_RDATA_RDATA_H

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

enum {
    RDATA_MAX = 65535,      /* RFC 1035 3.2.1: the length is 16 bits */
    RDATA_TEXT_MAX = 65000, /* bytes of text that ldns reads whole; what is longer is written as hex */
    RDATA_TYPE_TEXT_MAX = 16,
};

/* The types that the compiler looks into. */
enum rdata_type {
    RDATA_A = 1,
    RDATA_NS = 2,
    RDATA_CNAME = 5,
    RDATA_SOA = 6,
    RDATA_PTR = 12,
    RDATA_MX = 15,
    RDATA_TXT = 16,
    RDATA_AAAA = 28,
    RDATA_SRV = 33,
    RDATA_DNAME = 39,
    RDATA_DS = 43,
    RDATA_RRSIG = 46,
    RDATA_NSEC = 47,
    RDATA_SVCB = 64,
    RDATA_HTTPS = 65,
};

/* "A", "HTTPS", "TYPE65280" (RFC 3597 5), in any case. ERR_SYNTAX: no such type, or one that no zone holds
 * (RFC 6895 3.1: OPT, ANY, AXFR, TSIG, ...). */
NODISCARD enum err rdata_type_parse(const char *text, uint16_t *ret, struct diag *reterr);

/* The mnemonic, or TYPEnnn; returns `text`. */
const char *rdata_type_print(uint16_t type, char text[RDATA_TYPE_TEXT_MAX]);

/* Presentation form, or RFC 3597's `\# LENGTH HEX`, to wire; relative names are completed with `origin`
 * (wire). `rdata` holds RDATA_MAX bytes. ERR_SYNTAX: does not parse. ERR_LIMIT: over RDATA_MAX or
 * RDATA_TEXT_MAX. */
NODISCARD enum err rdata_parse(uint16_t type, const char *text, const uint8_t *origin, uint8_t *rdata,
                               size_t *ret_len, struct diag *reterr);

/* Wire that rdata_parse() made to presentation form on the heap, which it parses to the same bytes again;
 * names are absolute. `again` holds RDATA_MAX bytes. ERR_MEMORY. */
NODISCARD enum err rdata_print(uint16_t type, const uint8_t *rdata, size_t len, uint8_t *again, char **ret,
                               struct diag *reterr);

/* Less than, equal to or greater than 0 as two records of an rrset are in canonical order (RFC 4034 6.3);
 * 0 if they are the same, names being compared without case. */
int rdata_compare(uint16_t type, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);

#endif
