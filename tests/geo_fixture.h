/* tests/geo_fixture.h - sources, policies and images for the tests of geoip/: each step must
 * succeed.
 */
#ifndef TESTS_GEO_FIXTURE_H
#define TESTS_GEO_FIXTURE_H

#include "geoip/build.h"
#include "geoip/database.h"
#include "geoip/geo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GEO_FIXTURE_RULES_MAX = 64, GEO_FIXTURE_SOURCES_MAX = 4, GEO_FIXTURE_PATH_MAX = 512 };

struct geo_fixture {
    struct buffer image;
    struct geo geo;
};

/* tests/data/NAME below the source directory. */
static inline const char *geo_fixture_path(const char *name, char path[GEO_FIXTURE_PATH_MAX])
{
    const char *top = getenv("srcdir");
    (void)snprintf(path, GEO_FIXTURE_PATH_MAX, "%s/tests/data/%s", top ? top : ".", name);
    return path;
}

static inline void geo_fixture_must(enum err err, const struct diag *diag)
{
    if (err == OK)
        return;
    fprintf(stderr, "geo_fixture: %s\n", diag->text);
    abort();
}

static inline struct source *geo_fixture_source(const char *name)
{
    char path[GEO_FIXTURE_PATH_MAX];
    struct source *source = NULL;
    struct diag diag;
    geo_fixture_must(database_read(geo_fixture_path(name, path), &source, &diag), &diag);
    return source;
}

static inline struct ip geo_fixture_ip(const char *text)
{
    struct ip ip = {0};
    struct diag diag;
    geo_fixture_must(ip_parse(text, &ip, &diag), &diag);
    return ip;
}

/* The facts that a source has of an address. */
static inline const struct facts *geo_fixture_facts(const struct source *source, const char *address)
{
    const struct ip ip = geo_fixture_ip(address);
    uint32_t root = ip.family == IP_V4 ? source->v4 : source->v6;
    for (unsigned bit = 0; !tree_is_leaf(root); bit++)
        root = tree_child(&source->tree, root, ip.bytes[bit / 8] >> (7 - bit % 8) & 1);
    return source_facts(source, tree_value(root));
}

/* A policy's rules from client texts, ended by NULL: each client's one region is its position. */
static inline size_t geo_fixture_rules(const char *const *clients,
                                       struct policy_rule rules[GEO_FIXTURE_RULES_MAX])
{
    size_t count = 0;
    for (; clients[count] && count < GEO_FIXTURE_RULES_MAX; count++)
        rules[count] = (struct policy_rule){.client = strdup(clients[count]),
                                            .region = (uint16_t)count,
                                            .tier = 1,
                                            .weight = POLICY_WEIGHT_OF_POOL};
    return count;
}

/* Build the image of a policy over sources (names below tests/data, ended by NULL). */
static inline void geo_fixture_build(const struct policy *policy, const char *const *names,
                                     struct geo_fixture *ret)
{
    struct source *sources[GEO_FIXTURE_SOURCES_MAX] = {0};
    struct diag diag;
    size_t count = 0;
    for (; count < GEO_FIXTURE_SOURCES_MAX && names[count]; count++)
        sources[count] = geo_fixture_source(names[count]);
    geo_fixture_must(build_geo(policy, sources, count, &ret->image, &diag), &diag);
    geo_fixture_must(geo_open(ret->image.bytes, ret->image.len, &ret->geo, &diag), &diag);
    for (size_t i = 0; i < count; i++)
        source_free(&sources[i]);
}

/* As geo_fixture_build() with one region for each client. */
static inline void geo_fixture_clients(const char *const *clients, const char *const *names,
                                       struct geo_fixture *ret)
{
    struct policy_rule rules[GEO_FIXTURE_RULES_MAX];
    static char name[] = "p";
    struct policy policy = {.name = name, .rules = rules};
    policy.rules_count = geo_fixture_rules(clients, rules);
    geo_fixture_build(&policy, names, ret);
    for (size_t i = 0; i < policy.rules_count; i++)
        free(rules[i].client);
}

static inline void geo_fixture_fini(struct geo_fixture *fixture)
{
    buffer_fini(&fixture->image);
}

/* The names of an address's sets, most specific first, with a space between: "country:DE
 * continent:EU default". */
static inline const char *geo_fixture_chain(const struct geo *geo, const struct ip *ip, char *text,
                                            size_t cap)
{
    const struct geo_chain chain = geo_chain_get(geo, geo_find(geo, ip).class);
    text[0] = '\0';
    for (uint32_t i = 0; i < chain.count; i++) {
        const size_t len = strlen(text);
        (void)snprintf(text + len, cap - len, "%s%s", i > 0 ? " " : "",
                       geo_set_name(geo, chain.sets[i]));
    }
    return text;
}

#endif
