#include "server/control/rebuild.h"

#include "common/clock.h"
#include "common/hash.h"
#include "common/log.h"
#include "server/control/compiler.h"
#include "server/control/publish.h"
#include "server/control/states.h"
#include "server/control/sweep.h"
#include "server/control/timer.h"
#include "server/control/watch.h"
#include "server/process/state_dir.h"
#include "zones/history/history.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct rebuild {
    struct control *control;
    pid_t pid;         /* of the compiler; 0: none runs */
    int fd;            /* to it */
    bool told;         /* it has reported */
    bool done;         /* it has said all that there is to say */
    bool superseded;   /* it was killed for a newer one: what it says is nothing */
    bool again;        /* something has changed since it was started */
    bool uncommitted;  /* the current world is not manifest.json */
    bool load_due;     /* `load` is not in health.db yet */
    bool problems_due; /* those of the current world are not in health.db yet */
    unsigned epoch;    /* of health.db when they were */
    int64_t wanted_ms;       /* when what it compiles was first asked for; monotonic */
    int64_t wanted_again_ms; /* when what comes after it was */
    int64_t retry_ms;        /* the next wait after a failure; 0: the last one did not fail */
    struct event *reported, *ended, *overdue, *retry;
    struct history_load load;
    uint64_t problems_hash;        /* of those that were logged */
    char complaint[DIAG_TEXT_MAX]; /* logged already; "" while all is well */
};

/* Records -------------------------------------------------------------------------------------- */

/* It may have begun another file than the one that has our problems: then they are due again. */
static enum err record(struct rebuild *rebuild, struct diag *reterr)
{
    struct control *control = rebuild->control;
    const struct manifest *manifest = publish_manifest(control->publish);
    const enum err err = history_begin(control->history, reterr);
    if (err != OK)
        return err;
    rebuild->problems_due |= manifest && rebuild->epoch != history_epoch(control->history);
    if (rebuild->load_due)
        history_put_load(control->history, &rebuild->load);
    if (rebuild->problems_due)
        history_put_problems(control->history, manifest->problems, manifest->problems_count, clock_wall_ms());
    return history_commit(control->history, reterr);
}

void rebuild_tick(struct rebuild *rebuild)
{
    const struct history *history = rebuild->control->history;
    struct diag diag;
    if (!history)
        return;
    if (rebuild->epoch != history_epoch(history))
        rebuild->problems_due = publish_manifest(rebuild->control->publish) != NULL;
    if ((rebuild->load_due || rebuild->problems_due) && record(rebuild, &diag) == OK) {
        rebuild->load_due = rebuild->problems_due = false;
        rebuild->epoch = history_epoch(history);
    }
}

/* A load that health.db has not taken yet gives way to this one. */
static void note_load(struct rebuild *rebuild, bool ok)
{
    const struct control *control = rebuild->control;
    rebuild->load = (struct history_load){.generation = control->metrics.generation,
                                          .at_ms = clock_wall_ms(),
                                          .ok = ok,
                                          .zones = control->metrics.zones,
                                          .problems = control->metrics.problems};
    rebuild->load_due = true;
    rebuild_tick(rebuild);
}

/* Never 0, which is no list at all. */
static uint64_t hash_problems(const struct manifest *manifest)
{
    uint64_t hash = 1 + manifest->problems_count;
    for (size_t i = 0; i < manifest->problems_count; i++) {
        const struct manifest_problem *problem = &manifest->problems[i];
        hash = hash_bytes(problem->zone, strlen(problem->zone), hash);
        hash = hash_bytes(problem->subject, strlen(problem->subject), hash);
        hash = hash_bytes(problem->message, strlen(problem->message), hash);
    }
    return hash;
}

