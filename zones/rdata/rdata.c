#include "zones/rdata/rdata.h"

#include "common/name.h"
#include "zones/rdata/svcb.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <ldns/ldns.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Types ---------------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    uint16_t type;
} common_types[] = {
    {"A", RDATA_A},     {"AAAA", RDATA_AAAA}, {"CNAME", RDATA_CNAME}, {"NS", RDATA_NS},
    {"TXT", RDATA_TXT}, {"MX", RDATA_MX},     {"PTR", RDATA_PTR},     {"SRV", RDATA_SRV},
};

/* A decimal number of nothing but digits, at most `max`. */
static bool number_parse(const char *text, size_t len, unsigned long max, unsigned long *ret)
{
    unsigned long value = 0;
    if (len == 0 || len > 10)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
        value = value * 10 + (unsigned long)(text[i] - '0');
    }
    *ret = value;
    return value <= max;
}

/* RFC 6895 3.1: 0 and 65535 are reserved, OPT and 128 .. 255 are for questions and messages. */
static bool type_is_stored(unsigned long type)
{
    return type != 0 && type != LDNS_RR_TYPE_OPT && (type < 128 || type > 255) && type != 65535;
}

enum err rdata_type_parse(const char *text, uint16_t *ret, struct diag *reterr)
{
    for (size_t i = 0; i < sizeof common_types / sizeof common_types[0]; i++) {
        if (strcasecmp(text, common_types[i].text) == 0) {
            *ret = common_types[i].type;
            return OK;
        }
    }
    unsigned long type = 0;
    if (strncasecmp(text, "TYPE", 4) == 0 && isdigit((unsigned char)text[4])) {
        if (!number_parse(text + 4, strlen(text + 4), UINT16_MAX, &type))
            return diag_set(reterr, ERR_SYNTAX, "type \"%.40s\": a number of a type is 1 to 65534", text);
    } else {
        type = ldns_get_rr_type_by_name(text);
        if (type == 0)
            return diag_set(reterr, ERR_SYNTAX, "there is no type \"%.40s\"; write TYPE and its number",
                            text);
    }
    if (!type_is_stored(type))
        return diag_set(reterr, ERR_SYNTAX, "type \"%.40s\" cannot be stored in a zone", text);
    *ret = (uint16_t)type;
    return OK;
}

const char *rdata_type_print(uint16_t type, char text[RDATA_TYPE_TEXT_MAX])
{
    const ldns_rr_descriptor *descriptor = ldns_rr_descript(type);
    if (descriptor && descriptor->_name && strlen(descriptor->_name) < RDATA_TYPE_TEXT_MAX)
        (void)snprintf(text, RDATA_TYPE_TEXT_MAX, "%s", descriptor->_name);
    else
        (void)snprintf(text, RDATA_TYPE_TEXT_MAX, "TYPE%u", type);
    return text;
}

/* Own paths ------------------------------------------------------------------------------------ */

static enum err address_parse(int family, const char *text, uint8_t *rdata, size_t *ret_len,
                              struct diag *reterr)
{
    if (inet_pton(family, text, rdata) != 1)
        return diag_set(reterr, ERR_SYNTAX, "\"%.100s\" is not an %s address", text,
                        family == AF_INET ? "IPv4" : "IPv6");
    *ret_len = family == AF_INET ? 4 : 16;
    return OK;
}

static bool type_is_name(uint16_t type)
{
    return type == RDATA_NS || type == RDATA_CNAME || type == RDATA_PTR || type == RDATA_DNAME;
}

/* Whether text has nothing in it that only ldns' reader takes apart: white space, quotes, parentheses,
 * comments. */
