#include "zones/store/store.h"

#include "zones/store/store_db.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* Stepping ------------------------------------------------------------------------------------- */

static void rows_start(struct store *store, enum statement which, const char *table, const char *key,
                       struct store_rows *ret)
{
    *ret = (struct store_rows){.store = store, .table = table};
    ret->err = store_statement(store, which, &ret->statement, &ret->diag);
    if (ret->err == OK && key && sqlite3_bind_text(ret->statement, 1, key, -1, SQLITE_STATIC) != SQLITE_OK)
        ret->err = store_fail(store, &ret->diag);
}

static void rows_stop(struct store_rows *rows)
{
    sqlite3_reset(rows->statement);
    rows->statement = NULL;
}

static bool rows_step(struct store_rows *rows)
{
    if (rows->err != OK || !rows->statement)
        return false;
    const int code = sqlite3_step(rows->statement);
    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE)
        rows->err = store_fail(rows->store, &rows->diag);
    rows_stop(rows);
    return false;
}

enum err store_rows_end(struct store_rows *rows, struct diag *reterr)
{
    rows_stop(rows);
    return rows->err == OK ? OK : diag_set(reterr, rows->err, "%s", rows->diag.text);
}

/* Columns -------------------------------------------------------------------------------------- */

/* Somebody has taken the triggers away: a value that no table of the schema lets in. */
static void column_refuse(struct store_rows *rows, int at)
{
    if (rows->err == OK)
        rows->err = diag_set(&rows->diag, ERR_CORRUPT, "%s: \"%s\" has a bad %s; correct it in the store",
                             rows->table, (const char *)sqlite3_column_text(rows->statement, 0),
                             sqlite3_column_name(rows->statement, at));
}

static const char *column_text(struct store_rows *rows, int at)
{
    const void *text = sqlite3_column_text(rows->statement, at);
    if (!text && sqlite3_column_type(rows->statement, at) != SQLITE_NULL && rows->err == OK)
        rows->err = diag_set(&rows->diag, ERR_MEMORY, "out of memory");
    return text;
}

/* A number from 0 to `max`; NULL is 0. */
static uint32_t column_number(struct store_rows *rows, int at, uint32_t max)
{
    const int64_t value = sqlite3_column_int64(rows->statement, at);
    if (value >= 0 && value <= max)
        return (uint32_t)value;
    column_refuse(rows, at);
    return 0;
}

static bool column_is_null(const struct store_rows *rows, int at)
{
    return sqlite3_column_type(rows->statement, at) == SQLITE_NULL;
}

static bool column_flag(struct store_rows *rows, int at)
{
    return column_number(rows, at, 1) == 1;
}

/* Seconds, perhaps with a fraction, as whole milliseconds, at least one. */
static uint32_t column_ms(struct store_rows *rows, int at)
{
    const double ms = sqlite3_column_double(rows->statement, at) * 1000;
    if (!(ms > 0 && ms <= 86400000))
        column_refuse(rows, at);
    else if (ms >= 1)
        return (uint32_t)(ms + 0.5);
    return 1;
}

static int64_t column_time(const struct store_rows *rows, int at)
{
    return sqlite3_column_int64(rows->statement, at);
}

static double column_real(const struct store_rows *rows, int at)
{
    return sqlite3_column_double(rows->statement, at);
}

/* Zones and records ---------------------------------------------------------------------------- */

void store_zones(struct store *store, struct store_rows *ret)
{
    rows_start(store, STATEMENT_ZONES, "zone", NULL, ret);
}

void store_zone(struct store *store, const char *name, struct store_rows *ret)
{
    rows_start(store, STATEMENT_ZONE, "zone", name, ret);
}

bool store_zone_next(struct store_rows *rows, struct store_zone *ret)
{
    if (!rows_step(rows))
        return false;
    *ret = (struct store_zone){
        .name = column_text(rows, 0),
        .mname = column_text(rows, 1),
        .rname = column_text(rows, 2),
        .ttl_s = column_number(rows, 3, INT32_MAX),
        .negative_ttl_s = column_number(rows, 4, INT32_MAX),
        .refresh_s = column_number(rows, 5, INT32_MAX),
        .retry_s = column_number(rows, 6, INT32_MAX),
        .expire_s = column_number(rows, 7, INT32_MAX),
        .serial = column_number(rows, 8, UINT32_MAX),
    };
    return rows->err == OK;
}

