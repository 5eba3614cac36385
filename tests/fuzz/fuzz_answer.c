/* tests/fuzz/fuzz_answer.c - whole answers: any bytes get a reply that keeps the rules of
 * tests/reply_check.h, or none.
 *
 * The first byte chooses transport and resolver, the rest is the message.
 */
#include "server/answer/query.h"
#include "server/transfer/aside.h"
#include "tests/reply_check.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { REPLY_CAP = 65535 };

/* A signed query or a transfer: nobody has a key here, so that each is refused. */
static void aside_check(const struct world_fixture *fixture, enum transport transport, const struct listen *peer,
                        uint8_t *packet, size_t len)
{
    struct transfers transfers = {0};
    const struct aside aside = {&fixture->answerer, transport, peer, transport == TRANSPORT_TCP ? &transfers : NULL};
    struct transfer *transfer;
    const size_t reply_len =
        aside_answer(&aside, packet, len, transport == TRANSPORT_TCP ? REPLY_CAP : QUERY_LEN_MAX, &transfer);
    assert(!transfer && transfers.count == 0);
    assert(reply_len <= (transport == TRANSPORT_TCP ? REPLY_CAP : EDNS_UDP_SIZE_MAX));
    assert(reply_len == 0 || ((packet[2] & QUERY_QR) && (packet[3] & 15) != RCODE_NOERROR));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct world_fixture fixture;
    static uint8_t reply[REPLY_CAP];
    if (fixture.world.generation == 0)
        reply_check_world(&fixture);
    if (len < 1 || len > QUERY_LEN_MAX)
        return 0;
    const enum transport transport = bytes[0] & 1 ? TRANSPORT_TCP : TRANSPORT_UDP;
    const struct listen peer = {.ip = geo_fixture_ip(bytes[0] & 2 ? "193.0.0.9" : "2001:db8::9"), .port = 53000};
    memcpy(reply, bytes + 1, len - 1);
    const size_t reply_len = answer(&fixture.answerer, transport, &peer, reply, len - 1,
                                    transport == TRANSPORT_TCP ? REPLY_CAP : QUERY_LEN_MAX);
    if (reply_len == ANSWER_ASIDE) {
        aside_check(&fixture, transport, &peer, reply, len - 1);
        return 0;
    }
    reply_check(bytes + 1, len - 1, reply, reply_len, transport);
    return 0;
}
