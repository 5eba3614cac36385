/* tests/unit/test_local_trouble.c - what goes wrong at the prober itself is unknown, never down. */
#include "prober/runner.h"
#include "tests/unit/prober_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_a_lost_source_address_is_unknown(void **state)
{
    (void)state;
    static const enum check_type types[] = {CHECK_TCP, CHECK_HTTP};
    struct rig rig;
    rig_init(&rig, NULL);
    const struct listen at = rig_closed_port();
    assert_int_equal(ip_parse("192.0.2.77", &rig.egress.v4, NULL), OK);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const struct check check = rig_check(types[i], &at);
        rig_assert_result(rig_probe(&rig, &check), PROBE_UNKNOWN, "prober: source address not available");
    }
    rig_fini(&rig);
}

static void test_no_descriptors_is_unknown(void **state)
{
    (void)state;
    static const enum check_type types[] = {CHECK_TCP, CHECK_HTTP};
    struct rig rig;
    struct rlimit before;
    rig_init(&rig, NULL);
    const struct listen at = rig_closed_port();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const struct check check = rig_check(types[i], &at);
        struct rig_result result;
        struct runner *runner;
        const struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
        assert_int_equal(runner_new(&rig.gear, &check, rig_finish(&result), &runner, NULL), OK);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        runner_start(runner);
        rig_wait_result(&rig, &result);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        rig_assert_result(result, PROBE_UNKNOWN, "prober: out of descriptors");
        runner_free(&runner);
    }
    rig_fini(&rig);
}

/* In a child without any network: whether both types end as unknown for want of a route. */
static int probe_without_routes(void)
{
    static const enum check_type types[] = {CHECK_TCP, CHECK_HTTP};
    const struct listen far = {.ip = {.family = IP_V4, .bytes = {203, 0, 113, 1}}, .port = 80};
    struct rig rig;
    int wrong = 0;
    rig_init(&rig, NULL);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const struct check check = rig_check(types[i], &far);
        const struct rig_result result = rig_probe(&rig, &check);
        wrong += result.outcome != PROBE_UNKNOWN || strcmp(result.reason, "prober: no route") != 0;
    }
    rig_fini(&rig);
    return wrong;
}

static void test_no_route_is_unknown(void **state)
{
    (void)state;
    enum { NOT_ALLOWED = 77 };
    int status;
    const pid_t child = fork();
    if (child == 0)
        _exit(unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 ? NOT_ALLOWED : probe_without_routes());
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_ALLOWED)
        skip();
    assert_int_equal(status, 0);
}

static void test_a_type_of_check_from_the_future_is_unknown(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig, NULL);
    const struct listen at = rig_closed_port();
    const struct check check = rig_check(CHECK_OTHER, &at);
    rig_assert_result(rig_probe(&rig, &check), PROBE_UNKNOWN, "prober: this type of check is not supported");
    rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_lost_source_address_is_unknown),
        cmocka_unit_test(test_no_descriptors_is_unknown),
        cmocka_unit_test(test_no_route_is_unknown),
        cmocka_unit_test(test_a_type_of_check_from_the_future_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