void store_records(struct store *store, const char *zone, struct store_rows *ret)
{
    rows_start(store, STATEMENT_RECORDS, "record", zone, ret);
}

bool store_record_next(struct store_rows *rows, struct store_record *ret)
{
    if (!rows_step(rows))
        return false;
    *ret = (struct store_record){
        .name = column_text(rows, 0),
        .type = column_text(rows, 1),
        .data = column_text(rows, 2),
        .ttl_s = column_is_null(rows, 3) ? STORE_TTL_OF_ZONE : column_number(rows, 3, INT32_MAX),
    };
    return rows->err == OK;
}

/* Services ------------------------------------------------------------------------------------- */

void store_services(struct store *store, const char *zone, struct store_rows *ret)
{
    rows_start(store, STATEMENT_SERVICES, "service", zone, ret);
}

void store_services_all(struct store *store, struct store_rows *ret)
{
    rows_start(store, STATEMENT_SERVICES_ALL, "service", NULL, ret);
}

bool store_service_next(struct store_rows *rows, struct store_service *ret)
{
    if (!rows_step(rows))
        return false;
    *ret = (struct store_service){
        .name = column_text(rows, 0),
        .policy = column_text(rows, 1),
        .monitor = column_text(rows, 2),
        .sticky = column_text(rows, 3),
        .all_down = column_text(rows, 4),
        .ttl_s = column_number(rows, 5, INT32_MAX),
        .answers = column_number(rows, 6, UINT16_MAX),
        .panic_below = column_real(rows, 7),
    };
    return rows->err == OK;
}

void store_pools(struct store *store, const char *service, struct store_rows *ret)
{
    rows_start(store, STATEMENT_POOLS, "pool", service, ret);
}

bool store_pool_next(struct store_rows *rows, struct store_pool *ret)
{
    if (!rows_step(rows))
        return false;
    *ret = (struct store_pool){
        .region = column_text(rows, 0),
        .weight = column_number(rows, 1, STORE_WEIGHT_MAX),
        .min_up = column_number(rows, 2, UINT16_MAX),
        .state = column_text(rows, 3),
        .until_s = column_time(rows, 4),
    };
    return rows->err == OK;
}

void store_endpoints(struct store *store, const char *service, struct store_rows *ret)
{
    rows_start(store, STATEMENT_ENDPOINTS, "endpoint", service, ret);
}

bool store_endpoint_next(struct store_rows *rows, struct store_endpoint *ret)
{
    if (!rows_step(rows))
        return false;
    *ret = (struct store_endpoint){
        .region = column_text(rows, 0),
        .address = column_text(rows, 1),
        .weight = column_number(rows, 2, STORE_WEIGHT_MAX),
        .state = column_text(rows, 3),
        .until_s = column_time(rows, 4),
        .check_address = column_text(rows, 5),
    };
    return rows->err == OK;
}

/* Peers and defaults --------------------------------------------------------------------------- */

void store_peers(struct store *store, const char *zone, struct store_rows *ret)
{
    rows_start(store, STATEMENT_PEERS, "transfer", zone, ret);
}

void store_peers_all(struct store *store, struct store_rows *ret)
{
    rows_start(store, STATEMENT_PEERS_ALL, "transfer", NULL, ret);
}

bool store_peer_next(struct store_rows *rows, struct store_peer *ret)
{
    if (!rows_step(rows))
        return false;
    *ret = (struct store_peer){
        .zone = column_text(rows, 0),
        .net = column_text(rows, 1),
        .address = column_text(rows, 2),
        .port = (uint16_t)column_number(rows, 3, UINT16_MAX),
        .key = column_text(rows, 4),
        .algorithm = column_text(rows, 5),
        .secret = column_text(rows, 6),
    };
    if (ret->key && !ret->secret)
        column_refuse(rows, 4);
    return rows->err == OK;
}

