#include "tests/unit/prober_rig.h"

#include "prober/runner.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>

#include "common/clock.h"


#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct listen local_port(int fd)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    return listen_from_sockaddr(&at);
}

/* The rig -------------------------------------------------------------------------------------- */

void rig_init(struct rig *rig, const struct listen *resolver)
{
    const struct listen nobody = rig_closed_port();
    *rig = (struct rig){0};
    assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR); /* as the prober does: peers go away */
    assert_int_equal(curl_global_init(CURL_GLOBAL_DEFAULT), CURLE_OK);
    rig->base = event_base_new();
    assert_non_null(rig->base);
    rig->gear.base = rig->base;
    rig->gear.egress = &rig->egress;
    assert_int_equal(multi_new(rig->base, 4, &rig->gear.multi, NULL), OK);
    assert_int_equal(
        resolve_new(rig->base, resolver ? resolver : &nobody, 1, &rig->gear.resolve, NULL), OK);
}

void rig_fini(struct rig *rig)
{
    multi_free(&rig->gear.multi);
    resolve_free(&rig->gear.resolve);
    (void)event_base_loop(rig->base, EVLOOP_NONBLOCK); /* what libevent put off */
    event_base_free(rig->base);
    curl_global_cleanup();
}

static void do_nothing(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    (void)context;
}

void rig_wait(const struct rig *rig, bool (*is_done)(const void *context), const void *context)
{
    const struct timeval every = {.tv_usec = 20 * 1000};
    const int64_t deadline_ms = clock_mono_ms() + RIG_DEADLINE_MS;
    struct event *turn = event_new(rig->base, -1, EV_PERSIST, do_nothing, NULL);
    assert_non_null(turn);
    event_add(turn, &every);
    while (!is_done(context)) {
        assert_true(clock_mono_ms() < deadline_ms);
        assert_int_not_equal(event_base_loop(rig->base, EVLOOP_ONCE), -1);
    }
    event_free(turn);
}

struct check rig_check(enum check_type type, const struct listen *at)
{
    static char address[IP_TEXT_MAX];
    return (struct check){
        .id = "web 127.0.0.1",
        .type = type,
        .address = ip_print(&at->ip, address),
        .port = at->port,
        .host = "",
        .path = "/",
        .method = "GET",
        .expect_status = {.count = 1, .ranges = {{200, 399}}},
        .expect_body = "",
        .interval_ms = 5000,
        .timeout_ms = 2000,
        .fall = 3,
        .rise = 2,
    };
}

struct listen rig_closed_port(void)
{
    const struct sockaddr_in at = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    const struct listen port = local_port(fd);
    close(fd);
    return port;
}

/* TLS ------------------------------------------------------------------------------------------ */

static X509 *make_certificate(EVP_PKEY *key, const char *name, int days)
{
    char alternative[128];
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);
    const time_t begin = time(NULL) - (time_t)days * 86400;
    (void)snprintf(alternative, sizeof alternative, "DNS:%s", name);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_time_adj_ex(X509_getm_notBefore(certificate), 0, -60, &(time_t){begin});
    X509_time_adj_ex(X509_getm_notAfter(certificate), 30, 0, &(time_t){begin});
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    X509_set_pubkey(certificate, key);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alternative);
    assert_non_null(extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

void rig_tls_init(struct rig_tls *tls, const char *name, int days)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = make_certificate(key, name, days);
    tls->context = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(tls->context, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(tls->context, key), 1);
    (void)snprintf(tls->path, sizeof tls->path, "/tmp/prober-rig-XXXXXX");
    const int fd = mkstemp(tls->path);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    assert_int_equal(fclose(file), 0);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void rig_tls_fini(struct rig_tls *tls)
{
    SSL_CTX_free(tls->context);
    (void)unlink(tls->path);
}

/* Servers -------------------------------------------------------------------------------------- */

static struct bufferevent *accept_tls(struct event_base *base, void *context)
{
    return bufferevent_openssl_socket_new(base, -1, SSL_new(context), BUFFEREVENT_SSL_ACCEPTING,
                                          BEV_OPT_CLOSE_ON_FREE);
}

struct evhttp *rig_serve(const struct rig *rig, const struct rig_tls *tls,
                         void (*answer)(struct evhttp_request *request, void *context),
                         void *context, struct listen *ret)
{
    struct evhttp *http = evhttp_new(rig->base);
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
    assert_non_null(bound);
    *ret = local_port(evhttp_bound_socket_get_fd(bound));
    evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
                                         EVHTTP_REQ_OPTIONS);
    evhttp_set_gencb(http, answer, context);
    if (tls)
        evhttp_set_bevcb(http, accept_tls, tls->context);
    return http;
}

