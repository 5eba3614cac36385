/* tests/fuzz/fuzz_proxy.c - the PROXY header: it never reads past its bytes, and what it says of
 * a prefix holds for the whole. */
#include "server/transport/proxy.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct proxy_header header, sooner;
    const enum proxying whole = proxy_parse(bytes, len, &header);
    if (whole == PROXYING_HEADER) {
        assert(header.len >= PROXY_FIXED_LEN && header.len <= PROXY_LEN_MAX && header.len <= len);
        assert(header.client.ip.family != IP_NONE || header.client.port == 0);
    }
    /* A stream gives the same, wherever it is cut. */
    for (size_t cut = 0; cut < len && cut < PROXY_LEN_MAX; cut++) {
        const enum proxying part = proxy_parse(bytes, cut, &sooner);
        if (part == PROXYING_BAD)
            assert(whole == PROXYING_BAD);
        if (part == PROXYING_MORE && whole == PROXYING_HEADER)
            assert(cut < header.len);
        if (part == PROXYING_HEADER)
            assert(whole == PROXYING_HEADER && sooner.len == header.len &&
                   sooner.client.port == header.client.port &&
                   ip_equal(&sooner.client.ip, &header.client.ip));
    }
    return 0;
}
