#include "health/field.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_MAX = 96 };

/* Jansson's lexer (2.14) runs past its buffer when the buffer cannot grow, so an allocation of
 * Jansson's ends the process instead of failing: the supervisor starts it again, and the workers go
 * on answering. */
static void *allocate_or_abort(size_t size)
{
    void *bytes = malloc(size);
    if (!bytes)
        abort();
    return bytes;
}

enum err field_load(const void *bytes, size_t len, size_t len_max, const char *what, json_t **ret,
                    struct diag *reterr)
{
    if (len > len_max)
        return diag_set(reterr, ERR_LIMIT, "%s: %zu bytes; at most %zu", what, len, len_max);
    json_set_alloc_funcs(allocate_or_abort, free);
    json_t *root = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(root)) {
        json_decref(root);
        return diag_set(reterr, ERR_SYNTAX, "%s: not a JSON object", what);
    }
    *ret = root;
    return OK;
}

enum err field_store_init(struct field_store *store, size_t cap, struct diag *reterr)
{
    *store = (struct field_store){.texts = malloc(cap ? cap : 1), .cap = cap};
    return store->texts ? OK : diag_set(reterr, ERR_MEMORY, "health: out of memory");
}

void field_fail(struct field_reader *reader, enum err err, const char *name, const char *message)
{
    if (!reader->err)
        reader->err = diag_set(reader->reterr, err, "%s: \"%s\" %s", reader->what, name, message);
}

static const json_t *find(struct field_reader *reader, const char *name)
{
    return reader->err ? NULL : json_object_get(reader->object, name);
}

int64_t field_number(struct field_reader *reader, const char *name, int64_t min, int64_t max)
{
    const json_t *value = find(reader, name);
    if (json_is_integer(value) && json_integer_value(value) >= min &&
        json_integer_value(value) <= max)
        return json_integer_value(value);
    char message[MESSAGE_MAX];
    snprintf(message, sizeof message, "is not a whole number within %lld and %lld", (long long)min,
             (long long)max);
    field_fail(reader, ERR_SYNTAX, name, message);
    return 0;
}

double field_real(struct field_reader *reader, const char *name, double min, double max)
{
    const json_t *value = find(reader, name);
    if (json_is_number(value) && json_number_value(value) >= min && json_number_value(value) <= max)
        return json_number_value(value);
    char message[MESSAGE_MAX];
    snprintf(message, sizeof message, "is not a number within %g and %g", min, max);
    field_fail(reader, ERR_SYNTAX, name, message);
    return 0;
}

bool field_flag(struct field_reader *reader, const char *name)
{
    const json_t *value = find(reader, name);
    if (!json_is_boolean(value))
        field_fail(reader, ERR_SYNTAX, name, "is neither true nor false");
    return json_is_true(value);
}

static bool has_controls(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return true;
    return false;
}

/* Copy a JSON string into the store. */
static const char *keep(struct field_reader *reader, const json_t *value, const char *name,
                        size_t max)
{
    struct field_store *store = reader->store;
    const size_t len = json_string_length(value);
    if (reader->err)
        return "";
    if (!json_is_string(value) || len >= max || len >= store->cap - store->len) {
        char message[MESSAGE_MAX];
        snprintf(message, sizeof message, "is not a text of less than %zu bytes", max);
        field_fail(reader, ERR_SYNTAX, name, message);
        return "";
    }
    char *text = store->texts + store->len;
    memcpy(text, json_string_value(value), len + 1);
    store->len += len + 1;
    return text;
}

const char *field_any(struct field_reader *reader, const char *name, size_t max)
{
    return keep(reader, find(reader, name), name, max);
}

const char *field_item(struct field_reader *reader, const json_t *item, const char *name,
                       size_t max)
{
    const char *text = keep(reader, item, name, max);
    if (!has_controls(text, strlen(text)))
        return text;
    field_fail(reader, ERR_SYNTAX, name, "has control characters");
    return "";
}

const char *field_text(struct field_reader *reader, const char *name, size_t max)
{
    return field_item(reader, find(reader, name), name, max);
}

const json_t *field_list(struct field_reader *reader, const char *name, size_t count_max)
{
    const json_t *list = find(reader, name);
    if (json_is_array(list) && json_array_size(list) <= count_max)
        return list;
    char message[MESSAGE_MAX];
    snprintf(message, sizeof message, "is not a list of at most %zu", count_max);
    field_fail(reader, ERR_SYNTAX, name, message);
    return NULL;
}

static int append(const char *bytes, size_t len, void *to)
{
    buffer_put(to, bytes, len);
    return 0;
}

static void dump(struct buffer *to, json_t *value, size_t flags)
{
    if (!value || json_dump_callback(value, append, to, flags) != 0)
        to->failed = true;
    json_decref(value);
}

static void put_text(struct buffer *to, const char *text)
{
    buffer_put(to, text, strlen(text));
}

void field_put(struct buffer *to, json_t *value)
{
    dump(to, value, JSON_COMPACT | JSON_ENCODE_ANY);
}

void field_list_open(struct buffer *to, json_t *head, const char *name)
{
    put_text(to, "{");
    dump(to, head, JSON_COMPACT | JSON_EMBED);
    put_text(to, ",\"");
    put_text(to, name);
    put_text(to, "\":[");
}

void field_list_put(struct buffer *to, size_t idx, json_t *item)
{
    if (idx > 0)
        put_text(to, ",");
    field_put(to, item);
}

void field_list_close(struct buffer *to)
{
    put_text(to, "]}");
}

enum err field_check(const struct buffer *to, size_t off, size_t len_max, const char *what,
                     struct diag *reterr)
{
    const enum err err = buffer_check(to, reterr);
    if (err)
        return err;
    if (to->len - off > len_max)
        return diag_set(reterr, ERR_LIMIT, "%s: %zu bytes; at most %zu", what, to->len - off,
                        len_max);
    return OK;
}
