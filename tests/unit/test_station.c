#include "health/key.h"
#include "prober/station.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct folder {
    char path[32];
    char key_path[64];
};

static void make_folder(struct folder *folder)
{
    struct key *key;
    (void)snprintf(folder->path, sizeof folder->path, "/tmp/test-station-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    (void)snprintf(folder->key_path, sizeof folder->key_path, "%s/v.key", folder->path);
    assert_int_equal(key_generate(&key, NULL), OK);
    assert_int_equal(key_save(key, folder->key_path, NULL), OK);
    key_free(&key);
}

static void remove_folder(const struct folder *folder)
{
    (void)unlink(folder->key_path);
    (void)rmdir(folder->path);
}

/* A setup whose only nameserver is away. */
static struct setup make_setup(const struct folder *folder)
{
    return (struct setup){
        .vantage = "ams",
        .key_path = folder->key_path,
        .key_place = "option --key",
        .server_name = "gslbd-control",
        .servers = {{.ip = {.family = IP_V4, .bytes = {127, 0, 0, 1}}, .port = 1}},
        .servers_count = 1,
        .probes_max = 16,
    };
}

static void test_a_signal_stops_it_at_once(void **state)
{
    (void)state;
    static const int signals[] = {SIGTERM, SIGINT};
    struct folder folder;
    make_folder(&folder);
    const struct setup setup = make_setup(&folder);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct station *station;
        assert_int_equal(station_open(&setup, &station, NULL), OK);
        assert_int_equal(raise(signals[i]), 0);
        assert_int_equal(station_run(station, NULL), OK);
        station_close(&station);
        assert_null(station);
    }
    remove_folder(&folder);
}

static void test_a_key_that_others_can_read_is_refused(void **state)
{
    (void)state;
    struct folder folder;
    struct diag diag;
    struct station *station;
    make_folder(&folder);
    const struct setup setup = make_setup(&folder);
    assert_int_equal(chmod(folder.key_path, 0640), 0);
    assert_int_equal(station_open(&setup, &station, &diag), ERR_REFUSED);
    assert_non_null(strstr(diag.text, folder.key_path));
    assert_int_equal(unlink(folder.key_path), 0);
    assert_int_equal(station_open(&setup, &station, &diag), ERR_MISSING);
    assert_non_null(strstr(diag.text, folder.key_path));
    remove_folder(&folder);
}

static void test_too_few_descriptors_are_a_limit(void **state)
{
    (void)state;
    struct folder folder;
    struct diag diag;
    struct station *station;
    make_folder(&folder);
    const struct setup setup = make_setup(&folder);
    const pid_t child = fork(); /* the hard limit cannot be raised again */
    if (child == 0) {
        const struct rlimit few = {.rlim_cur = 40, .rlim_max = 40};
        const bool refused = setrlimit(RLIMIT_NOFILE, &few) == 0 &&
                             station_open(&setup, &station, &diag) == ERR_LIMIT &&
                             strstr(diag.text, "40 descriptors");
        _exit(refused ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    remove_folder(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_signal_stops_it_at_once),
        cmocka_unit_test(test_a_key_that_others_can_read_is_refused),
        cmocka_unit_test(test_too_few_descriptors_are_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
