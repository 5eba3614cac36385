#include "server/control/metrics.h"

#include "server/control/exposition.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>

/* Workers -------------------------------------------------------------------------------------- */

static uint64_t sum_at(const struct metrics_view *view, size_t off)
{
    return counters_sum(view->workers, view->workers_count, off);
}

static void put_sum(const struct metrics_view *view, size_t off, const char *name, const char *help,
                    struct buffer *ret)
{
    exposition_single_count(ret, name, EXPOSITION_COUNTER, help, sum_at(view, off));
}

/* A family with one label whose values are the indices of an array of counters. */
struct array {
    const char *name, *help, *label;
    size_t off;
    unsigned count;
    const char *(*print)(unsigned idx);
};

static const char *print_transport(unsigned idx)
{
    return counters_transport_name((enum transport)idx);
}

static const char *print_type(unsigned idx)
{
    return counters_type_name((enum counted_type)idx);
}

static const char *print_drop(unsigned idx)
{
    return counters_drop_name((enum drop)idx);
}

static const char *print_cookie(unsigned idx)
{
    return counters_cookie_name((enum cookie_verdict)idx);
}

static const char *print_limited(unsigned idx)
{
    return counters_limited_name((enum rrl_class)idx);
}

static void put_array(const struct metrics_view *view, const struct array *array, struct buffer *ret)
{
    exposition_family(ret, array->name, EXPOSITION_COUNTER, array->help);
    for (unsigned i = 0; i < array->count; i++) {
        struct exposition sample = exposition_begin(ret, array->name);
        exposition_label(&sample, array->label, array->print(i));
        exposition_count(&sample, sum_at(view, array->off + i * sizeof(uint64_t)));
    }
}

static void put_queries(const struct metrics_view *view, struct buffer *ret)
{
    static const struct array arrays[] = {
        {"gslbd_queries_total", "Queries that arrived.", "transport", offsetof(struct counters, queries),
         TRANSPORTS, print_transport},
        {"gslbd_queries_by_type_total", "Queries by the type that they asked for.", "type",
         offsetof(struct counters, types), COUNTED_TYPES, print_type},
        {"gslbd_replies_total", "Replies by their response code.", "rcode", offsetof(struct counters, rcodes),
         COUNTED_RCODES, counters_rcode_name},
        {"gslbd_drops_total", "Packets that got no reply.", "reason", offsetof(struct counters, drops), DROPS,
         print_drop},
        {"gslbd_cookies_total", "Queries by the DNS cookie that they had.", "cookie",
         offsetof(struct counters, cookies), COOKIE_VERDICTS, print_cookie},
        {"gslbd_rate_limited_total", "Replies over the rate limit, by what they are; not sent as they were.",
         "class", offsetof(struct counters, limited), RRL_CLASSES, print_limited},
    };
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        put_array(view, &arrays[i], ret);
    put_sum(view, offsetof(struct counters, rate_truncated), "gslbd_rate_truncated_total",
            "Replies over the rate limit that were truncated.", ret);
    put_sum(view, offsetof(struct counters, rate_bad_cookies), "gslbd_rate_bad_cookies_total",
            "Replies over the rate limit that asked for a cookie.", ret);
    put_sum(view, offsetof(struct counters, truncated), "gslbd_truncated_total", "Replies with TC.", ret);
    put_sum(view, offsetof(struct counters, client_subnets), "gslbd_client_subnet_queries_total",
            "Queries with a usable client subnet.", ret);
    put_sum(view, offsetof(struct counters, steered), "gslbd_steered_answers_total",
            "Answers of services, auto hints of SVCB and HTTPS among them.", ret);
    put_sum(view, offsetof(struct counters, below_serving), "gslbd_below_serving_answers_total",
            "Answers of services for which nothing was healthy and undrained.", ret);
}

