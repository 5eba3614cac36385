/* ctl/main.c - gslbctl: words in, one command run, an exit status out. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "ctl/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

static const struct option_def defs[] = {
    {"store", OPTION_ONE, "FILE", "the store"},
    {"state", OPTION_ONE, "DIR", "gslbd's state directory"},
    {"geoip", OPTION_MANY, "FILE", "explain, check: a geo database"},
    {"from", OPTION_ONE, "ADDRESS", "explain: the client, an address or a prefix"},
    {"json", OPTION_FLAG, NULL, "status: as JSON"},
    {"count", OPTION_ONE, "N", "events: how many, the last ones; 50 unless given"},
    {"zone", OPTION_ONE, "NAME", "import, export: the zone"},
    {"latitude", OPTION_ONE, "X", "vantage add: degrees north"},
    {"longitude", OPTION_ONE, "Y", "vantage add: degrees east"},
    {"asn", OPTION_ONE, "N", "vantage add: the network it is in"},
    {"key-out", OPTION_ONE, "FILE", "vantage add: where its private key goes"},
};

static const struct command commands[] = {
    {"init", "", "make the store", 0, 0, COMMAND_NEEDS_STORE, cmd_store_init},
    {"check", "[--geoip FILE]...", "compile everything and say what is wrong", 0, 0, COMMAND_NEEDS_STORE,
     cmd_check},
    {"explain", "NAME [TYPE] --from ADDRESS [--geoip FILE]...",
     "say step by step what a client would get; with --state, gets", 1, 2, COMMAND_NEEDS_EITHER, cmd_explain},
    {"status", "[--json]", "regions, pools, endpoints, vantage points and their votes", 0, 0,
     COMMAND_NEEDS_STATE, cmd_status},
    {"events", "[--count N]", "the last changes of verdicts", 0, 0, COMMAND_NEEDS_STATE, cmd_events},
    {"vantage add", "NAME [--latitude X --longitude Y] [--asn N] --key-out FILE", "register a vantage point",
     1, 1, COMMAND_NEEDS_STORE, cmd_vantage_add},
    {"vantage list", "", "list the vantage points", 0, 0, COMMAND_NEEDS_STORE, cmd_vantage_list},
    {"vantage remove", "NAME", "remove a vantage point", 1, 1, COMMAND_NEEDS_STORE, cmd_vantage_remove},
    {"import", "ZONEFILE --zone NAME", "read a zone file into the store", 1, 1, COMMAND_NEEDS_STORE,
     cmd_zone_import},
    {"export", "--zone NAME", "write a zone as a zone file", 0, 0, COMMAND_NEEDS_STORE, cmd_zone_export},
    {"shell", "", "open sqlite3 with the store, and health.db attached", 0, 0, COMMAND_NEEDS_STORE,
     cmd_store_shell},
};

static const char *const needs[] = {
    [COMMAND_NEEDS_STORE] = "--store FILE",
    [COMMAND_NEEDS_STATE] = "--state DIR",
    [COMMAND_NEEDS_EITHER] = "--store FILE or --state DIR",
};

enum { DEFS = sizeof defs / sizeof *defs, COMMANDS = sizeof commands / sizeof *commands };

static int usage(FILE *to)
{
    (void)fprintf(to, "usage: gslbctl [--store FILE] [--state DIR] COMMAND\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        (void)fprintf(to, "  %s%s%s\n      %s\n", commands[i].name, commands[i].arguments[0] ? " " : "",
                      commands[i].arguments, commands[i].help);
    (void)fprintf(to, "\n");
    option_print(to, defs, DEFS);
    return to == stdout ? 0 : COMMAND_MISUSED;
}

static int complain(enum command_end end, const char *sentence)
{
    (void)fprintf(stderr, "gslbctl: %s\n", sentence);
    return (int)end;
}

/* The command whose name the first one or two words are; `*ret_used` is the number of them. */
static const struct command *command_find(const char *const *words, size_t count, size_t *ret_used)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        const char *space = strchr(commands[i].name, ' ');
        const size_t first = space ? (size_t)(space - commands[i].name) : strlen(commands[i].name);
        if (count == 0 || strlen(words[0]) != first || strncmp(words[0], commands[i].name, first) != 0)
            continue;
        if (space && (count < 2 || strcmp(words[1], space + 1) != 0))
            continue;
        *ret_used = space ? 2 : 1;
        return &commands[i];
    }
    return NULL;
}

/* No command has these words: the commands that begin with the first, or none. */
static int complain_unknown(const struct options *options)
{
    struct diag diag;
    char known[128] = "";
    if (options->operands_count == 0)
        return complain(COMMAND_MISUSED, "say a command; see --help");
    const char *word = options->operands[0];
    for (size_t i = 0; i < COMMANDS; i++) {
        const size_t len = strlen(known);
        if (strncmp(commands[i].name, word, strlen(word)) == 0 && commands[i].name[strlen(word)] == ' ')
            (void)snprintf(known + len, sizeof known - len, "%s%s", len ? ", " : "", commands[i].name);
    }
    if (known[0])
        (void)diag_set(&diag, ERR_SYNTAX, "say which: %s", known);
    else
        (void)diag_set(&diag, ERR_SYNTAX, "there is no command \"%s\"; see --help", word);
    return complain(COMMAND_MISUSED, diag.text);
}

static bool has_needs(const struct command *command, const struct command_input *input)
{
    switch (command->needs) {
    case COMMAND_NEEDS_STORE:
        return input->store_path;
    case COMMAND_NEEDS_STATE:
        return input->state_dir;
    case COMMAND_NEEDS_EITHER:
        return input->store_path || input->state_dir;
    }
    return false;
}

static int run(const struct options *options)
{
    struct diag diag;
    size_t used = 0;
    const struct command *command = command_find(options->operands, options->operands_count, &used);
    if (!command)
        return complain_unknown(options);
    const struct command_input input = {
        .options = options,
        .store_path = option_get(options, "store", 0),
        .state_dir = option_get(options, "state", 0),
        .words = options->operands + used,
        .words_count = options->operands_count - used,
    };
    if (input.words_count < command->words_min || input.words_count > command->words_max) {
        (void)diag_set(&diag, ERR_SYNTAX, "usage: gslbctl %s%s%s", command->name,
                       *command->arguments ? " " : "", command->arguments);
        return complain(COMMAND_MISUSED, diag.text);
    }
    if (!has_needs(command, &input)) {
        (void)diag_set(&diag, ERR_SYNTAX, "%s needs %s", command->name, needs[command->needs]);
        return complain(COMMAND_MISUSED, diag.text);
    }
    enum command_end end = COMMAND_FINE;
    if (command->run(&input, &end, &diag) != OK)
        return complain(end == COMMAND_MISUSED ? end : COMMAND_WRONG, diag.text);
    if (fflush(stdout) != 0 || ferror(stdout))
        return complain(COMMAND_WRONG, "cannot write to standard output");
    return (int)end;
}

int main(int argc, char **argv)
{
    struct options options;
    struct diag diag;
    if (option_parse(defs, DEFS, argc, argv, &options, &diag) != OK)
        return complain(COMMAND_MISUSED, diag.text);
    int status;
    if (options.help)
        status = usage(stdout);
    else if (options.version)
        status = printf("gslbctl %s\n", PACKAGE_VERSION) < 0;
    else
        status = run(&options);
    option_fini(&options);
    return status;
}
