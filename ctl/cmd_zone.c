/* ctl/cmd_zone.c - gslbctl import and export: a zone from a zone file and to one. */
#include "ctl/command.h"
#include "zones/file/zonefile_export.h"
#include "zones/file/zonefile_import.h"

#include <inttypes.h>
#include <stdio.h>

enum err cmd_zone_import(const struct command_input *input, enum command_end *ret_end, struct diag *reterr)
{
    const char *zone;
    struct store *store = NULL;
    struct zonefile_import_counts counts;
    enum err err = command_misused(command_need(input, "zone", "NAME", &zone, reterr), ret_end);
    if (err == OK)
        err = store_open_write(input->store_path, &store, reterr);
    if (err == OK)
        err = zonefile_import(input->words[0], zone, store, &counts, reterr);
    if (err == OK)
        printf("zone %s has %" PRIu64 " record%s from %s\n", zone, counts.records,
               counts.records == 1 ? "" : "s", input->words[0]);
    store_close(&store);
    return err;
}

enum err cmd_zone_export(const struct command_input *input, enum command_end *ret_end, struct diag *reterr)
{
    const char *zone;
    struct store *store = NULL;
    enum err err = command_misused(command_need(input, "zone", "NAME", &zone, reterr), ret_end);
    if (err == OK)
        err = store_open_read(input->store_path, &store, reterr);
    if (err == OK)
        err = zonefile_export(store, zone, stdout, reterr);
    store_close(&store);
    return err;
}
