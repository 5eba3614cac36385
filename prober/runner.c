#include "prober/runner.h"

#include "common/clock.h"
#include "prober/probe_http.h"
#include "prober/probe_tcp.h"
#include "prober/trouble.h"

#include <assert.h>
#include <stdlib.h>

struct runner {
    const struct gear *gear;
    const struct check *check;
    struct finish finish;
    struct listen to;              /* family IP_NONE: the address is a name */
    struct resolve_lookup *lookup; /* NULL while none runs */
    int64_t ends_ms;               /* when the probe that runs must have ended */
    struct probe_tcp *tcp;         /* of a tcp check */
    struct probe_http *http;       /* of an http or https check */
};

enum err runner_new(const struct gear *gear, const struct check *check, struct finish finish,
                    struct runner **ret, struct diag *reterr)
{
    struct runner *runner = calloc(1, sizeof *runner);
    if (!runner)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    runner->gear = gear;
    runner->check = check;
    runner->finish = finish;
    runner->to.port = check->port;
    if (ip_parse(check->address, &runner->to.ip, NULL) != OK)
        runner->to.ip = (struct ip){.family = IP_NONE};
    enum err err = OK;
    if (check->type == CHECK_TCP)
        err = probe_tcp_new(gear, finish, &runner->tcp, reterr);
    else if (check->type == CHECK_HTTP || check->type == CHECK_HTTPS)
        err = probe_http_new(gear, check, finish, &runner->http, reterr);
    if (err)
        runner_free(&runner);
    else
        *ret = runner;
    return err;
}

void runner_free(struct runner **runner)
{
    struct runner *r = *runner;
    if (!r)
        return;
    resolve_stop(&r->lookup);
    probe_tcp_free(&r->tcp);
    probe_http_free(&r->http);
    free(r);
    *runner = NULL;
}

static void finish_unknown(const struct runner *runner, const char *reason)
{
    const struct probe_result result = trouble_unknown(reason);
    runner->finish.call(runner->finish.context, &result);
}

static void probe_at(struct runner *runner, const struct listen *to)
{
    const int64_t left_ms = runner->ends_ms - clock_mono_ms();
    if (left_ms <= 0)
        finish_unknown(runner, "prober: name resolution timed out");
    else if (runner->tcp)
        probe_tcp_start(runner->tcp, to, left_ms);
    else
        probe_http_start(runner->http, to, left_ms);
}

static void on_lookup(void *context, const struct ip *ip)
{
    struct runner *runner = context;
    runner->lookup = NULL;
    if (!ip) {
        finish_unknown(runner, "prober: no address for the name");
        return;
    }
    const struct listen to = {.ip = *ip, .port = runner->to.port};
    probe_at(runner, &to);
}

void runner_start(struct runner *runner)
{
    const struct resolve_finish resolved = {on_lookup, runner};
    const int64_t timeout_ms = runner->check->timeout_ms;
    runner->ends_ms = clock_mono_ms() + timeout_ms;
    assert(!runner->lookup);
    if (!runner->tcp && !runner->http)
        finish_unknown(runner, "prober: this type of check is not supported");
    else if (runner->to.ip.family != IP_NONE)
        probe_at(runner, &runner->to);
    else if (resolve_start(runner->gear->resolve, runner->check->address, timeout_ms, resolved,
                           &runner->lookup, NULL) != OK)
        finish_unknown(runner, "prober: out of memory");
}
