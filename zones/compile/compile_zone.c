#include "zones/compile/compile_zone.h"

#include "common/ip.h"
#include "common/writer.h"
#include "zones/compile/compile_peers.h"
#include "zones/compile/stand_in.h"
#include "zones/compile/stand_in_hint.h"
#include "zones/compile/zone_check.h"
#include "zones/rdata/rdata.h"

#include <stdio.h>
#include <string.h>

enum { SUBJECT_TEXT_MAX = 2 * NAME_TEXT_MAX, SOA_MAX = 2 * NAME_WIRE_MAX + 20, SHARE_ALL = 4095 };

/* The zone in hand. */
struct zone_job {
    const struct zone_sources *sources;
    const struct zone_row *row;
    struct draft *draft;
    struct problems *problems;
};

static const char *zone_text(const struct zone_job *job)
{
    return zone_list_text(job->sources->list, job->row->text_off);
}

/* What went wrong with one row: a problem of the zone, or no memory, which ends the compile. */
static enum err row_fail(const struct zone_job *job, enum err err, const char *subject, struct diag *diag,
                         struct diag *reterr)
{
    if (err == ERR_MEMORY)
        return diag_set(reterr, err, "%s", diag->text);
    if (err != OK)
        problems_put(job->problems, subject, "%s", diag->text);
    return OK;
}

/* The zone's own row ---------------------------------------------------------------------------------- */

/* Whether it has an @ that is not escaped: then the dots before that are the first label's own. */
static bool mailbox_is_address(const char *text)
{
    for (; *text && *text != '@'; text++)
        if (*text == '\\' && text[1])
            text++;
    return *text == '@';
}

enum err compile_zone_mailbox(const char *text, uint8_t *wire, size_t *ret_len, struct diag *reterr)
{
    char name[NAME_TEXT_MAX];
    size_t len = 0;
    bool local = mailbox_is_address(text);
    for (const char *p = text; *p; p++) {
        if (len + 3 > sizeof name)
            return diag_set(reterr, ERR_SYNTAX, "rname \"%.60s...\" is too long", text);
        if (local && *p == '.')
            name[len++] = '\\';
        name[len++] = local && *p == '@' ? '.' : *p;
        if (*p == '\\' && p[1])
            name[len++] = *++p;
        else if (*p == '@')
            local = false;
    }
    name[len] = '\0';
    return name_parse(name, wire, ret_len, reterr);
}

static enum err soa_make(const struct store_zone *zone, uint8_t rdata[SOA_MAX], size_t *ret_len,
                         struct diag *reterr)
{
    size_t mname_len, rname_len;
    enum err err = name_parse(zone->mname, rdata, &mname_len, reterr);
    if (err == OK)
        err = compile_zone_mailbox(zone->rname, rdata + mname_len, &rname_len, reterr);
    if (err != OK)
        return err;
    struct writer w = writer_of(rdata + mname_len + rname_len, 20);
    writer_u32(&w, zone->serial);
    writer_u32(&w, zone->refresh_s);
    writer_u32(&w, zone->retry_s);
    writer_u32(&w, zone->expire_s);
    writer_u32(&w, zone->negative_ttl_s);
    *ret_len = mname_len + rname_len + 20;
    return OK;
}

/* The SOA, and the TTL of records that have none. */
static enum err soa_read(const struct zone_job *job, uint32_t *ret_ttl_s, struct diag *reterr)
{
    struct store_rows rows;
    struct store_zone zone;
    struct diag diag;
    enum err err = OK;
    store_zone(job->sources->store, zone_text(job), &rows);
    while (err == OK && store_zone_next(&rows, &zone)) {
        uint8_t rdata[SOA_MAX];
        size_t len;
        *ret_ttl_s = zone.ttl_s;
        err = soa_make(&zone, rdata, &len, &diag);
        if (err == OK)
            err =
                draft_record_put(job->draft, job->draft->origin, RDATA_SOA, zone.ttl_s, rdata, len, &diag);
        err = row_fail(job, err, "SOA", &diag, reterr);
    }
    const enum err end = store_rows_end(&rows, err == OK ? reterr : NULL);
    return err == OK ? end : err;
}