static bool text_is_plain(const char *text)
{
    return text[strcspn(text, " \t\"();")] == '\0';
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* RFC 3597 5: `\# LENGTH HEX`, the hex in any number of words. ldns takes wrong lengths for known types. */
static enum err generic_parse(const char *text, uint8_t *rdata, size_t *ret_len, struct diag *reterr)
{
    const char *p = text + strspn(text, " \t") + 2;
    p += strspn(p, " \t");
    const size_t digits = strcspn(p, " \t");
    unsigned long want;
    if (!number_parse(p, digits, RDATA_MAX, &want))
        return diag_set(reterr, ERR_SYNTAX, "after \\# comes the length, 0 to %u", RDATA_MAX);
    size_t nibbles = 0;
    for (p += digits; *p; p++) {
        if (*p == ' ' || *p == '\t')
            continue;
        const int digit = hex_digit(*p);
        if (digit < 0)
            return diag_set(reterr, ERR_SYNTAX, "after \\# and the length comes hexadecimal");
        if (nibbles / 2 == want)
            return diag_set(reterr, ERR_SYNTAX, "has more bytes than the length behind \\#");
        uint8_t *octet = &rdata[nibbles / 2];
        *octet = (uint8_t)(nibbles++ % 2 == 0 ? digit << 4 : *octet | digit);
    }
    if (nibbles != 2 * want)
        return diag_set(reterr, ERR_SYNTAX, "has fewer bytes than the length behind \\#");
    *ret_len = want;
    return OK;
}

static bool text_is_generic(const char *text)
{
    return strncmp(text + strspn(text, " \t"), "\\#", 2) == 0;
}

/* Through ldns --------------------------------------------------------------------------------- */

struct token {
    const char *at;
    size_t len;
};

/* The next token of `*text`, quotes included; `len` 0 at the end. False: a quote does not close, or a comment
 * begins. */
static bool token_next(const char **text, struct token *ret)
{
    const char *p = *text + strspn(*text, " \t()");
    *ret = (struct token){.at = p};
    bool quoted = false;
    for (; *p && (quoted || !strchr(" \t()", *p)); p++) {
        if (*p == '"')
            quoted = !quoted;
        else if (*p == ';' && !quoted)
            return false;
        else if (*p == '\\' && p[1])
            p++;
    }
    ret->len = (size_t)(p - ret->at);
    *text = p;
    return !quoted;
}

static unsigned long field_max(ldns_rdf_type field)
{
    switch (field) {
    case LDNS_RDF_TYPE_INT8:
        return UINT8_MAX;
    case LDNS_RDF_TYPE_INT16:
        return UINT16_MAX;
    case LDNS_RDF_TYPE_INT32:
        return UINT32_MAX;
    default:
        return 0;
    }
}

/* ldns takes 99999 for a 16-bit number and stores what is left of it: check the numbers among the fields. */
static enum err tokens_check(uint16_t type, const char *text, struct diag *reterr)
{
    const ldns_rr_descriptor *descriptor = ldns_rr_descript(type);
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' && *p != '\t')
            return diag_set(reterr, ERR_SYNTAX,
                            "has a line end or another control character; write it as \\DDD");
    const char *at = text;
    for (size_t i = 0;; i++) {
        struct token token;
        if (!token_next(&at, &token))
            return diag_set(reterr, ERR_SYNTAX,
                            "\"%.100s\" has a quote that does not close, or a \";\" outside quotes", text);
        if (token.len == 0)
            return OK;
        if (i >= ldns_rr_descriptor_minimum(descriptor))
            continue;
        const unsigned long max = field_max(ldns_rr_descriptor_field_type(descriptor, i));
        unsigned long value;
        if (max > 0 && !number_parse(token.at, token.len, max, &value))
            return diag_set(reterr, ERR_SYNTAX, "\"%.*s\" is not a number from 0 to %lu",
                            (int)(token.len < 100 ? token.len : 100), token.at, max);
    }
}

/* Put white space in the place of parentheses, which ldns takes for nothing, and for the end where one closes
 * that did not open. False: they are not pairs. */
static bool parentheses_blank(char *text)
{
    unsigned depth = 0;
    bool quoted = false;
    for (char *p = text; *p; p++) {
        if (*p == '\\' && p[1]) {
            p++;
        } else if (*p == '"') {
            quoted = !quoted;
        } else if (!quoted && (*p == '(' || *p == ')')) {
            if (*p == ')' && depth == 0)
                return false;
            depth = *p == '(' ? depth + 1 : depth - 1;
            *p = ' ';
        }
    }
    return depth == 0;
}

/* Let ldns read a whole record with this data. */
static enum err record_parse(uint16_t type, const char *text, const uint8_t *origin, ldns_rr **ret,
                             struct diag *reterr)
{
    char name[RDATA_TYPE_TEXT_MAX];
    char *line = NULL;
    ldns_rdf *above = ldns_dname_new_frm_data((uint16_t)name_len(origin), origin);
    enum err err = OK;
    if (!above || asprintf(&line, ". 0 IN %s %s", rdata_type_print(type, name), text) < 0) {
        line = NULL;
        err = diag_set(reterr, ERR_MEMORY, "out of memory");
        goto out;
    }
    if (!parentheses_blank(line)) {
        err = diag_set(reterr, ERR_SYNTAX, "\"%.100s\" has a parenthesis without the other of its pair;"
                                           " write it in quotes", text);
        goto out;
    }
    const ldns_status status = ldns_rr_new_frm_str(ret, line, 0, above, NULL);
    if (status == LDNS_STATUS_MEM_ERR)
        err = diag_set(reterr, ERR_MEMORY, "out of memory");
    else if (status != LDNS_STATUS_OK)
        err = diag_set(reterr, ERR_SYNTAX, "\"%.100s\": %s", text, ldns_get_errorstr_by_id(status));
out:
    free(line);
    ldns_rdf_deep_free(above);
    return err;
}

/* The fields of a record one behind the other. */
static enum err fields_put(const ldns_rr *rr, uint8_t *rdata, size_t *ret_len, struct diag *reterr)
{
    const ldns_rr_descriptor *descriptor = ldns_rr_descript(ldns_rr_get_type(rr));
    if (ldns_rr_rd_count(rr) < ldns_rr_descriptor_minimum(descriptor))
        return diag_set(reterr, ERR_SYNTAX, "%zu fields are there and %zu are needed", ldns_rr_rd_count(rr),
                        ldns_rr_descriptor_minimum(descriptor));
    size_t len = 0;
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
        const ldns_rdf *field = ldns_rr_rdf(rr, i);
        const size_t size = field ? ldns_rdf_size(field) : 0;
        if (size > RDATA_MAX - len)
            return diag_set(reterr, ERR_LIMIT, "is longer than %u bytes", RDATA_MAX);
        if (size > 0)
            memcpy(rdata + len, ldns_rdf_data(field), size);
        len += size;
    }
    *ret_len = len;
    return OK;
}

