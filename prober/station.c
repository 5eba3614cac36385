#include "prober/station.h"

#include "common/log.h"
#include "common/notify.h"
#include "health/key.h"
#include "prober/exchange.h"
#include "prober/gear.h"
#include "prober/link.h"
#include "prober/schedule.h"
#include "prober/wanted.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

enum {
    DESCRIPTORS_SPARE = 64, /* the loop, the log, name resolution, a file now and then */
    LINK_DESCRIPTORS = 2,
};

struct station {
    const struct setup *setup;
    struct key *key;
    struct event_base *base;
    struct event *stops[2]; /* SIGTERM, SIGINT */
    struct gear gear;
    struct caller caller;
    struct multi *probe_multi;
    struct multi *link_multi;
    struct resolve *resolve;
    struct schedule *schedule;
    struct wanted *wanted;
    struct link *links[WANTED_SERVERS_MAX];
};

_Static_assert((int)OPTION_VALUES_MAX <= (int)WANTED_SERVERS_MAX, "a bit for each --server");

/* News ----------------------------------------------------------------------------------------- */

static void log_vote(const struct task *task)
{
    const struct vote *vote = &task->probe.vote;
    struct log_line line;
    log_begin(&line, vote_is_doubtful(vote) ? LOG_LEVEL_DEBUG : LOG_LEVEL_NOTICE, "vote");
    log_text(&line, "check", task->check.id);
    log_text(&line, "vote", verdict_print(vote->verdict));
    if (vote->reason[0] != '\0')
        log_text(&line, "reason", vote->reason);
    log_end(&line);
}

static void on_news(void *context, const struct task *task)
{
    struct station *station = context;
    log_vote(task);
    for (size_t i = 0; i < station->setup->servers_count; i++)
        if (task->servers >> i & 1)
            link_hurry(station->links[i]);
}

/* Setting up ----------------------------------------------------------------------------------- */

/* Allow as many descriptors as `wanted`; returns how many there may be. */
static rlim_t raise_descriptors(rlim_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return wanted;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur;
}

/* Each probe takes a descriptor. Where there are too few, fewer probes run at a time. */
static enum err fit_probes(const struct setup *setup, size_t *ret, struct diag *reterr)
{
    const rlim_t others = DESCRIPTORS_SPARE + LINK_DESCRIPTORS * setup->servers_count;
    const rlim_t allowed = raise_descriptors(setup->probes_max + others);
    if (allowed <= others)
        return diag_set(reterr, ERR_LIMIT,
                        "%lu descriptors (ulimit -n) are too few; %lu are needed",
                        (unsigned long)allowed, (unsigned long)(setup->probes_max + others));
    *ret = setup->probes_max;
    if (allowed - others < setup->probes_max) {
        *ret = (size_t)(allowed - others);
        struct log_line line;
        log_begin(&line, LOG_LEVEL_WARNING, "few-descriptors");
        log_number(&line, "allowed", (int64_t)allowed);
        log_number(&line, "probes_max", (int64_t)*ret);
        log_end(&line);
    }
    return OK;
}

static struct event_base *open_base(void)
{
    struct event_config *config = event_config_new();
    if (!config)
        return NULL;
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER | EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static void on_stop(evutil_socket_t signal, short what, void *context)
{
    struct station *station = context;
    (void)signal;
    (void)what;
    (void)event_base_loopbreak(station->base);
}

static enum err open_loop(struct station *station, struct diag *reterr)
{
    const int signals[] = {SIGTERM, SIGINT};
    station->base = open_base();
    if (!station->base)
        return diag_set(reterr, ERR_SYSTEM, "cannot set up libevent");
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        station->stops[i] = evsignal_new(station->base, signals[i], on_stop, station);
        if (!station->stops[i] || event_add(station->stops[i], NULL) != 0)
            return diag_set(reterr, ERR_MEMORY, "out of memory");
    }
    return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? diag_errno(reterr, "cannot ignore SIGPIPE") : OK;
}

static enum err open_gear(struct station *station, struct diag *reterr)
{
    const struct setup *setup = station->setup;
    enum err err = multi_new(station->base, 0, &station->probe_multi, reterr);
    if (!err)
        err = multi_new(station->base, (long)(LINK_DESCRIPTORS * setup->servers_count),
                        &station->link_multi, reterr);
    if (!err)
        err = resolve_new(station->base, setup->resolvers, setup->resolvers_count,
                          &station->resolve, reterr);
    station->gear = (struct gear){.base = station->base,
                                  .multi = station->probe_multi,
                                  .resolve = station->resolve,
                                  .egress = &setup->egress,
                                  .ca_path = setup->checks_ca_path};
    station->caller = (struct caller){.base = station->base,
                                      .multi = station->link_multi,
                                      .egress = &setup->egress,
                                      .key = station->key,
                                      .vantage = setup->vantage,
                                      .ca_path = setup->ca_path,
                                      .server_name = setup->server_name};
    return err;
}

static enum err open_work(struct station *station, struct diag *reterr)
{
    const struct setup *setup = station->setup;
    size_t probes_max;
    enum err err = fit_probes(setup, &probes_max, reterr);
    if (!err)
        err = schedule_new(&station->gear, probes_max, (struct schedule_news){on_news, station},
                           &station->schedule, reterr);
    if (!err)
        err = wanted_new(station->schedule, &station->wanted, reterr);
    for (unsigned i = 0; !err && i < setup->servers_count; i++)
        err = link_new(&station->caller, &setup->servers[i], i, station->wanted, station->schedule,
                       &station->links[i], reterr);
    return err;
}

enum err station_open(const struct setup *setup, struct station **ret, struct diag *reterr)
{
    struct station *station = calloc(1, sizeof *station);
    if (!station)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    station->setup = setup;
    enum err err = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK
                       ? OK
                       : diag_set(reterr, ERR_SYSTEM, "cannot set up libcurl");
    if (!err && (err = key_load(setup->key_path, &station->key, reterr)) != OK)
        (void)diag_prefix(reterr, err, "%s", setup->key_place);
    if (!err)
        err = open_loop(station, reterr);
    if (!err)
        err = open_gear(station, reterr);
    if (!err)
        err = open_work(station, reterr);
    if (err)
        station_close(&station);
    else
        *ret = station;
    return err;
}

void station_close(struct station **station)
{
    struct station *s = *station;
    if (!s)
        return;
    for (size_t i = 0; i < WANTED_SERVERS_MAX; i++)
        link_free(&s->links[i]);
    wanted_free(&s->wanted);
    schedule_free(&s->schedule);
    resolve_free(&s->resolve);
    multi_free(&s->probe_multi);
    multi_free(&s->link_multi);
    for (size_t i = 0; i < sizeof s->stops / sizeof s->stops[0]; i++)
        if (s->stops[i])
            event_free(s->stops[i]);
    if (s->base)
        event_base_free(s->base);
    key_free(&s->key);
    curl_global_cleanup();
    free(s);
    *station = NULL;
}

enum err station_run(struct station *station, struct diag *reterr)
{
    struct log_line line;
    log_begin(&line, LOG_LEVEL_NOTICE, "started");
    log_text(&line, "vantage", station->setup->vantage);
    log_number(&line, "servers", (int64_t)station->setup->servers_count);
    log_end(&line);
    notify_send("READY=1");
    const int status = event_base_dispatch(station->base);
    notify_send("STOPPING=1");
    if (status < 0)
        return diag_set(reterr, ERR_SYSTEM, "the event loop failed");
    log_begin(&line, LOG_LEVEL_NOTICE, "stopped");
    log_end(&line);
    return OK;
}