/* Problems that are the same as in the last world are not told again. */
static void tell_problems(struct rebuild *rebuild)
{
    const struct manifest *manifest = publish_manifest(rebuild->control->publish);
    const uint64_t hash = hash_problems(manifest);
    if (hash == rebuild->problems_hash)
        return;
    rebuild->problems_hash = hash;
    rebuild->problems_due = true;
    for (size_t i = 0; i < manifest->problems_count && i < REBUILD_PROBLEMS_LOGGED; i++) {
        const struct manifest_problem *problem = &manifest->problems[i];
        struct log_line line;
        log_begin(&line, LOG_LEVEL_WARNING, "problem");
        log_text(&line, "zone", problem->zone);
        log_text(&line, "subject", problem->subject);
        log_text(&line, "message", problem->message);
        log_end(&line);
    }
}

static void log_world(const struct rebuild *rebuild, const struct compiler_report *report)
{
    struct log_line line;
    log_begin(&line, LOG_LEVEL_NOTICE, "world");
    log_number(&line, "generation", (int64_t)report->generation);
    log_number(&line, "zones", (int64_t)report->zones_count);
    log_number(&line, "built", (int64_t)report->zones_built);
    log_number(&line, "problems", (int64_t)report->problems);
    log_number(&line, "ms", clock_mono_ms() - rebuild->wanted_ms);
    log_end(&line);
}

/* Outcomes ------------------------------------------------------------------------------------- */

/* A compile, or the publishing or committing of its world, has failed. */
static void fail(struct rebuild *rebuild, const struct diag *diag)
{
    rebuild->done = true;
    rebuild->control->metrics.loads_failed++;
    if (!publish_manifest(rebuild->control->publish)) {
        rebuild->control->give_up(rebuild->control, diag);
        return;
    }
    if (strcmp(rebuild->complaint, diag->text) != 0) {
        log_message(LOG_LEVEL_ERROR, "load-failed", diag->text);
        memcpy(rebuild->complaint, diag->text, sizeof rebuild->complaint);
        note_load(rebuild, false);
    }
    rebuild->retry_ms = rebuild->retry_ms == 0 ? REBUILD_RETRY_MIN_MS : rebuild->retry_ms * 2;
    if (rebuild->retry_ms > REBUILD_RETRY_MAX_MS)
        rebuild->retry_ms = REBUILD_RETRY_MAX_MS;
}

static void succeed(struct rebuild *rebuild)
{
    rebuild->done = true;
    rebuild->retry_ms = 0;
    rebuild->complaint[0] = '\0';
}

/* Publish the world of `file` in the state directory. False when it cannot be, which is then a failure. */
static bool publish(struct rebuild *rebuild, const char *file)
{
    const struct control *control = rebuild->control;
    char path[STATE_DIR_PATH_MAX];
    struct diag diag;
    enum err err = state_dir_file(control->settings->state_dir, file, path, &diag);
    if (err == OK)
        err = publish_world(control->publish, path, &diag);
    if (err != OK)
        fail(rebuild, &diag);
    return err == OK;
}

static void take_world(struct rebuild *rebuild, const struct compiler_report *report)
{
    struct control *control = rebuild->control;
    if (!publish(rebuild, "manifest.next"))
        return;
    rebuild->uncommitted = true;
    /* A compiler that is gone by now is found out by its end. */
    (void)send(rebuild->fd, "", 1, MSG_NOSIGNAL);
    control->metrics.loads_ok++;
    control->metrics.load_ok_ms = clock_wall_ms();
    log_world(rebuild, report);
    tell_problems(rebuild);
    note_load(rebuild, true);
}

/* The last world that was committed is what the store holds. Another one runs if its commit failed, and it
 * may be that the workers have neither. */
static void take_same(struct rebuild *rebuild)
{
    const bool other = rebuild->uncommitted || publish_is_unsent(rebuild->control->publish);
    if (other && !publish(rebuild, "manifest.json"))
        return;
    rebuild->uncommitted = false;
    states_settle(rebuild->control->states, clock_now());
    succeed(rebuild);
}

static void take_commit(struct rebuild *rebuild)
{
    const struct control *control = rebuild->control;
    const struct settings *settings = control->settings;
    rebuild->uncommitted = false;
    succeed(rebuild);
    sweep_images(settings->state_dir, publish_manifest(control->publish), settings->geo_paths,
                 settings->geo_paths_count);
}

