/* tests/unit/test_settings.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "server/process/settings.h"

enum { WORDS_MAX = 24 };

#define FORTY_THREE "0123456789012345678901234567890123456789012"
#define NSID_TOO_LONG FORTY_THREE FORTY_THREE FORTY_THREE

#define NEEDED "--store", "gslb.db", "--state", "state", "--listen", "127.0.0.1@5300", "--control", "::1@8300"

/* Read settings from words as on a command line. The options live as long as the test. */
static enum err read_words(const char *const words[WORDS_MAX], struct settings *ret, struct options *options,
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
    assert_int_equal(read_words(words, &settings, &options, &diag), OK);
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
        assert_int_equal(read_words(words, &settings, &options, &diag), OK);
        assert_int_equal(settings.tls_connections_max, cases[i].tls);
        option_fini(&options);
    }
}

static void test_read_takes_tls_and_proxies(void **state)
{
    (void)state;
    static const char *const words[WORDS_MAX] = {NEEDED, "--listen-tls", "::1@853", "--tls-cert", "c.pem",
                                                 "--tls-key", "k.pem", "--listen-proxy", "::1@5301",
                                                 "--proxy-from", "2001:db8::/32", "--tls-connections", "7",
                                                 "--proxy-from", "127.0.0.1"};
    struct settings settings;
    struct options options;
    struct diag diag;
    char text[LISTEN_TEXT_MAX];
    assert_int_equal(read_words(words, &settings, &options, &diag), OK);
    assert_int_equal(settings.tls_listens_count, 1);
    assert_string_equal(listen_print(&settings.tls_listens[0], text), "::1@853");
    assert_string_equal(settings.tls_cert_path, "c.pem");
    assert_string_equal(settings.tls_key_path, "k.pem");
    assert_int_equal(settings.tls_connections_max, 7);
    assert_int_equal(settings.proxy_listens_count, 1);
    assert_int_equal(settings.proxies_count, 2);
    assert_int_equal(settings.proxies[0].bits, 32);
    assert_string_equal(prefix_print(&settings.proxies[1], text), "127.0.0.1/32");
    option_fini(&options);
}

static void test_read_has_a_worker_for_each_core(void **state)
{
    (void)state;
    static const char *const words[WORDS_MAX] = {NEEDED};
    struct settings settings;
    struct options options;
    struct diag diag;
    assert_int_equal(read_words(words, &settings, &options, &diag), OK);
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
    assert_int_equal(read_words(words, &settings, &options, &diag), OK);
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
                                                 "2001:db8::/32", "--cookie-secrets", "secrets",
                                                 "--rate-limit-exempt", "2001:db8::1"};
    struct settings settings;
    struct options options;
    struct diag diag;
    char text[PREFIX_TEXT_MAX];
    assert_int_equal(read_words(words, &settings, &options, &diag), OK);
    assert_int_equal(settings.rate, 200);
    assert_int_equal(settings.rate_slip, 3);
    assert_int_equal(settings.rate_exempt_count, 3);
    assert_int_equal(settings.rate_exempt[1].bits, 32);
    assert_string_equal(prefix_print(&settings.rate_exempt[2], text), "2001:db8::1/128");
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
        {{NEEDED, "--rate-limit", "9", "--rate-limit-exempt", "192.0.2.1/24"}, "--rate-limit-exempt: "},
        {{NEEDED, "--rate-limit-exempt", "192.0.2.0/24"}, "of no use without --rate-limit"},
        {{NEEDED, "--rate-limit-slip", "2"}, "of no use without --rate-limit"},
        {{NEEDED, "--nsid", NSID_TOO_LONG},
         "--nsid takes 128 characters at most, and \"01234567890123456789...\" has 129"},
        {{NEEDED, "word"}, "\"word\" is not an option"},
        {{"--state", "s", "--listen", "::1@1", "--control", "::1@2"}, "--store is missing"},
        {{"--store", "s", "--listen", "::1@1", "--control", "::1@2"}, "--state is missing"},
        {{"--store", "s", "--state", "s", "--control", "::1@2"}, "--listen is missing"},
        {{"--store", "s", "--state", "s", "--listen", "::1@2"}, "--control is missing"},
        {{NEEDED, "--listen", "127.0.0.1"}, "--listen"},
        {{NEEDED, "--listen", "127.0.0.1@5300"}, "127.0.0.1@5300 is given twice"},
        {{NEEDED, "--listen", "::1@8300"},
         "--control: ::1@8300 is also given to --listen; take another port"},
        {{NEEDED, "--listen-tls", "::1@853", "--tls-key", "k"},
         "with --listen-tls: option --tls-cert is missing"},
        {{NEEDED, "--listen-tls", "::1@853", "--tls-cert", "c"}, "--tls-key is missing"},
        {{NEEDED, "--tls-cert", "c"},
         "option --tls-cert is of no use without --listen-tls; give both or neither"},
        {{NEEDED, "--tls-key", "k"}, "option --tls-key is of no use without --listen-tls"},
        {{NEEDED, "--listen-tls", "127.0.0.1@5300", "--tls-cert", "c", "--tls-key", "k"},
         "option --listen-tls: 127.0.0.1@5300 is also given to --listen"},
        {{NEEDED, "--listen-proxy", "::1@53"}, "--listen-proxy is of no use without --proxy-from"},
        {{NEEDED, "--proxy-from", "::1/128"}, "--proxy-from is of no use without --listen-proxy"},
        {{NEEDED, "--listen-proxy", "::1@53", "--proxy-from", "::1::"}, "option --proxy-from: "},
        {{NEEDED, "--listen-proxy", "::1@8300", "--proxy-from", "::1/128"},
         "option --control: ::1@8300 is also given to --listen-proxy"},
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
        assert_int_not_equal(read_words(cases[i].words, &settings, &options, &diag), OK);
        if (!strstr(diag.text, cases[i].sentence))
            fail_msg("case %zu says: %s", i, diag.text);
        option_fini(&options);
    }
}

