/* tests/fuzz/fuzz_announce.c - what a secondary sends back to a NOTIFY: the acknowledgement, edited, or any
 * bytes behind its ID. It ends the message or it does not, and one that was not edited does.
 *
 * The first byte chooses whether the secondary has a key, and when it signs; the rest are edits
 * (tests/fuzz/edits.h) or bytes. Both ends are on loopback.
 */
#include "server/control/announce.h"

#include "common/log.h"
#include "server/answer/query.h"
#include "tests/fuzz/edits.h"
#include "tests/world_fixture.h"

#include <assert.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { MESSAGE_CAP = 2048, ID_LEN = 2, QUESTION_LEN = 13 + 4 };

enum choice {
    CHOICE_KEYED = 1, /* messages are signed */
    CHOICE_RAW = 2,   /* bytes, no edits */
    CHOICE_LATER = 4, /* it is signed as it is then, and not before */
};

/* One that announces, and one that listens. */
struct pair {
    struct event_base *base;
    struct announce *announce;
    struct zone_fixture plain, keyed; /* the zone without a key and with one */
    struct listen here;               /* the secondary */
    int fd;
};

/* A message on its way back. */
struct ack {
    uint8_t bytes[MESSAGE_CAP];
    size_t len;
    struct tsig_chain chain;
    int64_t now_s;
};

static struct listen socket_name(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    assert(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    return listen_from_sockaddr(&address);
}

/* `key`: of the peer, or DRAFT_NONE. */
static void zone_make(struct zone_fixture *zone, const struct listen *to, uint32_t key)
{
    const struct draft_peer peer = {
        .kind = PEER_NOTIFY, .key = key, .net = {.ip = to->ip, .bits = 32}, .port = to->port};
    zone_fixture_begin(zone, "example.com");
    zone_fixture_record(zone, &(struct zone_record){"@", "NS", "ns.example.", 300});
    world_key_put(&zone->draft);
    (void)buffer_put(&zone->draft.peers, &peer, sizeof peer);
    zone_fixture_must(zone_fixture_end(zone) == 0, "the zone has problems");
}

static void pair_make(struct pair *pair)
{
    static const struct listen loopback = {.ip = {.family = IP_V4, .bytes = {127, 0, 0, 1}}};
    struct sockaddr_storage address;
    struct diag diag = {.text = ""};
    const socklen_t len = listen_to_sockaddr(&loopback, &address);
    log_set_level(LOG_LEVEL_ERROR);
    pair->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert(bind(pair->fd, (struct sockaddr *)&address, len) == 0);
    pair->here = socket_name(pair->fd);
    zone_make(&pair->plain, &pair->here, DRAFT_NONE);
    zone_make(&pair->keyed, &pair->here, 0);
    pair->base = event_base_new();
    const struct announce_setup setup = {.base = pair->base, .listens = &loopback, .listens_count = 1};
    zone_fixture_must(announce_new(&setup, &pair->announce, &diag) == OK, diag.text);
}

/* Announce the zone; what the secondary receives becomes its acknowledgement. Who sent it is in
 * `*ret_from`. */
static void ack_make(struct pair *pair, const struct zone_fixture *zone, struct ack *ret,
                     struct sockaddr_storage *ret_from)
{
    socklen_t from_len = sizeof *ret_from;
    struct tsig tsig;
    const struct moment now = clock_now();
    announce_world(pair->announce, NULL, zone->packs, 0, now.mono_ms);
    announce_tick(pair->announce, now);
    const ssize_t got =
        recvfrom(pair->fd, ret->bytes, sizeof ret->bytes, 0, (struct sockaddr *)ret_from, &from_len);
    assert(got > QUERY_HEADER_LEN + QUESTION_LEN && announce_pending(pair->announce) == 1);
    ret->chain = world_key;
    ret->now_s = now.wall_ms / 1000;
    assert(!tsig_find(ret->bytes, (size_t)got, &tsig) ||
           tsig_check(&ret->chain, ret->bytes, &tsig, ret->now_s) == TSIG_OK);
    ret->bytes[2] |= QUERY_QR;
    memset(ret->bytes + 6, 0, QUERY_HEADER_LEN - 6);
    ret->len = QUERY_HEADER_LEN + QUESTION_LEN;
}

static void ack_sign(struct ack *ack)
{
    struct writer w = writer_of(ack->bytes, sizeof ack->bytes);
    (void)writer_space(&w, ack->len);
    if (ack->len >= QUERY_HEADER_LEN && tsig_sign(&ack->chain, &w, ack->now_s))
        ack->len = writer_len(&w);
}

static void ack_change(struct ack *ack, unsigned choices, const uint8_t *bytes, size_t len)
{
    const bool keyed = choices & CHOICE_KEYED;
    if (keyed && !(choices & CHOICE_LATER))
        ack_sign(ack);
    if (choices & CHOICE_RAW) {
        memcpy(ack->bytes + ID_LEN, bytes, len);
        ack->len = ID_LEN + len;
    } else {
        ack->len = edits_apply(bytes, len, ack->bytes, ack->len);
    }
    if (keyed && choices & CHOICE_LATER)
        ack_sign(ack);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct pair pair;
    static struct ack ack;
    struct sockaddr_storage to;
    if (!pair.announce)
        pair_make(&pair);
    if (len < 1 || len > MESSAGE_CAP / 2)
        return 0;
    ack_make(&pair, bytes[0] & CHOICE_KEYED ? &pair.keyed : &pair.plain, &ack, &to);
    const uint64_t before = announce_count(pair.announce, ANNOUNCE_ACKNOWLEDGED) +
                            announce_count(pair.announce, ANNOUNCE_REFUSED);
    ack_change(&ack, bytes[0], bytes + 1, len - 1);
    assert(sendto(pair.fd, ack.bytes, ack.len, 0, (struct sockaddr *)&to, sizeof(struct sockaddr_in)) ==
           (ssize_t)ack.len);
    (void)event_base_loop(pair.base, EVLOOP_NONBLOCK);
    const uint64_t ended = announce_count(pair.announce, ANNOUNCE_ACKNOWLEDGED) +
                           announce_count(pair.announce, ANNOUNCE_REFUSED) - before;
    assert(ended + announce_pending(pair.announce) == 1);
    assert(ended == 1 || len > 1 || bytes[0] & CHOICE_RAW); /* nothing was edited */
    return 0;
}
