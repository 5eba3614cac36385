/* tests/fuzz/fuzz_tsig.c - TSIG records: whatever the bytes, what is read lies within them, and nobody
 * without the key has a good signature.
 */
#include "server/transfer/tsig.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { NOW_S = 1800000000, REPLY_CAP = 1024 };

static void lies_within(const uint8_t *bytes, size_t len, const uint8_t *part, size_t part_len)
{
    assert(part_len == 0 || (part >= bytes && part_len <= len && part <= bytes + len - part_len));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct tsig_chain key = {.name = "\1k\7example",
                                          .algorithm = TSIG_SHA256,
                                          .secret = "0123456789abcdef",
                                          .secret_len = 16};
    struct tsig_chain chain = key;
    struct tsig tsig;
    size_t name_size;
    uint8_t reply[REPLY_CAP] = {0};
    if (tsig_start(NULL) != OK || !tsig_find(bytes, len, &tsig))
        return 0;
    assert(tsig.off >= 12 && tsig.off < len);
    assert(name_check(tsig.name, sizeof tsig.name, &name_size) &&
           name_check(tsig.algorithm, sizeof tsig.algorithm, &name_size));
    lies_within(bytes, len, tsig.mac, tsig.mac_len);
    lies_within(bytes, len, tsig.other, tsig.other_len);
    const enum tsig_error error = tsig_check(&chain, bytes, &tsig, NOW_S);
    assert(error == TSIG_BADSIG || error == TSIG_FORMERR);
    struct writer w = writer_of(reply, sizeof reply);
    (void)writer_space(&w, 12);
    assert(tsig_refuse(&chain, &tsig, TSIG_BADSIG, &w, NOW_S) &&
           tsig_find(reply, writer_len(&w), &tsig));
    return 0;
}
