#include "health/check.h"

#include "common/hash.h"

#include <stdio.h>
#include <string.h>

static const char *const type_names[] = {
    [CHECK_OTHER] = "other", [CHECK_TCP] = "tcp",   [CHECK_HTTP] = "http",
    [CHECK_HTTPS] = "https", [CHECK_ICMP] = "icmp", [CHECK_DNS] = "dns",
};

enum err check_id_print(const char *monitor, const char *address, char ret[CHECK_ID_MAX],
                        struct diag *reterr)
{
    const int len = snprintf(ret, CHECK_ID_MAX, "%s %s", monitor, address);
    if (len >= 0 && len < CHECK_ID_MAX)
        return OK;
    return diag_set(reterr, ERR_LIMIT,
                    "monitor \"%.64s\" with address \"%.64s\": over %d bytes together", monitor,
                    address, CHECK_ID_MAX - 1);
}

const char *check_type_print(enum check_type type)
{
    return type_names[type];
}

enum check_type check_type_parse(const char *text)
{
    for (unsigned type = CHECK_TCP; type <= CHECK_DNS; type++)
        if (strcmp(type_names[type], text) == 0)
            return (enum check_type)type;
    return CHECK_OTHER;
}

/* Status codes --------------------------------------------------------------------------------- */

enum { CODE_MIN = 100, CODE_MAX = 599, CODE_DIGITS = 3 };

/* Read three digits at `*at` and step over them; 0 if they are not a status code. */
static uint16_t read_code(const char **at)
{
    unsigned code = 0;
    for (int i = 0; i < CODE_DIGITS; i++) {
        const char digit = (*at)[i];
        if (digit < '0' || digit > '9')
            return 0;
        code = code * 10 + (unsigned)(digit - '0');
    }
    *at += CODE_DIGITS;
    return code >= CODE_MIN && code <= CODE_MAX ? (uint16_t)code : 0;
}

/* Read "CODE" or "CODE-CODE"; false if it is neither. */
static bool read_range(const char **at, uint16_t *ret_first, uint16_t *ret_last)
{
    *ret_first = *ret_last = read_code(at);
    if (**at == '-') {
        (*at)++;
        *ret_last = read_code(at);
    }
    return *ret_first != 0 && *ret_last >= *ret_first;
}

enum err check_status_parse(const char *text, struct check_status *ret, struct diag *reterr)
{
    struct check_status status = {0};
    for (const char *at = text;; at++) {
        if (status.count == CHECK_STATUS_RANGES_MAX)
            return diag_set(reterr, ERR_LIMIT, "expect_status \"%.64s\": over %d ranges", text,
                            CHECK_STATUS_RANGES_MAX);
        const uint8_t i = status.count++;
        const bool ok = read_range(&at, &status.ranges[i].first, &status.ranges[i].last);
        if (!ok || (*at != ',' && *at != '\0'))
            return diag_set(reterr, ERR_SYNTAX,
                            "expect_status \"%.64s\": write codes and ranges as in 200,204,300-399",
                            text);
        if (*at == '\0')
            break;
    }
    *ret = status;
    return OK;
}

const char *check_status_print(const struct check_status *status, char text[CHECK_STATUS_TEXT_MAX])
{
    size_t len = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < status->count; i++) {
        const unsigned first = status->ranges[i].first;
        const unsigned last = status->ranges[i].last;
        const char *comma = i > 0 ? "," : "";
        const size_t left = CHECK_STATUS_TEXT_MAX - len;
        const int put = first == last ? snprintf(text + len, left, "%s%u", comma, first)
                                      : snprintf(text + len, left, "%s%u-%u", comma, first, last);
        len += (size_t)put;
    }
    return text;
}

bool check_status_match(const struct check_status *status, long code)
{
    for (unsigned i = 0; i < status->count; i++)
        if (code >= status->ranges[i].first && code <= status->ranges[i].last)
            return true;
    return false;
}

/* Validation ----------------------------------------------------------------------------------- */

