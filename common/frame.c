#include "common/frame.h"

#include "common/hash.h"

#include <assert.h>
#include <string.h>

static const uint8_t frame_magic[8] = {'g', 's', 'l', 'b', 'i', 'm', 'g', '\n'};

static uint64_t checksum(const void *bytes, size_t len)
{
    return hash_bytes((const uint8_t *)bytes + sizeof(struct frame), len - sizeof(struct frame), len);
}

void frame_seal(void *bytes, size_t len, enum frame_kind kind, uint32_t version)
{
    assert(len >= sizeof(struct frame));
    struct frame frame = {.kind = kind, .version = version, .len = len, .checksum = checksum(bytes, len)};
    memcpy(frame.magic, frame_magic, sizeof frame.magic);
    memcpy(bytes, &frame, sizeof frame);
}

enum err frame_check(const void *bytes, size_t len, enum frame_kind kind, uint32_t version,
                     struct diag *reterr)
{
    struct frame frame;
    if (len < sizeof frame)
        return diag_set(reterr, ERR_CORRUPT, "image of %zu bytes is shorter than its header", len);
    memcpy(&frame, bytes, sizeof frame);
    if (memcmp(frame.magic, frame_magic, sizeof frame.magic) != 0 || frame.kind != (uint32_t)kind)
        return diag_set(reterr, ERR_CORRUPT, "not a gslbd image of this kind");
    if (frame.version != version)
        return diag_set(reterr, ERR_VERSION, "image has version %u, this program reads %u", frame.version,
                        version);
    if (frame.len != len)
        return diag_set(reterr, ERR_CORRUPT, "image has %zu bytes, its header says %llu", len,
                        (unsigned long long)frame.len);
    if (frame.checksum != checksum(bytes, len))
        return diag_set(reterr, ERR_CORRUPT, "image fails its checksum");
    return OK;
}
