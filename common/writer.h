/* common/writer.h - a bounded cursor that bytes are put to.
 *
 * Sticky: a write past the end writes nothing and sets `full`, which becomes TC in a reply.
 * writer_rewind() takes back what an unfinished part wrote. Integers are in network order.
 */
#ifndef COMMON_WRITER_H
#define COMMON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct writer {
    uint8_t *base;
    uint8_t *at;
    uint8_t *end;
    bool full;
};

static inline struct writer writer_of(uint8_t *bytes, size_t cap)
{
    return (struct writer){.base = bytes, .at = bytes, .end = bytes + cap};
}

static inline size_t writer_len(const struct writer *w)
{
    return (size_t)(w->at - w->base);
}

/* Take back everything after the first `len` bytes, and the `full` with it. */
static inline void writer_rewind(struct writer *w, size_t len)
{
    w->at = w->base + len;
    w->full = false;
}

/* Reserve `len` bytes; returns where to write them, or NULL when they do not fit. */
static inline uint8_t *writer_space(struct writer *w, size_t len)
{
    if (w->full || (size_t)(w->end - w->at) < len) {
        w->full = true;
        return NULL;
    }
    uint8_t *p = w->at;
    w->at += len;
    return p;
}

static inline void writer_bytes(struct writer *w, const void *bytes, size_t len)
{
    uint8_t *p = writer_space(w, len);
    if (p && len > 0)
        memcpy(p, bytes, len);
}

static inline void writer_u8(struct writer *w, unsigned v)
{
    uint8_t *p = writer_space(w, 1);
    if (p)
        p[0] = (uint8_t)v;
}

static inline void writer_u16(struct writer *w, unsigned v)
{
    uint8_t *p = writer_space(w, 2);
    if (p) {
        p[0] = (uint8_t)(v >> 8);
        p[1] = (uint8_t)v;
    }
}

static inline void writer_u32(struct writer *w, uint32_t v)
{
    uint8_t *p = writer_space(w, 4);
    if (p) {
        p[0] = (uint8_t)(v >> 24);
        p[1] = (uint8_t)(v >> 16);
        p[2] = (uint8_t)(v >> 8);
        p[3] = (uint8_t)v;
    }
}

#endif
