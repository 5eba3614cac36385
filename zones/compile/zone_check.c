#include "zones/compile/zone_check.h"

#include "zones/rdata/rdata.h"
#include "zones/rdata/svcb.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    SUBJECT_TEXT_MAX = NAME_TEXT_MAX + 64,
    RR_HEAD = 12, /* owner pointer, type, class, TTL, length */
    HINT_SERVICES_MAX = IMAGE_HINT_CHOICES_MAX / 2, /* each may hint at both families */
};

/* "www.example.com A", or "www.example.com" for type 0. */
static const char *subject_print(const struct draft *draft, uint32_t node, uint16_t type,
                                 char text[SUBJECT_TEXT_MAX])
{
    char name[NAME_TEXT_MAX], mnemonic[RDATA_TYPE_TEXT_MAX];
    (void)snprintf(text, SUBJECT_TEXT_MAX, "%s%s%s", name_print(draft_node_name(draft, node), name),
                   type ? " " : "", type ? rdata_type_print(type, mnemonic) : "");
    return text;
}

/* A problem of a node, or of one of its rrsets. */
__attribute__((format(printf, 5, 6))) static void check_put(struct problems *problems,
                                                            const struct draft *draft, uint32_t node,
                                                            uint16_t type, const char *format, ...)
{
    char subject[SUBJECT_TEXT_MAX], message[DIAG_TEXT_MAX];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(message, sizeof message, format, ap);
    va_end(ap);
    problems_put(problems, subject_print(draft, node, type, subject), "%s", message);
}

/* Records -------------------------------------------------------------------------------------- */

static void apex_check(const struct draft *draft, struct problems *problems)
{
    if (!draft_rrset_find(draft, 0, RDATA_NS))
        check_put(problems, draft, 0, RDATA_NS,
                  "the zone has no NS record at its apex; insert at least one (name '@')");
    const struct draft_rrset *soa = draft_rrset_find(draft, 0, RDATA_SOA);
    if (soa && soa->records_count > 1)
        check_put(problems, draft, 0, RDATA_SOA, "the SOA comes from table zone; delete the record");
}

static bool type_has_hints(uint16_t type)
{
    return type == RDATA_SVCB || type == RDATA_HTTPS;
}

/* The most bytes that a record takes in a reply, its hints filled. */
static size_t record_len_max(const struct draft *draft, const struct draft_record *record)
{
    size_t len = RR_HEAD + record->rdata_len;
    struct svcb_autos autos = {0};
    if (type_has_hints(record->type))
        svcb_autos_find(draft->rdata.bytes + record->rdata_off, record->rdata_len, &autos);
    for (unsigned i = 0; i < autos.count; i++)
        len += IMAGE_HINT_ADDRESSES_MAX * (autos.hints[i].kind == KIND_V4 ? 4u : 16u);
    return len;
}

static void size_check(const struct draft *draft, uint32_t node, const struct draft_rrset *rrset,
                       struct problems *problems)
{
    size_t len = 0;
    for (uint32_t i = 0; i < rrset->records_count; i++)
        len += record_len_max(draft, draft_record(draft, rrset->records_first + i));
    if (len > IMAGE_RRSET_MAX)
        check_put(problems, draft, node, rrset->type, "%u records take %zu bytes; at most %u fit a message",
                  rrset->records_count, len, IMAGE_RRSET_MAX);
}

/* Whether a record's hints, if it has any to be filled, come from a service. */
static bool hint_check(const struct draft *draft, uint32_t node, const struct draft_record *record,
                       uint32_t service, struct problems *problems)
{
    char target[NAME_TEXT_MAX];
    if (service != DRAFT_NONE && draft_node(draft, service)->service != DRAFT_NONE)
        return true;
    const uint8_t *name = svcb_target(draft->rdata.bytes + record->rdata_off);
    check_put(problems, draft, node, record->type,
              "%s is no service of this zone, so there are no addresses for an auto hint",
              name_print(*name ? name : draft_node_name(draft, node), target));
    return false;
}

