#include "server/transfer/aside.h"

#include "server/answer/reply.h"

#include <string.h>

enum { ANCOUNT_OFF = 6 };

/* A query on its way. */
struct work {
    const struct aside *aside;
    uint8_t *packet;
    size_t len; /* without the TSIG record */
    size_t cap;
    struct query query;
    const struct image_zone *zone; /* the closest to the name; NULL: none of ours */
    unsigned apex_idx;
    struct tsig tsig;
    struct tsig_chain chain;
    const struct image_key *key; /* that has checked the request; NULL: none */
};

/* Zones and keys ------------------------------------------------------------------------------- */

static void zone_find(struct work *work)
{
    struct name_suffixes suffixes;
    name_suffixes(work->query.name, &suffixes);
    work->zone = image_zone_find(work->aside->answerer->world->packs, work->query.name, &suffixes,
                                 0, &work->apex_idx);
}

static const struct image_key *key_find(const struct work *work)
{
    const struct image_zone *zone = work->zone;
    const struct image_key *keys = zone ? image_at(zone, zone->keys_off) : NULL;
    for (uint32_t i = 0; zone && i < zone->keys_count; i++)
        if (tsig_names(&work->tsig, zone, &keys[i]))
            return &keys[i];
    return NULL;
}

/* Check the signature, and take it off the message. */
static enum tsig_error signature_check(struct work *work)
{
    const struct image_key *key = key_find(work);
    enum tsig_error error = TSIG_BADKEY;
    if (key) {
        tsig_begin(work->zone, key, &work->chain);
        error = tsig_check(&work->chain, work->packet, &work->tsig,
                           work->aside->answerer->now.wall_ms / 1000);
    }
    work->key = error == TSIG_OK ? key : NULL;
    return error;
}

/* Refusals ------------------------------------------------------------------------------------- */

/* Keep who it was and for which zone: the log names one of those that it counts. */
static void refusal_keep(const struct work *work, enum refused_kind kind)
{
    const struct answerer *answerer = work->aside->answerer;
    const struct image_zone *zone = work->zone;
    struct refusal refusal = {.at_ms = answerer->now.mono_ms, .client = work->aside->peer->ip};
    if (zone) {
        refusal.zone_len = (uint8_t)zone->name_len;
        memcpy(refusal.zone, image_at(zone, zone->name_off), zone->name_len);
    }
    refused_put(&answerer->counters->refused[kind], &refusal);
}

/* Replies -------------------------------------------------------------------------------------- */

/* Bytes that the reply may have before it is signed; 0: the question alone could be too much. */
static size_t room(const struct work *work, size_t tail_len)
{
    const size_t whole = reply_len_max(&work->query, work->aside->transport);
    const size_t len_max = whole < work->cap ? whole : work->cap;
    const size_t opt_len = work->query.edns.present ? OPT_LEN_KEPT_MAX : 0;
    const size_t least = QUERY_HEADER_LEN + (size_t)work->query.question_len + opt_len;
    return len_max < least + tail_len ? 0 : len_max - tail_len;
}

/* The reply that the answer path makes of the query, or of the error in it, without a signature. */
static size_t plain_reply(const struct work *work, size_t tail_len)
{
    const struct aside *aside = work->aside;
    const size_t len_max = room(work, tail_len);
    if (len_max == 0)
        return 0;
    return answer_parsed(aside->answerer, aside->transport, aside->peer, work->packet, work->len,
                         len_max, &work->query);
}

/* A writer behind a reply, with room for its signature. */
static struct writer writer_behind(const struct work *work, size_t len)
{
    struct writer w = writer_of(work->packet, work->cap);
    (void)writer_space(&w, len);
    return w;
}

static size_t signature_len(const struct work *work)
{
    return work->key ? tsig_len(&work->chain) : 0;
}

/* Sign a reply, for which there is room, if the request was signed. */
static size_t reply_sign(struct work *work, size_t len)
{
    if (!work->key)
        return len;
    struct writer w = writer_behind(work, len);
    const bool whole =
        len > 0 && tsig_sign(&work->chain, &w, work->aside->answerer->now.wall_ms / 1000);
    return whole ? writer_len(&w) : 0;
}

static size_t signed_reply(struct work *work)
{
    return reply_sign(work, plain_reply(work, signature_len(work)));
}

static size_t error_reply(struct work *work, enum rcode rcode)
{
    work->query.rcode = rcode;
    return signed_reply(work);
}

/* The signature is wrong: say so, and nothing else (RFC 8945 5.2). The reply is hardly longer than
 * the request. Where names of 255 bytes leave no room for a TSIG, the rcode has to do. */
static size_t refusal(struct work *work, enum tsig_error error)
{
    struct tsig tsig = work->tsig;
    const bool known = error == TSIG_BADTIME || error == TSIG_BADTRUNC;
    refusal_keep(work, REFUSED_TSIG);
    work->aside->answerer->counters->tsig_refused++;
    work->query.rcode = RCODE_NOTAUTH;
    const size_t tail_len = known ? tsig_len(&work->chain)
                                  : TSIG_FIXED_LEN + name_len(tsig.name) + name_len(tsig.algorithm);
    if (room(work, tail_len) == 0)
        return plain_reply(work, 0);
    const size_t len = plain_reply(work, tail_len);
    struct writer w = writer_behind(work, len);
    const bool whole = len > 0 && tsig_refuse(&work->chain, &tsig, error, &w,
                                              work->aside->answerer->now.wall_ms / 1000);
    return whole ? writer_len(&w) : 0;
}

/* Transfers ------------------------------------------------------------------------------------ */

