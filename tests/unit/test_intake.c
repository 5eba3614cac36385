/* tests/unit/test_intake.c - what a nameserver believes, and by what name it refuses the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "health/intake.h"

#include <string.h>

static const char body[] = "{}";
static struct key *key;
static struct intake_sender sender;
static char signature[KEY_SIGNATURE_TEXT_MAX];

static int set_up(void **state)
{
    (void)state;
    if (key_generate(&key, NULL) != OK)
        return -1;
    const struct key_public public = key_public(key);
    intake_sender_init(&sender, "ams1", &public);
    return (int)key_sign(key, intake_domain(INTAKE_VOTES), body, 2, signature, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    key_free(&key);
    return 0;
}

static void test_a_signed_body_of_a_known_vantage_point_is_read(void **state)
{
    (void)state;
    assert_int_equal(intake_check_body(&sender, INTAKE_VOTES, body, 2, signature), INTAKE_OK);
}

static void test_a_stranger_is_refused(void **state)
{
    (void)state;
    assert_int_equal(intake_check_body(NULL, INTAKE_VOTES, body, 2, signature), INTAKE_STRANGER);
}

static void test_a_disabled_vantage_point_is_refused(void **state)
{
    (void)state;
    sender.enabled = false;
    assert_int_equal(intake_check_body(&sender, INTAKE_VOTES, body, 2, signature), INTAKE_DISABLED);
}

static void test_a_wrong_or_missing_signature_is_refused(void **state)
{
    (void)state;
    assert_int_equal(intake_check_body(&sender, INTAKE_VOTES, "{]", 2, signature),
                     INTAKE_SIGNATURE);
    assert_int_equal(intake_check_body(&sender, INTAKE_VOTES, body, 2, "x"), INTAKE_SIGNATURE);
    assert_int_equal(intake_check_body(&sender, INTAKE_VOTES, body, 2, NULL), INTAKE_SIGNATURE);
}

static void test_a_signature_of_another_kind_of_message_is_refused(void **state)
{
    (void)state;
    assert_int_equal(intake_check_body(&sender, INTAKE_CHECKS, body, 2, signature),
                     INTAKE_SIGNATURE);
}

static enum intake check_head(const char *name, int64_t seq, int64_t clock_ms)
{
    struct batch_head head = {.seq = seq, .clock_ms = clock_ms};
    strcpy(head.vantage, name);
    return intake_check_head(&sender, INTAKE_VOTES, &head, 1000000);
}

static void test_a_body_that_names_another_is_refused(void **state)
{
    (void)state;
    assert_int_equal(check_head("fra1", 1, 1000000), INTAKE_NAME);
}

static void test_a_sequence_only_rises(void **state)
{
    (void)state;
    static const struct {
        int64_t seq;
        enum intake want;
    } cases[] = {
        {0, INTAKE_OK},       {0, INTAKE_SEQUENCE}, {5, INTAKE_OK},
        {4, INTAKE_SEQUENCE}, {5, INTAKE_SEQUENCE}, {6, INTAKE_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(check_head("ams1", cases[i].seq, 1000000), cases[i].want);
}

static void test_each_kind_has_its_own_sequence(void **state)
{
    (void)state;
    const struct batch_head head = {.vantage = "ams1", .seq = 3, .clock_ms = 1000000};
    assert_int_equal(intake_check_head(&sender, INTAKE_VOTES, &head, 1000000), INTAKE_OK);
    assert_int_equal(intake_check_head(&sender, INTAKE_CHECKS, &head, 1000000), INTAKE_OK);
    assert_int_equal(intake_check_head(&sender, INTAKE_CHECKS, &head, 1000000), INTAKE_SEQUENCE);
}

static void test_a_clock_may_be_off_by_thirty_seconds(void **state)
{
    (void)state;
    assert_int_equal(check_head("ams1", 1, 1030000), INTAKE_OK);
    assert_int_equal(check_head("ams1", 2, 970000), INTAKE_OK);
    assert_int_equal(check_head("ams1", 3, 1030001), INTAKE_CLOCK);
    assert_int_equal(check_head("ams1", 3, 969999), INTAKE_CLOCK);
    assert_int_equal(check_head("ams1", 3, BATCH_NUMBER_MAX), INTAKE_CLOCK);
}

static void test_a_refused_message_does_not_move_the_sequence(void **state)
{
    (void)state;
    assert_int_equal(check_head("ams1", BATCH_NUMBER_MAX, 0), INTAKE_CLOCK);
    assert_int_equal(check_head("ams1", 1, 1000000), INTAKE_OK);
}

static void test_every_refusal_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < INTAKE_COUNT; i++)
        for (int k = 0; k < i; k++)
            assert_string_not_equal(intake_print((enum intake)i), intake_print((enum intake)k));
    assert_string_equal(intake_print(INTAKE_CLOCK), "clock");
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(test_a_signed_body_of_a_known_vantage_point_is_read),
        UNIT(test_a_stranger_is_refused),
        UNIT(test_a_disabled_vantage_point_is_refused),
        UNIT(test_a_wrong_or_missing_signature_is_refused),
        UNIT(test_a_signature_of_another_kind_of_message_is_refused),
        UNIT(test_a_body_that_names_another_is_refused),
        UNIT(test_a_sequence_only_rises),
        UNIT(test_each_kind_has_its_own_sequence),
        UNIT(test_a_clock_may_be_off_by_thirty_seconds),
        UNIT(test_a_refused_message_does_not_move_the_sequence),
        UNIT(test_every_refusal_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
