#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "server/process/sandbox.h"

#ifdef SANITIZED

int main(void)
{
    return 77; /* skipped: with sanitizers there is no sandbox */
}

#else

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

/* What a row tries runs in a child that has entered the sandbox: these were made before. */
static int udp_fd, tcp_fd, file_fd, epoll_fd;

static long try_open(void)
{
    return open("/etc/passwd", O_RDONLY);
}

static long try_socket(void)
{
    return socket(AF_INET, SOCK_DGRAM, 0);
}

static long try_connect(void)
{
    const struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9),
                                   .sin_addr = {htonl(INADDR_LOOPBACK)}};
    return connect(udp_fd, (const struct sockaddr *)&to, sizeof to);
}

static long try_bind(void)
{
    const struct sockaddr_in at = {.sin_family = AF_INET};
    return bind(udp_fd, (const struct sockaddr *)&at, sizeof at);
}

static long try_fork(void)
{
    return syscall(SYS_fork);
}

static long try_clone(void)
{
    return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static long try_exec(void)
{
    char name[] = "/bin/true", *argv[] = {name, NULL};
    return execve(name, argv, NULL);
}

static long try_kill(void)
{
    return kill(getppid(), SIGCONT);
}

static long try_tgkill_of_the_parent(void)
{
    return syscall(SYS_tgkill, getppid(), getppid(), SIGCONT);
}

static long try_ptrace(void)
{
    return ptrace(PTRACE_ATTACH, getppid(), 0, 0);
}

static long try_map_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file_fd, 0) == MAP_FAILED ? -1 : 0;
}

static long try_protect_code(void)
{
    return mprotect(NULL, 4096, PROT_EXEC);
}

static long try_unlink(void)
{
    return unlink("/nonexistent/file");
}

static long try_setuid(void)
{
    return setuid(getuid());
}

static long try_prctl(void)
{
    return syscall(SYS_prctl, 0, 0, 0, 0, 0);
}

static long try_io_uring(void)
{
    return syscall(SYS_io_uring_setup, 1, NULL);
}

static long may_map(void)
{
    void *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file_fd, 0);
    return at == MAP_FAILED ? -1 : munmap(at, 4096);
}

static long may_tell_length(void)
{
    struct stat st;
    return fstat(file_fd, &st);
}

static long may_receive(void)
{
    struct mmsghdr none = {0};
    return recvmmsg(udp_fd, &none, 1, MSG_DONTWAIT, NULL) < 0 && errno == EAGAIN ? 0 : -1;
}

static long may_accept(void)
{
    return accept4(tcp_fd, NULL, NULL, SOCK_NONBLOCK) < 0 && errno == EAGAIN ? 0 : -1;
}

static long may_wait(void)
{
    struct epoll_event event;
    return epoll_wait(epoll_fd, &event, 1, 0);
}

static long may_allocate(void)
{
    void *volatile bytes = malloc(1 << 22);
    free(bytes);
    return bytes ? 0 : -1;
}

static long may_tell_time(void)
{
    struct timespec at;
    return clock_gettime(CLOCK_MONOTONIC, &at);
}

static long may_draw(void)
{
    char byte;
    return getrandom(&byte, 1, 0) == 1 ? 0 : -1;
}

/* Run `call` inside the sandbox; the child's exit status says what came of it. */
static int inside(long (*call)(void))
{
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (sandbox_enter(NULL) != OK)
            _exit(100);
        errno = 0;
        const long got = call();
        _exit(got >= 0 ? 0 : errno == EPERM ? 1 : 2);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

struct attempt {
    const char *what;
    long (*call)(void);
};

static void test_what_a_worker_has_no_need_of_is_refused(void **state)
{
    (void)state;
    static const struct attempt rows[] = {
        {"open", try_open},           {"socket", try_socket},       {"connect", try_connect},
        {"bind", try_bind},           {"fork", try_fork},           {"clone", try_clone},
        {"execve", try_exec},         {"kill", try_kill},           {"tgkill", try_tgkill_of_the_parent},
        {"ptrace", try_ptrace},       {"mmap exec", try_map_code},  {"mprotect", try_protect_code},
        {"unlink", try_unlink},       {"setuid", try_setuid},       {"prctl", try_prctl},
        {"io_uring", try_io_uring},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (inside(rows[i].call) != 1)
            fail_msg("%s is not refused", rows[i].what);
}

static void test_what_a_worker_does_goes_on(void **state)
{
    (void)state;
    static const struct attempt rows[] = {
        {"mmap", may_map}, {"fstat", may_tell_length}, {"recvmmsg", may_receive}, {"accept4", may_accept},
        {"epoll_wait", may_wait},  {"malloc", may_allocate},   {"clock", may_tell_time},
        {"getrandom", may_draw},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (inside(rows[i].call) != 0)
            fail_msg("%s is refused", rows[i].what);
}

static int setup(void **state)
{
    (void)state;
    udp_fd = socket(AF_INET, SOCK_DGRAM, 0);
    tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    file_fd = memfd_create("test", 0);
    epoll_fd = epoll_create1(0);
    assert_true(udp_fd >= 0 && tcp_fd >= 0 && file_fd >= 0 && epoll_fd >= 0);
    const struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(bind(tcp_fd, (const struct sockaddr *)&loopback, sizeof loopback), 0);
    assert_int_equal(listen(tcp_fd, 1), 0);
    return ftruncate(file_fd, 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_worker_has_no_need_of_is_refused),
        cmocka_unit_test(test_what_a_worker_does_goes_on),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}

#endif
