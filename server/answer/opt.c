#include "server/answer/opt.h"

#include <assert.h>

enum { OPT_TYPE = 41, OPT_DO = 0x80, OPT_RCODE_OFF = 5, OPT_FLAGS_OFF = 7, OPT_RDLEN_OFF = 9 };

enum { OPTION_HEAD_LEN = 4, SUBNET_FIXED_LEN = 4 };

static unsigned family_code(const struct ip *ip)
{
    return ip->family == IP_V4   ? EDNS_FAMILY_V4
           : ip->family == IP_V6 ? EDNS_FAMILY_V6
                                 : EDNS_FAMILY_NONE;
}

static size_t address_len(const struct prefix *prefix)
{
    return (prefix->bits + 7u) / 8;
}

/* What stands in each option. Lengths first, in bytes, `used` being those of the message up to
 * there. ------------- */

static size_t subnet_len(const struct opt *opt, size_t used)
{
    (void)used;
    return SUBNET_FIXED_LEN + address_len(&opt->subnet->prefix);
}

static void subnet_put(struct writer *w, const struct opt *opt, size_t len)
{
    const struct prefix *prefix = &opt->subnet->prefix;
    writer_u16(w, family_code(&prefix->ip));
    writer_u8(w, prefix->bits);
    writer_u8(w, opt->scope);
    writer_bytes(w, prefix->ip.bytes, len - SUBNET_FIXED_LEN);
}

static size_t cookie_len(const struct opt *opt, size_t used)
{
    (void)used;
    return sizeof opt->cookie;
}

static void cookie_put(struct writer *w, const struct opt *opt, size_t len)
{
    writer_bytes(w, opt->cookie, len);
}

static size_t nsid_len(const struct opt *opt, size_t used)
{
    (void)used;
    return opt->nsid->len;
}

static void nsid_put(struct writer *w, const struct opt *opt, size_t len)
{
    writer_bytes(w, opt->nsid->bytes, len);
}

static size_t u16_len(const struct opt *opt, size_t used)
{
    (void)opt, (void)used;
    return 2;
}

static void error_put(struct writer *w, const struct opt *opt, size_t len)
{
    (void)len;
    writer_u16(w, opt->error);
}

static void keepalive_put(struct writer *w, const struct opt *opt, size_t len)
{
    (void)len;
    writer_u16(w, opt->keepalive_ds);
}

static size_t padding_len(const struct opt *opt, size_t used)
{
    (void)opt;
    const size_t over = (used + OPTION_HEAD_LEN) % OPT_PADDING_BLOCK;
    return over > 0 ? OPT_PADDING_BLOCK - over : 0;
}

static void padding_put(struct writer *w, const struct opt *opt, size_t len)
{
    (void)opt;
    uint8_t *at = writer_space(w, len);
    if (at)
        memset(at, 0, len);
}

/* The options ---------------------------------------------------------------------------------- */

static const struct {
    uint16_t code; /* enum edns_option */
    size_t (*len)(const struct opt *opt, size_t used);
    void (*put)(struct writer *w, const struct opt *opt, size_t len);
} options[OPT_OPTIONS] = {
    [OPT_SUBNET] = {EDNS_CLIENT_SUBNET, subnet_len, subnet_put},
    [OPT_COOKIE] = {EDNS_COOKIE, cookie_len, cookie_put},
    [OPT_NSID] = {EDNS_NSID, nsid_len, nsid_put},
    [OPT_ERROR] = {EDNS_ERROR, u16_len, error_put},
    [OPT_KEEPALIVE] = {EDNS_KEEPALIVE, u16_len, keepalive_put},
    [OPT_PADDING] = {EDNS_PADDING, padding_len, padding_put},
};

/* All of it or nothing. */
static void option_put(struct writer *w, const struct opt *opt, unsigned option)
{
    const size_t before = writer_len(w);
    const size_t len = options[option].len(opt, before);
    writer_u16(w, options[option].code);
    writer_u16(w, (unsigned)len);
    options[option].put(w, opt, len);
    if (w->full)
        writer_rewind(w, before);
}

size_t opt_len_kept(const struct opt *opt)
{
    size_t len = opt->present ? OPT_FIXED_LEN : 0;
    if (opt->wanted & 1u << OPT_SUBNET)
        len += OPTION_HEAD_LEN + subnet_len(opt, 0);
    if (opt->wanted & 1u << OPT_COOKIE)
        len += OPTION_HEAD_LEN + cookie_len(opt, 0);
    if (opt->wanted & 1u << OPT_NSID)
        len += OPTION_HEAD_LEN + nsid_len(opt, 0);
    return len;
}

void opt_put(struct writer *w, const struct opt *opt, unsigned rcode)
{
    if (!opt->present)
        return;
    static const uint8_t form[OPT_FIXED_LEN] = {0, 0, OPT_TYPE, EDNS_UDP_SIZE_MAX >> 8,
                                                EDNS_UDP_SIZE_MAX & 0xff};
    uint8_t *fixed = writer_space(w, OPT_FIXED_LEN);
    assert(fixed);
    memcpy(fixed, form, sizeof form);
    fixed[OPT_RCODE_OFF] = (uint8_t)(rcode >> 4);
    fixed[OPT_FLAGS_OFF] = opt->dnssec_ok ? OPT_DO : 0;
    for (unsigned left = opt->wanted; left > 0; left &= left - 1)
        option_put(w, opt, (unsigned)__builtin_ctz(left));
    const size_t len = (size_t)(w->at - fixed) - OPT_FIXED_LEN;
    fixed[OPT_RDLEN_OFF] = (uint8_t)(len >> 8);
    fixed[OPT_RDLEN_OFF + 1] = (uint8_t)len;
}