enum { RAW_PEERS_MAX = 64 };

struct rig_raw {
    struct evconnlistener *listener;
    struct bufferevent *peers[RAW_PEERS_MAX];
    size_t peers_count;
    const char *bytes;
    size_t len;
    enum rig_ending ending;
};

static void end_raw(struct bufferevent *peer, void *context)
{
    const struct rig_raw *raw = context;
    const struct linger at_once = {.l_onoff = 1};
    if (raw->ending == RIG_STAY)
        return;
    if (raw->ending == RIG_RESET)
        (void)setsockopt(bufferevent_getfd(peer), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    (void)close(bufferevent_getfd(peer));
    (void)bufferevent_setfd(peer, -1);
}

static void speak_raw(struct bufferevent *peer, void *context)
{
    const struct rig_raw *raw = context;
    (void)evbuffer_drain(bufferevent_get_input(peer), SIZE_MAX);
    if (raw->len == 0) {
        end_raw(peer, context);
        return;
    }
    (void)bufferevent_write(peer, raw->bytes, raw->len);
    bufferevent_setcb(peer, speak_raw, end_raw, NULL, context);
}

static void accept_raw(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
                       int len, void *context)
{
    struct rig_raw *raw = context;
    (void)from;
    (void)len;
    assert_true(raw->peers_count < RAW_PEERS_MAX);
    struct bufferevent *peer =
        bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
    raw->peers[raw->peers_count++] = peer;
    bufferevent_setcb(peer, speak_raw, NULL, NULL, raw);
    (void)bufferevent_enable(peer, EV_READ | EV_WRITE);
}

struct rig_raw *rig_raw_new(const struct rig *rig, const char *bytes, size_t len,
                            enum rig_ending ending, struct listen *ret)
{
    const struct sockaddr_in at = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct rig_raw *raw = calloc(1, sizeof *raw);
    raw->bytes = bytes;
    raw->len = len;
    raw->ending = ending;
    raw->listener = evconnlistener_new_bind(rig->base, accept_raw, raw, LEV_OPT_CLOSE_ON_FREE, -1,
                                            (const struct sockaddr *)&at, sizeof at);
    assert_non_null(raw->listener);
    *ret = local_port(evconnlistener_get_fd(raw->listener));
    return raw;
}

void rig_raw_free(struct rig_raw **raw)
{
    for (size_t i = 0; i < (*raw)->peers_count; i++)
        bufferevent_free((*raw)->peers[i]);
    evconnlistener_free((*raw)->listener);
    free(*raw);
    *raw = NULL;
}

/* Results -------------------------------------------------------------------------------------- */

static void keep_result(void *context, const struct probe_result *result)
{
    struct rig_result *kept = context;
    kept->outcome = result->outcome;
    kept->latency_ms = result->latency_ms;
    (void)snprintf(kept->reason, sizeof kept->reason, "%s", result->reason ? result->reason : "");
    kept->count++;
}

struct finish rig_finish(struct rig_result *result)
{
    *result = (struct rig_result){0};
    return (struct finish){keep_result, result};
}

static bool has_result(const void *context)
{
    const struct rig_result *result = context;
    return result->count > 0;
}

void rig_wait_result(const struct rig *rig, const struct rig_result *result)
{
    rig_wait(rig, has_result, result);
}

struct rig_result rig_probe(const struct rig *rig, const struct check *check)
{
    struct rig_result result;
    struct runner *runner;
    assert_int_equal(runner_new(&rig->gear, check, rig_finish(&result), &runner, NULL), OK);
    runner_start(runner);
    rig_wait_result(rig, &result);
    runner_free(&runner);
    assert_int_equal(result.count, 1);
    return result;
}

void rig_assert_result(struct rig_result result, enum probe_outcome outcome, const char *reason)
{
    assert_string_equal(result.reason, reason);
    assert_int_equal(result.outcome, outcome);
}
