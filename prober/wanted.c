#include "prober/wanted.h"

#include "common/hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1 << 14 };

struct wanted {
    struct schedule *schedule;
    size_t count;
    struct task *buckets[BUCKETS]; /* by id */
};

enum err wanted_new(struct schedule *schedule, struct wanted **ret, struct diag *reterr)
{
    *ret = calloc(1, sizeof **ret);
    if (!*ret)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    (*ret)->schedule = schedule;
    return OK;
}

size_t wanted_count(const struct wanted *wanted)
{
    return wanted->count;
}

/* Definitions ---------------------------------------------------------------------------------- */

static bool equal_status(const struct check_status *a, const struct check_status *b)
{
    return a->count == b->count &&
           memcmp(a->ranges, b->ranges, a->count * sizeof a->ranges[0]) == 0;
}

/* Whether two checks would be probed alike, by the same plan. */
static bool equal(const struct check *a, const struct check *b)
{
    return a->type == b->type && a->port == b->port && a->tls_verify == b->tls_verify &&
           a->interval_ms == b->interval_ms && a->timeout_ms == b->timeout_ms &&
           a->fall == b->fall && a->rise == b->rise && a->latency_max_ms == b->latency_max_ms &&
           equal_status(&a->expect_status, &b->expect_status) && strcmp(a->id, b->id) == 0 &&
           strcmp(a->address, b->address) == 0 && strcmp(a->host, b->host) == 0 &&
           strcmp(a->path, b->path) == 0 && strcmp(a->method, b->method) == 0 &&
           strcmp(a->expect_body, b->expect_body) == 0;
}

/* A task that owns the texts of its check; NULL when memory is out. */
static struct task *copy(const struct check *check)
{
    const char *texts[] = {check->id,   check->address, check->host,
                           check->path, check->method,  check->expect_body};
    enum { TEXTS = sizeof texts / sizeof texts[0] };
    size_t len = 0;
    for (size_t i = 0; i < TEXTS; i++)
        len += strlen(texts[i]) + 1;
    struct task *task = calloc(1, sizeof *task + len);
    if (!task)
        return NULL;
    char *at = (char *)(task + 1);
    for (size_t i = 0; i < TEXTS; i++) {
        const size_t part = strlen(texts[i]) + 1;
        texts[i] = memcpy(at, texts[i], part);
        at += part;
    }
    task->check = *check;
    task->check.id = texts[0];
    task->check.address = texts[1];
    task->check.host = texts[2];
    task->check.path = texts[3];
    task->check.method = texts[4];
    task->check.expect_body = texts[5];
    return task;
}

/* The table ------------------------------------------------------------------------------------ */

static struct task **bucket_of(struct wanted *wanted, const char *id)
{
    return &wanted->buckets[hash_bytes(id, strlen(id), 0) % BUCKETS];
}

static struct task *find_equal(struct wanted *wanted, const struct check *check)
{
    struct task *task = *bucket_of(wanted, check->id);
    while (task && !equal(&task->check, check))
        task = task->next;
    return task;
}

/* What `server` lists under this id. */
static struct task *find_listed(struct wanted *wanted, uint64_t server_bit, const char *id)
{
    struct task *task = *bucket_of(wanted, id);
    while (task && !(task->servers & server_bit && strcmp(task->check.id, id) == 0))
        task = task->next;
    return task;
}

static enum err add(struct wanted *wanted, const struct check *check, double phase,
                    const struct task *like, struct diag *reterr)
{
    if (wanted->count >= WANTED_MAX)
        return diag_set(reterr, ERR_LIMIT, "the nameservers list more than %d checks", WANTED_MAX);
    struct task *task = copy(check);
    if (!task)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    const enum err err = schedule_add(wanted->schedule, task, phase, like, reterr);
    if (err) {
        free(task);
        return err;
    }
    struct task **bucket = bucket_of(wanted, check->id);
    task->listed = true;
    task->next = *bucket;
    *bucket = task;
    wanted->count++;
    return OK;
}

/* Throw the tasks of one bucket away that nobody wants. */
static void sweep(struct wanted *wanted, struct task **at)
{
    while (*at) {
        struct task *task = *at;
        if (task->servers != 0) {
            at = &task->next;
            continue;
        }
        *at = task->next;
        schedule_remove(wanted->schedule, task);
        free(task);
        wanted->count--;
    }
}

void wanted_free(struct wanted **wanted)
{
    if (!*wanted)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct task *task = (*wanted)->buckets[i]; task; task = task->next)
            task->servers = 0;
        sweep(*wanted, &(*wanted)->buckets[i]);
    }
    free(*wanted);
    *wanted = NULL;
}

/* Lists ---------------------------------------------------------------------------------------- */

/* Find or make the task of each check, and mark it as listed. */
static enum err mark_listed(struct wanted *wanted, uint64_t server_bit,
                            const struct batch_checks *list, struct diag *reterr)
{
    for (size_t i = 0; i < list->checks_count; i++) {
        const struct check *check = &list->checks[i];
        struct task *task = find_equal(wanted, check);
        enum err err = OK;
        if (!task)
            err =
                add(wanted, check, list->phase, find_listed(wanted, server_bit, check->id), reterr);
        else if (!task->listed && task->probe.plan.phase != check_plan(check, list->phase).phase)
            schedule_rephase(wanted->schedule, task, list->phase);
        if (task)
            task->listed = true;
        if (err)
            return err;
    }
    return OK;
}

/* The server's bit becomes what `listed` says. */
static void adopt(struct task *task, uint64_t server_bit)
{
    for (; task; task = task->next)
        task->servers = task->listed ? task->servers | server_bit : task->servers & ~server_bit;
}

static void unmark(struct task *task)
{
    for (; task; task = task->next)
        task->listed = false;
}

enum err wanted_take(struct wanted *wanted, unsigned server, const struct batch_checks *list,
                     struct diag *reterr)
{
    assert(server < WANTED_SERVERS_MAX);
    const uint64_t server_bit = (uint64_t)1 << server;
    const enum err err = mark_listed(wanted, server_bit, list, reterr);
    for (size_t i = 0; i < BUCKETS; i++) {
        if (!err)
            adopt(wanted->buckets[i], server_bit);
        unmark(wanted->buckets[i]);
        sweep(wanted, &wanted->buckets[i]);
    }
    return err;
}

void wanted_hurry(struct wanted *wanted, unsigned server, const char *id)
{
    struct task *task = find_listed(wanted, (uint64_t)1 << server, id);
    if (task)
        schedule_hurry(wanted->schedule, task);
}
