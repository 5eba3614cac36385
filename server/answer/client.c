#include "server/answer/client.h"

enum { MAPPED_BITS = 96 }; /* ::ffff:0:0/96 (RFC 4291 2.5.5.2) */

static struct client resolver_of(enum client_kind kind, const struct ip *peer)
{
    struct client client = {.kind = kind, .ip = *peer};
    (void)ip_unmap(&client.ip);
    return client;
}

struct client client_of(const struct edns *edns, const struct ip *peer)
{
    const struct prefix *subnet = &edns->subnet.prefix;
    if (!edns->subnet.present || subnet->bits == 0)
        return resolver_of(CLIENT_RESOLVER, peer);
    struct client client = {.kind = CLIENT_SUBNET, .ip = subnet->ip, .source_bits = subnet->bits};
    if (ip_unmap(&client.ip))
        client.mapped_bits = MAPPED_BITS;
    if (!ip_is_unplaced(&client.ip))
        return client;
    client = resolver_of(CLIENT_UNPLACED, peer);
    client.source_bits = subnet->bits;
    return client;
}

uint8_t client_scope(const struct client *client, uint8_t bits)
{
    switch (client->kind) {
    case CLIENT_RESOLVER:
        return 0;
    case CLIENT_UNPLACED:
        return client->source_bits;
    case CLIENT_SUBNET:
        break;
    }
    return (uint8_t)(bits + client->mapped_bits);
}
