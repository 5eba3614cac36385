#include "server/answer/answer.h"

#include "server/answer/client.h"
#include "server/answer/hint.h"
#include "server/answer/query.h"
#include "server/answer/reply.h"
#include "server/answer/steer.h"

#include <assert.h>

/* What is asked for behind the records --------------------------------------------------------- */

static void opt_want(struct opt *opt, enum opt_option option)
{
    opt->wanted |= 1u << option;
}

/* Begin the OPT of a reply with what that of the query calls for; returns what the query's
 * cookie is worth. */
static enum cookie_verdict opt_begin(const struct answerer *answerer, enum transport transport,
                                     const struct ip *peer, const struct edns *edns,
                                     struct opt *ret)
{
    ret->present = edns->present;
    ret->wanted = 0;
    if (!edns->present)
        return COOKIE_ABSENT;
    ret->dnssec_ok = edns->dnssec_ok;
    ret->subnet = &edns->subnet;
    ret->scope = 0;
    ret->nsid = &answerer->identity->nsid;
    ret->keepalive_ds = (uint16_t)(answerer->tcp_idle_ms / 100);
    if (edns->subnet.present)
        opt_want(ret, OPT_SUBNET);
    if (edns->nsid && ret->nsid->bytes)
        opt_want(ret, OPT_NSID);
    if (edns->keepalive && transport != TRANSPORT_UDP)
        opt_want(ret, OPT_KEEPALIVE);
    if (edns->padded && transport == TRANSPORT_TLS)
        opt_want(ret, OPT_PADDING);
    if (edns->cookie.len == 0)
        return COOKIE_ABSENT;
    const enum cookie_verdict verdict =
        cookie_check(cookie_page_get(answerer->cookies), peer,
                     (uint32_t)(answerer->now.wall_ms / 1000), &edns->cookie, ret->cookie);
    if (verdict != COOKIE_ABSENT)
        opt_want(ret, OPT_COOKIE);
    return verdict;
}

/* The question --------------------------------------------------------------------------------- */

/* One query on its way through the stages. */
struct work {
    const struct answerer *answerer;
    const struct query *query;
    const struct client *client;
    struct reply *reply;
};

/* Whether the zone of a link is one of ours. DS at a zone's name is its parent's, if that is ours
 * too (RFC 4035 3.1.4.1). Only behind a CNAME to the name of its own zone it is left to the client
 * to ask for: that zone's name is where such a target was cut, so the parent's is not in the
 * message. */
static bool zone_find(const struct work *work, struct link *link)
{
    const struct image *packs = work->answerer->world->packs;
    const struct image_zone *before = link->zone;
    const struct image_zone *zone =
        image_zone_find(packs, link->name, &link->suffixes, 0, &link->apex_idx);
    if (zone && work->query->qtype == QTYPE_DS && link->apex_idx == 0 &&
        link->suffixes.labels > 0) {
        unsigned parent_idx;
        const struct image_zone *parent =
            image_zone_find(packs, link->name, &link->suffixes, 1, &parent_idx);
        if (parent && zone == before)
            return false;
        if (parent) {
            zone = parent;
            link->apex_idx = parent_idx;
        }
    }
    if (!zone)
        return false;
    /* A name that led here was cut at its own zone's name, if at all, and has the name of a zone
     * below in full. */
    if (zone != before)
        link->zone_off = (uint16_t)(link->name_off + link->suffixes.off[link->apex_idx]);
    link->zone = zone;
    return true;
}

/* In a chain each link but the last has at most a DNAME and a CNAME, so that a pointer reaches what one
 * in an rrset's wire is for. */
_Static_assert(QUERY_HEADER_LEN + NAME_WIRE_MAX + 4 +
                       (ANSWER_LINKS_MAX - 1) * 2 * (12 + NAME_WIRE_MAX) + IMAGE_PLACE_LEN <= 1 << 14,
               "a pointer's reach");

