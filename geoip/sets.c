#include "geoip/sets.h"

#include "geoip/continent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CLIENT_TEXT_MAX = 64,  /* longest client text and its NUL: "net:" and a prefix */
    CLIENT_SHOWN_MAX = 80, /* of a bad client in a message */
};

/* A rule and its client in canonical writing. */
struct entry {
    char client[CLIENT_TEXT_MAX];
    struct geo_choice choice;
    struct prefix net;
    enum sets_kind kind;
};

static const char *const kind_prefixes[SETS_KINDS_COUNT] = {
    [SETS_DEFAULT] = "default",  [SETS_CONTINENT] = "continent:",
    [SETS_COUNTRY] = "country:", [SETS_SUBDIVISION] = "subdivision:",
    [SETS_ASN] = "asn:",         [SETS_NET] = "net:",
};

/* Clients -------------------------------------------------------------------------------------- */

static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
static const char capitals_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

static bool is_country(const char *text)
{
    return strlen(text) == 2 && strspn(text, capitals) == 2;
}

/* ISO 3166-2: the country, '-', one to three letters and digits. */
static bool is_subdivision(const char *text)
{
    const size_t len = strlen(text);
    return len >= 4 && len <= 6 && strspn(text, capitals) >= 2 && text[2] == '-' &&
           strspn(text + 3, capitals_digits) == len - 3;
}

static bool is_asn(const char *text)
{
    const size_t len = strlen(text);
    return len >= 1 && len <= 10 && text[0] != '0' && strspn(text, "0123456789") == len &&
           strtoul(text, NULL, 10) <= UINT32_MAX;
}

/* IPv4-mapped IPv6 is IPv4. */
static void unmap(struct prefix *prefix)
{
    if (prefix->bits >= 96 && ip_unmap(&prefix->ip))
        prefix->bits = (uint8_t)(prefix->bits - 96);
}

/* Check what follows the kind's prefix, and write the client in its one canonical way. */
static enum err parse_value(const char *client, const char *text, struct entry *entry,
                            struct diag *reterr)
{
    char net[PREFIX_TEXT_MAX];
    const char *wanted = NULL;
    switch (entry->kind) {
    case SETS_DEFAULT:
        wanted = text[0] == '\0' ? NULL : "nothing behind it";
        break;
    case SETS_CONTINENT:
        wanted = continent_is_code(text) ? NULL : "one of AF, AN, AS, EU, NA, OC, SA";
        break;
    case SETS_COUNTRY:
        wanted = is_country(text) ? NULL : "two capital letters (ISO 3166-1)";
        break;
    case SETS_SUBDIVISION:
        wanted = is_subdivision(text) ? NULL : "a code like US-CA (ISO 3166-2)";
        break;
    case SETS_ASN:
        wanted = is_asn(text) ? NULL : "a number from 1 to 4294967295";
        break;
    case SETS_NET:
    case SETS_KINDS_COUNT:
        if (prefix_parse(text, &entry->net, reterr) != OK)
            return diag_prefix(reterr, ERR_SYNTAX, "rule with client \"%.*s\"", CLIENT_SHOWN_MAX,
                               client);
        unmap(&entry->net);
        text = prefix_print(&entry->net, net);
        break;
    }
    if (wanted)
        return diag_set(reterr, ERR_SYNTAX, "rule with client \"%.*s\": \"%s\" takes %s",
                        CLIENT_SHOWN_MAX, client, kind_prefixes[entry->kind], wanted);
    (void)stpcpy(stpcpy(entry->client, kind_prefixes[entry->kind]), text);
    return OK;
}

static enum err parse_client(const char *client, struct entry *entry, struct diag *reterr)
{
    for (unsigned kind = 0; kind < SETS_KINDS_COUNT; kind++) {
        const size_t len = strlen(kind_prefixes[kind]);
        if (strncmp(client, kind_prefixes[kind], len) != 0)
            continue;
        entry->kind = (enum sets_kind)kind;
        return parse_value(client, client + len, entry, reterr);
    }
    return diag_set(reterr, ERR_SYNTAX,
                    "rule with client \"%.*s\": a client is default, continent:EU, country:DE, "
                    "subdivision:US-CA, asn:64500 or net:192.0.2.0/24",
                    CLIENT_SHOWN_MAX, client);
}

/* Grouping ------------------------------------------------------------------------------------- */

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    const int order = strcmp(x->client, y->client);
    if (order != 0)
        return order;
    if (x->choice.tier != y->choice.tier)
        return x->choice.tier < y->choice.tier ? -1 : 1;
    return (int)x->choice.region - (int)y->choice.region;
}

