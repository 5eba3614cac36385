#include "zones/compile/stand_in_hint.h"

#include "common/writer.h"
#include "zones/rdata/rdata.h"
#include "zones/rdata/svcb.h"

static bool autos_find(const struct draft *draft, const struct draft_record *record, struct svcb_autos *ret)
{
    svcb_autos_find(draft->rdata.bytes + record->rdata_off, record->rdata_len, ret);
    return ret->count > 0;
}

static bool has_autos(const struct draft *draft, const struct draft_rrset *rrset)
{
    struct svcb_autos autos;
    if (rrset->type != RDATA_SVCB && rrset->type != RDATA_HTTPS)
        return false;
    for (uint32_t i = 0; i < rrset->records_count; i++)
        if (autos_find(draft, draft_record(draft, rrset->records_first + i), &autos))
            return true;
    return false;
}

/* The service that a record's hints are of; NULL: none, which zones/compile/zone_check.c refuses. */
static const struct draft_service *service_find(const struct draft *draft, const struct draft_record *record)
{
    const uint32_t idx = draft_hint_node(draft, record);
    const uint32_t service = idx == DRAFT_NONE ? DRAFT_NONE : draft_node(draft, idx)->service;
    return service == DRAFT_NONE ? NULL : draft_service(draft, service);
}

/* Put a hint with the addresses of the service's stand-in, if it has one of the kind. */
static void hint_put(const struct draft *draft, const struct draft_service *service, enum kind kind,
                     const uint8_t key[2], struct writer *w)
{
    const uint16_t type = kind == KIND_V4 ? RDATA_A : RDATA_AAAA;
    const size_t len = kind == KIND_V4 ? 4 : 16;
    for (uint32_t i = 0; service && i < service->stand_ins_count; i++) {
        const struct draft_rrset *rrset = draft_rrset(draft, service->stand_ins_first + i);
        const uint32_t count = rrset->records_count < IMAGE_HINT_ADDRESSES_MAX ? rrset->records_count
                                                                              : IMAGE_HINT_ADDRESSES_MAX;
        if (rrset->type != type)
            continue;
        writer_bytes(w, key, 2);
        writer_u16(w, (uint16_t)(count * len));
        for (uint32_t k = 0; k < count; k++)
            writer_bytes(w, draft->rdata.bytes + draft_record(draft, rrset->records_first + k)->rdata_off,
                         len);
    }
}

/* Put the copy of a record behind that of its rrset. One that becomes too long has no hints. */
static void record_put(struct draft *draft, const struct draft_record *record)
{
    uint8_t *room = draft_scratch(draft);
    if (!room)
        return;
    const uint8_t *rdata = draft->rdata.bytes + record->rdata_off;
    const struct draft_service *service = service_find(draft, record);
    struct writer w = writer_of(room, RDATA_MAX);
    struct svcb_autos autos;
    size_t from = 0;
    (void)autos_find(draft, record, &autos);
    for (unsigned i = 0; i < autos.count; from = autos.hints[i++].off + SVCB_AUTO_LEN) {
        writer_bytes(&w, rdata + from, autos.hints[i].off - from);
        hint_put(draft, service, autos.hints[i].kind, rdata + autos.hints[i].off, &w);
    }
    writer_bytes(&w, rdata + from, record->rdata_len - from);
    const size_t len = w.full ? svcb_autos_cut(rdata, record->rdata_len, room) : writer_len(&w);
    draft_copy_record_put(draft, record, room, len);
}

/* As in an answer: no longer than the service's own records (server/answer/hint.h). */
static uint32_t ttl_of(const struct draft *draft, const struct draft_rrset *rrset)
{
    uint32_t ttl_s = rrset->ttl_s;
    for (uint32_t i = 0; i < rrset->records_count; i++) {
        struct svcb_autos autos;
        const struct draft_record *record = draft_record(draft, rrset->records_first + i);
        const struct draft_service *service =
            autos_find(draft, record, &autos) ? service_find(draft, record) : NULL;
        if (service && service->ttl_s < ttl_s)
            ttl_s = service->ttl_s;
    }
    return ttl_s;
}

void stand_in_hint_put(struct draft *draft)
{
    const uint32_t count = draft_rrsets_count(draft);
    for (uint32_t i = 0; i < count; i++) {
        const struct draft_rrset rrset = *draft_rrset(draft, i);
        if (!has_autos(draft, &rrset))
            continue;
        draft_copy_put(draft, i, ttl_of(draft, &rrset));
        for (uint32_t k = 0; k < rrset.records_count; k++) {
            const struct draft_record record = *draft_record(draft, rrset.records_first + k);
            record_put(draft, &record);
        }
    }
}
