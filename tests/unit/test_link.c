/* tests/unit/test_link.c - links against nameservers that check what they get as gslbd does. */
#include "common/buffer.h"
#include "common/clock.h"
#include "health/intake.h"
#include "health/key.h"
#include "prober/link.h"
#include "tests/unit/prober_rig.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>

#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { NAMESERVERS = 2, CHECKS = 3 };

/* One nameserver, and what it has understood so far. */
struct nameserver {
    struct evhttp *http; /* NULL while it is away */
    struct listen at;
    struct intake_sender sender;
    int64_t generation;
    struct check checks[CHECKS];
    size_t checks_count;
    const char *recheck; /* id, asked for in each reply; NULL: none */
    int status;          /* of every answer */
    unsigned lists, pushes, refusals;
    unsigned results[CHECKS]; /* how many of each check */
    struct vote votes[CHECKS];
    int64_t pushed_ms, gap_ms; /* of the last push, and from the one before */
};

struct fixture {
    struct rig rig;
    struct rig_tls tls;
    struct multi *multi;
    struct key *key;
    struct caller caller;
    struct schedule *schedule;
    struct wanted *wanted;
    struct nameserver nameservers[NAMESERVERS];
    struct link *links[NAMESERVERS];
    struct listen target;
};

/* The nameservers ------------------------------------------------------------------------------ */

static struct buffer read_body(struct evhttp_request *request)
{
    struct evbuffer *from = evhttp_request_get_input_buffer(request);
    struct buffer body = {0};
    (void)buffer_put(&body, evbuffer_pullup(from, -1), evbuffer_get_length(from));
    return body;
}

static void send_reply(struct evhttp_request *request, int status, struct buffer *body)
{
    struct evbuffer *to = evbuffer_new();
    evbuffer_add(to, body->bytes, body->len);
    evhttp_send_reply(request, status, "Whatever", to);
    evbuffer_free(to);
    buffer_fini(body);
}

static void note_votes(struct nameserver *nameserver, const struct batch_votes *votes)
{
    const int64_t now_ms = clock_mono_ms();
    nameserver->gap_ms = now_ms - nameserver->pushed_ms;
    nameserver->pushed_ms = now_ms;
    nameserver->pushes++;
    for (size_t i = 0; i < votes->results_count; i++)
        for (size_t j = 0; j < nameserver->checks_count; j++)
            if (strcmp(votes->results[i].check, nameserver->checks[j].id) == 0) {
                nameserver->votes[j] = votes->results[i].vote;
                nameserver->results[j]++;
            }
}

static void take_votes(struct nameserver *nameserver, const struct buffer *body, struct buffer *ret)
{
    struct batch_votes votes;
    const struct batch_reply reply = {.checks_generation = nameserver->generation,
                                      .clock_ms = clock_wall_ms(),
                                      .rechecks = &nameserver->recheck,
                                      .rechecks_count = nameserver->recheck != NULL};
    assert_int_equal(batch_parse_votes(body->bytes, body->len, &votes, NULL), OK);
    assert_int_equal(
        intake_check_head(&nameserver->sender, INTAKE_VOTES, &votes.head, clock_wall_ms()),
        INTAKE_OK);
    if (nameserver->status == 200)
        note_votes(nameserver, &votes);
    batch_votes_fini(&votes);
    assert_int_equal(batch_print_reply(&reply, ret, NULL), OK);
}

static void take_request(struct nameserver *nameserver, const struct buffer *body,
                         struct buffer *ret)
{
    struct batch_head head;
    const struct batch_checks list = {.generation = nameserver->generation,
                                      .phase = 0.5,
                                      .checks = nameserver->checks,
                                      .checks_count = nameserver->checks_count};
    assert_int_equal(batch_parse_request(body->bytes, body->len, &head, NULL), OK);
    assert_int_equal(intake_check_head(&nameserver->sender, INTAKE_CHECKS, &head, clock_wall_ms()),
                     INTAKE_OK);
    nameserver->lists++;
    assert_int_equal(batch_print_checks(&list, ret, NULL), OK);
}

