#include "server/answer/cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

static size_t unhex(const char *text, uint8_t *ret)
{
    static const char digits[] = "0123456789abcdef";
    const size_t len = strlen(text) / 2;
    for (size_t i = 0; i < len; i++)
        ret[i] = (uint8_t)((strchr(digits, text[2 * i]) - digits) << 4 |
                           (strchr(digits, text[2 * i + 1]) - digits));
    return len;
}

static struct cookie_secrets secrets_of(const char *first, const char *second)
{
    struct cookie_secrets secrets = {0};
    const char *const texts[] = {first, second};
    for (size_t i = 0; i < 2 && texts[i]; i++) {
        uint8_t bytes[SIPHASH_KEY_LEN];
        (void)unhex(texts[i], bytes);
        secrets.keys[secrets.count++] = siphash_key_of(bytes);
    }
    return secrets;
}

static struct cookie cookie_of(const char *text)
{
    struct cookie cookie = {0};
    cookie.len = (uint8_t)unhex(text, cookie.bytes);
    return cookie;
}

static struct ip ip_of(const char *text)
{
    struct ip ip;
    assert_int_equal(ip_parse(text, &ip, NULL), OK);
    return ip;
}

#define SECRET "e5e973e5a6b2a43f48e7dc849e37bfcf"
#define SECRET_OLD "dd3bdf9344b678b185a6f5cb60fca715"
#define SECRET_NEW "445536bcd2513298075a5d379663c962"
#define A1_REPLY "2464c4abcf10c957010000005cf79f111f8130c3eee29480"
enum { A1_TIME = 1559731985 };

struct row {
    const char *peer, *query;
    uint32_t now_s;
    enum cookie_verdict verdict;
    const char *reply; /* NULL: not looked at */
};

static void expect(const struct cookie_secrets *secrets, const struct row *row)
{
    uint8_t reply[COOKIE_OURS_LEN] = {0}, wanted[COOKIE_OURS_LEN];
    const struct ip peer = ip_of(row->peer);
    const struct cookie cookie = cookie_of(row->query);
    assert_int_equal(cookie_check(secrets, &peer, row->now_s, &cookie, reply), row->verdict);
    if (!row->reply)
        return;
    assert_int_equal(unhex(row->reply, wanted), sizeof wanted);
    assert_memory_equal(reply, wanted, sizeof wanted);
}

