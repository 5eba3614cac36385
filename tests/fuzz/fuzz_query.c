/* tests/fuzz/fuzz_query.c - the parser of queries: whatever the bytes, what it says of them lies within them.
 */
#include "server/answer/query.h"

#include "common/name.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void subnet_check(const struct edns_subnet *subnet)
{
    const unsigned bits_max = ip_bits(&subnet->prefix.ip);
    struct ip masked = subnet->prefix.ip;
    assert(subnet->prefix.bits <= bits_max);
    ip_mask(&masked, subnet->prefix.bits);
    assert(ip_equal(&masked, &subnet->prefix.ip));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct query query;
    size_t wire_len;
    const enum parse parse = query_parse(bytes, len, 53, &query);
    assert(len >= QUERY_HEADER_LEN || parse == PARSE_DROP);
    if (parse == PARSE_DROP)
        return 0;
    assert((parse == PARSE_ERROR) == (query.rcode != RCODE_NOERROR));
    assert((parse != PARSE_OK && parse != PARSE_ASIDE) || query.question_len > 0);
    assert(query.tsig_off < len);
    if (query.question_len > 0) {
        assert(query.name == bytes + QUERY_HEADER_LEN &&
               QUERY_HEADER_LEN + (size_t)query.question_len <= len);
        assert(name_check(query.name, len - QUERY_HEADER_LEN, &wire_len) &&
               wire_len + 4 == query.question_len);
    }
    if (query.edns.present) {
        assert(query.edns.udp_size >= EDNS_UDP_SIZE_MIN);
        subnet_check(&query.edns.subnet);
    }
    return 0;
}