static void answer(struct evhttp_request *request, void *context)
{
    struct nameserver *nameserver = context;
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
    const char *signature = evhttp_find_header(headers, INTAKE_HEADER_SIGNATURE);
    const char *uri = evhttp_request_get_uri(request);
    const enum intake_kind kind = strcmp(uri, "/v1/votes") == 0 ? INTAKE_VOTES : INTAKE_CHECKS;
    struct buffer body = read_body(request), reply = {0};
    assert_string_equal(evhttp_find_header(headers, INTAKE_HEADER_VANTAGE), "ams");
    assert_int_equal(intake_check_body(&nameserver->sender, kind, body.bytes, body.len, signature),
                     INTAKE_OK);
    if (kind == INTAKE_VOTES)
        take_votes(nameserver, &body, &reply);
    else
        take_request(nameserver, &body, &reply);
    nameserver->refusals += nameserver->status != 200;
    send_reply(request, nameserver->status, &reply);
    buffer_fini(&body);
}

static void put_check(struct nameserver *nameserver, const char *id, const struct listen *target)
{
    struct check *check = &nameserver->checks[nameserver->checks_count++];
    *check = rig_check(CHECK_TCP, target);
    check->id = id;
    check->interval_ms = CHECK_INTERVAL_MAX_MS; /* only rechecks cause probes */
    check->timeout_ms = CHECK_TIMEOUT_MIN_MS;
}

/* The fixture ---------------------------------------------------------------------------------- */

static void push_news(void *context, const struct task *task)
{
    struct fixture *fixture = context;
    (void)task;
    for (size_t i = 0; i < NAMESERVERS; i++)
        if (fixture->links[i])
            link_hurry(fixture->links[i]);
}

static void fixture_init(struct fixture *f)
{
    *f = (struct fixture){0};
    rig_init(&f->rig, NULL);
    rig_tls_init(&f->tls, "gslbd-control", 1);
    f->target = rig_closed_port();
    assert_int_equal(key_generate(&f->key, NULL), OK);
    assert_int_equal(multi_new(f->rig.base, 4, &f->multi, NULL), OK);
    f->caller = (struct caller){.base = f->rig.base,
                                .multi = f->multi,
                                .egress = &f->rig.egress,
                                .key = f->key,
                                .vantage = "ams",
                                .ca_path = f->tls.path,
                                .server_name = "gslbd-control"};
    assert_int_equal(
        schedule_new(&f->rig.gear, 8, (struct schedule_news){push_news, f}, &f->schedule, NULL),
        OK);
    assert_int_equal(wanted_new(f->schedule, &f->wanted, NULL), OK);
}

static struct nameserver *serve(struct fixture *f, size_t idx)
{
    struct nameserver *nameserver = &f->nameservers[idx];
    const struct key_public public = key_public(f->key);
    intake_sender_init(&nameserver->sender, "ams", &public);
    nameserver->generation = 1;
    nameserver->status = 200;
    nameserver->http = rig_serve(&f->rig, &f->tls, answer, nameserver, &nameserver->at);
    return nameserver;
}

static void open_link(struct fixture *f, unsigned idx)
{
    assert_int_equal(link_new(&f->caller, &f->nameservers[idx].at, idx, f->wanted, f->schedule,
                              &f->links[idx], NULL),
                     OK);
}

/* A nameserver that wants to have `id` checked (NULL: nothing), and a link to it. */
static struct nameserver *serve_linked(struct fixture *f, unsigned idx, const char *id)
{
    struct nameserver *nameserver = serve(f, idx);
    if (id)
        put_check(nameserver, id, &f->target);
    open_link(f, idx);
    return nameserver;
}