static void choice_count(struct counters *counters, enum step step,
                         const struct image_pool_row *pool)
{
    counters->steered++;
    counters->below_serving += step != STEP_SERVING;
    if (pool)
        counters->answers[pool->slot]++;
}

/* Say that these bits of the client's address took part, and health, which may be old. */
static void choice_explain(const struct work *work, uint8_t bits)
{
    const uint8_t scope = client_scope(work->client, bits);
    if (scope > work->reply->opt->scope)
        work->reply->opt->scope = scope;
    if (work->reply->opt->present && board_sight_get(work->answerer->world->board) == BOARD_BLIND)
        reply_explain(work->reply, OPT_ERROR_STALE_ANSWER);
}

/* Whether a CNAME that a service gives leads on. Who asks for a CNAME, or for any one rrset, has it (RFC
 * 1034 4.3.2 step 3a, RFC 8482 4.1); what its target is worth would be said of this name. */
static bool goes_on(uint16_t qtype)
{
    return qtype != QTYPE_CNAME && qtype != QTYPE_ANY;
}

/* A service decides by client. True: by a CNAME, which `link` has followed. */
static bool service_answer(const struct work *work, struct link *link,
                           const struct image_service *service)
{
    const struct world *world = work->answerer->world;
    const struct steer_case asked = {
        .zone = link->zone,
        .service = service,
        .geo = &world->policies[service->policy],
        .board = world->board,
        .client = &work->client->ip,
        .kind = steer_kind(service, work->query->qtype),
    };
    struct choice choice;
    steer_choose(&asked, work->answerer->rng, NULL, &choice);
    choice_count(work->answerer->counters, choice.step, choice.pool);
    choice_explain(work, choice.scope);
    switch (choice.kind) {
    case CHOICE_ADDRESSES:
        reply_addresses_put(work->reply, link, &choice, asked.kind);
        return false;
    case CHOICE_HOST:
        return reply_host_follow(work->reply, link, &choice) && goes_on(work->query->qtype);
    case CHOICE_NODATA:
        reply_negative_put(work->reply, link, choice.ttl_s);
        return false;
    case CHOICE_SERVFAIL:
        reply_fail(work->reply, RCODE_SERVFAIL);
        return false;
    }
    return false;
}

/* An rrset with hints: what services give this client goes along. */
static void hinted_answer(const struct work *work, const struct link *link,
                          const struct image_rrset *rrset)
{
    struct hints hints;
    hint_choose(work->answerer->world, link->zone, rrset, &work->client->ip, work->answerer->rng,
                &hints);
    for (unsigned i = 0; i < hints.count; i++)
        choice_count(work->answerer->counters, hints.rows[i].step, hints.rows[i].pool);
    choice_explain(work, hints.scope);
    reply_hinted_put(work->reply, link, rrset, &hints);
}

/* What the link's zone says of its name, put into the reply. True: there is a next link, which
 * `link` is now. */
static bool link_answer(const struct work *work, struct link *link)
{
    struct reply *reply = work->reply;
    const struct found found =
        image_find(link->zone, link->name, &link->suffixes, link->apex_idx, work->query->qtype);
    if (found.kind != FOUND_DELEGATION)
        reply->authoritative = true;
    switch (found.kind) {
    case FOUND_RRSET:
    case FOUND_ANY:
        if (found.rrset->hints_count > 0)
            hinted_answer(work, link, found.rrset);
        else
            reply_rrset_put(reply, link, found.rrset);
        return false;
    case FOUND_CNAME:
        return reply_cname_follow(reply, link, found.rrset);
    case FOUND_DNAME:
        /* Who asks for a CNAME has asked for the one that is made here (RFC 1034 4.3.2 step 3a). */
        return reply_dname_follow(reply, link, &found) && work->query->qtype != QTYPE_CNAME;
    case FOUND_SERVICE:
        return service_answer(work, link, found.service);
    case FOUND_DELEGATION:
        reply_referral_put(reply, link, &found);
        return false;
    case FOUND_NXDOMAIN:
        reply->rcode = RCODE_NXDOMAIN;
        reply_negative_put(reply, link, UINT32_MAX);
        return false;
    case FOUND_NODATA:
        reply_negative_put(reply, link, UINT32_MAX);
        return false;
    }
    return false;
}

