/* tests/unit/test_credentials.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/tls_fixture.h"

#include "common/file.h"
#include "server/control/credentials.h"
#include "server/process/channel.h"
#include "tests/unit/log_capture.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_S = 10 };

/* A directory with a certificate and a key, and both ends of the channel to the supervisor. */
struct rig {
    char dir[64], cert[96], key[96];
    int ends[2];
    struct event_base *base;
    struct credentials *credentials;
};

static void put(const char *path, const void *bytes, size_t len, mode_t mode)
{
    assert_int_equal(file_replace(path, bytes, len, mode, NULL), OK);
}

/* Returns when the certificate ends, unix time. */
static int64_t put_pair(const struct rig *rig, long days)
{
    static struct tls_secrets made;
    SSL_CTX *context;
    tls_fixture_make(days, &made);
    put(rig->key, made.key, made.key_len, 0600);
    put(rig->cert, made.chain, made.chain_len, 0644);
    assert_int_equal(tls_context_new(&made, &context, NULL), OK);
    const int64_t end_s = tls_expiry_s(context);
    SSL_CTX_free(context);
    return end_s;
}

static int setup(void **state)
{
    static struct rig rig;
    (void)strcpy(rig.dir, "/tmp/gslb-credentials-XXXXXX");
    assert_non_null(mkdtemp(rig.dir));
    (void)snprintf(rig.cert, sizeof rig.cert, "%s/cert.pem", rig.dir);
    (void)snprintf(rig.key, sizeof rig.key, "%s/key.pem", rig.dir);
    assert_int_equal(channel_create(rig.ends, NULL), OK);
    assert_int_equal(fcntl(rig.ends[0], F_SETFL, O_NONBLOCK), 0);
    put_pair(&rig, 30);
    rig.base = event_base_new();
    const struct credentials_setup with = {rig.base, rig.cert, rig.key, rig.ends[1]};
    assert_int_equal(credentials_new(&with, &rig.credentials, NULL), OK);
    *state = &rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    credentials_free(&rig->credentials);
    event_base_free(rig->base);
    close(rig->ends[0]);
    close(rig->ends[1]);
    (void)unlink(rig->cert);
    (void)unlink(rig->key);
    return rmdir(rig->dir);
}

/* The secrets that have been sent; NULL: none. */
static const struct tls_secrets *received(const struct rig *rig)
{
    struct channel_packet packet;
    const enum err err = channel_receive(rig->ends[0], &packet, NULL);
    if (err == ERR_BUSY)
        return NULL;
    assert_int_equal(err, OK);
    assert_int_equal(packet.message.kind, MESSAGE_SECRETS);
    assert_int_equal(packet.message.parts_count, 1);
    const struct tls_secrets *secrets =
        mmap(NULL, sizeof *secrets, PROT_READ, MAP_PRIVATE, packet.fds[0], 0);
    assert_true(secrets != MAP_FAILED);
    assert_int_equal(ftruncate(packet.fds[0], 0), -1); /* sealed */
    assert_int_equal(pwrite(packet.fds[0], "x", 1, 0), -1);
    close(packet.fds[0]);
    return secrets;
}

static void test_a_pair_is_handed_out_with_new_ticket_keys(void **state)
{
    const struct rig *rig = *state;
    struct buffer cert = {0};
    const struct tls_secrets *all[2];
    assert_int_equal(file_read(rig->cert, TLS_CHAIN_MAX, &cert, NULL), OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(credentials_load(rig->credentials, NULL), OK);
        all[i] = received(rig);
        assert_non_null(all[i]);
        assert_int_equal(all[i]->chain_len, cert.len);
        assert_memory_equal(all[i]->chain, cert.bytes, cert.len);
    }
    assert_memory_not_equal(all[0]->ticket_keys, all[1]->ticket_keys, TLS_TICKET_KEYS_LEN);
    buffer_fini(&cert);
}

static void test_what_cannot_be_used_is_refused_and_nothing_is_sent(void **state)
{
    const struct rig *rig = *state;
    static struct tls_secrets other;
    static char long_text[TLS_CHAIN_MAX + 1];
    struct diag diag;
    tls_fixture_make(30, &other);
    assert_int_equal(chmod(rig->key, 0644), 0);
    assert_int_equal(credentials_load(rig->credentials, &diag), ERR_REFUSED);
    assert_non_null(strstr(diag.text, rig->key));
    put(rig->key, other.key, other.key_len, 0600);
    assert_int_equal(credentials_load(rig->credentials, &diag), ERR_CORRUPT);
    assert_non_null(strstr(diag.text, rig->key));
    put(rig->cert, long_text, sizeof long_text, 0644);
    assert_int_equal(credentials_load(rig->credentials, &diag), ERR_LIMIT);
    assert_int_equal(unlink(rig->key), 0);
    assert_int_equal(credentials_load(rig->credentials, &diag), ERR_MISSING);
    assert_non_null(strstr(diag.text, rig->key));
    assert_null(received(rig));
    put(rig->key, "", 0, 0600);
}

