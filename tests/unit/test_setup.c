#include "prober/setup.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORDS_MAX = 16 };

/* Parse and check a command line; the sentence goes to `diag`. */
static enum err read_words(const char *const words[WORDS_MAX], struct options *options,
                           struct setup *setup, struct diag *diag)
{
    char copies[WORDS_MAX][128];
    char *argv[WORDS_MAX + 1] = {copies[0]};
    int argc = 1;
    size_t count;
    const struct option_def *defs = setup_defs(&count);
    (void)snprintf(copies[0], sizeof copies[0], "gslb-prober");
    for (; argc < WORDS_MAX && words[argc - 1]; argc++) {
        (void)snprintf(copies[argc], sizeof copies[argc], "%s", words[argc - 1]);
        argv[argc] = copies[argc];
    }
    enum err err = option_parse(defs, count, argc, argv, options, diag);
    if (!err) {
        err = setup_read(options, setup, diag);
        if (err)
            option_fini(options);
    }
    return err;
}

#define NEEDED "--vantage", "ams", "--key", "v.key", "--server", "127.0.0.1@8443"

static void test_the_needed_options_are_enough(void **state)
{
    (void)state;
    static const char *const words[WORDS_MAX] = {NEEDED};
    struct options options;
    struct setup setup;
    assert_int_equal(read_words(words, &options, &setup, NULL), OK);
    assert_string_equal(setup.vantage, "ams");
    assert_string_equal(setup.key_path, "v.key");
    assert_string_equal(setup.server_name, "gslbd-control");
    assert_null(setup.ca_path);
    assert_null(setup.checks_ca_path);
    assert_int_equal(setup.servers_count, 1);
    assert_int_equal(setup.servers[0].port, 8443);
    assert_int_equal(setup.probes_max, SETUP_PROBES);
    assert_int_equal(setup.egress.v4.family, IP_NONE);
    assert_int_equal(setup.egress.v6.family, IP_NONE);
    option_fini(&options);
}

static void test_every_option_is_taken(void **state)
{
    (void)state;
    static const char *const words[WORDS_MAX] = {NEEDED,
                                                 "--server=::1@8444",
                                                 "--source",
                                                 "127.0.0.9",
                                                 "--resolver",
                                                 "127.0.0.1@5353",
                                                 "--probes-max",
                                                 "7",
                                                 "--server-name=ns1.example.com",
                                                 "--verbose"};
    struct options options;
    struct setup setup;
    assert_int_equal(read_words(words, &options, &setup, NULL), OK);
    assert_int_equal(setup.servers_count, 2);
    assert_int_equal(setup.servers[1].ip.family, IP_V6);
    assert_int_equal(setup.egress.v4.bytes[3], 9);
    assert_int_equal(setup.resolvers_count, 1);
    assert_int_equal(setup.probes_max, 7);
    assert_string_equal(setup.server_name, "ns1.example.com");
    assert_true(setup.verbose);
    option_fini(&options);
}

struct bad_case {
    const char *words[WORDS_MAX];
    const char *message;
};

static const struct bad_case bad_cases[] = {
    {{"--key", "v.key", "--server", "127.0.0.1@1"}, "option --vantage is missing; see --help"},
    {{"--vantage", "ams", "--server", "127.0.0.1@1"}, "option --key is missing; see --help"},
    {{"--vantage", "ams", "--key", "v.key"}, "option --server is missing; see --help"},
    {{NEEDED, "--vantage", "ber"}, NULL},
    {{"--vantage", "two words", "--key", "v.key", "--server", "127.0.0.1@1"},
     "option --vantage takes 1 to 63 printable characters without a space"},
    {{"--vantage", "ams\r\nX-Injected: 1", "--key", "v.key", "--server", "127.0.0.1@1"},
     "option --vantage takes 1 to 63 printable characters without a space"},
    {{"--vantage", "", "--key", "v.key", "--server", "127.0.0.1@1"},
     "option --vantage is empty; see --help"},
    {{NEEDED, "--server", "127.0.0.1@8443"}, "option --server: 127.0.0.1@8443 is given twice"},
    {{NEEDED, "--server", "127.0.0.1"}, NULL},
    {{NEEDED, "--server", "127.0.0.1@65536"}, NULL},
    {{NEEDED, "--source", "192.0.2.9"}, 
     "option --source: 192.0.2.9 is not an address of this host; see \"ip address\""},
    {{NEEDED, "--source", "nowhere"}, NULL},
    {{NEEDED, "--probes-max", "0"},
     "option --probes-max takes a whole number from 1 to 65536, not \"0\""},
    {{NEEDED, "--server-name", "a/b"}, "option --server-name takes a host name, not \"a/b\""},
    {{NEEDED, "--ca", "/nowhere/ca.crt"},
     "option --ca: cannot read /nowhere/ca.crt: No such file or directory"},
    {{NEEDED, "--checks-ca", "/dev/null"},
     "option --checks-ca: /dev/null holds no certificate in PEM"},
    {{NEEDED, "--colour", "red"}, "there is no option --colour; see --help"},
    {{NEEDED, "stray"}, "\"stray\" is not an option; see --help"},
};