static void fixture_fini(struct fixture *f)
{
    for (size_t i = 0; i < NAMESERVERS; i++) {
        link_free(&f->links[i]);
        if (f->nameservers[i].http)
            evhttp_free(f->nameservers[i].http);
    }
    wanted_free(&f->wanted);
    schedule_free(&f->schedule);
    multi_free(&f->multi);
    key_free(&f->key);
    rig_tls_fini(&f->tls);
    rig_fini(&f->rig);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    fixture_init(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture_fini(*state);
    free(*state);
    return 0;
}

/* Turn the loop until `condition` holds. */
#define WAIT_FOR(f, condition)                                                                     \
    do {                                                                                           \
        const int64_t deadline_ms = clock_mono_ms() + RIG_DEADLINE_MS;                             \
        while (!(condition)) {                                                                     \
            assert_true(clock_mono_ms() < deadline_ms);                                            \
            assert_int_not_equal(event_base_loop((f)->rig.base, EVLOOP_ONCE), -1);                 \
        }                                                                                          \
    } while (0)

/* What links do -------------------------------------------------------------------------------- */

static void test_the_list_is_fetched_and_results_arrive_signed(void **state)
{
    struct fixture *f = *state;
    struct nameserver *ns = serve_linked(f, 0, "web 127.0.0.1");
    ns->recheck = "web 127.0.0.1";
    WAIT_FOR(f, ns->results[0] > 0);
    assert_int_equal(ns->lists, 1);
    assert_int_equal(ns->votes[0].verdict, VERDICT_DOWN);
    assert_string_equal(ns->votes[0].reason, "connection refused");
    assert_true(link_is_up(f->links[0]));
}

static void test_what_was_acknowledged_is_not_sent_again(void **state)
{
    struct fixture *f = *state;
    struct nameserver *ns = serve_linked(f, 0, "web 127.0.0.1");
    ns->recheck = "web 127.0.0.1";
    WAIT_FOR(f, ns->results[0] > 0);
    ns->recheck = NULL;
    const unsigned pushes = ns->pushes;
    WAIT_FOR(f, ns->pushes >= pushes + 1);
    const unsigned results = ns->results[0];
    const uint64_t last_no = schedule_last_no(f->schedule);
    WAIT_FOR(f, ns->pushes >= pushes + 3);
    assert_int_equal(schedule_last_no(f->schedule), last_no);
    assert_int_equal(ns->results[0], results);
}

static void test_a_turned_vote_does_not_wait_for_the_next_second(void **state)
{
    struct fixture *f = *state;
    struct nameserver *ns = serve_linked(f, 0, "web 127.0.0.1");
    WAIT_FOR(f, ns->pushes == 2); /* the list is there */
    wanted_hurry(f->wanted, 0, "web 127.0.0.1");
    WAIT_FOR(f, ns->results[0] == 1);
    assert_int_equal(ns->pushes, 3);
    assert_in_range(ns->gap_ms, 0, LINK_PUSH_MS / 2);
}

static void test_another_generation_is_fetched(void **state)
{
    struct fixture *f = *state;
    struct nameserver *ns = serve_linked(f, 0, "a 127.0.0.1");
    WAIT_FOR(f, wanted_count(f->wanted) == 1);
    put_check(ns, "b 127.0.0.1", &f->target);
    ns->generation = 0; /* generations are compared, not ordered */
    WAIT_FOR(f, wanted_count(f->wanted) == 2);
    assert_int_equal(ns->lists, 2);
}

static void test_what_a_nameserver_refused_is_sent_again(void **state)
{
    struct fixture *f = *state;
    struct nameserver *ns = serve_linked(f, 0, "web 127.0.0.1");
    WAIT_FOR(f, wanted_count(f->wanted) == 1);
    ns->status = 500;
    wanted_hurry(f->wanted, 0, "web 127.0.0.1");
    WAIT_FOR(f, ns->refusals >= 2 && schedule_last_no(f->schedule) == 1);
    assert_false(link_is_up(f->links[0]));
    assert_int_equal(ns->results[0], 0);
    ns->status = 200;
    WAIT_FOR(f, ns->results[0] > 0);
    assert_int_equal(schedule_last_no(f->schedule), 1); /* the same result */
}

static void test_a_nameserver_that_is_away_holds_nobody_up(void **state)
{
    struct fixture *f = *state;
    struct nameserver *ns = serve_linked(f, 0, "web 127.0.0.1");
    struct nameserver *away = serve_linked(f, 1, "web 127.0.0.1");
    WAIT_FOR(f, link_is_up(f->links[0]) && link_is_up(f->links[1]));
    assert_int_equal(wanted_count(f->wanted), 1);
    evhttp_free(away->http);
    away->http = NULL;
    wanted_hurry(f->wanted, 0, "web 127.0.0.1");
    WAIT_FOR(f, ns->results[0] == 1 && !link_is_up(f->links[1]));
    const unsigned pushes = ns->pushes;
    WAIT_FOR(f, ns->pushes == pushes + 2);
    assert_in_range(ns->gap_ms, 0, 2 * LINK_PUSH_MS);
}

static void test_each_nameserver_hears_of_its_own_checks_only(void **state)
{
    struct fixture *f = *state;
    struct nameserver *one = serve_linked(f, 0, "a 127.0.0.1");
    struct nameserver *two = serve_linked(f, 1, "b 127.0.0.1");
    WAIT_FOR(f, wanted_count(f->wanted) == 2);
    one->recheck = "b 127.0.0.1"; /* which it never listed */
    two->recheck = "b 127.0.0.1";
    WAIT_FOR(f, two->results[0] >= 2);
    put_check(one, "b 127.0.0.1", &f->target); /* it would count them; its generation stays */
    const unsigned pushes = one->pushes;
    WAIT_FOR(f, one->pushes >= pushes + 2);
    assert_int_equal(one->results[0], 0);
    assert_int_equal(one->results[1], 0);
}

static void test_a_nameserver_that_lists_late_hears_of_earlier_results(void **state)
{
    struct fixture *f = *state;
    struct nameserver *early = serve_linked(f, 0, "web 127.0.0.1");
    struct nameserver *late = serve_linked(f, 1, NULL);
    WAIT_FOR(f, link_is_up(f->links[0]) && link_is_up(f->links[1]));
    wanted_hurry(f->wanted, 0, "web 127.0.0.1");
    WAIT_FOR(f, early->results[0] == 1);
    const unsigned pushes = late->pushes;
    WAIT_FOR(f, late->pushes > pushes); /* the result is behind what it has acknowledged */
    put_check(late, "web 127.0.0.1", &f->target);
    late->generation++;
    WAIT_FOR(f, late->results[0] == 1);
    assert_int_equal(schedule_last_no(f->schedule), 1);
}

/* Whom links trust ----------------------------------------------------------------------------- */

struct pinning_case {
    const char *name;        /* in the nameserver's certificate */
    const char *server_name; /* that we want */
    bool pinned;
    bool up;
};

static const struct pinning_case pinning_cases[] = {
    {"gslbd-control", "gslbd-control", true, true},
    {"ns1.example.com", "ns1.example.com", true, true},
    {"gslbd-control", "gslbd-control", false, false},
    {"somebody-else", "gslbd-control", true, false},
};

/* Whether a link comes about; a failure is one attempt's. */
static bool try_link(const struct pinning_case *c)
{
    struct fixture f;
    struct rig_tls other;
    fixture_init(&f);
    rig_tls_init(&other, "gslbd-control", 1);
    rig_tls_fini(&f.tls);
    rig_tls_init(&f.tls, c->name, 1);
    f.caller.ca_path = c->pinned ? f.tls.path : other.path;
    f.caller.server_name = c->server_name;
    const struct nameserver *ns = serve(&f, 0);
    open_link(&f, 0);
    const int64_t until_ms = clock_mono_ms() + (c->up ? RIG_DEADLINE_MS : LINK_PUSH_MS / 2);
    while (!link_is_up(f.links[0]) && clock_mono_ms() < until_ms)
        (void)event_base_loop(f.rig.base, EVLOOP_ONCE);
    const bool up = link_is_up(f.links[0]);
    assert_int_equal(up, ns->pushes > 0);
    rig_tls_fini(&other);
    fixture_fini(&f);
    return up;
}

static void test_only_the_pinned_certificate_and_name_are_trusted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pinning_cases / sizeof pinning_cases[0]; i++)
        assert_int_equal(try_link(&pinning_cases[i]), pinning_cases[i].up);
}

