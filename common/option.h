/* common/option.h - the options of a program: `--name value` or `--name=value` on the command line, and
 * `name = value` lines of `--config FILE`.
 *
 * In a file `#` begins a comment (at the start of a line or after white space) and a name may repeat. A
 * name given on the command line replaces all its lines in the file. `--config`, `--help` and `--version`
 * are known to every program.
 *
 * Each value knows where it stands, so that whoever refuses it can say so: see option_place().
 */
#ifndef COMMON_OPTION_H
#define COMMON_OPTION_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    OPTION_VALUES_MAX = 64,         /* times one option may be given */
    OPTION_CONFIG_MAX = 256 * 1024, /* bytes of a configuration file */
};

enum option_kind { OPTION_FLAG, OPTION_ONE, OPTION_MANY };

struct option_def {
    const char *name;  /* without the dashes */
    enum option_kind kind;
    const char *value; /* what --help calls the value; NULL for a flag */
    const char *help;
};

struct option_values; /* heap, one for each definition */

struct options {
    const struct option_def *defs;
    size_t defs_count;
    struct option_values *values;
    const char **operands; /* what is not an option, in order; lent from argv */
    size_t operands_count;
    bool help, version;
};

/* Read the command line, then the configuration file it names. `defs` must outlive `ret`.
 * ERR_SYNTAX: unknown option, missing or unwanted value, an OPTION_ONE given twice in one place; the
 * diag names the option, or file, line and name. ERR_MISSING: no such configuration file. */
NODISCARD enum err option_parse(const struct option_def *defs, size_t defs_count, int argc, char **argv,
                                struct options *ret, struct diag *reterr);
void option_fini(struct options *options);

/* How often an option was given; its values in order (NULL past the end). */
size_t option_count(const struct options *options, const char *name);
const char *option_get(const struct options *options, const char *name, size_t idx);

/* Where a value stands, to begin a sentence on it with: "option --name", or "FILE:LINE: name".
 * Requires idx < option_count(). Lent until option_fini(). */
const char *option_place(const struct options *options, const char *name, size_t idx);

/* The first value of an option that has to be given, and not empty. ERR_SYNTAX names it, or its place. */
NODISCARD enum err option_needed(const struct options *options, const char *name, const char **ret,
                                 struct diag *reterr);

/* ERR_SYNTAX: there are words on the command line that no option takes; names the first. */
NODISCARD enum err option_no_operands(const struct options *options, struct diag *reterr);

/* A whole number within min..max, or `otherwise` when not given. ERR_SYNTAX names place and range. */
NODISCARD enum err option_number(const struct options *options, const char *name, int64_t min, int64_t max,
                                 int64_t otherwise, int64_t *ret, struct diag *reterr);

/* A floating-point number within min..max; `*ret` is unchanged when not given. */
NODISCARD enum err option_real(const struct options *options, const char *name, double min, double max,
                               double *ret, struct diag *reterr);

/* One line for each option, for --help. */
void option_print(FILE *to, const struct option_def *defs, size_t defs_count);

#endif