static void test_a_mistake_is_named_in_one_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_cases / sizeof bad_cases[0]; i++) {
        struct options options;
        struct setup setup;
        struct diag diag = {.text = ""};
        assert_int_not_equal(read_words(bad_cases[i].words, &options, &setup, &diag), OK);
        assert_true(diag.text[0] != '\0');
        assert_null(strchr(diag.text, '\n'));
        if (bad_cases[i].message)
            assert_string_equal(diag.text, bad_cases[i].message);
    }
}

static void test_a_configuration_file_says_the_same(void **state)
{
    (void)state;
    char path[] = "/tmp/test-setup-XXXXXX";
    const int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    const char *const words[WORDS_MAX] = {"--config", path};
    struct options options;
    struct setup setup;
    (void)fputs("vantage = ams\nkey = v.key # ours\nserver = 127.0.0.1@1\nserver = ::1@2\nsource = "
                "127.0.0.9\n",
                file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(read_words(words, &options, &setup, NULL), OK);
    assert_string_equal(setup.key_path, "v.key");
    assert_int_equal(setup.servers_count, 2);
    option_fini(&options);
    (void)unlink(path);
}

static void test_a_mistake_in_a_file_is_named_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *line, *sentence;
    } cases[] = {
        {"server = 127.0.0.1@1", ":4: server: 127.0.0.1@1 is given twice"},
        {"resolver = ::1", ":4: resolver: \"::1\" is not ADDRESS@PORT; write it as "},
        {"vantage =", ":4: vantage is given twice; it takes one value"},
        {"source = 192.0.2.9", ":4: source: 192.0.2.9 is not an address of this host; see "},
        {"ca = /dev/null", ":4: ca: /dev/null holds no certificate in PEM"},
        {"checks-ca = /nowhere", ":4: checks-ca: cannot read /nowhere: No such file or directory"},
        {"server-name = a/b", ":4: server-name takes a host name, not \"a/b\""},
        {"probes-max = x", ":4: probes-max takes a whole number from 1 to 65536, not \"x\""},
        {"verbose = 1", ":4: verbose is yes or no, not \"1\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[] = "/tmp/test-setup-XXXXXX";
        FILE *file = fdopen(mkstemp(path), "w");
        const char *const words[WORDS_MAX] = {"--config", path};
        struct options options;
        struct setup setup;
        struct diag diag = {.text = ""};
        (void)fprintf(file, "vantage = ams\nkey = v.key\nserver = 127.0.0.1@1\n%s\n", cases[i].line);
        assert_int_equal(fclose(file), 0);
        assert_int_not_equal(read_words(words, &options, &setup, &diag), OK);
        (void)unlink(path);
        if (strncmp(diag.text, path, strlen(path)) != 0 ||
            strncmp(diag.text + strlen(path), cases[i].sentence, strlen(cases[i].sentence)) != 0)
            fail_msg("%s", diag.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_needed_options_are_enough),
        cmocka_unit_test(test_every_option_is_taken),
        cmocka_unit_test(test_a_mistake_is_named_in_one_sentence),
        cmocka_unit_test(test_a_configuration_file_says_the_same),
        cmocka_unit_test(test_a_mistake_in_a_file_is_named_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