/* Records --------------------------------------------------------------------------------------------- */

static const char *record_print(const struct zone_job *job, const struct store_record *record,
                                char text[SUBJECT_TEXT_MAX])
{
    const bool apex = strcmp(record->name, "@") == 0;
    const bool root = strcmp(zone_text(job), ".") == 0;
    (void)snprintf(text, SUBJECT_TEXT_MAX, "%.1024s%s%s %.40s", apex ? "" : record->name,
                   apex || root ? "" : ".", root && !apex ? "" : zone_text(job), record->type);
    return text;
}

static enum err record_put(const struct zone_job *job, const struct store_record *record,
                           uint32_t zone_ttl_s, uint8_t *rdata, struct diag *reterr)
{
    uint8_t name[NAME_WIRE_MAX];
    size_t name_size, rdata_len;
    uint16_t type;
    enum err err = name_parse_under(record->name, job->draft->origin, name, &name_size, reterr);
    if (err == OK)
        err = rdata_type_parse(record->type, &type, reterr);
    if (err == OK)
        err = rdata_parse(type, record->data, job->draft->origin, rdata, &rdata_len, reterr);
    if (err != OK)
        return err;
    return draft_record_put(job->draft, name, type,
                            record->ttl_s == STORE_TTL_OF_ZONE ? zone_ttl_s : record->ttl_s, rdata,
                            rdata_len, reterr);
}

static enum err records_read(const struct zone_job *job, uint32_t zone_ttl_s, struct diag *reterr)
{
    uint8_t *rdata = draft_scratch(job->draft);
    if (!rdata)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    struct store_rows rows;
    struct store_record record;
    enum err err = OK;
    store_records(job->sources->store, zone_text(job), &rows);
    while (err == OK && store_record_next(&rows, &record)) {
        struct diag diag;
        char subject[SUBJECT_TEXT_MAX];
        err = record_put(job, &record, zone_ttl_s, rdata, &diag);
        if (err != OK)
            err = row_fail(job, err, record_print(job, &record, subject), &diag, reterr);
    }
    const enum err end = store_rows_end(&rows, err == OK ? reterr : NULL);
    return err == OK ? end : err;
}

/* Services -------------------------------------------------------------------------------------------- */

static void endpoint_put(const struct zone_job *job, const char *service,
                         const struct store_endpoint *endpoint)
{
    struct draft *draft = job->draft;
    struct draft_endpoint row = {.weight = endpoint->weight};
    struct ip ip;
    uint8_t name[NAME_WIRE_MAX];
    size_t len;
    struct diag diag;
    if (ip_parse(endpoint->address, &ip, NULL) == OK) {
        row.kind = ip.family == IP_V4 ? KIND_V4 : KIND_V6;
        row.wire_off = (uint32_t)buffer_put(&draft->rdata, ip.bytes, ip_bits(&ip) / 8);
    } else if (name_parse(endpoint->address, name, &len, &diag) == OK) {
        row.kind = KIND_HOST;
        row.wire_off = (uint32_t)buffer_put(&draft->rdata, name, len);
    } else {
        problems_put(job->problems, service, "endpoint %s in region %s: %s", endpoint->address,
                     endpoint->region, diag.text);
        return;
    }
    row.address_off = draft_text_put(draft, endpoint->address);
    row.check_off =
        endpoint->check_address ? draft_text_put(draft, endpoint->check_address) : row.address_off;
    draft_endpoint_put(draft, &row);
}