/* The compiler may have read a commit that we have not seen: its states come before its world. */
static void look_again(const struct control *control)
{
    struct diag diag;
    if (control->watch && watch_check(control->watch, &diag) != OK)
        return; /* its own next look says so */
}

static void take_report(struct rebuild *rebuild, struct compiler_report *report)
{
    if (rebuild->superseded)
        return;
    rebuild->told = true;
    look_again(rebuild->control);
    report->diag.text[DIAG_TEXT_MAX - 1] = '\0';
    switch ((enum report_kind)report->kind) {
    case REPORT_WORLD:
        take_world(rebuild, report);
        break;
    case REPORT_COMMITTED:
        take_commit(rebuild);
        break;
    case REPORT_SAME:
        take_same(rebuild);
        break;
    case REPORT_FAILED:
        fail(rebuild, &report->diag);
        break;
    }
}

static void on_report(evutil_socket_t fd, short events, void *context)
{
    (void)events;
    struct rebuild *rebuild = context;
    struct compiler_report report;
    const ssize_t len = recv(fd, &report, sizeof report, MSG_DONTWAIT);
    if (len == (ssize_t)sizeof report && !rebuild->done)
        take_report(rebuild, &report);
    else if (len == 0)
        (void)event_del(rebuild->reported); /* the rest is told by its end */
    if (rebuild->done) /* before a commit this is a no to it */
        (void)shutdown(fd, SHUT_RDWR);
}

/* The process ---------------------------------------------------------------------------------- */

/* In the child: become the compiler. */
static _Noreturn void become(const struct settings *settings, int fd, pid_t parent)
{
    union {
        const char *lent[OPTION_VALUES_MAX + 4];
        char *words[OPTION_VALUES_MAX + 4];
    } arguments = {.lent = {COMPILER_NAME, settings->store_path, settings->state_dir}};
    memcpy(arguments.lent + 3, settings->geo_paths, settings->geo_paths_count * sizeof *arguments.lent);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    /* Descriptors above are close-on-exec, as all of ours. */
    if (getppid() != parent || dup2(fd, COMPILER_FD) < 0)
        _exit(EXIT_FAILURE);
    (void)execv("/proc/self/exe", arguments.words);
    _exit(EXIT_FAILURE);
}

static enum err spawn(struct rebuild *rebuild, struct diag *reterr)
{
    int fds[2];
    const pid_t parent = getpid();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
        return diag_errno(reterr, "cannot make a socket for the compiler");
    const pid_t pid = fork();
    if (pid == 0)
        become(rebuild->control->settings, fds[1], parent);
    if (pid < 0) {
        (void)diag_errno(reterr, "cannot start the compiler");
        close(fds[0]);
        close(fds[1]);
        return ERR_SYSTEM;
    }
    close(fds[1]);
    rebuild->fd = fds[0];
    rebuild->pid = pid;
    return OK;
}

static void start(struct rebuild *rebuild)
{
    struct diag diag;
    rebuild->again = rebuild->told = rebuild->done = rebuild->superseded = false;
    (void)event_del(rebuild->retry);
    states_compiling(rebuild->control->states);
    enum err err = spawn(rebuild, &diag);
    if (err == OK &&
        event_assign(rebuild->reported, rebuild->control->base, rebuild->fd, EV_READ | EV_PERSIST, on_report,
                     rebuild) == 0 &&
        event_add(rebuild->reported, NULL) == 0) {
        timer_arm(rebuild->overdue, REBUILD_TIME_MAX_MS);
        return;
    }
    if (err == OK) {
        (void)kill(rebuild->pid, SIGKILL); /* on_ended() says the rest */
        return;
    }
    fail(rebuild, &diag);
    timer_arm(rebuild->retry, rebuild->retry_ms);
}

static void describe_end(int status, struct diag *ret)
{
    if (WIFSIGNALED(status))
        (void)diag_set(ret, ERR_SYSTEM, "the compiler died of SIG%s", sigabbrev_np(WTERMSIG(status)));
    else
        (void)diag_set(ret, ERR_SYSTEM, "the compiler ended with status %d and no report",
                       WEXITSTATUS(status));
}

