#include "server/supervisor.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/notify.h"
#include "server/control/control.h"
#include "server/cookie_file.h"
#include "server/holdings.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum phase {
    PHASE_STARTING, /* control runs, no world has come */
    PHASE_RUNNING,
    PHASE_DRAINING, /* workers have been told to end */
    PHASE_ENDING,   /* ... and have; control was told */
    PHASE_ENDED,
};

struct supervisor {
    const struct settings *settings;
    enum phase phase;
    int exit_status;
    int64_t stopped_ms; /* when SIGTERM came; monotonic */
    struct holdings held;
    struct child control;
    int channel_fd; /* to control; -1: it does not run */
    struct parts parts;
};

/* Children ------------------------------------------------------------------------------------- */

/* In the child. */
static _Noreturn void govern(struct supervisor *s, int channel_fd)
{
    const struct settings *settings = s->settings;
    int keep[SETTINGS_LISTENS_MAX + SETTINGS_WORKERS_MAX + 2] = {channel_fd, s->held.board_fd};
    int counters_fds[SETTINGS_WORKERS_MAX];
    size_t count = 2;
    for (size_t i = 0; i < settings->controls_count; i++)
        keep[count++] = s->held.control_fds[i];
    for (unsigned i = 0; i < settings->workers_count; i++)
        keep[count++] = counters_fds[i] = s->held.places[i].counters_fd;
    child_close_others(keep, count);
    cookie_file_forget(&s->held.cookies);
    const struct control_setup setup = {
        .settings = settings,
        .channel_fd = channel_fd,
        .board_fd = s->held.board_fd,
        .listen_fds = s->held.control_fds,
        .listens_count = settings->controls_count,
        .counters_fds = counters_fds,
        .workers_count = settings->workers_count,
        .pulse = s->control.pulse,
    };
    _exit(control_run(&setup));
}

static enum err start_control(struct supervisor *s, int64_t now_ms, struct diag *reterr)
{
    int fd;
    const pid_t pid = child_fork(&s->control, "gslbd:control", now_ms, &fd, reterr);
    if (pid < 0)
        return ERR_SYSTEM;
    if (pid == 0)
        govern(s, fd);
    s->channel_fd = fd;
    return OK;
}

/* The first start of each is told by "ready". */
static void log_started(const char *process, const struct child *child, bool again)
{
    struct log_line line;
    if (!again)
        return;
    log_begin(&line, LOG_LEVEL_NOTICE, "started-again");
    log_text(&line, "process", process);
    log_number(&line, "pid", child->pid);
    log_end(&line);
}

static void put_off(struct child *child, int64_t now_ms, const struct diag *diag)
{
    log_message(LOG_LEVEL_ERROR, "start-failed", diag->text);
    child_put_off(child, now_ms);
}

static void start_place(struct supervisor *s, struct place *place, int64_t now_ms)
{
    struct diag diag;
    const bool again = place->child.started_ms != 0;
    if (place_start(place, s->settings, s->held.board_read_fd, &s->parts, now_ms, &diag) == OK)
        log_started("gslbd:worker", &place->child, again);
    else
        put_off(&place->child, now_ms, &diag);
}

/* Start whatever is due. */
static void start_due(struct supervisor *s, int64_t now_ms)
{
    struct diag diag;
    const bool again = s->control.started_ms != 0;
    if (s->phase > PHASE_RUNNING)
        return;
    if (child_wait_ms(&s->control, now_ms) == 0) {
        if (start_control(s, now_ms, &diag) == OK)
            log_started("gslbd:control", &s->control, again);
        else
            put_off(&s->control, now_ms, &diag);
    }
    for (unsigned i = 0; s->phase == PHASE_RUNNING && i < s->settings->workers_count; i++)
        if (child_wait_ms(&s->held.places[i].child, now_ms) == 0)
            start_place(s, &s->held.places[i], now_ms);
}

static void log_ended(const char *process, pid_t pid, int status)
{
    struct log_line line;
    log_begin(&line, LOG_LEVEL_ERROR, "died");
    log_text(&line, "process", process);
    log_number(&line, "pid", pid);
    if (WIFSIGNALED(status))
        log_text(&line, "signal", sigabbrev_np(WTERMSIG(status)));
    else
        log_number(&line, "status", WEXITSTATUS(status));
    log_end(&line);
}

