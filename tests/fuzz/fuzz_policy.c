/* tests/fuzz/fuzz_policy.c - any text as the clients of a policy: it is refused, or gives an image that
 * opens; and one whose choices alone differ is the same whether it is laid anew or taken over.
 *
 * A line is a client; a line that begins with a space is one more region of the client before it.
 */
#include "tests/fuzz/geo_bases.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { TEXT_LEN_MAX = 4096, RULES_MAX = 64, REGIONS = 8 };

static size_t rules_parse(char *text, struct policy_rule *rules)
{
    size_t count = 0;
    char *client = text;
    for (char *line = strsep(&text, "\n"); line && count < RULES_MAX; line = strsep(&text, "\n")) {
        if (*line != ' ')
            client = line;
        rules[count] = (struct policy_rule){.client = client, .region = (uint16_t)(count % REGIONS),
                                            .tier = 1 + (int32_t)(count % 3),
                                            .weight = count % 2 ? 100 : POLICY_WEIGHT_OF_POOL};
        count++;
    }
    return count;
}

static void image_check(const struct buffer *image)
{
    struct geo geo;
    struct diag diag;
    geo_fixture_must(geo_open(image->bytes, image->len, &geo, &diag), &diag);
    const struct ip clients[] = {geo_fixture_ip("2001:db8::1"), geo_fixture_ip("192.0.2.1"),
                                 geo_fixture_ip("193.0.0.9")};
    for (size_t i = 0; i < sizeof clients / sizeof *clients; i++)
        assert(geo_find(&geo, &clients[i]).class < geo.classes_count);
}

/* The same clients with other choices, in two ways. */
static void choices_try(struct policy *policy, struct source *const *sources, const struct buffer *last)
{
    const uint64_t identities[GEO_BASES] = {sources[0]->identity, sources[1]->identity};
    struct buffer taken, laid;
    struct diag diag;
    for (size_t i = 0; i < policy->rules_count; i++)
        policy->rules[i].weight = 7;
    policy->geofence = !policy->geofence;
    const enum err err = build_choices(policy, last->bytes, last->len, identities, GEO_BASES, &taken, &diag);
    geo_fixture_must(err, &diag);
    geo_fixture_must(build_geo(policy, sources, GEO_BASES, &laid, &diag), &diag);
    assert(taken.len == laid.len && memcmp(taken.bytes, laid.bytes, laid.len) == 0);
    buffer_fini(&taken);
    buffer_fini(&laid);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct source *sources[GEO_BASES];
    static struct policy_place places[] = {{0, 50, 10}, {1, 40, -100}, {2, -33, 151}};
    static char name[] = "fuzz";
    char text[TEXT_LEN_MAX];
    struct policy_rule rules[RULES_MAX];
    struct buffer image;
    struct diag diag = {.text = ""};
    for (unsigned i = 0; i < GEO_BASES && !sources[i]; i++)
        sources[i] = geo_base(i);
    if (len < 1 || len > sizeof text)
        return 0;
    memcpy(text, bytes + 1, len - 1);
    text[len - 1] = '\0';
    struct policy policy = {.name = name, .geofence = bytes[0] & 1, .rules = rules};
    policy.rules_count = rules_parse(text, rules);
    if (bytes[0] & 2) {
        policy.method = POLICY_NEAREST;
        policy.places = places;
        policy.places_count = sizeof places / sizeof *places;
    }
    if (build_geo(&policy, sources, GEO_BASES, &image, &diag) != OK) {
        assert(diag.text[0] != '\0' && !image.bytes);
        return 0;
    }
    image_check(&image);
    choices_try(&policy, sources, &image);
    buffer_fini(&image);
    return 0;
}
