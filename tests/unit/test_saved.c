/* What was read of a database comes back as it was, or not at all. */
#include "geoip/saved.h"

#include "common/file.h"
#include "common/frame.h"

#include "tests/geo_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

enum { SAVED_HEAD_LEN = 64, SAVED_CAP = 65536 };

/* A source, and what was saved of it. */
struct kept {
    struct source *source;
    char dir[32];
    char file[64];
    uint8_t bytes[SAVED_CAP];
    size_t len;
};

static void kept_make(struct kept *kept, const char *name)
{
    struct buffer all = {0};
    *kept = (struct kept){.source = geo_fixture_source(name), .dir = "/tmp/test_saved.XXXXXX"};
    assert_non_null(mkdtemp(kept->dir));
    (void)snprintf(kept->file, sizeof kept->file, "%s/source.img", kept->dir);
    assert_int_equal(saved_write(kept->source, kept->file, NULL), OK);
    assert_int_equal(file_read(kept->file, sizeof kept->bytes, &all, NULL), OK);
    memcpy(kept->bytes, all.bytes, all.len);
    kept->len = all.len;
    buffer_fini(&all);
}

static void kept_fini(struct kept *kept)
{
    (void)unlink(kept->file);
    assert_int_equal(rmdir(kept->dir), 0);
    source_free(&kept->source);
}

/* Load what `bytes` are now, sealed again. */
static enum err kept_load(struct kept *kept, uint32_t version, struct source **ret)
{
    frame_seal(kept->bytes, kept->len, FRAME_SOURCE, version);
    assert_int_equal(file_create(kept->file, kept->bytes, kept->len, 0600, NULL), OK);
    return saved_read(kept->file, kept->source->path, kept->source->identity, ret, NULL);
}

static void expect_same_source(const struct source *a, const struct source *b)
{
    assert_string_equal(a->path, b->path);
    assert_int_equal(a->identity, b->identity);
    assert_int_equal(a->v4, b->v4);
    assert_int_equal(a->v6, b->v6);
    assert_int_equal(a->tree.count, b->tree.count);
    assert_memory_equal(a->tree.nodes, b->tree.nodes, a->tree.count * sizeof *a->tree.nodes);
    assert_int_equal(a->facts.count, b->facts.count);
    for (uint32_t i = 0; i < a->facts.count; i++)
        assert_memory_equal(source_facts(a, i), source_facts(b, i), sizeof(struct facts));
}

static void test_what_is_saved_loads_as_it_was(void **state)
{
    (void)state;
    static const char *const names[] = {"mmdb/GeoIP2-City-Test.mmdb", "mmdb/v4-none.mmdb", "tor/geoip"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct kept kept;
        struct source *source = NULL;
        kept_make(&kept, names[i]);
        assert_int_equal(kept_load(&kept, SAVED_VERSION, &source), OK);
        expect_same_source(kept.source, source);
        source_free(&source);
        kept_fini(&kept);
    }
}

static void test_what_was_saved_of_another_file_or_version_is_not_taken(void **state)
{
    (void)state;
    struct kept kept;
    struct source *source = NULL;
    kept_make(&kept, "tor/geoip");
    assert_int_equal(kept_load(&kept, SAVED_VERSION + 1, &source), ERR_VERSION);
    frame_seal(kept.bytes, kept.len, FRAME_GEO, SAVED_VERSION);
    assert_int_equal(file_create(kept.file, kept.bytes, kept.len, 0600, NULL), OK);
    assert_int_equal(saved_read(kept.file, "x", kept.source->identity, &source, NULL), ERR_CORRUPT);
    frame_seal(kept.bytes, kept.len, FRAME_SOURCE, SAVED_VERSION);
    assert_int_equal(file_create(kept.file, kept.bytes, kept.len, 0600, NULL), OK);
    assert_int_equal(saved_read(kept.file, "x", kept.source->identity + 1, &source, NULL), ERR_CORRUPT);
    assert_int_equal(unlink(kept.file), 0);
    assert_int_equal(saved_read(kept.file, "x", kept.source->identity, &source, NULL), ERR_MISSING);
    assert_null(source);
    kept_fini(&kept);
}

