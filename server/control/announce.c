#include "server/control/announce.h"

#include "common/log.h"
#include "common/writer.h"
#include "server/answer/query.h"
#include "server/transfer/tsig.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    OPCODE_NOTIFY = 4 << 3,
    /* Header, question, an SOA with two names. */
    MESSAGE_LEN_MAX = QUERY_HEADER_LEN + NAME_WIRE_MAX + 4 + 12 + 2 * NAME_WIRE_MAX + 20,
    SIGNED_LEN_MAX = MESSAGE_LEN_MAX + 2 * NAME_WIRE_MAX + TSIG_FIXED_LEN + TSIG_MAC_MAX,
    ACK_LEN_MAX = 1232,
    ACKS_MAX = 64, /* read in a row */
};

struct pending {
    struct pending *next;
    struct listen to;
    uint64_t generation; /* that has the serial */
    int64_t begun_ms, due_ms;
    unsigned sends;
    bool is_signed;
    struct tsig_chain chain; /* of the last send */
    uint16_t question_len;   /* from the header's end */
    uint16_t len;
    uint8_t message[]; /* without a signature */
};

struct source {
    struct announce *announce;
    struct event event;
    int fd;
    bool opened;
};

struct announce {
    struct announce_setup setup;
    struct source v4, v6;
    struct pending *first;
    unsigned count;
    uint64_t sends;
    struct {
        uint64_t count;
        int64_t logged_ms; /* 0: never */
        uint64_t since;    /* of the count, not in the log */
    } fates[ANNOUNCE_FATES];
};

static const struct {
    const char *name, *message; /* NULL: nothing that the log has */
} fates[ANNOUNCE_FATES] = {
    [ANNOUNCE_ACKNOWLEDGED] = {"acknowledged", NULL},
    [ANNOUNCE_REFUSED] = {"refused", "it refuses"},
    [ANNOUNCE_GIVEN_UP] = {"given_up", "it does not acknowledge"},
    [ANNOUNCE_LEFT_OUT] = {"left_out", "too many others are waiting for an acknowledgement"},
};

/* Sockets -------------------------------------------------------------------------------------- */

static bool is_loopback(const struct ip *ip)
{
    static const struct ip v6 = {.family = IP_V6, .bytes = {[15] = 1}};
    return ip->family == IP_V4 ? ip->bytes[0] == 127 : ip_equal(ip, &v6);
}

/* The address that messages of a family come from: the first that we answer at and the world can
 * see. */
static struct listen source_choose(const struct announce_setup *setup, enum ip_family family)
{
    struct listen chosen = {.ip = {.family = family}};
    bool found = false;
    for (size_t i = 0; i < setup->listens_count; i++) {
        const struct ip *ip = &setup->listens[i].ip;
        if (ip->family != family || (found && is_loopback(ip)))
            continue;
        if (!found || is_loopback(&chosen.ip))
            chosen.ip = *ip;
        found = true;
    }
    return chosen;
}

static void on_ack(evutil_socket_t fd, short what, void *arg);

