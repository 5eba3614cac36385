/* tests/unit/test_proxy.c */
#include "server/transport/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))
#define SIGNATURE  "\r\n\r\n\0\r\nQUIT\n"
#define V4         "\xc0\x00\x02\x07\x7f\x00\x00\x01\x12\x34\x00\x35" /* 192.0.2.7, port 4660 */
#define V6                                                                                         \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x50\x00\x35"
#define MAPPED                                                                                     \
    "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01\x00\x50" \
    "\x00\x35"
#define ROW(text, ...)                                                                             \
    {                                                                                              \
        text, sizeof(text) - 1, __VA_ARGS__                                                        \
    }

static void test_a_header_says_who_the_client_is(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *client;
        size_t header_len;
    } rows[] = {
        ROW(SIGNATURE "\x21\x11\x00\x0c" V4, "192.0.2.7@4660", 28),
        ROW(SIGNATURE "\x21\x12\x00\x0c" V4 "query", "192.0.2.7@4660", 28),
        ROW(SIGNATURE "\x21\x21\x00\x24" V6 "query", "2001:db8::7@80", 52),
        ROW(SIGNATURE "\x21\x22\x00\x24" MAPPED, "192.0.2.7@80", 52),
        ROW(SIGNATURE "\x21\x12\x00\x10" V4 "\x04\x00\x01\x00"
                      "query",
            "192.0.2.7@4660", 32), /* and more than that */
        ROW(SIGNATURE "\x21\x10\x00\x0c" V4, "192.0.2.7@4660",
            28), /* by a transport that it does not name */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct proxy_header header;
        char text[LISTEN_TEXT_MAX];
        assert_int_equal(proxy_parse((const uint8_t *)rows[i].bytes, rows[i].len, &header),
                         PROXYING_HEADER);
        assert_string_equal(listen_print(&header.client, text), rows[i].client);
        assert_int_equal(header.len, rows[i].header_len);
    }
}

static void test_a_proxy_may_speak_for_itself(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len, header_len;
    } rows[] = {
        ROW(SIGNATURE "\x20\x00\x00\x00", 16),
        ROW(SIGNATURE "\x20\x11\x00\x0c" V4, 28), /* LOCAL: the addresses mean nothing */
        ROW(SIGNATURE "\x20\xff\x00\x00", 16),
        ROW(SIGNATURE "\x21\x00\x00\x00", 16),
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct proxy_header header;
        assert_int_equal(proxy_parse((const uint8_t *)rows[i].bytes, rows[i].len, &header),
                         PROXYING_HEADER);
        assert_int_equal(header.client.ip.family, IP_NONE);
        assert_int_equal(header.len, rows[i].header_len);
    }
}

static void test_what_is_no_header_is_refused_at_its_first_wrong_byte(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        ROW("\x00"),
        ROW("\r\n\r\n\r"),
        ROW("PROXY TCP4 192.0.2.7 127.0.0.1 4660 53\r\n"), /* version 1 */
        ROW(SIGNATURE "\x11\x11\x00\x0c"),
        ROW(SIGNATURE "\x22\x11\x00\x0c"),
        ROW(SIGNATURE "\x21\x11\x03\xf1"),    /* 1,025 bytes */
        ROW(SIGNATURE "\x21\x31\x00\x0c" V4), /* a path (AF_UNIX) */
        ROW(SIGNATURE "\x21\x13\x00\x0c" V4),
        ROW(SIGNATURE "\x21\x11\x00\x0b" V4), /* too short for its family */
        ROW(SIGNATURE "\x21\x21\x00\x0c" V4),
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct proxy_header header;
        assert_int_equal(proxy_parse((const uint8_t *)rows[i].bytes, rows[i].len, &header),
                         PROXYING_BAD);
    }
}

static void test_a_header_may_come_byte_by_byte(void **state)
{
    (void)state;
    static const char bytes[] = SIGNATURE "\x21\x11\x00\x0c" V4;
    struct proxy_header header;
    for (size_t len = 0; len < sizeof bytes - 1; len++)
        assert_int_equal(proxy_parse((const uint8_t *)bytes, len, &header), PROXYING_MORE);
    assert_int_equal(proxy_parse((const uint8_t *)bytes, sizeof bytes - 1, &header),
                     PROXYING_HEADER);
}

static void test_only_named_prefixes_are_proxies(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        bool expected;
    } rows[] = {{"192.0.2.7", true},
                {"192.0.3.7", false},
                {"2001:db8::1", true},
                {"2001:db9::1", false},
                {"::1", false}};
    struct prefix prefixes[2];
    assert_int_equal(prefix_parse("192.0.2.0/24", &prefixes[0], NULL), OK);
    assert_int_equal(prefix_parse("2001:db8::/32", &prefixes[1], NULL), OK);
    const struct proxy_peers peers = {prefixes, COUNT(prefixes)}, nobody = {0};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ip ip;
        assert_int_equal(ip_parse(rows[i].address, &ip, NULL), OK);
        assert_int_equal(proxy_is_peer(&peers, &ip), rows[i].expected);
        assert_false(proxy_is_peer(&nobody, &ip));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_header_says_who_the_client_is),
        cmocka_unit_test(test_a_proxy_may_speak_for_itself),
        cmocka_unit_test(test_what_is_no_header_is_refused_at_its_first_wrong_byte),
        cmocka_unit_test(test_a_header_may_come_byte_by_byte),
        cmocka_unit_test(test_only_named_prefixes_are_proxies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
