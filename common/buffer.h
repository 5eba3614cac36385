/* common/buffer.h - a growable row of bytes for the cold side: compilers, JSON, logs.
 *
 * Sticky like writer.h: when memory or BUFFER_MAX runs out, `failed` is set and nothing more is put.
 */
#ifndef COMMON_BUFFER_H
#define COMMON_BUFFER_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUFFER_MAX ((size_t)1 << 32) /* bytes: what a 32-bit offset reaches */

struct buffer {
    uint8_t *bytes; /* heap; NULL while empty */
    size_t len;
    size_t cap;
    bool failed;
};

void buffer_fini(struct buffer *buffer);

/* Append `len` bytes (zeros when `bytes` is NULL); returns their offset. The bytes may move. */
size_t buffer_put(struct buffer *buffer, const void *bytes, size_t len);

/* Make room for `len` bytes in all, so that what is put up to there takes no more memory than that. */
void buffer_reserve(struct buffer *buffer, size_t len);

/* Append zeros until the length is a multiple of `align`, a power of two. */
void buffer_align(struct buffer *buffer, size_t align);

/* ERR_MEMORY when something did not fit, OK otherwise. */
NODISCARD enum err buffer_check(const struct buffer *buffer, struct diag *reterr);

#endif