static void control_ended(struct supervisor *s, int status, int64_t now_ms)
{
    const bool said_why = WIFEXITED(status) && WEXITSTATUS(status) == CONTROL_EXIT_CONFIGURATION;
    if (s->phase == PHASE_RUNNING || (s->phase == PHASE_STARTING && !said_why))
        log_ended("gslbd:control", s->control.pid, status);
    if (s->channel_fd >= 0)
        close(s->channel_fd);
    s->channel_fd = -1;
    child_ended(&s->control, now_ms);
    if (s->phase == PHASE_STARTING) { /* there is no world, and nobody else can make one */
        s->exit_status = EXIT_FAILURE;
        s->phase = PHASE_ENDED;
    }
}

static void reap(struct supervisor *s, int64_t now_ms)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == s->control.pid)
            control_ended(s, status, now_ms);
        for (unsigned i = 0; i < s->settings->workers_count; i++) {
            if (s->held.places[i].child.pid != pid)
                continue;
            if (s->phase == PHASE_RUNNING || status != 0)
                log_ended("gslbd:worker", pid, status);
            place_ended(&s->held.places[i], now_ms);
        }
    }
}

/* Kill one that hangs; its end is then seen as any other. */
static void look_at(struct child *child, const char *process, unsigned missed_max, int64_t now_ms)
{
    struct log_line line;
    if (!child_look(child, missed_max, now_ms))
        return;
    log_begin(&line, LOG_LEVEL_ERROR, "hung");
    log_text(&line, "process", process);
    log_number(&line, "pid", child->pid);
    log_end(&line);
    (void)kill(child->pid, SIGKILL);
}

static void look_at_all(struct supervisor *s, int64_t now_ms)
{
    if (s->phase != PHASE_RUNNING)
        return;
    look_at(&s->control, "gslbd:control", SUPERVISOR_CONTROL_MISSED, now_ms);
    for (unsigned i = 0; i < s->settings->workers_count; i++)
        look_at(&s->held.places[i].child, "gslbd:worker", SUPERVISOR_WORKER_MISSED, now_ms);
}

/* The world ------------------------------------------------------------------------------------ */

/* Keep what has changed, and pass it on. */
static void spread(struct supervisor *s, const struct channel_packet *delta)
{
    for (unsigned i = 0; i < s->settings->workers_count; i++)
        place_send(&s->held.places[i], delta);
    parts_apply(&s->parts, delta);
}

static void take_world(struct supervisor *s, const struct channel_packet *delta)
{
    spread(s, delta);
    if (s->phase != PHASE_STARTING)
        return;
    s->phase = PHASE_RUNNING;
    start_due(s, clock_mono_ms());
    notify_send("READY=1");
    struct log_line line;
    log_begin(&line, LOG_LEVEL_NOTICE, "ready");
    log_number(&line, "generation", (int64_t)s->parts.generation);
    log_number(&line, "workers", s->settings->workers_count);
    log_end(&line);
}

/* Take what control has sent. Something that is not ours, or its end, is the end of control. */
static void take_message(struct supervisor *s)
{
    struct channel_packet packet;
    struct diag diag;
    const enum err err = channel_receive(s->channel_fd, &packet, &diag);
    if (err == OK && packet.message.kind == MESSAGE_WORLD)
        take_world(s, &packet);
    if (err == OK && packet.message.kind == MESSAGE_SECRETS)
        spread(s, &packet);
    if (err == OK || err == ERR_BUSY)
        return;
    if (err != ERR_MISSING)
        log_message(LOG_LEVEL_ERROR, "channel", diag.text);
    close(s->channel_fd);
    s->channel_fd = -1;
    if (s->control.pid > 0)
        (void)kill(s->control.pid, SIGKILL);
}

static bool is_somebody_behind(const struct supervisor *s)
{
    for (unsigned i = 0; i < s->settings->workers_count; i++)
        if (s->held.places[i].behind)
            return true;
    return false;
}

/* Signals -------------------------------------------------------------------------------------- */

static void signal_workers(const struct supervisor *s, int number)
{
    for (unsigned i = 0; i < s->settings->workers_count; i++)
        if (s->held.places[i].child.pid > 0)
            (void)kill(s->held.places[i].child.pid, number);
}

static void stop(struct supervisor *s, int64_t now_ms)
{
    if (s->phase >= PHASE_DRAINING)
        return;
    log_message(LOG_LEVEL_NOTICE, "stopping", "workers drain, then everything ends");
    notify_send("STOPPING=1");
    s->phase = PHASE_DRAINING;
    s->stopped_ms = now_ms;
    signal_workers(s, SIGTERM);
}

