#include "zones/compile/slots.h"

#include "geoip/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A zone of the last world, of nothing but subjects. */
struct old_zone {
    struct image_zone head;
    struct image_subject subjects[2];
    char text[32];
};

static struct old_zone old_zone_of(uint32_t pool_slot, uint32_t endpoint_slot)
{
    struct old_zone zone = {.head = {.subjects_off = offsetof(struct old_zone, subjects),
                                     .subjects_count = 2}};
    const uint32_t text = offsetof(struct old_zone, text);
    memcpy(zone.text, "www\0eu\0address", 15);
    const struct image_subject subject = {
        .kind = SUBJECT_POOL, .slot = pool_slot, .service_off = text, .region_off = text + 4};
    zone.subjects[0] = zone.subjects[1] = subject;
    zone.subjects[1].kind = SUBJECT_ENDPOINT;
    zone.subjects[1].slot = endpoint_slot;
    zone.subjects[1].address_off = text + 7;
    return zone;
}

static uint32_t get(struct slots *slots, const char *service, const char *region, const char *address)
{
    uint32_t slot;
    assert_int_equal(slots_get(slots, service, region, address, &slot, NULL), OK);
    return slot;
}

static void test_what_was_there_keeps_its_slot(void **state)
{
    struct slots *slots;
    const struct old_zone zone = old_zone_of(257, 900);
    (void)state;
    assert_int_equal(slots_new(&slots, NULL), OK);
    assert_int_equal(slots_end(slots), REGIONS_MAX);
    assert_int_equal(slots_inherit(slots, &zone.head, NULL), OK);
    assert_int_equal(get(slots, "www", "eu", NULL), 257);
    assert_int_equal(get(slots, "www", "eu", "address"), 900);
    assert_int_equal(get(slots, "www", "us", NULL), 256);
    assert_int_equal(get(slots, "www", "eu", "another"), 258);
    assert_int_equal(slots_end(slots), 901);
    slots_free(&slots);
    assert_null(slots);
}

static void test_the_limit_is_named(void **state)
{
    struct slots *slots;
    const struct old_zone zone = old_zone_of(REGIONS_MAX, IMAGE_SLOTS_MAX - 1);
    struct diag diag = {.text = ""};
    uint32_t slot;
    (void)state;
    assert_int_equal(slots_new(&slots, NULL), OK);
    assert_int_equal(slots_inherit(slots, &zone.head, NULL), OK);
    for (uint32_t i = REGIONS_MAX + 1; i < IMAGE_SLOTS_MAX - 1; i++)
        assert_int_equal(get(slots, "new", "eu", "x"), i);
    assert_int_equal(slots_get(slots, "new", "eu", "x", &slot, &diag), ERR_LIMIT);
    assert_non_null(strstr(diag.text, "BOARD_SLOTS_MAX"));
    assert_int_equal(get(slots, "www", "eu", "address"), IMAGE_SLOTS_MAX - 1);
    slots_free(&slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_there_keeps_its_slot),
        cmocka_unit_test(test_the_limit_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