static const char four_lines[] =
    "store = gslb.db\nstate = state\nlisten = 127.0.0.1@5300\ncontrol = ::1@8300\n";

/* Read settings from `four_lines` and `line`; the sentence says the path as "FILE". */
static enum err read_file(const char *line, struct diag *ret)
{
    char path[] = "/tmp/test_settings.XXXXXX", all[512];
    const char *const words[WORDS_MAX] = {"--config", path};
    struct settings settings;
    struct options options = {0};
    struct diag diag = {.text = ""};
    close(mkstemp(path));
    const int len = snprintf(all, sizeof all, "%s%s\n", four_lines, line);
    assert_int_equal(file_replace(path, all, (size_t)len, 0600, NULL), OK);
    const enum err err = read_words(words, &settings, &options, &diag);
    const bool named = strncmp(diag.text, path, strlen(path)) == 0;
    (void)snprintf(ret->text, sizeof ret->text, "%s%s", named ? "FILE" : "",
                   diag.text + (named ? strlen(path) : 0));
    option_fini(&options);
    (void)unlink(path);
    return err;
}

static void test_read_names_the_line_that_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *line, *sentence;
    } cases[] = {
        {"lissten = ::1@53", "FILE:5: there is no option \"lissten\"; see --help"},
        {"listen = 127.0.0.1",
         "FILE:5: listen: \"127.0.0.1\" is not ADDRESS@PORT; write it as 127.0.0.1@5300 or ::1@5300"},
        {"listen = 127.0.0.1@5300", "FILE:5: listen: 127.0.0.1@5300 is given twice"},
        {"listen-tls = ::1@8300\ntls-cert = c\ntls-key = k",
         "FILE:4: control: ::1@8300 is also given to --listen-tls; take another port"},
        {"tls-key = k", "FILE:5: tls-key is of no use without --listen-tls; give both or neither"},
        {"listen-proxy = ::1@53\nproxy-from = ::1/129",
         "FILE:6: proxy-from: \"::1/129\" is not a prefix; write it as 192.0.2.0/24 or 2001:db8::/32"},
        {"rate-limit = 9\n\nrate-limit-exempt = ::/0\nrate-limit-exempt = 192.0.2.1/24",
         "FILE:8: rate-limit-exempt: \"192.0.2.1/24\" has address bits past its length; write 192.0.2.0/24"},
        {"workers = all", "FILE:5: workers takes a whole number from 1 to 256, not \"all\""},
        {"tcp-connections = 0", "FILE:5: tcp-connections takes a whole number from 1 to 65536, not \"0\""},
        {"nsid = " NSID_TOO_LONG,
         "FILE:5: nsid takes 128 characters at most, and \"01234567890123456789...\" has 129"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct diag diag;
        assert_int_not_equal(read_file(cases[i].line, &diag), OK);
        assert_string_equal(diag.text, cases[i].sentence);
    }
    assert_int_equal(read_file("workers = 3", &(struct diag){.text = ""}), OK);
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
        cmocka_unit_test(test_read_names_the_line_that_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
