#include "server/answer/query.h"

#include "common/name.h"
#include "common/reader.h"

#include <stdbool.h>

enum {
    POINTER = 0xc0,       /* the two bits of a compressed name (RFC 1035 4.1.4) */
    SOA_NAMES_LEN = 2,    /* at least, at the beginning of its rdata */
    SOA_NUMBERS_LEN = 20, /* at the end of it; the first is the serial */
};

struct counts {
    uint16_t questions, answers, authorities, additionals;
};

static enum parse dropped(struct query *ret, enum drop drop)
{
    ret->drop = drop;
    return PARSE_DROP;
}

static enum parse failed(struct query *ret, enum rcode rcode)
{
    ret->rcode = rcode;
    return PARSE_ERROR;
}

/* Step over the name of a question, which is never compressed: what could it point to? */
static void name_skip(struct reader *r)
{
    size_t len = 0;
    if (!name_check(r->at, reader_left(r), &len))
        r->bad = true;
    (void)reader_bytes(r, len);
}

/* Where a record begins that stands behind a question. */
static uint16_t record_off(const struct query *query, const uint8_t *at)
{
    return query->name ? (uint16_t)(QUERY_HEADER_LEN + (at - query->name)) : 0;
}

/* Step over the owner of the record at `off`: a name, or labels and a pointer to something between
 * the header and here. It is not followed: these names mean nothing to us, and following many of
 * them is work that a client could make us do. */
static void owner_skip(struct reader *r, unsigned off)
{
    const uint8_t *start = r->at;
    uint8_t len;
    do {
        len = reader_u8(r);
        if (len >= POINTER) {
            const unsigned to = (unsigned)(len - POINTER) << 8 | reader_u8(r);
            r->bad = r->bad || to < QUERY_HEADER_LEN || to >= off;
            return;
        }
        (void)reader_bytes(r, len);
        r->bad = r->bad || len > NAME_LABEL_MAX || r->at - start > NAME_WIRE_MAX;
    } while (len > 0 && !r->bad);
}

/* Step over class, TTL and rdata of a record whose owner and type have been read. */
static void record_skip(struct reader *r)
{
    (void)reader_bytes(r, 6);
    (void)reader_bytes(r, reader_u16(r));
}

static bool question_parse(struct reader *r, struct query *ret)
{
    const uint8_t *start = r->at;
    name_skip(r);
    ret->qtype = reader_u16(r);
    ret->qclass = reader_u16(r);
    if (r->bad)
        return false;
    ret->name = start;
    ret->question_len = (uint16_t)(r->at - start);
    return true;
}

/* What becomes of a question whatever its name is (RFC 6895 3.1). */
static enum rcode question_check(const struct query *query)
{
    switch (query->qtype) {
    case 0:
    case QTYPE_OPT:
        return RCODE_FORMERR;
    case QTYPE_TKEY:
    case QTYPE_TSIG:
    case QTYPE_MAILB:
    case QTYPE_MAILA:
        return RCODE_NOTIMP;
    default:
        return query->qclass == QCLASS_IN || query->qclass == QCLASS_CH ? RCODE_NOERROR
                                                                        : RCODE_REFUSED;
    }
}

/* One additional record: an OPT, or a TSIG, which has to be the last one (RFC 8945 5.1). Any
 * other is stepped over, such as a signature that we do not check (RFC 2931 3.2). */
static enum edns_verdict additional_parse(struct reader *r, unsigned left, struct query *ret)
{
    const uint8_t *start = r->at;
    const bool rooted = reader_left(r) > 0 && *start == 0;
    if (rooted)
        (void)reader_u8(r);
    else
        owner_skip(r, record_off(ret, start));
    const uint16_t type = reader_u16(r);
    if (type == QTYPE_OPT)
        return rooted && !ret->edns.present ? edns_parse(r, &ret->edns) : EDNS_MALFORMED;
    if (type == QTYPE_TSIG) {
        if (left > 1)
            return EDNS_MALFORMED;
        ret->tsig_off = record_off(ret, start);
    }
    record_skip(r);
    return r->bad ? EDNS_MALFORMED : EDNS_OK;
}

static enum rcode additionals_parse(struct reader *r, unsigned count, struct query *ret)
{
    enum rcode rcode = RCODE_NOERROR;
    for (unsigned left = count; left > 0; left--) {
        switch (additional_parse(r, left, ret)) {
        case EDNS_OK:
            break;
        case EDNS_BADVERS:
            rcode = RCODE_BADVERS;
            break;
        case EDNS_MALFORMED:
            return RCODE_FORMERR;
        }
    }
    return reader_left(r) > 0 ? RCODE_FORMERR : rcode;
}