static void put_notifies(const struct announce *announce, struct buffer *ret)
{
    static const char name[] = "gslbd_notifies_total";
    exposition_single_count(ret, "gslbd_notifies_pending", EXPOSITION_GAUGE,
                            "NOTIFY messages that a secondary has not acknowledged yet.",
                            announce ? announce_pending(announce) : 0);
    exposition_single_count(ret, "gslbd_notifies_sent_total", EXPOSITION_COUNTER,
                            "NOTIFY messages sent, repetitions included.",
                            announce ? announce_sends(announce) : 0);
    exposition_family(ret, name, EXPOSITION_COUNTER, "NOTIFY messages by what became of them.");
    for (unsigned fate = 0; fate < ANNOUNCE_FATES; fate++) {
        struct exposition sample = exposition_begin(ret, name);
        exposition_label(&sample, "result", announce_fate_name((enum announce_fate)fate));
        exposition_count(&sample, announce ? announce_count(announce, (enum announce_fate)fate) : 0);
    }
}

static void put_transfers(const struct metrics_view *view, struct buffer *ret)
{
    put_sum(view, offsetof(struct counters, transfers), "gslbd_transfers_total", "Zone transfers begun.",
            ret);
    put_sum(view, offsetof(struct counters, transfers_incremental), "gslbd_transfers_incremental_total",
            "Zone transfers begun that send what has changed alone.", ret);
    put_sum(view, offsetof(struct counters, transfers_refused), "gslbd_transfers_refused_total",
            "Zone transfers that were not allowed.", ret);
    put_sum(view, offsetof(struct counters, tsig_refused), "gslbd_tsig_refused_total",
            "Messages with a signature that is wrong.", ret);
    put_notifies(view->announce, ret);
}

static void put_tcp(const struct metrics_view *view, struct buffer *ret)
{
    put_sum(view, offsetof(struct counters, tcp_accepted), "gslbd_tcp_accepted_total",
            "TCP connections accepted.", ret);
    put_sum(view, offsetof(struct counters, tcp_refused), "gslbd_tcp_refused_total",
            "TCP connections that found no place.", ret);
    put_sum(view, offsetof(struct counters, tcp_timeouts), "gslbd_tcp_timeouts_total",
            "TCP connections that were closed for being slow.", ret);
    put_sum(view, offsetof(struct counters, tls_handshakes), "gslbd_tls_handshakes_total",
            "TLS handshakes that were completed.", ret);
    put_sum(view, offsetof(struct counters, tls_failed), "gslbd_tls_handshakes_failed_total",
            "TLS handshakes that were not.", ret);
    put_sum(view, offsetof(struct counters, proxy_refused), "gslbd_proxy_refused_total",
            "Connections and datagrams without a valid PROXY header of one of our proxies.", ret);
    exposition_single_count(ret, "gslbd_tcp_open", EXPOSITION_GAUGE, "TCP connections that are open.",
                            sum_at(view, offsetof(struct counters, tcp_open)));
    exposition_single_count(ret, "gslbd_tls_open", EXPOSITION_GAUGE, "Those of them over TLS.",
                            sum_at(view, offsetof(struct counters, tls_open)));
    if (view->credentials)
        exposition_single_real(ret, "gslbd_tls_certificate_not_after_timestamp_seconds", EXPOSITION_GAUGE,
                               "Unix time at which the certificate of DNS over TLS that is served expires; "
                               "0: none was handed out since control started.",
                               (double)credentials_not_after_s(view->credentials));
}

static void put_answers(const struct metrics_view *view, struct buffer *ret)
{
    exposition_family(ret, "gslbd_answers_total", EXPOSITION_COUNTER,
                      "Answers by the pool that served them.");
    for (size_t i = 0; view->roster && i < view->roster->count; i++) {
        const struct roster_subject *subject = &view->roster->subjects[i];
        if (subject->kind != SUBJECT_POOL)
            continue;
        struct exposition sample = exposition_begin(ret, "gslbd_answers_total");
        exposition_label(&sample, "service", subject->service);
        exposition_label(&sample, "region", subject->region);
        exposition_count(&sample,
                         sum_at(view, offsetof(struct counters, answers) + subject->slot * sizeof(uint64_t)));
    }
}

/* Health --------------------------------------------------------------------------------------- */

static void put_subjects(const struct metrics_view *view, enum subject_kind kind, const char *name,
                         const char *help, struct buffer *ret)
{
    static const double values[] = {[VERDICT_UNKNOWN] = -1, [VERDICT_UP] = 1, [VERDICT_DOWN] = 0};
    exposition_family(ret, name, EXPOSITION_GAUGE, help);
    for (size_t i = 0; view->roster && i < view->roster->count; i++) {
        const struct roster_subject *subject = &view->roster->subjects[i];
        if (subject->kind != kind)
            continue;
        struct exposition sample = exposition_begin(ret, name);
        if (kind != SUBJECT_REGION)
            exposition_label(&sample, "service", subject->service);
        exposition_label(&sample, "region", subject->region);
        if (kind == SUBJECT_ENDPOINT)
            exposition_label(&sample, "address", subject->address);
        exposition_real(&sample, values[verdicts_get(view->verdicts, i).verdict]);
    }
}