static void test_sequence_numbers_rise_and_begin_at_the_clock(void **state)
{
    struct fixture *f = *state;
    struct exchange *exchange;
    const struct exchange_kind kind = {INTAKE_VOTES, "/v1/votes", 1024, 1000};
    const int64_t before_ms = clock_wall_ms();
    assert_int_equal(
        exchange_new(&f->caller, &f->target, kind, (struct exchange_finish){0}, &exchange, NULL), OK);
    int64_t last = before_ms - 1;
    for (int i = 0; i < 1000; i++) {
        const struct batch_head head = exchange_head(exchange);
        assert_true(head.seq > last);
        assert_string_equal(head.vantage, "ams");
        last = head.seq;
    }
    exchange_free(&exchange);
}

/* A nameserver that has seen a higher number of us. */
static void refuse_sequence(struct evhttp_request *request, void *context)
{
    const int64_t *last = context;
    char text[64];
    struct buffer reply = {0};
    (void)snprintf(text, sizeof text, "{\"error\":\"sequence\",\"last\":%lld}", (long long)*last);
    (void)buffer_put(&reply, text, strlen(text));
    send_reply(request, 409, &reply);
}

static void note_refusal(void *context, const struct exchange_answer *answer)
{
    unsigned *refusals = context;
    assert_int_equal(answer->err, ERR_REFUSED);
    ++*refusals;
}