/* The compiler has ended: take its last words, and go on. */
static void finish(struct rebuild *rebuild, int status)
{
    struct compiler_report report;
    struct diag diag;
    while (!rebuild->done &&
           recv(rebuild->fd, &report, sizeof report, MSG_DONTWAIT) == (ssize_t)sizeof report)
        take_report(rebuild, &report);
    if (!rebuild->done && !rebuild->superseded) {
        describe_end(status, &diag);
        fail(rebuild, &diag);
    }
    (void)event_del(rebuild->reported);
    (void)event_del(rebuild->overdue);
    close(rebuild->fd);
    rebuild->pid = 0;
    if (rebuild->again && !rebuild->superseded)
        rebuild->wanted_ms = rebuild->wanted_again_ms;
    if (rebuild->again)
        start(rebuild);
    else if (rebuild->retry_ms > 0)
        timer_arm(rebuild->retry, rebuild->retry_ms);
}

static void on_ended(evutil_socket_t number, short events, void *context)
{
    (void)number, (void)events;
    struct rebuild *rebuild = context;
    int status;
    if (rebuild->pid > 0 && waitpid(rebuild->pid, &status, WNOHANG) == rebuild->pid)
        finish(rebuild, status);
}

static void on_overdue(evutil_socket_t fd, short events, void *context)
{
    (void)fd, (void)events;
    const struct rebuild *rebuild = context;
    log_message(LOG_LEVEL_ERROR, "compiler-overdue", "it takes too long and is killed");
    (void)kill(rebuild->pid, SIGKILL);
}

static void on_retry(evutil_socket_t fd, short events, void *context)
{
    (void)fd, (void)events;
    rebuild_request(context);
}

void rebuild_recovered(struct rebuild *rebuild)
{
    tell_problems(rebuild);
}

/* Something has changed while a compiler runs. */
static void request_again(struct rebuild *rebuild)
{
    const int64_t now_ms = clock_mono_ms();
    if (!rebuild->told && now_ms - rebuild->wanted_ms < REBUILD_SUPERSEDE_MS) {
        rebuild->superseded = true;
        (void)kill(rebuild->pid, SIGKILL);
    } else if (!rebuild->again) {
        rebuild->wanted_again_ms = now_ms;
    }
    rebuild->again = true;
}

void rebuild_request(struct rebuild *rebuild)
{
    if (rebuild->pid > 0) {
        request_again(rebuild);
        return;
    }
    rebuild->wanted_ms = clock_mono_ms();
    start(rebuild);
}

enum err rebuild_new(struct control *control, struct rebuild **ret, struct diag *reterr)
{
    struct rebuild *rebuild = calloc(1, sizeof *rebuild);
    if (!rebuild)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    rebuild->control = control;
    rebuild->reported = event_new(control->base, -1, 0, on_report, rebuild);
    rebuild->ended = evsignal_new(control->base, SIGCHLD, on_ended, rebuild);
    rebuild->overdue = evtimer_new(control->base, on_overdue, rebuild);
    rebuild->retry = evtimer_new(control->base, on_retry, rebuild);
    if (!rebuild->reported || !rebuild->ended || !rebuild->overdue || !rebuild->retry ||
        event_add(rebuild->ended, NULL) != 0) {
        rebuild_free(&rebuild);
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    }
    *ret = rebuild;
    return OK;
}

void rebuild_free(struct rebuild **rebuild)
{
    if (!*rebuild)
        return;
    if ((*rebuild)->pid > 0) {
        (void)kill((*rebuild)->pid, SIGKILL);
        (void)waitpid((*rebuild)->pid, NULL, 0);
        close((*rebuild)->fd);
    }
    timer_free((*rebuild)->reported);
    timer_free((*rebuild)->ended);
    timer_free((*rebuild)->overdue);
    timer_free((*rebuild)->retry);
    free(*rebuild);
    *rebuild = NULL;
}
