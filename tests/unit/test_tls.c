/* tests/unit/test_tls.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/tls_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

enum { STEPS_MAX = 20, MUCH = 3 << 20 };

static struct tls_secrets ours, others;

static int make_secrets(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    tls_fixture_make(30, &ours);
    tls_fixture_make(-2, &others);
    return 0;
}

/* A client and a server on two ends of a socket pair. */
struct ends {
    int fds[2];
    SSL_CTX *client_context, *server_context;
    SSL *client, *server;
};

static void open_ends(struct ends *ends, const struct tls_secrets *secrets, SSL_SESSION *session)
{
    static const unsigned char dot[] = {3, 'd', 'o', 't'};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends->fds), 0);
    assert_int_equal(tls_context_new(secrets, &ends->server_context, NULL), OK);
    ends->server = tls_open(ends->server_context, ends->fds[0]);
    ends->client_context = SSL_CTX_new(TLS_client_method());
    ends->client = SSL_new(ends->client_context);
    assert_true(ends->server && ends->client && SSL_set_fd(ends->client, ends->fds[1]));
    assert_int_equal(SSL_set_alpn_protos(ends->client, dot, sizeof dot), 0);
    if (session)
        assert_int_equal(SSL_set_session(ends->client, session), 1);
    SSL_set_connect_state(ends->client);
}

static void close_ends(struct ends *ends)
{
    (void)SSL_shutdown(ends->client); /* without it the session would count as broken */
    tls_close(&ends->server);
    SSL_free(ends->client);
    SSL_CTX_free(ends->client_context);
    SSL_CTX_free(ends->server_context);
    close(ends->fds[0]);
    close(ends->fds[1]);
}

static enum tls_step shake_hands(struct ends *ends)
{
    enum tls_step step = TLS_READ;
    int done = 0;
    for (unsigned i = 0; i < STEPS_MAX && (step == TLS_READ || done != 1) && step != TLS_FAILED;
         i++) {
        done = done == 1 ? 1 : SSL_do_handshake(ends->client);
        step = step == TLS_DONE ? TLS_DONE : tls_handshake(ends->server);
    }
    return step;
}

static void test_a_context_needs_a_pair(void **state)
{
    (void)state;
    static struct tls_secrets mixed, cut, empty;
    const struct {
        const struct tls_secrets *secrets;
        const char *sentence;
    } rows[] = {{&mixed, "the key is not the certificate's"},
                {&cut, "the certificate cannot be used (it has to be PEM)"},
                {&empty, "cannot be used"}};
    SSL_CTX *context = NULL;
    struct diag diag;
    mixed = cut = ours;
    memcpy(mixed.key, others.key, sizeof mixed.key);
    mixed.key_len = others.key_len;
    cut.chain_len /= 2;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(tls_context_new(rows[i].secrets, &context, &diag), ERR_CORRUPT);
        assert_non_null(strstr(diag.text, rows[i].sentence));
        assert_null(context);
    }
}

static void test_a_chain_is_taken_whole_or_not(void **state)
{
    (void)state;
    static struct tls_secrets longer;
    SSL_CTX *context = NULL;
    STACK_OF(X509) * chain;
    longer = ours;
    memcpy(longer.chain + longer.chain_len, others.chain, others.chain_len);
    longer.chain_len += others.chain_len;
    assert_int_equal(tls_context_new(&longer, &context, NULL), OK);
    assert_int_equal(SSL_CTX_get0_chain_certs(context, &chain), 1);
    assert_int_equal(sk_X509_num(chain), 1);
    SSL_CTX_free(context);
    longer.chain_len -= 40;
    assert_int_equal(tls_context_new(&longer, &context, NULL), ERR_CORRUPT);
}

static void test_the_end_of_a_certificate_is_known(void **state)
{
    (void)state;
    SSL_CTX *context;
    assert_int_equal(tls_context_new(&ours, &context, NULL), OK);
    const int64_t left_s = tls_expiry_s(context) - time(NULL);
    assert_true(left_s > 29 * 86400 && left_s <= 30 * 86400);
    SSL_CTX_free(context);
    assert_int_equal(tls_context_new(&others, &context, NULL),
                     OK); /* one that has ended can be used */
    assert_true(tls_expiry_s(context) < time(NULL));
    SSL_CTX_free(context);
}

static void test_a_file_of_another_layout_is_refused(void **state)
{
    (void)state;
    const int fd = memfd_create("secrets", 0);
    static struct tls_secrets wrong;
    SSL_CTX *context;
    wrong = ours;
    wrong.key_len = TLS_KEY_MAX + 1;
    assert_int_equal(tls_context_open(fd, &context, NULL), ERR_CORRUPT);
    assert_int_equal(write(fd, &wrong, sizeof wrong), sizeof wrong);
    assert_int_equal(tls_context_open(fd, &context, NULL), ERR_CORRUPT);
    assert_int_equal(pwrite(fd, &ours, sizeof ours, 0), sizeof ours);
    assert_int_equal(tls_context_open(fd, &context, NULL), OK);
    SSL_CTX_free(context);
    close(fd);
}

