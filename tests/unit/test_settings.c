/* tests/unit/test_settings.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/process/settings.h"

enum { WORDS_MAX = 24 };

#define FORTY_THREE "0123456789012345678901234567890123456789012"
#define NSID_TOO_LONG FORTY_THREE FORTY_THREE FORTY_THREE

#define NEEDED "--store", "gslb.db", "--state", "state", "--listen", "127.0.0.1@5300", "--control", "::1@8300"

/* Read settings from words as on a command line. The options live as long as the test. */
static enum err read(const char *const words[WORDS_MAX], struct settings *ret, struct options *options,
                     struct diag *diag)
{
    static char program[] = "gslbd", texts[WORDS_MAX][160];
    char *argv[WORDS_MAX + 2] = {program};
    int argc = 1;
    size_t count;
    const struct option_def *defs = settings_defs(&count);
    for (; words[argc - 1]; argc++)
        argv[argc] = strcpy(texts[argc - 1], words[argc - 1]);
    const enum err err = option_parse(defs, count, argc, argv, options, diag);
    return err == OK ? settings_read(options, 4, ret, diag) : err;
}

static void test_read_takes_what_the_operator_said(void **state)
{
    (void)state;
    static const char *const words[WORDS_MAX] = {NEEDED, "--listen", "::1@5300", "--geoip",
                                                 "a.mmdb", "--geoip", "b.mmdb", "--user", "nobody",
                                                 "--workers", "3", "--tcp-connections", "10"};
    struct settings settings;
    struct options options;
    struct diag diag;
    char text[LISTEN_TEXT_MAX];
    assert_int_equal(read(words, &settings, &options, &diag), OK);
    assert_string_equal(settings.store_path, "gslb.db");
    assert_string_equal(settings.state_dir, "state");
    assert_string_equal(settings.user, "nobody");
    assert_int_equal(settings.listens_count, 2);
    assert_string_equal(listen_print(&settings.listens[1], text), "::1@5300");
    assert_int_equal(settings.controls_count, 1);
    assert_int_equal(settings.geo_paths_count, 2);
    assert_string_equal(settings.geo_paths[1], "b.mmdb");
    assert_int_equal(settings.workers_count, 3);
    assert_int_equal(settings.tcp_connections_max, 10);
    option_fini(&options);
}

static void test_tls_has_three_quarters_of_the_connections_up_to_its_limit(void **state)
{
    (void)state;
    static const struct {
        const char *connections;
        uint32_t tls;
    } cases[] = {{"1", 1}, {"2", 2}, {"256", 192}, {"5461", 4096}, {"65536", SETTINGS_TLS_CONNECTIONS}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const words[WORDS_MAX] = {NEEDED, "--tcp-connections", cases[i].connections};
        struct settings settings;
        struct options options;
        struct diag diag;
        assert_int_equal(read(words, &settings, &options, &diag), OK);
        assert_int_equal(settings.tls_connections_max, cases[i].tls);
        option_fini(&options);
    }
}

static void test_read_takes_tls_and_proxies(void **state)
{
    (void)state;
    static const char *const words[WORDS_MAX] = {NEEDED, "--listen-tls", "::1@853", "--tls-cert", "c.pem",
                                                 "--tls-key", "k.pem", "--listen-proxy", "::1@5301",
                                                 "--proxy-from", "2001:db8::/32", "--tls-connections", "7"};
    struct settings settings;
    struct options options;
    struct diag diag;
    char text[LISTEN_TEXT_MAX];
    assert_int_equal(read(words, &settings, &options, &diag), OK);
    assert_int_equal(settings.tls_listens_count, 1);
    assert_string_equal(listen_print(&settings.tls_listens[0], text), "::1@853");
    assert_string_equal(settings.tls_cert_path, "c.pem");
    assert_string_equal(settings.tls_key_path, "k.pem");
    assert_int_equal(settings.tls_connections_max, 7);
    assert_int_equal(settings.proxy_listens_count, 1);
    assert_int_equal(settings.proxies_count, 1);
    assert_int_equal(settings.proxies[0].bits, 32);
    option_fini(&options);
}

static void test_read_has_a_worker_for_each_core(void **state)
{
    (void)state;
    static const char *const words[WORDS_MAX] = {NEEDED};
    struct settings settings;
    struct options options;
    struct diag diag;
    assert_int_equal(read(words, &settings, &options, &diag), OK);
    assert_int_equal(settings.workers_count, 4);
    assert_int_equal(settings.tcp_connections_max, SETTINGS_TCP_CONNECTIONS);
    assert_null(settings.user);
    assert_null(settings.cookie_secrets_path);
    assert_int_equal(settings.rate, 0);
    assert_null(settings.identity.name.bytes);
    assert_null(settings.identity.nsid.bytes);
    assert_memory_equal(settings.identity.version.bytes, "gslbd ", 6);
    option_fini(&options);
}

