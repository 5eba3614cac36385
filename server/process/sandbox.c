#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "server/process/sandbox.h"

#ifdef SANITIZED

enum err sandbox_enter(struct diag *reterr)
{
    (void)reterr;
    return OK;
}

#else

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

/* newfstatat() and fstat() tell an image's length; the former tells that of any file, and no more. */
static const int allowed[] = {
    SCMP_SYS(recvmmsg),       SCMP_SYS(sendmmsg),     SCMP_SYS(recvmsg),
    SCMP_SYS(recvfrom),       SCMP_SYS(sendto),       SCMP_SYS(read),
    SCMP_SYS(write),          SCMP_SYS(accept4),      SCMP_SYS(close),
    SCMP_SYS(epoll_wait),     SCMP_SYS(epoll_pwait),  SCMP_SYS(epoll_pwait2),
    SCMP_SYS(epoll_ctl),      SCMP_SYS(munmap),       SCMP_SYS(brk),
    SCMP_SYS(madvise),        SCMP_SYS(fstat),        SCMP_SYS(newfstatat),
    SCMP_SYS(clock_gettime),  SCMP_SYS(gettimeofday), SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
    SCMP_SYS(futex),          SCMP_SYS(getpid),       SCMP_SYS(gettid),
    SCMP_SYS(exit),           SCMP_SYS(exit_group),   SCMP_SYS(getrandom),
};

static int plain_add(scmp_filter_ctx filter)
{
    int failed = 0;
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed && !failed; i++)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    return failed;
}

/* Mappings that cannot be executed, now or later; signals to this process alone, which is what
 * abort() needs. */
static int bounded_add(scmp_filter_ctx filter)
{
    int failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (!failed)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mremap), 0);
    if (!failed)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
    return failed;
}

/* A tree instead of a list; and no penalty on speculation, which is meant for code that is not
 * trusted. Where the library or the kernel does not know these, the filter is as tight and a
 * little slower. */
static void speed_set(scmp_filter_ctx filter)
{
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
}

enum err sandbox_enter(struct diag *reterr)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter)
        return diag_set(reterr, ERR_MEMORY, "sandbox: no memory for a filter");
    speed_set(filter);
    int failed = plain_add(filter);
    if (!failed)
        failed = bounded_add(filter);
    if (!failed)
        failed = seccomp_load(filter);
    seccomp_release(filter);
    if (!failed)
        return OK;
    errno = -failed;
    return diag_errno(reterr, "sandbox: the kernel does not take the worker's filter");
}

#endif
