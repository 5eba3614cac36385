/* tests/unit/test_api.c - the control port over real TLS on loopback, with libcurl as the client.
 *
 * One thread: the client's transfers and the server's loop take turns until a transfer is done.
 */
#include "server/control/api.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "health/batch.h"
#include "server/control/certificate.h"
#include "server/control/http.h"
#include "tests/unit/roster_fixture.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <event2/event.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#define WWW "www.example.com"

static const struct fixture_row rows[] = {
    {SUBJECT_POOL, 300, WWW, "eu", NULL, NULL, NULL},
    {SUBJECT_ENDPOINT, 400, WWW, "eu", "192.0.2.1", "192.0.2.1", "web"},
};
enum { ROWS = sizeof rows / sizeof rows[0], VANTAGES = 3, SLOTS = 1024, TURNS_MAX = 20000 };

struct rig {
    char dir[40];
    struct key *keys[VANTAGES];
    struct fixture fixture;
    struct board *board;
    struct verdicts *verdicts;
    struct metrics metrics;
    struct metrics_view view;
    struct event_base *base;
    struct api *api;
    uint16_t port;
    CURLM *multi;
    CURL *curl; /* one connection, kept */
};

static int listen_on_loopback(uint16_t *ret_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

static void start_api(struct rig *rig)
{
    struct listen control;
    SSL_CTX *tls = NULL;
    struct diag diag = {""};
    assert_int_equal(listen_parse("127.0.0.1@1", &control, NULL), OK);
    const struct certificate_setup certificate = {
        .state_dir = rig->dir, .controls = &control, .controls_count = 1, .now_s = clock_wall_ms() / 1000};
    assert_int_equal(certificate_ensure(&certificate, &diag), OK);
    assert_int_equal(certificate_open(rig->dir, &tls, &diag), OK);
    const int fd = listen_on_loopback(&rig->port);
    const struct api_setup setup = {.base = rig->base,
                                    .tls = tls,
                                    .fds = &fd,
                                    .fds_count = 1,
                                    .verdicts = rig->verdicts,
                                    .metrics = &rig->metrics,
                                    .view = &rig->view};
    assert_int_equal(api_start(&setup, &rig->api, &diag), OK);
    SSL_CTX_free(tls);
}

static int open_rig(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    memcpy(rig->dir, "/tmp/api-test.XXXXXX", sizeof "/tmp/api-test.XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    for (int i = 0; i < VANTAGES; i++)
        assert_int_equal(key_generate(&rig->keys[i], NULL), OK);
    rig->fixture = fixture_open(rows, ROWS, VANTAGES, rig->keys);
    rig->fixture.manifest->vantages[2].enabled = false;
    assert_int_equal(board_new(SLOTS, &rig->board, NULL), OK);
    assert_int_equal(verdicts_new(rig->board, NULL, clock_now(), &rig->verdicts, NULL), OK);
    assert_int_equal(verdicts_configure(rig->verdicts, rig->fixture.roster, clock_now(), NULL), OK);
    rig->metrics.generation = 7;
    rig->view = (struct metrics_view){
        .metrics = &rig->metrics, .roster = rig->fixture.roster, .verdicts = rig->verdicts};
    rig->base = event_base_new();
    start_api(rig);
    rig->multi = curl_multi_init();
    rig->curl = curl_easy_init();
    *state = rig;
    return 0;
}

static int close_rig(void **state)
{
    struct rig *rig = *state;
    char path[96];
    curl_easy_cleanup(rig->curl);
    curl_multi_cleanup(rig->multi);
    api_stop(&rig->api);
    event_base_loop(rig->base, EVLOOP_NONBLOCK);
    event_base_free(rig->base);
    verdicts_free(&rig->verdicts);
    board_close(&rig->board);
    fixture_close(&rig->fixture);
    for (int i = 0; i < VANTAGES; i++)
        key_free(&rig->keys[i]);
    (void)snprintf(path, sizeof path, "%s/control.crt", rig->dir);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/control.key", rig->dir);
    (void)unlink(path);
    (void)rmdir(rig->dir);
    free(rig);
    return 0;
}

/* A request and what came back. */
struct exchange {
    const char *path;
    const char *vantage, *signature; /* headers */
    const void *body;                /* NULL: GET */
    size_t len;
    long status; /* 0: no reply */
    CURLcode code;
    struct buffer reply;
};

static size_t on_reply(char *bytes, size_t size, size_t count, void *context)
{
    struct buffer *reply = context;
    (void)buffer_put(reply, bytes, size * count);
    return size * count;
}

static struct curl_slist *headers_of(const struct exchange *exchange)
{
    char line[256];
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    if (exchange->vantage) {
        (void)snprintf(line, sizeof line, INTAKE_HEADER_VANTAGE ": %s", exchange->vantage);
        list = curl_slist_append(list, line);
    }
    if (exchange->signature) {
        (void)snprintf(line, sizeof line, INTAKE_HEADER_SIGNATURE ": %s", exchange->signature);
        list = curl_slist_append(list, line);
    }
    return list;
}

static void take_turns(struct rig *rig)
{
    int running = 1;
    for (int turn = 0; running && turn < TURNS_MAX; turn++) {
        assert_int_equal(curl_multi_perform(rig->multi, &running), CURLM_OK);
        (void)event_base_loop(rig->base, EVLOOP_NONBLOCK);
        if (running)
            (void)curl_multi_poll(rig->multi, NULL, 0, 1, NULL);
    }
    assert_int_equal(running, 0);
}

static void run(struct rig *rig, struct exchange *exchange)
{
    char url[HTTP_HEADERS_MAX + 64], ca[96];
    struct curl_slist *headers = headers_of(exchange);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u%s", rig->port, exchange->path);
    (void)snprintf(ca, sizeof ca, "%s/control.crt", rig->dir);
    curl_easy_reset(rig->curl);
    curl_easy_setopt(rig->curl, CURLOPT_URL, url);
    curl_easy_setopt(rig->curl, CURLOPT_CAINFO, ca);
    curl_easy_setopt(rig->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(rig->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(rig->curl, CURLOPT_WRITEFUNCTION, on_reply);
    curl_easy_setopt(rig->curl, CURLOPT_WRITEDATA, &exchange->reply);
    if (exchange->body) {
        curl_easy_setopt(rig->curl, CURLOPT_POSTFIELDS, exchange->body);
        curl_easy_setopt(rig->curl, CURLOPT_POSTFIELDSIZE, (long)exchange->len);
    }
    curl_multi_add_handle(rig->multi, rig->curl);
    take_turns(rig);
    int left;
    const CURLMsg *message = curl_multi_info_read(rig->multi, &left);
    assert_non_null(message);
    exchange->code = message->data.result;
    curl_easy_getinfo(rig->curl, CURLINFO_RESPONSE_CODE, &exchange->status);
    curl_multi_remove_handle(rig->multi, rig->curl);
    curl_slist_free_all(headers);
    (void)buffer_put(&exchange->reply, "", 1);
}

static void expect(const struct exchange *exchange, long status, const char *says)
{
    if (exchange->status != status || !strstr((const char *)exchange->reply.bytes, says))
        fail_msg("%s: %s, status %ld, \"%s\"; expected %ld and \"%s\"", exchange->path,
                 curl_easy_strerror(exchange->code), exchange->status, exchange->reply.bytes, status, says);
}

static void get(struct rig *rig, const char *path, long status, const char *says)
{
    struct exchange exchange = {.path = path};
    run(rig, &exchange);
    expect(&exchange, status, says);
    buffer_fini(&exchange.reply);
}

/* A message as a prober sends it. */
struct message {
    const char *header;  /* vantage point in the header */
    unsigned key;        /* whose signature */
    const char *vantage; /* in the body */
    int64_t seq;
    int64_t skew_ms;
    enum intake_kind kind;
    const char *signature; /* instead of the right one */
    const char *body;      /* likewise */
};

static void send_message(struct rig *rig, const struct message *message, long status, const char *says)
{
    const struct batch_result result = {.check = "web 192.0.2.1",
                                        .vote = {.verdict = VERDICT_DOWN, .reason = "timeout"}};
    struct batch_head head = {.seq = message->seq, .clock_ms = clock_wall_ms() + message->skew_ms};
    struct buffer body = {0};
    char signature[KEY_SIGNATURE_TEXT_MAX];
    (void)snprintf(head.vantage, sizeof head.vantage, "%s", message->vantage);
    if (message->body)
        (void)buffer_put(&body, message->body, strlen(message->body));
    else if (message->kind == INTAKE_VOTES)
        assert_int_equal(batch_print_votes(&head, &result, 1, &body, NULL), OK);
    else
        assert_int_equal(batch_print_request(&head, &body, NULL), OK);
    assert_int_equal(key_sign(rig->keys[message->key], intake_domain(message->kind), body.bytes, body.len,
                              signature, NULL),
                     OK);
    struct exchange exchange = {.path = message->kind == INTAKE_VOTES ? "/v1/votes" : "/v1/checks",
                                .vantage = message->header,
                                .signature = message->signature ? message->signature : signature,
                                .body = body.bytes,
                                .len = body.len};
    run(rig, &exchange);
    expect(&exchange, status, says);
    buffer_fini(&exchange.reply);
    buffer_fini(&body);
}

static void test_pages_for_people_and_scrapers(void **state)
{
    struct rig *rig = *state;
    get(rig, "/", 200, "control port");
    get(rig, "/healthz", 200, "ok\n");
    get(rig, "/metrics", 200,
        "gslbd_endpoint_up{service=\"www.example.com\",region=\"eu\",address=\"192.0.2.1\"} -1\n");
    get(rig, "/metrics?x=y", 200, "# TYPE gslbd_queries_total counter\n");
    get(rig, "/nothing", 404, "no such thing");
    get(rig, "/v1/votes", 405, "method");
    assert_int_equal(rig->metrics.requests, 6);
}

static void test_no_world_is_not_healthy(void **state)
{
    struct rig *rig = *state;
    rig->metrics.generation = 0;
    get(rig, "/healthz", 503, "no world");
}

static void test_votes_are_taken_and_judged(void **state)
{
    struct rig *rig = *state;
    send_message(rig, &(struct message){"v0", 0, "v0", 1, 0, INTAKE_VOTES, NULL, NULL}, 200,
                 "\"checks_generation\"");
    assert_int_equal(board_get(rig->board, 400).verdict, VERDICT_UNKNOWN);
    send_message(rig, &(struct message){"v1", 1, "v1", 1, 0, INTAKE_VOTES, NULL, NULL}, 200, "\"recheck\"");
    assert_int_equal(board_get(rig->board, 400).verdict, VERDICT_DOWN); /* 2 of 2 enabled */
    assert_int_equal(rig->metrics.connections, 0);
}

static void test_checks_are_given_to_those_who_sign(void **state)
{
    struct rig *rig = *state;
    send_message(rig, &(struct message){"v0", 0, "v0", 1, 0, INTAKE_CHECKS, NULL, NULL}, 200,
                 "\"web 192.0.2.1\"");
}

static void test_each_refusal_says_which_it_is(void **state)
{
    struct rig *rig = *state;
    static const struct {
        struct message message;
        long status;
        enum intake reason;
    } cases[] = {
        {{"v9", 0, "v9", 2, 0, INTAKE_VOTES, NULL, NULL}, 403, INTAKE_STRANGER},
        {{NULL, 0, "v0", 2, 0, INTAKE_VOTES, NULL, NULL}, 403, INTAKE_STRANGER},
        {{"v2", 2, "v2", 2, 0, INTAKE_VOTES, NULL, NULL}, 403, INTAKE_DISABLED},
        {{"v0", 1, "v0", 2, 0, INTAKE_VOTES, NULL, NULL}, 401, INTAKE_SIGNATURE},
        {{"v0", 0, "v0", 2, 0, INTAKE_VOTES, "AAAA", NULL}, 401, INTAKE_SIGNATURE},
        {{"v0", 0, "v0", 2, 0, INTAKE_VOTES, NULL, "{"}, 400, INTAKE_MALFORMED},
        {{"v0", 0, "v1", 2, 0, INTAKE_VOTES, NULL, NULL}, 403, INTAKE_NAME},
        {{"v0", 0, "v0", 2, 40000, INTAKE_VOTES, NULL, NULL}, 409, INTAKE_CLOCK},
        {{"v0", 0, "v0", 2, -40000, INTAKE_CHECKS, NULL, NULL}, 409, INTAKE_CLOCK},
        {{"v0", 0, "v0", 1, 0, INTAKE_VOTES, NULL, NULL}, 409, INTAKE_SEQUENCE},
    };
    uint64_t refused = 0;
    send_message(rig, &(struct message){"v0", 0, "v0", 1, 0, INTAKE_VOTES, NULL, NULL}, 200, "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char says[64];
        const uint64_t before = rig->metrics.refusals[cases[i].reason];
        (void)snprintf(says, sizeof says, "{\"error\":\"%s\"", intake_print(cases[i].reason));
        send_message(rig, &cases[i].message, cases[i].status, says);
        assert_int_equal(rig->metrics.refusals[cases[i].reason], before + 1);
    }
    for (int i = 0; i < INTAKE_COUNT; i++)
        refused += rig->metrics.refusals[i];
    assert_int_equal(refused, sizeof cases / sizeof cases[0]);
    send_message(rig, &(struct message){"v0", 0, "v0", 2, 0, INTAKE_VOTES, NULL, NULL}, 200, "");
}

static void test_a_sequence_that_is_behind_is_told_how_far(void **state)
{
    struct rig *rig = *state;
    send_message(rig, &(struct message){"v0", 0, "v0", 9, 0, INTAKE_VOTES, NULL, NULL}, 200, "");
    send_message(rig, &(struct message){"v0", 0, "v0", 7, 0, INTAKE_CHECKS, NULL, NULL}, 200, "");
    send_message(rig, &(struct message){"v0", 0, "v0", 2, 0, INTAKE_VOTES, NULL, NULL}, 409, "\"last\":9}");
    send_message(rig, &(struct message){"v0", 0, "v0", 2, 0, INTAKE_CHECKS, NULL, NULL}, 409, "\"last\":7}");
}

static void test_a_body_over_the_limit_is_refused(void **state)
{
    struct rig *rig = *state;
    char *body = calloc(1, HTTP_BODY_MAX + 1);
    assert_non_null(body);
    struct exchange exchange = {.path = "/v1/votes", .vantage = "v0", .body = body, .len = HTTP_BODY_MAX + 1};
    run(rig, &exchange);
    assert_true(exchange.status == 413 || exchange.code != CURLE_OK);
    assert_int_equal(rig->metrics.requests, 0);
    buffer_fini(&exchange.reply);
    free(body);
    get(rig, "/healthz", 200, "ok\n");
}

static void test_headers_over_the_limit_are_refused(void **state)
{
    struct rig *rig = *state;
    char path[HTTP_HEADERS_MAX + 2];
    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    struct exchange exchange = {.path = path};
    run(rig, &exchange);
    assert_true(exchange.status == 400 || exchange.code != CURLE_OK);
    assert_int_equal(rig->metrics.requests, 0);
    buffer_fini(&exchange.reply);
    get(rig, "/healthz", 200, "ok\n");
}

static void test_a_prober_keeps_its_connection(void **state)
{
    struct rig *rig = *state;
    long connects = 0;
    for (int seq = 1; seq <= 3; seq++)
        send_message(rig, &(struct message){"v0", 0, "v0", seq, 0, INTAKE_VOTES, NULL, NULL}, 200, "");
    curl_easy_getinfo(rig->curl, CURLINFO_NUM_CONNECTS, &connects);
    assert_int_equal(connects, 0);
    get(rig, "/metrics", 200, "gslbd_connections 1\n");
}

/* Connect without saying anything. */
static int hang_on(const struct rig *rig)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(rig->port)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void test_strangers_make_room_and_probers_stay(void **state)
{
    struct rig *rig = *state;
    int fds[HTTP_CONNECTIONS_MAX + 8];
    long connects = 0;
    send_message(rig, &(struct message){"v0", 0, "v0", 1, 0, INTAKE_VOTES, NULL, NULL}, 200, "");
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        fds[i] = hang_on(rig);
        (void)event_base_loop(rig->base, EVLOOP_NONBLOCK);
    }
    send_message(rig, &(struct message){"v0", 0, "v0", 2, 0, INTAKE_VOTES, NULL, NULL}, 200, "");
    curl_easy_getinfo(rig->curl, CURLINFO_NUM_CONNECTS, &connects);
    assert_int_equal(connects, 0);
    get(rig, "/metrics", 200, "gslbd_connections_evicted_total 9\n");
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        close(fds[i]);
}

static void test_before_the_first_world_nobody_is_known(void **state)
{
    struct rig *rig = *state;
    struct verdicts *empty = NULL;
    api_stop(&rig->api);
    (void)event_base_loop(rig->base, EVLOOP_NONBLOCK);
    assert_int_equal(verdicts_new(rig->board, NULL, clock_now(), &empty, NULL), OK);
    verdicts_free(&rig->verdicts);
    rig->verdicts = empty;
    rig->view.verdicts = empty;
    rig->view.roster = NULL;
    start_api(rig);
    send_message(rig, &(struct message){"v0", 0, "v0", 1, 0, INTAKE_VOTES, NULL, NULL}, 503,
                 "\"unavailable\"");
    get(rig, "/metrics", 200, "gslbd_blind 0\n");
}

#define test(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_pages_for_people_and_scrapers),        test(test_no_world_is_not_healthy),
        test(test_votes_are_taken_and_judged),           test(test_checks_are_given_to_those_who_sign),
        test(test_each_refusal_says_which_it_is),        test(test_a_body_over_the_limit_is_refused),
        test(test_headers_over_the_limit_are_refused),   test(test_a_prober_keeps_its_connection),
        test(test_strangers_make_room_and_probers_stay), test(test_before_the_first_world_nobody_is_known),
        test(test_a_sequence_that_is_behind_is_told_how_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
