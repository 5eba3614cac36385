/* tests/unit/test_runner.c - one probe of each type against every kind of peer: whose fault is
 * what. */
#include "common/clock.h"
#include "prober/probe_http.h"
#include "prober/runner.h"
#include "tests/unit/prober_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <event2/buffer.h>
#include <event2/dns.h>
#include <event2/dns_struct.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Peers that speak HTTP ------------------------------------------------------------------------ */

/* What an evhttp peer was asked, and what it says. */
struct page {
    int status;
    const char *body;
    size_t body_len;
    char method[16], uri[64], host[64];
    unsigned count;
};

static const char *method_name(struct evhttp_request *request)
{
    switch (evhttp_request_get_command(request)) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_HEAD:
        return "HEAD";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_OPTIONS:
        return "OPTIONS";
    default:
        return "?";
    }
}

static void answer(struct evhttp_request *request, void *context)
{
    struct page *page = context;
    struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
    const char *host = evhttp_find_header(headers, "Host");
    struct evbuffer *body = evbuffer_new();
    (void)snprintf(page->method, sizeof page->method, "%s", method_name(request));
    (void)snprintf(page->uri, sizeof page->uri, "%s", evhttp_request_get_uri(request));
    (void)snprintf(page->host, sizeof page->host, "%s", host ? host : "");
    page->count++;
    if (page->body)
        evbuffer_add(body, page->body, page->body_len);
    evhttp_add_header(evhttp_request_get_output_headers(request), "Location",
                      "http://127.0.0.1:1/elsewhere");
    evhttp_send_reply(request, page->status, "Whatever", body);
    evbuffer_free(body);
}

static struct page text_page(int status, const char *body)
{
    return (struct page){.status = status, .body = body, .body_len = strlen(body)};
}

/* A peer, a prober and the check of the one by the other. */
struct site {
    struct rig rig;
    struct page page;
    struct evhttp *http; /* a web server with that page, or ... */
    struct rig_raw *raw; /* ... one that says a few bytes, whatever it is asked */
    struct listen at;
    struct check check;
};

static void site_open(struct site *site, enum check_type type, struct page page)
{
    *site = (struct site){.page = page};
    rig_init(&site->rig, NULL);
    site->http = rig_serve(&site->rig, NULL, answer, &site->page, &site->at);
    site->check = rig_check(type, &site->at);
}

static void site_open_raw(struct site *site, enum check_type type, const char *bytes, size_t len,
                          enum rig_ending ending)
{
    *site = (struct site){0};
    rig_init(&site->rig, NULL);
    site->raw = rig_raw_new(&site->rig, bytes, len, ending, &site->at);
    site->check = rig_check(type, &site->at);
}

static void site_probe(struct site *site, enum probe_outcome outcome, const char *reason)
{
    rig_assert_result(rig_probe(&site->rig, &site->check), outcome, reason);
}

static void site_close(struct site *site)
{
    if (site->http)
        evhttp_free(site->http);
    if (site->raw)
        rig_raw_free(&site->raw);
    rig_fini(&site->rig);
}

struct http_case {
    const char *name;
    int status;
    const char *body;
    const char *expect_body;
    struct check_status expect_status;
    enum probe_outcome outcome;
    const char *reason;
};

#define DEFAULT_STATUS                                                                             \
    {                                                                                              \
        .count = 1, .ranges = { {200, 399} }                                                       \
    }

static const struct http_case http_cases[] = {
    {"a good page", 200, "hello", "", DEFAULT_STATUS, PROBE_OK, ""},
    {"a good page with the text", 200, "all is well here", "is well", DEFAULT_STATUS, PROBE_OK, ""},
    {"another text", 200, "all is ill here", "is well", DEFAULT_STATUS, PROBE_FAILED,
     "body lacks the expected text"},
    {"an empty body", 200, "", "is well", DEFAULT_STATUS, PROBE_FAILED,
     "body lacks the expected text"},
    {"a redirect is not followed", 302, "", "", DEFAULT_STATUS, PROBE_OK, ""},
    {"a redirect that is not expected",
     302,
     "",
     "",
     {.count = 1, .ranges = {{200, 299}}},
     PROBE_FAILED,
     "status 302"},
    {"an error", 503, "busy", "", DEFAULT_STATUS, PROBE_FAILED, "status 503"},
    {"an error that is expected",
     503,
     "busy",
     "",
     {.count = 2, .ranges = {{200, 200}, {500, 599}}},
     PROBE_OK,
     ""},
    {"the text in an error page", 500, "is well", "is well", DEFAULT_STATUS, PROBE_FAILED,
     "status 500"},
};