/* The number of the message behind one that was refused with `last`. */
static int64_t seq_behind(struct fixture *f, int64_t last)
{
    const struct exchange_kind kind = {INTAKE_VOTES, "/v1/votes", 1024, RIG_DEADLINE_MS};
    unsigned refusals = 0;
    struct exchange *exchange;
    struct listen at;
    struct buffer body = {0};
    struct evhttp *http = rig_serve(&f->rig, &f->tls, refuse_sequence, &last, &at);
    assert_int_equal(exchange_new(&f->caller, &at, kind,
                                  (struct exchange_finish){note_refusal, &refusals}, &exchange, NULL),
                     OK);
    (void)exchange_head(exchange);
    (void)buffer_put(&body, "{}", 2);
    assert_int_equal(exchange_start(exchange, &body, NULL), OK);
    WAIT_FOR(f, refusals == 1);
    const int64_t seq = exchange_head(exchange).seq;
    exchange_free(&exchange);
    evhttp_free(http);
    return seq;
}

static void test_a_prober_whose_clock_was_ahead_goes_on_above_what_it_sent(void **state)
{
    struct fixture *f = *state;
    const int64_t ahead = clock_wall_ms() + INTAKE_SKEW_MAX_MS;
    assert_int_equal(seq_behind(f, ahead), ahead + 1);
    const int64_t absurd = clock_wall_ms() + INT64_C(600000);
    assert_in_range(seq_behind(f, absurd), ahead - INTAKE_SKEW_MAX_MS, absurd - 1);
}

static const int64_t day_ms = INT64_C(24) * 3600 * 1000;
static int64_t wall_ahead_ms; /* of the true time */

/* Instead of libc's. */
int clock_gettime(clockid_t id, struct timespec *ret)
{
    const long status = syscall(SYS_clock_gettime, id, ret);
    if (id == CLOCK_REALTIME)
        ret->tv_sec += wall_ahead_ms / 1000;
    return (int)status;
}

