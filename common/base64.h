/* common/base64.h - base64 (RFC 4648 4) to bytes.
 */
#ifndef COMMON_BASE64_H
#define COMMON_BASE64_H

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

/* Decode all of `text`, padded and in its one canonical form, to at most `cap` bytes. ERR_SYNTAX: it is
 * something else. ERR_LIMIT: more bytes. */
NODISCARD enum err base64_parse(const char *text, uint8_t *bytes, size_t cap, size_t *ret_len,
                                struct diag *reterr);

#endif