/* Whether a reader of replies, for which ldns stands, sees the same bytes. */
static enum err wire_check(uint16_t type, const uint8_t *rdata, size_t len, struct diag *reterr)
{
    const size_t wire_len = 11 + len;
    uint8_t *wire = malloc(wire_len);
    uint8_t *again = malloc(RDATA_MAX);
    ldns_rr *rr = NULL;
    enum err err = OK;
    if (!wire || !again) {
        err = diag_set(reterr, ERR_MEMORY, "out of memory");
        goto out;
    }
    const uint8_t head[11] = {0, (uint8_t)(type >> 8), (uint8_t)type, 0, 1, 0, 0, 0,
                              0, (uint8_t)(len >> 8),  (uint8_t)len};
    memcpy(wire, head, sizeof head);
    memcpy(wire + sizeof head, rdata, len);
    size_t at = 0, again_len = 0;
    const ldns_status status = ldns_wire2rr(&rr, wire, wire_len, &at, LDNS_SECTION_ANSWER);
    if (status != LDNS_STATUS_OK || at != wire_len || fields_put(rr, again, &again_len, NULL) != OK ||
        again_len != len || memcmp(again, rdata, len) != 0)
        err = diag_set(reterr, ERR_SYNTAX, "does not make a well-formed record");
out:
    ldns_rr_free(rr);
    free(again);
    free(wire);
    return err;
}

