#include "server/answer/counters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_what_the_worker_counts_control_reads(void **state)
{
    (void)state;
    struct counters *mine;
    const struct counters *seen;
    int fd;
    assert_int_equal(counters_create(&fd, NULL), OK);
    assert_int_equal(counters_open_writer(fd, &mine, NULL), OK);
    assert_int_equal(counters_open(fd, &seen, NULL), OK);
    assert_int_equal(seen->queries[TRANSPORT_UDP], 0);
    mine->queries[TRANSPORT_UDP] += 3;
    mine->answers[BOARD_SLOTS_MAX - 1]++;
    assert_int_equal(seen->queries[TRANSPORT_UDP], 3);
    assert_int_equal(seen->answers[BOARD_SLOTS_MAX - 1], 1);
    close(fd);
}

static void test_a_successor_goes_on_counting(void **state)
{
    (void)state;
    struct counters *first, *second;
    int fd;
    assert_int_equal(counters_create(&fd, NULL), OK);
    assert_int_equal(counters_open_writer(fd, &first, NULL), OK);
    first->rcodes[0] = 41;
    assert_int_equal(counters_open_writer(fd, &second, NULL), OK);
    second->rcodes[0]++;
    assert_int_equal(first->rcodes[0], 42);
    close(fd);
}

static void test_a_descriptor_that_cannot_be_mapped_is_an_error(void **state)
{
    (void)state;
    struct counters *counters;
    struct diag diag;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(counters_open_writer(ends[0], &counters, &diag), ERR_SYSTEM);
    assert_non_null(strstr(diag.text, "counters"));
    close(ends[0]);
    close(ends[1]);
}

static void test_types_and_their_names_agree(void **state)
{
    (void)state;
    static const struct {
        uint16_t qtype;
        const char *name;
    } rows[] = {{1, "A"}, {28, "AAAA"}, {5, "CNAME"}, {2, "NS"}, {6, "SOA"}, {15, "MX"}, {16, "TXT"},
                {12, "PTR"}, {33, "SRV"}, {64, "SVCB"}, {65, "HTTPS"}, {257, "CAA"}, {43, "DS"},
                {48, "DNSKEY"}, {255, "ANY"}, {99, "OTHER"}, {65535, "OTHER"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(counters_type_name(counters_type_of(rows[i].qtype)), rows[i].name);
}

static void test_everything_that_is_counted_has_a_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TRANSPORTS; i++)
        assert_non_null(counters_transport_name((enum transport)i));
    for (unsigned i = 0; i < COUNTED_TYPES; i++)
        assert_non_null(counters_type_name((enum counted_type)i));
    for (unsigned i = 0; i < COUNTED_RCODES; i++)
        assert_non_null(counters_rcode_name(i));
    for (unsigned i = 0; i < DROPS; i++)
        assert_non_null(counters_drop_name((enum drop)i));
    assert_string_equal(counters_rcode_name(3), "NXDOMAIN");
    assert_string_equal(counters_rcode_name(16), "BADVERS");
    assert_string_equal(counters_rcode_name(23), "BADCOOKIE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_worker_counts_control_reads),
        cmocka_unit_test(test_a_successor_goes_on_counting),
        cmocka_unit_test(test_a_descriptor_that_cannot_be_mapped_is_an_error),
        cmocka_unit_test(test_types_and_their_names_agree),
        cmocka_unit_test(test_everything_that_is_counted_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
