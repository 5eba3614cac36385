#include "prober/probe_http.h"

#include "common/buffer.h"
#include "common/clock.h"
#include "prober/trouble.h"

#include <errno.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    URL_MAX = CHECK_HOST_MAX + CHECK_PATH_MAX + 32,
    REASON_MAX = VOTE_REASON_MAX,
    MEMORY_ROOM = 1 << 20, /* bytes that there are when memory is not out */
};

struct probe_http {
    const struct gear *gear;
    const struct check *check;
    struct finish finish;
    struct transfer transfer;
    struct listen to; /* family IP_NONE before the first probe */
    int64_t started_ms;
    int socket_errno;   /* of our own socket() or bind() */
    size_t headers_len; /* bytes so far */
    size_t body_len;    /* bytes so far, at most PROBE_HTTP_BODY_MAX */
    struct buffer body; /* of a check that expects a text; at most PROBE_HTTP_BODY_MAX */
    char reason[REASON_MAX];
};

/* What libcurl calls --------------------------------------------------------------------------- */

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct probe_http *probe = context;
    (void)purpose;
    const int fd = egress_socket(probe->gear->egress, address->family == AF_INET6 ? IP_V6 : IP_V4);
    probe->socket_errno = fd < 0 ? errno : 0;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static size_t take_header(char *bytes, size_t size, size_t count, void *context)
{
    struct probe_http *probe = context;
    (void)bytes;
    (void)size; /* always 1 */
    probe->headers_len += count;
    return probe->headers_len <= PROBE_HTTP_HEADERS_MAX ? count : 0;
}

/* Keep the body up to the bound. Taking less than was given ends the transfer, which is how it
 * stops at the bound. */
static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct probe_http *probe = context;
    const size_t room = PROBE_HTTP_BODY_MAX - probe->body_len;
    const size_t part = count < room ? count : room;
    (void)size; /* always 1 */
    if (probe->check->expect_body[0] != '\0')
        (void)buffer_put(&probe->body, bytes, part);
    probe->body_len += part;
    return part;
}

/* What came of it ------------------------------------------------------------------------------ */

static struct probe_result failed_with(struct probe_http *probe, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static struct probe_result failed_with(struct probe_http *probe, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(probe->reason, sizeof probe->reason, format, args);
    va_end(args);
    return trouble_failed(probe->reason);
}

/* How far a transfer that timed out had come. */
static struct probe_result judge_timeout(struct probe_http *probe)
{
    const char *peer =
        NULL; /* known once connected; libcurl's connect time waits for the handshake */
    curl_off_t secured_us = 0;
    (void)curl_easy_getinfo(probe->transfer.easy, CURLINFO_PRIMARY_IP, &peer);
    (void)curl_easy_getinfo(probe->transfer.easy, CURLINFO_APPCONNECT_TIME_T, &secured_us);
    if (!peer || peer[0] == '\0')
        return trouble_failed("connect timed out");
    if (probe->check->type == CHECK_HTTPS && secured_us == 0)
        return trouble_failed("TLS handshake timed out");
    return trouble_failed(probe->headers_len == 0 ? "no answer in time"
                                                  : "answer not whole in time");
}

static struct probe_result judge_connect(struct probe_http *probe)
{
    long error = probe->socket_errno;
    if (error == 0)
        (void)curl_easy_getinfo(probe->transfer.easy, CURLINFO_OS_ERRNO, &error);
    return trouble_of((int)error, probe->gear->egress, &probe->to);
}

static struct probe_result judge_certificate(struct probe_http *probe)
{
    long verified = X509_V_OK;
    (void)curl_easy_getinfo(probe->transfer.easy, CURLINFO_SSL_VERIFYRESULT, &verified);
    if (verified == X509_V_OK ||
        verified == X509_V_ERR_UNSPECIFIED) /* libcurl looked at the name first */
        return trouble_failed("certificate is for another name");
    return failed_with(probe, "certificate: %s", X509_verify_cert_error_string(verified));
}

/* Whether a byte of the answer has come. */
static bool has_answered(const struct probe_http *probe)
{
    curl_off_t answered_us = 0;
    (void)curl_easy_getinfo(probe->transfer.easy, CURLINFO_STARTTRANSFER_TIME_T, &answered_us);
    return answered_us > 0;
}

static bool memory_is_out(void)
{
    struct buffer room = {0};
    buffer_reserve(&room, MEMORY_ROOM);
    const bool is_out = room.failed;
    buffer_fini(&room);
    return is_out;
}

/* A failure that has no case below. An answer is the target's, whatever libcurl could not make of
 * it; "out of memory" is also what it says of a header line over its own bound. */
static struct probe_result judge_other(struct probe_http *probe, CURLcode code)
{
    if (has_answered(probe) && !memory_is_out())
        return trouble_failed(code == CURLE_OUT_OF_MEMORY ? "header line too long"
                                                          : "not an HTTP/1 answer");
    (void)snprintf(probe->reason, sizeof probe->reason, "prober: %s", curl_easy_strerror(code));
    return trouble_unknown(probe->reason);
}

/* The transfer did not come to its end. What is not the target's fault for certain is taken as
 * ours. */
static struct probe_result judge_failure(struct probe_http *probe, CURLcode code)
{
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return judge_timeout(probe);
    case CURLE_COULDNT_CONNECT:
        return judge_connect(probe);
    case CURLE_PEER_FAILED_VERIFICATION:
        return judge_certificate(probe);
    case CURLE_SSL_CONNECT_ERROR:
        return trouble_failed("TLS handshake failed");
    case CURLE_GOT_NOTHING:
        return trouble_failed("empty answer");
    case CURLE_PARTIAL_FILE:
        return trouble_failed("answer cut short");
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        return trouble_failed("connection reset");
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return trouble_failed("not an HTTP/1 answer");
    case CURLE_WRITE_ERROR:
        return failed_with(probe, "headers over %d bytes", PROBE_HTTP_HEADERS_MAX);
    default:
        return judge_other(probe, code);
    }
}

