#include "common/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_rng_below_is_even(void **state)
{
    (void)state;
    struct rng rng;
    unsigned seen[7] = {0};
    rng_init(&rng, 42);
    for (int i = 0; i < 70000; i++)
        seen[rng_below(&rng, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 9600, 10400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rng_below_is_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