/* By ldns, and then what ldns leaves unchecked. */
static enum err text_parse(uint16_t type, const char *text, const uint8_t *origin, uint8_t *rdata,
                           size_t *ret_len, struct diag *reterr)
{
    if (strlen(text) > RDATA_TEXT_MAX)
        return diag_set(reterr, ERR_LIMIT, "is longer than %u bytes of text", RDATA_TEXT_MAX);
    ldns_rr *rr = NULL;
    enum err err = tokens_check(type, text, reterr);
    if (err == OK)
        err = record_parse(type, text, origin, &rr, reterr);
    if (err == OK)
        err = fields_put(rr, rdata, ret_len, reterr);
    ldns_rr_free(rr);
    return err;
}

/* Blank the words `ipv4hint=auto` and `ipv6hint=auto` behind priority and target, which ldns does not know;
 * returns a bit for the kind of each. A word that stands there twice is left for ldns to refuse. */
static unsigned autos_blank(char *text)
{
    static const char *const words[] = {[KIND_V4] = "ipv4hint=auto", [KIND_V6] = "ipv6hint=auto"};
    unsigned kinds = 0;
    const char *at = text;
    struct token token;
    for (unsigned i = 0; token_next(&at, &token) && token.len > 0; i++)
        for (unsigned kind = KIND_V4; kind <= KIND_V6 && i >= 2; kind++)
            if (!(kinds >> kind & 1) && token.len == strlen(words[kind]) &&
                memcmp(token.at, words[kind], token.len) == 0) {
                memset(text + (token.at - text), ' ', token.len);
                kinds |= 1u << kind;
            }
    return kinds;
}

/* SVCB and HTTPS, with hints that the answer fills. */
static enum err hinted_parse(uint16_t type, const char *text, const uint8_t *origin, uint8_t *rdata,
                             size_t *ret_len, struct diag *reterr)
{
    char *plain = strdup(text);
    if (!plain)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    const unsigned autos = autos_blank(plain);
    enum err err = text_parse(type, plain, origin, rdata, ret_len, reterr);
    if (err == OK)
        err = wire_check(type, rdata, *ret_len, reterr);
    if (err == OK)
        err = svcb_check(rdata, *ret_len, reterr);
    if (err == OK)
        err = svcb_autos_put(rdata, RDATA_MAX, ret_len, autos, reterr);
    free(plain);
    return err;
}

enum err rdata_parse(uint16_t type, const char *text, const uint8_t *origin, uint8_t *rdata,
                     size_t *ret_len, struct diag *reterr)
{
    const bool plain = text_is_plain(text);
    if (plain && type == RDATA_A)
        return address_parse(AF_INET, text, rdata, ret_len, reterr);
    if (plain && type == RDATA_AAAA)
        return address_parse(AF_INET6, text, rdata, ret_len, reterr);
    if (plain && type_is_name(type))
        return name_parse_under(text, origin, rdata, ret_len, reterr);
    const bool hinted = type == RDATA_SVCB || type == RDATA_HTTPS;
    if (hinted && !text_is_generic(text))
        return hinted_parse(type, text, origin, rdata, ret_len, reterr);
    enum err err = text_is_generic(text) ? generic_parse(text, rdata, ret_len, reterr)
                                         : text_parse(type, text, origin, rdata, ret_len, reterr);
    if (err == OK)
        err = wire_check(type, rdata, *ret_len, reterr);
    if (err == OK && hinted)
        err = svcb_check(rdata, *ret_len, reterr);
    return err;
}
