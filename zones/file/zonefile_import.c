#include "zones/file/zonefile_import.h"

#include "common/file.h"
#include "common/name.h"
#include "common/reader.h"
#include "zones/compile/draft.h"
#include "zones/compile/zone_check.h"
#include "zones/file/zonetext.h"
#include "zones/rdata/rdata.h"

#include <ctype.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One import, whatever number of files it reads. */
struct import {
    struct store *store;
    const char *zone_text;
    uint8_t zone[NAME_WIRE_MAX];
    uint8_t *soa; /* rdata of the SOA; soa_len 0 until there is one */
    size_t soa_len;
    uint8_t *rdata, *again; /* RDATA_MAX bytes each */
    uint32_t ttl_s;         /* the zone's */
    struct draft draft;     /* the records once more, for the rules that hold between them */
    uint64_t records;
    bool placed; /* the diag names file and line already */
};

/* What one file says of the records that follow. $INCLUDE begins with a copy, so that it changes nothing out
 * here. */
struct scope {
    const char *path;
    unsigned depth;
    uint8_t origin[NAME_WIRE_MAX];
    uint8_t owner[NAME_WIRE_MAX];
    bool owned;     /* there is an owner to take over */
    bool defaulted; /* there has been a $TTL */
    bool timed;     /* there has been a TTL */
    uint32_t ttl_s; /* $TTL, or the last TTL given (RFC 1035 5.1) */
};

/* One record as its line has it. */
struct line_record {
    uint16_t type;
    bool timed;
    uint32_t ttl_s;
    const char *data;
};

/* Words ---------------------------------------------------------------------------------------- */

/* Seconds, or a sum such as 1h30m. */
static bool period_parse(const char *text, uint32_t *ret)
{
    uint64_t total = 0;
    if (!isdigit((unsigned char)*text))
        return false;
    while (*text) {
        char *end;
        errno = 0;
        const unsigned long long value =
            isdigit((unsigned char)*text) ? strtoull(text, &end, 10) : UINT64_MAX;
        if (value > INT32_MAX || errno != 0)
            return false;
        static const char units[] = "smhdw";
        static const uint32_t unit_s[] = {1, 60, 3600, 86400, 604800};
        const char *unit = *end ? strchr(units, tolower((unsigned char)*end)) : units;
        if (!unit)
            return false;
        total += value * unit_s[unit - units];
        text = *end ? end + 1 : end;
    }
    *ret = (uint32_t)total;
    return total <= INT32_MAX;
}

static bool word_is_class(const char *word)
{
    return strcasecmp(word, "IN") == 0 || strcasecmp(word, "CH") == 0 || strcasecmp(word, "HS") == 0 ||
           (strncasecmp(word, "CLASS", 5) == 0 && isdigit((unsigned char)word[5]));
}

/* [TTL] [class] type data, the first two in either order. */
static enum err record_parse(char *rest, struct line_record *ret, struct diag *reterr)
{
    *ret = (struct line_record){0};
    char *word = zonetext_word(&rest);
    for (; word; word = zonetext_word(&rest)) {
        if (word_is_class(word)) {
            if (strcasecmp(word, "IN") != 0 && strcasecmp(word, "CLASS1") != 0)
                return diag_set(reterr, ERR_SYNTAX, "class %s; only IN is served", word);
        } else if (!ret->timed && isdigit((unsigned char)*word)) {
            if (!period_parse(word, &ret->ttl_s))
                return diag_set(reterr, ERR_SYNTAX,
                                "\"%.40s\" is not a TTL; write 0 to 2147483647, or such as 1h30m", word);
            ret->timed = true;
        } else {
            break;
        }
    }
    if (!word)
        return diag_set(reterr, ERR_SYNTAX, "the type is missing");
    ret->data = rest;
    return rdata_type_parse(word, &ret->type, reterr);
}

/* Rows ----------------------------------------------------------------------------------------- */

