#include "common/option.h"

#include "common/file.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct option_values {
    char *text[OPTION_VALUES_MAX];  /* heap */
    char *place[OPTION_VALUES_MAX]; /* heap: of each text */
    size_t count;
    bool on_command_line;
};

/* Where an option is given. */
struct spot {
    const char *path; /* of the configuration file; NULL: on the command line */
    unsigned line;
};

static const struct option_def *def_find(const struct options *o, const char *name, size_t len)
{
    for (size_t i = 0; i < o->defs_count; i++)
        if (strlen(o->defs[i].name) == len && strncmp(o->defs[i].name, name, len) == 0)
            return &o->defs[i];
    return NULL;
}

static struct option_values *values_of(const struct options *o, const char *name)
{
    const struct option_def *def = def_find(o, name, strlen(name));
    assert(def);
    return &o->values[def - o->defs];
}

/* On the heap, or NULL. */
static char *place_make(const struct spot *spot, const char *name)
{
    char *place;
    const int len = spot->path ? asprintf(&place, "%s:%u: %s", spot->path, spot->line, name)
                               : asprintf(&place, "option --%s", name);
    return len < 0 ? NULL : place;
}

/* Keep a value, and `place`, which is taken. */
static enum err put_at(struct option_values *values, size_t max, char **place, const char *text, size_t len,
                       struct diag *reterr)
{
    if (values->count == max)
        return max == 1 ? diag_set(reterr, ERR_SYNTAX, "%s is given twice; it takes one value", *place)
                        : diag_set(reterr, ERR_LIMIT, "%s is given more than %zu times", *place, max);
    values->text[values->count] = strndup(text, len);
    if (!values->text[values->count])
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    values->place[values->count++] = *place;
    *place = NULL;
    return OK;
}

static enum err put(struct options *o, const struct option_def *def, const struct spot *spot,
                    const char *text, size_t len, struct diag *reterr)
{
    const size_t max = def->kind == OPTION_MANY ? OPTION_VALUES_MAX : 1;
    char *place = place_make(spot, def->name);
    const enum err err = place ? put_at(&o->values[def - o->defs], max, &place, text, len, reterr)
                               : diag_set(reterr, ERR_MEMORY, "out of memory");
    free(place);
    return err;
}

static enum err put_given(struct options *o, const struct option_def *def, const char *value,
                          struct diag *reterr)
{
    const struct spot here = {.path = NULL};
    o->values[def - o->defs].on_command_line = true;
    return put(o, def, &here, value, strlen(value), reterr);
}

/* One `--name[=value]` word; `next` is the word behind it or NULL. `*ret_used` is set when `next` was its
 * value. */
static enum err put_word(struct options *o, const char *word, const char *next, bool *ret_used,
                         char **ret_config, struct diag *reterr)
{
    const char *name = word + 2, *equals = strchr(name, '=');
    const size_t len = equals ? (size_t)(equals - name) : strlen(name);
    const struct option_def *def = def_find(o, name, len);
    const bool is_config = len == 6 && strncmp(name, "config", 6) == 0;
    *ret_used = false;
    if (equals && (strncmp(name, "help=", 5) == 0 || strncmp(name, "version=", 8) == 0))
        return diag_set(reterr, ERR_SYNTAX, "option --%.*s takes no value", (int)len, name);
    if (!def && !is_config)
        return diag_set(reterr, ERR_SYNTAX, "there is no option --%.*s; see --help", (int)len, name);
    const bool takes_value = is_config || def->kind != OPTION_FLAG;
    if (!takes_value) {
        if (equals)
            return diag_set(reterr, ERR_SYNTAX, "option --%s takes no value", def->name);
        return put_given(o, def, "yes", reterr);
    }
    const char *value = equals ? equals + 1 : next;
    if (!value)
        return diag_set(reterr, ERR_SYNTAX, "option --%.*s needs a value", (int)len, name);
    *ret_used = !equals;
    if (is_config) {
        free(*ret_config);
        *ret_config = strdup(value);
        return *ret_config ? OK : diag_set(reterr, ERR_MEMORY, "out of memory");
    }
    return put_given(o, def, value, reterr);
}

static enum err parse_words(struct options *o, int argc, char **argv, char **ret_config, struct diag *reterr)
{
    bool only_operands = false;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (only_operands || strncmp(word, "--", 2) != 0) {
            if (word[0] == '-' && word[1] != '\0' && !only_operands)
                return diag_set(reterr, ERR_SYNTAX, "there is no option %s; see --help", word);
            o->operands[o->operands_count++] = word;
        } else if (strcmp(word, "--") == 0) {
            only_operands = true;
        } else if (strcmp(word, "--help") == 0) {
            o->help = true;
        } else if (strcmp(word, "--version") == 0) {
            o->version = true;
        } else {
            bool used;
            const enum err err =
                put_word(o, word, i + 1 < argc ? argv[i + 1] : NULL, &used, ret_config, reterr);
            if (err != OK)
                return err;
            i += used;
        }
    }
    return OK;
}

/* Cut white space from both ends of text[0..*len-1]; returns its new start. */
static const char *trim(const char *text, size_t *len)
{
    while (*len > 0 && isspace((unsigned char)*text))
        text++, (*len)--;
    while (*len > 0 && isspace((unsigned char)text[*len - 1]))
        (*len)--;
    return text;
}

static size_t without_comment(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (line[i] == '#' && (i == 0 || isspace((unsigned char)line[i - 1])))
            return i;
    return len;
}

