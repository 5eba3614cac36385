#include "server/answer/draw.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

enum { LOTS = 200 };

static struct ip address(const char *text)
{
    struct ip ip;
    assert_int_equal(ip_parse(text, &ip, NULL), OK);
    return ip;
}

static void test_weight_0_stands_behind_every_weight(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 1);
    const struct draw draw = draw_random(&rng);
    for (unsigned i = 0; i < 100000; i++)
        assert_true(draw_key(&draw, 0, 1) < draw_key(&draw, 0, 0));
}

static void test_keys_are_exponential_with_the_weight(void **state)
{
    (void)state;
    struct rng rng;
    double sum = 0, squares = 0;
    rng_init(&rng, 2);
    const struct draw draw = draw_random(&rng);
    for (unsigned i = 0; i < 100000; i++) {
        const double key = draw_key(&draw, 0, 4);
        assert_true(key >= 0);
        sum += key;
        squares += key * key;
    }
    assert_true(fabs(sum / 100000 - 0.25) < 0.005);
    assert_true(fabs(squares / 100000 - 2 * 0.25 * 0.25) < 0.005);
}

static void test_a_sticky_key_depends_on_prefix_salt_and_id_alone(void **state)
{
    (void)state;
    const struct ip a = address("192.0.2.1"), b = address("192.0.2.254"), c = address("192.0.3.1");
    const struct ip v6 = address("2001:db8::1"), near_v6 = address("2001:db8::ff:0:0:1"),
                    far_v6 = address("2001:db8:0:100::1");
    const struct draw draw = draw_sticky(&a, 7), same = draw_sticky(&b, 7), other = draw_sticky(&c, 7);
    const struct draw salted = draw_sticky(&a, 8), draw_v6 = draw_sticky(&v6, 7);
    const struct draw same_v6 = draw_sticky(&near_v6, 7), other_v6 = draw_sticky(&far_v6, 7);
    assert_true(draw_key(&draw, 5, 1) == draw_key(&same, 5, 1));
    assert_true(draw_key(&draw, 5, 2) * 2 == draw_key(&same, 5, 1));
    assert_true(draw_key(&draw, 5, 1) != draw_key(&other, 5, 1));
    assert_true(draw_key(&draw, 5, 1) != draw_key(&salted, 5, 1));
    assert_true(draw_key(&draw, 5, 1) != draw_key(&draw, 6, 1));
    assert_true(draw_key(&draw_v6, 5, 1) == draw_key(&same_v6, 5, 1));
    assert_true(draw_key(&draw_v6, 5, 1) != draw_key(&other_v6, 5, 1));
}

static void test_the_smallest_come_first_and_in_order(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 3);
    for (uint32_t count = 0; count < LOTS; count++) {
        for (uint32_t wanted = 0; wanted <= count; wanted += 1 + count / 7) {
            struct draw_lot lots[LOTS];
            bool seen[LOTS] = {0};
            for (uint32_t i = 0; i < count; i++)
                lots[i] = (struct draw_lot){.key = rng_below(&rng, 50), .idx = i};
            draw_smallest(lots, count, wanted);
            for (uint32_t i = 1; i < wanted; i++)
                assert_true(lots[i - 1].key <= lots[i].key);
            for (uint32_t i = wanted; i < count && wanted > 0; i++)
                assert_true(lots[wanted - 1].key <= lots[i].key);
            for (uint32_t i = 0; i < count; i++) {
                assert_false(seen[lots[i].idx]);
                seen[lots[i].idx] = true;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weight_0_stands_behind_every_weight),
        cmocka_unit_test(test_keys_are_exponential_with_the_weight),
        cmocka_unit_test(test_a_sticky_key_depends_on_prefix_salt_and_id_alone),
        cmocka_unit_test(test_the_smallest_come_first_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
