#include "zones/image/manifest.h"

#include "common/buffer.h"
#include "common/file.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MANIFEST_VERSION = 1 };

static enum err memory_error(struct diag *reterr)
{
    return diag_set(reterr, ERR_MEMORY, "out of memory for the manifest");
}

void manifest_source_file(uint64_t identity, char ret[MANIFEST_FILE_MAX])
{
    (void)snprintf(ret, MANIFEST_FILE_MAX, "source-%016llx.img", (unsigned long long)identity);
}

enum err manifest_new(struct manifest **ret, struct diag *reterr)
{
    *ret = calloc(1, sizeof **ret);
    return *ret ? OK : memory_error(reterr);
}

static void monitor_fini(struct manifest_monitor *monitor)
{
    free(monitor->name);
    free(monitor->type);
    free(monitor->host);
    free(monitor->path);
    free(monitor->method);
    free(monitor->expect_status);
    free(monitor->expect_body);
}

static void problem_fini(struct manifest_problem *problem)
{
    free(problem->zone);
    free(problem->subject);
    free(problem->message);
}

void manifest_free(struct manifest **manifest)
{
    struct manifest *m = *manifest;
    *manifest = NULL;
    if (!m)
        return;
    for (size_t i = 0; i < REGIONS_MAX; i++) {
        free(m->regions[i].name);
        free(m->regions[i].monitor);
        free(m->regions[i].target);
    }
    for (size_t i = 0; i < POLICIES_MAX; i++)
        free(m->policies[i].name);
    for (size_t i = 0; i < m->monitors_count; i++)
        monitor_fini(&m->monitors[i]);
    for (size_t i = 0; i < m->vantages_count; i++) {
        free(m->vantages[i].name);
        free(m->vantages[i].public_key);
    }
    for (size_t i = 0; i < m->problems_count; i++)
        problem_fini(&m->problems[i]);
    free(m->monitors);
    free(m->vantages);
    free(m->problems);
    free(m);
}

bool manifest_text_is_valid(const char *text)
{
    for (const uint8_t *p = (const uint8_t *)text; *p;) {
        const unsigned more = *p < 0x80 ? 0 : *p >> 5 == 6 ? 1 : *p >> 4 == 14 ? 2 : *p >> 3 == 30 ? 3 : 4;
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (more == 4)
            return false;
        uint32_t code = more > 0 ? *p & (0x3fu >> more) : *p;
        p++;
        for (unsigned i = 0; i < more; i++, p++) {
            if (*p >> 6 != 2)
                return false;
            code = code << 6 | (*p & 0x3f);
        }
        if (code < least[more] || code > 0x10ffff || code >> 11 == 0x1b)
            return false;
    }
    return true;
}

/* A copy in which whatever is not printable ASCII has become a question mark: a sentence may quote any bytes,
 * and may have been cut within a character. */
static char *sentence_copy(const char *text)
{
    char *copy = strdup(text);
    for (char *p = copy; p && *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
    return copy;
}

enum err manifest_problem_put(struct manifest *manifest, const char *zone, const char *subject,
                              const char *message, struct diag *reterr)
{
    manifest->problems_total++;
    if (manifest->problems_count == MANIFEST_PROBLEMS_MAX)
        return OK;
    if (!manifest->problems) {
        manifest->problems = calloc(MANIFEST_PROBLEMS_MAX, sizeof *manifest->problems);
        if (!manifest->problems)
            return memory_error(reterr);
    }
    struct manifest_problem problem = {
        .zone = sentence_copy(zone),
        .subject = sentence_copy(subject),
        .message = sentence_copy(message),
    };
    if (!problem.zone || !problem.subject || !problem.message) {
        problem_fini(&problem);
        return memory_error(reterr);
    }
    manifest->problems[manifest->problems_count++] = problem;
    return OK;
}

/* Writing -------------------------------------------------------------------------------------- */

/* Add a row; when memory is out, for the row or here, there are no rows at all, so that none is
 * lost unseen. */
static void row_put(json_t **rows, json_t *row)
{
    if (json_array_append_new(*rows, row) == 0)
        return;
    json_decref(*rows);
    *rows = NULL;
}

/* Regions and policies are rows with their index, so that gaps cost nothing. "s*" leaves out what is NULL. */
static json_t *regions_print(const struct manifest *manifest)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < REGIONS_MAX; i++) {
        const struct manifest_region *region = &manifest->regions[i];
        if (region->name)
            row_put(&rows, json_pack("{sI ss ss* ss*}", "index", (json_int_t)i, "name", region->name,
                                     "monitor", region->monitor, "target", region->target));
    }
    return rows;
}