static void put_verdicts(const struct metrics_view *view, struct buffer *ret)
{
    put_subjects(view, SUBJECT_REGION, "gslbd_region_up", "A region's verdict: 1 up, 0 down, -1 unknown.",
                 ret);
    put_subjects(view, SUBJECT_POOL, "gslbd_pool_up", "A pool's verdict: 1 up, 0 down, -1 unknown.", ret);
    put_subjects(view, SUBJECT_ENDPOINT, "gslbd_endpoint_up",
                 "An endpoint's verdict: 1 up, 0 down, -1 unknown.", ret);
}

static void put_votes(const struct metrics_view *view, struct buffer *ret)
{
    exposition_family(ret, "gslbd_votes_total", EXPOSITION_COUNTER, "Votes taken since control started.");
    for (size_t v = 0; v < verdicts_vantages(view->verdicts); v++) {
        const struct verdicts_attendance vantage = verdicts_vantage(view->verdicts, v);
        for (int verdict = VERDICT_UNKNOWN; verdict <= VERDICT_DOWN; verdict++) {
            struct exposition sample = exposition_begin(ret, "gslbd_votes_total");
            exposition_label(&sample, "vantage", vantage.name);
            exposition_label(&sample, "verdict", verdict_print((enum verdict)verdict));
            exposition_count(&sample, vantage.votes[verdict]);
        }
    }
}

static double value_fresh(const struct verdicts_attendance *vantage)
{
    return vantage->fresh;
}

static double value_suspect(const struct verdicts_attendance *vantage)
{
    return vantage->suspect;
}

static double value_enabled(const struct verdicts_attendance *vantage)
{
    return vantage->enabled;
}

static double value_seen(const struct verdicts_attendance *vantage)
{
    return (double)vantage->seen_ms / 1000;
}

static void put_vantages(const struct metrics_view *view, struct buffer *ret)
{
    static const struct {
        const char *name, *help;
        double (*value)(const struct verdicts_attendance *vantage);
    } families[] = {
        {"gslbd_vantage_fresh_votes", "Votes of a vantage point that count now.", value_fresh},
        {"gslbd_vantage_suspect", "1: the others contradict it, and its down votes do not count.",
         value_suspect},
        {"gslbd_vantage_enabled", "0: its messages are refused.", value_enabled},
        {"gslbd_vantage_last_seen_seconds", "Unix time of its last message; 0: none yet.", value_seen},
    };
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        exposition_family(ret, families[i].name, EXPOSITION_GAUGE, families[i].help);
        for (size_t v = 0; v < verdicts_vantages(view->verdicts); v++) {
            const struct verdicts_attendance vantage = verdicts_vantage(view->verdicts, v);
            struct exposition sample = exposition_begin(ret, families[i].name);
            exposition_label(&sample, "vantage", vantage.name);
            exposition_real(&sample, families[i].value(&vantage));
        }
    }
}

/* Control -------------------------------------------------------------------------------------- */

static void put_refusals(const struct metrics *metrics, struct buffer *ret)
{
    exposition_family(ret, "gslbd_messages_refused_total", EXPOSITION_COUNTER,
                      "Messages of vantage points that were not taken.");
    for (int why = INTAKE_OK + 1; why < INTAKE_COUNT; why++) {
        struct exposition sample = exposition_begin(ret, "gslbd_messages_refused_total");
        exposition_label(&sample, "reason", intake_print((enum intake)why));
        exposition_count(&sample, metrics->refusals[why]);
    }
}