static void test_http_judges_status_and_body(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof http_cases / sizeof http_cases[0]; i++) {
        const struct http_case *c = &http_cases[i];
        struct site site;
        site_open(&site, CHECK_HTTP, text_page(c->status, c->body));
        site.check.expect_body = c->expect_body;
        site.check.expect_status = c->expect_status;
        print_message("%s\n", c->name);
        site_probe(&site, c->outcome, c->reason);
        assert_int_equal(site.page.count, 1);
        site_close(&site);
    }
}

static void test_http_sends_host_path_and_method_to_the_address(void **state)
{
    (void)state;
    static const char *const methods[] = {"GET", "HEAD", "POST", "OPTIONS"};
    struct site site;
    char host[64];
    site_open(&site, CHECK_HTTP, text_page(200, "x"));
    site.check.host = "www.example.com";
    site.check.path = "/a/../healthz?full=1";
    (void)snprintf(host, sizeof host, "www.example.com:%u", site.at.port);
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        site.check.method = methods[i];
        site_probe(&site, PROBE_OK, "");
        assert_string_equal(site.page.method, methods[i]);
        assert_string_equal(site.page.uri, site.check.path);
        assert_string_equal(site.page.host, host);
    }
    site_close(&site);
}

static void test_http_takes_no_proxy_from_the_environment(void **state)
{
    (void)state;
    struct site site;
    site_open(&site, CHECK_HTTP, text_page(200, "x"));
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    site_probe(&site, PROBE_OK, "");
    assert_int_equal(unsetenv("http_proxy"), 0);
    site_close(&site);
}

static void test_http_reads_a_huge_body_no_further_than_its_bound(void **state)
{
    (void)state;
    enum { HUGE_LEN = 64 * 1024 * 1024 };
    static char body[HUGE_LEN];
    struct site site;
    site_open(&site, CHECK_HTTP, (struct page){.status = 200, .body = body, .body_len = HUGE_LEN});
    memset(body, 'x', sizeof body);
    site_probe(&site, PROBE_OK, "");
    site.check.expect_body = "needle";
    memcpy(body + PROBE_HTTP_BODY_MAX - 6, "needle", 6);
    site_probe(&site, PROBE_OK, "");
    body[PROBE_HTTP_BODY_MAX - 6] = 'x';
    memcpy(body + PROBE_HTTP_BODY_MAX - 5, "needle", 6);
    site_probe(&site, PROBE_FAILED, "body lacks the expected text in its first 65536 bytes");
    site_close(&site);
}

/* Peers that do not ---------------------------------------------------------------------------- */

struct raw_case {
    const char *name;
    const char *bytes;
    enum rig_ending ending;
    const char *reason;
};

static const struct raw_case raw_cases[] = {
    {"a reset in the middle of the body", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
     RIG_RESET, "connection reset"},
    {"a close in the middle of the body", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
     RIG_CLOSE, "answer cut short"},
    {"a body that never ends", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", RIG_STAY,
     "answer not whole in time"},
    {"nothing, then a close", "", RIG_CLOSE, "empty answer"},
    {"nothing, then a reset", "", RIG_RESET, "connection reset"},
    {"nothing at all", "", RIG_STAY, "no answer in time"},
    {"another protocol", "220 mail.example.com ESMTP\r\n", RIG_STAY, "not an HTTP/1 answer"},
    {"half a status line", "HTTP/1.1 2", RIG_STAY, "no answer in time"},
    {"an encoding that nobody knows", "HTTP/1.1 200 OK\r\nTransfer-Encoding: foo\r\n\r\nbody",
     RIG_STAY, "not an HTTP/1 answer"},
    {"a trailer that is none",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\ngarbage\r\n\r\n",
     RIG_STAY, "not an HTTP/1 answer"},
};