/* An owner as in record.name: lower case, relative to the zone. */
static enum err owner_print(const struct import *import, const uint8_t *owner, char text[NAME_TEXT_MAX],
                            struct diag *reterr)
{
    uint8_t lower[NAME_WIRE_MAX];
    (void)name_lower(owner, lower);
    (void)name_print(lower, text);
    if (!name_is_under(lower, import->zone))
        return diag_set(reterr, ERR_SYNTAX, "\"%.200s\" is not in zone \"%s\"", text, import->zone_text);
    const unsigned labels = name_labels(lower) - name_labels(import->zone);
    if (labels == 0) {
        (void)snprintf(text, NAME_TEXT_MAX, "@");
        return OK;
    }
    const uint8_t *p = lower;
    for (unsigned i = 0; i < labels; i++)
        p += 1 + *p;
    lower[p - lower] = 0; /* the relative part alone */
    (void)name_print(lower, text);
    return OK;
}

/* The mailbox of an SOA as in zone.rname: hostmaster@example.com where that can be written. */
static void mailbox_print(const uint8_t *name, char text[NAME_TEXT_MAX])
{
    const uint8_t size = *name;
    bool plain = size > 0 && name[1 + size] != 0;
    for (uint8_t i = 1; i <= size; i++)
        plain = plain && (isalnum(name[i]) || strchr("!#%&*+-/=?^_{|}~", name[i]) ||
                          (name[i] == '.' && i > 1 && i < size));
    if (!plain || memmem(name + 1, size, "..", 2)) {
        (void)name_print(name, text);
        return;
    }
    char host[NAME_TEXT_MAX];
    (void)name_print(name + 1 + size, host);
    memcpy(text, name + 1, size);
    text[size] = '@';
    memcpy(text + size + 1, host, strlen(host) + 1);
}

/* Import --------------------------------------------------------------------------------------- */

/* The TTL of a record: its own, $TTL's or the last one's; an SOA falls back on its minimum (as RFC 1035
 * zones do). */
static enum err ttl_choose(struct scope *scope, const struct line_record *record, const uint32_t *minimum_s,
                           uint32_t *ret, struct diag *reterr)
{
    if (record->timed)
        *ret = record->ttl_s;
    else if (scope->timed)
        *ret = scope->ttl_s;
    else if (minimum_s)
        *ret = *minimum_s <= INT32_MAX ? *minimum_s : 0;
    else
        return diag_set(reterr, ERR_SYNTAX,
                        "the record has no TTL and there was none before; begin the file with $TTL");
    if (!scope->defaulted) {
        scope->timed = true;
        scope->ttl_s = *ret;
    }
    return OK;
}

static enum err soa_again(const struct import *import, size_t len, struct diag *reterr)
{
    /* A zone transfer ends as it began. */
    if (len == import->soa_len && memcmp(import->rdata, import->soa, len) == 0)
        return OK;
    return diag_set(reterr, ERR_SYNTAX, "a second SOA; a zone has one");
}

/* The SOA of `len` bytes in import->rdata makes the zone's row. */
static enum err soa_put(struct import *import, struct scope *scope, const struct line_record *record,
                        size_t len, struct diag *reterr)
{
    if (import->soa_len > 0)
        return soa_again(import, len, reterr);
    if (!name_equal(scope->owner, import->zone))
        return diag_set(reterr, ERR_SYNTAX, "the SOA is not of zone \"%s\"", import->zone_text);
    char mname[NAME_TEXT_MAX], rname[NAME_TEXT_MAX];
    uint8_t lower[NAME_WIRE_MAX];
    struct reader r = reader_of(import->rdata, len);
    (void)name_lower(reader_bytes(&r, name_len(r.at)), lower);
    (void)name_print(lower, mname);
    mailbox_print(reader_bytes(&r, name_len(r.at)), rname);
    struct store_zone zone = {.name = import->zone_text, .mname = mname, .rname = rname};
    zone.serial = reader_u32(&r);
    zone.refresh_s = reader_u32(&r);
    zone.retry_s = reader_u32(&r);
    zone.expire_s = reader_u32(&r);
    zone.negative_ttl_s = reader_u32(&r);
    const enum err err = ttl_choose(scope, record, &zone.negative_ttl_s, &zone.ttl_s, reterr);
    if (err != OK)
        return err;
    memcpy(import->soa, import->rdata, len);
    import->soa_len = len;
    import->ttl_s = zone.ttl_s;
    draft_begin(&import->draft, import->zone);
    return store_zone_put(import->store, &zone, reterr);
}

