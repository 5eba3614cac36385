#include "server/child.h"

#include "server/channel.h"
#include "server/title.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
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

pid_t child_fork(struct child *child, const char *title, int64_t now_ms, int *ret_fd, struct diag *reterr)
{
    int fds[2];
    if (channel_create(fds, reterr) != OK)
        return -1;
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid < 0) {
        (void)diag_errno(reterr, "cannot start %s", title);
        close(fds[0]);
        close(fds[1]);
        return -1;
    }
    close(fds[pid == 0 ? 0 : 1]);
    if (pid == 0) {
        settle(title, parent);
        *ret_fd = fds[1];
        return 0;
    }
    (void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
    *ret_fd = fds[0];
    child->pid = pid;
    child->started_ms = now_ms;
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
    child_put_off(child, now_ms);
}

int64_t child_wait_ms(const struct child *child, int64_t now_ms)
{
    if (child->pid != 0)
        return -1;
    return child->start_at_ms > now_ms ? child->start_at_ms - now_ms : 0;
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
