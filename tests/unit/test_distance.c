#include "geoip/distance.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static double km_between(double latitude_a, double longitude_a, double latitude_b,
                         double longitude_b)
{
    const struct distance_point a = distance_point_of(latitude_a, longitude_a);
    const struct distance_point b = distance_point_of(latitude_b, longitude_b);
    assert_true(fabs(distance_km(&a, &b) - distance_km(&b, &a)) < 1e-9);
    return distance_km(&a, &b);
}

static void test_distances_are_those_of_an_atlas(void **state)
{
    (void)state;
    static const struct {
        double from[2];
        double to[2];
        double km;
        double within_km;
    } cases[] = {
        {{0, 0}, {0, 0}, 0, 1e-9},
        {{0, 0}, {0, 180}, 20015.11, 0.01},             /* half the equator */
        {{90, 0}, {-90, 77}, 20015.11, 0.01},           /* pole to pole, whatever the longitude */
        {{0, 179.5}, {0, -179.5}, 111.195, 0.01},       /* over the date line */
        {{52.52, 13.405}, {48.8566, 2.3522}, 877.5, 1}, /* Berlin, Paris */
        {{40.7128, -74.006}, {51.5074, -0.1278}, 5570, 2},    /* New York, London */
        {{-33.8688, 151.2093}, {35.6895, 139.6917}, 7823, 5}, /* Sydney, Tokyo */
        {{50, 8}, {50.00001, 8}, 0.00111195, 1e-7},           /* a metre */
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const double km =
            km_between(cases[i].from[0], cases[i].from[1], cases[i].to[0], cases[i].to[1]);
        if (!(fabs(km - cases[i].km) <= cases[i].within_km))
            fail_msg("case %u: %f km, not %f", i, km, cases[i].km);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_distances_are_those_of_an_atlas)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