static int compare_nets(const void *a, const void *b)
{
    const struct sets_net *x = a;
    const struct sets_net *y = b;
    const int order = ip_compare(&x->prefix.ip, &y->prefix.ip);
    return order != 0 ? order : (int)x->prefix.bits - (int)y->prefix.bits;
}

static enum err parse_rules(const struct policy *policy, struct entry *entries, struct diag *reterr)
{
    for (size_t i = 0; i < policy->rules_count; i++) {
        const struct policy_rule *rule = &policy->rules[i];
        const enum err err = parse_client(rule->client, &entries[i], reterr);
        if (err != OK)
            return err;
        if (rule->region >= REGIONS_MAX)
            return diag_set(reterr, ERR_LIMIT,
                            "rule with client \"%s\": region %u is over REGIONS_MAX (%d)",
                            rule->client, rule->region, REGIONS_MAX);
        entries[i].choice =
            (struct geo_choice){.weight = rule->weight, .tier = rule->tier, .region = rule->region};
    }
    return OK;
}

/* Make one set of the `count` rules at `entries`, which share their client. */
static enum err set_put(struct sets *sets, const struct entry *entries, size_t count,
                        struct diag *reterr)
{
    bool seen[REGIONS_MAX] = {0};
    const uint32_t set = intern_put(&sets->names, entries->client, strlen(entries->client) + 1);
    for (size_t i = 0; i < count; i++) {
        const struct geo_choice *choice = &entries[i].choice;
        if (seen[choice->region])
            return diag_set(reterr, ERR_EXISTS, "two rules with client \"%s\" name the same region",
                            entries->client);
        seen[choice->region] = true;
        (void)buffer_put(&sets->choices, choice, sizeof *choice);
    }
    const uint32_t end = (uint32_t)(sets->choices.len / sizeof(struct geo_choice));
    (void)buffer_put(&sets->firsts, &end, sizeof end);
    sets->has[entries->kind] = true;
    if (entries->kind == SETS_NET) {
        struct sets_net net = {.prefix = entries->net, .set = set};
        (void)buffer_put(&sets->nets, &net, sizeof net);
    }
    return OK;
}

static enum err check_memory(const struct sets *sets, struct diag *reterr)
{
    enum err err = intern_check(&sets->names, reterr);
    if (err == OK)
        err = buffer_check(&sets->choices, reterr);
    if (err == OK)
        err = buffer_check(&sets->firsts, reterr);
    return err == OK ? buffer_check(&sets->nets, reterr) : err;
}

static enum err group(struct sets *sets, const struct entry *entries, size_t count,
                      struct diag *reterr)
{
    static const uint32_t zero = 0;
    (void)buffer_put(&sets->firsts, &zero, sizeof zero);
    size_t end;
    for (size_t begin = 0; begin < count; begin = end) {
        end = begin + 1;
        while (end < count && strcmp(entries[end].client, entries[begin].client) == 0)
            end++;
        const enum err err = set_put(sets, entries + begin, end - begin, reterr);
        if (err != OK)
            return err;
    }
    if (sets->nets.len > 0)
        qsort(sets->nets.bytes, sets->nets.len / sizeof(struct sets_net), sizeof(struct sets_net),
              compare_nets);
    return check_memory(sets, reterr);
}

enum err sets_make(const struct policy *policy, struct sets *ret, struct diag *reterr)
{
    *ret = (struct sets){0};
    if (policy->rules_count > POLICY_RULES_MAX)
        return diag_set(reterr, ERR_LIMIT, "%zu rules are over POLICY_RULES_MAX (%d)",
                        policy->rules_count, POLICY_RULES_MAX);
    struct entry *entries = calloc(policy->rules_count + 1, sizeof *entries);
    if (!entries)
        return diag_set(reterr, ERR_MEMORY, "out of memory for %zu rules", policy->rules_count);
    enum err err = parse_rules(policy, entries, reterr);
    if (err == OK) {
        qsort(entries, policy->rules_count, sizeof *entries, compare_entries);
        err = group(ret, entries, policy->rules_count, reterr);
    }
    free(entries);
    return err;
}

void sets_fini(struct sets *sets)
{
    intern_fini(&sets->names);
    buffer_fini(&sets->choices);
    buffer_fini(&sets->firsts);
    buffer_fini(&sets->nets);
}

uint32_t sets_find(const struct sets *sets, enum sets_kind kind, const char *text)
{
    char client[CLIENT_TEXT_MAX];
    const int len = snprintf(client, sizeof client, "%s%s", kind_prefixes[kind], text);
    if (len < 0 || (size_t)len >= sizeof client)
        return SETS_NONE;
    return intern_find(&sets->names, client, (size_t)len + 1);
}