/* A fingerprint has 64 bits and a JSON number fewer: it is text. */
static json_t *policies_print(const struct manifest *manifest)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < POLICIES_MAX; i++) {
        const struct manifest_policy *policy = &manifest->policies[i];
        char fingerprint[20];
        (void)snprintf(fingerprint, sizeof fingerprint, "%016llx", (unsigned long long)policy->fingerprint);
        if (policy->name)
            row_put(&rows, json_pack("{sI ss ss ss}", "index", (json_int_t)i, "name", policy->name, "file",
                                     policy->file, "fingerprint", fingerprint));
    }
    return rows;
}

static json_t *packs_print(const struct manifest *manifest)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < PACKS_MAX; i++)
        row_put(&rows, json_string(manifest->packs[i]));
    return rows;
}

static json_t *monitors_print(const struct manifest *manifest)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < manifest->monitors_count; i++) {
        const struct manifest_monitor *m = &manifest->monitors[i];
        row_put(
            &rows,
            json_pack("{ss ss ss* ss ss ss ss* si sb sI sI sI sI sI sI}", "name", m->name, "type", m->type,
                      "host", m->host, "path", m->path, "method", m->method, "expect_status",
                      m->expect_status, "expect_body", m->expect_body, "port", (int)m->port, "tls_verify",
                      (int)m->tls_verify, "interval_ms", (json_int_t)m->interval_ms, "timeout_ms",
                      (json_int_t)m->timeout_ms, "fall", (json_int_t)m->fall, "rise", (json_int_t)m->rise,
                      "latency_max_ms", (json_int_t)m->latency_max_ms, "quorum", (json_int_t)m->quorum));
    }
    return rows;
}

static json_t *vantages_print(const struct manifest *manifest)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < manifest->vantages_count; i++) {
        const struct manifest_vantage *v = &manifest->vantages[i];
        row_put(&rows, json_pack("{ss ss sI sb}", "name", v->name, "public_key", v->public_key, "asn",
                                 (json_int_t)v->asn, "enabled", (int)v->enabled));
    }
    return rows;
}

static json_t *problems_print(const struct manifest *manifest)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < manifest->problems_count; i++) {
        const struct manifest_problem *p = &manifest->problems[i];
        row_put(&rows,
                json_pack("{ss ss ss}", "zone", p->zone, "subject", p->subject, "message", p->message));
    }
    return rows;
}

enum err manifest_print(const struct manifest *manifest, char **ret, struct diag *reterr)
{
    json_t *root = json_pack(
        "{si sI so so so so so so sI sI sI}", "version", MANIFEST_VERSION, "generation",
        (json_int_t)manifest->generation, "regions", regions_print(manifest), "policies",
        policies_print(manifest), "packs", packs_print(manifest), "monitors", monitors_print(manifest),
        "vantages", vantages_print(manifest), "problems", problems_print(manifest), "problems_total",
        (json_int_t)manifest->problems_total, "zones_count", (json_int_t)manifest->zones_count, "slots_end",
        (json_int_t)manifest->slots_end);
    *ret = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    return *ret ? OK : memory_error(reterr);
}

enum err manifest_write(const struct manifest *manifest, const char *path, struct diag *reterr)
{
    char *text = NULL, *temporary = NULL;
    enum err err = manifest_print(manifest, &text, reterr);
    if (err == OK && asprintf(&temporary, "%s.new", path) < 0) {
        temporary = NULL;
        err = memory_error(reterr);
    }
    if (err == OK)
        err = file_create(temporary, text, strlen(text), 0640, reterr);
    if (err == OK && rename(temporary, path) != 0)
        err = diag_errno(reterr, "cannot replace %s", path);
    if (err != OK && temporary)
        (void)unlink(temporary);
    free(temporary);
    free(text);
    return err;
}

/* Reading -------------------------------------------------------------------------------------- */

/* A reader of one manifest: sticky like common/reader.h, with the first member that was wrong. */
struct cursor {
    const char *member; /* NULL: all well */
    bool memory_failed;
};

static void cursor_fail(struct cursor *cursor, const char *member)
{
    if (!cursor->member)
        cursor->member = member;
}

/* A number from 0 to `max`. */
static uint64_t number_get(struct cursor *cursor, const json_t *object, const char *member, uint64_t max)
{
    const json_t *value = json_object_get(object, member);
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (uint64_t)json_integer_value(value) > max) {
        cursor_fail(cursor, member);
        return 0;
    }
    return (uint64_t)json_integer_value(value);
}

