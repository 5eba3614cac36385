#include "zones/file/zonefile_export.h"

#include "common/name.h"
#include "zones/rdata/rdata.h"

#include <stdlib.h>
#include <string.h>

/* The @ of a mail address; NULL: there is none that is not escaped. */
static const char *mailbox_at(const char *rname)
{
    for (; *rname; rname++) {
        if (*rname == '@')
            return rname;
        if (*rname == '\\' && rname[1])
            rname++;
    }
    return NULL;
}

/* zone.rname as a domain name: the dots before the @ are the first label's own, as the compiler has it. */
static void mailbox_write(FILE *to, const char *rname)
{
    const char *at = mailbox_at(rname);
    for (const char *p = rname; *p; p++) {
        if (*p == '\\' && p[1])
            fputc(*p++, to);
        else if (p != at && (strchr("\";()$@", *p) || (*p == '.' && at && p < at)))
            fputc('\\', to);
        fputc(p == at ? '.' : *p, to);
    }
}

static void zone_write(FILE *to, const struct store_zone *zone)
{
    const char *dot = strcmp(zone->name, ".") == 0 ? "" : ".";
    fprintf(to, "; zone %s, written by gslbctl export\n$ORIGIN %s%s\n$TTL %u\n", zone->name, zone->name, dot,
            zone->ttl_s);
    fprintf(to, "@\tIN\tSOA\t%s. ", zone->mname);
    mailbox_write(to, zone->rname);
    fprintf(to, ". %u %u %u %u %u\n", zone->serial, zone->refresh_s, zone->retry_s, zone->expire_s,
            zone->negative_ttl_s);
}

/* What writing a record needs beside it. */
struct room {
    uint8_t zone[NAME_WIRE_MAX];
    uint8_t *rdata, *again; /* RDATA_MAX bytes each */
};

/* record.name, with all escaped that a zone file takes for its own. */
static enum err owner_print(const char *name, char text[NAME_TEXT_MAX], struct diag *reterr)
{
    uint8_t wire[NAME_WIRE_MAX];
    size_t len;
    if (strcmp(name, "@") == 0) {
        (void)snprintf(text, NAME_TEXT_MAX, "%s", name);
        return OK;
    }
    const enum err err = name_parse(name, wire, &len, reterr);
    if (err == OK)
        (void)name_print(wire, text);
    return err;
}

static void line_write(FILE *to, const char *owner, const struct store_record *record, const char *data)
{
    fprintf(to, "%s\t", owner);
    if (record->ttl_s != STORE_TTL_OF_ZONE)
        fprintf(to, "%u\t", record->ttl_s);
    fprintf(to, "IN\t%s\t%s\n", record->type, data);
}

/* Only what parses is written: a quote or parenthesis that does not close would swallow the lines behind it.
 * Data that has parentheses is written without them. */
static enum err record_write(FILE *to, const struct room *room, const struct store_record *record,
                             struct diag *reterr)
{
    uint16_t type;
    size_t len;
    char owner[NAME_TEXT_MAX], *data = NULL;
    enum err err = rdata_type_parse(record->type, &type, reterr);
    if (err == OK)
        err = rdata_parse(type, record->data, room->zone, room->rdata, &len, reterr);
    if (err == OK)
        err = owner_print(record->name, owner, reterr);
    if (err == OK && strpbrk(record->data, "()"))
        err = rdata_print(type, room->rdata, len, room->again, &data, reterr);
    if (err != OK)
        return diag_prefix(reterr, err, "record \"%s\" %s cannot be exported", record->name, record->type);
    line_write(to, owner, record, data ? data : record->data);
    free(data);
    return OK;
}

static enum err records_write(struct store *store, const char *name, FILE *to, struct diag *reterr)
{
    struct store_rows rows;
    struct store_record record;
    struct room room;
    size_t len;
    enum err err = name_parse(name, room.zone, &len, reterr);
    if (err != OK)
        return err;
    room.rdata = malloc(2 * (size_t)RDATA_MAX);
    if (!room.rdata)
        return diag_set(reterr, ERR_MEMORY, "out of memory");
    room.again = room.rdata + RDATA_MAX;
    store_records(store, name, &rows);
    while (err == OK && store_record_next(&rows, &record))
        err = record_write(to, &room, &record, reterr);
    const enum err end = store_rows_end(&rows, err == OK ? reterr : NULL);
    free(room.rdata);
    return err == OK ? end : err;
}

static enum err services_write(struct store *store, const char *name, FILE *to, struct diag *reterr)
{
    struct store_rows rows;
    struct store_service service;
    store_services(store, name, &rows);
    while (store_service_next(&rows, &service))
        fprintf(to, "; service %s. is steered by policy %s\n", service.name, service.policy);
    return store_rows_end(&rows, reterr);
}

static enum err zone_export(struct store *store, const char *name, FILE *to, struct diag *reterr)
{
    struct store_rows rows;
    struct store_zone zone;
    store_zone(store, name, &rows);
    const bool found = store_zone_next(&rows, &zone);
    if (found)
        zone_write(to, &zone);
    enum err err = store_rows_end(&rows, reterr);
    if (err != OK)
        return err;
    if (!found)
        return diag_set(reterr, ERR_MISSING, "there is no zone \"%s\" in the store", name);
    err = records_write(store, name, to, reterr);
    if (err == OK)
        err = services_write(store, name, to, reterr);
    if (err == OK && (fflush(to) != 0 || ferror(to)))
        err = diag_errno(reterr, "cannot write zone \"%s\"", name);
    return err;
}

enum err zonefile_export(struct store *store, const char *name, FILE *to, struct diag *reterr)
{
    enum err err = store_begin(store, reterr);
    if (err != OK)
        return err;
    err = zone_export(store, name, to, reterr);
    store_end(store);
    return err;
}
