#include "zones/image/manifest.h"

#include "common/file.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct manifest_files {
    char dir[32], path[64];
};

static int setup(void **state)
{
    struct manifest_files *files = calloc(1, sizeof *files);
    assert_non_null(files);
    (void)snprintf(files->dir, sizeof files->dir, "/tmp/test_manifest.XXXXXX");
    assert_non_null(mkdtemp(files->dir));
    (void)snprintf(files->path, sizeof files->path, "%s/manifest.json", files->dir);
    *state = files;
    return 0;
}

static int teardown(void **state)
{
    struct manifest_files *files = *state;
    (void)unlink(files->path);
    assert_int_equal(rmdir(files->dir), 0); /* no temporary file is left */
    free(files);
    return 0;
}

static struct manifest *full_manifest(void)
{
    struct manifest *m;
    assert_int_equal(manifest_new(&m, NULL), OK);
    m->generation = 77;
    m->regions[0].name = strdup("eu");
    m->regions[255].name = strdup("us");
    m->regions[255].monitor = strdup("web");
    m->regions[255].target = strdup("192.0.2.1");
    m->policies[3].name = strdup("global");
    m->policies[3].fingerprint = UINT64_MAX;
    strcpy(m->policies[3].file, "policy-3-76.img");
    strcpy(m->packs[63], "pack-63-77.img");
    m->monitors = calloc(1, sizeof *m->monitors);
    m->monitors_count = 1;
    m->monitors[0] = (struct manifest_monitor){
        .name = strdup("web"),
        .type = strdup("http"),
        .path = strdup("/\"\xc3\xa9"),
        .method = strdup("GET"),
        .expect_status = strdup("200"),
        .host = strdup("h"),
        .port = 65535,
        .tls_verify = true,
        .interval_ms = 1,
        .timeout_ms = 2,
        .fall = 3,
        .rise = 4,
        .latency_max_ms = 5,
        .quorum = 6,
    };
    m->vantages = calloc(1, sizeof *m->vantages);
    m->vantages_count = 1;
    m->vantages[0] = (struct manifest_vantage){
        .name = strdup("v1"), .public_key = strdup("key"), .asn = UINT32_MAX, .enabled = true};
    assert_int_equal(manifest_problem_put(m, "zone", "subject", "message", NULL), OK);
    m->zones_count = 1000000;
    m->slots_end = 1 << 20;
    return m;
}

static void test_what_is_written_is_read(void **state)
{
    const struct manifest_files *files = *state;
    struct manifest *wrote = full_manifest(), *got;
    struct diag diag = {.text = ""};
    assert_int_equal(manifest_write(wrote, files->path, &diag), OK);
    if (manifest_read(files->path, &got, &diag) != OK)
        fail_msg("%s", diag.text);
    assert_int_equal(got->generation, 77);
    assert_string_equal(got->regions[255].target, "192.0.2.1");
    assert_null(got->regions[1].name);
    assert_null(got->regions[0].monitor);
    assert_true(got->policies[3].fingerprint == UINT64_MAX);
    assert_string_equal(got->packs[63], "pack-63-77.img");
    assert_string_equal(got->monitors[0].path, "/\"\xc3\xa9");
    assert_null(got->monitors[0].expect_body);
    assert_int_equal(got->monitors[0].quorum, 6);
    assert_true(got->vantages[0].enabled);
    assert_int_equal(got->problems_total, 1);
    char *first, *second;
    assert_int_equal(manifest_print(wrote, &first, NULL), OK);
    assert_int_equal(manifest_print(got, &second, NULL), OK);
    assert_string_equal(first, second);
    free(first);
    free(second);
    manifest_free(&wrote);
    manifest_free(&got);
}

static void test_problems_are_counted_past_those_kept(void **state)
{
    struct manifest *m;
    (void)state;
    assert_int_equal(manifest_new(&m, NULL), OK);
    for (unsigned i = 0; i < MANIFEST_PROBLEMS_MAX + 5; i++)
        assert_int_equal(manifest_problem_put(m, "z", "s", "m", NULL), OK);
    assert_int_equal(m->problems_count, MANIFEST_PROBLEMS_MAX);
    assert_int_equal(m->problems_total, MANIFEST_PROBLEMS_MAX + 5);
    manifest_free(&m);
}