/* Without the family nobody is told over it. */
static enum err source_open(struct announce *announce, struct source *source, enum ip_family family,
                            struct diag *reterr)
{
    const struct listen from = source_choose(&announce->setup, family);
    struct sockaddr_storage address;
    const socklen_t len = listen_to_sockaddr(&from, &address);
    const int fd =
        socket(family == IP_V4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno == EAFNOSUPPORT ? OK : diag_errno(reterr, "notify: cannot open a socket");
    if (bind(fd, (const struct sockaddr *)&address, len) < 0) {
        close(fd);
        return OK;
    }
    *source = (struct source){.announce = announce, .fd = fd, .opened = true};
    (void)event_assign(&source->event, announce->setup.base, fd, EV_READ | EV_PERSIST, on_ack,
                       source);
    if (event_add(&source->event, NULL) < 0)
        return diag_set(reterr, ERR_MEMORY, "notify: out of memory");
    return OK;
}

static void source_close(struct source *source)
{
    if (!source->opened)
        return;
    (void)event_del(&source->event);
    close(source->fd);
}

enum err announce_new(const struct announce_setup *setup, struct announce **ret,
                      struct diag *reterr)
{
    struct announce *announce = calloc(1, sizeof *announce);
    if (!announce)
        return diag_set(reterr, ERR_MEMORY, "notify: out of memory");
    announce->setup = *setup;
    enum err err = tsig_start(reterr);
    if (err == OK)
        err = source_open(announce, &announce->v4, IP_V4, reterr);
    if (err == OK)
        err = source_open(announce, &announce->v6, IP_V6, reterr);
    if (err == OK)
        *ret = announce;
    else
        announce_free(&announce);
    return err;
}

/* Pending messages ----------------------------------------------------------------------------- */

/* Take out the one that `*at` leads to. */
static void pending_remove(struct announce *announce, struct pending **at)
{
    struct pending *pending = *at;
    *at = pending->next;
    announce->count--;
    free(pending);
}

void announce_free(struct announce **announce)
{
    if (!*announce)
        return;
    while ((*announce)->first)
        pending_remove(*announce, &(*announce)->first);
    source_close(&(*announce)->v4);
    source_close(&(*announce)->v6);
    free(*announce);
    *announce = NULL;
}

unsigned announce_pending(const struct announce *announce)
{
    return announce->count;
}

uint64_t announce_count(const struct announce *announce, enum announce_fate fate)
{
    return announce->fates[fate].count;
}

uint64_t announce_sends(const struct announce *announce)
{
    return announce->sends;
}

const char *announce_fate_name(enum announce_fate fate)
{
    return fates[fate].name;
}

static void fate_log(uint64_t since, enum announce_fate fate, const uint8_t *zone, const struct listen *to)
{
    struct log_line line;
    char zone_text[NAME_TEXT_MAX], to_text[LISTEN_TEXT_MAX];
    log_begin(&line, LOG_LEVEL_WARNING, "notify");
    log_text(&line, "result", fates[fate].name);
    log_text(&line, "zone", name_print(zone, zone_text));
    log_text(&line, "to", listen_print(to, to_text));
    log_number(&line, "more_before", (int64_t)since);
    log_text(&line, "message", fates[fate].message);
    log_end(&line);
}

/* A message to `to` about `zone` has met its fate. */
static void fate_take(struct announce *announce, enum announce_fate fate, const uint8_t *zone,
                      const struct listen *to, int64_t now_ms)
{
    announce->fates[fate].count++;
    if (!fates[fate].message)
        return;
    const int64_t logged_ms = announce->fates[fate].logged_ms;
    if (logged_ms != 0 && now_ms - logged_ms < ANNOUNCE_LOG_MS) {
        announce->fates[fate].since++;
        return;
    }
    fate_log(announce->fates[fate].since, fate, zone, to);
    announce->fates[fate].logged_ms = now_ms;
    announce->fates[fate].since = 0;
}

static bool is_same(const struct listen *a, const struct listen *b)
{
    return a->port == b->port && ip_equal(&a->ip, &b->ip);
}

/* What the same secondary was still to be told of the same zone. */
static void older_remove(struct announce *announce, const struct listen *to, const uint8_t *zone)
{
    for (struct pending **at = &announce->first; *at;) {
        if (is_same(&(*at)->to, to) && name_equal((*at)->message + QUERY_HEADER_LEN, zone))
            pending_remove(announce, at);
        else
            at = &(*at)->next;
    }
}

/* RFC 1996 3.7: the question is the zone's SOA, and so is the answer, as it stands in the image. */
static uint16_t message_make(const struct image_zone *zone, uint16_t id,
                             uint8_t message[MESSAGE_LEN_MAX], uint16_t *ret_question_len)
{
    const struct image_rrset *soa = image_at(zone, zone->soa_off);
    struct writer w = writer_of(message, MESSAGE_LEN_MAX);
    writer_u16(&w, id);
    writer_u8(&w, OPCODE_NOTIFY | QUERY_AA);
    writer_u8(&w, 0);
    writer_u16(&w, 1);
    writer_u16(&w, 1);
    writer_u32(&w, 0);
    writer_bytes(&w, image_at(zone, zone->name_off), zone->name_len);
    writer_u16(&w, QTYPE_SOA);
    writer_u16(&w, QCLASS_IN);
    *ret_question_len = (uint16_t)(writer_len(&w) - QUERY_HEADER_LEN);
    writer_u16(&w, IMAGE_ZONE_POINTER);
    (void)image_rr_put(&w, zone, soa, image_at(zone, zone->name_off), 0);
    return w.full ? 0 : (uint16_t)writer_len(&w);
}

/* NULL: there is no memory for it. */
static struct pending *pending_make(const struct image_zone *zone, const struct image_peer *peer,
                                    const struct listen *to)
{
    uint8_t message[MESSAGE_LEN_MAX];
    uint16_t id, question_len;
    if (getrandom(&id, sizeof id, 0) != (ssize_t)sizeof id)
        return NULL;
    const uint16_t len = message_make(zone, id, message, &question_len);
    struct pending *pending = len > 0 ? calloc(1, sizeof *pending + len) : NULL;
    if (!pending)
        return NULL;
    pending->to = *to;
    pending->is_signed = peer->key_off != 0;
    if (pending->is_signed)
        tsig_begin(zone, image_at(zone, peer->key_off), &pending->chain);
    pending->question_len = question_len;
    pending->len = len;
    memcpy(pending->message, message, len);
    return pending;
}

/* What finds no room is left to the zone's refresh time. */
static void pending_put(struct announce *announce, const struct image_zone *zone,
                        const struct image_peer *peer, uint64_t generation, int64_t now_ms)
{
    const uint8_t *name = image_at(zone, zone->name_off);
    struct listen to = {.ip = {.family = peer->family}, .port = peer->port};
    memcpy(to.ip.bytes, peer->address, sizeof to.ip.bytes);
    older_remove(announce, &to, name);
    struct pending *pending =
        announce->count < ANNOUNCE_PENDING_MAX ? pending_make(zone, peer, &to) : NULL;
    if (!pending) {
        fate_take(announce, ANNOUNCE_LEFT_OUT, name, &to, now_ms);
        return;
    }
    pending->generation = generation;
    pending->begun_ms = pending->due_ms = now_ms;
    pending->next = announce->first;
    announce->first = pending;
    announce->count++;
}

/* Worlds --------------------------------------------------------------------------------------- */

static bool has_moved(const struct image_zone *zone, const struct image *last)
{
    if (!last)
        return true;
    struct name_suffixes suffixes;
    const uint8_t *name = image_at(zone, zone->name_off);
    name_suffixes(name, &suffixes);
    const struct image_zone *before = image_zone_get(last, name, &suffixes, 0);
    return !before || before->serial != zone->serial;
}

static void zone_announce(struct announce *announce, const struct image_zone *zone,
                          uint64_t generation, int64_t now_ms)
{
    const struct image_peer *peers = image_at(zone, zone->peers_off);
    for (uint32_t i = 0; i < zone->peers_count; i++)
        if (peers[i].kind == PEER_NOTIFY)
            pending_put(announce, zone, &peers[i], generation, now_ms);
}

void announce_world(struct announce *announce, const struct image *last, const struct image *packs,
                    uint64_t generation, int64_t now_ms)
{
    for (unsigned i = 0; i < PACKS_MAX; i++) {
        if (last && last[i].base == packs[i].base)
            continue;
        const struct image_zone *zone;
        for (uint32_t cursor = 0; (zone = image_zone_next(&packs[i], &cursor));)
            if (zone->peers_count > 0 && has_moved(zone, last))
                zone_announce(announce, zone, generation, now_ms);
    }
}

/* Whether every worker answers from this world, so that a secondary which asks finds the new
 * serial. */
static bool workers_have(const struct announce *announce, uint64_t generation)
{
    for (size_t i = 0; i < announce->setup.workers_count; i++)
        if (announce->setup.workers[i]->generation < generation)
            return false;
    return true;
}

/* Sending -------------------------------------------------------------------------------------- */

static void message_send(struct announce *announce, struct pending *pending, int64_t now_s)
{
    const struct source *source = pending->to.ip.family == IP_V4 ? &announce->v4 : &announce->v6;
    uint8_t bytes[SIGNED_LEN_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);
    struct sockaddr_storage to;
    const socklen_t len = listen_to_sockaddr(&pending->to, &to);
    writer_bytes(&w, pending->message, pending->len);
    pending->chain.mac_len = 0;
    pending->chain.sent = 0;
    if (!source->opened || (pending->is_signed && !tsig_sign(&pending->chain, &w, now_s)))
        return;
    if (sendto(source->fd, bytes, writer_len(&w), 0, (const struct sockaddr *)&to, len) > 0)
        announce->sends++;
}

/* Take out the one that `*at` leads to: this became of it. */
static void pending_end(struct announce *announce, struct pending **at, enum announce_fate fate,
                        int64_t now_ms)
{
    fate_take(announce, fate, (*at)->message + QUERY_HEADER_LEN, &(*at)->to, now_ms);
    pending_remove(announce, at);
}

static bool is_due(const struct announce *announce, const struct pending *pending, int64_t now_ms)
{
    if (pending->due_ms > now_ms)
        return false;
    return pending->sends > 0 || now_ms - pending->begun_ms >= ANNOUNCE_WORKERS_MS ||
           workers_have(announce, pending->generation);
}

void announce_tick(struct announce *announce, struct moment now)
{
    unsigned burst = 0;
    for (struct pending **at = &announce->first; *at && burst < ANNOUNCE_BURST_MAX;) {
        struct pending *pending = *at;
        if (!is_due(announce, pending, now.mono_ms)) {
            at = &pending->next;
        } else if (pending->sends == ANNOUNCE_SENDS_MAX) {
            pending_end(announce, at, ANNOUNCE_GIVEN_UP, now.mono_ms);
        } else {
            message_send(announce, pending, now.wall_ms / 1000);
            pending->due_ms = now.mono_ms + ((int64_t)ANNOUNCE_WAIT_MS << pending->sends++);
            at = &pending->next;
            burst++;
        }
    }
}

/* Acknowledgements ----------------------------------------------------------------------------- */

/* Whether a message is the reply to this one, signed as it was. */
static bool ack_matches(struct pending *pending, const struct listen *from, const uint8_t *ack,
                        size_t len, int64_t now_s)
{
    struct tsig tsig;
    if (pending->sends == 0 || !is_same(&pending->to, from) ||
        len < QUERY_HEADER_LEN + (size_t)pending->question_len ||
        memcmp(ack, pending->message, 2) != 0 ||
        (ack[2] & (QUERY_QR | QUERY_OPCODE)) != (QUERY_QR | OPCODE_NOTIFY) ||
        memcmp(ack + 4, pending->message + 4, 2) != 0 ||
        !name_check(ack + QUERY_HEADER_LEN, len - QUERY_HEADER_LEN, &(size_t){0}) ||
        !name_equal(ack + QUERY_HEADER_LEN, pending->message + QUERY_HEADER_LEN))
        return false;
    if (!pending->is_signed)
        return true;
    struct tsig_chain chain = pending->chain;
    return tsig_find(ack, len, &tsig) && name_equal(tsig.name, chain.name) &&
           tsig_check(&chain, ack, &tsig, now_s) == TSIG_OK;
}

static void ack_take(struct announce *announce, const struct listen *from, const uint8_t *ack,
                     size_t len, struct moment now)
{
    for (struct pending **at = &announce->first; *at; at = &(*at)->next) {
        if (!ack_matches(*at, from, ack, len, now.wall_ms / 1000))
            continue;
        const bool taken = (ack[3] & 15) == RCODE_NOERROR;
        pending_end(announce, at, taken ? ANNOUNCE_ACKNOWLEDGED : ANNOUNCE_REFUSED, now.mono_ms);
        return;
    }
}

static void on_ack(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    const struct source *source = arg;
    for (unsigned i = 0; i < ACKS_MAX; i++) {
        uint8_t ack[ACK_LEN_MAX];
        struct sockaddr_storage address = {0};
        socklen_t address_len = sizeof address;
        const ssize_t len =
            recvfrom(fd, ack, sizeof ack, MSG_DONTWAIT, (struct sockaddr *)&address, &address_len);
        if (len < 0)
            return;
        const struct listen from = listen_from_sockaddr(&address);
        ack_take(source->announce, &from, ack, (size_t)len, clock_now());
    }
}
