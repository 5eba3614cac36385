/* tests/unit/test_key.c - Ed25519 keys, their files and their signatures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "health/key.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/test_key.XXXXXX";
static char path[64];

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/key", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

static int remove_file(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static struct key *generate(void)
{
    struct key *key = NULL;
    assert_int_equal(key_generate(&key, NULL), OK);
    return key;
}

static void write_file(const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static void test_a_saved_key_loads_as_the_same(void **state)
{
    (void)state;
    struct key *key = generate(), *loaded = NULL;
    assert_int_equal(key_save(key, path, NULL), OK);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(key_load(path, &loaded, NULL), OK);
    const struct key_public one = key_public(key), other = key_public(loaded);
    assert_memory_equal(&one, &other, sizeof one);
    key_free(&key);
    key_free(&loaded);
    assert_null(key);
}

static void test_a_key_file_is_never_overwritten(void **state)
{
    (void)state;
    struct key *key = generate();
    write_file("precious", 0600);
    assert_int_equal(key_save(key, path, NULL), ERR_EXISTS);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, strlen("precious"));
    key_free(&key);
}

static void test_a_key_that_cannot_be_written_leaves_no_file(void **state)
{
    (void)state;
    struct key *key = generate();
    struct diag diag;
    struct rlimit limit, tight;
    assert_int_equal(key_save(key, "/nonexistent/key", &diag), ERR_SYSTEM);
    assert_non_null(strstr(diag.text, "/nonexistent/key"));

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    tight = limit;
    tight.rlim_cur = 10; /* as a full disk, the file ends early */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    const enum err err = key_save(key, path, &diag);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(err, ERR_SYSTEM);
    assert_int_equal(access(path, F_OK), -1);
    key_free(&key);
}

static void test_open_permissions_are_refused(void **state)
{
    (void)state;
    struct key *key = generate(), *loaded = NULL;
    assert_int_equal(key_save(key, path, NULL), OK);
    static const mode_t open_modes[] = {0640, 0604, 0660, 0620};
    for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
        assert_int_equal(chmod(path, open_modes[i]), 0);
        assert_int_equal(key_load(path, &loaded, NULL), ERR_REFUSED);
        assert_null(loaded);
    }
    key_free(&key);
}

static void test_what_is_no_private_key_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "no key",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        /* an X25519 key, which cannot sign */
        "-----BEGIN PRIVATE "
        "KEY-----\nMC4CAQAwBQYDK2VuBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END "
        "PRIVATE "
        "KEY-----\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct key *key = NULL;
        write_file(texts[i], 0600);
        assert_int_equal(key_load(path, &key, NULL), ERR_CORRUPT);
        assert_null(key);
    }
    struct key *key = NULL;
    unlink(path);
    assert_int_equal(key_load(path, &key, NULL), ERR_MISSING);
}

static void test_public_keys_are_44_characters_of_base64(void **state)
{
    (void)state;
    struct key *key = generate();
    const struct key_public public = key_public(key);
    struct key_public parsed;
    char text[KEY_PUBLIC_TEXT_MAX];
    assert_int_equal(strlen(key_print(&public, text)), 44);
    assert_true(key_parse(text, &parsed));
    assert_memory_equal(&parsed, &public, sizeof parsed);
    key_free(&key);
}

static void test_other_texts_are_no_public_keys(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "AAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", /* 33 bytes */
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=", /* not canonical */
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
        "AAAAAAAAAAAAAAAAAAA AAAAAAAAAAAAAAAAAAAAAAA=",
        "AAAAAAAAAAAAAAAAAAA-AAAAAAAAAAAAAAAAAAAAAAA=",
        " AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    };
    struct key_public key;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(key_parse(bad[i], &key));
    assert_true(key_parse("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", &key));
}

static void test_a_signature_holds_for_its_key_domain_and_body_only(void **state)
{
    (void)state;
    struct key *key = generate(), *other = generate();
    const struct key_public public = key_public(key), stranger = key_public(other);
    char text[KEY_SIGNATURE_TEXT_MAX];
    assert_int_equal(key_sign(key, "one\n", "body", 4, text, NULL), OK);
    assert_int_equal(strlen(text), 88);
    assert_true(key_verify(&public, "one\n", "body", 4, text));
    assert_false(key_verify(&stranger, "one\n", "body", 4, text));
    assert_false(key_verify(&public, "two\n", "body", 4, text));
    assert_false(key_verify(&public, "one\n", "bodY", 4, text));
    assert_false(key_verify(&public, "one\n", "body", 3, text));
    assert_false(key_verify(&public, "one\n", "body", 4, ""));
    text[10] = text[10] == 'A' ? 'B' : 'A';
    assert_false(key_verify(&public, "one\n", "body", 4, text));
    key_free(&key);
    key_free(&other);
}

static void test_the_second_vector_of_rfc_8032_verifies(void **state)
{
    (void)state;
    struct key_public key;
    assert_true(key_parse("PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=", &key));
    const char *signature =
        "kqAJqfDUyrhyDoILX2QlQKKye1QWUD+Ps3YiI+vbadoIWsHkPhWZbkWPNhPQ8R2MOHsurrQwKu6wDSkWErsMAA==";
    assert_true(key_verify(&key, "", "\x72", 1, signature));
    assert_false(key_verify(&key, "", "\x73", 1, signature));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_saved_key_loads_as_the_same, remove_file),
        cmocka_unit_test_teardown(test_a_key_file_is_never_overwritten, remove_file),
        cmocka_unit_test(test_a_key_that_cannot_be_written_leaves_no_file),
        cmocka_unit_test_teardown(test_open_permissions_are_refused, remove_file),
        cmocka_unit_test_teardown(test_what_is_no_private_key_is_refused, remove_file),
        cmocka_unit_test(test_public_keys_are_44_characters_of_base64),
        cmocka_unit_test(test_other_texts_are_no_public_keys),
        cmocka_unit_test(test_a_signature_holds_for_its_key_domain_and_body_only),
        cmocka_unit_test(test_the_second_vector_of_rfc_8032_verifies),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
