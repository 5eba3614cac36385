/* ctl/cmd_explain.c - gslbctl explain: what a client would get for a name, and why, step by step.
 *
 * The names are found by zones/image/image.c and the choice is made by server/answer/steer.c, as in a worker;
 * this file only prints.
 */
#include "ctl/preview.h"
#include "ctl/trace.h"
#include "server/answer/answer.h"
#include "server/answer/steer.h"
#include "zones/rdata/rdata.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TYPE_A = 1,
    TYPE_AAAA = 28,
    TYPE_ANY = 255,
};

static enum err parse_type(const char *text, uint16_t *ret, struct diag *reterr)
{
    if (strcasecmp(text, "ANY") != 0)
        return rdata_type_parse(text, ret, NULL) == OK
                   ? OK
                   : diag_set(reterr, ERR_SYNTAX,
                              "\"%.40s\" is not a type of record; write A, AAAA, ... or TYPE257", text);
    *ret = TYPE_ANY;
    return OK;
}

static void print_client(const struct prefix *client, const char *given, bool mapped)
{
    char text[PREFIX_TEXT_MAX], ip[IP_TEXT_MAX];
    if (strchr(given, '/'))
        printf("client      %s, a client subnet (EDNS, RFC 7871)", prefix_print(client, text));
    else
        printf("client      %s, a resolver's own address or a client subnet", ip_print(&client->ip, ip));
    if (mapped)
        printf(" (from %s: IPv4-mapped)", given);
    if (ip_is_unplaced(&client->ip))
        printf("\n            as a client subnet it says nothing of a place: the resolver's address would "
               "count, and the scope would be %u",
               client->bits + (mapped ? 96u : 0u));
    printf("\n");
}

static void print_end(const char *addresses, unsigned scope, uint32_t ttl_s)
{
    printf("addresses   %s\nscope       %u\nttl         %" PRIu32 "\n", addresses, scope, ttl_s);
}

static void append(struct buffer *to, const char *text)
{
    if (to->len > 0)
        (void)buffer_put(to, " ", 1);
    (void)buffer_put(to, text, strlen(text));
}

/* How long the reply may be kept: a NODATA no longer than the zone's negative TTL; a SERVFAIL has nothing to
 * keep. */
static uint32_t ttl_of(const struct image_zone *zone, const struct choice *choice)
{
    const struct image_rrset *negative = image_at(zone, zone->negative_soa_off);
    if (choice->kind == CHOICE_SERVFAIL)
        return 0;
    if (choice->kind == CHOICE_NODATA && negative->ttl_s < choice->ttl_s)
        return negative->ttl_s;
    return choice->ttl_s;
}

static void print_choice(const struct image_zone *zone, const struct choice *choice, unsigned scope)
{
    struct buffer addresses = {0};
    char text[NAME_TEXT_MAX];
    for (unsigned i = 0; i < choice->count; i++) {
        const struct image_endpoint *endpoint = choice->endpoints[i];
        struct ip ip = {.family = choice->kind == CHOICE_HOST ? IP_NONE : IP_V6};
        if (choice->kind == CHOICE_HOST) {
            append(&addresses, name_print(image_at(zone, endpoint->host.name_off), text));
            continue;
        }
        const struct image_pool_row *pool = choice->pool;
        const struct image_endpoint *first = image_at(zone, pool->endpoints_off);
        ip.family = endpoint < first + pool->counts[KIND_V4] ? IP_V4 : IP_V6;
        memcpy(ip.bytes, endpoint->address, ip.family == IP_V4 ? 4 : 16);
        append(&addresses, ip_print(&ip, text));
    }
    if (choice->kind == CHOICE_NODATA)
        append(&addresses, "none (NODATA)");
    else if (choice->kind == CHOICE_SERVFAIL)
        append(&addresses, "none (SERVFAIL)");
    (void)buffer_put(&addresses, "", 1);
    print_end(addresses.failed ? "(out of memory)" : (const char *)addresses.bytes, scope,
              ttl_of(zone, choice));
    buffer_fini(&addresses);
}

/* The problems of a zone, or with zone "" of a subject that is no zone's. False: there is none. */
static bool print_problems(const struct manifest *manifest, const char *zone, const char *subject)
{
    bool found = false;
    for (size_t i = 0; i < manifest->problems_count; i++) {
        const struct manifest_problem *problem = &manifest->problems[i];
        if (strcmp(problem->zone, zone) != 0 || (subject && strcmp(problem->subject, subject) != 0))
            continue;
        found = true;
        printf("problem     %s%s%s\n", subject ? "" : problem->subject,
               subject || !problem->subject[0] ? "" : ": ", problem->message);
    }
    return found;
}

/* What has led to a choice, or why there is none. */
static void print_steps(const struct preview *preview, const struct steer_case *asked,
                        const struct steer_trace *trace)
{
    const struct manifest *manifest = preview->manifest;
    const char *policy = manifest->policies[asked->service->policy].name;
    if (asked->geo->v4_table)
        trace_print(asked, trace, manifest);
    else
        printf("policy      %s does not compile; unless gslbd has an earlier form of it, the answer is "
               "SERVFAIL\n",
               policy);
    (void)print_problems(manifest, "", policy);
}