static void test_http_blames_a_peer_that_is_not_a_web_server(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof raw_cases / sizeof raw_cases[0]; i++) {
        const struct raw_case *c = &raw_cases[i];
        struct site site;
        site_open_raw(&site, CHECK_HTTP, c->bytes, strlen(c->bytes), c->ending);
        site.check.timeout_ms = 200;
        print_message("%s\n", c->name);
        site_probe(&site, PROBE_FAILED, c->reason);
        site_close(&site);
    }
}

static void test_http_bounds_the_headers(void **state)
{
    (void)state;
    static char bytes[2 * PROBE_HTTP_HEADERS_MAX];
    size_t len = (size_t)snprintf(bytes, sizeof bytes, "HTTP/1.1 200 OK\r\n");
    struct site site;
    while (len + 64 < sizeof bytes)
        len += (size_t)snprintf(bytes + len, sizeof bytes - len,
                                "X-Filler: 0123456789012345678901234567890\r\n");
    site_open_raw(&site, CHECK_HTTP, bytes, len, RIG_STAY);
    site_probe(&site, PROBE_FAILED, "headers over 65536 bytes");
    site_close(&site);
}

static void test_http_blames_a_header_line_that_does_not_end(void **state)
{
    (void)state;
    static const char *const begins[] = {"HTTP/1.1 200 ", "HTTP/1.1 200 OK\r\nX-Filler: "};
    static char bytes[4 * PROBE_HTTP_HEADERS_MAX];
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        struct site site;
        memset(bytes, 'x', sizeof bytes);
        memcpy(bytes, begins[i], strlen(begins[i]));
        site_open_raw(&site, CHECK_HTTP, bytes, sizeof bytes, RIG_STAY);
        site_probe(&site, PROBE_FAILED, "header line too long");
        site_close(&site);
    }
}

static void test_a_closed_port_is_refused(void **state)
{
    (void)state;
    static const enum check_type types[] = {CHECK_TCP, CHECK_HTTP, CHECK_HTTPS};
    struct rig rig;
    rig_init(&rig, NULL);
    const struct listen at = rig_closed_port();
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const struct check check = rig_check(types[i], &at);
        rig_assert_result(rig_probe(&rig, &check), PROBE_FAILED, "connection refused");
    }
    rig_fini(&rig);
}

/* A listener whose queue is full: its kernel answers no more SYNs. */
static int open_deaf(struct listen *ret, int fillers[2])
{
    struct sockaddr_storage at;
    const struct listen any = {.ip = {.family = IP_V4, .bytes = {127, 0, 0, 1}}};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t len = listen_to_sockaddr(&any, &at);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *ret = listen_from_sockaddr(&at);
    for (int i = 0; i < 2; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (const struct sockaddr *)&at, len);
    }
    return fd;
}

static void test_a_silent_port_times_out(void **state)
{
    (void)state;
    static const enum check_type types[] = {CHECK_TCP, CHECK_HTTP};
    struct rig rig;
    struct listen at;
    int fillers[2];
    rig_init(&rig, NULL);
    const int fd = open_deaf(&at, fillers);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct check check = rig_check(types[i], &at);
        check.timeout_ms = 200;
        const int64_t began_ms = clock_mono_ms();
        rig_assert_result(rig_probe(&rig, &check), PROBE_FAILED, "connect timed out");
        assert_in_range(clock_mono_ms() - began_ms, 195, 1500);
    }
    close(fd);
    close(fillers[0]);
    close(fillers[1]);
    rig_fini(&rig);
}

static void test_tcp_is_content_with_a_connection(void **state)
{
    (void)state;
    struct site site;
    site_open_raw(&site, CHECK_TCP, "", 0, RIG_STAY);
    site_probe(&site, PROBE_OK, "");
    site_close(&site);
}