static bool is_visited(const uint8_t *const names[], unsigned count, const uint8_t *name)
{
    for (unsigned i = 0; i < count; i++)
        if (name_equal(names[i], name))
            return true;
    return false;
}

/* Nothing can be said of a link's name: that is the answer to the question, and the end of a chain. */
static void link_refuse(const struct work *work, unsigned idx, enum rcode rcode, enum opt_error error)
{
    if (idx > 0)
        return;
    reply_fail(work->reply, rcode);
    reply_explain(work->reply, error);
}

/* Answer the question, and go along CNAMEs for as long as they stay in our zones and do not turn
 * in a circle. */
static void links_answer(const struct work *work)
{
    const uint8_t *visited[ANSWER_LINKS_MAX];
    struct link link;
    reply_link_first(work->query, &link);
    for (unsigned i = 0; i < ANSWER_LINKS_MAX && !is_visited(visited, i, link.name); i++) {
        visited[i] = link.name;
        if (!zone_find(work, &link)) {
            link_refuse(work, i, RCODE_REFUSED, OPT_ERROR_NOT_AUTHORITATIVE);
            return;
        }
        if (link.zone->flags & ZONE_ABSENT) {
            link_refuse(work, i, RCODE_SERVFAIL, OPT_ERROR_INVALID_DATA);
            return;
        }
        if (!link_answer(work, &link))
            return;
    }
}

/* What the server says of itself (RFC 4892). */
static void identity_answer(const struct work *work)
{
    const struct identity_text *text =
        identity_find(work->answerer->identity, work->query->name, work->query->qtype);
    if (!text) {
        reply_fail(work->reply, RCODE_REFUSED);
        return;
    }
    work->reply->authoritative = true;
    reply_text_put(work->reply, text);
}

static void error_answer(const struct query *query, struct reply *reply)
{
    reply_fail(reply, query->rcode);
    if (query->rcode == RCODE_REFUSED && (query->qtype == QTYPE_AXFR || query->qtype == QTYPE_IXFR))
        reply_explain(reply, OPT_ERROR_PROHIBITED);
    else if (query->rcode == RCODE_REFUSED || query->rcode == RCODE_NOTIMP)
        reply_explain(reply, OPT_ERROR_NOT_SUPPORTED);
}

/* RFC 7873 5.4. Where there are no cookies it is a query like any other without a question. */
static void cookie_answer(enum cookie_verdict cookie, struct reply *reply)
{
    if (cookie == COOKIE_ABSENT)
        reply_fail(reply, RCODE_FORMERR);
    else if (cookie == COOKIE_BAD)
        reply_fail(reply, RCODE_BADCOOKIE);
}

/* The whole ------------------------------------------------------------------------------------ */

static enum rrl_class class_of(const struct reply *reply)
{
    if (reply->rcode == RCODE_NXDOMAIN)
        return RRL_NXDOMAIN;
    return reply->rcode == RCODE_NOERROR && reply->authoritative ? RRL_ANSWER : RRL_ERROR;
}

static void limited_count(const struct answerer *answerer, const struct ip *peer,
                          enum rrl_class class)
{
    answerer->counters->limited[class]++;
    answerer->counters->limited_net[class] = rrl_net_pack(peer);
    answerer->counters->limited_ms[class] = (uint64_t)answerer->now.mono_ms;
}

/* Whether a reply over UDP may be sent. Of those over the rate that their network may have, every
 * `slip`th becomes a demand for our cookie, if the client knows cookies (RFC 7873 5.2.3), or the
 * advice to come back over TCP. More of either would be a reflector: anybody can write a cookie. */
