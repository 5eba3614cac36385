/* ctl/cmd_store.c - gslbctl init and shell: the store as a file. */
#include "ctl/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum err cmd_store_init(const struct command_input *input, enum command_end *ret_end, struct diag *reterr)
{
    (void)ret_end;
    const enum err err = store_init(input->store_path, reterr);
    if (err == OK)
        printf("%s is ready; edit it with: sqlite3 %s\n", input->store_path, input->store_path);
    if (err != ERR_EXISTS)
        return err;
    printf("%s is a store already; nothing has changed\n", input->store_path);
    return OK;
}

enum err cmd_store_shell(const struct command_input *input, enum command_end *ret_end, struct diag *reterr)
{
    (void)ret_end;
    struct store *store;
    enum err err = store_open_write(input->store_path, &store, reterr);
    if (err != OK)
        return err; /* sqlite3 would make an empty file of a name that is wrong */
    store_close(&store);
    char *path = input->state_dir ? command_state_path(input, "health.db") : NULL, *attach = NULL;
    if (input->state_dir && (!path || asprintf(&attach, "ATTACH 'file:%s?mode=ro' AS health", path) < 0))
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    if (attach)
        (void)execlp("sqlite3", "sqlite3", "-cmd", attach, input->store_path, (char *)NULL);
    else
        (void)execlp("sqlite3", "sqlite3", input->store_path, (char *)NULL);
    free(path);
    free(attach);
    return diag_errno(reterr, "cannot run sqlite3; install the package sqlite3");
}