static void reload(const struct supervisor *s)
{
    const struct channel_packet packet = {.message = {.kind = MESSAGE_RELOAD}};
    struct diag diag;
    char reloading[64];
    if (s->phase != PHASE_RUNNING)
        return;
    (void)snprintf(reloading, sizeof reloading, "RELOADING=1\nMONOTONIC_USEC=%lld",
                   (long long)clock_mono_ms() * 1000);
    notify_send(reloading);
    if (s->settings->cookie_secrets_path && holdings_load_cookies(&s->held, s->settings, &diag) != OK)
        log_message(LOG_LEVEL_WARNING, "reload-failed", diag.text);
    if (s->channel_fd >= 0 && channel_send(s->channel_fd, &packet, &diag) != OK)
        log_message(LOG_LEVEL_WARNING, "reload-failed", diag.text);
    notify_send("READY=1");
}

static void take_signals(struct supervisor *s, int64_t now_ms)
{
    struct signalfd_siginfo info;
    while (read(s->held.signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            reap(s, now_ms);
        else if (info.ssi_signo == SIGHUP)
            reload(s);
        else
            stop(s, now_ms);
    }
}

/* Whether a worker runs. */
static bool is_answering(const struct supervisor *s)
{
    for (unsigned i = 0; i < s->settings->workers_count; i++)
        if (s->held.places[i].child.pid > 0)
            return true;
    return false;
}

/* Go on with stopping, as far as the children have ended or their time is over. */
static void step_stop(struct supervisor *s, int64_t now_ms)
{
    if (s->phase == PHASE_DRAINING && now_ms - s->stopped_ms >= SUPERVISOR_DRAIN_MS)
        signal_workers(s, SIGKILL);
    if (s->phase == PHASE_DRAINING && !is_answering(s)) {
        s->phase = PHASE_ENDING;
        if (s->control.pid > 0)
            (void)kill(s->control.pid, SIGTERM);
    }
    if (s->phase == PHASE_ENDING && s->control.pid > 0 && now_ms - s->stopped_ms >= SUPERVISOR_STOP_MS)
        (void)kill(s->control.pid, SIGKILL);
    if (s->phase == PHASE_ENDING && s->control.pid == 0)
        s->phase = PHASE_ENDED;
}

/* Loop ----------------------------------------------------------------------------------------- */

/* The shorter of two waits, where -1 is for ever. */
static int64_t sooner(int64_t a_ms, int64_t b_ms)
{
    if (a_ms < 0 || b_ms < 0)
        return a_ms < 0 ? b_ms : a_ms;
    return a_ms < b_ms ? a_ms : b_ms;
}

static int64_t next_wait_ms(const struct supervisor *s, int64_t now_ms)
{
    if (s->phase > PHASE_RUNNING)
        return 100; /* the deadlines of stopping need no precision */
    int64_t wait_ms = child_wait_ms(&s->control, now_ms);
    if (s->phase == PHASE_RUNNING)
        wait_ms = sooner(wait_ms, CHILD_LOOK_MS);
    for (unsigned i = 0; s->phase == PHASE_RUNNING && i < s->settings->workers_count; i++)
        wait_ms = sooner(wait_ms, child_wait_ms(&s->held.places[i].child, now_ms));
    return is_somebody_behind(s) ? sooner(wait_ms, SUPERVISOR_RESEND_MS) : wait_ms;
}

static void run(struct supervisor *s)
{
    while (s->phase != PHASE_ENDED) {
        struct pollfd fds[] = {{.fd = s->held.signal_fd, .events = POLLIN},
                               {.fd = s->channel_fd, .events = POLLIN}};
        const int ready = poll(fds, 2, (int)next_wait_ms(s, clock_mono_ms()));
        if (ready > 0 && fds[1].revents)
            take_message(s); /* before the signals: the last world of a control that died counts */
        if (ready > 0 && fds[0].revents)
            take_signals(s, clock_mono_ms());
        for (unsigned i = 0; i < s->settings->workers_count; i++)
            place_catch_up(&s->held.places[i], &s->parts);
        const int64_t now_ms = clock_mono_ms();
        look_at_all(s, now_ms);
        start_due(s, now_ms);
        step_stop(s, now_ms);
    }
}

int supervisor_run(const struct settings *settings)
{
    struct supervisor s = {.settings = settings, .channel_fd = -1};
    struct diag diag;
    parts_init(&s.parts);
    const enum err err = holdings_open(settings, &s.held, &diag);
    if (err == OK)
        run(&s);
    else
        (void)fprintf(stderr, "gslbd: %s\n", diag.text);
    holdings_free(&s.held);
    return err == OK ? s.exit_status : EXIT_FAILURE;
}