static void test_a_problem_may_quote_any_bytes(void **state)
{
    struct manifest *m;
    char *text;
    (void)state;
    assert_int_equal(manifest_new(&m, NULL), OK);
    assert_int_equal(manifest_problem_put(m, "z", "a\xe9", "cut in \xc3", NULL), OK);
    assert_string_equal(m->problems[0].subject, "a?");
    assert_int_equal(manifest_print(m, &text, NULL), OK);
    assert_non_null(strstr(text, "\"cut in ?\""));
    free(text);
    manifest_free(&m);
}

static void test_text_is_utf_8_as_jansson_takes_it(void **state)
{
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"", true},
        {"plain", true},
        {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", true},
        {"\xe9", false},
        {"\xc3", false},
        {"\xc0\xaf", false},
        {"\xe0\x80\xaf", false},
        {"\xed\xa0\x80", false},
        {"\xf4\x90\x80\x80", false},
        {"\xf8\x88\x80\x80\x80", false},
        {"\x80", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *string = json_string(cases[i].text);
        assert_int_equal(manifest_text_is_valid(cases[i].text), cases[i].valid);
        assert_int_equal(string != NULL, cases[i].valid);
        json_decref(string);
    }
}

static void test_damage_is_named(void **state)
{
    static const struct {
        const char *from, *to; /* in a good manifest */
        enum err err;
        const char *words;
    } cases[] = {
        {"\"version\": 1", "\"version\": 2", ERR_VERSION, "version 2"},
        {"\"version\": 1", "\"version\": \"1\"", ERR_CORRUPT, "\"version\""},
        {"\"generation\": 77", "\"generation\": -1", ERR_CORRUPT, "\"generation\""},
        {"\"index\": 255", "\"index\": 256", ERR_CORRUPT, "\"index\""},
        {"\"index\": 255", "\"index\": 0", ERR_CORRUPT, "\"regions\""},
        {"\"name\": \"us\"", "\"nome\": \"us\"", ERR_CORRUPT, "\"name\""},
        {"pack-63-77.img", "../../etc/x", ERR_CORRUPT, "\"packs\""},
        {"\"packs\": [", "\"packs\": [ 5,", ERR_CORRUPT, "\"packs\""},
        {"policy-3-76.img", "a/b", ERR_CORRUPT, "\"file\""},
        {"ffffffffffffffff", "fff", ERR_CORRUPT, "\"fingerprint\""},
        {"\"port\": 65535", "\"port\": 65536", ERR_CORRUPT, "\"port\""},
        {"\"tls_verify\": true", "\"tls_verify\": 1", ERR_CORRUPT, "\"tls_verify\""},
        {"\"slots_end\": 1048576", "\"slots_end\": 1048577", ERR_CORRUPT, "\"slots_end\""},
        {"\"monitors\"", "\"regions\"", ERR_CORRUPT, "duplicate"},
        {"{", "", ERR_CORRUPT, "line"},
        {"{", "[{", ERR_CORRUPT, "line"},
    };
    const struct manifest_files *files = *state;
    struct manifest *m = full_manifest();
    char *good;
    assert_int_equal(manifest_print(m, &good, NULL), OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[16384];
        const char *at = strstr(good, cases[i].from);
        assert_non_null(at);
        const int len = snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, cases[i].to,
                                 at + strlen(cases[i].from));
        assert_true(len > 0 && (size_t)len < sizeof text);
        assert_int_equal(file_replace(files->path, text, (size_t)len, 0600, NULL), OK);
        struct diag diag = {.text = ""};
        struct manifest *got = NULL;
        const enum err err = manifest_read(files->path, &got, &diag);
        if (err != cases[i].err || got || !strstr(diag.text, cases[i].words) ||
            !strstr(diag.text, files->path))
            fail_msg("%s for %s: %d \"%s\"", cases[i].to, cases[i].from, err, diag.text);
    }
    free(good);
    manifest_free(&m);
}

static void test_a_missing_manifest_is_missing(void **state)
{
    const struct manifest_files *files = *state;
    struct manifest *got;
    assert_int_equal(manifest_read(files->path, &got, NULL), ERR_MISSING);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        test(test_what_is_written_is_read),
        test(test_problems_are_counted_past_those_kept),
        test(test_a_problem_may_quote_any_bytes),
        test(test_text_is_utf_8_as_jansson_takes_it),
        test(test_damage_is_named),
        test(test_a_missing_manifest_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