static void hints_check(const struct draft *draft, uint32_t node, const struct draft_rrset *rrset,
                        struct problems *problems)
{
    uint32_t services[HINT_SERVICES_MAX];
    unsigned count = 0;
    for (uint32_t i = 0; type_has_hints(rrset->type) && i < rrset->records_count; i++) {
        const struct draft_record *record = draft_record(draft, rrset->records_first + i);
        struct svcb_autos autos;
        svcb_autos_find(draft->rdata.bytes + record->rdata_off, record->rdata_len, &autos);
        if (autos.count == 0)
            continue;
        const uint32_t service = draft_hint_node(draft, record);
        if (!hint_check(draft, node, record, service, problems))
            return;
        unsigned known = 0;
        while (known < count && services[known] != service)
            known++;
        if (known == HINT_SERVICES_MAX) {
            check_put(problems, draft, node, rrset->type, "its auto hints are of more than %u services",
                      HINT_SERVICES_MAX);
            return;
        }
        services[known] = service;
        count += known == count;
    }
}

static bool stands_beside_cname(uint16_t type)
{
    return type == RDATA_CNAME || type == RDATA_RRSIG || type == RDATA_NSEC;
}

static void cname_check(const struct draft *draft, uint32_t idx, struct problems *problems)
{
    const struct draft_node *node = draft_node(draft, idx);
    const struct draft_rrset *cname = draft_rrset_find(draft, idx, RDATA_CNAME);
    if (!cname)
        return;
    if (cname->records_count > 1)
        check_put(problems, draft, idx, RDATA_CNAME, "a name has at most one CNAME; this one has %u",
                  cname->records_count);
    for (uint32_t i = 0; i < node->rrsets_count; i++) {
        const uint16_t type = draft_rrset(draft, node->rrsets_first + i)->type;
        char mnemonic[RDATA_TYPE_TEXT_MAX];
        if (!stands_beside_cname(type))
            check_put(problems, draft, idx, RDATA_CNAME,
                      "a CNAME stands alone; delete it or the %s beside it",
                      rdata_type_print(type, mnemonic));
    }
}

static void dname_check(const struct draft *draft, uint32_t idx, struct problems *problems)
{
    const struct draft_rrset *dname = draft_rrset_find(draft, idx, RDATA_DNAME);
    if (!dname)
        return;
    if (dname->records_count > 1)
        check_put(problems, draft, idx, RDATA_DNAME, "a name has at most one DNAME; this one has %u",
                  dname->records_count);
    if (idx != 0 && draft_rrset_find(draft, idx, RDATA_NS))
        check_put(problems, draft, idx, RDATA_DNAME,
                  "a name has a DNAME or is delegated with NS, not both");
}

static void above_check(const struct draft *draft, uint32_t idx, struct problems *problems)
{
    const struct draft_node *node = draft_node(draft, idx);
    if (node->above == DRAFT_NONE || !(draft_node(draft, node->above)->flags & NODE_DNAME) ||
        (node->flags & NODE_EMPTY))
        return;
    char name[NAME_TEXT_MAX];
    check_put(problems, draft, idx, 0, "nothing may stand below the DNAME at %s",
              name_print(draft_node_name(draft, node->above), name));
}

static void wildcard_check(const struct draft *draft, uint32_t idx, struct problems *problems)
{
    const uint16_t types[] = {RDATA_NS, RDATA_DNAME};
    for (size_t i = 0; i < 2; i++)
        if ((draft_node(draft, idx)->flags & NODE_WILDCARD) && idx != 0 &&
            draft_rrset_find(draft, idx, types[i]))
            check_put(problems, draft, idx, types[i], "this type has no meaning at a wildcard");
}

/* Services ------------------------------------------------------------------------------------- */

static bool pool_has_hosts(const struct draft_pool *pool)
{
    return pool->counts[KIND_HOST] > 0;
}

static bool service_has_hosts(const struct draft *draft, const struct draft_service *service)
{
    for (uint32_t i = 0; i < service->pools_count; i++)
        if (pool_has_hosts(draft_pool(draft, service->pools_first + i)))
            return true;
    return false;
}

/* The endpoint before endpoint `idx` of a pool that has the same IPv6 address, which can be written in many
 * ways; NULL: none. */
static const struct draft_endpoint *twin_find(const struct draft *draft, const struct draft_pool *pool,
                                              uint32_t idx)
{
    const struct draft_endpoint *row = draft_endpoint(draft, pool->endpoints_first);
    for (uint32_t i = 0; i < idx && row[idx].kind == KIND_V6; i++)
        if (row[i].kind == KIND_V6 && memcmp(draft->rdata.bytes + row[i].wire_off,
                                             draft->rdata.bytes + row[idx].wire_off, 16) == 0)
            return &row[i];
    return NULL;
}

