#include "server/control/abuse.h"

#include "common/log.h"
#include "server/answer/codes.h"

/* Where a kind is counted, what it is called, of how many there is a line, and where the last one is kept. */
struct kind {
    const char *name;
    size_t off;
    uint64_t min;
    size_t last_off; /* a struct refused; 0: it is not */
};

static const struct kind kinds[ABUSE_KINDS] = {
    [RRL_ANSWER] = {NULL, offsetof(struct counters, limited[RRL_ANSWER]), 1},
    [RRL_NXDOMAIN] = {NULL, offsetof(struct counters, limited[RRL_NXDOMAIN]), 1},
    [RRL_ERROR] = {NULL, offsetof(struct counters, limited[RRL_ERROR]), 1},
    [ABUSE_SHORT] = {"short", offsetof(struct counters, drops[DROP_SHORT]), ABUSE_COUNT_MIN},
    [ABUSE_RESPONSE] = {"response", offsetof(struct counters, drops[DROP_RESPONSE]), ABUSE_COUNT_MIN},
    [ABUSE_PORT] = {"port", offsetof(struct counters, drops[DROP_PORT]), ABUSE_COUNT_MIN},
    [ABUSE_FORMERR] = {"formerr", offsetof(struct counters, rcodes[RCODE_FORMERR]), ABUSE_COUNT_MIN},
    [ABUSE_TSIG] = {"tsig", offsetof(struct counters, tsig_refused), 1,
                    offsetof(struct counters, refused[REFUSED_TSIG])},
    [ABUSE_TRANSFER] = {"transfer", offsetof(struct counters, transfers_refused), 1,
                        offsetof(struct counters, refused[REFUSED_TRANSFER])},
    [ABUSE_PROXY] = {"proxy", offsetof(struct counters, proxy_refused), ABUSE_COUNT_MIN},
    [ABUSE_TCP] = {"tcp", offsetof(struct counters, tcp_refused), ABUSE_COUNT_MIN},
    [ABUSE_HANDSHAKE] = {"handshake", offsetof(struct counters, tls_failed), ABUSE_COUNT_MIN},
};

static uint64_t kind_sum(const struct abuse *abuse, const struct kind *kind)
{
    return counters_sum(abuse->workers, abuse->workers_count, kind->off);
}

void abuse_init(struct abuse *abuse, const struct counters *const *workers, size_t workers_count,
                int64_t now_ms)
{
    *abuse = (struct abuse){.workers = workers, .workers_count = workers_count, .looked_ms = now_ms};
    for (unsigned i = 0; i < ABUSE_KINDS; i++)
        abuse->windows[i] =
            (struct abuse_window){.counted = kind_sum(abuse, &kinds[i]), .since_ms = now_ms};
}

/* Where the last limited reply of a class was to go. */
static struct prefix last_net(const struct abuse *abuse, enum rrl_class class)
{
    uint64_t net = 0, latest_ms = 0;
    for (size_t i = 0; i < abuse->workers_count; i++) {
        const struct counters *worker = abuse->workers[i];
        const uint64_t ms = __atomic_load_n(&worker->limited_ms[class], __ATOMIC_RELAXED);
        if (ms < latest_ms)
            continue;
        latest_ms = ms;
        net = __atomic_load_n(&worker->limited_net[class], __ATOMIC_RELAXED);
    }
    return rrl_net_unpack(net);
}

static void limited_log(const struct abuse *abuse, enum rrl_class class, uint64_t count, int64_t ms)
{
    struct log_line line;
    char text[PREFIX_TEXT_MAX];
    const struct prefix net = last_net(abuse, class);
    log_begin(&line, LOG_LEVEL_WARNING, "rate-limit");
    log_text(&line, "class", counters_limited_name(class));
    log_number(&line, "replies", (int64_t)count);
    log_number(&line, "seconds", ms / 1000);
    log_text(&line, "last", prefix_print(&net, text));
    log_end(&line);
}

/* The last one that was refused by any worker. False: none is known. */
static bool last_refusal(const struct abuse *abuse, size_t off, struct refusal *ret)
{
    bool found = false;
    for (size_t i = 0; i < abuse->workers_count; i++) {
        struct refusal refusal;
        const uint8_t *page = (const uint8_t *)abuse->workers[i];
        if (!refused_find((const struct refused *)(const void *)(page + off), &refusal) ||
            (found && refusal.at_ms < ret->at_ms))
            continue;
        *ret = refusal;
        found = true;
    }
    return found;
}

static void last_put(const struct abuse *abuse, size_t off, struct log_line *line)
{
    struct refusal refusal;
    char client[IP_TEXT_MAX], zone[NAME_TEXT_MAX];
    if (!last_refusal(abuse, off, &refusal))
        return;
    log_text(line, "last", ip_print(&refusal.client, client));
    if (refusal.zone_len > 0)
        log_text(line, "zone", name_print(refusal.zone, zone));
}

static void kind_log(const struct abuse *abuse, const struct kind *kind, uint64_t count, int64_t ms)
{
    struct log_line line;
    log_begin(&line, LOG_LEVEL_WARNING, "abuse");
    log_text(&line, "kind", kind->name);
    log_number(&line, "count", (int64_t)count);
    log_number(&line, "seconds", ms / 1000);
    if (kind->last_off > 0)
        last_put(abuse, kind->last_off, &line);
    log_end(&line);
}

/* How many are to be told now, 0: none. A window without enough begins anew after as long as one
 * with a line. */
static uint64_t window_take(struct abuse_window *window, uint64_t sum, uint64_t min, int64_t now_ms)
{
    const bool whole = now_ms - window->since_ms >= ABUSE_LINE_MS;
    const uint64_t count = sum - window->counted;
    const bool telling = count >= min && (whole || !window->told);
    if (telling || whole)
        *window = (struct abuse_window){.counted = sum, .since_ms = now_ms, .told = telling};
    return telling ? count : 0;
}

void abuse_tick(struct abuse *abuse, int64_t now_ms)
{
    if (now_ms - abuse->looked_ms < ABUSE_LOOK_MS)
        return;
    abuse->looked_ms = now_ms;
    for (unsigned i = 0; i < ABUSE_KINDS; i++) {
        const int64_t ms = now_ms - abuse->windows[i].since_ms;
        const uint64_t count =
            window_take(&abuse->windows[i], kind_sum(abuse, &kinds[i]), kinds[i].min, now_ms);
        if (count == 0)
            continue;
        if (i < RRL_CLASSES)
            limited_log(abuse, (enum rrl_class)i, count, ms);
        else
            kind_log(abuse, &kinds[i], count, ms);
    }
}
