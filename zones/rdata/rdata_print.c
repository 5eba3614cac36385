#include "common/name.h"
#include "zones/rdata/rdata.h"
#include "zones/rdata/svcb.h"

#include <arpa/inet.h>
#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

/* A name in text with its dot, on the heap. */
static char *name_data(const uint8_t *name)
{
    char room[NAME_TEXT_MAX], *text = NULL;
    (void)name_print(name, room);
    return asprintf(&text, "%s%s", room, *name ? "." : "") < 0 ? NULL : text;
}

/* RFC 3597 5. */
static char *generic_data(const uint8_t *rdata, size_t len)
{
    const size_t cap = 16 + 2 * len;
    char *text = malloc(cap);
    if (!text)
        return NULL;
    size_t at = (size_t)snprintf(text, cap, len > 0 ? "\\# %zu " : "\\# %zu", len);
    for (size_t i = 0; i < len; i++)
        at += (size_t)snprintf(text + at, cap - at, "%02x", rdata[i]);
    return text;
}

/* As ldns writes it, or NULL. */
static char *ldns_data(uint16_t type, const uint8_t *rdata, size_t len)
{
    uint8_t *wire = calloc(1, 11 + len);
    if (!wire)
        return NULL;
    const uint8_t head[11] = {0, (uint8_t)(type >> 8), (uint8_t)type, 0, 1, 0, 0, 0,
                              0, (uint8_t)(len >> 8),  (uint8_t)len};
    memcpy(wire, head, sizeof head);
    memcpy(wire + sizeof head, rdata, len);
    ldns_rr *rr = NULL;
    size_t at = 0;
    char *line = NULL, *data = NULL;
    if (ldns_wire2rr(&rr, wire, 11 + len, &at, LDNS_SECTION_ANSWER) == LDNS_STATUS_OK)
        line = ldns_rr2str_fmt(ldns_output_format_nocomments, rr);
    /* owner, TTL, class and type come first, each with a tab behind it */
    const char *p = line;
    for (int tabs = 0; p && tabs < 4; tabs++) {
        p = strchr(p, '\t');
        p = p ? p + 1 : NULL;
    }
    if (p)
        data = strndup(p, strcspn(p, "\n"));
    free(line);
    ldns_rr_free(rr);
    free(wire);
    return data;
}

/* As ldns writes it, and the hints that the answer fills, which ldns does not know. */
static char *hinted_data(uint16_t type, const uint8_t *rdata, size_t len)
{
    static const char *const words[] = {[KIND_V4] = " ipv4hint=auto", [KIND_V6] = " ipv6hint=auto"};
    struct svcb_autos autos;
    svcb_autos_find(rdata, len, &autos);
    char *text = NULL;
    uint8_t *plain = malloc(len);
    char *data = plain ? ldns_data(type, plain, svcb_autos_cut(rdata, len, plain)) : NULL;
    if (data && asprintf(&text, "%s%s%s", data, autos.count > 0 ? words[autos.hints[0].kind] : "",
                         autos.count > 1 ? words[autos.hints[1].kind] : "") < 0)
        text = NULL;
    free(data);
    free(plain);
    return text;
}

/* As ldns writes it, if that parses to the same bytes, else in the form of RFC 3597 5. */
static char *checked_data(uint16_t type, const uint8_t *rdata, size_t len, uint8_t *again)
{
    static const uint8_t root[1] = {0};
    const bool hinted = type == RDATA_SVCB || type == RDATA_HTTPS;
    size_t again_len = 0;
    char *text = hinted ? hinted_data(type, rdata, len) : ldns_data(type, rdata, len);
    if (text && rdata_parse(type, text, root, again, &again_len, NULL) == OK && again_len == len &&
        memcmp(again, rdata, len) == 0)
        return text;
    free(text);
    return generic_data(rdata, len);
}

enum err rdata_print(uint16_t type, const uint8_t *rdata, size_t len, uint8_t *again, char **ret,
                     struct diag *reterr)
{
    char address[INET6_ADDRSTRLEN];
    if (type == RDATA_A || type == RDATA_AAAA)
        *ret = strdup(inet_ntop(type == RDATA_A ? AF_INET : AF_INET6, rdata, address, sizeof address));
    else if (type == RDATA_NS || type == RDATA_CNAME || type == RDATA_PTR)
        *ret = name_data(rdata);
    else
        *ret = checked_data(type, rdata, len, again);
    return *ret ? OK : diag_set(reterr, ERR_MEMORY, "out of memory");
}