/* The SOA of an IXFR, of which nothing counts but the client's serial. */
static void serial_parse(struct reader *r, struct query *ret)
{
    owner_skip(r, record_off(ret, r->at));
    const uint16_t type = reader_u16(r);
    (void)reader_bytes(r, 6);
    const uint16_t len = reader_u16(r);
    if (type != QTYPE_SOA || len < SOA_NAMES_LEN + SOA_NUMBERS_LEN) {
        r->bad = true;
        return;
    }
    (void)reader_bytes(r, len - SOA_NUMBERS_LEN);
    ret->serial = reader_u32(r);
    (void)reader_bytes(r, SOA_NUMBERS_LEN - 4);
    ret->has_serial = true;
}

/* All that stands behind the question. Only an IXFR has something in the authority section (RFC
 * 1995 3). */
static enum rcode records_parse(struct reader *r, const struct counts *counts, struct query *ret)
{
    const unsigned authorities_max = ret->qtype == QTYPE_IXFR ? 1 : 0;
    if (counts->answers > 0 || counts->authorities > authorities_max)
        return RCODE_FORMERR;
    if (counts->authorities > 0)
        serial_parse(r, ret);
    return r->bad ? RCODE_FORMERR : additionals_parse(r, counts->additionals, ret);
}

/* A query without a question asks for a cookie, or whether it still has a good one. */
static enum parse questionless_parse(struct reader *r, const struct counts *counts,
                                     struct query *ret)
{
    const enum rcode rcode = records_parse(r, counts, ret);
    if (rcode != RCODE_NOERROR)
        return failed(ret, rcode);
    return ret->edns.cookie.len > 0 ? PARSE_COOKIE : failed(ret, RCODE_FORMERR);
}

/* Another opcode may have other things behind its header. Where it is as in a query, the reply has
 * its question and an OPT (RFC 6891 6.1.1); otherwise nothing is known of it. */
static enum parse opcode_refuse(struct reader *r, const struct counts *counts, struct query *ret)
{
    const bool known =
        counts->questions == 0 || (counts->questions == 1 && question_parse(r, ret));
    if (!known || records_parse(r, counts, ret) == RCODE_FORMERR)
        *ret = (struct query){0};
    return failed(ret, RCODE_NOTIMP);
}

/* Whether what listens at this port of a client answers whatever it is sent, so that a reply could go
 * back and forth forever: echo, systat, daytime, qotd, chargen and time (CVE-1999-0103,
 * CVE-2024-2169); or nothing can (RFC 768). */
static bool is_loop(uint16_t port)
{
    static const uint64_t loops = 1 | 1ull << 7 | 1ull << 11 | 1ull << 13 | 1ull << 17 |
                                  1ull << 19 | 1ull << 37;
    return port < 64 && (loops >> port & 1);
}

enum parse query_parse(const uint8_t *packet, size_t len, uint16_t peer_port, struct query *ret)
{
    if (len < QUERY_HEADER_LEN)
        return dropped(ret, DROP_SHORT);
    if (packet[2] & QUERY_QR)
        return dropped(ret, DROP_RESPONSE);
    if (is_loop(peer_port))
        return dropped(ret, DROP_PORT);
    *ret = (struct query){0};
    struct reader r = reader_of(packet + 4, len - 4);
    struct counts counts;
    counts.questions = reader_u16(&r);
    counts.answers = reader_u16(&r);
    counts.authorities = reader_u16(&r);
    counts.additionals = reader_u16(&r);
    if (packet[2] & QUERY_OPCODE)
        return opcode_refuse(&r, &counts, ret);
    if (len > QUERY_LEN_MAX)
        return failed(ret, RCODE_FORMERR);
    if (counts.questions == 0)
        return questionless_parse(&r, &counts, ret);
    if (counts.questions != 1 || !question_parse(&r, ret))
        return failed(ret, RCODE_FORMERR);
    enum rcode rcode = records_parse(&r, &counts, ret);
    if (rcode == RCODE_NOERROR)
        rcode = question_check(ret);
    if (rcode != RCODE_NOERROR)
        return failed(ret, rcode);
    const bool transfer = ret->qtype == QTYPE_IXFR || ret->qtype == QTYPE_AXFR;
    return transfer || ret->tsig_off > 0 ? PARSE_ASIDE : PARSE_OK;
}
