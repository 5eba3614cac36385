/* zones/file/zonetext.h - the lines and words of a zone file's text (RFC 1035 5.1), whatever they mean.
 *
 * A line here is a logical one: parentheses join lines, comments are gone, and one space stands for what was
 * between two words. Quotes and escapes are kept as they are, for whoever reads the word. The text may hold
 * any bytes.
 */
#ifndef ZONES_FILE_ZONETEXT_H
#define ZONES_FILE_ZONETEXT_H

#include "common/buffer.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zonetext {
    const char *at, *end;
    uint32_t line; /* of `at`, from 1 */
};

struct zonetext_line {
    struct buffer text; /* NUL-terminated words; the caller's, to be given back with buffer_fini() */
    uint32_t line;      /* where it began */
    bool indented;      /* it begins with white space: the owner is the last one's */
};

/* Lends `text`. */
struct zonetext zonetext_of(const char *text, size_t len);

/* The next line that has words in it; `line->text` is used again. False at the end, or with `*ret_err`:
 * ERR_SYNTAX, a quote or parenthesis that does not close, or a NUL (`line->line` tells where); ERR_LIMIT:
 * over `max` bytes; ERR_MEMORY. */
bool zonetext_next(struct zonetext *text, size_t max, struct zonetext_line *line, enum err *ret_err,
                   struct diag *reterr);

/* Cut the next word off `*rest`, in place; NULL when there is none. `*rest` stays at what follows it. */
char *zonetext_word(char **rest);

#endif
