/* tests/unit/test_connection.c - how long connections may idle. What is said over them is tested in
 * test_worker.c, with a worker around them.
 */
#include "server/transport/connection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

static void test_connections_may_idle_the_shorter_the_more_there_are(void **state)
{
    (void)state;
    static const struct {
        uint32_t open_count, max, limit_ms;
    } rows[] = {
        {0, 256, CONNECTION_IDLE_LONG_MS},
        {63, 256, CONNECTION_IDLE_LONG_MS},
        {64, 256, CONNECTION_IDLE_MS},
        {192, 256, CONNECTION_IDLE_MS},
        {193, 256, CONNECTION_IDLE_SHORT_MS},
        {256, 256, CONNECTION_IDLE_SHORT_MS},
        {1, 1, CONNECTION_IDLE_SHORT_MS},
        {2499, 10000, CONNECTION_IDLE_LONG_MS},
        {7501, 10000, CONNECTION_IDLE_SHORT_MS},
        {1, 65536, CONNECTION_IDLE_LONG_MS},
        {65536, 65536, CONNECTION_IDLE_SHORT_MS},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(connection_idle_limit_ms(rows[i].open_count, rows[i].max), rows[i].limit_ms);
}

static void test_the_limit_never_grows_with_the_load(void **state)
{
    (void)state;
    for (uint32_t max = 1; max < 300; max++)
        for (uint32_t open_count = 0; open_count < max; open_count++)
            assert_true(connection_idle_limit_ms(open_count, max) >=
                        connection_idle_limit_ms(open_count + 1, max));
}

static void test_one_over_tls_has_the_lesser_of_two_limits(void **state)
{
    (void)state;
    static const struct {
        uint32_t open_count, tls_count, plain_ms, tls_ms;
    } rows[] = {
        {10, 0, CONNECTION_IDLE_LONG_MS, CONNECTION_IDLE_LONG_MS},
        {10, 10, CONNECTION_IDLE_LONG_MS, CONNECTION_IDLE_SHORT_MS},
        {30, 5, CONNECTION_IDLE_MS, CONNECTION_IDLE_MS},
        {90, 1, CONNECTION_IDLE_SHORT_MS, CONNECTION_IDLE_SHORT_MS},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct connections connections = {.setup = {.max = 100, .tls_max = 12},
                                                .open_count = rows[i].open_count,
                                                .tls_count = rows[i].tls_count};
        assert_int_equal(connection_idle_plain_ms(&connections), rows[i].plain_ms);
        assert_int_equal(connection_idle_tls_ms(&connections), rows[i].tls_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connections_may_idle_the_shorter_the_more_there_are),
        cmocka_unit_test(test_the_limit_never_grows_with_the_load),
        cmocka_unit_test(test_one_over_tls_has_the_lesser_of_two_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
