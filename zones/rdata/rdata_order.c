#include "zones/rdata/rdata.h"

#include <ctype.h>
#include <string.h>

enum {
    TYPE_MINFO = 14,
    TYPE_RP = 17,
    TYPE_AFSDB = 18,
    TYPE_RT = 21,
    TYPE_PX = 26,
    TYPE_NAPTR = 35,
    TYPE_KX = 36,
};

/* Behind the two numbers and the three strings of a NAPTR (RFC 3403 4.1). */
static size_t naptr_name_off(const uint8_t *rdata, size_t len)
{
    size_t off = 4;
    for (unsigned i = 0; i < 3 && off < len; i++)
        off += 1u + rdata[off];
    return off;
}

/* Where the names begin that the rest of the rdata is (RFC 4034 6.2); at or past `len`: there are none. */
static size_t names_off(uint16_t type, const uint8_t *rdata, size_t len)
{
    switch (type) {
    case RDATA_NS:
    case RDATA_CNAME:
    case RDATA_PTR:
    case RDATA_DNAME:
    case TYPE_MINFO:
    case TYPE_RP:
        return 0;
    case RDATA_MX:
    case TYPE_AFSDB:
    case TYPE_RT:
    case TYPE_PX:
    case TYPE_KX:
        return 2;
    case RDATA_SRV:
        return 6;
    case TYPE_NAPTR:
        return naptr_name_off(rdata, len);
    default:
        return len;
    }
}

int rdata_compare(uint16_t type, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    const size_t shorter = a_len < b_len ? a_len : b_len;
    const size_t a_off = names_off(type, a, a_len), b_off = names_off(type, b, b_len);
    size_t at = a_off < b_off ? a_off : b_off;
    const int order = memcmp(a, b, at < shorter ? at : shorter);
    if (order != 0)
        return order;
    for (; at < shorter; at++) {
        const int ca = at < a_off ? a[at] : tolower(a[at]), cb = at < b_off ? b[at] : tolower(b[at]);
        if (ca != cb)
            return ca - cb; /* a label's length is below 'A' */
    }
    return (a_len > b_len) - (a_len < b_len);
}