static enum err row_put(struct import *import, struct scope *scope, const struct line_record *record,
                        size_t len, struct diag *reterr)
{
    char name[NAME_TEXT_MAX], type[RDATA_TYPE_TEXT_MAX], *data = NULL;
    uint32_t ttl_s = 0;
    enum err err = ttl_choose(scope, record, NULL, &ttl_s, reterr);
    if (err == OK)
        err = owner_print(import, scope->owner, name, reterr);
    if (err == OK)
        err = draft_record_put(&import->draft, scope->owner, record->type, ttl_s, import->rdata, len, reterr);
    if (err == OK)
        err = rdata_print(record->type, import->rdata, len, import->again, &data, reterr);
    if (err != OK)
        return err;
    const struct store_record row = {
        .name = name,
        .type = rdata_type_print(record->type, type),
        .data = data,
        .ttl_s = ttl_s == import->ttl_s ? STORE_TTL_OF_ZONE : ttl_s,
    };
    err = store_record_put(import->store, import->zone_text, &row, reterr);
    free(data);
    import->records++;
    return err;
}

static enum err record_read(struct import *import, struct scope *scope, struct zonetext_line *line,
                            struct diag *reterr)
{
    char *rest = (char *)line->text.bytes;
    enum err err = OK;
    size_t len;
    if (!line->indented) {
        err = name_parse_under(zonetext_word(&rest), scope->origin, scope->owner, &len, reterr);
        scope->owned = err == OK;
    } else if (!scope->owned) {
        err =
            diag_set(reterr, ERR_SYNTAX, "the line begins with white space and there is no owner before it");
    }
    struct line_record record;
    if (err == OK)
        err = record_parse(rest, &record, reterr);
    if (err != OK)
        return err;
    if (import->soa_len == 0 && record.type != RDATA_SOA)
        return diag_set(reterr, ERR_SYNTAX, "the first record has to be the SOA");
    err = rdata_parse(record.type, record.data, scope->origin, import->rdata, &len, reterr);
    if (err != OK) {
        char type[RDATA_TYPE_TEXT_MAX];
        return diag_prefix(reterr, err, "%s", rdata_type_print(record.type, type));
    }
    return record.type == RDATA_SOA ? soa_put(import, scope, &record, len, reterr)
                                    : row_put(import, scope, &record, len, reterr);
}

static enum err file_import(struct import *import, const struct scope *outer, const char *path,
                            const uint8_t *origin, struct diag *reterr);

/* $INCLUDE FILE [ORIGIN], the file beside the one that names it. */
static enum err include_read(struct import *import, const struct scope *scope, char *rest,
                             struct diag *reterr)
{
    char *name = zonetext_word(&rest), *under = zonetext_word(&rest);
    uint8_t origin[NAME_WIRE_MAX];
    size_t len = name ? strlen(name) : 0;
    if (len >= 2 && name[0] == '"' && name[len - 1] == '"') {
        name[len - 1] = '\0';
        name++;
    }
    if (!name || *name == '\0')
        return diag_set(reterr, ERR_SYNTAX, "$INCLUDE without a file");
    if (scope->depth == ZONEFILE_IMPORT_DEPTH_MAX)
        return diag_set(reterr, ERR_LIMIT, "more than %d files include each other",
                        ZONEFILE_IMPORT_DEPTH_MAX);
    if (under) {
        const enum err err = name_parse_under(under, scope->origin, origin, &len, reterr);
        if (err != OK)
            return err;
    }
    char *beside = strdup(scope->path), *path = NULL;
    if (!beside ||
        asprintf(&path, "%s%s%s", *name == '/' ? "" : dirname(beside), *name == '/' ? "" : "/", name) < 0) {
        free(beside);
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    }
    const enum err err = file_import(import, scope, path, under ? origin : scope->origin, reterr);
    free(beside);
    free(path);
    return err;
}

static enum err directive_read(struct import *import, struct scope *scope, char *rest, struct diag *reterr)
{
    const char *directive = zonetext_word(&rest);
    if (strcasecmp(directive, "$INCLUDE") == 0)
        return include_read(import, scope, rest, reterr);
    const char *value = zonetext_word(&rest);
    if (strcasecmp(directive, "$ORIGIN") == 0) {
        uint8_t origin[NAME_WIRE_MAX];
        size_t len;
        const enum err err = name_parse_under(value ? value : "", scope->origin, origin, &len, reterr);
        if (err == OK)
            memcpy(scope->origin, origin, len);
        return err;
    }
    if (strcasecmp(directive, "$TTL") == 0) {
        if (!value || !period_parse(value, &scope->ttl_s))
            return diag_set(reterr, ERR_SYNTAX, "$TTL takes 0 to 2147483647 seconds, or such as 1h30m");
        scope->defaulted = scope->timed = true;
        return OK;
    }
    return diag_set(reterr, ERR_SYNTAX, "\"%.40s\" is not one of $ORIGIN, $TTL and $INCLUDE", directive);
}

