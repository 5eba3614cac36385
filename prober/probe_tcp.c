#include "prober/probe_tcp.h"

#include "common/clock.h"
#include "prober/trouble.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct probe_tcp {
    const struct gear *gear;
    struct finish finish;
    struct listen to;
    struct event *event; /* the socket's; NULL while no probe runs */
    int fd;
    int64_t started_ms;
};

enum err probe_tcp_new(const struct gear *gear, struct finish finish, struct probe_tcp **ret,
                       struct diag *reterr)
{
    struct probe_tcp *probe = malloc(sizeof *probe);
    if (!probe)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    *probe = (struct probe_tcp){.gear = gear, .finish = finish, .fd = -1};
    *ret = probe;
    return OK;
}

static void stop(struct probe_tcp *probe)
{
    if (probe->event)
        event_free(probe->event);
    probe->event = NULL;
    if (probe->fd >= 0)
        (void)close(probe->fd);
    probe->fd = -1;
}

void probe_tcp_free(struct probe_tcp **probe)
{
    if (!*probe)
        return;
    stop(*probe);
    free(*probe);
    *probe = NULL;
}

/* The probe ends with `error`, or well with 0. */
static void finish(struct probe_tcp *probe, int error)
{
    struct probe_result result = {.outcome = PROBE_OK,
                                  .latency_ms = (uint32_t)(clock_mono_ms() - probe->started_ms)};
    stop(probe);
    if (error != 0)
        result = trouble_of(error, probe->gear->egress, &probe->to);
    probe->finish.call(probe->finish.context, &result);
}

static void on_socket(evutil_socket_t fd, short what, void *context)
{
    struct probe_tcp *probe = context;
    int error = ETIMEDOUT;
    socklen_t len = sizeof error;
    if (what & EV_WRITE && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    finish(probe, error);
}

static int wait_for(struct probe_tcp *probe, int64_t timeout_ms)
{
    const struct timeval in = clock_timeval(timeout_ms);
    probe->event = event_new(probe->gear->base, probe->fd, EV_WRITE, on_socket, probe);
    return probe->event && event_add(probe->event, &in) == 0 ? 0 : ENOMEM;
}

/* Begin to connect; 0 or an errno. */
static int begin(struct probe_tcp *probe)
{
    struct sockaddr_storage at;
    const socklen_t at_len = listen_to_sockaddr(&probe->to, &at);
    probe->fd = egress_socket(probe->gear->egress, probe->to.ip.family);
    if (probe->fd < 0)
        return errno;
    return connect(probe->fd, (const struct sockaddr *)&at, at_len) == 0 || errno == EINPROGRESS
               ? 0
               : errno;
}

void probe_tcp_start(struct probe_tcp *probe, const struct listen *to, int64_t timeout_ms)
{
    assert(!probe->event);
    probe->to = *to;
    probe->started_ms = clock_mono_ms();
    int error = begin(probe);
    if (error == 0)
        error = wait_for(probe, timeout_ms);
    if (error != 0)
        finish(probe, error);
}
