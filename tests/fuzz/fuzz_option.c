/* tests/fuzz/fuzz_option.c - any text as a configuration file: it is refused with its line, or says what
 * the same values say on the command line; each value knows that it stands in the file. */
#include "common/option.h"
#include "tests/fuzz/scratch.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct option_def defs[] = {
    {"store", OPTION_ONE, "FILE", "the store"},
    {"listen", OPTION_MANY, "ADDRESS@PORT", "where to listen"},
    {"workers", OPTION_ONE, "N", "worker processes"},
    {"quiet", OPTION_FLAG, NULL, "say less"},
};
enum { DEFS = sizeof defs / sizeof *defs, ARGS_MAX = 2 + DEFS * OPTION_VALUES_MAX };

/* The words of a command line that says the same. */
static int words_make(const struct options *options, char **words)
{
    static char program[] = "program";
    int count = 0;
    words[count++] = program;
    for (size_t i = 0; i < DEFS; i++)
        for (size_t k = 0; k < option_count(options, defs[i].name); k++) {
            const char *value = option_get(options, defs[i].name, k);
            const int printed = defs[i].kind == OPTION_FLAG
                                    ? asprintf(&words[count++], "--%s", defs[i].name)
                                    : asprintf(&words[count++], "--%s=%s", defs[i].name, value);
            assert(printed > 0 && count <= ARGS_MAX);
        }
    return count;
}

static void places_check(const struct options *options, const char *path)
{
    for (size_t i = 0; i < DEFS; i++)
        for (size_t k = 0; k < option_count(options, defs[i].name); k++)
            assert(strncmp(option_place(options, defs[i].name, k), path, strlen(path)) == 0);
}

static void again_check(const struct options *options)
{
    char *words[ARGS_MAX];
    struct options again;
    const int count = words_make(options, words);
    assert(option_parse(defs, DEFS, count, words, &again, NULL) == OK && again.operands_count == 0);
    for (size_t i = 0; i < DEFS; i++) {
        assert(option_count(options, defs[i].name) == option_count(&again, defs[i].name));
        for (size_t k = 0; k < option_count(&again, defs[i].name); k++)
            assert(defs[i].kind == OPTION_FLAG ||
                   strcmp(option_get(options, defs[i].name, k), option_get(&again, defs[i].name, k)) == 0);
    }
    option_fini(&again);
    for (int i = 1; i < count; i++)
        free(words[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct scratch file = scratch_open(bytes, len);
    static char program[] = "program", config[] = "--config";
    char *words[] = {program, config, file.path};
    struct options options;
    struct diag diag = {.text = ""};
    int64_t workers;
    double real;
    if (option_parse(defs, DEFS, 3, words, &options, &diag) == OK) {
        if (option_number(&options, "workers", 1, 64, 2, &workers, NULL) == OK)
            assert(workers >= 1 && workers <= 64);
        if (option_count(&options, "workers") > 0 &&
            option_real(&options, "workers", 0, 1, &real, NULL) == OK)
            assert(real >= 0 && real <= 1);
        places_check(&options, file.path);
        again_check(&options);
        option_fini(&options);
    } else {
        assert(strstr(diag.text, file.path));
    }
    scratch_close(&file);
    return 0;
}
