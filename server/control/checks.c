#include "server/control/checks.h"

#include "common/hash.h"
#include "health/batch.h"
#include "server/control/lookup.h"

#include <stdlib.h>
#include <string.h>

#define CHECKS_GENERATION_MASK ((UINT64_C(1) << 53) - 1)

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

/* What a prober is to do for one subject; `id` is lent. */
static enum err describe(const struct roster_subject *subject, char id[CHECK_ID_MAX], struct check *ret,
                         struct diag *reterr)
{
    const struct manifest_monitor *monitor = subject->monitor;
    enum err err = check_id_print(monitor->name, subject->check, id, reterr);
    *ret = (struct check){
        .id = id,
        .type = check_type_parse(monitor->type),
        .address = subject->check,
        .port = monitor->port,
        .host = or_empty(monitor->host),
        .path = or_empty(monitor->path),
        .method = or_empty(monitor->method),
        .expect_body = or_empty(monitor->expect_body),
        .tls_verify = monitor->tls_verify,
        .interval_ms = monitor->interval_ms,
        .timeout_ms = monitor->timeout_ms,
        .fall = monitor->fall,
        .rise = monitor->rise,
        .latency_max_ms = monitor->latency_max_ms,
    };
    if (!err)
        err = check_status_parse(or_empty(monitor->expect_status), &ret->expect_status, reterr);
    if (!err)
        err = check_validate(ret, reterr);
    return err;
}

/* The check with this id, or CHECKS_NONE. */
static uint32_t find(const struct checks *checks, const struct lookup *lookup, const char *id, uint64_t hash)
{
    uint64_t cursor = hash;
    uint32_t check;
    while ((check = lookup_next(lookup, hash, &cursor)) != LOOKUP_NONE)
        if (strcmp(checks->list[check].id, id) == 0)
            return check;
    return CHECKS_NONE;
}

static enum err append(struct checks *checks, const struct check *check,
                       const struct manifest_monitor *monitor, struct diag *reterr)
{
    char *id = strdup(check->id);
    if (!id)
        return diag_set(reterr, ERR_MEMORY, "checks: out of memory");
    checks->list[checks->count] = *check;
    checks->list[checks->count].id = id;
    checks->rows[checks->count].id = id;
    checks->rows[checks->count].monitor = monitor;
    checks->count++;
    return OK;
}

/* Find or make the check of the subject at `idx`. */
static enum err assign(struct checks *checks, struct lookup *lookup, uint32_t idx, struct diag *reterr)
{
    const struct roster_subject *subject = &checks->roster->subjects[idx];
    char id[CHECK_ID_MAX];
    struct check check;
    struct diag refusal;
    checks->of[idx] = CHECKS_NONE;
    if (!subject->monitor || subject->check[0] == '\0')
        return OK;
    if (describe(subject, id, &check, &refusal) != OK) {
        if (checks->refused_count++ == 0)
            checks->refusal = refusal;
        return OK;
    }
    const uint64_t hash = hash_bytes(id, strlen(id), 0);
    uint32_t found = find(checks, lookup, id, hash);
    if (found == CHECKS_NONE) {
        const enum err err = append(checks, &check, subject->monitor, reterr);
        if (err)
            return err;
        found = (uint32_t)checks->count - 1;
        lookup_put(lookup, hash, found);
    }
    checks->of[idx] = found;
    checks->rows[found].subjects_count++;
    return OK;
}

/* Group the subjects by check: count, begin, fill. */
static void group(struct checks *checks)
{
    uint32_t begin = 0;
    for (size_t i = 0; i < checks->count; i++) {
        checks->rows[i].subjects_begin = begin;
        begin += checks->rows[i].subjects_count;
        checks->rows[i].subjects_count = 0;
    }
    for (uint32_t idx = 0; idx < checks->roster->count; idx++) {
        if (checks->of[idx] == CHECKS_NONE)
            continue;
        struct checks_row *row = &checks->rows[checks->of[idx]];
        checks->subjects[row->subjects_begin + row->subjects_count++] = idx;
    }
}

/* Generation ----------------------------------------------------------------------------------- */

/* With its NUL, so that one text cannot run into the next. */
static uint64_t hash_text(const char *text, uint64_t seed)
{
    return hash_bytes(text, strlen(text) + 1, seed);
}

