/* tests/fuzz/replay.c - a fuzz target without a fuzzer: every file of its corpus once, in `make check`.
 *
 * The program is called replay_STEM; its corpus is srcdir/tests/fuzz/corpus/STEM. Fails when the corpus is
 * not there or empty.
 */
#include "common/file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { INPUT_MAX = 64 * 1024 * 1024 };

static int replay_file(const char *dir, const char *name)
{
    char path[4096];
    struct buffer input = {0};
    struct diag diag;
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    if (file_read(path, INPUT_MAX, &input, &diag) != OK) {
        (void)fprintf(stderr, "%s\n", diag.text);
        return 1;
    }
    /* A copy of just these bytes on the heap, so that a read past the end is seen. */
    uint8_t *exact = malloc(input.len ? input.len : 1);
    if (exact) {
        if (input.len > 0)
            memcpy(exact, input.bytes, input.len);
        (void)LLVMFuzzerTestOneInput(exact, input.len);
    }
    free(exact);
    buffer_fini(&input);
    return exact ? 0 : 1;
}

int main(int argc, char **argv)
{
    (void)argc;
    const char *src = getenv("srcdir"), *slash = strrchr(argv[0], '/');
    const char *program = slash ? slash + 1 : argv[0];
    const char *stem = strstr(program, "replay_");
    char dir[2048];
    if (!stem)
        return 2;
    (void)snprintf(dir, sizeof dir, "%s/tests/fuzz/corpus/%s", src ? src : ".", stem + strlen("replay_"));
    DIR *all = opendir(dir);
    unsigned count = 0;
    int failed = 0;
    for (const struct dirent *entry; all && (entry = readdir(all));) {
        if (entry->d_name[0] == '.')
            continue;
        failed |= replay_file(dir, entry->d_name);
        count++;
    }
    if (all)
        closedir(all);
    printf("%s: %u inputs\n", dir, count);
    return failed || count == 0;
}
