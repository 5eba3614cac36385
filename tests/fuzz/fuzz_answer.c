/* tests/fuzz/fuzz_answer.c - whole answers: any bytes get a reply that keeps the rules of
 * tests/reply_check.h, or none; a transfer that they begin comes whole.
 *
 * The first byte chooses transport, client, signature, and whether the client has had too many replies
 * already; the rest is the message.
 */
#include "common/frame.h"
#include "server/answer/query.h"
#include "server/transfer/aside.h"
#include "tests/reply_check.h"

#include <assert.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { REPLY_CAP = 65535, NOW_S = 1800000000, MESSAGES_MAX = 64 };

enum choice {
    CHOICE_TCP = 1,
    CHOICE_SECONDARY = 2,
    CHOICE_SIGNED = 4,
    CHOICE_LATE = 8,
    CHOICE_TLS = 16,
    CHOICE_LIMITED = 32,
};

/* A message and who sends it. */
struct asked {
    enum transport transport;
    struct listen peer;
    uint8_t message[QUERY_LEN_MAX];
    size_t len;
    bool signs;    /* its last bytes are a signature by the key: a parser need not get there */
    bool stranger; /* who may copy a zone only with that key */
    struct tsig_chain chain; /* the client's side of it */
};

/* A world as workers have it: images are shared mappings of files. */
static void world_map(struct world_fixture *fixture)
{
    for (unsigned i = 0; i < PACKS_MAX; i++) {
        const struct frame *frame = (const void *)fixture->world.packs[i].base;
        if (!frame)
            continue;
        const int fd = memfd_create("pack", MFD_CLOEXEC);
        assert(fd >= 0 && write(fd, frame, frame->len) == (ssize_t)frame->len);
        void *map = mmap(NULL, frame->len, PROT_READ, MAP_SHARED, fd, 0);
        assert(map != MAP_FAILED);
        image_attach(map, &fixture->world.packs[i]);
        close(fd);
    }
    fixture->answerer.now.wall_ms = NOW_S * INT64_C(1000);
}

/* A reply's signature is one that the client accepts. Whether it has one. */
static bool signature_check(struct asked *asked, const uint8_t *message, size_t len)
{
    struct tsig tsig;
    if (!tsig_find(message, len, &tsig))
        return false;
    if (tsig.error == TSIG_OK)
        assert(asked->signs && tsig_check(&asked->chain, message, &tsig, NOW_S) == TSIG_OK);
    return tsig.error == TSIG_OK;
}

/* As signature_check(), for a message of a transfer that is not the first (RFC 8945 5.3.1): it is what
 * whoever has the MAC of the one before would sign. */
static bool signature_next(struct asked *asked, const uint8_t *message, size_t len)
{
    static uint8_t again[REPLY_CAP];
    struct writer w = writer_of(again, sizeof again);
    struct tsig tsig;
    if (!tsig_find(message, len, &tsig))
        return false;
    writer_bytes(&w, message, tsig.off);
    again[QUERY_HEADER_LEN - 1]--;
    asked->chain.sent = 1;
    assert(tsig_sign(&asked->chain, &w, NOW_S) && writer_len(&w) == len && memcmp(again, message, len) == 0);
    return true;
}

/* The records of a message of a transfer: the first and the last of all are the SOA. */
static void transfer_check(const uint8_t *message, size_t len, bool first, bool *ret_ended)
{
    ldns_pkt *pkt;
    assert(len <= REPLY_CAP && ldns_wire2pkt(&pkt, message, len) == LDNS_STATUS_OK);
    const ldns_rr_list *answer = ldns_pkt_answer(pkt);
    const size_t count = ldns_rr_list_rr_count(answer);
    assert(ldns_pkt_qr(pkt) && ldns_pkt_aa(pkt) && count > 0 && ldns_pkt_nscount(pkt) == 0);
    assert(!first || ldns_rr_get_type(ldns_rr_list_rr(answer, 0)) == LDNS_RR_TYPE_SOA);
    *ret_ended =
        ldns_rr_get_type(ldns_rr_list_rr(answer, count - 1)) == LDNS_RR_TYPE_SOA && (!first || count > 1);
    ldns_pkt_free(pkt);
}

