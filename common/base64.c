#include "common/base64.h"

#include <string.h>

/* What a character stands for, or -1. */
static int digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Four characters to `count` bytes, the bits behind which are 0. */
static int quad_parse(const char *text, size_t count, uint8_t bytes[3])
{
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        const int value = i <= count ? digit(text[i]) : text[i] == '=' ? 0 : -1;
        if (value < 0)
            return -1;
        bits = bits << 6 | (uint32_t)value;
    }
    for (size_t i = 0; i < 3; i++)
        bytes[i] = (uint8_t)(bits >> (16 - 8 * i));
    for (size_t i = count; i < 3; i++)
        if (bytes[i] != 0)
            return -1;
    return 0;
}

enum err base64_parse(const char *text, uint8_t *bytes, size_t cap, size_t *ret_len,
                      struct diag *reterr)
{
    const size_t text_len = strlen(text);
    const size_t pads =
        text_len < 4 ? 0 : (text[text_len - 1] == '=') + (size_t)(text[text_len - 2] == '=');
    const size_t len = text_len / 4 * 3 - pads;
    if (text_len % 4 != 0)
        return diag_set(reterr, ERR_SYNTAX, "base64 comes in fours; this has %zu characters",
                        text_len);
    if (len > cap)
        return diag_set(reterr, ERR_LIMIT, "base64 of %zu bytes; at most %zu are taken", len, cap);
    for (size_t at = 0; at < len; at += 3) {
        uint8_t three[3];
        const size_t count = len - at < 3 ? len - at : 3;
        if (quad_parse(text + at / 3 * 4, count, three) != 0)
            return diag_set(reterr, ERR_SYNTAX, "not base64 at character %zu", at / 3 * 4 + 1);
        memcpy(bytes + at, three, count);
    }
    *ret_len = len;
    return OK;
}