static bool rate_take(const struct answerer *answerer, const struct ip *peer,
                      enum cookie_verdict cookie, struct reply *reply)
{
    if (!answerer->rrl || cookie == COOKIE_GOOD)
        return true;
    const enum rrl_class class = class_of(reply);
    const enum rrl_verdict verdict = rrl_take(answerer->rrl, peer, class, answerer->now.mono_ms);
    if (verdict == RRL_PASS)
        return true;
    limited_count(answerer, peer, class);
    if (verdict == RRL_DROP) {
        answerer->counters->drops[DROP_RATE]++;
        return false;
    }
    if (cookie == COOKIE_ABSENT) {
        answerer->counters->rate_truncated++;
        reply_truncate(reply);
    } else {
        answerer->counters->rate_bad_cookies++;
        reply_fail(reply, RCODE_BADCOOKIE);
    }
    return true;
}

static void query_count(struct counters *counters, enum transport transport,
                        const struct query *query, enum cookie_verdict cookie)
{
    counters->queries[transport]++;
    counters->cookies[cookie]++;
    if (query->question_len > 0)
        counters->types[counters_type_of(query->qtype)]++;
}

static void reply_count(struct counters *counters, const struct reply *reply,
                        const struct client *client)
{
    counters->rcodes[reply->rcode]++;
    counters->truncated += reply->truncated;
    counters->client_subnets += client->kind == CLIENT_SUBNET;
}

static void query_answer(const struct work *work, enum parse parse, enum cookie_verdict cookie)
{
    if (parse == PARSE_ERROR)
        error_answer(work->query, work->reply);
    else if (parse == PARSE_COOKIE)
        cookie_answer(cookie, work->reply);
    else if (work->query->qclass == QCLASS_CH)
        identity_answer(work);
    else
        links_answer(work);
}

/* A query in its buffer, and who sent it. */
struct message {
    enum transport transport;
    const struct listen *peer;
    uint8_t *packet;
    size_t len, cap;
};

static inline size_t message_answer(const struct answerer *answerer, const struct message *message,
                                    const struct query *query, enum parse parse)
{
    const struct listen *peer = message->peer;
    const enum transport transport = message->transport;
    struct opt opt;
    struct reply reply;
    const struct client client = client_of(&query->edns, &peer->ip);
    const enum cookie_verdict cookie = opt_begin(answerer, transport, &peer->ip, &query->edns, &opt);
    const size_t len_max = reply_len_max(query, transport);
    query_count(answerer->counters, transport, query, cookie);
    reply_begin(&reply, query, &opt, message->packet,
                len_max < message->cap ? len_max : message->cap);
    query_answer(&(struct work){answerer, query, &client, &reply}, parse, cookie);
    if (transport == TRANSPORT_UDP) {
        if (!rate_take(answerer, &peer->ip, cookie, &reply))
            return 0;
        if (reply.counts[SECTION_ANSWER] + reply.counts[SECTION_AUTHORITY] == 0)
            reply_len_limit(&reply, message->len + ANSWER_GROWTH_MAX);
    }
    reply_count(answerer->counters, &reply, &client);
    return reply_end(&reply);
}

size_t answer(const struct answerer *answerer, enum transport transport, const struct listen *peer,
              uint8_t *packet, size_t len, size_t cap)
{
    assert(cap >= ANSWER_CAP_MIN);
    struct query query;
    const enum parse parse = query_parse(packet, len, peer->port, &query);
    if (parse == PARSE_DROP) {
        answerer->counters->drops[query.drop]++;
        return 0;
    }
    if (parse == PARSE_ASIDE)
        return ANSWER_ASIDE;
    return message_answer(answerer, &(struct message){transport, peer, packet, len, cap}, &query,
                          parse);
}

size_t answer_parsed(const struct answerer *answerer, enum transport transport,
                     const struct listen *peer, uint8_t *packet, size_t len, size_t cap,
                     const struct query *query)
{
    return message_answer(answerer, &(struct message){transport, peer, packet, len, cap}, query,
                          query->rcode == RCODE_NOERROR ? PARSE_OK : PARSE_ERROR);
}
