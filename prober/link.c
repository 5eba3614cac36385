#include "prober/link.h"

#include "common/clock.h"
#include "common/log.h"

#include <stdlib.h>
#include <string.h>

enum { CLOCK_WARN_MS = 5000, GENERATION_NONE = -1 };

struct link {
    const struct schedule *schedule;
    struct wanted *wanted;
    unsigned idx;
    char name[LISTEN_TEXT_MAX]; /* ADDRESS@PORT, for the log */
    struct exchange *push;
    struct exchange *fetch;
    struct event *timer;     /* the next push */
    int64_t pushed_ms;       /* when the last push began */
    int64_t resent_ms;       /* when everything was last begun to be sent again */
    int64_t fetch_after_ms;  /* no list is fetched before */
    int64_t generation;      /* of the list we have */
    uint64_t acked_no;       /* results up to here are the nameserver's */
    uint64_t sent_no;        /* the same once the push on its way is acknowledged */
    unsigned push_failures;  /* in a row */
    unsigned fetch_failures; /* in a row */
    bool hurried;            /* there is more to say than can wait for a second */
    bool resending;          /* the next push begins anew, with the last results of all */
    bool clock_warned;
    struct diag push_trouble; /* what was logged last; empty while all is well */
    struct diag fetch_trouble;
};

bool link_is_up(const struct link *link)
{
    return link->push_failures == 0 && link->generation != GENERATION_NONE;
}

static void push_in(struct link *link, int64_t in_ms)
{
    const struct timeval in = clock_timeval(in_ms);
    (void)event_add(link->timer, &in);
}

/* How long to wait after that many failures in a row. */
static int64_t away_ms(unsigned failures)
{
    const int64_t ms = (int64_t)LINK_PUSH_MS << (failures < 8 ? failures - 1 : 7);
    return ms < LINK_AWAY_MAX_MS ? ms : LINK_AWAY_MAX_MS;
}

/* The log: a line when a trouble begins or becomes another, and one when it ends --------------- */

static void log_trouble(const struct link *link, struct diag *last, const char *event,
                        const struct diag *now)
{
    if (strcmp(last->text, now->text) == 0)
        return;
    *last = *now;
    struct log_line line;
    log_begin(&line, LOG_LEVEL_WARNING, event);
    log_text(&line, "server", link->name);
    log_text(&line, "reason", now->text);
    log_end(&line);
}

static void log_number_of(const struct link *link, enum log_level level, const char *event,
                          const char *key, int64_t number)
{
    struct log_line line;
    log_begin(&line, level, event);
    log_text(&line, "server", link->name);
    log_number(&line, key, number);
    log_end(&line);
}

/* Fetching the list ---------------------------------------------------------------------------- */

static void fetch_failed(struct link *link, const struct diag *diag)
{
    link->fetch_failures++;
    link->fetch_after_ms = clock_mono_ms() + away_ms(link->fetch_failures);
    log_trouble(link, &link->fetch_trouble, "checks-failed", diag);
}

static void start_fetch(struct link *link)
{
    struct buffer body = {0};
    struct diag diag;
    const struct batch_head head = exchange_head(link->fetch);
    enum err err = batch_print_request(&head, &body, &diag);
    if (!err)
        err = exchange_start(link->fetch, &body, &diag);
    buffer_fini(&body);
    if (err)
        fetch_failed(link, &diag);
}

/* Become what the nameserver wants. */
static enum err take_list(struct link *link, const struct buffer *bytes, struct diag *reterr)
{
    struct batch_checks list;
    enum err err = batch_parse_checks(bytes->bytes, bytes->len, &list, reterr);
    if (err)
        return err;
    err = wanted_take(link->wanted, link->idx, &list, reterr);
    if (!err) {
        link->generation = list.generation;
        link->resending = true; /* it may list what another one has listed for long */
        log_number_of(link, LOG_LEVEL_NOTICE, "checks", "count", (int64_t)list.checks_count);
    }
    batch_checks_fini(&list);
    return err;
}

static void on_list(void *context, const struct exchange_answer *answer)
{
    struct link *link = context;
    struct diag diag = *answer->diag;
    enum err err = answer->err;
    if (!err)
        err = take_list(link, answer->bytes, &diag);
    if (err) {
        fetch_failed(link, &diag);
        return;
    }
    link->fetch_failures = 0;
    link->fetch_trouble.text[0] = '\0';
}

/* Pushing -------------------------------------------------------------------------------------- */

static bool is_wanted(const struct link *link, const struct task *task)
{
    return task->servers >> link->idx & 1;
}

/* Fill `results` with what the nameserver has not acknowledged; returns how many. What does not
 * fit goes with the next push, soon. */
static size_t collect(struct link *link, struct batch_result results[BATCH_RESULTS_MAX])
{
    size_t count = 0;
    const struct task *task = schedule_after(link->schedule, link->acked_no);
    for (; task && count < BATCH_RESULTS_MAX; task = task->newer) {
        if (is_wanted(link, task))
            results[count++] =
                (struct batch_result){.check = task->check.id, .vote = task->probe.vote};
        link->sent_no = task->result_no;
    }
    link->hurried = task != NULL;
    return count;
}

static void push_failed(struct link *link, const struct diag *diag)
{
    link->push_failures++;
    link->resending = true;
    push_in(link, away_ms(link->push_failures));
    log_trouble(link, &link->push_trouble, "server-away", diag);
}