static bool flag_get(struct cursor *cursor, const json_t *object, const char *member)
{
    const json_t *value = json_object_get(object, member);
    if (!json_is_boolean(value))
        cursor_fail(cursor, member);
    return json_is_true(value);
}

static const char *text_get(struct cursor *cursor, const json_t *object, const char *member)
{
    const char *value = json_string_value(json_object_get(object, member));
    if (!value)
        cursor_fail(cursor, member);
    return value ? value : "";
}

/* A copy on the heap; NULL when the member may be missing and is. */
static char *optional_copy(struct cursor *cursor, const json_t *object, const char *member)
{
    if (!json_object_get(object, member))
        return NULL;
    char *copy = strdup(text_get(cursor, object, member));
    if (!copy)
        cursor->memory_failed = true;
    return copy;
}

static char *text_copy(struct cursor *cursor, const json_t *object, const char *member)
{
    if (!json_object_get(object, member))
        cursor_fail(cursor, member);
    return optional_copy(cursor, object, member);
}

/* A file's name, which must not lead out of the directory of images. */
static void file_copy(struct cursor *cursor, const char *file, char ret[MANIFEST_FILE_MAX],
                      const char *member)
{
    if (strlen(file) >= MANIFEST_FILE_MAX || strchr(file, '/'))
        cursor_fail(cursor, member);
    else
        memcpy(ret, file, strlen(file) + 1);
}

static const json_t *rows_get(struct cursor *cursor, const json_t *root, const char *member, size_t max)
{
    const json_t *rows = json_object_get(root, member);
    if (json_is_array(rows) && json_array_size(rows) <= max)
        return rows;
    cursor_fail(cursor, member);
    return NULL;
}

static void regions_read(struct cursor *cursor, const json_t *root, struct manifest *manifest)
{
    const json_t *rows = rows_get(cursor, root, "regions", REGIONS_MAX);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        struct manifest_region *region =
            &manifest->regions[number_get(cursor, row, "index", REGIONS_MAX - 1)];
        if (region->name || cursor->member) {
            cursor_fail(cursor, "regions");
            return;
        }
        region->name = text_copy(cursor, row, "name");
        region->monitor = optional_copy(cursor, row, "monitor");
        region->target = optional_copy(cursor, row, "target");
    }
}

static void policies_read(struct cursor *cursor, const json_t *root, struct manifest *manifest)
{
    const json_t *rows = rows_get(cursor, root, "policies", POLICIES_MAX);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        struct manifest_policy *policy =
            &manifest->policies[number_get(cursor, row, "index", POLICIES_MAX - 1)];
        if (policy->name) {
            cursor_fail(cursor, "policies");
            return;
        }
        policy->name = text_copy(cursor, row, "name");
        file_copy(cursor, text_get(cursor, row, "file"), policy->file, "file");
        const char *fingerprint = text_get(cursor, row, "fingerprint");
        char *end;
        policy->fingerprint = strtoull(fingerprint, &end, 16);
        if (end != fingerprint + 16 || *end)
            cursor_fail(cursor, "fingerprint");
    }
}

static void packs_read(struct cursor *cursor, const json_t *root, struct manifest *manifest)
{
    const json_t *rows = rows_get(cursor, root, "packs", PACKS_MAX);
    if (json_array_size(rows) != PACKS_MAX)
        cursor_fail(cursor, "packs");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const char *file = json_string_value(json_array_get(rows, i));
        file_copy(cursor, file ? file : "/", manifest->packs[i], "packs");
    }
}

static void monitor_read(struct cursor *cursor, const json_t *row, struct manifest_monitor *monitor)
{
    *monitor = (struct manifest_monitor){
        .name = text_copy(cursor, row, "name"),
        .type = text_copy(cursor, row, "type"),
        .host = optional_copy(cursor, row, "host"),
        .path = text_copy(cursor, row, "path"),
        .method = text_copy(cursor, row, "method"),
        .expect_status = text_copy(cursor, row, "expect_status"),
        .expect_body = optional_copy(cursor, row, "expect_body"),
        .port = (uint16_t)number_get(cursor, row, "port", UINT16_MAX),
        .tls_verify = flag_get(cursor, row, "tls_verify"),
        .interval_ms = (uint32_t)number_get(cursor, row, "interval_ms", UINT32_MAX),
        .timeout_ms = (uint32_t)number_get(cursor, row, "timeout_ms", UINT32_MAX),
        .fall = (uint32_t)number_get(cursor, row, "fall", UINT32_MAX),
        .rise = (uint32_t)number_get(cursor, row, "rise", UINT32_MAX),
        .latency_max_ms = (uint32_t)number_get(cursor, row, "latency_max_ms", UINT32_MAX),
        .quorum = (uint32_t)number_get(cursor, row, "quorum", UINT32_MAX),
    };
}

