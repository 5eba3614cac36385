#include "server/process/title.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static char *room;      /* the memory of the command line; NULL: it stays as it is */
static size_t room_len;
static char **arguments; /* kept, so that nobody takes them for a leak */

/* Where the run of adjacent strings that starts at `end` stops, if `texts` go on there. */
static char *run_end(char **texts, char *end)
{
    for (size_t i = 0; texts[i]; i++)
        if (texts[i] == end)
            end = texts[i] + strlen(texts[i]) + 1;
    return end;
}

/* Copies of the strings, NULL-terminated; NULL without memory. What was copied before that is not missed. */
static char **copy(char **texts)
{
    size_t count = 0;
    while (texts[count])
        count++;
    char **copies = calloc(count + 1, sizeof *copies);
    for (size_t i = 0; copies && i < count; i++) {
        copies[i] = strdup(texts[i]);
        if (!copies[i])
            return NULL;
    }
    return copies;
}

char **title_init(int argc, char **argv)
{
    char **variables = copy(environ);
    arguments = copy(argv);
    if (argc < 1 || !arguments || !variables)
        return argv;
    room = argv[0];
    room_len = (size_t)(run_end(environ, run_end(argv, argv[0])) - argv[0]);
    environ = variables;
    return arguments;
}

void title_set(const char *title)
{
    (void)prctl(PR_SET_NAME, title, 0, 0, 0);
    if (!room)
        return;
    const size_t len = strlen(title) < room_len ? strlen(title) : room_len - 1;
    memset(room, 0, room_len);
    memcpy(room, title, len);
}