static void put_generations(const struct metrics_view *view, struct buffer *ret)
{
    static const char name[] = "gslbd_image_generation";
    exposition_family(ret, name, EXPOSITION_GAUGE, "Generation of the world, published and at each worker.");
    struct exposition sample = exposition_begin(ret, name);
    exposition_label(&sample, "process", "control");
    exposition_count(&sample, view->metrics->generation);
    for (size_t i = 0; i < view->workers_count; i++) {
        char worker[24];
        (void)snprintf(worker, sizeof worker, "%zu", i);
        sample = exposition_begin(ret, name);
        exposition_label(&sample, "process", "worker");
        exposition_label(&sample, "worker", worker);
        exposition_count(&sample, __atomic_load_n(&view->workers[i]->generation, __ATOMIC_RELAXED));
    }
}

static void put_loads(const struct metrics *metrics, struct buffer *ret)
{
    static const char name[] = "gslbd_loads_total";
    exposition_family(ret, name, EXPOSITION_COUNTER,
                      "Attempts to take what the store holds, by their result.");
    struct exposition sample = exposition_begin(ret, name);
    exposition_label(&sample, "result", "ok");
    exposition_count(&sample, metrics->loads_ok);
    sample = exposition_begin(ret, name);
    exposition_label(&sample, "result", "failed");
    exposition_count(&sample, metrics->loads_failed);
    exposition_single_real(ret, "gslbd_load_success_timestamp_seconds", EXPOSITION_GAUGE,
                           "Unix time of the last good load.", (double)metrics->load_ok_ms / 1000);
    exposition_single_count(ret, "gslbd_zones", EXPOSITION_GAUGE,
                            "Zones that are ours, those that were never in order included.", metrics->zones);
    exposition_single_count(ret, "gslbd_problems", EXPOSITION_GAUGE,
                            "What is wrong in the store or the databases.", metrics->problems);
}

static void put_control(const struct metrics_view *view, struct buffer *ret)
{
    const struct metrics *metrics = view->metrics;
    exposition_single_count(ret, "gslbd_blind", EXPOSITION_GAUGE,
                            "1: no vote is fresh and every verdict holds.", verdicts_blind(view->verdicts));
    exposition_single_count(ret, "gslbd_history_failures_total", EXPOSITION_COUNTER,
                            "Transactions of health.db that failed.", verdicts_failures(view->verdicts));
    exposition_single_count(ret, "gslbd_history_events_lost_total", EXPOSITION_COUNTER,
                            "Events that found no place while health.db could not be written.",
                            verdicts_events_lost(view->verdicts));
    exposition_single_count(ret, "gslbd_workers", EXPOSITION_GAUGE, "Worker processes.", view->workers_count);
    put_sum(view, offsetof(struct counters, starts), "gslbd_worker_starts_total",
            "Workers started; those above gslbd_workers take the place of lost ones.", ret);
    exposition_single_count(ret, "gslbd_requests_total", EXPOSITION_COUNTER, "Requests on the control port.",
                            metrics->requests);
    exposition_single_count(ret, "gslbd_connections", EXPOSITION_GAUGE,
                            "Open connections on the control port.", metrics->connections);
    exposition_single_count(ret, "gslbd_connections_evicted_total", EXPOSITION_COUNTER,
                            "Connections on the control port that were closed to make room.",
                            metrics->connections_evicted);
}

/* The control process, by the names that every Prometheus client has for it. */
static void put_process(const struct metrics *metrics, struct buffer *ret)
{
    struct rusage usage = {0};
    (void)getrusage(RUSAGE_SELF, &usage);
    const double cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    exposition_single_real(ret, "process_start_time_seconds", EXPOSITION_GAUGE,
                           "When control started, unix time.", (double)metrics->started_ms / 1000);
    exposition_single_real(ret, "process_cpu_seconds_total", EXPOSITION_COUNTER, "CPU time of control.",
                           cpu_s);
    exposition_single_count(ret, "process_max_resident_memory_bytes", EXPOSITION_GAUGE,
                            "The most memory that control had.", (uint64_t)usage.ru_maxrss * 1024);
}

enum err metrics_print(const struct metrics_view *view, struct buffer *ret, struct diag *reterr)
{
    put_queries(view, ret);
    put_transfers(view, ret);
    put_tcp(view, ret);
    put_answers(view, ret);
    put_verdicts(view, ret);
    put_votes(view, ret);
    put_vantages(view, ret);
    put_refusals(view->metrics, ret);
    put_generations(view, ret);
    put_loads(view->metrics, ret);
    put_control(view, ret);
    put_process(view->metrics, ret);
    return buffer_check(ret, reterr);
}