static void test_what_was_saved_is_checked_by_its_checksum_and_length(void **state)
{
    (void)state;
    struct kept kept;
    struct source *source = NULL;
    kept_make(&kept, "tor/geoip");
    for (size_t len = 0; len < kept.len; len++) {
        assert_int_equal(file_create(kept.file, kept.bytes, len, 0600, NULL), OK);
        assert_int_equal(saved_read(kept.file, "x", kept.source->identity, &source, NULL), ERR_CORRUPT);
    }
    for (size_t i = 0; i < kept.len; i++) {
        kept.bytes[i] ^= 0x10;
        assert_int_equal(file_create(kept.file, kept.bytes, kept.len, 0600, NULL), OK);
        assert_int_not_equal(saved_read(kept.file, "x", kept.source->identity, &source, NULL), OK);
        kept.bytes[i] ^= 0x10;
    }
    assert_null(source);
    kept_fini(&kept);
}

/* As deep as the tree below `root` is, or more than 128. */
static unsigned depth_below(const struct source *source, uint32_t root)
{
    unsigned depth[2];
    if (tree_is_leaf(root)) {
        assert_true(tree_value(root) < source->facts.count);
        return 0;
    }
    assert_true(root < source->tree.count);
    for (unsigned bit = 0; bit < 2; bit++)
        depth[bit] = depth_below(source, tree_child(&source->tree, root, bit));
    return 1 + (depth[0] > depth[1] ? depth[0] : depth[1]);
}

static void expect_sound(const struct source *source)
{
    assert_true(depth_below(source, source->v4) <= 32);
    assert_true(depth_below(source, source->v6) <= 128);
    for (uint32_t i = 0; i < source->facts.count; i++) {
        const struct facts *facts = source_facts(source, i);
        assert_true(strlen(facts->country) < FACTS_CODE_MAX);
        assert_true(facts->subdivisions_count <= FACTS_SUBDIVISIONS_MAX);
        assert_true(!facts->has_place || fabs(facts->latitude) <= 90);
    }
}

/* Whoever can write the file can seal it too: each of its words becomes what it should not be. */
static void test_a_hostile_word_is_refused_or_does_no_harm(void **state)
{
    (void)state;
    static const uint32_t words[] = {0, 1, 7, 1000, 0x7fffffff, 0x80000000, 0x800003e8, 0xffffffff};
    unsigned refused = 0;
    struct kept kept;
    kept_make(&kept, "mmdb/ipinfo-location.mmdb");
    for (size_t at = SAVED_HEAD_LEN / 2; at + 4 <= kept.len; at += 4) {
        for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
            struct source *source = NULL;
            uint32_t was;
            memcpy(&was, kept.bytes + at, sizeof was);
            memcpy(kept.bytes + at, &words[i], sizeof was);
            if (kept_load(&kept, SAVED_VERSION, &source) == OK)
                expect_sound(source);
            else
                refused++;
            source_free(&source);
            memcpy(kept.bytes + at, &was, sizeof was);
        }
    }
    assert_true(refused > 100);
    kept_fini(&kept);
}

static void test_a_source_that_cannot_be_saved_leaves_no_file(void **state)
{
    (void)state;
    char dir[] = "/tmp/test_saved.XXXXXX", file[64];
    struct source *source = geo_fixture_source("tor/geoip");
    assert_non_null(mkdtemp(dir));
    (void)snprintf(file, sizeof file, "%s/none/source.img", dir);
    assert_int_equal(saved_write(source, file, NULL), ERR_SYSTEM);
    (void)snprintf(file, sizeof file, "%s/source.img", dir);
    source->identity = 0;
    assert_int_equal(saved_write(source, file, NULL), ERR_REFUSED);
    assert_int_equal(rmdir(dir), 0);
    source_free(&source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_saved_loads_as_it_was),
        cmocka_unit_test(test_what_was_saved_of_another_file_or_version_is_not_taken),
        cmocka_unit_test(test_what_was_saved_is_checked_by_its_checksum_and_length),
        cmocka_unit_test(test_a_hostile_word_is_refused_or_does_no_harm),
        cmocka_unit_test(test_a_source_that_cannot_be_saved_leaves_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
