#include "common/ip.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

enum err ip_parse(const char *text, struct ip *ret, struct diag *reterr)
{
    struct ip ip = {0};
    if (inet_pton(AF_INET, text, ip.bytes) == 1)
        ip.family = IP_V4;
    else if (inet_pton(AF_INET6, text, ip.bytes) == 1)
        ip.family = IP_V6;
    else
        return diag_set(reterr, ERR_SYNTAX, "\"%s\" is not an IPv4 or IPv6 address", text);
    *ret = ip;
    return OK;
}

const char *ip_print(const struct ip *ip, char text[IP_TEXT_MAX])
{
    text[0] = '\0';
    if (ip->family == IP_V4)
        (void)inet_ntop(AF_INET, ip->bytes, text, IP_TEXT_MAX);
    else if (ip->family == IP_V6)
        (void)inet_ntop(AF_INET6, ip->bytes, text, IP_TEXT_MAX);
    return text;
}

/* A decimal of 1 to 5 digits, all of `text`; -1 otherwise. */
static long small_number(const char *text)
{
    const size_t len = strlen(text);
    if (len == 0 || len > 5 || strspn(text, "0123456789") != len)
        return -1;
    return strtol(text, NULL, 10);
}

/* Split `text` at the last `mark` into an address and a number. */
static enum err split(const char *text, char mark, struct ip *ret_ip, long *ret_number)
{
    const char *at = strrchr(text, mark);
    char address[IP_TEXT_MAX];
    if (!at || (size_t)(at - text) >= sizeof address)
        return ERR_SYNTAX;
    memcpy(address, text, (size_t)(at - text));
    address[at - text] = '\0';
    *ret_number = small_number(at + 1);
    if (*ret_number < 0)
        return ERR_SYNTAX;
    return ip_parse(address, ret_ip, NULL);
}

enum err prefix_parse(const char *text, struct prefix *ret, struct diag *reterr)
{
    struct ip ip;
    long bits;
    if (split(text, '/', &ip, &bits) != OK || bits > (long)ip_bits(&ip))
        return diag_set(reterr, ERR_SYNTAX,
                        "\"%s\" is not a prefix; write it as 192.0.2.0/24 or 2001:db8::/32", text);
    struct ip masked = ip;
    ip_mask(&masked, (unsigned)bits);
    if (!ip_equal(&masked, &ip)) {
        char right[IP_TEXT_MAX];
        return diag_set(reterr, ERR_SYNTAX, "\"%s\" has address bits past its length; write %s/%ld", text,
                        ip_print(&masked, right), bits);
    }
    *ret = (struct prefix){.ip = ip, .bits = (uint8_t)bits};
    return OK;
}

enum err prefix_parse_or_ip(const char *text, struct prefix *ret, struct diag *reterr)
{
    struct ip ip;
    if (strchr(text, '/'))
        return prefix_parse(text, ret, reterr);
    const enum err err = ip_parse(text, &ip, reterr);
    if (err == OK)
        *ret = (struct prefix){.ip = ip, .bits = (uint8_t)ip_bits(&ip)};
    return err;
}

const char *prefix_print(const struct prefix *prefix, char text[PREFIX_TEXT_MAX])
{
    char ip[IP_TEXT_MAX];
    (void)snprintf(text, PREFIX_TEXT_MAX, "%s/%u", ip_print(&prefix->ip, ip), prefix->bits);
    return text;
}

enum err listen_parse(const char *text, struct listen *ret, struct diag *reterr)
{
    struct ip ip;
    long port;
    if (split(text, '@', &ip, &port) != OK || port < 1 || port > 65535)
        return diag_set(reterr, ERR_SYNTAX,
                        "\"%s\" is not ADDRESS@PORT; write it as 127.0.0.1@5300 or ::1@5300", text);
    *ret = (struct listen){.ip = ip, .port = (uint16_t)port};
    return OK;
}

const char *listen_print(const struct listen *at, char text[LISTEN_TEXT_MAX])
{
    char ip[IP_TEXT_MAX];
    (void)snprintf(text, LISTEN_TEXT_MAX, "%s@%u", ip_print(&at->ip, ip), at->port);
    return text;
}

socklen_t listen_to_sockaddr(const struct listen *at, struct sockaddr_storage *ret)
{
    memset(ret, 0, sizeof *ret);
    if (at->ip.family == IP_V4) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(at->port)};
        memcpy(&in.sin_addr, at->ip.bytes, 4);
        memcpy(ret, &in, sizeof in);
        return sizeof in;
    }
    assert(at->ip.family == IP_V6);
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(at->port)};
    memcpy(&in6.sin6_addr, at->ip.bytes, 16);
    memcpy(ret, &in6, sizeof in6);
    return sizeof in6;
}

struct listen listen_from_sockaddr(const struct sockaddr_storage *from)
{
    struct listen at = {0};
    if (from->ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, from, sizeof in);
        at.ip.family = IP_V4;
        memcpy(at.ip.bytes, &in.sin_addr, 4);
        at.port = ntohs(in.sin_port);
    } else if (from->ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, from, sizeof in6);
        at.ip.family = IP_V6;
        memcpy(at.ip.bytes, &in6.sin6_addr, 16);
        at.port = ntohs(in6.sin6_port);
    }
    return at;
}

unsigned ip_bits(const struct ip *ip)
{
    return ip->family == IP_V4 ? 32 : ip->family == IP_V6 ? 128 : 0;
}

bool ip_unmap(struct ip *ip)
{
    if (ip->family != IP_V6 || memcmp(ip->bytes, mapped_prefix, sizeof mapped_prefix) != 0)
        return false;
    struct ip v4 = {.family = IP_V4};
    memcpy(v4.bytes, ip->bytes + 12, 4);
    *ip = v4;
    return true;
}

void ip_mask(struct ip *ip, unsigned bits)
{
    const unsigned whole = bits / 8;
    if (whole >= sizeof ip->bytes)
        return;
    ip->bytes[whole] = (uint8_t)(ip->bytes[whole] & ~(0xff >> bits % 8));
    memset(ip->bytes + whole + 1, 0, sizeof ip->bytes - whole - 1);
}

int ip_compare(const struct ip *a, const struct ip *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
    return ip_compare(a, b) == 0;
}

bool prefix_covers(const struct prefix *prefix, const struct ip *ip)
{
    struct ip masked = *ip;
    ip_mask(&masked, prefix->bits);
    return ip_equal(&masked, &prefix->ip);
}

static bool v4_is_unplaced(const uint8_t b[4])
{
    return b[0] == 0 || b[0] == 10 || b[0] == 127 || b[0] >= 224 || (b[0] == 100 && (b[1] & 0xc0) == 64) ||
           (b[0] == 169 && b[1] == 254) || (b[0] == 172 && (b[1] & 0xf0) == 16) ||
           (b[0] == 192 && b[1] == 168);
}

bool ip_is_unplaced(const struct ip *ip)
{
    const uint8_t *b = ip->bytes;
    if (ip->family == IP_V4)
        return v4_is_unplaced(b);
    if (ip->family != IP_V6)
        return true;
    static const uint8_t zero[15];
    if (memcmp(b, zero, sizeof zero) == 0 && b[15] <= 1)
        return true; /* :: and ::1 */
    return b[0] == 0xff || (b[0] & 0xfe) == 0xfc || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
}
