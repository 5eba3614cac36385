/* tests/unit/test_state_dir.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/process/state_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[32];
static const struct user nobody_else; /* stay who we are */

static int make_top(void **state)
{
    (void)state;
    (void)strcpy(top, "/tmp/test_state.XXXXXX");
    assert_non_null(mkdtemp(top));
    return 0;
}

static int remove_top(void **state)
{
    (void)state;
    char command[64];
    (void)snprintf(command, sizeof command, "rm -r %s", top);
    assert_int_equal(system(command), 0);
    return 0;
}

static void test_make_makes_what_is_missing_and_leaves_what_is_there(void **state)
{
    (void)state;
    char path[64], images[80];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/state", top);
    (void)snprintf(images, sizeof images, "%s/images", path);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(state_dir_make(path, &nobody_else, NULL), OK);
        assert_int_equal(stat(images, &st), 0);
        assert_int_equal(st.st_mode & 07777 & 027, 0);
        assert_int_equal(state_dir_check(path, NULL), OK);
    }
}

static void test_make_names_the_path_that_is_in_the_way(void **state)
{
    (void)state;
    struct diag diag;
    assert_int_equal(state_dir_make("/dev/null", &nobody_else, &diag), ERR_SYSTEM);
    assert_non_null(strstr(diag.text, "/dev/null"));
    assert_int_equal(state_dir_make("/nonexistent/state", &nobody_else, &diag), ERR_SYSTEM);
    assert_non_null(strstr(diag.text, "/nonexistent/state"));
}

/* Whether another process gets the lock. */
static enum err lock_elsewhere(const char *path)
{
    int status;
    const pid_t pid = fork();
    if (pid == 0) {
        struct diag diag;
        _exit((int)state_dir_lock(path, &nobody_else, &diag));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return (enum err)WEXITSTATUS(status);
}

static void test_lock_is_one_process_at_a_time(void **state)
{
    (void)state;
    assert_int_equal(lock_elsewhere(top), OK); /* and it is free again when that one has ended */
    assert_int_equal(state_dir_lock(top, &nobody_else, NULL), OK);
    assert_int_equal(lock_elsewhere(top), ERR_BUSY);
}

static void test_file_refuses_what_is_too_long(void **state)
{
    (void)state;
    char path[STATE_DIR_PATH_MAX], room[STATE_DIR_PATH_MAX];
    memset(path, 'a', sizeof path);
    path[sizeof path - 1] = '\0';
    struct diag diag;
    assert_int_equal(state_dir_file(path, "x", room, &diag), ERR_LIMIT);
    assert_int_equal(state_dir_file("a", "x", room, &diag), OK);
    assert_string_equal(room, "a/x");
}

static void test_user_that_does_not_exist_is_named(void **state)
{
    (void)state;
    struct user user;
    struct diag diag;
    assert_int_equal(user_find("no-such-user", &user, &diag), ERR_MISSING);
    assert_non_null(strstr(diag.text, "\"no-such-user\""));
    assert_int_equal(user_find(NULL, &user, &diag), OK);
    assert_null(user.name);
    assert_int_equal(user_become(&user, &diag), OK);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, make_top, remove_top)
    const struct CMUnitTest tests[] = {
        test(test_make_makes_what_is_missing_and_leaves_what_is_there),
        cmocka_unit_test(test_make_names_the_path_that_is_in_the_way),
        test(test_lock_is_one_process_at_a_time),
        cmocka_unit_test(test_file_refuses_what_is_too_long),
        cmocka_unit_test(test_user_that_does_not_exist_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