static enum err put_line(struct options *o, const struct spot *spot, const char *line, size_t len,
                         struct diag *reterr)
{
    len = without_comment(line, len);
    line = trim(line, &len);
    if (len == 0)
        return OK;
    const char *equals = memchr(line, '=', len);
    if (!equals)
        return diag_set(reterr, ERR_SYNTAX, "%s:%u: \"%.*s\" is not name = value", spot->path, spot->line,
                        (int)len, line);
    size_t name_len = (size_t)(equals - line), value_len = len - name_len - 1;
    const char *name = trim(line, &name_len), *value = trim(equals + 1, &value_len);
    const struct option_def *def = def_find(o, name, name_len);
    if (!def)
        return diag_set(reterr, ERR_SYNTAX, "%s:%u: there is no option \"%.*s\"; see --help", spot->path,
                        spot->line, (int)name_len, name);
    if (o->values[def - o->defs].on_command_line)
        return OK;
    if (def->kind == OPTION_FLAG && value_len == 2 && strncmp(value, "no", 2) == 0)
        return OK;
    if (def->kind == OPTION_FLAG && (value_len != 3 || strncmp(value, "yes", 3) != 0))
        return diag_set(reterr, ERR_SYNTAX, "%s:%u: %s is yes or no, not \"%.*s\"", spot->path, spot->line,
                        def->name, (int)value_len, value);
    return put(o, def, spot, value, value_len, reterr);
}

static enum err parse_file(struct options *o, const char *path, struct diag *reterr)
{
    struct buffer all = {0};
    enum err err = file_read(path, OPTION_CONFIG_MAX, &all, reterr);
    if (err != OK)
        return diag_prefix(reterr, err, "option --config");
    const char *at = (const char *)all.bytes, *end = at + all.len;
    for (struct spot spot = {path, 1}; at < end && err == OK; spot.line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop)
            stop = end;
        err = put_line(o, &spot, at, (size_t)(stop - at), reterr);
        at = stop + 1;
    }
    buffer_fini(&all);
    return err;
}

enum err option_parse(const struct option_def *defs, size_t defs_count, int argc, char **argv,
                      struct options *ret, struct diag *reterr)
{
    struct options o = {.defs = defs, .defs_count = defs_count};
    char *config = NULL;
    enum err err = OK;
    o.values = calloc(defs_count, sizeof *o.values);
    o.operands = calloc((size_t)argc + 1, sizeof *o.operands);
    if (!o.values || !o.operands)
        err = diag_set(reterr, ERR_MEMORY, "out of memory");
    if (err == OK)
        err = parse_words(&o, argc, argv, &config, reterr);
    if (err == OK && config)
        err = parse_file(&o, config, reterr);
    free(config);
    if (err == OK)
        *ret = o;
    else
        option_fini(&o);
    return err;
}

void option_fini(struct options *options)
{
    for (size_t i = 0; options->values && i < options->defs_count; i++)
        for (size_t j = 0; j < options->values[i].count; j++) {
            free(options->values[i].text[j]);
            free(options->values[i].place[j]);
        }
    free(options->values);
    free(options->operands);
    *options = (struct options){0};
}

size_t option_count(const struct options *options, const char *name)
{
    return values_of(options, name)->count;
}

const char *option_get(const struct options *options, const char *name, size_t idx)
{
    const struct option_values *values = values_of(options, name);
    return idx < values->count ? values->text[idx] : NULL;
}

const char *option_place(const struct options *options, const char *name, size_t idx)
{
    const struct option_values *values = values_of(options, name);
    assert(idx < values->count);
    return values->place[idx];
}

enum err option_needed(const struct options *options, const char *name, const char **ret, struct diag *reterr)
{
    const char *text = option_get(options, name, 0);
    if (!text)
        return diag_set(reterr, ERR_SYNTAX, "option --%s is missing; see --help", name);
    if (!*text)
        return diag_set(reterr, ERR_SYNTAX, "%s is empty; see --help", option_place(options, name, 0));
    *ret = text;
    return OK;
}

enum err option_no_operands(const struct options *options, struct diag *reterr)
{
    if (options->operands_count == 0)
        return OK;
    return diag_set(reterr, ERR_SYNTAX, "\"%s\" is not an option; see --help", options->operands[0]);
}

enum err option_number(const struct options *options, const char *name, int64_t min, int64_t max,
                       int64_t otherwise, int64_t *ret, struct diag *reterr)
{
    const char *text = option_get(options, name, 0);
    if (!text) {
        *ret = otherwise;
        return OK;
    }
    char *end;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno || value < min || value > max)
        return diag_set(reterr, ERR_SYNTAX, "%s takes a whole number from %lld to %lld, not \"%s\"",
                        option_place(options, name, 0), (long long)min, (long long)max, text);
    *ret = value;
    return OK;
}

enum err option_real(const struct options *options, const char *name, double min, double max, double *ret,
                     struct diag *reterr)
{
    const char *text = option_get(options, name, 0);
    if (!text)
        return OK;
    char *end;
    const double value = strtod(text, &end);
    if (end == text || *end || !(value >= min && value <= max))
        return diag_set(reterr, ERR_SYNTAX, "%s takes a number from %g to %g, not \"%s\"",
                        option_place(options, name, 0), min, max, text);
    *ret = value;
    return OK;
}

void option_print(FILE *to, const struct option_def *defs, size_t defs_count)
{
    for (size_t i = 0; i < defs_count; i++) {
        char left[64];
        (void)snprintf(left, sizeof left, "--%s%s%s", defs[i].name, defs[i].value ? " " : "",
                       defs[i].value ? defs[i].value : "");
        (void)fprintf(to, "  %-34s %s%s\n", left, defs[i].help,
                      defs[i].kind == OPTION_MANY ? " (may repeat)" : "");
    }
    (void)fprintf(to, "  %-34s %s\n  %-34s %s\n  %-34s %s\n", "--config FILE",
                  "read more options, name = value, from FILE", "--help", "print this text", "--version",
                  "print the version");
}