static enum err explain_service(const struct preview *preview, const struct image_zone *zone,
                                const struct image_service *service, const struct prefix *client,
                                unsigned mapped_bits, uint16_t type, struct diag *reterr)
{
    static const char *const all_down[] = {"serve_all", "nodata", "servfail"};
    char text[NAME_TEXT_MAX];
    printf("service     %s: policy %s, ttl %" PRIu32 " s, answers %s, sticky %s, all_down %s\n",
           name_print(image_at(zone, service->name_off), text),
           preview->manifest->policies[service->policy].name, service->ttl_s,
           service->answers ? "limited" : "all", service->sticky == STICKY_CLIENT ? "client" : "none",
           all_down[service->all_down]);
    const struct steer_case asked = {
        .zone = zone,
        .service = service,
        .geo = &preview->world.policies[service->policy],
        .board = preview->world.board,
        .client = &client->ip,
        .kind = steer_kind(service, type),
    };
    struct steer_trace *trace = calloc(1, sizeof *trace);
    struct choice *choice = malloc(sizeof *choice);
    struct rng rng;
    rng_init(&rng, 1); /* the same words of the same store explain alike */
    if (trace && choice) {
        steer_choose(&asked, &rng, trace, choice);
        print_steps(preview, &asked, trace);
        print_choice(zone, choice, choice->scope + mapped_bits);
    }
    const enum err err = trace && choice ? OK : diag_set(reterr, ERR_MEMORY, "out of memory");
    free(trace);
    free(choice);
    return err;
}

static void explain_static(const struct image_zone *zone, const struct found *found)
{
    static const char *const words[] = {
        [FOUND_RRSET] = "static records",
        [FOUND_ANY] = "ANY: one of its rrsets (RFC 8482)",
        [FOUND_CNAME] = "a CNAME out of our zones",
        [FOUND_DELEGATION] = "delegated: a referral",
        [FOUND_NODATA] = "NODATA: the name exists, the type does not",
        [FOUND_NXDOMAIN] = "NXDOMAIN: there is no such name",
    };
    char text[NAME_TEXT_MAX];
    printf("found       %s at %s%s\n", words[found->kind],
           name_print(image_at(zone, found->node->name_off), text), found->wildcard ? " (a wildcard)" : "");
    const struct image_rrset *negative = image_at(zone, zone->negative_soa_off);
    if (found->rrset)
        printf("            %u record%s of type %s\n", found->rrset->count,
               found->rrset->count == 1 ? "" : "s", rdata_type_print(found->rrset->type, text));
    if (found->rrset && found->rrset->hints_count > 0)
        return; /* the hints have ends of their own */
    print_end("not steered", 0, found->rrset ? found->rrset->ttl_s : negative->ttl_s);
}

/* What an rrset's hints say, a choice after the other. */
static enum err explain_hints(const struct preview *preview, const struct image_zone *zone,
                              const struct image_rrset *rrset, const struct prefix *client,
                              unsigned mapped_bits, struct diag *reterr)
{
    const struct image_hint *hint = image_at(zone, rrset->hints_off);
    char text[NAME_TEXT_MAX];
    unsigned shown = 0;
    enum err err = OK;
    for (uint32_t i = 0; i < rrset->hints_count && err == OK; i++) {
        const struct image_node *node = image_at(zone, hint[i].node_off);
        if (hint[i].choice < shown)
            continue;
        shown++;
        printf("\nhint        ipv%chint, as %s of %s\n", hint[i].kind == KIND_V4 ? '4' : '6',
               hint[i].kind == KIND_V4 ? "A" : "AAAA", name_print(image_at(zone, node->name_off), text));
        err = explain_service(preview, zone, image_at(zone, node->service_off), client, mapped_bits,
                              hint[i].kind == KIND_V4 ? TYPE_A : TYPE_AAAA, reterr);
    }
    return err;
}

/* A name of a zone that does not compile. */
static enum err explain_absent(const struct manifest *manifest, const char *zone, struct diag *reterr)
{
    (void)print_problems(manifest, zone, NULL);
    return diag_set(reterr, ERR_MISSING,
                    "zone %s does not compile; unless gslbd has an earlier form of it (give --state "
                    "without --geoip), its names are SERVFAIL",
                    zone);
}

/* A name of none of our zones. */
static enum err explain_refused(const uint8_t *name, struct diag *reterr)
{
    char text[NAME_TEXT_MAX];
    return diag_set(reterr, ERR_MISSING, "%s is in no zone of this store; it would be REFUSED",
                    name_print(name, text));
}

/* Where a CNAME, or a DNAME above `name`, leads (RFC 6672 2.2); what a DNAME makes goes to `room`. NULL: it
 * makes a name that is too long. */
