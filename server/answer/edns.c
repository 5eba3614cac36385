#include "server/answer/edns.h"

#include <string.h>

enum { OPT_DO = 0x8000, SUBNET_FIXED_LEN = 4, SUBNET_LEN_MAX = SUBNET_FIXED_LEN + 16 };

static size_t address_len(unsigned bits)
{
    return (bits + 7) / 8;
}

/* The family and how many bits its addresses have. False: there is no such family. */
static bool family_parse(uint16_t code, struct ip *ret, unsigned *ret_bits)
{
    switch (code) {
    case EDNS_FAMILY_NONE:
        ret->family = IP_NONE;
        break;
    case EDNS_FAMILY_V4:
        ret->family = IP_V4;
        break;
    case EDNS_FAMILY_V6:
        ret->family = IP_V6;
        break;
    default:
        return false;
    }
    *ret_bits = ip_bits(ret);
    return true;
}

/* RFC 7871 6 and 7.2.1: a scope of 0, the bytes that the prefix needs and no more, no bit set
 * past the prefix. */
static bool subnet_parse(struct reader r, struct edns_subnet *ret)
{
    struct prefix prefix = {0};
    unsigned bits_max;
    if (!family_parse(reader_u16(&r), &prefix.ip, &bits_max))
        return false;
    prefix.bits = reader_u8(&r);
    const uint8_t scope = reader_u8(&r);
    const size_t len = address_len(prefix.bits);
    if (r.bad || prefix.bits > bits_max || scope != 0 || reader_left(&r) != len)
        return false;
    if (len > 0) {
        memcpy(prefix.ip.bytes, r.at, len);
        if (prefix.bits % 8 != 0 && (prefix.ip.bytes[len - 1] & 0xff >> prefix.bits % 8))
            return false;
    }
    *ret = (struct edns_subnet){.present = true, .prefix = prefix};
    return true;
}

/* Of several client subnets the first counts; the others need only be possible. */
static bool subnet_take(struct reader r, struct edns *ret)
{
    if (!ret->subnet.present)
        return subnet_parse(r, &ret->subnet);
    return reader_left(&r) >= SUBNET_FIXED_LEN && reader_left(&r) <= SUBNET_LEN_MAX;
}

/* As cookie_parse(). Of several cookies the first counts (RFC 7873 5.2). */
static bool cookie_take(struct reader r, struct edns *ret)
{
    return ret->cookie.len > 0 || cookie_parse(r.at, reader_left(&r), &ret->cookie);
}

static bool option_parse(uint16_t code, struct reader option, struct edns *ret)
{
    switch (code) {
    case EDNS_CLIENT_SUBNET:
        return subnet_take(option, ret);
    case EDNS_COOKIE:
        return cookie_take(option, ret);
    case EDNS_NSID:
        ret->nsid = true; /* whatever is in it (RFC 5001 2.1) */
        return true;
    case EDNS_KEEPALIVE:
        ret->keepalive = true;
        return true;
    case EDNS_PADDING:
        ret->padded = true;
        return true;
    default:
        return true;
    }
}

static bool options_parse(struct reader r, struct edns *ret)
{
    while (reader_left(&r) > 0) {
        const uint16_t code = reader_u16(&r);
        const uint16_t len = reader_u16(&r);
        const uint8_t *bytes = reader_bytes(&r, len);
        if (!bytes || !option_parse(code, reader_of(bytes, len), ret))
            return false;
    }
    return !r.bad;
}

enum edns_verdict edns_parse(struct reader *r, struct edns *ret)
{
    const uint16_t udp_size = reader_u16(r);
    (void)reader_u8(r); /* the rcode's upper bits: of replies only */
    const uint8_t version = reader_u8(r);
    const uint16_t flags = reader_u16(r);
    const uint16_t len = reader_u16(r);
    const uint8_t *options = reader_bytes(r, len);
    if (!options)
        return EDNS_MALFORMED;
    ret->present = true;
    ret->dnssec_ok = flags & OPT_DO;
    ret->udp_size = udp_size < EDNS_UDP_SIZE_MIN ? EDNS_UDP_SIZE_MIN : udp_size;
    if (version > 0)
        return EDNS_BADVERS; /* of its options we know nothing */
    if (options_parse(reader_of(options, len), ret))
        return EDNS_OK;
    *ret = (struct edns){.present = true, .dnssec_ok = ret->dnssec_ok, .udp_size = ret->udp_size};
    return EDNS_MALFORMED;
}
