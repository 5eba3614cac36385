#include "server/transport/proxy.h"

#include <string.h>

enum {
    SIGNATURE_LEN = 12,
    COMMAND_LOCAL = 0x20, /* version 2, command 0 */
    COMMAND_PROXY = 0x21,
    FAMILY_NONE = 0,
    FAMILY_V4 = 1,
    FAMILY_V6 = 2,
    V4_LEN = 12,
    V6_LEN = 36,
    /* Unspecified, stream or datagram: dnsdist says how the client came, not how it sends itself. */
    PROTOCOL_LAST = 2,
};

static const uint8_t signature[SIGNATURE_LEN] = {'\r', '\n', '\r', '\n', 0,   '\r',
                                                 '\n', 'Q',  'U',  'I',  'T', '\n'};

static struct listen client_get(uint8_t family, const uint8_t *addresses)
{
    struct listen client = {.ip = {.family = family}};
    const size_t len = family == IP_V4 ? 4 : 16;
    memcpy(client.ip.bytes, addresses, len);
    (void)ip_unmap(&client.ip);
    client.port = (uint16_t)(addresses[2 * len] << 8 | addresses[2 * len + 1]);
    return client;
}

/* What the addresses say, of which there are `len` bytes and then something else. False: nothing
 * that we know. */
static bool client_parse(uint8_t kind, const uint8_t *addresses, size_t len, struct listen *ret)
{
    if ((kind & 15) > PROTOCOL_LAST)
        return false;
    switch (kind >> 4) {
    case FAMILY_NONE:
        return true;
    case FAMILY_V4:
        if (len < V4_LEN)
            return false;
        *ret = client_get(IP_V4, addresses);
        return true;
    case FAMILY_V6:
        if (len < V6_LEN)
            return false;
        *ret = client_get(IP_V6, addresses);
        return true;
    default:
        return false;
    }
}

enum proxying proxy_parse(const uint8_t *bytes, size_t len, struct proxy_header *ret)
{
    if (memcmp(bytes, signature, len < SIGNATURE_LEN ? len : SIGNATURE_LEN) != 0)
        return PROXYING_BAD;
    if (len < PROXY_FIXED_LEN)
        return PROXYING_MORE;
    const uint8_t command = bytes[12];
    const size_t rest = (size_t)(bytes[14] << 8 | bytes[15]);
    if ((command != COMMAND_LOCAL && command != COMMAND_PROXY) ||
        PROXY_FIXED_LEN + rest > PROXY_LEN_MAX)
        return PROXYING_BAD;
    if (len < PROXY_FIXED_LEN + rest)
        return PROXYING_MORE;
    struct proxy_header header = {.len = PROXY_FIXED_LEN + rest};
    if (command == COMMAND_PROXY &&
        !client_parse(bytes[13], bytes + PROXY_FIXED_LEN, rest, &header.client))
        return PROXYING_BAD;
    *ret = header;
    return PROXYING_HEADER;
}

bool proxy_is_peer(const struct proxy_peers *peers, const struct ip *ip)
{
    for (size_t i = 0; i < peers->count; i++)
        if (prefix_covers(&peers->prefixes[i], ip))
            return true;
    return false;
}
