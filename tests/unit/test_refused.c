#include "server/answer/refused.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 1000000 };

static struct refused page; /* zeroed by each test */

/* A refusal whose every byte is of one number, so that a mixture shows. */
static struct refusal made(uint8_t number)
{
    struct refusal refusal = {.at_ms = number, .client.family = IP_V6};
    memset(refusal.client.bytes, number, sizeof refusal.client.bytes);
    refusal.zone[0] = (uint8_t)(1 + number % NAME_LABEL_MAX);
    refusal.zone_len = (uint8_t)(refusal.zone[0] + 2);
    memset(refusal.zone + 1, number, refusal.zone[0]);
    return refusal;
}

static void expect(uint8_t number)
{
    struct refusal found;
    const struct refusal want = made(number);
    assert_true(refused_find(&page, &found));
    assert_int_equal(found.at_ms, want.at_ms);
    assert_memory_equal(&found.client, &want.client, sizeof want.client);
    assert_int_equal(found.zone_len, want.zone_len);
    assert_memory_equal(found.zone, want.zone, sizeof want.zone);
}

static int clear(void **state)
{
    (void)state;
    memset(&page, 0, sizeof page);
    return 0;
}

static void test_there_is_none_before_the_first_and_then_the_last(void **state)
{
    (void)state;
    struct refusal found;
    assert_false(refused_find(&page, &found));
    for (uint8_t number = 1; number < 200; number++) {
        const struct refusal refusal = made(number);
        refused_put(&page, &refusal);
        expect(number);
    }
}

static void test_one_that_a_dead_worker_began_is_none_until_its_successor_writes(void **state)
{
    (void)state;
    struct refusal found, refusal = made(1);
    refused_put(&page, &refusal);
    page.turn++; /* it died between two words */
    assert_false(refused_find(&page, &found));
    refusal = made(2);
    refused_put(&page, &refusal);
    expect(2);
}

static void test_what_is_no_name_is_none(void **state)
{
    (void)state;
    static const struct {
        uint8_t zone_len, zone[4];
        bool sound;
    } rows[] = {
        {0, {0}, true},           {1, {0}, true},           {3, {1, 'a', 0}, true},
        {2, {1, 'a', 0}, false},  {4, {1, 'a', 0}, false},  {255, {63}, false},
        {2, {0xc0, 0}, false},    {3, {9, 'a', 0}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct refusal found, refusal = {.zone_len = rows[i].zone_len};
        memcpy(refusal.zone, rows[i].zone, sizeof rows[i].zone);
        if (rows[i].zone[0] == 63)
            memset(refusal.zone, 63, sizeof refusal.zone); /* no end */
        refused_put(&page, &refusal);
        if (refused_find(&page, &found) != rows[i].sound)
            fail_msg("row %zu", i);
    }
}

static void *write_on(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        const struct refusal refusal = made((uint8_t)(1 + i % 251));
        refused_put(&page, &refusal);
    }
    return NULL;
}

static void test_a_reader_never_gets_parts_of_two(void **state)
{
    (void)state;
    pthread_t writer;
    struct refusal found;
    const struct refusal last = made(1 + (ROUNDS - 1) % 251);
    assert_int_equal(pthread_create(&writer, NULL, write_on, NULL), 0);
    do {
        if (!refused_find(&page, &found))
            continue;
        const struct refusal want = made((uint8_t)found.at_ms);
        assert_memory_equal(&found.client, &want.client, sizeof want.client);
        assert_int_equal(found.zone_len, want.zone_len);
        assert_memory_equal(found.zone, want.zone, sizeof want.zone);
    } while (__atomic_load_n(&page.turn, __ATOMIC_RELAXED) < 2 * ROUNDS);
    assert_int_equal(pthread_join(writer, NULL), 0);
    expect((uint8_t)last.at_ms);
}

#define test(name) cmocka_unit_test_setup(name, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_there_is_none_before_the_first_and_then_the_last),
        test(test_one_that_a_dead_worker_began_is_none_until_its_successor_writes),
        test(test_what_is_no_name_is_none),
        test(test_a_reader_never_gets_parts_of_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
