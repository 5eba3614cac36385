/* health/field.h - the members of a JSON object from outside, each read within its bounds.
 *
 * Sticky, as the cursors in common/ are: the first member that is missing, of another type or out
 * of bounds sets `err` and leaves a sentence in the diag; what is read from then on is 0 or empty.
 * Unknown members are passed over, so that a newer program can add some.
 *
 * Texts are copied into the reader's store, which has room for all texts of a document when it is
 * as long as the document: a text's quotes are longer than its NUL.
 */
#ifndef HEALTH_FIELD_H
#define HEALTH_FIELD_H

#include "common/buffer.h"
#include "common/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct field_store {
    char *texts; /* heap */
    size_t len;
    size_t cap;
};

struct field_reader {
    const json_t *object;
    const char *what;          /* what the object is, for the sentence */
    struct field_store *store; /* NULL when no texts are read */
    enum err err;
    struct diag *reterr;
};

/* Parse a whole document. ERR_LIMIT: longer than `len_max`. ERR_SYNTAX: not JSON, not an object, a
 * name twice, or NULs. Jansson out of memory aborts, from the first call on. */
NODISCARD enum err field_load(const void *bytes, size_t len, size_t len_max, const char *what,
                              json_t **ret, struct diag *reterr);

NODISCARD enum err field_store_init(struct field_store *store, size_t cap, struct diag *reterr);

/* A whole number within min..max; a number; true or false. */
int64_t field_number(struct field_reader *reader, const char *name, int64_t min, int64_t max);
double field_real(struct field_reader *reader, const char *name, double min, double max);
bool field_flag(struct field_reader *reader, const char *name);

/* A text of less than `max` bytes without control characters; field_any() allows those. It lives in
 * the store. */
const char *field_text(struct field_reader *reader, const char *name, size_t max);
const char *field_any(struct field_reader *reader, const char *name, size_t max);

/* As field_text() for an item of a list. */
const char *field_item(struct field_reader *reader, const json_t *item, const char *name,
                       size_t max);

/* An array of at most `count_max` items; NULL on failure. */
const json_t *field_list(struct field_reader *reader, const char *name, size_t count_max);

/* Set the reader's first failure. */
void field_fail(struct field_reader *reader, enum err err, const char *name, const char *message);

/* Append `value` and release it. A NULL value sets `to->failed`: memory is out, or a text was not UTF-8. */
void field_put(struct buffer *to, json_t *value);

/* Append `{MEMBERS,"NAME":[` for the members of `head`, and release it; then, for each item,
 * field_list_put(); and `]}`. So a long document never stands in memory as a tree. */
void field_list_open(struct buffer *to, json_t *head, const char *name);
void field_list_put(struct buffer *to, size_t idx, json_t *item);
void field_list_close(struct buffer *to);

/* Whether what was appended since `off` is whole and at most `len_max` bytes. ERR_MEMORY, ERR_LIMIT. */
NODISCARD enum err field_check(const struct buffer *to, size_t off, size_t len_max,
                               const char *what, struct diag *reterr);

#endif