static enum err lines_import(struct import *import, struct scope *scope, const struct buffer *file,
                             struct diag *reterr)
{
    struct zonetext text = zonetext_of((const char *)file->bytes, file->len);
    struct zonetext_line line = {0};
    enum err err;
    while (zonetext_next(&text, ZONEFILE_IMPORT_TEXT_MAX, &line, &err, reterr)) {
        if (!line.indented && line.text.bytes[0] == '$')
            err = directive_read(import, scope, (char *)line.text.bytes, reterr);
        else
            err = record_read(import, scope, &line, reterr);
        if (err != OK)
            break;
    }
    if (err != OK && !import->placed) {
        import->placed = true;
        err = diag_prefix(reterr, err, "%s:%u", scope->path, line.line);
    }
    buffer_fini(&line.text);
    return err;
}

/* Read one file; `outer` is the scope that includes it, or NULL. */
static enum err file_import(struct import *import, const struct scope *outer, const char *path,
                            const uint8_t *origin, struct diag *reterr)
{
    struct buffer file;
    enum err err = file_read(path, ZONEFILE_IMPORT_LEN_MAX, &file, reterr);
    if (err != OK)
        return err;
    struct scope *scope = malloc(sizeof *scope);
    if (!scope) {
        buffer_fini(&file);
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    }
    *scope = outer ? *outer : (struct scope){0};
    scope->path = path;
    scope->depth++;
    memmove(scope->origin, origin, name_len(origin));
    err = lines_import(import, scope, &file, reterr);
    free(scope);
    buffer_fini(&file);
    return err;
}

/* What no line shows: the rules between records that would keep the zone from going live. */
static enum err rules_check(struct import *import, const char *path, struct diag *reterr)
{
    struct manifest *manifest = NULL;
    enum err err = draft_group(&import->draft, reterr);
    if (err == OK)
        err = manifest_new(&manifest, reterr);
    if (err != OK)
        return err;
    struct problems problems = {.manifest = manifest, .zone = import->zone_text};
    zone_check_records(&import->draft, &problems);
    if (problems.failed)
        err = diag_set(reterr, ERR_MEMORY, "out of memory");
    else if (problems.count > 0)
        err = diag_set(reterr, ERR_SYNTAX, "%s: %s: %s", path, manifest->problems->subject,
                       manifest->problems->message);
    manifest_free(&manifest);
    return err;
}

static enum err zone_import(struct import *import, const char *path, struct diag *reterr)
{
    enum err err = store_change_begin(import->store, reterr);
    if (err != OK)
        return err;
    err = file_import(import, NULL, path, import->zone, reterr);
    if (err == OK && import->soa_len == 0)
        err = diag_set(reterr, ERR_SYNTAX, "%s has no records", path);
    if (err == OK)
        err = rules_check(import, path, reterr);
    if (err == OK)
        err = store_zone_prune(import->store, import->zone_text, reterr);
    if (err == OK)
        return store_change_commit(import->store, reterr);
    store_change_undo(import->store);
    return err;
}

enum err zonefile_import(const char *path, const char *name, struct store *store,
                         struct zonefile_import_counts *ret, struct diag *reterr)
{
    char text[NAME_TEXT_MAX];
    uint8_t wire[NAME_WIRE_MAX];
    size_t len;
    struct import import = {.store = store, .zone_text = text};
    enum err err = name_parse(name, wire, &len, reterr);
    if (err != OK)
        return err;
    (void)name_lower(wire, import.zone);
    (void)name_print(import.zone, text);
    uint8_t *room = malloc(3 * (size_t)RDATA_MAX);
    if (!room)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    import.rdata = room;
    import.again = room + RDATA_MAX;
    import.soa = room + 2 * (size_t)RDATA_MAX;
    err = zone_import(&import, path, reterr);
    draft_fini(&import.draft);
    free(room);
    if (err == OK)
        *ret = (struct zonefile_import_counts){.records = import.records};
    return err;
}
