#include "zones/compile/compile_peers.h"

#include "common/base64.h"
#include "common/hash.h"
#include "common/ip.h"

#include <string.h>

static const char *const algorithms[TSIG_ALGORITHMS] = {
    [TSIG_SHA224] = "hmac-sha224",
    [TSIG_SHA256] = "hmac-sha256",
    [TSIG_SHA384] = "hmac-sha384",
    [TSIG_SHA512] = "hmac-sha512",
    [TSIG_SHA1] = "hmac-sha1",
};

/* Keys ----------------------------------------------------------------------------------------- */

static uint32_t key_find(const struct draft *draft, const char *name)
{
    for (uint32_t i = 0; i < draft_keys_count(draft); i++)
        if (strcmp(draft_text(draft, draft_key(draft, i)->text_off), name) == 0)
            return i;
    return DRAFT_NONE;
}

static enum err algorithm_parse(const char *text, enum tsig_algorithm *ret, struct diag *reterr)
{
    for (unsigned i = 0; i < TSIG_ALGORITHMS; i++) {
        if (strcmp(algorithms[i], text) == 0) {
            *ret = (enum tsig_algorithm)i;
            return OK;
        }
    }
    return diag_set(reterr, ERR_SYNTAX, "there is no algorithm \"%s\"", text);
}

/* The index of a peer's key in the draft, where it comes once. */
static enum err key_put(struct draft *draft, const struct store_peer *peer, uint32_t *ret,
                        struct diag *reterr)
{
    uint8_t name[NAME_WIRE_MAX], lower[NAME_WIRE_MAX], secret[IMAGE_SECRET_MAX];
    size_t name_size, secret_len;
    struct draft_key key = {0};
    *ret = peer->key ? key_find(draft, peer->key) : DRAFT_NONE;
    if (!peer->key || *ret != DRAFT_NONE)
        return OK;
    enum err err = name_parse(peer->key, name, &name_size, reterr);
    if (err == OK)
        err = algorithm_parse(peer->algorithm, &key.algorithm, reterr);
    if (err == OK)
        err = base64_parse(peer->secret, secret, sizeof secret, &secret_len, reterr);
    if (err == OK && secret_len == 0)
        err = diag_set(reterr, ERR_SYNTAX, "the secret is empty");
    if (err != OK)
        return diag_prefix(reterr, err, "tsig_key \"%s\"", peer->key);
    *ret = draft_keys_count(draft);
    key.text_off = draft_text_put(draft, peer->key);
    key.name_off = (uint32_t)buffer_put(&draft->rdata, lower, name_lower(name, lower));
    key.secret_off = (uint32_t)buffer_put(&draft->rdata, secret, secret_len);
    key.secret_len = (uint16_t)secret_len;
    (void)buffer_put(&draft->keys, &key, sizeof key);
    const bool failed = draft->text.failed || draft->rdata.failed || draft->keys.failed;
    return failed ? diag_set(reterr, ERR_MEMORY, "out of memory") : OK;
}

/* Peers ---------------------------------------------------------------------------------------- */

static enum err peer_put(struct draft *draft, const struct store_peer *row, struct diag *reterr)
{
    struct draft_peer peer = {.kind = row->address ? PEER_NOTIFY : PEER_TRANSFER,
                              .port = row->port};
    enum err err = OK;
    if (row->address || *row->net)
        err = prefix_parse_or_ip(row->address ? row->address : row->net, &peer.net, reterr);
    if (err == OK)
        err = key_put(draft, row, &peer.key, reterr);
    if (err == OK && peer.kind == PEER_TRANSFER && peer.net.ip.family == IP_NONE &&
        peer.key == DRAFT_NONE)
        err = diag_set(reterr, ERR_REFUSED,
                       "a row without net and key would open the zone to everybody");
    if (err == OK)
        (void)buffer_put(&draft->peers, &peer, sizeof peer);
    return err;
}

enum err compile_peers(struct store *store, const char *zone, struct draft *draft,
                       struct problems *problems, struct diag *reterr)
{
    struct store_rows rows;
    struct store_peer row;
    enum err err = OK;
    store_peers(store, zone, &rows);
    while (err != ERR_MEMORY && store_peer_next(&rows, &row)) {
        struct diag diag;
        err = peer_put(draft, &row, &diag);
        if (err != OK)
            problems_put(problems, row.address ? "notify" : "transfer", "%s", diag.text);
    }
    const enum err end = store_rows_end(&rows, reterr);
    return err == ERR_MEMORY ? diag_set(reterr, err, "out of memory") : end;
}

bool compile_peers_may_copy(const struct draft *draft)
{
    for (uint32_t i = 0; i < draft_peers_count(draft); i++)
        if (draft_peer(draft, i)->kind == PEER_TRANSFER)
            return true;
    return false;
}

/* Hashes --------------------------------------------------------------------------------------- */

static uint64_t text_hash(uint64_t hash, const char *text)
{
    return text ? hash_bytes(text, strlen(text), hash) : hash_mix(hash + 1);
}

static uint64_t peer_hash(uint64_t hash, const struct store_peer *peer)
{
    const char *const texts[] = {peer->net, peer->address, peer->key, peer->algorithm,
                                 peer->secret};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        hash = text_hash(hash, texts[i]);
    return hash_mix(hash ^ peer->port);
}

enum err compile_peers_hash(struct store *store, struct zone_list *list, struct diag *reterr)
{
    struct store_rows rows;
    struct store_peer row;
    store_peers_all(store, &rows);
    while (store_peer_next(&rows, &row)) {
        const uint32_t idx = zone_list_find(list, row.zone);
        if (idx != ZONE_LIST_NONE)
            zone_list_row(list, idx)->peers = peer_hash(zone_list_row(list, idx)->peers, &row);
    }
    return store_rows_end(&rows, reterr);
}