static void transfer_drive(struct asked *asked, struct transfer **transfer, struct moment now)
{
    static uint8_t message[REPLY_CAP];
    bool ended = false;
    size_t len;
    unsigned count = 0;
    assert(asked->transport != TRANSPORT_UDP);
    for (; (len = transfer_next(*transfer, message, sizeof message, now)) > 0; count++) {
        assert(!ended && count < MESSAGES_MAX);
        transfer_check(message, len, count == 0, &ended);
        const bool is_signed =
            count == 0 ? signature_check(asked, message, len) : signature_next(asked, message, len);
        assert(is_signed || !asked->stranger);
    }
    assert(ended && transfer_is_done(*transfer));
    transfer_free(transfer);
}

/* A signed query or a transfer. */
static void aside_try(const struct world_fixture *fixture, struct asked *asked, uint8_t *packet)
{
    struct transfers transfers = {0};
    const bool udp = asked->transport == TRANSPORT_UDP;
    const struct aside aside = {&fixture->answerer, asked->transport, &asked->peer, udp ? NULL : &transfers};
    struct transfer *transfer;
    const size_t reply_len =
        aside_answer(&aside, packet, asked->len, udp ? QUERY_LEN_MAX : REPLY_CAP, &transfer);
    assert(transfer == NULL || reply_len == 0);
    if (transfer) {
        transfer_drive(asked, &transfer, fixture->answerer.now);
    } else if (reply_len > 0) {
        reply_check(asked->message, asked->len, packet, reply_len, asked->transport);
        (void)signature_check(asked, packet, reply_len);
    }
    assert(transfers.count == 0);
}

static struct ip peer_ip(unsigned choices)
{
    return geo_fixture_ip(choices & CHOICE_SECONDARY ? "193.0.0.9" : "2001:db8::9");
}

/* A limit that both clients are over, for as long as the clock stands still. */
static struct rrl *limit_make(void)
{
    static struct rrl rrl;
    rrl_init(&rrl, &(struct rrl_config){.rate = 1, .workers = 1, .slip = 1});
    for (unsigned choices = 0; choices <= CHOICE_SECONDARY; choices += CHOICE_SECONDARY)
        for (enum rrl_class class = 0; class < RRL_CLASSES; class++) {
            const struct ip ip = peer_ip(choices);
            while (rrl_take(&rrl, &ip, class, 0) == RRL_PASS)
                continue;
        }
    return &rrl;
}

/* What `bytes` ask: the choices, then the message, to be signed or not. */
static void asked_make(const uint8_t *bytes, size_t len, struct asked *ret)
{
    const unsigned choices = bytes[0];
    struct writer w = writer_of(ret->message, sizeof ret->message);
    writer_bytes(&w, bytes + 1, len - 1);
    ret->transport = !(choices & CHOICE_TCP) ? TRANSPORT_UDP
                     : choices & CHOICE_TLS  ? TRANSPORT_TLS
                                             : TRANSPORT_TCP;
    ret->stranger = !(choices & CHOICE_SECONDARY);
    ret->peer = (struct listen){.ip = peer_ip(choices), .port = 53000};
    ret->chain = world_key;
    ret->signs = choices & CHOICE_SIGNED && len - 1 >= QUERY_HEADER_LEN &&
                 tsig_sign(&ret->chain, &w, choices & CHOICE_LATE ? NOW_S - 2 * TSIG_FUDGE_S : NOW_S);
    ret->len = writer_len(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct world_fixture fixture;
    static uint8_t packet[REPLY_CAP];
    static struct asked asked;
    static struct rrl *limit;
    if (fixture.world.generation == 0) {
        reply_check_world(&fixture);
        world_map(&fixture);
        limit = limit_make();
        assert(tsig_start(NULL) == OK);
    }
    if (len < 1 || len > QUERY_LEN_MAX)
        return 0;
    asked_make(bytes, len, &asked);
    memcpy(packet, asked.message, asked.len);
    const bool udp = asked.transport == TRANSPORT_UDP;
    fixture.answerer.rrl = bytes[0] & CHOICE_LIMITED ? limit : NULL;
    const size_t reply_len = answer(&fixture.answerer, asked.transport, &asked.peer, packet, asked.len,
                                    udp ? QUERY_LEN_MAX : REPLY_CAP);
    if (reply_len == ANSWER_ASIDE)
        aside_try(&fixture, &asked, packet);
    else
        reply_check(asked.message, asked.len, packet, reply_len, asked.transport);
    return 0;
}
