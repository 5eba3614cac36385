#include "server/transport/clients.h"

#include "common/hash.h"

#include <assert.h>
#include <string.h>

void clients_init(struct clients *clients, uint32_t limit, uint64_t seed)
{
    memset(clients, 0, sizeof *clients);
    clients->seed = seed;
    clients->limit = limit;
}

static uint32_t *count_of(struct clients *clients, const struct ip *ip)
{
    struct ip client = *ip;
    (void)ip_unmap(&client);
    if (client.family == IP_V6)
        ip_mask(&client, CLIENTS_V6_BITS);
    return &clients->counts[hash_bytes(client.bytes, sizeof client.bytes, clients->seed) %
                            CLIENTS_COUNTS];
}

bool clients_enter(struct clients *clients, const struct ip *ip)
{
    uint32_t *count = count_of(clients, ip);
    if (*count >= clients->limit)
        return false;
    ++*count;
    return true;
}

void clients_leave(struct clients *clients, const struct ip *ip)
{
    uint32_t *count = count_of(clients, ip);
    assert(*count > 0);
    --*count;
}
