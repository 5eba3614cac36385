/* health/batch_checks.c - the list of checks that a nameserver gives a prober. */
#include "health/batch.h"

#include "health/field.h"

#include <stdlib.h>

#define PHASE_MAX 0.999999

static json_t *pack_check(const struct check *check)
{
    char status[CHECK_STATUS_TEXT_MAX];
    check_status_print(&check->expect_status, status);
    /* clang-format off */
    return json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I}",
                     "id", check->id,
                     "type", check_type_print(check->type),
                     "address", check->address,
                     "port", (int)check->port,
                     "host", check->host,
                     "path", check->path,
                     "method", check->method,
                     "expect_status", status,
                     "expect_body", check->expect_body,
                     "tls_verify", (int)check->tls_verify,
                     "interval_ms", (json_int_t)check->interval_ms,
                     "timeout_ms", (json_int_t)check->timeout_ms,
                     "fall", (json_int_t)check->fall,
                     "rise", (json_int_t)check->rise,
                     "latency_max_ms", (json_int_t)check->latency_max_ms);
    /* clang-format on */
}

enum err batch_print_checks(const struct batch_checks *checks, struct buffer *ret,
                            struct diag *reterr)
{
    const size_t off = ret->len;
    if (checks->checks_count > BATCH_CHECKS_MAX)
        return diag_set(reterr, ERR_LIMIT, "checks: %zu of them; at most %d", checks->checks_count,
                        BATCH_CHECKS_MAX);
    json_t *head = json_pack("{s:I, s:f}", "generation", (json_int_t)checks->generation, "phase",
                             checks->phase);
    field_list_open(ret, head, "checks");
    for (size_t i = 0; i < checks->checks_count; i++)
        field_list_put(ret, i, pack_check(&checks->checks[i]));
    field_list_close(ret);
    return field_check(ret, off, BATCH_CHECKS_LEN_MAX, "checks", reterr);
}

static void parse_status(struct field_reader *reader, struct check_status *ret)
{
    const char *text = field_text(reader, "expect_status", CHECK_STATUS_TEXT_MAX);
    if (text[0] && check_status_parse(text, ret, NULL) != OK)
        field_fail(reader, ERR_SYNTAX, "expect_status", "is not a list of codes and ranges");
}

static void parse_check(struct field_reader *reader, struct check *ret)
{
    ret->id = field_text(reader, "id", CHECK_ID_MAX);
    ret->type = check_type_parse(field_text(reader, "type", CHECK_HOST_MAX));
    ret->address = field_text(reader, "address", CHECK_ADDRESS_MAX);
    ret->port = (uint16_t)field_number(reader, "port", 0, UINT16_MAX);
    ret->host = field_text(reader, "host", CHECK_HOST_MAX);
    ret->path = field_text(reader, "path", CHECK_PATH_MAX);
    ret->method = field_text(reader, "method", CHECK_METHOD_MAX);
    parse_status(reader, &ret->expect_status);
    ret->expect_body = field_any(reader, "expect_body", CHECK_BODY_MAX);
    ret->tls_verify = field_flag(reader, "tls_verify");
    ret->interval_ms =
        field_number(reader, "interval_ms", CHECK_INTERVAL_MIN_MS, CHECK_INTERVAL_MAX_MS);
    ret->timeout_ms =
        field_number(reader, "timeout_ms", CHECK_TIMEOUT_MIN_MS, CHECK_INTERVAL_MAX_MS);
    ret->fall = (uint32_t)field_number(reader, "fall", 1, CHECK_ROW_MAX);
    ret->rise = (uint32_t)field_number(reader, "rise", 1, CHECK_ROW_MAX);
    ret->latency_max_ms = (uint32_t)field_number(reader, "latency_max_ms", 0, CHECK_LATENCY_MAX_MS);
    if (!reader->err)
        reader->err = check_validate(ret, reader->reterr);
}

static void parse_list(struct field_reader *reader, struct batch_checks *ret)
{
    const json_t *list = field_list(reader, "checks", BATCH_CHECKS_MAX);
    const size_t count = json_array_size(list);
    ret->checks = calloc(count + 1, sizeof *ret->checks);
    if (!ret->checks)
        field_fail(reader, ERR_MEMORY, "checks", "do not fit into memory");
    struct field_reader item = *reader;
    item.what = "checks: a check";
    for (size_t i = 0; i < count && !item.err; i++) {
        item.object = json_array_get(list, i);
        parse_check(&item, &ret->checks[i]);
        ret->checks_count++;
    }
    reader->err = item.err;
}

enum err batch_parse_checks(const void *bytes, size_t len, struct batch_checks *ret,
                            struct diag *reterr)
{
    struct batch_checks checks = {0};
    struct field_store store = {0};
    json_t *root = NULL;
    enum err err = field_load(bytes, len, BATCH_CHECKS_LEN_MAX, "checks", &root, reterr);
    if (!err)
        err = field_store_init(&store, len, reterr);
    if (!err) {
        struct field_reader reader = {
            .object = root, .what = "checks", .store = &store, .reterr = reterr};
        checks.generation = field_number(&reader, "generation", 0, BATCH_NUMBER_MAX);
        checks.phase = field_real(&reader, "phase", 0, PHASE_MAX);
        parse_list(&reader, &checks);
        err = reader.err;
    }
    json_decref(root);
    checks.texts = store.texts;
    if (err)
        batch_checks_fini(&checks);
    else
        *ret = checks;
    return err;
}

void batch_checks_fini(struct batch_checks *checks)
{
    free(checks->checks);
    free(checks->texts);
    *checks = (struct batch_checks){0};
}
