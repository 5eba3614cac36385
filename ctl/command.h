/* ctl/command.h - a command of gslbctl: its words, what it was given, and how it ends.
 *
 * Each command is one function, in a file cmd_*.c, called by ctl/main.c with the options parsed. It writes
 * results to stdout; on an error it leaves one sentence in the diag and main.c says it.
 */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include "common/err.h"
#include "common/option.h"
#include "zones/store/store.h"

#include <stddef.h>

struct command_input {
    const struct options *options;
    const char *store_path; /* NULL when not given */
    const char *state_dir;  /* NULL when not given */
    const char *const *words; /* after the command's own */
    size_t words_count;
};

/* Options that it cannot do without. */
enum command_needs {
    COMMAND_NEEDS_STORE,
    COMMAND_NEEDS_STATE,
    COMMAND_NEEDS_EITHER, /* or both */
};

/* How it ended, which is the exit status. */
enum command_end {
    COMMAND_FINE,
    COMMAND_WRONG,   /* without an error: what it looked at is not in order */
    COMMAND_MISUSED, /* with an error: of the command line */
};

struct command {
    const char *name; /* "init", "vantage add" */
    const char *arguments;
    const char *help;
    size_t words_min, words_max; /* after the name */
    enum command_needs needs;
    /* `*ret_end` is COMMAND_FINE before. */
    enum err (*run)(const struct command_input *input, enum command_end *ret_end, struct diag *reterr);
};

NODISCARD enum err cmd_store_init(const struct command_input *input, enum command_end *ret_end,
                                  struct diag *reterr);
NODISCARD enum err cmd_check(const struct command_input *input, enum command_end *ret_end,
                             struct diag *reterr);
NODISCARD enum err cmd_explain(const struct command_input *input, enum command_end *ret_end,
                               struct diag *reterr);
NODISCARD enum err cmd_status(const struct command_input *input, enum command_end *ret_end,
                              struct diag *reterr);
NODISCARD enum err cmd_events(const struct command_input *input, enum command_end *ret_end,
                              struct diag *reterr);
NODISCARD enum err cmd_vantage_add(const struct command_input *input, enum command_end *ret_end,
                                   struct diag *reterr);
NODISCARD enum err cmd_vantage_list(const struct command_input *input, enum command_end *ret_end,
                                    struct diag *reterr);
NODISCARD enum err cmd_vantage_remove(const struct command_input *input, enum command_end *ret_end,
                                      struct diag *reterr);
NODISCARD enum err cmd_zone_import(const struct command_input *input, enum command_end *ret_end,
                                   struct diag *reterr);
NODISCARD enum err cmd_zone_export(const struct command_input *input, enum command_end *ret_end,
                                   struct diag *reterr);
NODISCARD enum err cmd_store_shell(const struct command_input *input, enum command_end *ret_end,
                                   struct diag *reterr);

/* An option that the command cannot do without. ERR_SYNTAX: it was not given. */
NODISCARD enum err command_need(const struct command_input *input, const char *name, const char *value,
                                const char **ret, struct diag *reterr);

/* An error in what the command was given: `err` as it is, and `*ret_end` to go with it. */
enum err command_misused(enum err err, enum command_end *ret_end);

/* The path of a file in the state directory, on the heap; NULL when memory is out. */
char *command_state_path(const struct command_input *input, const char *file);

#endif