/* TLS ------------------------------------------------------------------------------------------ */

struct tls_case {
    const char *name;
    const char *certificate; /* its name */
    int days;                /* its age */
    bool trusted, verified;
    enum probe_outcome outcome;
    const char *reason;
};

static const struct tls_case tls_cases[] = {
    {"a good certificate", "www.example.com", 1, true, true, PROBE_OK, ""},
    {"another name", "www.example.net", 1, true, true, PROBE_FAILED,
     "certificate is for another name"},
    {"expired", "www.example.com", 40, true, true, PROBE_FAILED,
     "certificate: certificate has expired"},
    {"not trusted", "www.example.com", 1, false, true, PROBE_FAILED,
     "certificate: self-signed certificate"},
    {"not trusted, not verified", "www.example.net", 40, false, false, PROBE_OK, ""},
};

static void test_https_verifies_the_certificate_for_the_host(void **state)
{
    (void)state;
    struct rig_tls other;
    rig_tls_init(&other, "www.example.com", 1);
    for (size_t i = 0; i < sizeof tls_cases / sizeof tls_cases[0]; i++) {
        const struct tls_case *c = &tls_cases[i];
        struct page page = text_page(200, "secret");
        struct rig rig;
        struct rig_tls tls;
        struct listen at;
        rig_init(&rig, NULL);
        rig_tls_init(&tls, c->certificate, c->days);
        rig.gear.ca_path = c->trusted ? tls.path : other.path;
        struct evhttp *http = rig_serve(&rig, &tls, answer, &page, &at);
        struct check check = rig_check(CHECK_HTTPS, &at);
        check.host = "www.example.com";
        check.tls_verify = c->verified;
        check.expect_body = "secret";
        print_message("%s\n", c->name);
        rig_assert_result(rig_probe(&rig, &check), c->outcome, c->reason);
        evhttp_free(http);
        rig_tls_fini(&tls);
        rig_fini(&rig);
    }
    rig_tls_fini(&other);
}

static void test_https_to_a_plain_port_fails(void **state)
{
    (void)state;
    struct site site;
    site_open(&site, CHECK_HTTPS, text_page(200, "x"));
    site_probe(&site, PROBE_FAILED, "TLS handshake failed");
    site_close(&site);
}

static void test_https_to_a_mute_port_names_the_handshake(void **state)
{
    (void)state;
    struct site site;
    site_open_raw(&site, CHECK_HTTPS, "", 0, RIG_STAY);
    site.check.timeout_ms = 200;
    site_probe(&site, PROBE_FAILED, "TLS handshake timed out");
    site_close(&site);
}

/* Names ---------------------------------------------------------------------------------------- */

/* A resolver that knows backend.test, says that nosuch.test does not exist, and is silent on the
 * rest. */
static void resolve_fake(struct evdns_server_request *request, void *context)
{
    static const unsigned char loopback[] = {127, 0, 0, 1};
    const struct evdns_server_question *question = request->questions[0];
    (void)context;
    if (strcmp(question->name, "nosuch.test") == 0) {
        (void)evdns_server_request_respond(request, DNS_ERR_NOTEXIST);
    } else if (strcmp(question->name, "backend.test") == 0) {
        if (question->type == EVDNS_TYPE_A)
            (void)evdns_server_request_add_a_reply(request, question->name, 1, loopback, 60);
        (void)evdns_server_request_respond(request, DNS_ERR_NONE);
    } else {
        (void)evdns_server_request_drop(request);
    }
}

struct fake_dns {
    struct evdns_server_port *port;
    int fd;
    struct listen at;
};