/* Requires that the pool has no more than IMAGE_POOL_ENDPOINTS_MAX of them. */
static void twins_check(const struct draft *draft, const struct draft_service *service,
                        const struct draft_pool *pool, struct problems *problems)
{
    for (uint32_t i = 0; i < pool->endpoints_count; i++) {
        const struct draft_endpoint *twin = twin_find(draft, pool, i);
        if (twin)
            check_put(problems, draft, service->node, 0,
                      "the pool in region %s has the address %s twice, once as %s; keep one of them",
                      draft_text(draft, pool->region_off), draft_text(draft, twin->address_off),
                      draft_text(draft, draft_endpoint(draft, pool->endpoints_first + i)->address_off));
    }
}

static void pool_check(const struct draft *draft, const struct draft_service *service,
                       const struct draft_pool *pool, struct problems *problems)
{
    const char *region = draft_text(draft, pool->region_off);
    if (pool_has_hosts(pool) && pool->counts[KIND_HOST] != pool->endpoints_count)
        check_put(problems, draft, service->node, 0,
                  "the pool in region %s has addresses and host names as endpoints; keep one of them",
                  region);
    for (unsigned kind = 0; kind < KINDS; kind++)
        if (pool->counts[kind] > IMAGE_POOL_ENDPOINTS_MAX)
            check_put(problems, draft, service->node, 0,
                      "the pool in region %s has %u endpoints of one kind; the most is %u", region,
                      pool->counts[kind], IMAGE_POOL_ENDPOINTS_MAX);
    if (pool->counts[KIND_V6] <= IMAGE_POOL_ENDPOINTS_MAX)
        twins_check(draft, service, pool, problems);
}

static void beside_check(const struct draft *draft, const struct draft_service *service,
                         struct problems *problems)
{
    const struct draft_node *node = draft_node(draft, service->node);
    const bool hosts = service_has_hosts(draft, service);
    for (uint32_t i = 0; i < node->rrsets_count; i++) {
        const uint16_t type = draft_rrset(draft, node->rrsets_first + i)->type;
        if (hosts)
            check_put(problems, draft, service->node, type,
                      "no record stands beside a service whose endpoints are host names; delete it");
        else if (type == RDATA_A || type == RDATA_AAAA || type == RDATA_CNAME)
            check_put(problems, draft, service->node, type,
                      "a service answers for this name and type; delete the record or the service");
    }
}

static void service_check(const struct draft *draft, const struct draft_service *service,
                          struct problems *problems)
{
    const struct draft_node *node = draft_node(draft, service->node);
    char name[NAME_TEXT_MAX];
    if (node->above != DRAFT_NONE || (node->flags & NODE_CUT))
        check_put(
            problems, draft, service->node, 0, "the service is in what %s hands to other servers",
            name_print(draft_node_name(draft, node->above != DRAFT_NONE ? node->above : service->node),
                       name));
    beside_check(draft, service, problems);
    for (uint32_t i = 0; i < service->pools_count; i++)
        pool_check(draft, service, draft_pool(draft, service->pools_first + i), problems);
}

void zone_check_records(const struct draft *draft, struct problems *problems)
{
    apex_check(draft, problems);
    for (uint32_t i = 0; i < draft_nodes_count(draft); i++) {
        const struct draft_node *node = draft_node(draft, i);
        for (uint32_t j = 0; j < node->rrsets_count; j++)
            size_check(draft, i, draft_rrset(draft, node->rrsets_first + j), problems);
        cname_check(draft, i, problems);
        dname_check(draft, i, problems);
        above_check(draft, i, problems);
        wildcard_check(draft, i, problems);
    }
}

void zone_check(const struct draft *draft, struct problems *problems)
{
    zone_check_records(draft, problems);
    for (uint32_t i = 0; i < draft_nodes_count(draft); i++) {
        const struct draft_node *node = draft_node(draft, i);
        for (uint32_t j = 0; j < node->rrsets_count; j++)
            hints_check(draft, i, draft_rrset(draft, node->rrsets_first + j), problems);
    }
    for (uint32_t i = 0; i < draft_services_count(draft); i++)
        service_check(draft, draft_service(draft, i), problems);
}
