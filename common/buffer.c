#include "common/buffer.h"

#include <stdlib.h>
#include <string.h>

void buffer_fini(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}

static bool resize(struct buffer *buffer, size_t cap)
{
    uint8_t *bytes = cap > BUFFER_MAX ? NULL : realloc(buffer->bytes, cap);
    if (!bytes) {
        buffer->failed = true;
        return false;
    }
    buffer->bytes = bytes;
    buffer->cap = cap;
    return true;
}

static bool grow(struct buffer *buffer, size_t need)
{
    size_t cap = buffer->cap ? buffer->cap : 256;
    while (cap < need)
        cap *= 2;
    return resize(buffer, cap > BUFFER_MAX && need <= BUFFER_MAX ? BUFFER_MAX : cap);
}

void buffer_reserve(struct buffer *buffer, size_t len)
{
    if (!buffer->failed && len > buffer->cap)
        (void)resize(buffer, len);
}

size_t buffer_put(struct buffer *buffer, const void *bytes, size_t len)
{
    const size_t off = buffer->len;
    if (buffer->failed || (len > buffer->cap - off && !grow(buffer, off + len)))
        return off;
    if (bytes && len > 0)
        memcpy(buffer->bytes + off, bytes, len);
    else if (len > 0)
        memset(buffer->bytes + off, 0, len);
    buffer->len += len;
    return off;
}

void buffer_align(struct buffer *buffer, size_t align)
{
    const size_t past = buffer->len & (align - 1);
    if (past > 0)
        (void)buffer_put(buffer, NULL, align - past);
}

enum err buffer_check(const struct buffer *buffer, struct diag *reterr)
{
    return buffer->failed ? diag_set(reterr, ERR_MEMORY, "out of memory after %zu bytes", buffer->len) : OK;
}
