#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "server/control/compiler.h"

#include "server/process/title.h"
#include "zones/compile/compile.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ARGUMENTS_MIN = 3 }; /* name, store, state directory */

/* A runaway compile ends here, and not with the machine's memory. */
static void limit(int resource, rlim_t max)
{
    const struct rlimit limit = {.rlim_cur = max, .rlim_max = max};
    (void)setrlimit((__rlimit_resource_t)resource, &limit);
}

static void limit_all(void)
{
    limit(RLIMIT_CPU, COMPILER_CPU_MAX_S);
#ifndef SANITIZED /* whose shadow memory is larger than any limit */
    limit(RLIMIT_AS, (rlim_t)COMPILER_MEMORY_MAX_GIB << 30);
#endif
    (void)setpriority(PRIO_PROCESS, 0, COMPILER_NICE);
    (void)mallopt(M_MMAP_THRESHOLD, COMPILER_MMAP_THRESHOLD);
}

static enum err report(const struct compiler_report *report)
{
    const ssize_t sent = send(COMPILER_FD, report, sizeof *report, MSG_NOSIGNAL);
    return sent == (ssize_t)sizeof *report ? OK : ERR_SYSTEM;
}

static int fail(struct compiler_report *failure, enum err err)
{
    failure->kind = REPORT_FAILED;
    failure->err = (uint32_t)err;
    (void)report(failure);
    return EXIT_FAILURE;
}

/* Whether control has published the world. */
static int is_wanted(void)
{
    char byte;
    return recv(COMPILER_FD, &byte, sizeof byte, 0) == (ssize_t)sizeof byte;
}

int compiler_main(int argc, char **argv)
{
    struct compiler_report is = {.kind = REPORT_SAME};
    struct compile_result result;
    if (argc < ARGUMENTS_MIN || fcntl(COMPILER_FD, F_SETFD, FD_CLOEXEC) != 0)
        return EXIT_FAILURE;
    const struct compile_request request = {
        .store_path = argv[1],
        .state_dir = argv[2],
        .geo_paths = (const char *const *)argv + ARGUMENTS_MIN,
        .geo_paths_count = (size_t)(argc - ARGUMENTS_MIN),
    };
    title_set(COMPILER_NAME);
    limit_all();
    enum err err = compile_world(&request, &result, &is.diag);
    if (err != OK)
        return fail(&is, err);
    if (result.generation == 0)
        return report(&is) == OK ? EXIT_SUCCESS : EXIT_FAILURE;
    is.kind = REPORT_WORLD;
    is.generation = result.generation;
    is.zones_count = result.zones_count;
    is.zones_built = result.zones_built;
    is.problems = result.problems;
    if (report(&is) != OK || !is_wanted())
        return EXIT_FAILURE;
    err = compile_commit(&request, &is.diag);
    if (err != OK)
        return fail(&is, err);
    is.kind = REPORT_COMMITTED;
    return report(&is) == OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