static void test_appendix_a_of_rfc_9018_is_met(void **state)
{
    (void)state;
    const struct cookie_secrets one = secrets_of(SECRET, NULL), rolled = secrets_of(SECRET_NEW, SECRET_OLD);
    static const struct row rows[] = {
        {"198.51.100.100", "2464c4abcf10c957", A1_TIME, COOKIE_CLIENT, A1_REPLY},
        {"198.51.100.100", A1_REPLY, 1559734385, COOKIE_GOOD,
         "2464c4abcf10c957010000005cf7a871d4a564a1442aca77"},
        /* Reserved bytes are set and are part of what is hashed; when the query was sent the cookie was too
         * old. */
        {"203.0.113.203", "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559734700, COOKIE_BAD,
         "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"},
        {"203.0.113.203", "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559727985 + 3600,
         COOKIE_GOOD, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(&one, &rows[i]);
    expect(&rolled, &(struct row){"2001:db8:220:1:59de:d0f4:8769:82b8",
                                  "22681ab97d52c298010000005cf7c57926556bd0934c72f8", 1559741961, COOKIE_GOOD,
                                  "22681ab97d52c298010000005cf7c609a6bb79d16625507a"});
}

static void test_a_cookie_is_good_for_an_hour_and_renewed_after_half(void **state)
{
    (void)state;
    const struct cookie_secrets secrets = secrets_of(SECRET, NULL);
    static const struct {
        int32_t age_s;
        enum cookie_verdict verdict;
        int kept;
    } rows[] = {
        {0, COOKIE_GOOD, 1},     {1800, COOKIE_GOOD, 1}, {1801, COOKIE_GOOD, 0}, {3600, COOKIE_GOOD, 0},
        {3601, COOKIE_BAD, 0},   {-1, COOKIE_GOOD, 1},   {-300, COOKIE_GOOD, 1}, {-301, COOKIE_BAD, 0},
        {INT32_MIN, COOKIE_BAD, 0},
    };
    const struct ip peer = ip_of("198.51.100.100");
    const struct cookie cookie = cookie_of(A1_REPLY);
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t reply[COOKIE_OURS_LEN];
        const uint32_t now_s = A1_TIME + (uint32_t)rows[i].age_s;
        assert_int_equal(cookie_check(&secrets, &peer, now_s, &cookie, reply), rows[i].verdict);
        assert_int_equal(memcmp(reply, cookie.bytes, sizeof reply) == 0, rows[i].kept);
        assert_memory_equal(reply, cookie.bytes, COOKIE_CLIENT_LEN);
    }
}

static void test_time_may_wrap(void **state)
{
    (void)state;
    const struct cookie_secrets secrets = secrets_of(SECRET, NULL);
    const struct ip peer = ip_of("192.0.2.1");
    struct cookie cookie = cookie_of("0102030405060708");
    uint8_t reply[COOKIE_OURS_LEN];
    assert_int_equal(cookie_check(&secrets, &peer, UINT32_MAX - 10, &cookie, reply), COOKIE_CLIENT);
    assert_true(cookie_parse(reply, sizeof reply, &cookie));
    assert_int_equal(cookie_check(&secrets, &peer, 100, &cookie, reply), COOKIE_GOOD);
    assert_int_equal(cookie_check(&secrets, &peer, 4000, &cookie, reply), COOKIE_BAD);
}

static void test_a_cookie_of_another_is_bad(void **state)
{
    (void)state;
    const struct cookie_secrets secrets = secrets_of(SECRET, NULL),
                                others = secrets_of(SECRET_NEW, SECRET_OLD);
    static const struct row rows[] = {
        {"198.51.100.101", A1_REPLY, A1_TIME, COOKIE_BAD, NULL},
        {"::ffff:198.51.100.100", A1_REPLY, A1_TIME, COOKIE_BAD, NULL},
        {"198.51.100.100", "2464c4abcf10c957020000005cf79f111f8130c3eee29480", A1_TIME, COOKIE_BAD, NULL},
        {"198.51.100.100", "2464c4abcf10c957010000005cf79f111f8130c3eee294800a", A1_TIME, COOKIE_BAD, NULL},
        {"198.51.100.100", "2464c4abcf10c957010000005cf79f111f8130c3eee294", A1_TIME, COOKIE_BAD, NULL},
        {"198.51.100.100", "2464c4abcf10c957010000005cf79f11", A1_TIME, COOKIE_BAD, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(&secrets, &rows[i]);
    expect(&others, &(struct row){"198.51.100.100", A1_REPLY, A1_TIME, COOKIE_BAD, NULL});
    struct cookie cookie = cookie_of(A1_REPLY);
    const struct ip peer = ip_of("198.51.100.100");
    uint8_t reply[COOKIE_OURS_LEN];
    for (unsigned bit = 0; bit < 8 * COOKIE_OURS_LEN; bit++) {
        cookie.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(cookie_check(&secrets, &peer, A1_TIME, &cookie, reply), COOKIE_BAD);
        cookie.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void test_a_fleet_changes_its_secret_without_a_bad_cookie(void **state)
{
    (void)state;
    const struct cookie_secrets before = secrets_of(SECRET_OLD, NULL),
                                announced = secrets_of(SECRET_OLD, SECRET_NEW),
                                switched = secrets_of(SECRET_NEW, SECRET_OLD),
                                after = secrets_of(SECRET_NEW, NULL);
    /* Any two steps that servers of a fleet are at at the same time. */
    const struct cookie_secrets *const pairs[][2] = {
        {&before, &announced}, {&announced, &switched}, {&switched, &after},
    };
    const struct ip peer = ip_of("2001:db8::7");
    for (size_t i = 0; i < 2 * COUNT(pairs); i++) {
        struct cookie cookie = cookie_of("0011223344556677");
        uint8_t reply[COOKIE_OURS_LEN];
        (void)cookie_check(pairs[i / 2][i % 2], &peer, A1_TIME, &cookie, reply);
        assert_true(cookie_parse(reply, sizeof reply, &cookie));
        assert_int_equal(cookie_check(pairs[i / 2][1 - i % 2], &peer, A1_TIME + 1, &cookie, reply),
                         COOKIE_GOOD);
    }
}

static void test_without_a_cookie_or_a_secret_there_is_none(void **state)
{
    (void)state;
    const struct cookie_secrets secrets = secrets_of(SECRET, NULL), none = {0};
    static const struct row absent = {"192.0.2.1", "", A1_TIME, COOKIE_ABSENT, NULL};
    static const struct row sent = {"192.0.2.1", A1_REPLY, A1_TIME, COOKIE_ABSENT, NULL};
    expect(&secrets, &absent);
    expect(&none, &sent);
}

static void test_only_lengths_of_cookies_are_taken(void **state)
{
    (void)state;
    static const uint8_t bytes[64];
    for (size_t len = 0; len <= sizeof bytes; len++) {
        struct cookie cookie = {.len = 99};
        const int possible = len == 8 || (len >= 16 && len <= 40);
        assert_int_equal(cookie_parse(bytes, len, &cookie), possible);
        assert_int_equal(cookie.len, possible ? len : 99);
    }
}

static void test_a_page_gives_what_was_set_last(void **state)
{
    (void)state;
    struct cookie_page page = {0};
    assert_int_equal(cookie_page_get(&page)->count, 0);
    for (uint32_t i = 1; i < 10; i++) {
        const struct cookie_secrets *before = cookie_page_get(&page), kept = *before;
        struct cookie_secrets secrets = {.count = 1, .keys = {{{i, i}}}};
        cookie_page_set(&page, &secrets);
        assert_memory_equal(cookie_page_get(&page), &secrets, sizeof secrets);
        assert_memory_equal(before, &kept, sizeof kept); /* who has it in hand goes on with it */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appendix_a_of_rfc_9018_is_met),
        cmocka_unit_test(test_a_cookie_is_good_for_an_hour_and_renewed_after_half),
        cmocka_unit_test(test_time_may_wrap),
        cmocka_unit_test(test_a_cookie_of_another_is_bad),
        cmocka_unit_test(test_a_fleet_changes_its_secret_without_a_bad_cookie),
        cmocka_unit_test(test_without_a_cookie_or_a_secret_there_is_none),
        cmocka_unit_test(test_only_lengths_of_cookies_are_taken),
        cmocka_unit_test(test_a_page_gives_what_was_set_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