static void open_dns(struct fake_dns *dns)
{
    struct sockaddr_storage at;
    const struct listen any = {.ip = {.family = IP_V4, .bytes = {127, 0, 0, 1}}};
    socklen_t len = listen_to_sockaddr(&any, &at);
    dns->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(dns->fd, (const struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(dns->fd, (struct sockaddr *)&at, &len), 0);
    dns->at = listen_from_sockaddr(&at);
}

static void test_a_name_is_looked_up_and_probed(void **state)
{
    (void)state;
    static const enum check_type types[] = {CHECK_TCP, CHECK_HTTP};
    struct page page = text_page(200, "x");
    struct fake_dns dns;
    struct rig rig;
    struct listen at;
    open_dns(&dns);
    rig_init(&rig, &dns.at);
    dns.port = evdns_add_server_port_with_base(rig.base, dns.fd, 0, resolve_fake, NULL);
    struct evhttp *http = rig_serve(&rig, NULL, answer, &page, &at);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct check check = rig_check(types[i], &at);
        check.address = "backend.test";
        rig_assert_result(rig_probe(&rig, &check), PROBE_OK, "");
    }
    assert_memory_equal(page.host, "backend.test", 12);
    evhttp_free(http);
    evdns_close_server_port(dns.port);
    rig_fini(&rig);
    close(dns.fd);
}

static void test_a_name_that_does_not_resolve_is_unknown(void **state)
{
    (void)state;
    static const char *const names[] = {"nosuch.test", "silent.test"};
    struct fake_dns dns;
    struct rig rig;
    open_dns(&dns);
    rig_init(&rig, &dns.at);
    dns.port = evdns_add_server_port_with_base(rig.base, dns.fd, 0, resolve_fake, NULL);
    const struct listen at = rig_closed_port();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct check check = rig_check(CHECK_HTTP, &at);
        check.address = names[i];
        check.timeout_ms = 200;
        rig_assert_result(rig_probe(&rig, &check), PROBE_UNKNOWN, "prober: no address for the name");
    }
    evdns_close_server_port(dns.port);
    rig_fini(&rig);
    close(dns.fd);
}

/* Stopping ------------------------------------------------------------------------------------- */

static void test_a_stopped_probe_says_nothing(void **state)
{
    (void)state;
    static const struct {
        enum check_type type;
        const char *address;
    } cases[] = {
        {CHECK_TCP, NULL}, {CHECK_HTTP, NULL}, {CHECK_HTTPS, NULL}, {CHECK_HTTP, "silent.test"}};
    struct rig rig;
    struct listen at;
    int fillers[2];
    rig_init(&rig, NULL);
    const int fd = open_deaf(&at, fillers);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct check check = rig_check(cases[i].type, &at);
        struct rig_result result;
        struct runner *runner;
        if (cases[i].address)
            check.address = cases[i].address;
        assert_int_equal(runner_new(&rig.gear, &check, rig_finish(&result), &runner, NULL), OK);
        runner_start(runner);
        assert_int_not_equal(event_base_loop(rig.base, EVLOOP_NONBLOCK), -1);
        runner_free(&runner);
        assert_int_not_equal(event_base_loop(rig.base, EVLOOP_NONBLOCK), -1);
        assert_int_equal(result.count, 0);
    }
    close(fd);
    close(fillers[0]);
    close(fillers[1]);
    rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_judges_status_and_body),
        cmocka_unit_test(test_http_sends_host_path_and_method_to_the_address),
        cmocka_unit_test(test_http_takes_no_proxy_from_the_environment),
        cmocka_unit_test(test_http_reads_a_huge_body_no_further_than_its_bound),
        cmocka_unit_test(test_http_blames_a_peer_that_is_not_a_web_server),
        cmocka_unit_test(test_http_bounds_the_headers),
        cmocka_unit_test(test_http_blames_a_header_line_that_does_not_end),
        cmocka_unit_test(test_a_closed_port_is_refused),
        cmocka_unit_test(test_a_silent_port_times_out),
        cmocka_unit_test(test_tcp_is_content_with_a_connection),
        cmocka_unit_test(test_https_verifies_the_certificate_for_the_host),
        cmocka_unit_test(test_https_to_a_plain_port_fails),
        cmocka_unit_test(test_https_to_a_mute_port_names_the_handshake),
        cmocka_unit_test(test_a_name_is_looked_up_and_probed),
        cmocka_unit_test(test_a_name_that_does_not_resolve_is_unknown),
        cmocka_unit_test(test_a_stopped_probe_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
