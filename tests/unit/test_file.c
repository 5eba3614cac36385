#include "common/file.h"

#include <fcntl.h>
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

static void test_replace_takes_no_notice_of_what_a_killed_one_of_the_same_pid_has_left(void **state)
{
    (void)state;
    char dir[] = "/tmp/test_frame.XXXXXX", path[64], left[96];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/file", dir);
    (void)snprintf(left, sizeof left, "%s.new.%ld", path, (long)getpid());
    assert_int_equal(file_create(left, "hal", 3, 0600, NULL), OK);
    assert_int_equal(file_replace(path, "whole", 5, 0600, NULL), OK);
    struct buffer got = {0};
    assert_int_equal(file_read(path, 100, &got, NULL), OK);
    assert_string_equal((const char *)got.bytes, "whole");
    buffer_fini(&got);
    assert_int_not_equal(access(left, F_OK), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void test_a_key_is_for_its_owner_or_for_its_group_to_read(void **state)
{
    (void)state;
    static const struct {
        mode_t mode;
        enum err private, unpublished;
    } rows[] = {
        {0600, OK, OK},
        {0400, OK, OK},
        {0640, ERR_REFUSED, OK},
        {0440, ERR_REFUSED, OK},
        {0660, ERR_REFUSED, ERR_REFUSED},
        {0650, ERR_REFUSED, ERR_REFUSED},
        {0644, ERR_REFUSED, ERR_REFUSED},
        {0604, ERR_REFUSED, ERR_REFUSED},
        {0602, ERR_REFUSED, ERR_REFUSED},
        {0601, ERR_REFUSED, ERR_REFUSED},
    };
    char dir[] = "/tmp/test_file.XXXXXX", path[64];
    struct diag diag;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/key", dir);
    assert_int_equal(file_check_unpublished(path, NULL), ERR_MISSING);
    assert_int_equal(file_replace(path, "key", 3, 0600, NULL), OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(chmod(path, rows[i].mode), 0);
        assert_int_equal(file_check_private(path, NULL), rows[i].private);
        assert_int_equal(file_check_unpublished(path, &diag), rows[i].unpublished);
    }
    assert_non_null(strstr(diag.text, "(mode 0601); chmod 640 /tmp/test_file."));
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

static void test_an_identity_is_of_the_path_the_file_its_size_and_its_time(void **state)
{
    (void)state;
    char dir[] = "/tmp/test_file.XXXXXX", path[64], other[64];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/file", dir);
    (void)snprintf(other, sizeof other, "%s/other", dir);
    assert_int_equal(file_identity(path), 0);
    assert_int_equal(file_create(path, "text", 4, 0600, NULL), OK);
    const struct timespec times[][2] = {{{1, 0}, {1, 0}}, {{1, 0}, {1, 1}}, {{1, 0}, {2, 0}}};
    uint64_t seen[5];
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(utimensat(AT_FDCWD, path, times[i], 0), 0);
        seen[i] = file_identity(path);
        assert_int_equal(file_identity(path), seen[i]);
    }
    assert_int_equal(truncate(path, 3), 0);
    assert_int_equal(utimensat(AT_FDCWD, path, times[2], 0), 0);
    seen[3] = file_identity(path);
    assert_int_equal(rename(path, other), 0);
    seen[4] = file_identity(other);
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(seen[i], seen[k]);
    assert_int_equal(unlink(other), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replace_leaves_the_old_file_when_it_fails),
        cmocka_unit_test(test_replace_takes_no_notice_of_what_a_killed_one_of_the_same_pid_has_left),
        cmocka_unit_test(test_a_key_is_for_its_owner_or_for_its_group_to_read),
        cmocka_unit_test(test_replace_gives_the_mode_whatever_the_umask),
        cmocka_unit_test(test_an_identity_is_of_the_path_the_file_its_size_and_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