static void note_answer(void *context, const struct exchange_answer *answer)
{
    (void)answer;
    ++*(unsigned *)context;
}

/* Answers 200 while there are some left to answer so, and then refuses what is not above `last`. */
struct believer {
    unsigned good;
    int64_t last;
};

static void believe(struct evhttp_request *request, void *context)
{
    struct believer *believer = context;
    struct buffer reply = {0};
    if (believer->good == 0) {
        refuse_sequence(request, &believer->last);
        return;
    }
    believer->good--;
    (void)buffer_put(&reply, "{}", 2);
    send_reply(request, 200, &reply);
}

/* Send one message; its number. */
static int64_t send_one(struct fixture *f, struct exchange *exchange, const unsigned *answers)
{
    const unsigned before = *answers;
    struct buffer body = {0};
    const int64_t seq = exchange_head(exchange).seq;
    (void)buffer_put(&body, "{}", 2);
    assert_int_equal(exchange_start(exchange, &body, NULL), OK);
    WAIT_FOR(f, *answers > before);
    return seq;
}

static struct exchange *open_exchange(struct fixture *f, const struct listen *at, unsigned *answers)
{
    const struct exchange_kind kind = {INTAKE_VOTES, "/v1/votes", 1024, RIG_DEADLINE_MS};
    struct exchange *exchange;
    assert_int_equal(exchange_new(&f->caller, at, kind,
                                  (struct exchange_finish){note_answer, answers}, &exchange, NULL),
                     OK);
    return exchange;
}

static void test_numbers_of_a_wrong_clock_that_nobody_took_are_given_up(void **state)
{
    struct fixture *f = *state;
    unsigned answers = 0;
    const struct listen nobody = rig_closed_port();
    struct exchange *exchange = open_exchange(f, &nobody, &answers);
    wall_ahead_ms = day_ms;
    (void)send_one(f, exchange, &answers);
    wall_ahead_ms = 0;
    const int64_t now_ms = clock_wall_ms();
    assert_in_range(exchange_head(exchange).seq, now_ms, now_ms + INTAKE_SKEW_MAX_MS);
    exchange_free(&exchange);
}

static void test_numbers_that_a_nameserver_took_are_gone_on_from(void **state)
{
    struct fixture *f = *state;
    unsigned answers = 0;
    struct believer believer = {.good = 1};
    struct listen at;
    struct evhttp *http = rig_serve(&f->rig, &f->tls, believe, &believer, &at);
    struct exchange *exchange = open_exchange(f, &at, &answers);
    wall_ahead_ms = day_ms; /* the nameserver's, too */
    const int64_t taken = send_one(f, exchange, &answers);
    believer.last = exchange_head(exchange).seq; /* took one more, and the answer was lost */
    assert_true(believer.last > taken);
    wall_ahead_ms = 0;
    assert_int_equal(send_one(f, exchange, &answers), taken + 1);
    assert_int_equal(exchange_head(exchange).seq, believer.last + 1);
    exchange_free(&exchange);
    evhttp_free(http);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_the_list_is_fetched_and_results_arrive_signed),
        test(test_what_was_acknowledged_is_not_sent_again),
        test(test_a_turned_vote_does_not_wait_for_the_next_second),
        test(test_another_generation_is_fetched),
        test(test_what_a_nameserver_refused_is_sent_again),
        test(test_a_nameserver_that_is_away_holds_nobody_up),
        test(test_each_nameserver_hears_of_its_own_checks_only),
        test(test_a_nameserver_that_lists_late_hears_of_earlier_results),
        cmocka_unit_test(test_only_the_pinned_certificate_and_name_are_trusted),
        test(test_sequence_numbers_rise_and_begin_at_the_clock),
        test(test_a_prober_whose_clock_was_ahead_goes_on_above_what_it_sent),
        test(test_numbers_of_a_wrong_clock_that_nobody_took_are_given_up),
        test(test_numbers_that_a_nameserver_took_are_gone_on_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
