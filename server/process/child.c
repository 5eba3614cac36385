#include "server/process/child.h"

#include "server/process/channel.h"
#include "server/process/title.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

/* In the child. */
static void settle(const char *title, pid_t parent)
{
    sigset_t none;
    title_set(title);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGTERM, SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent) /* it died before we asked to be told */
        _exit(EXIT_FAILURE);
}

/* A page for one child; NULL: out of memory. */
static struct child_pulse *open_pulse(void)
{
    void *page = mmap(NULL, sizeof(struct child_pulse), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? NULL : page;
}

static void close_pulse(struct child_pulse *pulse)
{
    if (pulse)
        (void)munmap(pulse, sizeof *pulse);
}

/* The parent has a child now. Those that come later do not get its page. */
static void adopt(struct child *child, pid_t pid, struct child_pulse *pulse, int64_t now_ms)
{
    (void)madvise(pulse, sizeof *pulse, MADV_DONTFORK);
    child->pid = pid;
    child->started_ms = child->looked_ms = now_ms;
    child->pulse = pulse;
    child->beats = child->missed = 0;
}

pid_t child_fork(struct child *child, const char *title, int64_t now_ms, int *ret_fd, struct diag *reterr)
{
    int fds[2];
    if (channel_create(fds, reterr) != OK)
        return -1;
    const pid_t parent = getpid();
    struct child_pulse *pulse = open_pulse();
    const pid_t pid = pulse ? fork() : -1;
    if (pid < 0) {
        (void)diag_errno(reterr, "cannot start %s", title);
        close_pulse(pulse);
        close(fds[0]);
        close(fds[1]);
        return -1;
    }
    close(fds[pid == 0 ? 0 : 1]);
    if (pid == 0) {
        settle(title, parent);
        child->pulse = pulse;
        *ret_fd = fds[1];
        return 0;
    }
    (void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
    *ret_fd = fds[0];
    adopt(child, pid, pulse, now_ms);
    return pid;
}

void child_put_off(struct child *child, int64_t now_ms)
{
    child->start_at_ms = now_ms + child->delay_ms;
    child->delay_ms = child->delay_ms == 0 ? CHILD_DELAY_MIN_MS : child->delay_ms * 2;
    if (child->delay_ms > CHILD_DELAY_MAX_MS)
        child->delay_ms = CHILD_DELAY_MAX_MS;
}

void child_ended(struct child *child, int64_t now_ms)
{
    if (now_ms - child->started_ms >= CHILD_CALM_MS)
        child->delay_ms = 0;
    child->pid = 0;
    close_pulse(child->pulse);
    child->pulse = NULL;
    child_put_off(child, now_ms);
}

int64_t child_wait_ms(const struct child *child, int64_t now_ms)
{
    if (child->pid != 0)
        return -1;
    return child->start_at_ms > now_ms ? child->start_at_ms - now_ms : 0;
}

bool child_look(struct child *child, unsigned missed_max, int64_t now_ms)
{
    if (!child->pulse || now_ms - child->looked_ms < CHILD_LOOK_MS)
        return false;
    const uint32_t beats = atomic_load_explicit(&child->pulse->beats, memory_order_relaxed);
    const bool silent = beats != 0 && beats == child->beats;
    child->missed = silent ? child->missed + 1 : 0;
    child->beats = beats;
    child->looked_ms = now_ms;
    if (child->missed < missed_max)
        return false;
    child->missed = 0;
    return true;
}

static int compare(const void *a, const void *b)
{
    const int *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

void child_close_others(int *keep, size_t count)
{
    unsigned next = STDERR_FILENO + 1;
    qsort(keep, count, sizeof *keep, compare);
    for (size_t i = 0; i < count; i++) {
        if (keep[i] < (int)next)
            continue;
        if ((unsigned)keep[i] > next)
            (void)close_range(next, (unsigned)keep[i] - 1, 0);
        next = (unsigned)keep[i] + 1;
    }
    (void)close_range(next, ~0U, 0);
}
