#include "common/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void test_replace_leaves_the_old_file_when_it_fails(void **state)
{
    (void)state;
    char dir[] = "/tmp/test_frame.XXXXXX", path[64], beside[64];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/file", dir);
    (void)snprintf(beside, sizeof beside, "%s/missing/file", dir);
    assert_int_equal(file_replace(path, "old", 3, 0600, NULL), OK);
    assert_int_equal(file_replace(beside, "x", 1, 0600, NULL), ERR_SYSTEM);
    assert_int_equal(file_replace(path, "newer", 5, 0600, NULL), OK);
    struct buffer got = {0};
    assert_int_equal(file_read(path, 100, &got, NULL), OK);
    assert_string_equal((const char *)got.bytes, "newer");
    buffer_fini(&got);
    assert_int_equal(file_read(path, 4, &got, NULL), ERR_LIMIT);
    assert_int_equal(file_read(beside, 4, &got, NULL), ERR_MISSING);
    assert_int_equal(file_check_private(path, NULL), OK);
    assert_int_equal(chmod(path, 0640), 0);
    struct diag diag;
    assert_int_equal(file_check_private(path, &diag), ERR_REFUSED);
    assert_non_null(strstr(diag.text, "chmod 600"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void test_replace_gives_the_mode_whatever_the_umask(void **state)
{
    (void)state;
    static const mode_t modes[] = {0600, 0640, 0644};
    char dir[] = "/tmp/test_file.XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/file", dir);
    const mode_t was = umask(077);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct stat st;
        assert_int_equal(file_replace(path, "text", 4, modes[i], NULL), OK);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, modes[i]);
    }
    (void)umask(was);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replace_leaves_the_old_file_when_it_fails),
        cmocka_unit_test(test_replace_gives_the_mode_whatever_the_umask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
