#include "server/edns.h"

enum { OPT_TYPE = 41, OPT_FIXED_LEN = 11, OPT_DO = 0x8000 };

/* IANA's DNS EDNS0 option codes. */
enum option_code { OPTION_CLIENT_SUBNET = 8 };

enum { OPTION_HEAD_LEN = 4, SUBNET_FIXED_LEN = 4, SUBNET_LEN_MAX = SUBNET_FIXED_LEN + 16 };

/* Address families in the option (RFC 7871 6), which are IANA's. */
enum { FAMILY_NONE = 0, FAMILY_V4 = 1, FAMILY_V6 = 2 };

static size_t address_len(unsigned bits)
{
    return (bits + 7) / 8;
}

/* The family and how many bits its addresses have. False: there is no such family. */
static bool family_parse(uint16_t code, struct ip *ret, unsigned *ret_bits)
{
    switch (code) {
    case FAMILY_NONE:
        ret->family = IP_NONE;
        break;
    case FAMILY_V4:
        ret->family = IP_V4;
        break;
    case FAMILY_V6:
        ret->family = IP_V6;
        break;
    default:
        return false;
    }
    *ret_bits = ip_bits(ret);
    return true;
}

/* RFC 7871 6 and 7.1.2: a scope of 0, the bytes that the prefix needs and no more, no bit set
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

static bool option_parse(uint16_t code, struct reader option, struct edns *ret)
{
    switch (code) {
    case OPTION_CLIENT_SUBNET:
        return subnet_take(option, ret);
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
    ret->subnet.present = false;
    return EDNS_MALFORMED;
}

static size_t subnet_len(const struct edns_subnet *subnet)
{
    return subnet->present ? OPTION_HEAD_LEN + SUBNET_FIXED_LEN + address_len(subnet->prefix.bits)
                           : 0;
}

size_t edns_len(const struct edns *edns)
{
    return edns->present ? OPT_FIXED_LEN + subnet_len(&edns->subnet) : 0;
}

static unsigned family_code(const struct ip *ip)
{
    return ip->family == IP_V4 ? FAMILY_V4 : ip->family == IP_V6 ? FAMILY_V6 : FAMILY_NONE;
}

static void subnet_put(struct writer *w, const struct edns_subnet *subnet, unsigned scope)
{
    if (!subnet->present)
        return;
    const size_t len = address_len(subnet->prefix.bits);
    writer_u16(w, OPTION_CLIENT_SUBNET);
    writer_u16(w, (unsigned)(SUBNET_FIXED_LEN + len));
    writer_u16(w, family_code(&subnet->prefix.ip));
    writer_u8(w, subnet->prefix.bits);
    writer_u8(w, scope);
    writer_bytes(w, subnet->prefix.ip.bytes, len);
}

void edns_put(struct writer *w, const struct edns *edns, unsigned rcode, unsigned scope)
{
    if (!edns->present)
        return;
    writer_u8(w, 0);
    writer_u16(w, OPT_TYPE);
    writer_u16(w, EDNS_UDP_SIZE_MAX);
    writer_u8(w, rcode >> 4);
    writer_u8(w, 0);
    writer_u16(w, edns->dnssec_ok ? OPT_DO : 0);
    writer_u16(w, (unsigned)subnet_len(&edns->subnet));
    subnet_put(w, &edns->subnet, scope);
}