static void test_read_takes_what_the_server_says_of_itself(void **state)
{
    (void)state;
    static const char *const words[WORDS_MAX] = {NEEDED, "--nsid", "ams1", "--identity", "a.example",
                                                 "--version-text", "none"};
    struct settings settings;
    struct options options;
    struct diag diag;
    assert_int_equal(read(words, &settings, &options, &diag), OK);
    assert_int_equal(settings.identity.nsid.len, 4);
    assert_memory_equal(settings.identity.nsid.bytes, "ams1", 4);
    assert_int_equal(settings.identity.name.len, 9);
    assert_null(settings.identity.version.bytes);
    option_fini(&options);
}

static void test_read_takes_limits_and_who_has_none(void **state)
{
    (void)state;
    static const char *const words[WORDS_MAX] = {NEEDED, "--rate-limit", "200", "--rate-limit-slip", "3",
                                                 "--rate-limit-exempt", "192.0.2.0/24", "--rate-limit-exempt",
                                                 "2001:db8::/32", "--cookie-secrets", "secrets"};
    struct settings settings;
    struct options options;
    struct diag diag;
    assert_int_equal(read(words, &settings, &options, &diag), OK);
    assert_int_equal(settings.rate, 200);
    assert_int_equal(settings.rate_slip, 3);
    assert_int_equal(settings.rate_exempt_count, 2);
    assert_int_equal(settings.rate_exempt[1].bits, 32);
    assert_string_equal(settings.cookie_secrets_path, "secrets");
    option_fini(&options);
}

static void test_read_names_the_option_that_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *words[WORDS_MAX];
        const char *sentence;
    } cases[] = {
        {{NEEDED, "--bogus"}, "--bogus"},
        {{NEEDED, "--rate-limit", "-1"}, "--rate-limit"},
        {{NEEDED, "--rate-limit-slip", "101"}, "--rate-limit-slip"},
        {{NEEDED, "--rate-limit-exempt", "192.0.2.1/24"}, "--rate-limit-exempt: "},
        {{NEEDED, "--rate-limit-exempt", "192.0.2.0/24"}, "of no use without --rate-limit"},
        {{NEEDED, "--rate-limit-slip", "2"}, "of no use without --rate-limit"},
        {{NEEDED, "--nsid", NSID_TOO_LONG}, "--nsid: more than 128"},
        {{NEEDED, "word"}, "\"word\" is not an option"},
        {{"--state", "s", "--listen", "::1@1", "--control", "::1@2"}, "--store is missing"},
        {{"--store", "s", "--listen", "::1@1", "--control", "::1@2"}, "--state is missing"},
        {{"--store", "s", "--state", "s", "--control", "::1@2"}, "--listen is missing"},
        {{"--store", "s", "--state", "s", "--listen", "::1@2"}, "--control is missing"},
        {{NEEDED, "--listen", "127.0.0.1"}, "--listen"},
        {{NEEDED, "--listen", "127.0.0.1@5300"}, "127.0.0.1@5300 is given twice"},
        {{NEEDED, "--listen", "::1@8300"}, "--listen and --control both name ::1@8300"},
        {{NEEDED, "--listen-tls", "::1@853", "--tls-key", "k"},
         "with --listen-tls: option --tls-cert is missing"},
        {{NEEDED, "--listen-tls", "::1@853", "--tls-cert", "c"}, "--tls-key is missing"},
        {{NEEDED, "--tls-cert", "c"}, "of no use without --listen-tls"},
        {{NEEDED, "--listen-tls", "127.0.0.1@5300", "--tls-cert", "c", "--tls-key", "k"},
         "--listen and --listen-tls both name 127.0.0.1@5300"},
        {{NEEDED, "--listen-proxy", "::1@53"}, "--listen-proxy and --proxy-from need each other"},
        {{NEEDED, "--proxy-from", "::1/128"}, "--listen-proxy and --proxy-from need each other"},
        {{NEEDED, "--listen-proxy", "::1@53", "--proxy-from", "::1"}, "option --proxy-from: "},
        {{NEEDED, "--listen-proxy", "::1@8300", "--proxy-from", "::1/128"},
         "--listen-proxy and --control both name ::1@8300"},
        {{NEEDED, "--workers", "0"}, "--workers"},
        {{NEEDED, "--workers", "257"}, "--workers"},
        {{NEEDED, "--tcp-connections", "x"}, "--tcp-connections"},
        {{NEEDED, "--tls-connections", "5"}, "--tls-connections is of no use without --listen-tls"},
        {{NEEDED, "--listen-tls", "::1@853", "--tls-cert", "c", "--tls-key", "k", "--tls-connections", "257"},
         "--tls-connections takes a whole number from 1 to 256"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct settings settings;
        struct options options = {0};
        struct diag diag = {.text = ""};
        assert_int_not_equal(read(cases[i].words, &settings, &options, &diag), OK);
        if (!strstr(diag.text, cases[i].sentence))
            fail_msg("case %zu says: %s", i, diag.text);
        option_fini(&options);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_takes_what_the_operator_said),
        cmocka_unit_test(test_tls_has_three_quarters_of_the_connections_up_to_its_limit),
        cmocka_unit_test(test_read_takes_tls_and_proxies),
        cmocka_unit_test(test_read_has_a_worker_for_each_core),
        cmocka_unit_test(test_read_takes_what_the_server_says_of_itself),
        cmocka_unit_test(test_read_takes_limits_and_who_has_none),
        cmocka_unit_test(test_read_names_the_option_that_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