static void test_a_key_that_its_group_may_read_is_handed_out(void **state)
{
    const struct rig *rig = *state;
    assert_int_equal(chmod(rig->key, 0640), 0);
    assert_int_equal(credentials_load(rig->credentials, NULL), OK);
    assert_non_null(received(rig));
}

static void test_one_that_has_ended_is_handed_out(void **state)
{
    const struct rig *rig = *state;
    put_pair(rig, -1);
    assert_int_equal(credentials_load(rig->credentials, NULL), OK);
    assert_non_null(received(rig));
}

/* A certificate's end, as the log writes it. */
static const char *not_after(int64_t end_s)
{
    static char text[64];
    const time_t at_s = (time_t)end_s;
    struct tm tm;
    assert_true(strftime(text, sizeof text, " not_after=%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at_s, &tm)) > 0);
    return text;
}

static const char *load_log(const struct rig *rig, struct log_capture *capture)
{
    struct diag diag;
    log_capture_begin(capture);
    if (credentials_load(rig->credentials, &diag) != OK)
        credentials_log_failure(rig->credentials, &diag);
    return log_capture_end(capture);
}

static void test_the_log_says_until_when_the_new_one_is_good(void **state)
{
    static struct log_capture capture;
    const struct rig *rig = *state;
    for (long days = 30; days <= 90; days += 30) {
        const int64_t end_s = put_pair(rig, days);
        const char *text = load_log(rig, &capture);
        assert_non_null(strstr(text, "level=notice event=tls-certificate "));
        assert_non_null(strstr(text, not_after(end_s)));
        assert_int_equal(credentials_not_after_s(rig->credentials), end_s);
    }
}

static void test_a_failure_says_what_is_served_meanwhile(void **state)
{
    static struct log_capture capture;
    static const struct {
        long days; /* of the one before; 0: there was none */
        const char *state;
    } rows[] = {
        {0, "state=\"none was handed out since control started\" do="},
        {40, "state=\"the old one is still served\" not_after="},
        {-3, "state=\"the old one is still served, and has expired\" not_after="},
    };
    const struct rig *rig = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const int64_t end_s = put_pair(rig, rows[i].days);
        if (rows[i].days != 0)
            assert_int_equal(credentials_load(rig->credentials, NULL), OK);
        put(rig->cert, "nonsense", 8, 0644);
        const char *text = load_log(rig, &capture);
        assert_non_null(strstr(text, "level=error event=tls-certificate message=\"TLS: "));
        assert_non_null(strstr(text, rows[i].state));
        assert_int_equal(strstr(text, not_after(end_s)) != NULL, rows[i].days != 0);
        assert_int_equal(credentials_not_after_s(rig->credentials), rows[i].days != 0 ? end_s : 0);
        assert_non_null(strstr(text, "they are read again when they change, and on SIGHUP"));
    }
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    fail_msg("not noticed within %d s", WAIT_S);
}

static void on_sent(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    (void)event_base_loopbreak(arg);
}

static void test_a_change_is_noticed(void **state)
{
    const struct rig *rig = *state;
    const struct timeval wait = {.tv_sec = WAIT_S};
    struct event *deadline = event_new(rig->base, -1, 0, on_deadline, NULL);
    struct event *sent = event_new(rig->base, rig->ends[0], EV_READ, on_sent, rig->base);
    assert_int_equal(credentials_load(rig->credentials, NULL), OK);
    assert_non_null(received(rig));
    put_pair(rig, 60);
    assert_int_equal(event_add(deadline, &wait) | event_add(sent, NULL), 0);
    assert_int_equal(event_base_dispatch(rig->base), 0);
    assert_non_null(received(rig));
    event_free(deadline);
    event_free(sent);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        test(test_a_pair_is_handed_out_with_new_ticket_keys),
        test(test_what_cannot_be_used_is_refused_and_nothing_is_sent),
        test(test_a_key_that_its_group_may_read_is_handed_out),
        test(test_one_that_has_ended_is_handed_out),
        test(test_the_log_says_until_when_the_new_one_is_good),
        test(test_a_failure_says_what_is_served_meanwhile),
        test(test_a_change_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