static bool has_expected(const struct probe_http *probe)
{
    const char *text = probe->check->expect_body;
    if (text[0] == '\0')
        return true;
    return probe->body.len > 0 && memmem(probe->body.bytes, probe->body.len, text, strlen(text));
}

static struct probe_result judge_answer(struct probe_http *probe)
{
    long status = 0;
    (void)curl_easy_getinfo(probe->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    if (!check_status_match(&probe->check->expect_status, status))
        return failed_with(probe, "status %ld", status);
    if (probe->body.failed)
        return trouble_unknown("prober: out of memory");
    if (has_expected(probe))
        return (struct probe_result){.outcome = PROBE_OK,
                                     .latency_ms = (uint32_t)(clock_mono_ms() - probe->started_ms)};
    if (probe->body_len < PROBE_HTTP_BODY_MAX)
        return trouble_failed("body lacks the expected text");
    return failed_with(probe, "body lacks the expected text in its first %d bytes",
                       PROBE_HTTP_BODY_MAX);
}

static void on_done(struct transfer *transfer, CURLcode code)
{
    struct probe_http *probe =
        (struct probe_http *)((char *)transfer - offsetof(struct probe_http, transfer));
    const bool stopped = code == CURLE_WRITE_ERROR && probe->body_len == PROBE_HTTP_BODY_MAX;
    const struct probe_result result =
        code == CURLE_OK || stopped ? judge_answer(probe) : judge_failure(probe, code);
    buffer_fini(&probe->body);
    probe->finish.call(probe->finish.context, &result);
}

/* Setting up ----------------------------------------------------------------------------------- */

/* Print the URL, whose host is the check's own or its address. */
static void print_url(const struct check *check, char url[URL_MAX])
{
    const char *host = check->host[0] != '\0' ? check->host : check->address;
    const bool bracketed = host[0] != '[' && strchr(host, ':');
    (void)snprintf(url, URL_MAX, "%s://%s%s%s:%u%s", check_type_print(check->type),
                   bracketed ? "[" : "", host, bracketed ? "]" : "", check->port, check->path);
}

static bool set_method(CURL *easy, const char *method)
{
    if (strcmp(method, "GET") == 0)
        return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    if (strcmp(method, "HEAD") == 0)
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
    if (strcmp(method, "POST") == 0)
        return curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "") == CURLE_OK;
    return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK;
}

static bool set_request(struct probe_http *probe)
{
    CURL *easy = probe->transfer.easy;
    char url[URL_MAX];
    print_url(probe->check, url);
    return curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "gslb-prober") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           set_method(easy, probe->check->method);
}

static bool set_callbacks(struct probe_http *probe)
{
    CURL *easy = probe->transfer.easy;
    return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, probe) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, probe) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, probe) == CURLE_OK;
}

/* A directory of certificates would be read again for each connection: a bundle is read once a
 * day. */
static bool set_tls(struct probe_http *probe)
{
    CURL *easy = probe->transfer.easy;
    const bool verified = probe->check->tls_verify;
    const char *ca_path = probe->gear->ca_path;
    return curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK &&
           (!ca_path || curl_easy_setopt(easy, CURLOPT_CAINFO, ca_path) == CURLE_OK) &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verified ? 1L : 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, verified ? 2L : 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, verified ? 0L : 1L) == CURLE_OK;
}

enum err probe_http_new(const struct gear *gear, const struct check *check, struct finish finish,
                        struct probe_http **ret, struct diag *reterr)
{
    struct probe_http *probe = calloc(1, sizeof *probe);
    if (!probe)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    probe->gear = gear;
    probe->check = check;
    probe->finish = finish;
    probe->transfer = (struct transfer){.easy = curl_easy_init(), .done = on_done};
    if (probe->transfer.easy && set_request(probe) && set_callbacks(probe) && set_tls(probe)) {
        *ret = probe;
        return OK;
    }
    probe_http_free(&probe);
    return diag_set(reterr, ERR_MEMORY, "check %s: cannot set up its request", check->id);
}

void probe_http_free(struct probe_http **probe)
{
    struct probe_http *p = *probe;
    if (!p)
        return;
    multi_drop(p->gear->multi, &p->transfer);
    buffer_fini(&p->body);
    free(p);
    *probe = NULL;
}

/* Aim the request at `to`, whose address is mostly the last one. False when memory is out. */
static bool aim(struct probe_http *probe, const struct listen *to)
{
    if (ip_equal(&probe->to.ip, &to->ip))
        return true;
    if (!multi_aim(&probe->transfer, to))
        return false;
    probe->to = *to;
    return true;
}

void probe_http_start(struct probe_http *probe, const struct listen *to, int64_t timeout_ms)
{
    probe->started_ms = clock_mono_ms();
    probe->socket_errno = 0;
    probe->headers_len = 0;
    probe->body_len = 0;
    if (aim(probe, to) &&
        curl_easy_setopt(probe->transfer.easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms) == CURLE_OK &&
        multi_start(probe->gear->multi, &probe->transfer, NULL) == OK)
        return;
    const struct probe_result result = trouble_unknown("prober: out of memory");
    probe->finish.call(probe->finish.context, &result);
}