static enum err print_votes(struct link *link, struct buffer *body, struct diag *reterr)
{
    struct batch_result *results = malloc(BATCH_RESULTS_MAX * sizeof *results);
    if (!results)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    const struct batch_head head = exchange_head(link->push);
    if (link->resending)
        link->acked_no = 0;
    link->resending = false;
    link->sent_no = link->acked_no;
    const size_t count = collect(link, results);
    const enum err err = batch_print_votes(&head, results, count, body, reterr);
    free(results);
    return err;
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct link *link = context;
    struct buffer body = {0};
    struct diag diag;
    (void)fd;
    (void)what;
    link->pushed_ms = clock_mono_ms();
    enum err err = print_votes(link, &body, &diag);
    if (!err)
        err = exchange_start(link->push, &body, &diag);
    buffer_fini(&body);
    if (err)
        push_failed(link, &diag);
}

static void warn_of_clock(struct link *link, int64_t server_ms)
{
    const int64_t ahead_ms = clock_wall_ms() - server_ms;
    const bool off = ahead_ms > CLOCK_WARN_MS || ahead_ms < -CLOCK_WARN_MS;
    if (off && !link->clock_warned)
        log_number_of(link, LOG_LEVEL_WARNING, "clock-off", "ahead_ms", ahead_ms);
    link->clock_warned = off;
}

/* Over a new connection there may be a new process, which knows nothing of the votes that the
 * old one got. */
static void start_over(struct link *link)
{
    const int64_t now_ms = clock_mono_ms();
    if (now_ms - link->resent_ms < LINK_RESEND_MS)
        return;
    link->resent_ms = now_ms;
    link->resending = true;
}

/* Do what the nameserver asks for. */
static enum err take_reply(struct link *link, const struct buffer *bytes, struct diag *reterr)
{
    struct batch_reply reply;
    const enum err err = batch_parse_reply(bytes->bytes, bytes->len, &reply, reterr);
    if (err)
        return err;
    for (size_t i = 0; i < reply.rechecks_count; i++)
        wanted_hurry(link->wanted, link->idx, reply.rechecks[i]);
    warn_of_clock(link, reply.clock_ms);
    if (reply.checks_generation != link->generation && !exchange_is_running(link->fetch) &&
        clock_mono_ms() >= link->fetch_after_ms)
        start_fetch(link);
    batch_reply_fini(&reply);
    return OK;
}

static void on_reply(void *context, const struct exchange_answer *answer)
{
    struct link *link = context;
    struct diag diag = *answer->diag;
    enum err err = answer->err;
    if (!err)
        err = take_reply(link, answer->bytes, &diag);
    if (err) {
        push_failed(link, &diag);
        return;
    }
    if (link->push_failures > 0)
        log_number_of(link, LOG_LEVEL_NOTICE, "server-back", "failures", link->push_failures);
    link->push_failures = 0;
    link->push_trouble.text[0] = '\0';
    link->acked_no = link->sent_no;
    if (answer->reconnected)
        start_over(link);
    push_in(link, link->pushed_ms + (link->hurried ? LINK_GAP_MS : LINK_PUSH_MS) - clock_mono_ms());
}

void link_hurry(struct link *link)
{
    link->hurried = true;
    if (link->push_failures == 0 && !exchange_is_running(link->push))
        push_in(link, link->pushed_ms + LINK_GAP_MS - clock_mono_ms());
}

/* The link ------------------------------------------------------------------------------------- */

static enum err open_exchanges(struct link *link, const struct caller *caller,
                               const struct listen *server, struct diag *reterr)
{
    const struct exchange_kind push = {INTAKE_VOTES, "/v1/votes", BATCH_LEN_MAX,
                                       LINK_PUSH_TIMEOUT_MS};
    const struct exchange_kind fetch = {INTAKE_CHECKS, "/v1/checks", BATCH_CHECKS_LEN_MAX,
                                        LINK_FETCH_TIMEOUT_MS};
    const enum err err = exchange_new(
        caller, server, push, (struct exchange_finish){on_reply, link}, &link->push, reterr);
    return err ? err
               : exchange_new(caller, server, fetch, (struct exchange_finish){on_list, link},
                              &link->fetch, reterr);
}

enum err link_new(const struct caller *caller, const struct listen *server, unsigned idx,
                  struct wanted *wanted, const struct schedule *schedule, struct link **ret,
                  struct diag *reterr)
{
    struct link *link = calloc(1, sizeof *link);
    if (!link)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    link->schedule = schedule;
    link->wanted = wanted;
    link->idx = idx;
    link->generation = GENERATION_NONE;
    link->resent_ms = clock_mono_ms();
    (void)listen_print(server, link->name);
    link->timer = evtimer_new(caller->base, on_timer, link);
    const enum err err = link->timer ? open_exchanges(link, caller, server, reterr)
                                     : diag_set(reterr, ERR_MEMORY, "out of memory");
    if (err) {
        link_free(&link);
        return err;
    }
    push_in(link, 0);
    *ret = link;
    return OK;
}

void link_free(struct link **link)
{
    struct link *l = *link;
    if (!l)
        return;
    exchange_free(&l->push);
    exchange_free(&l->fetch);
    if (l->timer)
        event_free(l->timer);
    free(l);
    *link = NULL;
}
