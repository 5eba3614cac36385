/* prober/main.c - gslb-prober: the daemon of a vantage point. Options in, a station on. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "common/log.h"
#include "common/option.h"
#include "prober/setup.h"
#include "prober/station.h"

#include <stdio.h>
#include <stdlib.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

enum { EXIT_USAGE = 2 }; /* the service is not started again; after EXIT_FAILURE it is */

static void print_help(const struct option_def *defs, size_t count)
{
    (void)printf(
        "usage: gslb-prober --vantage NAME --key FILE --server ADDRESS@PORT... [--ca FILE]\n\n"
        "Probes what the nameservers list and tells them what it finds, signed. It stays in the\n"
        "foreground and logs to stderr. IPv6 is written ::1@5300.\n\n");
    option_print(stdout, defs, count);
}

static int refuse(const struct diag *diag, int status)
{
    (void)fprintf(stderr, "gslb-prober: %s\n", diag->text);
    return status;
}

static int work(const struct setup *setup)
{
    struct station *station;
    struct diag diag;
    if (setup->verbose)
        log_set_level(LOG_LEVEL_DEBUG);
    if (station_open(setup, &station, &diag) != OK)
        return refuse(&diag, EXIT_FAILURE);
    const enum err err = station_run(station, &diag);
    station_close(&station);
    return err ? refuse(&diag, EXIT_FAILURE) : EXIT_SUCCESS;
}

static int serve(const struct options *options)
{
    struct setup setup;
    struct diag diag;
    const enum err err = setup_read(options, &setup, &diag);
    if (err == ERR_SYNTAX || err == ERR_EXISTS)
        return refuse(&diag, EXIT_USAGE);
    return err ? refuse(&diag, EXIT_FAILURE) : work(&setup);
}

int main(int argc, char **argv)
{
    struct options options;
    struct diag diag;
    size_t count;
    int status = EXIT_SUCCESS;
    const struct option_def *defs = setup_defs(&count);
    if (option_parse(defs, count, argc, argv, &options, &diag) != OK)
        return refuse(&diag, EXIT_USAGE);
    if (options.help)
        print_help(defs, count);
    else if (options.version)
        (void)printf("gslb-prober %s\n", PACKAGE_VERSION);
    else
        status = serve(&options);
    option_fini(&options);
    return status;
}
