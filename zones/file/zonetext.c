#include "zones/file/zonetext.h"

#include <string.h>

struct zonetext zonetext_of(const char *text, size_t len)
{
    return (struct zonetext){.at = text, .end = text + len, .line = 1};
}

/* What one pass over a logical line keeps in mind. */
struct scan {
    uint32_t depth; /* of parentheses */
    bool quoted;
    bool ended;
    bool spaced; /* white space since the last octet put */
};

static void put(struct zonetext_line *line, struct scan *scan, const char *octets, size_t len)
{
    if (scan->spaced && line->text.len > 0)
        (void)buffer_put(&line->text, " ", 1);
    scan->spaced = false;
    (void)buffer_put(&line->text, octets, len);
}

static void newline(struct zonetext *text, struct scan *scan)
{
    text->line++;
    scan->spaced = true;
    scan->ended = scan->depth == 0;
}

static void skip_comment(struct zonetext *text)
{
    const char *end = memchr(text->at, '\n', (size_t)(text->end - text->at));
    text->at = end ? end : text->end;
}

/* One octet, or an escaped pair of them. */
static enum err octet_take(struct zonetext *text, struct scan *scan, struct zonetext_line *line,
                           struct diag *reterr)
{
    const char *octet = text->at++;
    if (*octet == '\0')
        return diag_set(reterr, ERR_SYNTAX, "a NUL; this is not a text file");
    if (*octet == '\n' && scan->quoted)
        return diag_set(reterr, ERR_SYNTAX, "a quote is open at the end of the line");
    if (*octet == '\\' && text->at < text->end && *text->at != '\n' && *text->at != '\0') {
        put(line, scan, octet, 2);
        text->at++;
    } else if (*octet == '"') {
        scan->quoted = !scan->quoted;
        put(line, scan, octet, 1);
    } else if (scan->quoted) {
        put(line, scan, octet, 1);
    } else if (*octet == '\n') {
        newline(text, scan);
    } else if (*octet == ';') {
        skip_comment(text);
    } else if (*octet == '(') {
        scan->depth++;
        scan->spaced = true;
    } else if (*octet == ')') {
        if (scan->depth == 0)
            return diag_set(reterr, ERR_SYNTAX, "a \")\" without a \"(\"");
        scan->depth--;
        scan->spaced = true;
    } else if (*octet == ' ' || *octet == '\t' || *octet == '\r') {
        scan->spaced = true;
    } else {
        put(line, scan, octet, 1);
    }
    return OK;
}

/* One logical line, which may be empty. */
static enum err line_take(struct zonetext *text, size_t max, struct zonetext_line *line, struct diag *reterr)
{
    struct scan scan = {0};
    line->text.len = 0;
    line->line = text->line;
    line->indented = *text->at == ' ' || *text->at == '\t';
    while (text->at < text->end && !scan.ended) {
        const enum err err = octet_take(text, &scan, line, reterr);
        if (err != OK)
            return err;
        if (line->text.len > max)
            return diag_set(reterr, ERR_LIMIT, "a record is longer than %zu bytes", max);
    }
    if (scan.quoted || scan.depth > 0)
        return diag_set(reterr, ERR_SYNTAX, "the file ends before a %s closes",
                        scan.quoted ? "quote" : "parenthesis");
    (void)buffer_put(&line->text, "", 1);
    return buffer_check(&line->text, reterr);
}

bool zonetext_next(struct zonetext *text, size_t max, struct zonetext_line *line, enum err *ret_err,
                   struct diag *reterr)
{
    *ret_err = OK;
    while (*ret_err == OK && text->at < text->end) {
        *ret_err = line_take(text, max, line, reterr);
        if (*ret_err == OK && line->text.len > 1)
            return true;
    }
    return false;
}

char *zonetext_word(char **rest)
{
    char *word = *rest;
    if (*word == '\0')
        return NULL;
    bool quoted = false;
    char *p = word;
    for (; *p && (quoted || *p != ' '); p++) {
        if (*p == '\\' && p[1])
            p++;
        else if (*p == '"')
            quoted = !quoted;
    }
    *rest = p;
    if (*p) {
        *p = '\0';
        *rest = p + 1;
    }
    return word;
}
