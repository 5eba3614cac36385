#include "zones/rdata/svcb.h"

#include "common/name.h"
#include "common/reader.h"

#include <string.h>

/* Keys that we know by number (RFC 9460 14.3.2). */
enum { KEY_MANDATORY = 0, KEY_IPV4HINT = 4, KEY_IPV6HINT = 6 };

static const struct {
    uint16_t key;
    uint8_t address_len;
} hint_keys[] = {[KIND_V4] = {KEY_IPV4HINT, 4}, [KIND_V6] = {KEY_IPV6HINT, 16}};

/* One parameter of a record. */
struct param {
    uint32_t off; /* in the rdata */
    uint16_t key, len;
    const uint8_t *value;
};

/* Where the parameters begin: behind priority and target. */
static struct reader params_of(const uint8_t *rdata, size_t len)
{
    struct reader r = reader_of(rdata, len);
    (void)reader_bytes(&r, 2 + name_len(svcb_target(rdata)));
    return r;
}

/* The next parameter. False: there is none, or it is cut short, which `r->bad` tells. */
static bool param_next(struct reader *r, const uint8_t *rdata, struct param *ret)
{
    if (reader_left(r) == 0)
        return false;
    ret->off = (uint32_t)(r->at - rdata);
    ret->key = reader_u16(r);
    ret->len = reader_u16(r);
    ret->value = reader_bytes(r, ret->len);
    return !r->bad;
}

static bool hint_is_whole(const struct param *param)
{
    for (unsigned kind = KIND_V4; kind <= KIND_V6; kind++)
        if (param->key == hint_keys[kind].key)
            return param->len > 0 && param->len % hint_keys[kind].address_len == 0;
    return true;
}

enum err svcb_check(const uint8_t *rdata, size_t len, struct diag *reterr)
{
    size_t target_len;
    if (len < 3 || !name_check(svcb_target(rdata), len - 2, &target_len))
        return diag_set(reterr, ERR_SYNTAX, "has no target name");
    struct reader r = params_of(rdata, len), mandatory = reader_of(rdata, 0);
    struct param param;
    for (int last = -1; param_next(&r, rdata, &param); last = param.key) {
        if (param.key <= last)
            return diag_set(reterr, ERR_SYNTAX, "has a parameter twice");
        if (!hint_is_whole(&param))
            return diag_set(reterr, ERR_SYNTAX, "has a hint without addresses; write the word auto or some");
        if (param.key == KEY_MANDATORY)
            mandatory = reader_of(param.value, param.len);
        else if (reader_left(&mandatory) > 1 && mandatory.at[0] * 256 + mandatory.at[1] == param.key)
            (void)reader_u16(&mandatory);
    }
    if (r.bad)
        return diag_set(reterr, ERR_SYNTAX, "has a parameter that is cut short");
    return reader_left(&mandatory) > 0 ? diag_set(reterr, ERR_SYNTAX,
                                                  "lacks a parameter that it says is mandatory (an auto hint "
                                                  "cannot be), or lists them out of order")
                                       : OK;
}

void svcb_autos_find(const uint8_t *rdata, size_t len, struct svcb_autos *ret)
{
    struct reader r = params_of(rdata, len);
    struct param param;
    ret->count = 0;
    while (param_next(&r, rdata, &param))
        if ((param.key == KEY_IPV4HINT || param.key == KEY_IPV6HINT) && param.len == 0 &&
            ret->count < SVCB_AUTOS_MAX) {
            ret->hints[ret->count].kind = param.key == KEY_IPV4HINT ? KIND_V4 : KIND_V6;
            ret->hints[ret->count++].off = param.off;
        }
}

size_t svcb_autos_cut(const uint8_t *rdata, size_t len, uint8_t *ret)
{
    struct svcb_autos autos;
    size_t from = 0, at = 0;
    svcb_autos_find(rdata, len, &autos);
    for (unsigned i = 0; i < autos.count; from = autos.hints[i++].off + SVCB_AUTO_LEN) {
        memcpy(ret + at, rdata + from, autos.hints[i].off - from);
        at += autos.hints[i].off - from;
    }
    memcpy(ret + at, rdata + from, len - from);
    return at + len - from;
}

/* Put one at its place. */
static enum err auto_put(uint8_t *rdata, size_t *len, enum kind kind, struct diag *reterr)
{
    const uint16_t key = hint_keys[kind].key;
    struct reader r = params_of(rdata, *len);
    struct param param;
    uint32_t off = (uint32_t)*len;
    while (off == *len && param_next(&r, rdata, &param)) {
        if (param.key == key)
            return diag_set(reterr, ERR_SYNTAX, "has ipv%dhint=auto and the same parameter with addresses",
                            kind == KIND_V4 ? 4 : 6);
        if (param.key > key)
            off = param.off;
    }
    memmove(rdata + off + SVCB_AUTO_LEN, rdata + off, *len - off);
    memcpy(rdata + off, (const uint8_t[SVCB_AUTO_LEN]){0, (uint8_t)key}, SVCB_AUTO_LEN);
    *len += SVCB_AUTO_LEN;
    return OK;
}

enum err svcb_autos_put(uint8_t *rdata, size_t cap, size_t *len, unsigned kinds, struct diag *reterr)
{
    const bool alias = rdata[0] == 0 && rdata[1] == 0;
    if (kinds != 0 && alias)
        return diag_set(reterr, ERR_SYNTAX,
                        "is an alias (priority 0), which has no parameters; begin it with 1");
    const size_t len_max = cap - SVCB_AUTOS_MAX * SVCB_AUTO_LEN;
    if (*len > len_max)
        return diag_set(reterr, ERR_LIMIT, "is longer than %zu bytes", len_max);
    enum err err = OK;
    for (enum kind kind = KIND_V4; kind <= KIND_V6 && err == OK; kind++)
        if (kinds >> kind & 1)
            err = auto_put(rdata, len, kind, reterr);
    return err;
}