void store_defaults(struct store *store, const char *policy, struct store_rows *ret)
{
    rows_start(store, STATEMENT_DEFAULTS, "rule", policy, ret);
}

bool store_default_next(struct store_rows *rows, struct store_default *ret)
{
    if (!rows_step(rows))
        return false;
    *ret = (struct store_default){
        .region = column_text(rows, 0),
        .tier = column_number(rows, 1, INT32_MAX),
        .weight = column_is_null(rows, 2) ? STORE_WEIGHT_OF_POOL : column_number(rows, 2, STORE_WEIGHT_MAX),
    };
    return rows->err == OK;
}

/* Regions, monitors, vantage points, states ---------------------------------------------------- */

void store_regions(struct store *store, struct store_rows *ret)
{
    rows_start(store, STATEMENT_REGIONS, "region", NULL, ret);
}

bool store_region_next(struct store_rows *rows, struct store_region *ret)
{
    if (!rows_step(rows))
        return false;
    *ret = (struct store_region){
        .name = column_text(rows, 0),
        .placed = !column_is_null(rows, 1),
        .latitude = column_real(rows, 1),
        .longitude = column_real(rows, 2),
        .state = column_text(rows, 3),
        .until_s = column_time(rows, 4),
        .monitor = column_text(rows, 5),
        .target = column_text(rows, 6),
    };
    return rows->err == OK;
}

void store_monitors(struct store *store, struct store_rows *ret)
{
    rows_start(store, STATEMENT_MONITORS, "monitor", NULL, ret);
}

bool store_monitor_next(struct store_rows *rows, struct store_monitor *ret)
{
    if (!rows_step(rows))
        return false;
    *ret = (struct store_monitor){
        .name = column_text(rows, 0),
        .type = column_text(rows, 1),
        .port = (uint16_t)column_number(rows, 2, UINT16_MAX),
        .host = column_text(rows, 3),
        .path = column_text(rows, 4),
        .method = column_text(rows, 5),
        .expect_status = column_text(rows, 6),
        .expect_body = column_text(rows, 7),
        .tls_verify = column_flag(rows, 8),
        .interval_ms = column_ms(rows, 9),
        .timeout_ms = column_ms(rows, 10),
        .fall = column_number(rows, 11, INT32_MAX),
        .rise = column_number(rows, 12, INT32_MAX),
        .latency_max_ms = column_number(rows, 13, UINT32_MAX),
        .quorum = column_text(rows, 14),
    };
    return rows->err == OK;
}

void store_vantages(struct store *store, struct store_rows *ret)
{
    rows_start(store, STATEMENT_VANTAGES, "vantage", NULL, ret);
}

bool store_vantage_next(struct store_rows *rows, struct store_vantage *ret)
{
    if (!rows_step(rows))
        return false;
    *ret = (struct store_vantage){
        .name = column_text(rows, 0),
        .public_key = column_text(rows, 1),
        .placed = !column_is_null(rows, 2),
        .latitude = column_real(rows, 2),
        .longitude = column_real(rows, 3),
        .asn = column_number(rows, 4, UINT32_MAX),
        .enabled = column_flag(rows, 5),
    };
    return rows->err == OK;
}

void store_states(struct store *store, struct store_rows *ret)
{
    rows_start(store, STATEMENT_STATES, "state", NULL, ret);
}

bool store_state_next(struct store_rows *rows, struct store_state *ret)
{
    if (!rows_step(rows))
        return false;
    *ret = (struct store_state){
        .service = column_text(rows, 0),
        .region = column_text(rows, 1),
        .address = column_text(rows, 2),
        .state = column_text(rows, 3),
        .until_s = column_time(rows, 4),
    };
    return rows->err == OK;
}

/* Policies ------------------------------------------------------------------------------------- */

