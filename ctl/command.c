#include "ctl/command.h"

#include <stdio.h>

char *command_state_path(const struct command_input *input, const char *file)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", input->state_dir, file) < 0 ? NULL : path;
}

enum err command_need(const struct command_input *input, const char *name, const char *value,
                      const char **ret, struct diag *reterr)
{
    *ret = option_get(input->options, name, 0);
    return *ret ? OK : diag_set(reterr, ERR_SYNTAX, "give --%s %s", name, value);
}

enum err command_misused(enum err err, enum command_end *ret_end)
{
    if (err != OK)
        *ret_end = COMMAND_MISUSED;
    return err;
}
