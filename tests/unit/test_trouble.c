#include "prober/trouble.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>

#include <errno.h>

static const struct listen near = {.ip = {.family = IP_V4, .bytes = {127, 0, 0, 1}}, .port = 80};

struct trouble_case {
    int error;
    enum probe_outcome outcome;
};

static const struct trouble_case cases[] = {
    {ECONNREFUSED, PROBE_FAILED},   {ECONNRESET, PROBE_FAILED},
    {ETIMEDOUT, PROBE_FAILED},      {EPIPE, PROBE_FAILED},
    {EMFILE, PROBE_UNKNOWN},        {ENFILE, PROBE_UNKNOWN},
    {ENOBUFS, PROBE_UNKNOWN},       {ENOMEM, PROBE_UNKNOWN},
    {EADDRNOTAVAIL, PROBE_UNKNOWN}, {ENETDOWN, PROBE_UNKNOWN},
    {EAFNOSUPPORT, PROBE_UNKNOWN},  {EPERM, PROBE_UNKNOWN},
    {EAGAIN, PROBE_UNKNOWN},        {0, PROBE_UNKNOWN},
    {EIO, PROBE_UNKNOWN},
};

static void test_an_errno_is_the_targets_fault_or_ours(void **state)
{
    (void)state;
    const struct egress anywhere = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct probe_result result = trouble_of(cases[i].error, &anywhere, &near);
        assert_int_equal(result.outcome, cases[i].outcome);
        assert_true(vote_reason_is_valid(result.reason));
        assert_true(result.reason[0] != '\0');
    }
}

static void test_unreachable_is_the_targets_fault_only_with_a_route(void **state)
{
    (void)state;
    static const int errors[] = {EHOSTUNREACH, ENETUNREACH, EACCES};
    const struct egress anywhere = {0};
    const struct egress lost = {.v4 = {.family = IP_V4, .bytes = {192, 0, 2, 9}}};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        assert_int_equal(trouble_of(errors[i], &anywhere, &near).outcome, PROBE_FAILED);
        assert_int_equal(trouble_of(errors[i], &lost, &near).outcome, PROBE_UNKNOWN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_errno_is_the_targets_fault_or_ours),
        cmocka_unit_test(test_unreachable_is_the_targets_fault_only_with_a_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
