#include "server/cookie_file.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

#define A "00112233445566778899aabbccddeeff"
#define B "FFEEDDCCBBAA99887766554433221100"

static char directory[] = "/tmp/test_cookie_file.XXXXXX";
static char path[64];

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/secrets", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(directory);
}

static void file_make(const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static void test_each_line_is_a_secret(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                    0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
    const struct siphash_key first = siphash_key_of(bytes);
    static const struct {
        const char *text;
        uint32_t count;
    } rows[] = {
        {A, 1},
        {A "\n", 1},
        {A "\r\n" B "\r\n", 2},
        {"# made in May\n\n  " A "\t# current\n" B "\n" A "\n" B "\n\n", 4},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cookie_secrets secrets;
        file_make(rows[i].text, 0600);
        assert_int_equal(cookie_file_read(path, &secrets, NULL), OK);
        assert_int_equal(secrets.count, rows[i].count);
        assert_memory_equal(&secrets.keys[0], &first, sizeof first);
    }
}

static void test_what_is_no_secret_is_named_by_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        mode_t mode;
        enum err err;
        const char *says;
    } rows[] = {
        {"", 0600, ERR_SYNTAX, "no secret"},
        {"# nothing\n", 0600, ERR_SYNTAX, "no secret"},
        {A "\nhello\n", 0600, ERR_SYNTAX, ":2: not a secret"},
        {A "0\n", 0600, ERR_SYNTAX, ":1: not a secret"},
        {"\n0011223344556677\n", 0600, ERR_SYNTAX, ":2: not a secret"},
        {"00112233445566778899aabbccddeefg\n", 0600, ERR_SYNTAX, ":1: not a secret"},
        {A " " B "\n", 0600, ERR_SYNTAX, ":1: not a secret"},
        {A "\n" A "\n" A "\n" A "\n" A "\n", 0600, ERR_LIMIT, ":5: more than 4"},
        {A "\n", 0640, ERR_REFUSED, "chmod 600"},
        {A "\n", 0604, ERR_REFUSED, "chmod 600"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cookie_secrets secrets = {.count = 77};
        struct diag diag = {.text = ""};
        file_make(rows[i].text, rows[i].mode);
        assert_int_equal(cookie_file_read(path, &secrets, &diag), rows[i].err);
        assert_non_null(strstr(diag.text, rows[i].says));
        assert_non_null(strstr(diag.text, path));
        assert_null(strstr(diag.text, "0011223344"));
        assert_int_equal(secrets.count, 77);
    }
}

static void test_a_file_that_is_not_there_or_too_long_is_an_error(void **state)
{
    (void)state;
    struct cookie_secrets secrets;
    struct diag diag = {.text = ""};
    char text[COOKIE_FILE_MAX + 2];
    memset(text, '\n', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)unlink(path);
    assert_int_equal(cookie_file_read(path, &secrets, &diag), ERR_MISSING);
    assert_non_null(strstr(diag.text, "32 hexadecimal digits there, mode 0600"));
    file_make(text, 0600);
    assert_int_equal(cookie_file_read(path, &secrets, NULL), ERR_LIMIT);
}

static void test_a_zero_byte_ends_no_line(void **state)
{
    (void)state;
    struct cookie_secrets secrets;
    file_make(A "\n", 0600);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    assert_int_equal(fwrite("\0\n", 1, 2, file), 2);
    fclose(file);
    assert_int_equal(cookie_file_read(path, &secrets, NULL), ERR_SYNTAX);
}

static void test_chance_makes_one_secret_and_never_the_same(void **state)
{
    (void)state;
    struct cookie_secrets a, b;
    assert_int_equal(cookie_file_random(&a, NULL), OK);
    assert_int_equal(cookie_file_random(&b, NULL), OK);
    assert_int_equal(a.count, 1);
    assert_memory_not_equal(&a.keys[0], &b.keys[0], sizeof a.keys[0]);
}

/* How a child that does this ended. */
static int child_status(void (*act)(struct cookie_page *page), struct cookie_page *page)
{
    int status;
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)signal(SIGSEGV, SIG_DFL);
        act(page);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void page_write(struct cookie_page *page)
{
    cookie_page_set(page, &(struct cookie_secrets){.count = 2});
}

static void page_protect_and_write(struct cookie_page *page)
{
    if (cookie_file_protect(page, NULL) == OK && cookie_page_get(page)->count == 2)
        page_write(page);
}

static void page_forget_and_read(struct cookie_page *page)
{
    const struct cookie_page *lost = page;
    cookie_file_forget(&page);
    (void)cookie_page_get(lost);
    if (*(const volatile uint32_t *)&lost->current == 77)
        _exit(1);
}

static void test_a_page_is_shared_protected_and_forgotten(void **state)
{
    (void)state;
    struct cookie_page *page;
    assert_int_equal(cookie_file_share(&page, NULL), OK);
    assert_int_equal(cookie_page_get(page)->count, 0);
    assert_int_equal(child_status(page_write, page), 0);
    assert_int_equal(cookie_page_get(page)->count, 2);
    assert_true(WIFSIGNALED(child_status(page_protect_and_write, page)));
    assert_true(WIFSIGNALED(child_status(page_forget_and_read, page)));
    cookie_page_set(page, &(struct cookie_secrets){.count = 1}); /* ours is as it was */
    assert_int_equal(cookie_page_get(page)->count, 1);
    cookie_file_forget(&page);
    assert_null(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_line_is_a_secret),
        cmocka_unit_test(test_what_is_no_secret_is_named_by_its_line),
        cmocka_unit_test(test_a_file_that_is_not_there_or_too_long_is_an_error),
        cmocka_unit_test(test_a_zero_byte_ends_no_line),
        cmocka_unit_test(test_chance_makes_one_secret_and_never_the_same),
        cmocka_unit_test(test_a_page_is_shared_protected_and_forgotten),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