static void vantage_read(struct cursor *cursor, const json_t *row, struct manifest_vantage *vantage)
{
    *vantage = (struct manifest_vantage){
        .name = text_copy(cursor, row, "name"),
        .public_key = text_copy(cursor, row, "public_key"),
        .asn = (uint32_t)number_get(cursor, row, "asn", UINT32_MAX),
        .enabled = flag_get(cursor, row, "enabled"),
    };
}

/* Room for `rows`, or NULL. */
static void *rows_new(struct cursor *cursor, const json_t *rows, size_t size)
{
    const size_t count = json_array_size(rows);
    void *fresh = calloc(count > 0 ? count : 1, size);
    if (!fresh)
        cursor->memory_failed = true;
    return fresh;
}

static void lists_read(struct cursor *cursor, const json_t *root, struct manifest *manifest)
{
    const json_t *monitors = rows_get(cursor, root, "monitors", SIZE_MAX);
    const json_t *vantages = rows_get(cursor, root, "vantages", SIZE_MAX);
    manifest->monitors = rows_new(cursor, monitors, sizeof *manifest->monitors);
    manifest->vantages = rows_new(cursor, vantages, sizeof *manifest->vantages);
    if (cursor->memory_failed)
        return;
    for (; manifest->monitors_count < json_array_size(monitors); manifest->monitors_count++)
        monitor_read(cursor, json_array_get(monitors, manifest->monitors_count),
                     &manifest->monitors[manifest->monitors_count]);
    for (; manifest->vantages_count < json_array_size(vantages); manifest->vantages_count++)
        vantage_read(cursor, json_array_get(vantages, manifest->vantages_count),
                     &manifest->vantages[manifest->vantages_count]);
}

static void problems_read(struct cursor *cursor, const json_t *root, struct manifest *manifest)
{
    const json_t *rows = rows_get(cursor, root, "problems", MANIFEST_PROBLEMS_MAX);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (manifest_problem_put(manifest, text_get(cursor, row, "zone"), text_get(cursor, row, "subject"),
                                 text_get(cursor, row, "message"), NULL) != OK)
            cursor->memory_failed = true;
    }
    manifest->problems_total = number_get(cursor, root, "problems_total", INT64_MAX);
}

static enum err root_read(const json_t *root, const char *path, struct manifest *manifest,
                          struct diag *reterr)
{
    struct cursor cursor = {0};
    const uint64_t version = number_get(&cursor, root, "version", INT64_MAX);
    if (!cursor.member && version != MANIFEST_VERSION)
        return diag_set(reterr, ERR_VERSION, "%s has version %llu, this program reads %u", path,
                        (unsigned long long)version, MANIFEST_VERSION);
    manifest->generation = number_get(&cursor, root, "generation", INT64_MAX);
    manifest->zones_count = number_get(&cursor, root, "zones_count", INT64_MAX);
    manifest->slots_end = (uint32_t)number_get(&cursor, root, "slots_end", IMAGE_SLOTS_MAX);
    regions_read(&cursor, root, manifest);
    policies_read(&cursor, root, manifest);
    packs_read(&cursor, root, manifest);
    lists_read(&cursor, root, manifest);
    problems_read(&cursor, root, manifest);
    if (cursor.memory_failed)
        return memory_error(reterr);
    return cursor.member
               ? diag_set(reterr, ERR_CORRUPT, "%s: member \"%s\" is missing or wrong", path, cursor.member)
               : OK;
}

enum err manifest_read(const char *path, struct manifest **ret, struct diag *reterr)
{
    struct buffer text = {0};
    json_error_t error;
    json_t *root = NULL;
    struct manifest *manifest = NULL;
    enum err err = file_read(path, MANIFEST_MAX, &text, reterr);
    if (err != OK)
        return err;
    root = json_loadb((const char *)text.bytes, text.len, JSON_REJECT_DUPLICATES, &error);
    if (!root && json_error_code(&error) == json_error_out_of_memory)
        err = memory_error(reterr);
    else if (!root)
        err = diag_set(reterr, ERR_CORRUPT, "%s, line %d: %s", path, error.line, error.text);
    if (err == OK)
        err = manifest_new(&manifest, reterr);
    if (err == OK)
        err = root_read(root, path, manifest, reterr);
    if (err == OK)
        *ret = manifest;
    else
        manifest_free(&manifest);
    json_decref(root);
    buffer_fini(&text);
    return err;
}
