/* tests/unit/prober_rig.h - what the prober's tests share: a loop with a gear, and peers on
 * loopback to probe.
 *
 * Everything runs in one process on one loop. Nobody sleeps: rig_wait() turns the loop until a
 * condition holds or RIG_DEADLINE_MS have passed, which fails the test.
 */
#ifndef TESTS_PROBER_RIG_H
#define TESTS_PROBER_RIG_H

#include "common/ip.h"
#include "health/check.h"
#include "prober/gear.h"

#include <event2/http.h>
#include <stdbool.h>
#include <stddef.h>

enum { RIG_DEADLINE_MS = 10000, RIG_PATH_MAX = 64 };

struct rig {
    struct event_base *base;
    struct egress egress;
    struct gear gear;
};

/* Name resolution asks `resolver`, or nobody when it is NULL. */
void rig_init(struct rig *rig, const struct listen *resolver);
void rig_fini(struct rig *rig);

/* Turn the loop until `is_done(context)`. */
void rig_wait(const struct rig *rig, bool (*is_done)(const void *context), const void *context);

/* An http check of `at` that takes "GET /", with statuses 200-399 and a timeout of 2 s. */
struct check rig_check(enum check_type type, const struct listen *at);

/* A port of 127.0.0.1 on which nobody listens. */
struct listen rig_closed_port(void);

/* A certificate for `name` and its key, new, valid from `days` ago for 30 days; `path` is a file
 * with the certificate, to be trusted, that rig_tls_free() removes. */
struct rig_tls {
    struct ssl_ctx_st *context;
    char path[RIG_PATH_MAX];
};
void rig_tls_init(struct rig_tls *tls, const char *name, int days);
void rig_tls_fini(struct rig_tls *tls);

/* An HTTP server on a port of its own; over TLS unless `tls` is NULL. */
struct evhttp *rig_serve(const struct rig *rig, const struct rig_tls *tls,
                         void (*answer)(struct evhttp_request *request, void *context),
                         void *context, struct listen *ret);

/* A server that reads something, sends `bytes`, and then does as told. */
enum rig_ending { RIG_CLOSE, RIG_RESET, RIG_STAY };
struct rig_raw; /* heap */
struct rig_raw *rig_raw_new(const struct rig *rig, const char *bytes, size_t len,
                            enum rig_ending ending, struct listen *ret);
void rig_raw_free(struct rig_raw **raw);

/* A finish that keeps the result. */
struct rig_result {
    enum probe_outcome outcome;
    uint32_t latency_ms;
    char reason[256];
    unsigned count;
};
struct finish rig_finish(struct rig_result *result);
void rig_wait_result(const struct rig *rig, const struct rig_result *result);

/* Probe once, and say what came of it. */
struct rig_result rig_probe(const struct rig *rig, const struct check *check);
void rig_assert_result(struct rig_result result, enum probe_outcome outcome, const char *reason);

#endif
