/* health/check.h - what to check, and how: one row of monitor with one address.
 *
 * The nameserver makes a check for each distinct (monitor, address), however many services share
 * it; probers fetch the list. Its id is "MONITOR ADDRESS", which is also the id of the tally's
 * target.
 */
#ifndef HEALTH_CHECK_H
#define HEALTH_CHECK_H

#include "common/err.h"
#include "health/probe.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CHECK_ID_MAX = 320, /* bytes with the NUL: 63 of a monitor, a space, 255 of an address */
    CHECK_ADDRESS_MAX = 256,
    CHECK_HOST_MAX = 256,
    CHECK_PATH_MAX = 2048,
    CHECK_METHOD_MAX = 17,
    CHECK_BODY_MAX = 1025,
    CHECK_STATUS_TEXT_MAX = 65,
    CHECK_STATUS_RANGES_MAX = 8,
    CHECK_INTERVAL_MIN_MS = 100,
    CHECK_INTERVAL_MAX_MS = 24 * 60 * 60 * 1000,
    CHECK_TIMEOUT_MIN_MS = 10,
    CHECK_ROW_MAX = 100, /* fall and rise */
    CHECK_LATENCY_MAX_MS = 10 * 60 * 1000,
};

/* CHECK_OTHER is a type that this program does not know: a prober votes unknown on it. */
enum check_type { CHECK_OTHER, CHECK_TCP, CHECK_HTTP, CHECK_HTTPS, CHECK_ICMP, CHECK_DNS };

/* The HTTP status codes that are a success. */
struct check_status {
    uint8_t count;
    struct {
        uint16_t first, last;
    } ranges[CHECK_STATUS_RANGES_MAX];
};

/* Texts are lent by whoever made the check, and never NULL. */
struct check {
    const char *id;
    enum check_type type;
    const char *address; /* IPv4, IPv6 or a host name */
    uint16_t port;       /* 0 for types without ports */
    const char *host;    /* Host header and server name; empty: the address */
    const char *path;
    const char *method;
    struct check_status expect_status;
    const char *expect_body; /* what the body must contain; empty: anything */
    bool tls_verify;
    int64_t interval_ms;
    int64_t timeout_ms;
    uint32_t fall;
    uint32_t rise;
    uint32_t latency_max_ms; /* 0: no bound */
};

/* "MONITOR ADDRESS". ERR_LIMIT: longer than CHECK_ID_MAX. */
NODISCARD enum err check_id_print(const char *monitor, const char *address, char ret[CHECK_ID_MAX],
                                  struct diag *reterr);

/* Whether a prober can take and run it as it is: lengths, UTF-8, ranges, a timeout within the
 * interval, a path and a method that HTTP can carry. ERR_LIMIT or ERR_SYNTAX names the check and
 * the field. */
NODISCARD enum err check_validate(const struct check *check, struct diag *reterr);

/* "tcp" and so on. An unknown name parses as CHECK_OTHER, which prints as "other". */
const char *check_type_print(enum check_type type);
enum check_type check_type_parse(const char *text);

/* "200-399" or "200,204,300-399", codes 100 to 599. ERR_SYNTAX: anything else. ERR_LIMIT: over
 * CHECK_STATUS_RANGES_MAX. */
NODISCARD enum err check_status_parse(const char *text, struct check_status *ret,
                                      struct diag *reterr);
const char *check_status_print(const struct check_status *status, char text[CHECK_STATUS_TEXT_MAX]);
bool check_status_match(const struct check_status *status, long code);

/* The plan of its probe at a vantage point whose share of the interval is `vantage_phase` (0 to
 * below 1): checks are spread over the interval by their ids, and the vantage points of one check
 * evenly. */
struct probe_plan check_plan(const struct check *check, double vantage_phase);

#endif
