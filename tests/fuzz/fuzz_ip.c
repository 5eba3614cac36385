/* tests/fuzz/fuzz_ip.c - addresses, networks and sockets in text: what is read prints as something that is
 * read as the same, and the C library agrees on what an address is. */
#include "common/ip.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { TEXT_LEN_MAX = 128 };

static void ip_try(const char *text)
{
    struct ip ip, again;
    char printed[IP_TEXT_MAX];
    uint8_t plain[16] = {0};
    const enum err err = ip_parse(text, &ip, NULL);
    const bool is_ip = inet_pton(AF_INET, text, plain) == 1 || inet_pton(AF_INET6, text, plain) == 1;
    assert((err == OK) == is_ip);
    if (err != OK)
        return;
    assert(memcmp(ip.bytes, plain, sizeof plain) == 0 && ip_bits(&ip) > 0);
    assert(ip_parse(ip_print(&ip, printed), &again, NULL) == OK && ip_equal(&ip, &again));
    if (ip_unmap(&again))
        assert(again.family == IP_V4 && ip.family == IP_V6 && memcmp(again.bytes, ip.bytes + 12, 4) == 0);
    (void)ip_is_unplaced(&ip);
}

static void prefix_try(const char *text)
{
    struct prefix prefix, again;
    struct ip ip;
    char printed[PREFIX_TEXT_MAX];
    const bool has_bits = prefix_parse(text, &prefix, NULL) == OK;
    assert((prefix_parse_or_ip(text, &prefix, NULL) == OK) == (has_bits || ip_parse(text, &ip, NULL) == OK));
    if (!has_bits)
        return;
    struct ip masked = prefix.ip;
    ip_mask(&masked, prefix.bits);
    assert(prefix.bits <= ip_bits(&prefix.ip) && ip_equal(&masked, &prefix.ip) &&
           prefix_covers(&prefix, &prefix.ip));
    assert(prefix_parse(prefix_print(&prefix, printed), &again, NULL) == OK);
    assert(ip_compare(&prefix.ip, &again.ip) == 0 && prefix.bits == again.bits);
}

static void listen_try(const char *text)
{
    struct listen at, again;
    struct sockaddr_storage address;
    char printed[LISTEN_TEXT_MAX];
    if (listen_parse(text, &at, NULL) != OK)
        return;
    assert(at.port > 0);
    assert(listen_parse(listen_print(&at, printed), &again, NULL) == OK);
    assert(ip_equal(&at.ip, &again.ip) && at.port == again.port);
    assert(listen_to_sockaddr(&at, &address) > 0);
    again = listen_from_sockaddr(&address);
    assert(ip_equal(&at.ip, &again.ip) && at.port == again.port);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char text[TEXT_LEN_MAX];
    if (len >= sizeof text)
        return 0;
    memcpy(text, bytes, len);
    text[len] = '\0';
    ip_try(text);
    prefix_try(text);
    listen_try(text);
    return 0;
}