/* A service's pools with their endpoints; both come in order of region. */
static enum err pools_read(const struct zone_job *job, const char *service, struct diag *reterr)
{
    struct store_rows pools, endpoints;
    struct store_pool pool;
    struct store_endpoint endpoint;
    store_pools(job->sources->store, service, &pools);
    store_endpoints(job->sources->store, service, &endpoints);
    bool more = store_endpoint_next(&endpoints, &endpoint);
    while (store_pool_next(&pools, &pool)) {
        const int region = census_region_find(job->sources->census, pool.region);
        if (region < 0)
            problems_put(job->problems, service, "there is no region \"%s\"", pool.region);
        const struct draft_pool row = {
            .region_off = draft_text_put(job->draft, pool.region),
            .region = (uint16_t)(region < 0 ? 0 : region),
            .weight = pool.weight,
            .min_up = pool.min_up,
        };
        draft_pool_put(job->draft, &row);
        for (; more && strcmp(endpoint.region, pool.region) <= 0;
             more = store_endpoint_next(&endpoints, &endpoint)) {
            if (strcmp(endpoint.region, pool.region) == 0)
                endpoint_put(job, service, &endpoint);
            else
                problems_put(job->problems, service, "endpoint %s: there is no pool in region %s",
                             endpoint.address, endpoint.region);
        }
    }
    if (more)
        problems_put(job->problems, service, "endpoint %s: there is no pool in region %s", endpoint.address,
                     endpoint.region);
    const enum err err = store_rows_end(&pools, reterr);
    const enum err end = store_rows_end(&endpoints, err == OK ? reterr : NULL);
    return err == OK ? end : err;
}

static void monitor_check(const struct zone_job *job, const char *service, const char *name)
{
    const struct census *census = job->sources->census;
    const struct manifest_monitor *monitor = census_monitor_find(census, name);
    if (!monitor)
        problems_put(job->problems, service, "there is no monitor \"%s\"", name);
    else if (!census_quorum_is_met(census, monitor))
        problems_put(job->problems, service,
                     "its monitor \"%s\" has quorum %u, but only %u vantage points are enabled", name,
                     monitor->quorum, census->vantages_enabled);
}

static enum all_down all_down_of(const char *text)
{
    return strcmp(text, "nodata") == 0     ? ALL_DOWN_NODATA
           : strcmp(text, "servfail") == 0 ? ALL_DOWN_SERVFAIL
                                           : ALL_DOWN_SERVE_ALL;
}

static enum err service_put(const struct zone_job *job, const struct service_row *row, struct diag *reterr)
{
    const struct zone_list *list = job->sources->list;
    const char *name = zone_list_text(list, row->name_off);
    const int policy = census_policy_find(job->sources->census, zone_list_text(list, row->policy_off));
    if (policy < 0)
        problems_put(job->problems, name, "there is no policy \"%s\"",
                     zone_list_text(list, row->policy_off));
    struct draft_service service = {
        .name_off = draft_text_put(job->draft, name),
        .monitor_off = DRAFT_NONE,
        .ttl_s = row->ttl_s,
        .answers = row->answers,
        .policy = (uint16_t)(policy < 0 ? 0 : policy),
        .panic_below = (uint16_t)(row->panic_below * SHARE_ALL + 0.5),
        .sticky =
            strcmp(zone_list_text(list, row->sticky_off), "client") == 0 ? STICKY_CLIENT : STICKY_NONE,
        .all_down = all_down_of(zone_list_text(list, row->all_down_off)),
    };
    if (row->monitor_off != ZONE_LIST_NONE) {
        const char *monitor = zone_list_text(list, row->monitor_off);
        service.monitor_off = draft_text_put(job->draft, monitor);
        monitor_check(job, name, monitor);
    }
    uint8_t wire[NAME_WIRE_MAX];
    size_t len;
    struct diag diag;
    enum err err = name_parse(name, wire, &len, &diag);
    if (err == OK)
        err = draft_service_put(job->draft, wire, &service, &diag);
    return err == OK ? pools_read(job, name, reterr) : row_fail(job, err, name, &diag, reterr);
}

static enum err services_read(const struct zone_job *job, struct diag *reterr)
{
    enum err err = OK;
    for (uint32_t i = 0; i < job->row->services_count && err == OK; i++)
        err = service_put(job, zone_list_service(job->sources->list, job->row->services_first + i), reterr);
    return err;
}

