/* tests/fuzz/fuzz_saved.c - what was saved of a geo database, edited, its frame made good: it is refused, or
 * read within bounds, and a geo image is made of it that opens.
 *
 * The first byte chooses the database, the policy's method and whether there is an image, which takes most of
 * the time; the rest are edits (tests/fuzz/edits.h).
 */
#include "common/frame.h"
#include "tests/fuzz/edits.h"
#include "tests/fuzz/geo_bases.h"
#include "tests/fuzz/scratch.h"

#include "common/file.h"
#include "geoip/saved.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { IDENTITY_OFF = sizeof(struct frame) };

enum choice { CHOICE_NEAREST = GEO_BASES, CHOICE_READ = 2 * GEO_BASES }; /* below them is the database */

/* A database as a compiler saves it. */
static struct buffer saved_make(unsigned which)
{
    char dir[] = "/tmp/fuzz-source.XXXXXX", path[64];
    struct source *source = geo_base(which);
    struct buffer saved = {0};
    struct diag diag;
    if (!mkdtemp(dir))
        abort();
    (void)snprintf(path, sizeof path, "%s/saved", dir);
    geo_fixture_must(saved_write(source, path, &diag), &diag);
    geo_fixture_must(file_read(path, SAVED_LEN_MAX, &saved, &diag), &diag);
    (void)unlink(path);
    (void)rmdir(dir);
    source_free(&source);
    return saved;
}

/* A policy that looks at all that a database can know, or at places alone. */
static void build_try(struct source *source, enum policy_method method)
{
    static char name[] = "fuzz";
    static char clients[][20] = {"default", "country:US", "subdivision:US-CA", "asn:64500", "continent:EU"};
    static struct policy_rule rules[] = {{clients[0], 0, 1, 1}, {clients[1], 1, 1, 1}, {clients[2], 2, 1, 1},
                                         {clients[3], 3, 1, 1}, {clients[4], 4, 1, 1}};
    static struct policy_place places[] = {{0, 50, 10}, {1, 40, -100}, {2, 37, -122}};
    struct policy policy = {.name = name, .method = method, .rules = rules, .rules_count = 5};
    struct buffer image;
    struct geo geo;
    struct diag diag;
    if (method == POLICY_NEAREST) {
        policy.rules_count = 1;
        policy.places = places;
        policy.places_count = 3;
    }
    if (build_geo(&policy, &source, 1, &image, &diag) != OK)
        return; /* over a limit */
    geo_fixture_must(geo_open(image.bytes, image.len, &geo, &diag), &diag);
    buffer_fini(&image);
}

/* Read what every leaf says. */
static void leaves_read(const struct source *source)
{
    for (uint32_t i = 0; i < source->tree.count; i++)
        for (unsigned bit = 0; bit < 2; bit++) {
            const uint32_t child = tree_child(&source->tree, i, bit);
            if (tree_is_leaf(child) &&
                strlen(source_facts(source, tree_value(child))->country) >= FACTS_CODE_MAX)
                abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct buffer bases[GEO_BASES];
    if (!bases[0].bytes)
        for (unsigned i = 0; i < GEO_BASES; i++)
            bases[i] = saved_make(i);
    if (len < 1)
        return 0;
    const struct buffer *base = &bases[bytes[0] % GEO_BASES];
    uint8_t *saved = malloc(base->len);
    uint64_t identity;
    if (!saved)
        return 0;
    memcpy(saved, base->bytes, base->len);
    memcpy(&identity, saved + IDENTITY_OFF, sizeof identity);
    const size_t saved_len = edits_apply(bytes + 1, len - 1, saved, base->len);
    if (saved_len >= sizeof(struct frame))
        frame_seal(saved, saved_len, FRAME_SOURCE, SAVED_VERSION);
    struct scratch file = scratch_open(saved, saved_len);
    struct source *source = NULL;
    struct diag diag;
    const enum err err = saved_read(file.path, "fuzz", identity, &source, &diag);
    if (err == OK)
        leaves_read(source);
    else if (len == 1)
        geo_fixture_must(err, &diag); /* nothing was edited */
    if (err == OK && !(bytes[0] & CHOICE_READ))
        build_try(source, bytes[0] & CHOICE_NEAREST ? POLICY_NEAREST : POLICY_RULES);
    source_free(&source);
    scratch_close(&file);
    free(saved);
    return 0;
}
