#include "geoip/tortext.h"

#include "common/ip.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_LEN = 256 }; /* two IPv6 addresses, a country and room */

struct range {
    struct ip first;
    struct ip last;
    char country[FACTS_CODE_MAX];
};

/* Where each family's tree has got to. */
struct loading {
    struct source *source;
    struct tree_fill v4;
    struct tree_fill v6;
    unsigned ranges_count;
};

/* An address as geoip6 writes it, or as a number as geoip does. */
static bool parse_address(const char *text, struct ip *ret)
{
    if (ip_parse(text, ret, NULL) == OK)
        return ret->family == IP_V6;
    const size_t len = strlen(text);
    if (len == 0 || len > 10 || strspn(text, "0123456789") != len)
        return false;
    const unsigned long number = strtoul(text, NULL, 10);
    *ret = (struct ip){.family = IP_V4};
    for (unsigned i = 0; i < 4; i++)
        ret->bytes[i] = (uint8_t)(number >> (24 - 8 * i));
    return number <= UINT32_MAX;
}

static bool is_code_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* "US", or "??" which becomes "". */
static bool parse_country(const char *text, char ret[FACTS_CODE_MAX])
{
    memset(ret, 0, FACTS_CODE_MAX);
    if (strcmp(text, "??") == 0)
        return true;
    if (!is_code_char(text[0]) || !is_code_char(text[1]) || text[2] != '\0')
        return false;
    memcpy(ret, text, 2);
    return true;
}

/* Take `line` apart, in place. Returns what is wrong with it, or NULL. */
static const char *parse_range(char *line, struct range *ret)
{
    char *last = strchr(line, ',');
    char *country = last ? strchr(last + 1, ',') : NULL;
    if (!country)
        return "is not FIRST,LAST,COUNTRY";
    *last++ = '\0';
    *country++ = '\0';
    if (!parse_address(line, &ret->first) || !parse_address(last, &ret->last))
        return "has an address that is neither a number nor IPv6";
    if (!parse_country(country, ret->country))
        return "has a country that is not of two letters";
    if (ret->first.family != ret->last.family)
        return "mixes IPv4 and IPv6";
    if (ip_compare(&ret->first, &ret->last) > 0)
        return "ends before it begins";
    return NULL;
}

/* Returns what is wrong with the range, or NULL. */
static const char *range_put(struct loading *loading, const struct range *range)
{
    struct tree_fill *fill = range->first.family == IP_V4 ? &loading->v4 : &loading->v6;
    const tree_bits first = tree_bits_of(&range->first);
    if (fill->complete || first < fill->next)
        return "begins before the range above it ends";
    struct facts facts = {0};
    memcpy(facts.country, range->country, sizeof facts.country);
    if (first > fill->next)
        tree_fill_to(fill, first - 1, tree_leaf(0));
    tree_fill_to(fill, tree_bits_of(&range->last), source_leaf(loading->source, &facts));
    loading->ranges_count++;
    return NULL;
}

/* Returns what is wrong with a line as fgets() gave it, or NULL. */
static const char *line_put(struct loading *loading, char *line)
{
    const size_t len = strcspn(line, "\r\n");
    if (len == LINE_MAX_LEN - 1)
        return "is too long";
    line[len] = '\0';
    if (line[0] == '#' || line[0] == '\0')
        return NULL;
    struct range range;
    const char *wrong = parse_range(line, &range);
    return wrong ? wrong : range_put(loading, &range);
}

enum err tortext_load(FILE *file, struct source *source, struct diag *reterr)
{
    struct loading loading = {.source = source,
                              .v4 = tree_fill_of(&source->tree, 32),
                              .v6 = tree_fill_of(&source->tree, 128)};
    char line[LINE_MAX_LEN];
    for (unsigned number = 1; fgets(line, sizeof line, file); number++) {
        const char *wrong = line_put(&loading, line);
        if (wrong && loading.ranges_count == 0)
            return diag_set(reterr, ERR_SYNTAX,
                            "%s is no geo database: no MMDB metadata at its end, and as text, "
                            "line %u %s",
                            source->path, number, wrong);
        if (wrong)
            return diag_set(reterr, ERR_SYNTAX, "%s: line %u %s", source->path, number, wrong);
    }
    if (ferror(file))
        return diag_errno(reterr, "cannot read %s", source->path);
    if (loading.ranges_count == 0)
        return diag_set(reterr, ERR_SYNTAX,
                        "%s is no geo database: no MMDB metadata at its end, and no line "
                        "FIRST,LAST,COUNTRY",
                        source->path);
    source->v4 = tree_fill_end(&loading.v4, tree_leaf(0));
    source->v6 = tree_fill_end(&loading.v6, tree_leaf(0));
    return OK;
}