static uint64_t hash_check(const struct check *check)
{
    char status[CHECK_STATUS_TEXT_MAX];
    const int64_t numbers[] = {(int64_t)check->type, check->port, check->tls_verify, check->interval_ms,
                               check->timeout_ms,    check->fall, check->rise,       check->latency_max_ms};
    uint64_t hash = hash_bytes(numbers, sizeof numbers, 0);
    const char *const texts[] = {check->id,          check->host,
                                 check->path,        check->method,
                                 check->expect_body, check_status_print(&check->expect_status, status)};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        hash = hash_text(texts[i], hash);
    return hash;
}

/* The order of the checks is nobody's business, so it does not count; that of the vantage points gives
 * their phases. */
static uint64_t hash_all(const struct checks *checks)
{
    const struct manifest *manifest = checks->roster->manifest;
    uint64_t sum = 0, hash = 0;
    for (size_t i = 0; i < checks->count; i++)
        sum += hash_check(&checks->list[i]);
    for (size_t i = 0; i < manifest->vantages_count; i++)
        if (manifest->vantages[i].enabled)
            hash = hash_text(manifest->vantages[i].name, hash);
    return hash_mix(hash ^ sum) & CHECKS_GENERATION_MASK;
}

/* Life ----------------------------------------------------------------------------------------- */

static enum err allocate(const struct roster *roster, struct checks **ret, struct diag *reterr)
{
    const size_t cap = roster->count ? roster->count : 1;
    struct checks *checks = calloc(1, sizeof *checks);
    if (checks) {
        checks->roster = roster;
        checks->list = calloc(cap, sizeof *checks->list);
        checks->rows = calloc(cap, sizeof *checks->rows);
        checks->subjects = calloc(cap, sizeof *checks->subjects);
        checks->of = calloc(cap, sizeof *checks->of);
    }
    if (checks && checks->list && checks->rows && checks->subjects && checks->of) {
        *ret = checks;
        return OK;
    }
    checks_free(&checks);
    return diag_set(reterr, ERR_MEMORY, "checks: out of memory for %zu subjects", roster->count);
}

enum err checks_build(const struct roster *roster, struct checks **ret, struct diag *reterr)
{
    struct checks *checks = NULL;
    struct lookup lookup = {0};
    enum err err = allocate(roster, &checks, reterr);
    if (!err)
        err = lookup_init(&lookup, roster->count, reterr);
    for (uint32_t idx = 0; !err && idx < roster->count; idx++)
        err = assign(checks, &lookup, idx, reterr);
    lookup_fini(&lookup);
    if (err) {
        checks_free(&checks);
        return err;
    }
    group(checks);
    checks->generation = hash_all(checks);
    *ret = checks;
    return OK;
}

void checks_free(struct checks **checks)
{
    struct checks *old = *checks;
    if (!old)
        return;
    for (size_t i = 0; i < old->count; i++)
        free(old->rows[i].id);
    free(old->list);
    free(old->rows);
    free(old->subjects);
    free(old->of);
    free(old);
    *checks = NULL;
}

/* The rank of a vantage point among the enabled ones as a share of the interval; negative: it is none of
 * them. */
static double phase_of(const struct manifest *manifest, const char *vantage)
{
    size_t enabled = 0, rank = SIZE_MAX;
    for (size_t i = 0; i < manifest->vantages_count; i++) {
        if (!manifest->vantages[i].enabled)
            continue;
        if (strcmp(manifest->vantages[i].name, vantage) == 0)
            rank = enabled;
        enabled++;
    }
    return rank == SIZE_MAX ? -1 : (double)rank / (double)enabled;
}

enum err checks_print(const struct checks *checks, const char *vantage, struct buffer *ret,
                      struct diag *reterr)
{
    const struct batch_checks list = {
        .generation = (int64_t)checks->generation,
        .phase = phase_of(checks->roster->manifest, vantage),
        .checks = checks->list,
        .checks_count = checks->count,
    };
    if (list.phase < 0)
        return diag_set(reterr, ERR_MISSING, "vantage: there is no enabled \"%s\"", vantage);
    return batch_print_checks(&list, ret, reterr);
}