/* Room for one more element of `size` bytes in a row that grows by doubling. */
static enum err row_grow(void **row, size_t count, size_t size, struct diag *reterr)
{
    if (count & (count - 1)) /* only the powers of two are full */
        return OK;
    void *more = reallocarray(*row, count ? 2 * count : 1, size);
    if (!more)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    *row = more;
    return OK;
}

/* Append the rule of the current row, unless its region has no index, or there is one too many already, for
 * which build_geo() refuses the policy. */
static enum err rule_put(struct store_rows *rows, const struct store_region_indexes *indexes,
                         struct policy *policy, struct diag *reterr)
{
    const char *client = column_text(rows, 0), *name = column_text(rows, 1);
    const int region = client && name ? indexes->find(indexes->context, name) : -1;
    if (region < 0 || policy->rules_count > POLICY_RULES_MAX)
        return OK;
    void *row = policy->rules;
    const enum err err = row_grow(&row, policy->rules_count, sizeof *policy->rules, reterr);
    policy->rules = row;
    if (err != OK)
        return err;
    struct policy_rule rule = {
        .client = strdup(client),
        .region = (uint16_t)region,
        .tier = (int32_t)column_number(rows, 2, INT32_MAX),
        .weight = column_is_null(rows, 3) ? POLICY_WEIGHT_OF_POOL : column_number(rows, 3, STORE_WEIGHT_MAX),
    };
    if (!rule.client)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    policy->rules[policy->rules_count++] = rule;
    return OK;
}

static enum err rules_read(struct store *store, const struct store_region_indexes *indexes,
                           struct policy *policy, struct diag *reterr)
{
    struct store_rows rows;
    rows_start(store, STATEMENT_RULES, "rule", policy->name, &rows);
    while (rows.err == OK && rows_step(&rows)) {
        const enum err err = rule_put(&rows, indexes, policy, &rows.diag);
        if (rows.err == OK)
            rows.err = err;
    }
    return store_rows_end(&rows, reterr);
}

static int place_compare(const void *a, const void *b)
{
    const struct policy_place *one = a, *two = b;
    return (one->region > two->region) - (one->region < two->region);
}

static enum err places_read(struct store *store, const struct store_region_indexes *indexes,
                            struct policy *policy, struct diag *reterr)
{
    policy->places = calloc(REGIONS_MAX, sizeof *policy->places);
    if (!policy->places)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    struct store_rows rows;
    rows_start(store, STATEMENT_PLACES, "region", NULL, &rows);
    while (rows_step(&rows) && policy->places_count < REGIONS_MAX) {
        const char *name = column_text(&rows, 0);
        const int region = name ? indexes->find(indexes->context, name) : -1;
        if (region >= 0)
            policy->places[policy->places_count++] = (struct policy_place){
                .region = (uint16_t)region,
                .latitude = column_real(&rows, 1),
                .longitude = column_real(&rows, 2),
            };
    }
    qsort(policy->places, policy->places_count, sizeof *policy->places, place_compare);
    return store_rows_end(&rows, reterr);
}

void store_policies(struct store *store, struct store_rows *ret)
{
    rows_start(store, STATEMENT_POLICIES, "policy", NULL, ret);
}

bool store_policy_next(struct store_rows *rows, const struct store_region_indexes *indexes,
                       struct policy *ret)
{
    if (!rows_step(rows))
        return false;
    const char *name = column_text(rows, 0), *method = column_text(rows, 1);
    struct policy policy = {
        .name = name ? strdup(name) : NULL,
        .method = method && strcmp(method, "nearest") == 0 ? POLICY_NEAREST : POLICY_RULES,
        .geofence = column_flag(rows, 2),
    };
    if (!policy.name)
        rows->err = diag_set(&rows->diag, ERR_MEMORY, "out of memory");
    if (rows->err == OK)
        rows->err = rules_read(rows->store, indexes, &policy, &rows->diag);
    if (rows->err == OK)
        rows->err = places_read(rows->store, indexes, &policy, &rows->diag);
    if (rows->err == OK)
        *ret = policy;
    else
        policy_fini(&policy);
    return rows->err == OK;
}
