#include "health/check.h"

#include "common/hash.h"

#include <stdio.h>
#include <string.h>

static const char *const type_names[] = {
    [CHECK_OTHER] = "other", [CHECK_TCP] = "tcp",   [CHECK_HTTP] = "http",
    [CHECK_HTTPS] = "https", [CHECK_ICMP] = "icmp", [CHECK_DNS] = "dns",
};

enum err check_id_print(const char *monitor, const char *address, char ret[CHECK_ID_MAX], struct diag *reterr)
{
    const int len = snprintf(ret, CHECK_ID_MAX, "%s %s", monitor, address);
    if (len >= 0 && len < CHECK_ID_MAX)
        return OK;
    return diag_set(reterr, ERR_LIMIT, "monitor \"%.64s\" with address \"%.64s\": over %d bytes together",
                    monitor, address, CHECK_ID_MAX - 1);
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

/* Status codes ------------------------------------------------------------------------------- */

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
                            "expect_status \"%.64s\": write codes and ranges as in 200,204,300-399", text);
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

/* Validation --------------------------------------------------------------------------------- */

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
        return diag_set(reterr, ERR_LIMIT, "check \"%s\": interval not within %d and %d ms", check->id,
                        CHECK_INTERVAL_MIN_MS, CHECK_INTERVAL_MAX_MS);
    if (check->timeout_ms < CHECK_TIMEOUT_MIN_MS || check->timeout_ms > check->interval_ms)
        return diag_set(reterr, ERR_LIMIT, "check \"%s\": timeout not within %d ms and the interval", check->id,
                        CHECK_TIMEOUT_MIN_MS);
    if (check->fall < 1 || check->fall > CHECK_ROW_MAX || check->rise < 1 || check->rise > CHECK_ROW_MAX)
        return diag_set(reterr, ERR_LIMIT, "check \"%s\": fall or rise not within 1 and %d", check->id,
                        CHECK_ROW_MAX);
    if (check->latency_max_ms > CHECK_LATENCY_MAX_MS)
        return diag_set(reterr, ERR_LIMIT, "check \"%s\": latency_max_ms over %d", check->id,
                        CHECK_LATENCY_MAX_MS);
    return OK;
}

static enum err check_http(const struct check *check, struct diag *reterr)
{
    if (check->path[0] != '/' || !is_word(check->path))
        return diag_set(reterr, ERR_SYNTAX, "check \"%s\": path does not begin with / or is not printable",
                        check->id);
    if (!is_method(check->method))
        return diag_set(reterr, ERR_SYNTAX, "check \"%s\": method is not capital letters", check->id);
    if (check->expect_status.count == 0)
        return diag_set(reterr, ERR_SYNTAX, "check \"%s\": expect_status is empty", check->id);
    return OK;
}

enum err check_validate(const struct check *check, struct diag *reterr)
{
    const bool http = check->type == CHECK_HTTP || check->type == CHECK_HTTPS;
    const enum err err = check_times(check, reterr);
    if (err)
        return err;
    if (check->address[0] == '\0' || !is_word(check->address) || !is_word(check->host))
        return diag_set(reterr, ERR_SYNTAX, "check \"%s\": address or host is not printable", check->id);
    if ((http || check->type == CHECK_TCP) && check->port == 0)
        return diag_set(reterr, ERR_LIMIT, "check \"%s\": port not within 1 and 65535", check->id);
    return http ? check_http(check, reterr) : OK;
}

/* Plan --------------------------------------------------------------------------------------- */

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