/* Draft service i is row i of the list's, unless it had no valid name, which is a problem. */
static enum err stand_ins_put(const struct zone_job *job, struct diag *reterr)
{
    const struct zone_sources *sources = job->sources;
    enum err err = OK;
    if (job->problems->count > 0 || !compile_peers_may_copy(job->draft))
        return OK;
    for (uint32_t i = 0; i < draft_services_count(job->draft) && err == OK; i++) {
        const struct service_row *row = zone_list_service(sources->list, job->row->services_first + i);
        err = stand_in_put(sources->store, sources->census, zone_list_text(sources->list, row->policy_off),
                           job->draft, i, reterr);
    }
    if (err == OK)
        stand_in_hint_put(job->draft);
    const struct draft *draft = job->draft;
    if (err == OK && (draft->rrsets.failed || draft->records.failed || draft->order.failed ||
                      draft->rdata.failed || draft->scratch.failed))
        err = diag_set(reterr, ERR_MEMORY, "out of memory");
    return err;
}

/* Slots ----------------------------------------------------------------------------------------------- */

static enum err pool_slots(const struct zone_job *job, const char *service, struct draft_pool *pool,
                           struct diag *reterr)
{
    struct draft *draft = job->draft;
    const char *region = draft_text(draft, pool->region_off);
    enum err err = slots_get(job->sources->slots, service, region, NULL, &pool->slot, reterr);
    for (uint32_t i = 0; i < pool->endpoints_count && err == OK; i++) {
        struct draft_endpoint *endpoint = draft_endpoint(draft, pool->endpoints_first + i);
        err = slots_get(job->sources->slots, service, region, draft_text(draft, endpoint->address_off),
                        &endpoint->slot, reterr);
    }
    return err;
}

/* After the checks, so that a zone that is not published takes no slots. */
static void slots_put(const struct zone_job *job)
{
    struct draft *draft = job->draft;
    for (uint32_t i = 0; i < draft_services_count(draft); i++) {
        const struct draft_service *service = draft_service(draft, i);
        const char *name = draft_text(draft, service->name_off);
        for (uint32_t j = 0; j < service->pools_count; j++) {
            struct diag diag;
            if (pool_slots(job, name, draft_pool(draft, service->pools_first + j), &diag) == OK)
                continue;
            problems_put(job->problems, name, "%s", diag.text);
            return;
        }
    }
}

enum err compile_zone(const struct zone_sources *sources, uint32_t idx, struct draft *draft,
                      struct problems *problems, struct diag *reterr)
{
    const struct zone_row *row = zone_list_row(sources->list, idx);
    const struct zone_job job = {.sources = sources, .row = row, .draft = draft, .problems = problems};
    uint32_t ttl_s = 0;
    draft_begin(draft, sources->list->names.bytes + row->name_off);
    enum err err = soa_read(&job, &ttl_s, reterr);
    if (err == OK)
        err = records_read(&job, ttl_s, reterr);
    if (err == OK)
        err = services_read(&job, reterr);
    if (err == OK)
        err = compile_peers(sources->store, zone_text(&job), draft, problems, reterr);
    if (err == OK)
        err = draft_group(draft, reterr);
    if (err == OK)
        err = stand_ins_put(&job, reterr);
    if (err != OK)
        return err;
    if (problems->count == 0)
        zone_check(draft, problems);
    if (problems->count == 0)
        slots_put(&job);
    return problems->failed ? diag_set(reterr, ERR_MEMORY, "out of memory") : OK;
}

enum err compile_zone_absent(const struct zone_sources *sources, uint32_t idx, struct draft *draft,
                             struct problems *problems, bool *ret, struct diag *reterr)
{
    const struct zone_row *row = zone_list_row(sources->list, idx);
    const struct zone_job job = {.sources = sources, .row = row, .draft = draft, .problems = problems};
    uint32_t ttl_s = 0;
    *ret = draft_rrset_find(draft, 0, RDATA_SOA) != NULL;
    if (!*ret)
        return OK;
    draft_begin(draft, sources->list->names.bytes + row->name_off);
    draft->flags = ZONE_ABSENT;
    const enum err err = soa_read(&job, &ttl_s, reterr);
    return err == OK ? draft_group(draft, reterr) : err;
}
