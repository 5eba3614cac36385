/* tests/property/test_steer_draws.c - weights by counting, stickiness by taking things away.
 * Seeds are fixed.
 */
#include "tests/small_world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Weights -------------------------------------------------------------------------------------- */

/* All regions healthy, in one tier, one IPv4 endpoint each, with these weights. */
static void weights_world(struct small *small, const uint32_t weights[SMALL_REGIONS],
                          enum sticky sticky)
{
    struct rng rng;
    rng_init(&rng, 1);
    small_generate(small, &rng);
    struct image_service *service = &small->blob.service;
    *service = (struct image_service){.hash = 99,
                                      .pools_off = small_at(small, small->blob.pools),
                                      .ttl_s = 30,
                                      .sticky = (uint8_t)sticky,
                                      .kinds = 1 << KIND_V4,
                                      .pools_count = SMALL_REGIONS,
                                      .regions = {(1 << SMALL_REGIONS) - 1}};
    for (unsigned r = 0; r < SMALL_REGIONS; r++) {
        small->blob.pools[r] =
            (struct image_pool_row){.region_hash = r,
                                    .slot = 256 + r * (1 + SMALL_ENDPOINTS),
                                    .weight = weights[r],
                                    .min_up = 1,
                                    .endpoints_off = small_at(small, small->blob.endpoints[r]),
                                    .counts = {1},
                                    .region = (uint16_t)r};
        small->blob.endpoints[r][0] = (struct image_endpoint){
            .slot = 257 + r * (1 + SMALL_ENDPOINTS), .weight = 1, .address = {(uint8_t)r}};
        small->choices[r] =
            (struct geo_choice){.weight = GEO_WEIGHT_OF_POOL, .tier = 1, .region = (uint16_t)r};
    }
    small->sets[0] = 0;
    small->sets[1] = SMALL_REGIONS;
    small->chains[0] = 0;
    small->classes[1] = 1;
    small->geo.fenced = false;
    for (unsigned slot = 0; slot < SMALL_SLOTS; slot++)
        board_set(small->board, slot,
                  (struct health){.verdict = VERDICT_UP, .share = BOARD_SHARE_ALL});
}

static unsigned region_chosen(const struct small *small, struct rng *rng, const struct ip *client)
{
    const struct steer_case asked = small_case(small, client, KIND_V4);
    struct choice choice;
    steer_choose(&asked, rng, NULL, &choice);
    assert_non_null(choice.pool);
    return choice.pool->region;
}

/* Pearson's statistic of counts against shares; with 3 degrees of freedom 16.3 is passed once in
 * a thousand. */
static double deviation(const unsigned counts[SMALL_REGIONS], const double shares[SMALL_REGIONS],
                        unsigned draws)
{
    double sum = 0;
    for (unsigned r = 0; r < SMALL_REGIONS; r++)
        if (shares[r] > 0)
            sum += pow(counts[r] - shares[r] * draws, 2) / (shares[r] * draws);
    return sum;
}

static void draws_check(enum sticky sticky)
{
    static const uint32_t weights[SMALL_REGIONS] = {100, 50, 0, 10, 40};
    static const double shares[SMALL_REGIONS] = {0.5, 0.25, 0, 0.05, 0.2};
    struct small *small = small_new();
    struct rng rng;
    unsigned counts[SMALL_REGIONS] = {0};
    rng_init(&rng, 22);
    weights_world(small, weights, sticky);
    for (unsigned i = 0; i < 100000; i++) {
        const struct ip client = small_client(&rng);
        counts[region_chosen(small, &rng, &client)]++;
    }
    assert_int_equal(counts[2], 0); /* standby */
    assert_true(deviation(counts, shares, 100000) < 16.3);
    small_free(small);
}

static void test_regions_are_drawn_by_weight(void **state)
{
    (void)state;
    draws_check(STICKY_NONE);
}

static void test_sticky_clients_are_spread_by_weight(void **state)
{
    (void)state;
    draws_check(STICKY_CLIENT);
}

static void test_shares_scale_the_weights(void **state)
{
    (void)state;
    static const uint32_t weights[SMALL_REGIONS] = {100, 100, 100, 100, 100};
    static const double shares[SMALL_REGIONS] = {1000 / 5095.0, 4095 / 5095.0, 0, 0, 0};
    struct small *small = small_new();
    struct rng rng;
    unsigned counts[SMALL_REGIONS] = {0};
    rng_init(&rng, 23);
    weights_world(small, weights, STICKY_NONE);
    board_set(small->board, 0, (struct health){.share = 1000});
    for (unsigned r = 2; r < SMALL_REGIONS; r++)
        board_set(small->board, r, (struct health){.share = 0});
    for (unsigned i = 0; i < 50000; i++) {
        const struct ip client = small_client(&rng);
        counts[region_chosen(small, &rng, &client)]++;
    }
    assert_int_equal(counts[2] + counts[3] + counts[4], 0);
    assert_true(deviation(counts, shares, 50000) < 16.3);
    small_free(small);
}

