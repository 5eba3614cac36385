#include "geoip/continent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_countries_lie_on_the_continents_of_geonames(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"DE", "EU"}, {"CY", "EU"}, {"TR", "AS"}, {"RU", "EU"}, {"KZ", "AS"}, {"US", "NA"},
        {"MX", "NA"}, {"PR", "NA"}, {"GL", "NA"}, {"BR", "SA"}, {"FK", "SA"}, {"EG", "AF"},
        {"ZW", "AF"}, {"AU", "OC"}, {"TL", "OC"}, {"AQ", "AN"}, {"XK", "EU"}, {"??", ""},
        {"ZZ", ""},   {"", ""},     {"D", ""},    {"DEU", ""},  {"de", ""},   {"E ", ""},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(continent_of_country(cases[i][0]), cases[i][1]);
}

static void test_no_country_lies_on_two_continents_and_none_is_forgotten(void **state)
{
    (void)state;
    unsigned known = 0;
    for (char a = 'A'; a <= 'Z'; a++) {
        for (char b = 'A'; b <= 'Z'; b++) {
            const char country[3] = {a, b, '\0'};
            const char *continent = continent_of_country(country);
            assert_true(continent[0] == '\0' || continent_is_code(continent));
            known += continent[0] != '\0';
        }
    }
    assert_int_equal(known, 249 + 7); /* ISO 3166-1, and AN AP CS EU UK XK YU */
}

static void test_there_are_seven_continents(void **state)
{
    (void)state;
    assert_true(continent_is_code("AF") && continent_is_code("AN") && continent_is_code("AS"));
    assert_true(continent_is_code("EU") && continent_is_code("NA") && continent_is_code("OC"));
    assert_true(continent_is_code("SA"));
    assert_false(continent_is_code("") || continent_is_code("AM") || continent_is_code("EUR"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_countries_lie_on_the_continents_of_geonames),
        cmocka_unit_test(test_no_country_lies_on_two_continents_and_none_is_forgotten),
        cmocka_unit_test(test_there_are_seven_continents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
