/* server/answer/query.h - the query: what a client asks, read from the bytes of its message.
 *
 * query_parse() reads a message once, front to back, and copies out what the reply needs from
 * behind the question, because the reply is written over it. Header and question stay where they
 * are: they are the beginning of the reply, in the very letters that the client sent.
 *
 *    0 id | 2 flags | 4 QDCOUNT | 6 ANCOUNT | 8 NSCOUNT | 10 ARCOUNT | 12 question | records: OPT, TSIG
 *
 * A message that no reply may go to is dropped; any other gets a reply, if only one that says
 * what is wrong with it. Nothing here trusts a count or a length of the message.
 */
#ifndef SERVER_ANSWER_QUERY_H
#define SERVER_ANSWER_QUERY_H

#include "server/answer/codes.h"
#include "server/answer/counters.h"
#include "server/answer/edns.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    QUERY_HEADER_LEN = 12,
    QUERY_LEN_MAX = 4096, /* bytes: the longest question, and an OPT with much padding */
};

/* Bits of the third byte of a message (RFC 1035 4.1.1). */
enum query_flag {
    QUERY_QR = 0x80,
    QUERY_OPCODE = 0x78,
    QUERY_AA = 0x04,
    QUERY_TC = 0x02,
    QUERY_RD = 0x01,
};

enum parse {
    PARSE_OK,
    PARSE_ASIDE,  /* signed, or a transfer: for server/transfer/aside.h, which has more time */
    PARSE_COOKIE, /* no question; to be answered with a cookie (RFC 7873 5.4) */
    PARSE_ERROR,  /* to be answered with `rcode` */
    PARSE_DROP,   /* not to be answered; `drop` says why */
};

struct query {
    enum rcode rcode;      /* of PARSE_ERROR */
    enum drop drop;        /* of PARSE_DROP */
    const uint8_t *name;   /* the question's, in the message */
    uint16_t question_len; /* bytes; 0: there is none to give back */
    uint16_t qtype;
    uint16_t qclass;
    uint16_t tsig_off;      /* where its TSIG record begins in the message; 0: it is not signed */
    bool has_serial;        /* the client's, in an IXFR */
    uint32_t serial;
    struct edns edns;
};

/* Hot path. Read the `len` bytes at `packet`, which came from port `peer_port` of the client. More
 * than QUERY_LEN_MAX are not read, and may be the beginning of something longer: malformed.
 * `ret->name` points into the packet. Of PARSE_DROP only `drop` is set. */
enum parse query_parse(const uint8_t *packet, size_t len, uint16_t peer_port, struct query *ret);

#endif