static void test_answers_are_drawn_by_weight_and_put_in_random_order(void **state)
{
    (void)state;
    static const uint32_t weights[SMALL_REGIONS] = {1, 0, 0, 0, 0};
    struct small *small = small_new();
    struct rng rng;
    unsigned drawn[SMALL_ENDPOINTS] = {0}, first_of_two = 0;
    rng_init(&rng, 24);
    weights_world(small, weights, STICKY_NONE);
    small->blob.pools[0].counts[KIND_V4] = 3;
    for (unsigned i = 0; i < 3; i++)
        small->blob.endpoints[0][i] = (struct image_endpoint){
            .slot = 257 + i, .weight = i == 0 ? 2 : 1, .address = {1, (uint8_t)i}};
    small->blob.service.answers = 2;
    for (unsigned i = 0; i < 60000; i++) {
        const struct ip client = small_client(&rng);
        const struct steer_case asked = small_case(small, &client, KIND_V4);
        struct choice choice;
        steer_choose(&asked, &rng, NULL, &choice);
        assert_int_equal(choice.count, 2);
        for (unsigned j = 0; j < 2; j++)
            drawn[choice.endpoints[j] - small->blob.endpoints[0]]++;
        first_of_two += choice.endpoints[0] < choice.endpoints[1];
    }
    /* Without replacement: 1 - 2 * (1/4 * 1/3) for the heavy one, the rest in halves. */
    assert_true(fabs(drawn[0] / 60000.0 - 5 / 6.0) < 0.01);
    assert_true(fabs(drawn[1] / 60000.0 - 7 / 12.0) < 0.01);
    assert_true(fabs(first_of_two / 60000.0 - 0.5) < 0.01);
    small_free(small);
}

/* Stickiness ----------------------------------------------------------------------------------- */

static void test_a_region_that_goes_moves_only_its_own_clients(void **state)
{
    (void)state;
    static const uint32_t weights[SMALL_REGIONS] = {100, 50, 70, 10, 40};
    struct small *small = small_new();
    struct rng rng;
    unsigned moved = 0;
    rng_init(&rng, 25);
    weights_world(small, weights, STICKY_CLIENT);
    for (unsigned i = 0; i < 5000; i++) {
        const struct ip client = small_client(&rng);
        const unsigned before = region_chosen(small, &rng, &client);
        board_set(small->board, 1, (struct health){.state = STATE_DOWN, .share = BOARD_SHARE_ALL});
        const unsigned after = region_chosen(small, &rng, &client);
        board_set(small->board, 1,
                  (struct health){.verdict = VERDICT_UP, .share = BOARD_SHARE_ALL});
        assert_int_equal(region_chosen(small, &rng, &client), before);
        if (before == 1) {
            assert_int_not_equal(after, 1);
            moved++;
        } else {
            assert_int_equal(after, before);
        }
    }
    assert_true(moved > 500);
    small_free(small);
}

static void test_clients_of_one_prefix_stick_together(void **state)
{
    (void)state;
    static const uint32_t weights[SMALL_REGIONS] = {100, 100, 100, 100, 100};
    struct small *small = small_new();
    struct rng rng;
    unsigned apart = 0;
    rng_init(&rng, 26);
    weights_world(small, weights, STICKY_CLIENT);
    for (unsigned i = 0; i < 2000; i++) {
        struct ip client = small_client(&rng);
        const unsigned region = region_chosen(small, &rng, &client);
        client.bytes[client.family == IP_V4 ? 3 : 7] ^= 0x55; /* the first byte past /24 and /56 */
        assert_int_equal(region_chosen(small, &rng, &client), region);
        client.bytes[client.family == IP_V4 ? 2 : 6] ^= 1; /* the last bit within */
        apart += region_chosen(small, &rng, &client) != region;
    }
    assert_true(apart > 1000);
    small_free(small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regions_are_drawn_by_weight),
        cmocka_unit_test(test_sticky_clients_are_spread_by_weight),
        cmocka_unit_test(test_shares_scale_the_weights),
        cmocka_unit_test(test_answers_are_drawn_by_weight_and_put_in_random_order),
        cmocka_unit_test(test_a_region_that_goes_moves_only_its_own_clients),
        cmocka_unit_test(test_clients_of_one_prefix_stick_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
