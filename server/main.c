/* server/main.c - gslbd: a health-aware authoritative nameserver. Options in, supervisor or compiler on. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "server/control/compiler.h"
#include "server/process/settings.h"
#include "server/process/title.h"
#include "server/supervisor.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2 };

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

static void print_help(const struct option_def *defs, size_t count)
{
    (void)printf("usage: gslbd --store FILE --state DIR --listen ADDRESS@PORT... "
                 "--control ADDRESS@PORT...\n\n"
                 "A nameserver that steers clients between regions, by where they are and by what is "
                 "healthy.\n"
                 "It stays in the foreground and logs to stderr. IPv6 is written ::1@5300.\n\n");
    option_print(stdout, defs, count);
}

/* Cores that this process may run on. */
static unsigned count_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    return (unsigned)CPU_COUNT(&set);
}

static int refuse(const struct diag *diag)
{
    (void)fprintf(stderr, "gslbd: %s\n", diag->text);
    return EXIT_USAGE;
}

static int serve(const struct options *options)
{
    struct settings settings;
    struct diag diag;
    if (settings_read(options, count_cores(), &settings, &diag) != OK)
        return refuse(&diag);
    title_set("gslbd");
    return supervisor_run(&settings);
}

int main(int argc, char **argv)
{
    char **arguments = title_init(argc, argv);
    if (strcmp(arguments[0], COMPILER_NAME) == 0)
        return compiler_main(argc, arguments);
    struct options options;
    struct diag diag;
    size_t count;
    int status = EXIT_SUCCESS;
    const struct option_def *defs = settings_defs(&count);
    if (option_parse(defs, count, argc, arguments, &options, &diag) != OK)
        return refuse(&diag);
    if (options.help)
        print_help(defs, count);
    else if (options.version)
        (void)printf("gslbd %s\n", PACKAGE_VERSION);
    else
        status = serve(&options);
    option_fini(&options);
    return status;
}