/* Whether the client of an IXFR has our serial or a newer one (RFC 1995 2, RFC 1982 3.2). */
static bool is_current(const struct work *work)
{
    const uint32_t ahead = work->zone->serial - work->query.serial;
    return ahead == 0 || ahead > INT32_MAX;
}

/* One SOA says: you have what there is. */
static size_t soa_reply(struct work *work)
{
    work->query.qtype = QTYPE_SOA;
    return signed_reply(work);
}

static unsigned answers_count(const uint8_t *packet)
{
    return (unsigned)(packet[ANCOUNT_OFF] << 8 | packet[ANCOUNT_OFF + 1]);
}

static void answers_count_set(uint8_t *packet, unsigned count)
{
    packet[ANCOUNT_OFF] = (uint8_t)(count >> 8);
    packet[ANCOUNT_OFF + 1] = (uint8_t)count;
}

/* Put the deltas from `delta` on and the SOA once more behind the one SOA that a reply of `len` bytes
 * answers with, before its OPT. Returns its length, which is the same when they do not fit. */
static size_t deltas_insert(const struct work *work, const struct image_delta *delta, size_t len,
                            size_t len_max)
{
    const struct image_zone *zone = work->zone;
    const struct image_rrset *soa = image_at(zone, zone->soa_off);
    const uint8_t *wire = image_at(zone, delta->wire_off);
    const size_t wire_len = image_deltas_end(zone) - delta->wire_off;
    const size_t before = QUERY_HEADER_LEN + (size_t)work->query.question_len + soa->wire_len;
    unsigned count = answers_count(work->packet);
    if (count != 1 || wire_len + soa->wire_len > len_max - len)
        return len;
    uint8_t *at = work->packet + before;
    memmove(at + wire_len + soa->wire_len, at, len - before);
    memcpy(at, wire, wire_len);
    memcpy(at + wire_len, at - soa->wire_len, soa->wire_len); /* its pointers lead where they led */
    for (size_t off = 0; off < wire_len; off += image_delta_rr_len(wire + off))
        count++;
    answers_count_set(work->packet, count + 1);
    work->aside->answerer->counters->transfers++;
    work->aside->answerer->counters->transfers_incremental++;
    return len + wire_len + soa->wire_len;
}

/* Over UDP what has changed is sent if it fits one message; otherwise the client gets the SOA that it
 * would get if it had the zone, and comes back over TCP (RFC 1995 2, 4). */
static size_t deltas_reply(struct work *work)
{
    const struct image_delta *delta = image_delta_find(work->zone, work->query.serial);
    const size_t tail_len = signature_len(work);
    work->query.qtype = QTYPE_SOA;
    size_t len = plain_reply(work, tail_len);
    if (delta && len > 0)
        len = deltas_insert(work, delta, len, room(work, tail_len));
    return reply_sign(work, len);
}

static size_t transfer_begin(struct work *work, struct transfer **ret)
{
    const struct aside *aside = work->aside;
    const struct image_zone *zone = work->zone;
    struct name_suffixes suffixes;
    name_suffixes(work->query.name, &suffixes);
    const struct image *pack = &aside->answerer->world->packs[suffixes.hash[0] % PACKS_MAX];
    if (transfer_new(aside->transfers, pack, zone, work->packet, &work->query,
                     work->key ? &work->chain : NULL, aside->answerer->now.mono_ms, ret) != OK)
        return error_reply(work, RCODE_SERVFAIL);
    aside->answerer->counters->transfers++;
    aside->answerer->counters->transfers_incremental += transfer_is_incremental(*ret);
    aside->answerer->counters->queries[aside->transport]++;
    return 0;
}

static size_t transfer_answer(struct work *work, struct transfer **ret)
{
    const struct aside *aside = work->aside;
    const bool incremental = work->query.qtype == QTYPE_IXFR;
    if (!work->zone || work->apex_idx != 0 || work->query.qclass != QCLASS_IN)
        return error_reply(work, RCODE_NOTAUTH);
    if (!transfer_is_allowed(work->zone, &aside->peer->ip, work->key) ||
        (!aside->transfers && !incremental)) {
        refusal_keep(work, REFUSED_TRANSFER);
        aside->answerer->counters->transfers_refused++;
        return error_reply(work, RCODE_REFUSED);
    }
    if (incremental && !work->query.has_serial)
        return error_reply(work, RCODE_FORMERR);
    if (incremental && is_current(work))
        return soa_reply(work);
    if (!aside->transfers)
        return deltas_reply(work);
    return transfer_begin(work, ret);
}

size_t aside_answer(const struct aside *aside, uint8_t *packet, size_t len, size_t cap,
                    struct transfer **ret)
{
    struct work work = {.aside = aside, .packet = packet, .len = len, .cap = cap};
    *ret = NULL;
    if (query_parse(packet, len, aside->peer->port, &work.query) != PARSE_ASIDE)
        return 0;
    zone_find(&work);
    if (work.query.tsig_off > 0) {
        if (!tsig_parse(packet, len, work.query.tsig_off, &work.tsig))
            return error_reply(&work, RCODE_FORMERR);
        const enum tsig_error error = signature_check(&work);
        work.len = work.query.tsig_off;
        if (error == TSIG_FORMERR)
            return error_reply(&work, RCODE_FORMERR);
        if (error != TSIG_OK)
            return refusal(&work, error);
    }
    if (work.query.qtype == QTYPE_AXFR || work.query.qtype == QTYPE_IXFR)
        return transfer_answer(&work, ret);
    return signed_reply(&work);
}