static void test_bytes_go_both_ways_as_over_a_socket(void **state)
{
    (void)state;
    struct ends ends;
    uint8_t bytes[64];
    open_ends(&ends, &ours, NULL);
    assert_int_equal(shake_hands(&ends), TLS_DONE);
    assert_int_equal(tls_receive(ends.server, bytes, sizeof bytes), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(SSL_write(ends.client, "question", 8), 8);
    assert_int_equal(tls_receive(ends.server, bytes, 3), 3);
    assert_true(tls_has_more(ends.server));
    assert_int_equal(tls_receive(ends.server, bytes + 3, sizeof bytes - 3), 5);
    assert_memory_equal(bytes, "question", 8);
    assert_false(tls_has_more(ends.server));
    assert_int_equal(tls_send(ends.server, (const uint8_t *)"answer", 6), 6);
    assert_int_equal(SSL_read(ends.client, bytes, sizeof bytes), 6);
    assert_int_equal(SSL_shutdown(ends.client), 0);
    assert_int_equal(tls_receive(ends.server, bytes, sizeof bytes), 0);
    close_ends(&ends);
}

static void test_what_the_kernel_does_not_take_is_sent_again_from_another_place(void **state)
{
    (void)state;
    struct ends ends;
    static uint8_t much[MUCH], rest[MUCH], got[MUCH];
    size_t sent = 0, have = 0;
    for (size_t i = 0; i < sizeof much; i++)
        much[i] = (uint8_t)(i * 7 + i / 251);
    open_ends(&ends, &ours, NULL);
    assert_int_equal(shake_hands(&ends), TLS_DONE);
    const ssize_t first = tls_send(ends.server, much, sizeof much);
    assert_true(first > 0 && first < MUCH);
    memcpy(rest, much + first, sizeof rest - (size_t)first);
    memset(much, 0, sizeof much);
    assert_int_equal(tls_send(ends.server, rest, sizeof rest - (size_t)first), -1);
    assert_int_equal(errno, EAGAIN);
    for (sent = (size_t)first; have < sizeof got;) {
        const int len = SSL_read(ends.client, got + have, 50000);
        have += len > 0 ? (size_t)len : 0;
        const ssize_t more = tls_send(ends.server, rest + sent - first, sizeof rest - sent);
        sent += more > 0 ? (size_t)more : 0;
    }
    for (size_t i = 0; i < sizeof got; i++)
        assert_int_equal(got[i], (uint8_t)(i * 7 + i / 251));
    close_ends(&ends);
}

static void test_a_session_of_one_context_is_resumed_by_another(void **state)
{
    (void)state;
    static struct tls_secrets renewed;
    const struct {
        const struct tls_secrets *secrets;
        int reused;
    } rows[] = {{&ours, 1}, {&renewed, 0}};
    struct ends ends;
    uint8_t byte;
    renewed = ours;
    renewed.ticket_keys[0]++;
    open_ends(&ends, &ours, NULL);
    assert_int_equal(shake_hands(&ends), TLS_DONE);
    assert_int_equal(SSL_read(ends.client, &byte, 1), -1); /* takes the ticket */
    SSL_SESSION *session = SSL_get1_session(ends.client);
    assert_int_equal(SSL_SESSION_get_max_early_data(session), 0);
    close_ends(&ends);
    for (size_t i = 0; i < COUNT(rows); i++) {
        open_ends(&ends, rows[i].secrets, session);
        assert_int_equal(shake_hands(&ends), TLS_DONE);
        assert_int_equal(SSL_session_reused(ends.client), rows[i].reused);
        close_ends(&ends);
    }
    SSL_SESSION_free(session);
}

static void test_what_is_no_handshake_fails(void **state)
{
    (void)state;
    static const char *const rows[] = {"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x00\x05\x63garbage",
                                       "\x80\x2e\x01\x03\x01 an SSL 2 hello"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ends ends;
        open_ends(&ends, &ours, NULL);
        assert_true(write(ends.fds[1], rows[i], strlen(rows[i])) > 0);
        if (i == 1)
            assert_true(write(ends.fds[1], "\0\0\0\0\0", 5) > 0);
        close(ends.fds[1]);
        assert_int_equal(tls_handshake(ends.server), TLS_FAILED);
        close_ends(&ends);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_context_needs_a_pair),
        cmocka_unit_test(test_a_chain_is_taken_whole_or_not),
        cmocka_unit_test(test_the_end_of_a_certificate_is_known),
        cmocka_unit_test(test_a_file_of_another_layout_is_refused),
        cmocka_unit_test(test_bytes_go_both_ways_as_over_a_socket),
        cmocka_unit_test(test_what_the_kernel_does_not_take_is_sent_again_from_another_place),
        cmocka_unit_test(test_a_session_of_one_context_is_resumed_by_another),
        cmocka_unit_test(test_what_is_no_handshake_fails),
    };
    return cmocka_run_group_tests(tests, make_secrets, NULL);
}