static const uint8_t *follow(const struct image_zone *zone, const struct found *found, const uint8_t *name,
                             uint8_t room[NAME_WIRE_MAX])
{
    char text[NAME_TEXT_MAX];
    const uint8_t *target = image_at(zone, found->rrset->target_off);
    if (found->kind == FOUND_DNAME) {
        const uint8_t *owner = image_at(zone, found->node->name_off);
        const size_t kept_len = name_len(name) - name_len(owner), target_len = name_len(target);
        printf("dname       at %s", name_print(owner, text));
        printf(" to %s, ttl %" PRIu32 " s\n", name_print(target, text), found->rrset->ttl_s);
        if (kept_len + target_len > NAME_WIRE_MAX)
            return NULL;
        memcpy(room, name, kept_len);
        memcpy(room + kept_len, target, target_len);
        target = room;
    }
    printf("cname       %s, ttl %" PRIu32 " s\n", name_print(target, text), found->rrset->ttl_s);
    return target;
}

/* Follow `name` through our zones. */
static enum err explain_name(const struct preview *preview, const uint8_t *name, const struct prefix *client,
                             unsigned mapped_bits, uint16_t type, struct diag *reterr)
{
    char text[NAME_TEXT_MAX];
    uint8_t made[2][NAME_WIRE_MAX];
    for (unsigned link = 0; link < ANSWER_LINKS_MAX; link++) {
        struct name_suffixes suffixes;
        unsigned apex;
        name_suffixes(name, &suffixes);
        const struct image_zone *zone = image_zone_find(preview->world.packs, name, &suffixes, 0, &apex);
        if (!zone && link == 0)
            return explain_refused(name, reterr);
        if (!zone) {
            print_end("not ours; the resolver goes on", 0, 0);
            return OK;
        }
        (void)name_print(image_at(zone, zone->name_off), text);
        if (zone->flags & ZONE_ABSENT)
            return explain_absent(preview->manifest, text, reterr);
        printf("zone        %s, serial %" PRIu32 "\n", text, zone->serial);
        if (print_problems(preview->manifest, text, NULL))
            printf("            so this zone is as it was when it was last in order\n");
        const struct found found = image_find(zone, name, &suffixes, apex, type);
        if (found.kind == FOUND_SERVICE)
            return explain_service(preview, zone, found.service, client, mapped_bits, type, reterr);
        if (found.kind != FOUND_CNAME && found.kind != FOUND_DNAME) {
            explain_static(zone, &found);
            return found.rrset ? explain_hints(preview, zone, found.rrset, client, mapped_bits, reterr) : OK;
        }
        name = follow(zone, &found, name, made[link % 2]);
        if (!name) {
            print_end("none (YXDOMAIN): the name that the DNAME makes is too long", 0, 0);
            return OK;
        }
    }
    print_end("not followed: the chain of CNAMEs is too long", 0, 0);
    return OK;
}

/* With a state directory alone the world that is served; else what the store would become, which with a state
 * directory has the verdicts of today. */
static enum err world_make(const struct command_input *input, struct preview **ret, struct diag *reterr)
{
    enum err err = ERR_MISSING;
    if (input->state_dir && option_count(input->options, "geoip") == 0)
        err = preview_take(input, ret, reterr);
    if (err == ERR_MISSING && input->store_path) {
        preview_free(ret);
        err = preview_compile(input, ret, reterr);
    }
    return err == OK ? preview_open(input, *ret, reterr) : err;
}

/* What is to be explained. */
struct question {
    uint8_t name[NAME_WIRE_MAX];
    uint16_t type;
    const char *from; /* as it was given */
    struct prefix client;
    bool mapped; /* the client was, and is not any more */
};

static enum err question_read(const struct command_input *input, struct question *ret, struct diag *reterr)
{
    size_t len;
    ret->type = TYPE_A;
    if (!input->store_path && option_count(input->options, "geoip") > 0)
        return diag_set(reterr, ERR_SYNTAX, "explain with --geoip needs --store FILE");
    enum err err = command_need(input, "from", "ADDRESS", &ret->from, reterr);
    if (err == OK)
        err = prefix_parse_or_ip(ret->from, &ret->client, reterr);
    if (err != OK && ret->from)
        return diag_prefix(reterr, err, "%s", option_place(input->options, "from", 0));
    if (err == OK)
        err = name_parse(input->words[0], ret->name, &len, reterr);
    if (err == OK && input->words_count > 1)
        err = parse_type(input->words[1], &ret->type, reterr);
    if (err != OK)
        return err;
    ret->mapped = ip_unmap(&ret->client.ip);
    if (ret->mapped)
        ret->client.bits = ret->client.bits >= 96 ? (uint8_t)(ret->client.bits - 96) : 0;
    return OK;
}

enum err cmd_explain(const struct command_input *input, enum command_end *ret_end, struct diag *reterr)
{
    struct question question;
    struct preview *preview = NULL;
    char text[NAME_TEXT_MAX];
    enum err err = question_read(input, &question, reterr);
    if (err != OK)
        return command_misused(err, ret_end);
    err = world_make(input, &preview, reterr);
    if (err == OK) {
        printf("query       %s", name_print(question.name, text));
        printf(", type %s\n", rdata_type_print(question.type, text));
        print_client(&question.client, question.from, question.mapped);
        err = explain_name(preview, question.name, &question.client, question.mapped ? 96 : 0, question.type,
                           reterr);
    }
    preview_free(&preview);
    return err;
}