/* The bytes of the UTF-8 character at `text` (RFC 3629 4), or 0 if it is none. */
static size_t utf8_len(const uint8_t *text)
{
    static const struct {
        uint8_t first_min, first_max, second_min, second_max, len;
    } forms[] = {
        {0x01, 0x7f, 0x00, 0xff, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (text[0] < forms[i].first_min || text[0] > forms[i].first_max)
            continue;
        if (text[1] < forms[i].second_min || text[1] > forms[i].second_max)
            return 0;
        for (size_t k = 2; k < forms[i].len; k++)
            if (text[k] < 0x80 || text[k] > 0xbf)
                return 0;
        return forms[i].len;
    }
    return 0;
}

static bool is_utf8(const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    while (*at) {
        const size_t len = utf8_len(at);
        if (len == 0)
            return false;
        at += len;
    }
    return true;
}

static bool has_controls(const char *text)
{
    for (; *text; text++)
        if ((uint8_t)*text < ' ' || *text == 0x7f)
            return true;
    return false;
}

/* Whether the text can stand in a request line or a header: printable, no space. */
static bool is_word(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

static bool is_method(const char *text)
{
    size_t len = 0;
    while (text[len] >= 'A' && text[len] <= 'Z')
        len++;
    return len > 0 && text[len] == '\0';
}

static enum err check_times(const struct check *check, struct diag *reterr)
{
    if (check->interval_ms < CHECK_INTERVAL_MIN_MS || check->interval_ms > CHECK_INTERVAL_MAX_MS)
        return diag_set(reterr, ERR_LIMIT, "check \"%s\": interval not within %d and %d ms",
                        check->id, CHECK_INTERVAL_MIN_MS, CHECK_INTERVAL_MAX_MS);
    if (check->timeout_ms < CHECK_TIMEOUT_MIN_MS || check->timeout_ms > check->interval_ms)
        return diag_set(reterr, ERR_LIMIT,
                        "check \"%s\": timeout not within %d ms and the interval", check->id,
                        CHECK_TIMEOUT_MIN_MS);
    if (check->fall < 1 || check->fall > CHECK_ROW_MAX || check->rise < 1 ||
        check->rise > CHECK_ROW_MAX)
        return diag_set(reterr, ERR_LIMIT, "check \"%s\": fall or rise not within 1 and %d",
                        check->id, CHECK_ROW_MAX);
    if (check->latency_max_ms > CHECK_LATENCY_MAX_MS)
        return diag_set(reterr, ERR_LIMIT, "check \"%s\": latency_max_ms over %d", check->id,
                        CHECK_LATENCY_MAX_MS);
    return OK;
}

static enum err check_http(const struct check *check, struct diag *reterr)
{
    if (check->path[0] != '/' || !is_word(check->path))
        return diag_set(reterr, ERR_SYNTAX,
                        "check \"%s\": path does not begin with / or is not printable", check->id);
    if (!is_method(check->method))
        return diag_set(reterr, ERR_SYNTAX, "check \"%s\": method is not capital letters",
                        check->id);
    if (check->expect_status.count == 0)
        return diag_set(reterr, ERR_SYNTAX, "check \"%s\": expect_status is empty", check->id);
    return OK;
}

/* The texts that may be anything, as long as JSON can carry them. */
static enum err check_texts(const struct check *check, struct diag *reterr)
{
    if (!is_utf8(check->id) || has_controls(check->id))
        return diag_set(reterr, ERR_SYNTAX, "check of \"%.64s\": its id is not printable UTF-8",
                        check->address);
    if (!is_utf8(check->expect_body))
        return diag_set(reterr, ERR_SYNTAX, "check \"%s\": expect_body is not UTF-8", check->id);
    return OK;
}

static enum err check_lengths(const struct check *check, struct diag *reterr)
{
    const struct {
        const char *name, *text;
        size_t max;
    } texts[] = {
        {"id", check->id, CHECK_ID_MAX},
        {"address", check->address, CHECK_ADDRESS_MAX},
        {"host", check->host, CHECK_HOST_MAX},
        {"path", check->path, CHECK_PATH_MAX},
        {"method", check->method, CHECK_METHOD_MAX},
        {"expect_body", check->expect_body, CHECK_BODY_MAX},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strlen(texts[i].text) >= texts[i].max)
            return diag_set(reterr, ERR_LIMIT, "check \"%.320s\": %s is over %zu bytes", check->id,
                            texts[i].name, texts[i].max - 1);
    return OK;
}

enum err check_validate(const struct check *check, struct diag *reterr)
{
    const bool http = check->type == CHECK_HTTP || check->type == CHECK_HTTPS;
    enum err err = check_lengths(check, reterr);
    if (!err)
        err = check_texts(check, reterr);
    if (!err)
        err = check_times(check, reterr);
    if (err)
        return err;
    if (!check->address[0] || !is_word(check->address) || !is_word(check->host))
        return diag_set(reterr, ERR_SYNTAX, "check \"%s\": address or host is not printable",
                        check->id);
    if ((http || check->type == CHECK_TCP) && check->port == 0)
        return diag_set(reterr, ERR_LIMIT, "check \"%s\": port not within 1 and 65535", check->id);
    if (!http && (!is_word(check->path) || !is_word(check->method)))
        return diag_set(reterr, ERR_SYNTAX, "check \"%s\": path or method is not printable",
                        check->id);
    return http ? check_http(check, reterr) : OK;
}

/* Plan ----------------------------------------------------------------------------------------- */

struct probe_plan check_plan(const struct check *check, double vantage_phase)
{
    const uint64_t hash = hash_bytes(check->id, strlen(check->id), 0);
    double phase = (double)(hash >> 32) / 4294967296.0 + vantage_phase;
    if (phase >= 1)
        phase -= 1;
    return (struct probe_plan){
        .interval_ms = check->interval_ms,
        .timeout_ms = check->timeout_ms,
        .fall = check->fall,
        .rise = check->rise,
        .latency_max_ms = check->latency_max_ms,
        .phase = phase,
    };
}
